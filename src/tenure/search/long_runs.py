"""Long runs: scripts to the cases that are reached only where counts are stolen, lists are full, and somebody is killed."""

from dataclasses import replace

from tenure.search.ioas_scopes import vfio_scope
from tenure.search.scopes import scope
from tenure.search.scripts import Script
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.rules import Rules
from tenure.vocabulary.systems import Granularity

_READY = ("th0 open_group process=p0", "open_container process=p0", "th0 set_container", "set_iommu")
_VM = ("create_vm", "create_kvm_vfio")
_LISTED = (*_READY, *_VM)
_TO_THE_LIST = tuple(f"file_add.{step}" for step in ("look_up", "count", "validate", "reference", "list"))


def _stolen(process: str = "p0") -> tuple[str, ...]:
    """A device is counted between the two halves of a leave: the group is on its way out, and has a user."""
    leave = f"th1 unset_container.check process={process}"
    return "th0 get_device_fd.check_users process=p0", leave, "th0 get_device_fd"


_LEFT_TWICE = ("th0 unset_container.check",)
_LEFT = ("th1 unset_container",)
"""What may happen once the group's last user holds a stolen count: another leave begins, or the first one ends."""


def _scope(*, files: int, threads: int, **more: int) -> Scope:
    few = {"process": 1, "group": 1, "container": 1, "device": 1, "table": 1, "page": 0, "vm": 0}
    return scope({**few, "file": files, "thread": threads, **more})


def _killed(system: str, uses: tuple[str, ...], takes: str, *late: str) -> Script:
    """The group file is another process's too, which leaves with it; the user's process is killed."""
    shared = (*_READY, "pass_file file=f0", *_stolen("p1"))
    lines = (*shared, *uses, "exit_process process=p0", "f2 release_device", *late, "u0 release_user")
    return Script(system, f"release_user.{takes}", _scope(files=3, threads=2, process=2, user=1), lines)


_GETS = ("u0 get_external_user process=p0",)
_ADDS = ("u0 take_file process=p0", "u0 add_external_user")
_VALIDATES = ("u0 validate_and_use process=p0",)
_CLOSED = ("close file=f2", "f2 release_device")


def _short(system: str, takes: str, *lines: str) -> Script:
    """One process, two threads, one external user and a device."""
    return Script(system, takes, _scope(files=3, threads=2, user=1), (*_READY, *lines))


def _last_user(system: str, uses: tuple[str, ...], takes: str, *late: str, ends: str) -> Script:
    """The device is closed, so that the external user is the last user of its group, and ends its use."""
    return _short(system, takes, *_stolen(), *uses, *_CLOSED, *late, f"u0 {ends}")


def _of_get(variant: str, stolen: str) -> tuple[Script, ...]:
    """Deep cases of get and put; `stolen` is the case of a put that finds no use left to give back."""
    system = f"external-get-put{variant}"
    return (
        _last_user(system, _GETS, "put_external_user.detach#0", *_LEFT, ends="put_external_user"),
        _last_user(system, _GETS, f"put_external_user.{stolen}", *_LEFT_TWICE, ends="put_external_user"),
        _killed(system, _GETS, stolen, *_LEFT_TWICE),
        *_of_thefts(system),
    )


def _of_notifiers(system: str, kind: str = "") -> tuple[Script, ...]:
    """Deep cases of calls about a notifier: two leaves take the use that it counted, or the device has gone with its group."""
    register, unregister = f"register_{kind}notifier", f"unregister_{kind}notifier"
    asks = (f"u0 {register}",)
    gone = ("unset_container", "close file=f0", "f0 release_group", "d0 unbind_driver")

    def taken(call: str, lists: str, *before: str) -> Script:
        begun = tuple(f"u0 {call}.{one}" for one in ("look_up", "count", "validate", lists))
        lines = (*before, *_stolen(), *begun, *_CLOSED, *_LEFT_TWICE, f"u0 {call}")
        return _short(system, f"{call}.dissolve#2", *lines)

    return (
        taken(register, "list"),
        taken(unregister, "unlist", *asks),
        _short(system, f"{unregister}.look_up#0", *asks, *gone, f"u0 {unregister}"),
    )


def _of_thefts(system: str) -> tuple[Script, ...]:
    """Nobody is left to count for the use that a device has stolen, or the group goes before the device."""
    return (
        _short(system, "release_device.dissolve#2", *_stolen(), *_LEFT_TWICE, *_CLOSED),
        _short(system, "release_device.detach#2", *_stolen(), *_CLOSED),
        _short(system, "release_group.detach#0", *_stolen(), *_LEFT, "close file=f0", "f0 release_group"),
        _short(system, "open_group.test#0", "th0 get_device_fd", "close file=f0", "f0 release_group", "th0 open_group"),
    )


