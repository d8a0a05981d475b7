"""The systems that the reference implements: which calls each has, who makes them, and which run indivisibly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from tenure.reference import (
    both_group_calls,
    calls_2012,
    cdev_calls,
    cdev_group_calls,
    compat_ioas_calls,
    container_calls,
    device_calls,
    device_calls_6_1,
    device_calls_2022,
    device_info_calls,
    driver_calls,
    driver_calls_2022,
    file_calls,
    file_user_calls,
    get_put_calls,
    group_calls,
    group_calls_2022,
    group_notifier_calls,
    interrupt_calls,
    ioas_access_calls,
    ioas_building_calls,
    ioas_calls,
    ioas_compat_calls,
    ioas_copy_calls,
    iommu_driver_calls,
    iommufd_calls,
    iommufd_device_calls,
    iommufd_group_calls,
    iommufd_table_calls,
    kvm_file_calls,
    kvm_get_put_calls,
    metagroup_calls,
    metagroup_device_calls,
    metagroup_file_calls,
    metagroup_memory_calls,
    metagroup_outside_calls,
    notifier_calls,
    notify_calls,
    paged_calls,
    spapr_calls,
    spapr_file_calls,
    spapr_host_calls,
    type1_calls,
    type1_dirty_calls,
    type1_pin_calls,
    type1_vaddr_calls,
    use_calls,
    validate_calls,
    vfio_driver_calls,
    vm_calls,
)
from tenure.reference.calls import Steps
from tenure.reference.dma.rfc2011_ways import DEFECTS, OF_COPIES, OF_INTEGERS
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.objects import (
    CONTAINER,
    DEVICE,
    EVENTFD,
    FILE,
    GROUP,
    IOMMU_DRIVER,
    IOPT_PAGES,
    LINE,
    MAPPING,
    METAGROUP,
    OBJECT,
    PAGE,
    TABLE,
    USER,
    VM,
)
from tenure.vocabulary.types import Sort

SLEEPING = frozenset({"unbind_driver.wait_device", "unbind_driver.wait_container"})
"""The steps that wait for others; in front of them even an indivisible call pauses."""


@dataclass(frozen=True, slots=True)
class Form:
    """A call as the scheduler needs it; without an actor's parameter any thread may make it."""

    run: Callable[..., Steps | Answer]
    may: Callable[..., bool]
    actor: tuple[str, Sort] | None = None
    new: tuple[tuple[str, Sort], ...] = ()
    sleeps: bool = False
    ends_process: bool = False
    ends_file: bool = False
    """It is made only where no call is in flight on the file."""


@dataclass(frozen=True, slots=True)
class System:
    """The calls of a system by name, those that nobody interrupts, and how it sees to it that no driver spoils a group."""

    forms: Mapping[str, Form]
    indivisible: frozenset[str] = frozenset()
    spares_bridges: bool = True
    """A bridge may have any driver."""
    claims_ownership: bool = False
    """Users and drivers claim the DMA of a group; nobody looks at drivers."""
    has_groups: bool = True
    """The group interface is there."""
    asks_containers: bool = False
    """KVM is told by its container whether a group is coherent, and looks after each ADD and DEL."""
    has_ioases: bool = False
    """Address spaces are those of an iommufd."""
    paged: str | None = None
    """The defect of an address space of 2011, none where it is empty; None where a system has no such address space."""
    metagroups: str | None = None
    """The defect or the proposal of metagroups, none where it is empty; None where a system has none of them."""


_FILE = ("file", FILE)
_MADE_FILE = ("made", FILE)
_BY_FILE = ("file", FILE)
_BY_DEVICE = ("device", DEVICE)
_BY_GROUP = ("group", GROUP)
_BY_USER = ("user", USER)
_BY_ENTRY = ("entry", USER)
_BY_VM = ("vm", VM)
_BY_DRIVER = ("driver", IOMMU_DRIVER)

_CONTAINERS: Mapping[str, Form] = {
    "close": Form(file_calls.close, file_calls.may_close),
    "pass_file": Form(file_calls.pass_file, file_calls.may_pass_file),
    "fork": Form(file_calls.fork, file_calls.may_fork),
    "exit_process": Form(file_calls.exit_process, file_calls.may_exit_process, ends_process=True),
    "open_group": Form(group_calls.open_group, group_calls.may_open_group, new=(_FILE,)),
    "bind_driver": Form(driver_calls.bind_driver, driver_calls.may_bind_driver, _BY_DEVICE),
    "unbind_driver": Form(driver_calls.unbind_driver, driver_calls.may_unbind_driver, _BY_DEVICE, sleeps=True),
    "open_container": Form(
        container_calls.open_container, container_calls.may_open_container, new=(_FILE, ("made", CONTAINER))
    ),
    "release_container": Form(container_calls.release_container, container_calls.may_release_container, _BY_FILE),
    "set_container": Form(container_calls.set_container, container_calls.may_set_container),
    "unset_container": Form(container_calls.unset_container, container_calls.may_unset_container),
    "set_iommu": Form(container_calls.set_iommu, container_calls.may_set_iommu, new=(("made", TABLE),)),
    "get_status": Form(group_calls.get_status, group_calls.may_get_status),
    "get_device_fd": Form(device_calls.get_device_fd, device_calls.may_get_device_fd, new=(_MADE_FILE,)),
    "release_device": Form(device_calls.release_device, device_calls.may_release_device, _BY_FILE),
    "release_group": Form(group_calls.release_group, group_calls.may_release_group, _BY_FILE),
}

_OF_DRIVERS: Mapping[str, Form] = {
    "check_extension": Form(container_calls.check_extension, container_calls.may_check_extension),
    "get_api_version": Form(container_calls.get_api_version, container_calls.may_get_api_version),
    "register_iommu_driver": Form(
        iommu_driver_calls.register_iommu_driver, iommu_driver_calls.may_register_iommu_driver, _BY_DRIVER
    ),
    "unregister_iommu_driver": Form(
        iommu_driver_calls.unregister_iommu_driver, iommu_driver_calls.may_unregister_iommu_driver, _BY_DRIVER
    ),
    "register_vfio_driver": Form(vfio_driver_calls.register_vfio_driver, vfio_driver_calls.may_register_vfio_driver),
    "unregister_vfio_driver": Form(
        vfio_driver_calls.unregister_vfio_driver, vfio_driver_calls.may_unregister_vfio_driver
    ),
}

