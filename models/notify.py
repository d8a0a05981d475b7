"""External users that are told: they register a callback, and VFIO calls it before it breaks the relation."""

from collections.abc import Callable
from dataclasses import replace

from tenure.models.containers import counts, detach, dissolve, mapped, table
from tenure.models.external_users import listens, seen_container, seen_group, seen_table
from tenure.models.files import closed, fd, file_group, is_open, kind, owner, releasable
from tenure.models.groups import container, file_of, no_iommu, opened, placed, users, viable
from tenure.models.harm import dereferences_null, uses_after_free
from tenure.models.locks import (
    CALLBACK_Q,
    CALLBACKS_LOCK,
    DEVICE_REFERENCE,
    GROUP_REFERENCE,
    RELEASE_Q,
    SCAN,
    USER_LOCK,
    USES_Q,
)
from tenure.models.modules import let_go_by
from tenure.vocabulary.calls import (
    Call,
    Case,
    Step,
    Steps,
    call,
    done,
    go,
    pointer,
    refuse,
    requires,
    step,
    without_case,
)
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import CONTAINER, FILE, PAGE, PROCESS, TABLE, THREAD, USER
from tenure.vocabulary.symbols import client, state
from tenure.vocabulary.terms import Term, both, every, is_none, no
from tenure.vocabulary.types import FLAG

SOURCE = "B. Herrenschmidt's notification model: decide, call back, wait, detach"
ON_CLOSE = "A. Graf's form of the notification model: a handler on the file's close"

called_back = state(
    "called back", USER, FLAG, meaning="the user's callback runs; it lets nobody into the table any more"
)
inside = state("inside", USER, FLAG, meaning="a real-mode handler or a vcpu of the user is inside the table")
ticket = client("ticket", USER, FLAG, meaning="the user has registered, and unregisters once")

Ending = Callable[..., Case]

Leaving = Callable[[Term, Ending], Steps]
"""How a group leaves its container once nobody uses it, and how its last step ends."""

EARLY, LATE = "_early", "_late"
"""What the names of steps end in where the callbacks run before the last use is given up, or after the detach."""


def call_back(group: Term, moment: str = "") -> Step:
    """The callback of each registered user begins: from here on nobody enters the table."""
    return step(
        f"call_back{moment}",
        go(each(USER, lambda u: called_back[u].becomes(value=True), where=lambda u: listens[u] == group)),
        locks=(briefly(CALLBACKS_LOCK), briefly(USER_LOCK)),
    )


def drain(group: Term, ending: Ending, moment: str = "", *last: Step) -> Steps:
    """The callbacks wait until nobody is inside the table, do what they do last, end the registrations and return.

    To look first and to sleep are two steps, so that a whole call is parted only where it has to sleep.
    """
    quiet = every(USER, lambda u: no(both(_is_called(u, group), inside[u])))
    yield step(f"look{moment}", go(when=quiet, to=last[0].name if last else f"return{moment}"), go())
    yield step(f"drain{moment}", go(when=quiet), waits=USES_Q)
    yield from last
    yield step(f"return{moment}", ending(*_ended(group)), locks=(briefly(CALLBACKS_LOCK),), wakes=(CALLBACK_Q,))


def _is_called(user: Term, group: Term) -> Term:
    return both(called_back[user], listens[user] == group)


def _ended(group: Term) -> tuple[Assign, ...]:
    """Every user that was called back has forgotten what it saw, and VFIO has forgotten the user."""
    return (
        each(USER, lambda u: seen_group[u].becomes(None), where=lambda u: _is_called(u, group)),
        each(USER, lambda u: seen_container[u].becomes(None), where=lambda u: _is_called(u, group)),
        each(USER, lambda u: seen_table[u].becomes(None), where=lambda u: _is_called(u, group)),
        each(USER, lambda u: listens[u].becomes(None), where=lambda u: _is_called(u, group)),
        each(USER, lambda u: called_back[u].becomes(value=False), where=lambda u: _is_called(u, group)),
    )


def _decide(group: Term) -> Step:
    """Leave, unless a device file still uses the group: nobody can register from here on."""
    return step(
        "check",
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no(users[group] == 1), "EBUSY", "a device file still uses the group"),
        go(users[group].becomes(0), placed[group].becomes(value=False)),
    )


def _give_up(group: Term, *given_up: Assign) -> Step:
    """vfio_group_try_dissolve_container as far as the count goes; what follows the last use, the call says."""
    first, _ = tuple(dissolve(group, "put", *given_up))
    assert isinstance(first, Step)  # noqa: S101  # `dissolve` yields steps
    return first


