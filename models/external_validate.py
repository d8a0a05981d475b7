"""The system `external-validate`: Herrenschmidt's refcount model, which no kernel had, on the containers of 2013."""

from tenure.models import containers_2013, external_claims, external_users, harm, validate
from tenure.models.external_systems import CONTAINER_CALLS, DEFINITIONS
from tenure.vocabulary.calls import Call
from tenure.vocabulary.systems import System


def _system(variant: str, title: str, calls: tuple[Call, ...], indivisible: frozenset[str] = frozenset()) -> System:
    return System(
        name="external-validate",
        variant=variant,
        title=title,
        source="refcount model of Herrenschmidt's mail, 2013; drivers/vfio/vfio.c, 3.11-5.18",
        calls=(*CONTAINER_CALLS, *external_users.CALLS, *calls),
        definitions=DEFINITIONS,
        claims=(*containers_2013.CLAIMS, *external_claims.VALIDATE),
        halted=harm.STOPPED,
        initially=containers_2013.INITIALLY,
        indivisible=indivisible,
    )


LOCKED_CALLS = frozenset(c.name for c in (*CONTAINER_CALLS, *validate.UNBALANCED)) - {"validate_and_use"}

SYSTEMS = (
    _system("", "validate_and_use and release: check and count in one step", validate.BASE),
    _system(
        "locked-container",
        "the same with container calls and release indivisible",
        validate.BASE,
        LOCKED_CALLS,
    ),
    _system(
        "check-then-count",
        "container calls and release indivisible, but check and count two steps of validate_and_use",
        validate.CHECK_THEN_COUNT,
        LOCKED_CALLS,
    ),
    _system(
        "release-by-fd",
        "container calls and release indivisible, but release looks its file up by an fd, which may be closed",
        validate.RELEASE_BY_FD,
        LOCKED_CALLS,
    ),
    _system(
        "unbalanced-release",
        "container calls and release indivisible, with a client that calls release once too often",
        validate.UNBALANCED,
        LOCKED_CALLS,
    ),
)