_CONTAINERS_2013: Mapping[str, Form] = {**_CONTAINERS, **_OF_DRIVERS}

_CONTAINERS_2012: Mapping[str, Form] = {
    **_CONTAINERS_2013,
    "open_group": Form(calls_2012.open_group, group_calls.may_open_group, new=(_FILE,)),
    "release_group": Form(calls_2012.release_group, group_calls.may_release_group, _BY_FILE),
    "get_device_fd": Form(calls_2012.get_device_fd, device_calls.may_get_device_fd, new=(_MADE_FILE,)),
    "unbind_driver": Form(calls_2012.unbind_driver, driver_calls.may_unbind_driver, _BY_DEVICE, sleeps=True),
}

_CONTAINERS_2022: Mapping[str, Form] = {
    **_CONTAINERS_2013,
    "open_group": Form(group_calls_2022.open_group, group_calls.may_open_group, new=(_FILE,)),
    "release_group": Form(group_calls_2022.release_group, group_calls.may_release_group, _BY_FILE),
    "set_container": Form(group_calls_2022.set_container, container_calls.may_set_container),
    "unset_container": Form(group_calls_2022.unset_container, container_calls.may_unset_container),
    "get_status": Form(group_calls_2022.get_status, group_calls.may_get_status),
    "get_device_fd": Form(device_calls_2022.get_device_fd, device_calls.may_get_device_fd, new=(_MADE_FILE,)),
    "release_device": Form(device_calls_2022.release_device, device_calls.may_release_device, _BY_FILE),
    "bind_driver": Form(driver_calls_2022.bind_driver, driver_calls.may_bind_driver, _BY_DEVICE),
    "unbind_driver": Form(driver_calls_2022.unbind_driver, driver_calls.may_unbind_driver, _BY_DEVICE, sleeps=True),
}

_CONTAINERS_6_1: Mapping[str, Form] = {
    **_CONTAINERS_2022,
    "set_container": Form(group_calls_2022.set_container_6_1, container_calls.may_set_container),
    "get_device_fd": Form(device_calls_6_1.get_device_fd, device_calls.may_get_device_fd, new=(_MADE_FILE,)),
    "release_device": Form(device_calls_6_1.release_device, device_calls.may_release_device, _BY_FILE),
    "unbind_driver": Form(driver_calls_2022.unbind_driver_6_1, driver_calls.may_unbind_driver, _BY_DEVICE, sleeps=True),
}

_USE = {"use": Form(use_calls.use, use_calls.may_use, _BY_USER)}

_GET_PUT: Mapping[str, Form] = {
    **_CONTAINERS,
    **_USE,
    "get_external_user": Form(get_put_calls.get_external_user, get_put_calls.may_get_external_user, _BY_USER),
    "put_external_user": Form(get_put_calls.put_external_user, get_put_calls.may_put_external_user, _BY_USER),
    "release_user": Form(get_put_calls.put_external_user, get_put_calls.may_release_user, _BY_USER),
    "iommu_id": Form(get_put_calls.iommu_id, get_put_calls.may_iommu_id, _BY_USER),
    "external_check_extension": Form(
        get_put_calls.external_check_extension, get_put_calls.may_external_check_extension, _BY_USER
    ),
}

_REFERENCE_FIRST = get_put_calls.put_external_user_reference_first
_PUT_REFERENCE_FIRST: Mapping[str, Form] = {
    **{name: form for name, form in _GET_PUT.items() if name != "external_check_extension"},
    "put_external_user": Form(_REFERENCE_FIRST, get_put_calls.may_put_external_user, _BY_USER),
    "release_user": Form(_REFERENCE_FIRST, get_put_calls.may_release_user, _BY_USER),
}

_FROM_DEVICE: Mapping[str, Form] = {
    **_GET_PUT,
    "get_external_user_from_dev": Form(
        get_put_calls.get_external_user_from_dev, get_put_calls.may_get_external_user_from_dev, _BY_USER
    ),
}

_NOTIFIERS: Mapping[str, Form] = {
    **_GET_PUT,
    "get_external_user": replace(_GET_PUT["get_external_user"], may=notifier_calls.may_get_external_user),
    "register_notifier": Form(notifier_calls.register_notifier, notifier_calls.may_register_notifier, _BY_USER),
    "unregister_notifier": Form(notifier_calls.unregister_notifier, notifier_calls.may_unregister_notifier, _BY_USER),
}

_NOTIFIERS_FREED: Mapping[str, Form] = {
    **_NOTIFIERS,
    "unregister_notifier": replace(_NOTIFIERS["unregister_notifier"], run=notifier_calls.unregister_and_free),
}

_FILE_USERS: Mapping[str, Form] = {
    **_CONTAINERS,
    **_USE,
    "take_file": Form(file_user_calls.take_file, file_user_calls.may_take_file, _BY_USER),
    "iommu_id_from_file": Form(file_user_calls.iommu_id_from_file, file_user_calls.may_iommu_id_from_file, _BY_USER),
    "add_external_user": Form(file_user_calls.add_external_user, file_user_calls.may_add_external_user, _BY_USER),
    "del_external_user": Form(file_user_calls.del_external_user, file_user_calls.may_del_external_user, _BY_USER),
    "drop_file": Form(file_user_calls.drop_file, file_user_calls.may_drop_file, _BY_USER),
    "release_user": Form(file_user_calls.release_user, file_user_calls.may_release_user, _BY_USER),
}

_MISUSE: Mapping[str, Form] = {
    **_FILE_USERS,
    "del_external_user": Form(file_user_calls.del_external_user, file_user_calls.may_del_without_add, _BY_USER),
    "drop_file_early": Form(file_user_calls.drop_file_early, file_user_calls.may_drop_file_early, _BY_USER),
}

_VALIDATE: Mapping[str, Form] = {
    **_CONTAINERS,
    **_USE,
    "validate_and_use": Form(validate_calls.validate_and_use, validate_calls.may_validate_and_use, _BY_USER),
    "release": Form(validate_calls.release, validate_calls.may_release, _BY_USER),
    "release_user": Form(validate_calls.release_user, validate_calls.may_release_user, _BY_USER),
}

