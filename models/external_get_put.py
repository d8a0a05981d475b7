"""The system `external-get-put`: the external-user API that was merged, on the containers of 2013."""

from dataclasses import replace

from tenure.models import (
    containers_2013,
    external_claims,
    external_users,
    get_put,
    harm,
    notifier_claims,
    notifier_steps,
    notifiers,
)
from tenure.models.external_systems import CONTAINER_CALLS, DEFINITIONS
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.systems import Claim, Definition, System, shows
from tenure.vocabulary.terms import is_none, no


def _system(
    variant: str,
    title: str,
    calls: tuple[Call, ...],
    indivisible: frozenset[str] = frozenset(),
    claims: tuple[Claim, ...] = (),
    definitions: tuple[Definition, ...] = (),
) -> System:
    return System(
        name="external-get-put",
        variant=variant,
        title=title,
        source="drivers/vfio/vfio.c, 3.11-5.18; virt/kvm/vfio.c, 3.13-5.18",
        calls=(*CONTAINER_CALLS, *external_users.CALLS, *calls),
        definitions=(*DEFINITIONS, *definitions),
        claims=(*containers_2013.CLAIMS, *external_claims.GET_PUT, *claims),
        halted=harm.STOPPED,
        initially=containers_2013.INITIALLY,
        indivisible=indivisible,
    )


def _with_notifiers(variant: str, title: str, own: tuple[Call, ...]) -> System:
    """External users beside drivers that register notifiers; a user of the system is one or the other."""
    system = _system(
        variant,
        title,
        (*notifier_steps.apart(get_put.BASE), *own),
        claims=notifier_claims.CLAIMS,
        definitions=(
            shows(seen.notifier_table, lambda u: notifiers.told_by[u]),
            shows(seen.notifier_lives, lambda u: no(is_none(notifier_steps.registers_for[u]))),
        ),
    )
    return replace(system, source="drivers/vfio/vfio.c, 4.10-5.18", calls=notifiers.with_lists(system.calls))


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
    _with_notifiers(
        "notifiers", "with notifiers of drivers, 4.10 to 5.18, each kept until unregister succeeds", notifiers.CALLS
    ),
    _with_notifiers(
        "notifiers-misuse",
        "the same by drivers that free their notifier whatever unregister answers",
        notifiers.CARELESS,
    ),
)
