"""The system `external-notify`: external users are called back before VFIO breaks the relation."""

from dataclasses import replace

from tenure.models import containers_2013, external_users, harm, notify, notify_claims
from tenure.models.external_systems import CONTAINER_CALLS, DEFINITIONS
from tenure.models.files import file_group
from tenure.models.groups import container
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call, refuse
from tenure.vocabulary.systems import Claim, System, shows
from tenure.vocabulary.terms import both, is_none, no


def _waiting(call: Call) -> Call:
    """SET_CONTAINER as it must be where a leave can last: it refuses while the group is not out of its container."""
    busy = refuse(
        no(is_none(container[file_group[call.parameter("file")]])), "EBUSY", "the group is still leaving a container"
    )
    first, *rest = call.steps
    *tests, passed = first.cases
    return replace(call, steps=(replace(first, cases=(*tests, busy, passed)), *rest))


CALLS: tuple[Call, ...] = tuple(_waiting(c) if c.name == "set_container" else c for c in CONTAINER_CALLS)

VIEWS = (
    *(d for d in DEFINITIONS if d.observable is not seen.user_idle),
    shows(
        seen.user_idle,
        lambda u: both(containers_2013.idle(u), is_none(external_users.listens[u]), no(notify.ticket[u])),
    ),
)


def _system(
    variant: str, title: str, calls: tuple[Call, ...], *between: str, claims: tuple[Claim, ...] = notify_claims.CLAIMS
) -> System:
    """The system whose breaks do what is `between` a callback and its end."""
    own = {c.name for c in calls}
    others = tuple(c for c in CALLS if c.name not in own)
    return System(
        name="external-notify",
        variant=variant,
        title=title,
        source=notify.SOURCE,
        calls=(*others, *calls),
        definitions=VIEWS,
        claims=(
            *notify_claims.of_containers(containers_2013.CLAIMS),
            *claims,
            notify_claims.a_callback_is_ended_by_whoever_began_it(*between),
        ),
        halted=harm.STOPPED,
        initially=containers_2013.INITIALLY,
        indivisible=frozenset(c.name for c in others),
    )


SYSTEMS = (
    _system(
        "", "a callback before each break, with every obligation kept; other container calls indivisible", notify.BASE
    ),
    _system("no-drain", "the same, but the break does not wait for the callbacks", notify.NO_DRAIN, "detach"),
    _system(
        "under-lock", "the same, but a callback takes its user's lock under the lock of the list", notify.UNDER_LOCK
    ),
    _system(
        "re-entrant",
        "the same, but a callback unregisters before it returns",
        notify.REENTRANT,
        claims=(
            *(c for c in notify_claims.CLAIMS if c is not notify_claims.no_callback_lasts_where_calls_are_whole),
            *notify_claims.COMING_BACK,
        ),
    ),
    _system("late-register", "the same, but the check and the registration are two steps", notify.LATE_REGISTER),
    _system(
        "double-release",
        "the same, but unregister ends the registration that the callback has ended",
        notify.DOUBLE_RELEASE,
    ),
    _system(
        "on-close", "the callback is a handler on the file's close, and nothing else calls it", notify.ON_CLOSE_ALONE
    ),
)