_CHECK_THEN_COUNT: Mapping[str, Form] = {
    **_VALIDATE,
    "validate_and_use": Form(validate_calls.check_then_count, validate_calls.may_validate_and_use, _BY_USER),
}

_RELEASE_BY_FD: Mapping[str, Form] = {
    **_VALIDATE,
    "release": replace(_VALIDATE["release"], run=validate_calls.release_by_fd),
}

_UNBALANCED: Mapping[str, Form] = {
    **_VALIDATE,
    "release_without_use": Form(validate_calls.release_without_use, validate_calls.may_release_without_use, _BY_USER),
}

_TYPE1: Mapping[str, Form] = {
    "map_dma": Form(type1_calls.map_dma, type1_calls.may_map_dma, new=(("made", MAPPING),)),
    "unmap_dma": Form(type1_calls.unmap_dma, type1_calls.may_unmap_dma),
    "unmap_all": Form(type1_calls.unmap_all, type1_calls.may_unmap_all),
}

_TYPE1_V1: Mapping[str, Form] = {**_TYPE1, "unmap_dma": Form(type1_calls.unmap_dma_v1, type1_calls.may_unmap_dma)}

_TYPE1_GROUPS: Mapping[str, Form] = {
    **_TYPE1,
    "attach_group": Form(type1_calls.attach_group, type1_calls.may_attach_group),
    "detach_group": Form(type1_calls.detach_group, type1_calls.may_attach_group),
}

_TYPE1_VADDR: Mapping[str, Form] = {
    **_TYPE1_GROUPS,
    "map_vaddr": Form(type1_vaddr_calls.map_vaddr, type1_vaddr_calls.may_map_vaddr),
    "unmap_vaddr": Form(type1_vaddr_calls.unmap_vaddr, type1_calls.may_unmap_dma),
    "unmap_vaddr_all": Form(type1_vaddr_calls.unmap_vaddr_all, type1_calls.may_unmap_all),
}

_TYPE1_PINS: Mapping[str, Form] = {
    "map_dma": replace(_TYPE1["map_dma"], run=type1_pin_calls.map_dma),
    "unmap_dma": Form(type1_pin_calls.unmap_dma, type1_calls.may_unmap_dma),
    "unmap_all": Form(type1_pin_calls.unmap_all, type1_calls.may_unmap_all),
    "register_device": Form(type1_pin_calls.register_device, type1_pin_calls.may_register_device),
    "pin_pages": Form(type1_pin_calls.pin_pages, type1_pin_calls.may_pin_pages),
    "unpin_pages": Form(type1_pin_calls.unpin_pages, type1_pin_calls.may_unpin_pages),
}

_TYPE1_DIRTY: Mapping[str, Form] = {
    "map_dma": Form(type1_dirty_calls.map_dma, type1_dirty_calls.may_map_dma, new=(("made", MAPPING),)),
    "unmap_dma": Form(type1_dirty_calls.unmap_dma, type1_dirty_calls.may_unmap_dma),
    "unmap_all": Form(type1_dirty_calls.unmap_all, type1_dirty_calls.may_unmap_all),
    "unmap_dirty": Form(type1_dirty_calls.unmap_dirty, type1_dirty_calls.may_unmap_dirty),
    "dirty_pages": Form(type1_dirty_calls.dirty_pages, type1_dirty_calls.may_dirty_pages),
    "get_bitmap": Form(type1_dirty_calls.get_bitmap, type1_dirty_calls.may_get_bitmap),
    "attach_group": Form(type1_calls.attach_group, type1_dirty_calls.may_attach_group),
    "detach_group": Form(type1_dirty_calls.detach_group, type1_dirty_calls.may_detach_group),
    "pin_page": Form(type1_dirty_calls.pin_page, type1_dirty_calls.may_pin_page),
    "unpin_page": Form(type1_dirty_calls.unpin_page, type1_dirty_calls.may_unpin_page),
    "driver_writes": Form(type1_dirty_calls.driver_writes, type1_dirty_calls.may_driver_writes),
    "device_writes": Form(type1_dirty_calls.device_writes, type1_dirty_calls.may_device_writes, _BY_GROUP),
}

_IOAS: Mapping[str, Form] = {
    "ioas_alloc": Form(ioas_calls.ioas_alloc, ioas_calls.may_ioas_alloc, new=(("made", TABLE),)),
    "ioas_allow_iovas": Form(ioas_calls.ioas_allow_iovas, ioas_calls.may_ioas_allow_iovas),
    "ioas_map_fixed": Form(ioas_calls.ioas_map_fixed, ioas_calls.may_ioas_map_fixed, new=(("made", MAPPING),)),
    "ioas_map": Form(ioas_calls.ioas_map, ioas_calls.may_ioas_map, new=(("made", MAPPING),)),
    "ioas_unmap": Form(ioas_calls.ioas_unmap, ioas_calls.may_ioas_unmap),
    "ioas_unmap_all": Form(ioas_calls.ioas_unmap_all, ioas_calls.may_name),
    "destroy": Form(ioas_calls.destroy, ioas_calls.may_name),
}

_IOAS_DEVICES: Mapping[str, Form] = {
    **_IOAS,
    "ioas_iova_ranges": Form(ioas_calls.ioas_iova_ranges, ioas_calls.may_ioas_iova_ranges),
    "attach": Form(ioas_calls.attach, ioas_calls.may_attach),
    "detach": Form(ioas_calls.detach, ioas_calls.may_detach),
}

_NEW_AREA = ("made", MAPPING)
_NEW_PAGES = ("pages", IOPT_PAGES)

_IOAS_COPIES: Mapping[str, Form] = {
    **{name: _IOAS_DEVICES[name] for name in _IOAS_DEVICES if name not in ("ioas_allow_iovas", "ioas_iova_ranges")},
    "ioas_map_fixed": Form(
        ioas_copy_calls.ioas_map_fixed, ioas_copy_calls.may_ioas_map_fixed, new=(_NEW_AREA, _NEW_PAGES)
    ),
    "ioas_map": Form(ioas_copy_calls.ioas_map, ioas_copy_calls.may_ioas_map, new=(_NEW_AREA, _NEW_PAGES)),
    "ioas_copy_fixed": Form(ioas_copy_calls.ioas_copy_fixed, ioas_copy_calls.may_ioas_copy_fixed, new=(_NEW_AREA,)),
    "ioas_copy": Form(ioas_copy_calls.ioas_copy, ioas_copy_calls.may_ioas_copy, new=(_NEW_AREA,)),
}

