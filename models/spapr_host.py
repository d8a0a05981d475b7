"""SPAPR up to 5.18: the host's drivers map into the table of a group themselves, until VFIO has marked all of it as taken."""

from tenure.models.containers import linked, table
from tenure.models.files import file_container, file_group
from tenure.models.groups import attached, bridge, driver, group_of, no_iommu
from tenure.models.iommu_drivers import serves
from tenure.vocabulary.calls import Call, Case, Finish, Steps, call, done, local, refuse, requires, step
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, IOMMU_DRIVER
from tenure.vocabulary.symbols import state
from tenure.vocabulary.systems import claim
from tenure.vocabulary.terms import Term, both, implies, is_none, no, some
from tenure.vocabulary.types import FLAG

host_maps = state(
    "host maps", DEVICE, FLAG, meaning="the host's driver of the device has an entry of its group's table"
)


def is_used_by_host(group: Term) -> Term:
    """The host's drivers have entries of the group's table."""
    return some(DEVICE, lambda d: both(group_of[d] == group, host_maps[d]))


@call("DMA API: map", actor="device", source="iommu_range_alloc, arch/powerpc; dma_mapping_error", device=DEVICE)
def host_map(device: Term) -> Steps:
    """The host's driver of a device maps through the table of its group, if an entry of that is free."""
    group = group_of[device]
    yield requires(driver[device] == "kernel", no(bridge[device]), no(no_iommu[group]), no(host_maps[device]))
    yield step(
        "allocate",
        refuse(no(is_none(attached[group])), "ENOMEM", "VFIO has marked every entry of the table as taken"),
        done(host_maps[device].becomes(value=True)),
    )


@call("DMA API: unmap", actor="device", source="iommu_free, arch/powerpc", device=DEVICE)
def host_unmap(device: Term) -> Steps:
    """The host's driver of a device gives back what it has of the table."""
    yield requires(host_maps[device])
    yield step("free", done(host_maps[device].becomes(value=False)))


CALLS = (host_map, host_unmap)


def _refusing(call: Call, where: str, refusal: Case) -> Call:
    """The call with one refusal more, before the case of the step that takes the table."""
    return call.otherwise(where, lambda old: old.ahead_of(lambda one: isinstance(one.follow, Finish), refusal))


def _set_iommu(call: Call) -> Call:
    one = file_container[call.parameter("file")]
    able = some(IOMMU_DRIVER, lambda d: serves(d, call.parameter("type")))
    used = some(GROUP, lambda g: both(linked[one, g], is_used_by_host(g)))
    refusal = refuse(both(able, used), "EBUSY", "the host's kernel uses the table of a group")
    return _refusing(call, "set", refusal)


def _set_container(call: Call) -> Call:
    group, into = file_group[call.parameter("file")], file_container[local("target", FILE.maybe)]
    used = both(no(is_none(table[into])), is_used_by_host(group))
    refusal = refuse(used, "EBUSY", "the host's kernel uses the table of the group")
    return _refusing(call, "attach", refusal)


def _unbind_driver(call: Call) -> Call:
    return call.requiring(no(host_maps[call.parameter("device")]))  # a driver that goes has unmapped


_CHANGED = {"set_iommu": _set_iommu, "set_container": _set_container, "unbind_driver": _unbind_driver}


def beside_host(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The calls of containers where a group's table may be the host's: what attaches takes all of it, or is refused."""
    return tuple(_CHANGED[c.name](c) if c.name in _CHANGED else c for c in calls)


@claim(device=DEVICE)
def what_the_host_maps_into_is_not_vfios(device: Term) -> Term:
    """The host's driver of a device has entries of no table that VFIO has taken."""
    return implies(host_maps[device], is_none(attached[group_of[device]]))
