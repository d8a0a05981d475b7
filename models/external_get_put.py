"""The system `external-get-put`: the external-user API that was merged, on the containers of 2013."""

from tenure.models import containers_2013, external_claims, external_users, get_put, harm
from tenure.models.external_systems import CONTAINER_CALLS, DEFINITIONS
from tenure.vocabulary.calls import Call
from tenure.vocabulary.systems import Claim, System


def _system(
    variant: str,
    title: str,
    calls: tuple[Call, ...],
    indivisible: frozenset[str] = frozenset(),
    claims: tuple[Claim, ...] = (),
) -> System:
    return System(
        name="external-get-put",
        variant=variant,
        title=title,
        source="drivers/vfio/vfio.c, 3.11-5.18; virt/kvm/vfio.c, 3.13-5.18",
        calls=(*CONTAINER_CALLS, *external_users.CALLS, *calls),
        definitions=DEFINITIONS,
        claims=(*containers_2013.CLAIMS, *external_claims.GET_PUT, *claims),
        halted=harm.STOPPED,
        initially=containers_2013.INITIALLY,
        indivisible=indivisible,
    )


LOCKED_CALLS = frozenset(c.name for c in (*CONTAINER_CALLS, *get_put.BASE)) - {"get_external_user"}

SYSTEMS = (
    _system("", "get, put and iommu_id as merged; put gives the use back, then the reference", get_put.BASE),
    _system(
        "locked-container",
        "the same with container calls and put indivisible, get in its steps",
        get_put.BASE,
        LOCKED_CALLS,
    ),
    _system(
        "put-ref-first",
        "put in the order of 3.11: the reference first",
        get_put.REFERENCE_FIRST,
        claims=(external_claims.who_gave_its_reference_back_has_none,),
    ),
    _system(
        "from-dev", "with get_external_user_from_dev of 5.7, for drivers that hold no group file", get_put.FROM_DEV
    ),
)