_IOAS_BUILDING: Mapping[str, Form] = {
    "ioas_alloc": _IOAS["ioas_alloc"],
    "ioas_map_fixed": Form(
        ioas_building_calls.ioas_map_fixed, ioas_building_calls.may_ioas_map_fixed, new=(_NEW_AREA,)
    ),
    "ioas_map": Form(ioas_building_calls.ioas_map, ioas_building_calls.may_ioas_map, new=(_NEW_AREA,)),
    "ioas_unmap": Form(ioas_building_calls.ioas_unmap, ioas_calls.may_ioas_unmap),
    "ioas_unmap_all": Form(ioas_building_calls.ioas_unmap_all, ioas_calls.may_name),
    "destroy": Form(ioas_building_calls.destroy, ioas_calls.may_name),
    "attach": Form(ioas_building_calls.attach, ioas_calls.may_attach),
    "detach": Form(ioas_building_calls.detach, ioas_calls.may_detach),
}

_IOAS_ACCESSES: Mapping[str, Form] = {
    "ioas_alloc": _IOAS["ioas_alloc"],
    "ioas_map_fixed": Form(ioas_calls.ioas_map_fixed, ioas_access_calls.may_ioas_map_fixed, new=(_NEW_AREA,)),
    "ioas_map": Form(ioas_calls.ioas_map, ioas_access_calls.may_ioas_map, new=(_NEW_AREA,)),
    "ioas_unmap": Form(ioas_access_calls.ioas_unmap, ioas_calls.may_ioas_unmap),
    "ioas_unmap_all": Form(ioas_access_calls.ioas_unmap_all, ioas_calls.may_name),
    "destroy": Form(ioas_access_calls.destroy, ioas_calls.may_name),
    "attach": Form(ioas_access_calls.attach, ioas_calls.may_attach),
    "detach": Form(ioas_access_calls.detach, ioas_calls.may_detach),
    "pin_pages": Form(ioas_access_calls.pin_pages, ioas_access_calls.may_pin_pages),
    "unpin_pages": Form(ioas_access_calls.unpin_pages, ioas_access_calls.may_unpin_pages),
}

_IOAS_COMPAT: Mapping[str, Form] = {
    "ioas_alloc": _IOAS["ioas_alloc"],
    "set_iommu": Form(ioas_compat_calls.set_iommu, ioas_compat_calls.may_set_iommu),
    "map_dma": Form(ioas_compat_calls.map_dma, ioas_compat_calls.may_map_dma, new=(("made", MAPPING),)),
    "unmap_dma": Form(ioas_compat_calls.unmap_dma, ioas_compat_calls.may_unmap_dma),  # its names are given in one step
    "unmap_all": Form(ioas_compat_calls.unmap_all, ioas_calls.may_name),
}

_BY_LINE = ("line", LINE)
_BY_EVENTFD = ("eventfd", EVENTFD)

_INTERRUPTS: Mapping[str, Form] = {
    "open_device": Form(interrupt_calls.open_device, interrupt_calls.may_open_device, new=(_FILE,)),
    "close_device": Form(interrupt_calls.close_device, interrupt_calls.may_close_device, ends_file=True),
    "get_irq_info": Form(interrupt_calls.get_irq_info, interrupt_calls.may_use),
    "set_irq_eventfds": Form(interrupt_calls.set_irq_eventfds, interrupt_calls.may_set_irq_eventfds),
    "unmask_irq": Form(interrupt_calls.unmask_irq, interrupt_calls.may_use),
    "set_unmask_irq_eventfd": Form(interrupt_calls.set_unmask_irq_eventfd, interrupt_calls.may_set_unmask_irq_eventfd),
    "reset_device": Form(interrupt_calls.reset_device, interrupt_calls.may_use),
    "raise_line": Form(interrupt_calls.raise_line, interrupt_calls.may_raise_line, _BY_DEVICE),
    "lower_line": Form(interrupt_calls.lower_line, interrupt_calls.may_lower_line, _BY_DEVICE),
    "take_interrupt": Form(interrupt_calls.take_interrupt, interrupt_calls.may_take_interrupt, _BY_LINE),
    "unmask_by_eventfd": Form(interrupt_calls.unmask_by_eventfd, interrupt_calls.may_unmask_by_eventfd, _BY_EVENTFD),
    "read_eventfd": Form(interrupt_calls.read_eventfd, interrupt_calls.may_read_eventfd),
    "write_eventfd": Form(interrupt_calls.write_eventfd, interrupt_calls.may_write_eventfd),
}

_TOLD: Mapping[str, Form] = {
    "register": Form(notify_calls.register, notify_calls.may_register, _BY_USER),
    "unregister": Form(notify_calls.unregister, notify_calls.may_unregister, _BY_USER, sleeps=True),
    "release_user": Form(notify_calls.unregister, notify_calls.may_release_user, _BY_USER, sleeps=True),
    "use": Form(notify_calls.use, notify_calls.may_use, _BY_USER),
}

_NOTIFY: Mapping[str, Form] = {
    **_CONTAINERS,
    "set_container": Form(notify_calls.set_container, container_calls.may_set_container),
    "unset_container": Form(notify_calls.unset_container, container_calls.may_unset_container, sleeps=True),
    "release_device": Form(notify_calls.release_device, device_calls.may_release_device, _BY_FILE, sleeps=True),
    "release_group": Form(notify_calls.release_group, group_calls.may_release_group, _BY_FILE, sleeps=True),
    **_TOLD,
}

_BREAKS = frozenset({"unset_container", "release_device", "release_group"})


def _leaving(leave: notify_calls.Leave) -> Mapping[str, Form]:
    """The calls of `external-notify`, where a group leaves its container in this way."""
    return {
        name: replace(form, run=partial(form.run, leave=leave)) if name in _BREAKS else form
        for name, form in _NOTIFY.items()
    }