def _of_add() -> tuple[Script, ...]:
    """Deep cases of add and del."""
    system, ends = "external-v1", "del_external_user"
    return (
        _last_user(system, _ADDS, f"{ends}.detach#2", ends=ends),
        _last_user(system, _ADDS, f"{ends}.detach#0", *_LEFT, ends=ends),
        _last_user(system, _ADDS, f"{ends}.dissolve#4", *_LEFT_TWICE, ends=ends),
        *_of_thefts(system),
    )


def _of_validate() -> tuple[Script, ...]:
    """Deep cases of a use that was validated, and is released."""
    system, ends = "external-validate", "release"
    return (
        _last_user(system, _VALIDATES, f"{ends}.detach#2", ends=ends),
        _last_user(system, _VALIDATES, f"{ends}.detach#0", *_LEFT, ends=ends),
        _last_user(system, _VALIDATES, f"{ends}.dissolve#2", *_LEFT_TWICE, ends=ends),
    )


def _of_entries(takes: str, *lines: str, files: int = 5, threads: int = 3, users: int = 1, devices: int = 1) -> Script:
    sizes = _scope(files=files, threads=threads, user=users, vm=1, device=devices)
    return Script("kvm-file:get-put", takes, sizes, lines)


def _last(*late: str) -> tuple[str, ...]:
    """An entry of the list is the last user of its group."""
    return *_LISTED, *_stolen(), "u0 file_add", "close file=f4", "f4 release_device", *late


def _deleted(takes: str, *late: str) -> Script:
    """The last user of a group is taken out of the list."""
    return _of_entries(f"file_del.{takes}", *_last(*late), "file_del")


def _destroyed(takes: str, *late: str) -> Script:
    """The same when its VM goes."""
    ends = ("close file=f2", "close file=f3", "f2 release_vm", "f3 release_kvm_vfio", "vm0 destroy_entry")
    return _of_entries(f"destroy_entry.{takes}", *_last(*late), *ends)


_STOLEN_TWICE = (
    *("th0 get_device_fd.check_users", "th1 get_device_fd.check_users"),
    *("th2 unset_container.check", "th0 get_device_fd", "th0 unset_container.check", "th1 get_device_fd"),
)
_CLOSED_BOTH = ("close file=f4", "f4 release_device", "close file=f5", "f5 release_device")
"""Two leaves are under way, and the devices that were counted meanwhile are closed: two uses too many are given back."""


def _added_again(takes: str, *late: str) -> Script:
    """Two leaves are under way and both devices are closed, when a second entry for the group is turned down: it is the last user."""
    entries = ("u0 file_add", *(f"u1 {step}" for step in _TO_THE_LIST))
    lines = (*_LISTED, *_STOLEN_TWICE, *entries, *_CLOSED_BOTH, *late, "u1 file_add")
    return _of_entries(f"file_add.{takes}", *lines, files=6, users=2)


def _got_and_deleted(takes: str, *late: str) -> Script:
    """The same when DEL, which got the group before the devices were closed, puts the entry's use: its own is then none."""
    got = ("u0 file_add", *(f"th1 {step}" for step in _TO_REMOVE))
    lines = (*_LISTED, *_STOLEN_TWICE, *got, *_CLOSED_BOTH, *late, "th1 file_del")
    return _by_get(_of_entries(f"file_del.{takes}", *lines, files=6, threads=4))


def _by_get(one: Script) -> Script:
    return replace(one, system="kvm-file:del-by-get")


_TO_REMOVE = ("file_del.look_up file=f3 other=f0", "file_del.count", "file_del.validate")


_TO_THE_LINK = ("th0 set_spapr_tce.look_up other=f0", "th0 set_spapr_tce.count", "th0 set_spapr_tce.validate")


def _linked(takes: str, *late: str) -> Script:
    """A device is counted while the group is on its way out, and closed when SET_SPAPR_TCE is done with the list: that is the last user."""
    lines = (*_LISTED, *_stolen(), *_TO_THE_LINK, "th0 set_spapr_tce.link")
    return _of_entries(
        f"set_spapr_tce.{takes}", *lines, "close file=f4", "f4 release_device", *late, "th0 set_spapr_tce"
    )


def _linked_too_late(takes: str) -> Script:
    """The group leaves while SET_SPAPR_TCE, which has validated it, comes to the list."""
    lines = (*_LISTED, *_stolen(), "u0 file_add", *_TO_THE_LINK, *_LEFT, "th0 set_spapr_tce")
    return _of_entries(f"set_spapr_tce.{takes}", *lines)


def _asked_too_late(call: str, *lines: str) -> Script:
    """The group has left its container when the KVM VFIO device asks for what it lists whether that is coherent."""
    listed = (*_LISTED, *_stolen(), *_TO_THE_LIST)
    return _of_entries(f"{call}.update#0", *listed, *lines)