def _put_group(file: Term) -> Step:
    """The group may be opened again, and the file is gone."""
    group = file_group[file]
    reopened = (opened[group].becomes(value=False), file_of[group].becomes(None))
    return step("put", done(*reopened, *closed(file)), drops=(GROUP_REFERENCE,))


def _put_device(file: Term) -> Step:
    return step("put", done(*closed(file)), drops=(DEVICE_REFERENCE, GROUP_REFERENCE), wakes=(RELEASE_Q,))


def waits(group: Term, ending: Ending) -> Steps:
    """External users are called back and waited for, then the group is detached."""
    yield call_back(group)
    yield from drain(group, go)
    yield detach(group, ending)


def hurries(group: Term, ending: Ending) -> Steps:
    """External users are called back, and the group is detached before the callbacks return."""
    yield call_back(group)
    yield detach(group, go)
    yield from drain(group, ending, LATE)


def holds_the_list(group: Term, ending: Ending) -> Steps:
    """The same as it should be, but the lock of the list is held while each callback takes the lock of its user."""
    yield replace(call_back(group), locks=(briefly(CALLBACKS_LOCK, USER_LOCK),))
    yield from drain(group, go)
    yield detach(group, ending)


NESTED = "unregister_inside"
"""The step in which a callback waits for itself."""


def comes_back(group: Term, ending: Ending) -> Steps:
    """The same as it should be, but each callback ends by a call of unregister, which waits for the callback to return."""
    returned = every(USER, lambda u: no(_is_called(u, group)))
    yield call_back(group)
    yield from drain(group, go, "", step(NESTED, go(when=returned), waits=CALLBACK_Q))
    yield detach(group, ending)


def unset_container_that(leaves: Leaving) -> Call:
    """UNSET_CONTAINER, where a group leaves in this way."""

    @call("VFIO_GROUP_UNSET_CONTAINER", actor=THREAD, source=SOURCE, process=PROCESS, file=FILE)
    def unset_container(process: Term, file: Term) -> Steps:
        """Leave the container: external users are called back, and the group is detached."""
        group = file_group[file]
        yield requires(is_open(process, file, "group"))
        yield _decide(group)
        yield from leaves(group, done)

    return unset_container


def release_device_that(leaves: Leaving) -> Call:
    """The release of a device file, where a group leaves in this way."""

    @call("release of a device file", actor="file", internal=True, source=SOURCE, file=FILE)
    def release_device(file: Term) -> Steps:
        """The device file's use of the group ends; the last user to leave calls back, and detaches the group."""
        group = file_group[file]
        yield requires(kind[file] == "device", releasable(file))
        yield _give_up(group, counts[file].becomes(None), *let_go_by(file))
        yield from leaves(group, go)
        yield _put_device(file)

    return release_device


def release_group_that(leaves: Leaving) -> Call:
    """The release of a group file, where a group leaves in this way."""

    @call("release of a group file", actor="file", internal=True, source=SOURCE, file=FILE)
    def release_group(file: Term) -> Steps:
        """The base use ends; where it was the last, external users are called back, and the group is detached."""
        group = file_group[file]
        yield requires(kind[file] == "group", releasable(file))
        yield _give_up(group, placed[group].becomes(value=False))
        yield from leaves(group, go)
        yield _put_group(file)

    return release_group


@call("release of a group file", actor="file", internal=True, source=ON_CLOSE, file=FILE)
def release_group_on_close(file: Term) -> Steps:
    """The file's close is what external users are told of: they are called back first, whoever else uses the group."""
    group = file_group[file]
    yield requires(kind[file] == "group", releasable(file))
    yield call_back(group, EARLY)
    yield from drain(group, go, EARLY)
    yield _give_up(group, placed[group].becomes(value=False))
    yield detach(group, go)
    yield _put_group(file)


def _unfit(file: Term) -> tuple[Case, ...]:
    group = file_group[file]
    return (
        refuse(no(kind[file] == "group"), "EINVAL", "the file is no group file"),
        refuse(users[group] == 0, "EINVAL", "the group is in no container"),
        refuse(no_iommu[group], "EPERM", "a no-IOMMU group cannot be used from outside"),
        dereferences_null(is_none(container[group])),
        refuse(is_none(table[container[group]]), "EINVAL", "the container has no IOMMU driver"),
        refuse(no(viable(group)), "EINVAL", "the group is not viable"),
    )


def _listed(user: Term, process: Term, group: Term, into: Term, found: Term) -> Case:
    return done(
        listens[user].becomes(group),
        seen_group[user].becomes(group),
        seen_container[user].becomes(into),
        seen_table[user].becomes(found),
        ticket[user].becomes(value=True),
        owner[user].becomes(process),
    )