_LATE_REGISTER: Mapping[str, Form] = {
    **_NOTIFY,
    "register": Form(notify_calls.register_late, notify_calls.may_register, _BY_USER),
}

_DOUBLE_RELEASE: Mapping[str, Form] = {
    **_NOTIFY,
    "unregister": replace(_NOTIFY["unregister"], run=notify_calls.unregister_again),
    "release_user": replace(_NOTIFY["release_user"], run=notify_calls.unregister_again),
}

_ON_CLOSE: Mapping[str, Form] = {
    **_CONTAINERS,
    "set_container": _NOTIFY["set_container"],
    "release_group": replace(_NOTIFY["release_group"], run=notify_calls.release_group_on_close),
    **_TOLD,
}

_RFC2011: Mapping[str, Form] = {
    "map_dma": Form(paged_calls.map_dma, paged_calls.may_map_dma, new=(("made", MAPPING),)),
    "unmap_dma": Form(paged_calls.unmap_dma, paged_calls.may_unmap_dma, new=(("rest", MAPPING),)),
    "release_iommu": Form(paged_calls.release_iommu, paged_calls.may_release_iommu),
}

_BY_PAGE = ("page", PAGE)

_TELLING: Mapping[str, Form] = {
    "get_device_flags": Form(device_info_calls.get_device_flags, device_info_calls.may_ask),
    "get_num_regions": Form(device_info_calls.get_num_regions, device_info_calls.may_ask),
    "get_region_info": Form(device_info_calls.get_region_info, device_info_calls.may_ask),
    "get_num_irqs": Form(device_info_calls.get_num_irqs, device_info_calls.may_ask),
    "get_irq_info": Form(device_info_calls.get_irq_info, device_info_calls.may_ask),
    "get_dtpath": Form(device_info_calls.get_dtpath, device_info_calls.may_ask),
    "get_dtindex": Form(device_info_calls.get_dtindex, device_info_calls.may_ask_of_tree),
    "reset_device": Form(device_info_calls.reset_device, device_info_calls.may_ask),
}

_METAGROUPS: Mapping[str, Form] = {
    **_TELLING,
    "close": _CONTAINERS["close"],
    "pass_file": Form(file_calls.pass_file, metagroup_file_calls.may_pass_file),
    "fork": Form(file_calls.fork, metagroup_file_calls.may_fork),
    "exit_process": Form(metagroup_file_calls.exit_process, file_calls.may_exit_process, ends_process=True),
    "open_group": Form(metagroup_calls.open_group, metagroup_calls.may_open_group, new=(_FILE,)),
    "get_flags": Form(metagroup_calls.get_flags, metagroup_calls.may_use),
    "get_iommu_fd": Form(metagroup_calls.get_iommu_fd, metagroup_calls.may_get_iommu_fd, new=(_MADE_FILE,)),
    "get_device_fd": Form(metagroup_calls.get_device_fd, metagroup_calls.may_get_device_fd, new=(_MADE_FILE,)),
    "merge": Form(metagroup_calls.merge, metagroup_calls.may_merge),
    "unmerge": Form(metagroup_calls.unmerge, metagroup_calls.may_unmerge, new=(("made", METAGROUP),)),
    "release_group": Form(metagroup_file_calls.release_group, metagroup_file_calls.may_release_group, _BY_FILE),
    "release_iommu": Form(metagroup_file_calls.release_iommu, metagroup_file_calls.may_release_iommu, _BY_FILE),
    "release_device": Form(
        metagroup_file_calls.release_device, metagroup_file_calls.may_release_device, _BY_FILE, new=(_BY_FILE,)
    ),
    "map_dma": Form(metagroup_memory_calls.map_dma, metagroup_memory_calls.may_map_dma, new=(_BY_PAGE,)),
    "unmap_dma": Form(metagroup_memory_calls.unmap_dma, metagroup_memory_calls.may_unmap_dma),
    "give_back": Form(metagroup_memory_calls.give_back, metagroup_memory_calls.may_give_back, _BY_PAGE),
    "bind_driver": Form(metagroup_device_calls.bind_driver, metagroup_device_calls.may_bind_driver, _BY_DEVICE),
    "unbind_driver": Form(
        metagroup_device_calls.unbind_driver, metagroup_device_calls.may_unbind_driver, _BY_DEVICE, sleeps=True
    ),
    "add_device": Form(metagroup_device_calls.add_device, metagroup_device_calls.may_add_device, _BY_DEVICE),
    "remove_device": Form(metagroup_device_calls.remove_device, metagroup_device_calls.may_remove_device, _BY_DEVICE),
}

_UNMERGE_ITSELF: Mapping[str, Form] = {
    **_METAGROUPS,
    "unmerge": replace(_METAGROUPS["unmerge"], run=metagroup_calls.unmerge_itself),
}

_CHARGING_LATE: Mapping[str, Form] = {
    **_METAGROUPS,
    "charge": Form(metagroup_memory_calls.charge, metagroup_memory_calls.may_charge, _BY_PAGE),
}

_MERGES = ("merge", "unmerge")

_FROM_OUTSIDE: Mapping[str, Form] = {
    **{name: form for name, form in _METAGROUPS.items() if name not in _MERGES},
    "open_group": Form(metagroup_outside_calls.open_group, metagroup_outside_calls.may_open_group, new=(_FILE,)),
    "create_metagroup": Form(
        metagroup_outside_calls.create_metagroup,
        metagroup_outside_calls.may_create_metagroup,
        new=(("made", METAGROUP),),
    ),
    "assign_group": Form(metagroup_outside_calls.assign_group, metagroup_outside_calls.may_assign_group),
    "withdraw_group": Form(metagroup_outside_calls.withdraw_group, metagroup_outside_calls.may_withdraw_group),
    "destroy_metagroup": Form(metagroup_outside_calls.destroy_metagroup, metagroup_outside_calls.may_destroy_metagroup),
}

_2011 = (*(f"D-G1-{number}" for number in (12, 13, 15, 19, 20, 21, 22, 23, 24, 25)), "no-merge-into-open")
"""The variants of metagroups whose calls are named and formed as they were meant."""