def _of_vfio(takes: str, *lines: str) -> Script:
    """Two threads and an IO address space of four pages, to which VFIO's calls are made."""
    where = vfio_scope({"thread": 2, "table": 1, "address": 4, "mapping": 4})
    return Script("dma-ioas-compat", takes, where, ("ioas_alloc", *lines), whole=True)


def _mapped(low: int, high: int) -> str:
    return f"map_dma request=range to=read low=a{low} high=a{high}"


_OF_ENTRIES: tuple[Script, ...] = (
    _of_entries("get_device_fd.check_viable#0", "d1 bind_driver", *_READY, "th0 get_device_fd", devices=2),
    _of_entries(
        "file_add.tell#0",
        *(*_LISTED, *(f"u0 {step}" for step in _TO_THE_LIST), "file_del"),
        *("unset_container", "close file=f0", "f0 release_group", "d0 unbind_driver"),
        "u0 file_add.tell",
    ),
    _asked_too_late("file_add", "th1 unset_container", "u0 file_add"),
    _asked_too_late(
        "file_del",
        *("u0 file_add", *(f"th0 file_del.{s}" for s in ("look_up", "remove", "dissolve", "put")), *_TO_THE_LIST),
        *("th1 unset_container", "th0 file_del"),
    ),
    _deleted("detach#2"),
    _deleted("detach#0", *_LEFT),
    _deleted("dissolve#2", *_LEFT_TWICE),
    _destroyed("detach#2"),
    _destroyed("detach#0", *_LEFT),
    _destroyed("dissolve#2", *_LEFT_TWICE),
    _added_again("detach#2"),
    _added_again("detach#0", "th2 unset_container"),
    _added_again("dissolve#2", "th1 unset_container.check"),
    _linked("detach#2"),
    _linked("detach#0", *_LEFT),
    _linked("dissolve#2", "th2 unset_container.check"),
    _linked_too_late("link#1"),
    _linked_too_late("put#1"),
)
"""Deep cases of entries that are held by get and put."""

_OF_DEL_BY_GET: tuple[Script, ...] = (
    *(
        _by_get(one)
        for one in _OF_ENTRIES
        if one.takes.partition(".")[0] in ("get_device_fd", "file_add", "destroy_entry")
    ),
    _got_and_deleted("detach#2"),
    _got_and_deleted("detach#0", "th2 unset_container"),
    _got_and_deleted("dissolve#2", "th3 unset_container.check"),
    _by_get(
        _of_entries(
            "file_del.detach_own#0",
            *(*_LISTED, *_stolen(), "u0 file_add", *(f"th0 {step}" for step in _TO_REMOVE)),
            *("close file=f4", "f4 release_device", *_LEFT, "th0 file_del"),
        )
    ),
)
"""The same where DEL gets the group first: its own use may be the last, and the entry's may be the one that is stolen."""

LONG_RUNS: tuple[Script, ...] = (
    *_of_get("", "dissolve#2"),
    *_of_get(":put-ref-first", "dissolve#3"),
    *_of_get(":from-dev", "dissolve#2"),
    *(one for variant in (":notifiers", ":notifiers-misuse") for one in _of_get(variant, "dissolve#2")),
    *(one for variant in (":notifiers", ":notifiers-misuse") for one in _of_notifiers(f"external-get-put{variant}")),
    *_of_add(),
    *_of_validate(),
    _killed("external-v1", _ADDS, "detach#2"),
    _killed("external-v1", _ADDS, "dissolve#5", *_LEFT_TWICE),
    _killed("external-validate", _VALIDATES, "detach#2"),
    _killed("external-validate", _VALIDATES, "dissolve#2", *_LEFT_TWICE),
    *_OF_ENTRIES,
    *(replace(one, system="kvm-file:get-put-notifiers") for one in _OF_ENTRIES),
    *_of_notifiers("kvm-file:get-put-notifiers", "group_"),
    *_OF_DEL_BY_GET,
    Script(
        "kvm-file",
        "get_device_fd.open#5",
        _scope(files=5, threads=1, user=1, vm=1),
        ("open_group", "open_container", "set_container", "set_iommu", *_VM, "file_add", "get_device_fd"),
    ),
    _of_vfio(
        "unmap_dma.cut#3",
        *("set_iommu version=v1", _mapped(0, 1), _mapped(2, 3), "th0 unmap_dma.cut request=range low=a1 high=a2"),
    ),
    _of_vfio(
        "unmap_all.remove#0",
        *(_mapped(0, 1), "th0 unmap_all.find", "th0 unmap_all.remove", _mapped(1, 2), "th0 unmap_all.remove"),
    ),
)
"""Every long run, each in the variant that it names."""


def long_runs_of(rules: Rules) -> tuple[Script, ...]:
    """The long runs of this system; mostly it is only where calls interleave that anything is so deep."""
    interleaves = rules.granularity is Granularity.STEPS
    return tuple(one for one in LONG_RUNS if one.system == rules.system.id and (interleaves or one.whole))
