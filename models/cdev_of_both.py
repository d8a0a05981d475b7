"""The system `cdev:iommufd-as-container`: device files beside groups that have a container or an iommufd, with VMs."""

from dataclasses import replace

from tenure.models import (
    both_group_claims,
    both_group_closing_claims,
    cdev,
    compat_ioas,
    containers,
    containers_2022,
    file_claims,
    groups,
    groups_of_both,
    harm,
    iommufd_groups,
    kvm_cdev_groups,
)
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call, Case, Refuse, Step
from tenure.vocabulary.objects import GROUP
from tenure.vocabulary.systems import Definition, System, shows
from tenure.vocabulary.terms import both, every, no

_NEVER = frozenset(
    {
        "a no-IOMMU group needs CAP_SYS_RAWIO",
        "no-IOMMU needs CAP_SYS_RAWIO",
        "the container holds groups of the other kind",
        "the group is in a domain that is not its own",
        "the IOMMU driver finds a group attached elsewhere",
    }
)
"""What nobody is refused for where every group has an IOMMU, and nobody but its owner gives it a domain."""


def _is_met(one: Case) -> bool:
    """Somebody may be refused so; a bind passes on what it failed with."""
    foreign = isinstance(one.follow, Refuse) and one.follow.errno == "EBUSY" and one.why == "the bind has failed"
    return one.why not in _NEVER and not foreign


def _told(old: Call) -> Call:
    """The call without what nobody is refused for."""

    def told(one: Step) -> Step:
        return replace(one, cases=tuple(filter(_is_met, one.cases)))

    return replace(old, steps=tuple(map(told, old.steps)))


def _of_both(old: Call) -> Call:
    """The call as it names a table that neither a container has nor an iommufd, nor a call that is about to make one."""
    if old.name == "set_iommu":
        return old.requiring(compat_ioas.is_unmade(old.parameter("made")))
    if old.name == "ioas_alloc":
        return old.requiring(containers.is_fresh(old.parameter("made")))
    return old


_OTHERWISE = {c.name: c for c in (*groups_of_both.CALLS, *compat_ioas.CALLS)}
_OPENS = groups_of_both.GET_DEVICE_FD
"""It takes a device's reference to a VM by itself."""

_KNOWN = {c.name for c in cdev.CALLS}
_OTHERS: tuple[Call, ...] = (
    *(_OTHERWISE.get(c.name, c) for c in cdev.CALLS if c.name != _OPENS.name),
    *(c for c in compat_ioas.CALLS if c.name not in _KNOWN),
)

CALLS: tuple[Call, ...] = tuple(_told(_of_both(c)) for c in (*kvm_cdev_groups.with_vms(_OTHERS), _OPENS))

DEFINITIONS: tuple[Definition, ...] = (
    *(one for one in cdev.VMS.definitions if one.observable is not seen.device_iommufd),
    shows(seen.file_uses, lambda f: iommufd_groups.uses_iommufd[f]),
    shows(seen.file_compat_ioas, lambda f: compat_ioas.compat_ioas[f]),
    shows(seen.device_iommufd, lambda d: iommufd_groups.bound_through_group[d]),
)

CDEV_OF_BOTH = System(
    name="cdev",
    variant="iommufd-as-container",
    title="device files beside groups that have a container or an iommufd, whichever SET_CONTAINER is given, and VMs, Linux 7.2, as built",
    source="the sources of `cdev`, virt/kvm/vfio.c, drivers/iommu/iommufd/vfio_compat.c, 7.2",
    calls=CALLS,
    definitions=DEFINITIONS,
    claims=(*both_group_claims.CLAIMS, *both_group_closing_claims.LEMMAS, file_claims.of_kinds(CALLS)),
    halted=harm.STOPPED,
    initially=both(containers_2022.INITIALLY, every(GROUP, lambda g: no(groups.no_iommu[g]))),
)

SYSTEMS = (CDEV_OF_BOTH,)