_VMS: Mapping[str, Form] = {
    "create_vm": Form(vm_calls.create_vm, vm_calls.may_create_vm, new=(_FILE, ("made", VM))),
    "create_kvm_vfio": Form(vm_calls.create_kvm_vfio, vm_calls.may_create_kvm_vfio, new=(_MADE_FILE,)),
    "release_vm": Form(vm_calls.put_vm, vm_calls.may_release_vm, _BY_FILE),
    "destroy_vm": Form(vm_calls.destroy_vm, vm_calls.may_destroy_vm, _BY_VM),
}

_KVM_GET_PUT: Mapping[str, Form] = {
    **_CONTAINERS,
    **_VMS,
    "file_add": Form(kvm_get_put_calls.file_add, kvm_get_put_calls.may_file_add, _BY_ENTRY, new=(_BY_ENTRY,)),
    "file_del": Form(kvm_get_put_calls.file_del, kvm_get_put_calls.may_file_del),
    "release_kvm_vfio": Form(vm_calls.put_vm, vm_calls.may_release_kvm_vfio, _BY_FILE),
    "set_spapr_tce": Form(spapr_calls.set_spapr_tce, spapr_calls.may_set_spapr_tce),
    "h_put_tce": Form(spapr_calls.h_put_tce, spapr_calls.may_h_put_tce, _BY_ENTRY),
    "host_map": Form(spapr_host_calls.host_map, spapr_host_calls.may_host_map, _BY_DEVICE),
    "host_unmap": Form(spapr_host_calls.host_unmap, spapr_host_calls.may_host_unmap, _BY_DEVICE),
    "destroy_entry": Form(kvm_get_put_calls.destroy_entry, kvm_get_put_calls.may_destroy_entry, _BY_VM),
}

_SINCE_4_12 = ("set_spapr_tce", "h_put_tce")

_KVM_DEL_BY_GET: Mapping[str, Form] = {
    **{name: form for name, form in _KVM_GET_PUT.items() if name not in _SINCE_4_12},
    "file_del": Form(kvm_get_put_calls.file_del_by_get, kvm_get_put_calls.may_file_del),
}

_KVM_GET_PUT_NOTIFIERS: Mapping[str, Form] = {
    **_KVM_GET_PUT,
    "file_add": replace(_KVM_GET_PUT["file_add"], may=group_notifier_calls.may_file_add),
    "register_group_notifier": Form(
        group_notifier_calls.register_group_notifier, group_notifier_calls.may_register_group_notifier, _BY_USER
    ),
    "unregister_group_notifier": Form(
        group_notifier_calls.unregister_group_notifier, group_notifier_calls.may_unregister_group_notifier, _BY_USER
    ),
}


def _without_drivers(forms: Mapping[str, Form]) -> Mapping[str, Form]:
    """The same where IOMMU drivers stay where they are."""
    return {name: form for name, form in forms.items() if name not in _OF_DRIVERS}


_KVM_FILES: Mapping[str, Form] = {
    **_without_drivers(_CONTAINERS_2022),
    **_VMS,
    "file_add": Form(kvm_file_calls.file_add, kvm_get_put_calls.may_file_add, new=(_BY_ENTRY,)),
    "file_del": Form(kvm_file_calls.file_del, kvm_get_put_calls.may_file_del),
    "release_entry": Form(kvm_file_calls.release_entry, kvm_file_calls.may_release_entry, _BY_FILE),
    "release_kvm_vfio": Form(kvm_file_calls.release_kvm_vfio, kvm_file_calls.may_release_kvm_vfio, _BY_FILE),
    "set_spapr_tce": Form(spapr_file_calls.set_spapr_tce, spapr_calls.may_set_spapr_tce),
    "h_put_tce": Form(spapr_file_calls.h_put_tce, spapr_calls.may_h_put_tce, _BY_ENTRY),
}

_KVM_GROUP_FILES: Mapping[str, Form] = {
    **_without_drivers(_CONTAINERS_6_1),
    **_VMS,
    "file_add": Form(kvm_file_calls.group_add, kvm_get_put_calls.may_file_add, new=(_BY_ENTRY,)),
    "file_del": Form(kvm_file_calls.group_del, kvm_get_put_calls.may_file_del),
    "set_spapr_tce": Form(spapr_file_calls.group_set_spapr_tce, spapr_calls.may_set_spapr_tce),
    "h_put_tce": _KVM_FILES["h_put_tce"],
    "release_kvm_vfio": Form(vm_calls.put_vm, vm_calls.may_release_kvm_vfio, _BY_FILE),
    "destroy_entry": Form(kvm_file_calls.destroy_entry, kvm_get_put_calls.may_destroy_entry, _BY_VM),
}

_MADE_OBJECT = ("made", OBJECT)
_OF_FILES = ("close", "pass_file", "fork", "exit_process")

_WITHOUT_DEVICES: Mapping[str, Form] = {
    **{name: _CONTAINERS[name] for name in _OF_FILES},
    "open_iommufd": Form(iommufd_calls.open_iommufd, iommufd_calls.may_open_iommufd, new=(_FILE,)),
    "ioas_alloc": Form(iommufd_calls.ioas_alloc, iommufd_calls.may_ioas_alloc, new=(_MADE_OBJECT,)),
    "iova_ranges": Form(iommufd_calls.iova_ranges, iommufd_calls.may_use_iommufd),
    "destroy": Form(iommufd_calls.destroy, iommufd_calls.may_use_iommufd, sleeps=True),
    "destroy_left": Form(iommufd_calls.destroy_left, iommufd_calls.may_destroy_left, _BY_FILE),
    "release_iommufd": Form(iommufd_calls.release_iommufd, iommufd_calls.may_release_iommufd, _BY_FILE),
}

_ACCESSES: Mapping[str, Form] = {
    **_WITHOUT_DEVICES,
    "open_cdev": Form(iommufd_device_calls.open_cdev, cdev_calls.may_open_cdev, new=(_FILE,)),
    "bind": Form(iommufd_device_calls.bind, iommufd_device_calls.may_bind, new=(_MADE_OBJECT,), sleeps=True),
    "attach": Form(iommufd_device_calls.attach_access, iommufd_device_calls.may_attach_access, sleeps=True),
    "detach": Form(iommufd_device_calls.detach, cdev_calls.may_use, sleeps=True),
    "release_device": Form(iommufd_device_calls.release_device, cdev_calls.may_release_device, _BY_FILE, sleeps=True),
}

