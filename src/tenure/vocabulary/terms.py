"""Terms: what a rule says about a state, as a value that Python and a solver can both read.

A term is built once, when a model or a property is written, and is read when a step runs: a name bound to
``users[group]`` stands for the users of the group *then*. Only `local` variables remember.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from tenure.vocabulary.once import Once
from tenure.vocabulary.types import COUNT, FLAG, NONE, Choice, Maybe, Sort, Type, Value, sort_of

if TYPE_CHECKING:
    from tenure.vocabulary.effects import Assign
    from tenure.vocabulary.symbols import Symbol


class Op(Enum):
    """What a term does with its arguments."""

    CONSTANT = auto()
    VARIABLE = auto()
    READ = auto()
    BEFORE = auto()
    EQUAL = auto()
    NOT = auto()
    AND = auto()
    OR = auto()
    IMPLIES = auto()
    IF = auto()
    LESS = auto()
    AT_MOST = auto()
    PLUS = auto()
    MINUS = auto()
    EVERY = auto()
    SOME = auto()
    NUMBER = auto()
    TOTAL = auto()
    IN_FLIGHT = auto()
    BUSY = auto()
    STANDS = auto()
    FRAME = auto()
    CALLED = auto()
    REFUSED = auto()
    ANSWERED = auto()
    ENDED = auto()
    ARGUMENT = auto()


BINDERS = frozenset({Op.EVERY, Op.SOME, Op.NUMBER, Op.TOTAL})
ABOUT_CALLS = frozenset({Op.BUSY, Op.STANDS, Op.FRAME, Op.IN_FLIGHT})
NO_NAMES: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Term:
    """An expression of the language with its type; ``==`` and ``<`` build terms, they do not compare."""

    op: Op
    type: Type
    args: tuple[Term, ...] = ()
    data: Symbol | Value | str | None = field(default=None)

    @Once
    def key(self) -> Hashable:
        """Equal for terms that say the same thing in the same words."""
        name = getattr(self.data, "name", self.data)
        return (self.op.value, str(self.type), type(self.data).__name__, name, *[a.key for a in self.args])

    @Once
    def free(self) -> frozenset[str]:
        """The names of the variables that nothing inside binds."""
        if self.op is Op.VARIABLE:
            return frozenset((str(self.data),))
        inner = NO_NAMES.union(*[a.free for a in self.args]) if self.args else NO_NAMES
        return inner - {str(self.data)} if self.op in BINDERS else inner

    @Once
    def reads(self) -> frozenset[str]:
        """The names of the fields and observables that are read inside."""
        inner = NO_NAMES.union(*[a.reads for a in self.args]) if self.args else NO_NAMES
        return inner | {getattr(self.data, "name", "")} if self.op is Op.READ else inner

    @Once
    def is_about_calls(self) -> bool:
        """Something inside speaks of calls in flight."""
        return self.op in ABOUT_CALLS or any(a.is_about_calls for a in self.args)

    def __bool__(self) -> bool:
        message = "a term has no truth before it is read in a state; use both, either, no, implies"
        raise TypeError(message)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> Term:  # type: ignore[override]  # builds a term, as every solver's terms do
        return equal(self, literal(other, self.type))

    def __ne__(self, other: object) -> Term:  # type: ignore[override]  # as above
        return no(self == other)

    def __lt__(self, other: Term | int) -> Term:
        return Term(Op.LESS, FLAG, (_count(self), _count(literal(other, COUNT))))

    def __le__(self, other: Term | int) -> Term:
        return Term(Op.AT_MOST, FLAG, (_count(self), _count(literal(other, COUNT))))

    def __gt__(self, other: Term | int) -> Term:
        return _count(literal(other, COUNT)) < self

    def __ge__(self, other: Term | int) -> Term:
        return _count(literal(other, COUNT)) <= self

    def __add__(self, other: Term | int) -> Term:
        return Term(Op.PLUS, COUNT, (_count(self), _count(literal(other, COUNT))))

    def __sub__(self, other: Term | int) -> Term:
        return Term(Op.MINUS, COUNT, (_count(self), _count(literal(other, COUNT))))

    def becomes(self, value: Term | Value | str | None) -> Assign:
        """The effect that this place holds `value` afterwards; only places (fields, locals) can change."""
        from tenure.vocabulary.effects import Assign  # noqa: PLC0415  # the two halves of one sentence

        return Assign.to(self, literal(value, self.type))


def constant(value: Value, kind: Type) -> Term:
    """A term that is `value` in every state."""
    return Term(Op.CONSTANT, kind, (), value)


TRUE = constant(value=True, kind=FLAG)
FALSE = constant(value=False, kind=FLAG)


def literal(value: object, kind: Type) -> Term:
    """`value` as a term of type `kind`: a term stays, None is no element, a string names a choice."""
    match value, kind:
        case Term(), _:
            return value
        case None, Maybe():
            return constant(NONE, kind)
        case str(), Choice() if value in kind.values:
            return constant(kind.values.index(value), kind)
        case bool(), type_ if type_ == FLAG:
            return TRUE if value else FALSE
        case int(), type_ if type_ == COUNT and not isinstance(value, bool):
            return constant(value, COUNT)
    message = f"{value!r} is no {kind}"
    raise TypeError(message)


def variable(name: str, kind: Type) -> Term:
    """A named unknown: a parameter of a call, a local of its frame, or what a quantifier binds."""
    return Term(Op.VARIABLE, kind, (), name)


def equal(left: Term, right: Term) -> Term:
    """Both sides are the same value; pointers compare whether or not they may be none."""
    same = left.type == right.type or (sort_of(left.type) is not None and sort_of(left.type) == sort_of(right.type))
    if not same:
        message = f"cannot compare {left.type} with {right.type}"
        raise TypeError(message)
    for one, other in ((left, right), (right, left)):
        if one.op is Op.CONSTANT and one.data == NONE and isinstance(other.type, Sort):
            return FALSE
    return TRUE if left.key == right.key else Term(Op.EQUAL, FLAG, (left, right))


def is_none(pointer: Term) -> Term:
    """The pointer points at nothing; false for one that always points at something."""
    return equal(pointer, constant(NONE, pointer.type)) if isinstance(pointer.type, Maybe) else FALSE


def no(term: Term) -> Term:
    """Not `term`."""
    if term.op is Op.NOT:
        return term.args[0]
    if term.op is Op.CONSTANT:
        return FALSE if term.data else TRUE
    return Term(Op.NOT, FLAG, (_flag(term),))


def both(*terms: Term) -> Term:
    """All of `terms`; true when there are none."""
    return _joined(Op.AND, terms, neutral=TRUE, absorbing=FALSE)


def either(*terms: Term) -> Term:
    """At least one of `terms`; false when there are none."""
    return _joined(Op.OR, terms, neutral=FALSE, absorbing=TRUE)


def implies(premise: Term, conclusion: Term) -> Term:
    """Where `premise` holds, so does `conclusion`."""
    if premise.key == TRUE.key:
        return conclusion
    if premise.key == FALSE.key or conclusion.key == TRUE.key:
        return TRUE
    return Term(Op.IMPLIES, FLAG, (_flag(premise), _flag(conclusion)))


def when(condition: Term, then: Term | Value, otherwise: Term | Value) -> Term:
    """`then` where `condition` holds, else `otherwise`."""
    kind = then.type if isinstance(then, Term) else otherwise.type if isinstance(otherwise, Term) else COUNT
    first, second = literal(then, kind), literal(otherwise, kind)
    if first.type != second.type and (sort_of(first.type) is None or sort_of(first.type) != sort_of(second.type)):
        raise TypeError(f"cannot choose between {first.type} and {second.type}")
    if condition.op is Op.CONSTANT:
        return first if condition.data else second
    wider = first.type if isinstance(first.type, Maybe) else second.type
    return Term(Op.IF, wider, (_flag(condition), first, second))


def every(sort: Sort, body: Callable[[Term], Term]) -> Term:
    """`body` holds for every object of the sort."""
    return _bound(Op.EVERY, FLAG, sort, body)


def some(sort: Sort, body: Callable[[Term], Term]) -> Term:
    """`body` holds for at least one object of the sort."""
    return _bound(Op.SOME, FLAG, sort, body)


def number_of(sort: Sort, body: Callable[[Term], Term]) -> Term:
    """How many objects of the sort satisfy `body`."""
    return _bound(Op.NUMBER, COUNT, sort, body)


def total_of(sort: Sort, body: Callable[[Term], Term]) -> Term:
    """The sum of `body`, a number, over every object of the sort."""
    return _bound(Op.TOTAL, COUNT, sort, body)


def in_flight(thing: Term) -> Term:
    """Some call that has begun and not ended holds `thing` as an argument or a local."""
    return Term(Op.IN_FLIGHT, FLAG, (thing,))


def busy(actor: Term) -> Term:
    """`actor` is itself in the middle of a call: a file in its release, a device in its unbind, a user in its get."""
    return Term(Op.BUSY, FLAG, (actor,))


def stands(actor: Term, *steps: str) -> Term:
    """The call that `actor` makes stands before one of these steps; only claims that help a proof may say so."""
    return either(*(Term(Op.STANDS, FLAG, (actor,), name) for name in steps))


def frame(actor: Term, call: str, name: str, kind: Type) -> Term:
    """What `actor`'s call keeps under this name, while it `stands` in that call; else another's, or none. Only claims may look."""
    return Term(Op.FRAME, kind.maybe if isinstance(kind, Sort) else kind, (actor,), f"{call}/{name}")


def substitute(term: Term, by: Mapping[str, Term]) -> Term:
    """`term` with each variable named in `by` replaced."""
    if term.free.isdisjoint(by):
        return term
    if term.op is Op.VARIABLE:
        return by[str(term.data)]
    if term.op in BINDERS:
        return _substituted_under(term, by)
    args = tuple([substitute(a, by) for a in term.args])
    return term if all(new is old for new, old in zip(args, term.args, strict=True)) else rebuild(term, args)


def _substituted_under(term: Term, by: Mapping[str, Term]) -> Term:
    """Inside a quantifier its own variable stays, and gives way where it would capture one of those put in."""
    bound, body = term.args
    inner = {name: value for name, value in by.items() if name != str(bound.data) and name in free_variables(body)}
    if not inner:
        return term
    if str(bound.data) in frozenset().union(*(free_variables(v) for v in inner.values())):
        sort = bound_sort(term)
        fresh = variable(_unused(sort, (body, *inner.values())), sort)
        bound, body = fresh, substitute(body, {str(bound.data): fresh})
    return rebuild(Term(term.op, term.type, (bound, body), bound.data), (bound, substitute(body, inner)))


def _unused(sort: Sort, terms: Iterable[Term]) -> str:
    """A name for a bound variable of this sort that none of the terms has, bound or free."""
    taken = (str(p.data) for t in terms for p in parts(t) if p.op is Op.VARIABLE and "'" in str(p.data))
    return f"{sort.letter}'{max((int(n.rpartition(chr(39))[2]) for n in taken), default=0) + 1}"


def rewrite(term: Term, change: Callable[[Term], Term | None]) -> Term:
    """`term` with `change` applied from the outside in; where it answers None, its arguments are rewritten."""
    changed = change(term)
    if changed is not None:
        return changed
    if not term.args:
        return term
    args = tuple([rewrite(a, change) for a in term.args])
    if all(new is old for new, old in zip(args, term.args, strict=True)):
        return term
    return rebuild(term, args)


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """The same operation on other arguments, simplified where a constant decides it."""
    match term.op:
        case Op.EQUAL:
            return equal(*args)
        case Op.NOT:
            return no(*args)
        case Op.AND:
            return both(*args)
        case Op.OR:
            return either(*args)
        case Op.IMPLIES:
            return implies(*args)
        case Op.IF:
            return when(*args)
        case Op.NUMBER if args[1].key == FALSE.key:
            return constant(0, COUNT)
        case Op.EVERY | Op.SOME if args[1].op is Op.CONSTANT:
            return args[1]
        case _:
            return Term(term.op, term.type, args, term.data)


def parts(term: Term) -> Iterable[Term]:
    """`term` and everything inside it."""
    yield term
    for argument in term.args:
        yield from parts(argument)


def free_variables(term: Term) -> frozenset[str]:
    """The names of the variables that nothing inside `term` binds."""
    return term.free


def bound_sort(term: Term) -> Sort:
    """The sort that a quantifier ranges over, kept in the type of its variable."""
    sort = sort_of(term.args[0].type)
    assert sort is not None  # noqa: S101  # built so by `_bound`
    return sort


def _bound(op: Op, kind: Type, sort: Sort, body: Callable[[Term], Term]) -> Term:
    """Bind a variable whose name depends only on what it binds, so that equal sentences are equal terms."""
    name = _unused(sort, (body(variable("?", sort)),))
    bound = variable(name, sort)
    inner = body(bound)
    if inner.op is Op.CONSTANT and op not in (Op.NUMBER, Op.TOTAL):
        return inner
    return Term(op, kind, (bound, inner), name)


def _joined(op: Op, terms: tuple[Term, ...], neutral: Term, absorbing: Term) -> Term:
    flat: dict[Hashable, Term] = {}
    for term in terms:
        for piece in term.args if term.op is op else (term,):
            if piece.key == absorbing.key:
                return absorbing
            if piece.key != neutral.key:
                flat.setdefault(piece.key, _flag(piece))
    if not flat:
        return neutral
    return next(iter(flat.values())) if len(flat) == 1 else Term(op, FLAG, tuple(flat.values()))


def _flag(term: Term) -> Term:
    if term.type != FLAG:
        message = f"{term.type} is no flag"
        raise TypeError(message)
    return term


def _count(term: Term) -> Term:
    if term.type != COUNT:
        message = f"{term.type} is no count"
        raise TypeError(message)
    return term
