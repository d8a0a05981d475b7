"""The system `external-v1`: the external-user API as proposed in June 2013, on the containers of 2013."""

from tenure.models import add_del, containers_2013, external_claims, external_users, harm
from tenure.models.external_systems import CONTAINER_CALLS, DEFINITIONS
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.objects import FILE
from tenure.vocabulary.systems import System, shows
from tenure.vocabulary.terms import both, is_none

NAMING_CALLS: tuple[Call, ...] = tuple(
    c.requiring(add_del.unpassed(p.term)) if (p := c.names(FILE)) is not None else c for c in CONTAINER_CALLS
)
"""A file that some user still passes, perhaps long gone, lends its name to no new file."""


VIEWS = (
    *(d for d in DEFINITIONS if d.observable is not seen.user_idle),
    shows(seen.user_added_first, lambda u: add_del.added_first[u]),
    shows(seen.user_idle, lambda u: both(containers_2013.idle(u), is_none(add_del.passed[u]))),
)


def _system(variant: str, title: str, calls: tuple[Call, ...]) -> System:
    return System(
        name="external-v1",
        variant=variant,
        title=title,
        source="patch of 27 June 2013 to drivers/vfio/vfio.c",
        calls=(*NAMING_CALLS, *external_users.CALLS, *calls),
        definitions=VIEWS,
        claims=(*containers_2013.CLAIMS, *external_claims.ADD_DEL),
        halted=harm.STOPPED,
        initially=containers_2013.INITIALLY,
    )


SYSTEMS = (
    _system("", "add, del and iommu_id_from_file, used as the patch asks", add_del.BASE),
    _system(
        "misuse", "the same with a client that calls del once too often or drops its file too early", add_del.MISUSE
    ),
)