_INTERRUPTS_NO_DRAIN: Mapping[str, Form] = {
    **_INTERRUPTS,
    "close_device": replace(_INTERRUPTS["close_device"], run=partial(interrupt_calls.close_device, drains=False)),
    "set_irq_eventfds": replace(
        _INTERRUPTS["set_irq_eventfds"], run=partial(interrupt_calls.set_irq_eventfds, drains=False)
    ),
}

_OBJECTS: Mapping[str, Form] = {
    **_ACCESSES,
    "attach": Form(iommufd_device_calls.attach, iommufd_device_calls.may_attach, new=(_MADE_OBJECT,), sleeps=True),
    "hwpt_alloc": Form(iommufd_device_calls.hwpt_alloc, iommufd_device_calls.may_hwpt_alloc, new=(_MADE_OBJECT,)),
}

_CDEV_NO_GROUP: Mapping[str, Form] = {
    **{name: _CONTAINERS[name] for name in _OF_FILES},
    "open_iommufd": Form(iommufd_calls.open_iommufd, iommufd_calls.may_open_iommufd, new=(_FILE,)),
    "ioas_alloc": Form(iommufd_table_calls.ioas_alloc, iommufd_table_calls.may_ioas_alloc, new=(("made", TABLE),)),
    "destroy": Form(iommufd_table_calls.destroy, iommufd_table_calls.may_destroy),
    "release_iommufd": Form(iommufd_table_calls.release_iommufd, iommufd_calls.may_release_iommufd, _BY_FILE),
    "open_cdev": Form(cdev_calls.open_cdev, cdev_calls.may_open_cdev, new=(_FILE,)),
    "bind": Form(cdev_calls.bind, cdev_calls.may_bind),
    "get_info": Form(cdev_calls.get_info, cdev_calls.may_use),
    "attach": Form(cdev_calls.attach, cdev_calls.may_attach),
    "detach": Form(cdev_calls.detach, cdev_calls.may_use),
    "release_device": Form(cdev_calls.release_device, cdev_calls.may_release_device, _BY_FILE),
    "bind_driver": Form(cdev_calls.bind_driver, cdev_calls.may_bind_driver, _BY_DEVICE),
    "unbind_driver": Form(cdev_calls.unbind_driver, driver_calls.may_unbind_driver, _BY_DEVICE, sleeps=True),
}

_LISTS_OF_FILES = ("create_vm", "create_kvm_vfio", "file_add", "file_del", "release_vm", "destroy_vm")

_VMS_TODAY = {name: _KVM_FILES[name] for name in (*_LISTS_OF_FILES, "release_entry", "release_kvm_vfio")}

_CDEV_AND_VMS: Mapping[str, Form] = {**_CDEV_NO_GROUP, **_VMS_TODAY}

_CDEV_BEFORE_CYCLE_FIX: Mapping[str, Form] = {
    **_CDEV_NO_GROUP,
    **{name: _KVM_FILES[name] for name in _LISTS_OF_FILES},
    "release_kvm_vfio": _KVM_GROUP_FILES["release_kvm_vfio"],
    "destroy_entry": Form(kvm_file_calls.destroy_told_entry, kvm_get_put_calls.may_destroy_entry, _BY_VM),
}

_CDEV: Mapping[str, Form] = {
    **_without_drivers(_CONTAINERS_2022),
    **{name: form for name, form in _CDEV_NO_GROUP.items() if name not in ("bind_driver", "unbind_driver")},
    "open_group": Form(cdev_group_calls.open_group, cdev_group_calls.may_open_group, new=(_FILE,)),
    "get_device_fd": Form(cdev_group_calls.get_device_fd, device_calls.may_get_device_fd, new=(_MADE_FILE,)),
    "bind": Form(cdev_group_calls.bind, cdev_calls.may_bind),
    "attach": Form(cdev_group_calls.attach, cdev_calls.may_attach),
    "detach": Form(cdev_group_calls.detach, cdev_calls.may_use),
    "release_device": Form(cdev_group_calls.release_device, cdev_calls.may_release_device, _BY_FILE),
    "bind_driver": Form(driver_calls_2022.bind_driver, cdev_calls.may_bind_driver, _BY_DEVICE),
}

_OF_CONTAINERS = ("open_container", "release_container", "set_iommu")

_CDEV_NO_CONTAINER: Mapping[str, Form] = {
    **{name: form for name, form in _CDEV.items() if name not in _OF_CONTAINERS},
    "set_container": Form(
        iommufd_group_calls.set_container, iommufd_group_calls.may_set_container, new=(("made", TABLE),)
    ),
    "unset_container": Form(iommufd_group_calls.unset_container, container_calls.may_unset_container),
    "get_status": Form(iommufd_group_calls.get_status, group_calls.may_get_status),
    "release_group": Form(iommufd_group_calls.release_group, group_calls.may_release_group, _BY_FILE),
    "get_device_fd": Form(iommufd_group_calls.get_device_fd, device_calls.may_get_device_fd, new=(_MADE_FILE,)),
    "release_device": Form(iommufd_group_calls.release_device, cdev_calls.may_release_device, _BY_FILE),
    "get_vfio_ioas": Form(compat_ioas_calls.get_vfio_ioas, compat_ioas_calls.may_use),
    "set_vfio_ioas": Form(compat_ioas_calls.set_vfio_ioas, iommufd_table_calls.may_destroy),
    "clear_vfio_ioas": Form(compat_ioas_calls.clear_vfio_ioas, compat_ioas_calls.may_use),
}

_CDEV_OF_BOTH: Mapping[str, Form] = {
    **_CDEV,
    **_VMS_TODAY,
    "set_container": replace(_CDEV_NO_CONTAINER["set_container"], run=both_group_calls.set_container),
    "unset_container": Form(both_group_calls.unset_container, container_calls.may_unset_container),
    "get_status": _CDEV_NO_CONTAINER["get_status"],
    "release_group": Form(both_group_calls.release_group, group_calls.may_release_group, _BY_FILE),
    "get_device_fd": Form(both_group_calls.get_device_fd, device_calls.may_get_device_fd, new=(_MADE_FILE,)),
    "release_device": Form(both_group_calls.release_device, cdev_calls.may_release_device, _BY_FILE),
    **{name: _CDEV_NO_CONTAINER[name] for name in ("get_vfio_ioas", "set_vfio_ioas", "clear_vfio_ioas")},
}