@call("register", actor="user", source=SOURCE, user=USER, process=PROCESS, file=FILE)
def register(user: Term, process: Term, file: Term) -> Steps:
    """Register a callback for the group behind a file, if the group may be used: the check and the list are one step."""
    yield requires(fd[process, file], no(ticket[user]))
    group = file_group[file]
    yield step(
        "register",
        *_unfit(file),
        _listed(user, process, group, container[group], table[container[group]]),
        locks=(USER_LOCK, CALLBACKS_LOCK, SCAN),
        wakes=(RELEASE_Q,),
    )


@call("register", actor="user", source=SOURCE, user=USER, process=PROCESS, file=FILE)
def register_late(user: Term, process: Term, file: Term) -> Steps:
    """Register a callback for the group behind a file in two steps: first the check, then the list."""
    yield requires(fd[process, file], no(ticket[user]))
    group = file_group[file]
    into, found = pointer("container", CONTAINER.maybe), pointer("table", TABLE.maybe)
    yield step(
        "check",
        *_unfit(file),
        go(into.becomes(container[group]), found.becomes(table[container[group]])),
        locks=(USER_LOCK, SCAN),
        keeps=(USER_LOCK,),
        wakes=(RELEASE_Q,),
    )
    yield step("list", _listed(user, process, group, into, found), locks=(CALLBACKS_LOCK,))


def _unregister(user: Term) -> Steps:
    """Leave the list, or find that the callback has done so: exactly one of the two ends a registration.

    Whoever passes the guard after the callback has ended the registration touches what is freed.
    """
    let_go = (
        listens[user].becomes(None),
        seen_group[user].becomes(None),
        seen_container[user].becomes(None),
        seen_table[user].becomes(None),
        ticket[user].becomes(value=False),
        owner[user].becomes(None),
    )
    ended = is_none(listens[user])
    yield step(
        "unlist",
        refuse(ended, "EINVAL", "the callback has ended the registration", *let_go),
        uses_after_free(ended),
        done(*let_go, when=no(called_back[user])),
        go(),
        locks=(briefly(CALLBACKS_LOCK),),
    )
    yield step(
        "wait",
        refuse(both(no(called_back[user]), ended), "EINVAL", "the callback has ended the registration", *let_go),
        uses_after_free(no(called_back[user])),
        waits=CALLBACK_Q,
    )


@call("unregister", actor="user", source=SOURCE, user=USER)
def unregister(user: Term) -> Steps:
    """End the registration, after a callback that runs has returned."""
    yield requires(ticket[user], no(is_none(owner[user])))
    yield from _unregister(user)


@call("release of an external user", actor="user", internal=True, source=SOURCE, user=USER)
def release_user(user: Term) -> Steps:
    """The same, by the kernel, for a process that is gone."""
    yield requires(ticket[user], is_none(owner[user]))
    yield from _unregister(user)


@call("use", actor="user", source="H_PUT_TCE: kvmppc_h_put_tce", user=USER, page=PAGE, to=FLAG)
def use(user: Term, page: Term, to: Term) -> Steps:
    """The guest maps or unmaps a page in the linked table: a handler enters, then touches; VFIO is not asked."""
    linked = both(no(is_none(listens[user])), listens[user] == seen_group[user], no(called_back[user]))
    yield requires(no(is_none(owner[user])), linked)
    reached = pointer("table", TABLE.maybe)
    yield step("enter", go(reached.becomes(seen_table[user]), inside[user].becomes(value=True)))
    yield step(
        "touch",
        uses_after_free(every(CONTAINER, lambda c: no(table[c] == reached))),
        done(mapped[reached, page].becomes(to), inside[user].becomes(value=False)),
        wakes=(USES_Q,),
    )


def _breaks(leaves: Leaving) -> tuple[Call, ...]:
    """The calls that take a group out of its container."""
    return (unset_container_that(leaves), release_device_that(leaves), release_group_that(leaves))


BREAKS: tuple[Call, ...] = _breaks(waits)
USERS: tuple[Call, ...] = (register, unregister, release_user, use)
BASE: tuple[Call, ...] = (*BREAKS, *USERS)
NO_DRAIN: tuple[Call, ...] = (*_breaks(hurries), *USERS)
UNDER_LOCK: tuple[Call, ...] = (*_breaks(holds_the_list), *USERS)
REENTRANT: tuple[Call, ...] = (*_breaks(comes_back), *USERS)
LATE_REGISTER: tuple[Call, ...] = (*BREAKS, register_late.named("register"), *USERS[1:])
DOUBLE_RELEASE: tuple[Call, ...] = without_case(
    BASE, {f"{c}.{s}": 0 for c in ("unregister", "release_user") for s in ("unlist", "wait")}
)
ON_CLOSE_ALONE: tuple[Call, ...] = (release_group_on_close.named("release_group"), *USERS)
