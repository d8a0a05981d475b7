"""External users: KVM as a client automaton. It relies on a group that VFIO has validated, and maps pages by itself."""

from tenure.models.containers import mapped, table
from tenure.models.files import owner
from tenure.models.groups import counted
from tenure.models.harm import uses_after_free
from tenure.vocabulary.calls import Steps, call, done, requires, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.objects import CONTAINER, GROUP, PAGE, TABLE, USER
from tenure.vocabulary.symbols import client, state
from tenure.vocabulary.terms import Term, both, every, is_none, no, when
from tenure.vocabulary.types import FLAG

seen_group = client("seen group", USER, GROUP.maybe, meaning="the group of which the user was told an IOMMU id")
seen_container = client("seen container", USER, CONTAINER.maybe, meaning="the container in which that group was")
seen_table = client("seen table", USER, TABLE.maybe, meaning="the table that the user linked to its bus number (LIOBN)")

listens = state("listens", USER, GROUP.maybe, meaning="the group in whose list of callbacks the external user's stands")


def in_use(user: Term) -> Term:
    """The table that the user maps into now: what it was shown, once it also counts as a user of the group."""
    return when(both(no(is_none(counted[user])), counted[user] == seen_group[user]), seen_table[user], table.nothing)


def forgotten(user: Term) -> tuple[Assign, ...]:
    """The user lets go of what it was told, before it gives its use of the group back."""
    return (
        counted[user].becomes(None),
        seen_group[user].becomes(None),
        seen_container[user].becomes(None),
        seen_table[user].becomes(None),
    )


def unseen(one: Term) -> Term:
    """No external user has been told of the table."""
    return every(USER, lambda u: no(seen_table[u] == one))


@call("use", actor="user", source="H_PUT_TCE: kvmppc_h_put_tce", user=USER, page=PAGE, to=FLAG)
def use(user: Term, page: Term, to: Term) -> Steps:
    """The guest maps or unmaps a page in the linked table; VFIO is not asked."""
    yield requires(no(is_none(owner[user])), no(is_none(in_use(user))))
    reached = seen_table[user]
    yield step(
        "touch",
        uses_after_free(every(CONTAINER, lambda c: no(table[c] == reached))),
        done(mapped[reached, page].becomes(to)),
    )


CALLS = (use,)