SYSTEMS: Mapping[str, System] = {
    "rfc2011": System(_METAGROUPS, metagroups=""),
    **{f"rfc2011:{variant}": System(_METAGROUPS, metagroups=variant) for variant in _2011},
    "rfc2011:D-G1-14": System(_CHARGING_LATE, metagroups="D-G1-14"),
    "rfc2011:unmerge-self": System(_UNMERGE_ITSELF, metagroups="unmerge-self"),
    "rfc2011:metagroups-from-outside": System(_FROM_OUTSIDE, metagroups="metagroups-from-outside"),
    "dma-rfc2011": System(_RFC2011, paged=""),
    **{
        f"dma-rfc2011:{defect}": System(_RFC2011, paged=defect)
        for defect in DEFECTS
        if defect not in OF_INTEGERS | OF_COPIES
    },
    "containers-2012": System(_CONTAINERS_2012, spares_bridges=False),
    "containers-2012:locked": System(_CONTAINERS_2012, frozenset(_CONTAINERS_2012), spares_bridges=False),
    "containers-2013": System(_CONTAINERS_2013),
    "containers-2013:locked": System(_CONTAINERS_2013, frozenset(_CONTAINERS_2013)),
    "containers-2022": System(_CONTAINERS_2022, spares_bridges=False, claims_ownership=True),
    "containers-2022:6.1": System(_CONTAINERS_6_1, spares_bridges=False, claims_ownership=True),
    "external-get-put": System(_GET_PUT),
    "external-get-put:locked-container": System(_GET_PUT, frozenset(_GET_PUT) - {"get_external_user"}),
    "external-get-put:put-ref-first": System(_PUT_REFERENCE_FIRST),
    "external-get-put:from-dev": System(_FROM_DEVICE),
    "external-get-put:notifiers": System(_NOTIFIERS),
    "external-get-put:notifiers-misuse": System(_NOTIFIERS_FREED),
    "external-v1": System(_FILE_USERS),
    "external-v1:misuse": System(_MISUSE),
    "interrupts": System(_INTERRUPTS),
    "interrupts:no-drain": System(_INTERRUPTS_NO_DRAIN),
    "dma-type1-v1": System(_TYPE1_V1),
    "cdev": System(_CDEV, spares_bridges=False, claims_ownership=True),
    "cdev:vms": System({**_CDEV, **_VMS_TODAY}, spares_bridges=False, claims_ownership=True),
    "cdev:iommufd-as-container": System(_CDEV_OF_BOTH, spares_bridges=False, claims_ownership=True),
    "cdev-no-container": System(_CDEV_NO_CONTAINER, spares_bridges=False, claims_ownership=True),
    "cdev-no-group": System(_CDEV_AND_VMS, spares_bridges=False, claims_ownership=True, has_groups=False),
    "cdev-no-group:before-cycle-fix": System(
        _CDEV_BEFORE_CYCLE_FIX, spares_bridges=False, claims_ownership=True, has_groups=False
    ),
    "dma-type1-v2": System(_TYPE1),
    "dma-type1-v2:groups": System(_TYPE1_GROUPS),
    "dma-type1-v2:vaddr": System(_TYPE1_VADDR),
    "dma-type1-v2:pins": System(_TYPE1_PINS),
    "dma-type1-v2:dirty": System(_TYPE1_DIRTY),
    "dma-ioas": System(_IOAS, has_ioases=True),
    "dma-ioas:devices": System(_IOAS_DEVICES, has_ioases=True),
    "dma-ioas:copies": System(_IOAS_COPIES, has_ioases=True),
    "dma-ioas:building": System(_IOAS_BUILDING, has_ioases=True),
    "dma-ioas:accesses": System(_IOAS_ACCESSES, has_ioases=True),
    "dma-ioas-compat": System(_IOAS_COMPAT, has_ioases=True),
    "external-validate": System(_VALIDATE),
    "external-validate:locked-container": System(_VALIDATE, frozenset(_VALIDATE) - {"validate_and_use"}),
    "external-validate:check-then-count": System(_CHECK_THEN_COUNT, frozenset(_VALIDATE) - {"validate_and_use"}),
    "external-validate:release-by-fd": System(_RELEASE_BY_FD, frozenset(_VALIDATE) - {"validate_and_use"}),
    "kvm-file": System(_KVM_FILES, spares_bridges=False, claims_ownership=True),
    "kvm-file:group-only": System(_KVM_GROUP_FILES, spares_bridges=False, claims_ownership=True, asks_containers=True),
    "kvm-file:get-put": System(_KVM_GET_PUT),
    "kvm-file:del-by-get": System(_KVM_DEL_BY_GET),
    "kvm-file:get-put-notifiers": System(_KVM_GET_PUT_NOTIFIERS),
    "iommufd-objects": System(_OBJECTS),
    "iommufd-objects:accesses": System(_ACCESSES),
    "iommufd-objects:no-devices": System(_WITHOUT_DEVICES),
    "external-validate:unbalanced-release": System(_UNBALANCED, frozenset(_UNBALANCED) - {"validate_and_use"}),
    "external-notify": System(_NOTIFY, frozenset(_CONTAINERS) - _BREAKS),
    "external-notify:no-drain": System(_leaving(notify_calls.hurries), frozenset(_CONTAINERS) - _BREAKS),
    "external-notify:under-lock": System(_leaving(notify_calls.holds_the_list), frozenset(_CONTAINERS) - _BREAKS),
    "external-notify:re-entrant": System(_leaving(notify_calls.comes_back), frozenset(_CONTAINERS) - _BREAKS),
    "external-notify:late-register": System(_LATE_REGISTER, frozenset(_CONTAINERS) - _BREAKS),
    "external-notify:double-release": System(_DOUBLE_RELEASE, frozenset(_CONTAINERS) - _BREAKS),
    "external-notify:on-close": System(_ON_CLOSE, frozenset(_CONTAINERS) - {"release_group"}),
}
