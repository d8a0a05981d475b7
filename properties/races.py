"""Races: named interleavings, each a property that falls, the calls involved and the moment of harm."""

from dataclasses import replace

from tenure.properties.containers import uses_of
from tenure.properties.external import as_validated, relies
from tenure.vocabulary import observables as seen
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PAGE, PROCESS, TABLE, USER, VM
from tenure.vocabulary.properties import Race
from tenure.vocabulary.terms import Term, both, every, implies, is_none, no, some

SETUP = ("open_container", "open_group", "set_container")


R1 = Race(
    "R1",
    "Two SET_CONTAINER pass the test of `container_users` before either attaches: the group is linked twice, and "
    "`container_users` is 2 for ever.",
    "vfio_group_set_container, 3.11-5.18",
    "containers-2013",
    "steps",
    "HARM-3",
    SETUP,
    some(
        GROUP, lambda g: both(seen.harm.now == "list_corruption", seen.container_users[g] == 2, seen.group_at_rest[g])
    ),
)

R2 = Race(
    "R2",
    "GET_DEVICE_FD has tested the container, UNSET_CONTAINER takes the group out of it, the device opens all the same: "
    "a device without IOMMU context, whose release will follow a NULL pointer.",
    "vfio_group_get_device_fd against vfio_group_unset_container, 3.11-5.18",
    "containers-2013",
    "steps",
    "CON-1",
    (*SETUP, "set_iommu", "get_device_fd", "unset_container"),
    some(
        FILE,
        lambda f: both(
            no(is_none(seen.file_counts[f])),
            is_none(seen.container_of[seen.file_counts[f]]),
            seen.group_at_rest[seen.file_counts[f]],
        ),
    ),
)

R3 = Race(
    "R3",
    "UNSET_CONTAINER has set `container_users` to 0 and not yet detached; SET_CONTAINER installs another container; the "
    "detach then tears that one down: one user, no container.",
    "vfio_group_unset_container against vfio_group_set_container, 3.11-5.18",
    "containers-2013",
    "steps",
    "CON-1",
    (*SETUP, "unset_container"),
    some(
        GROUP,
        lambda g: both(
            seen.container_users[g] == 1, is_none(seen.container_of[g]), seen.group_at_rest[g], seen.group_placed[g]
        ),
    ),
)

R4 = Race(
    "R4",
    "A user that came from a device counts, the group's file is closed, the validation fails and gives the use back with "
    "a plain decrement: no use is left and the container stays attached for ever.",
    "vfio_group_get_external_user_from_dev, 5.7",
    "external-get-put:from-dev",
    "steps",
    "CON-1",
    (*SETUP, "close", "release_group", "get_external_user_from_dev"),
    some(
        GROUP,
        lambda g: both(
            seen.container_users[g] == 0,
            no(is_none(seen.container_of[g])),
            seen.group_at_rest[g],
            no(seen.group_opened[g]),
        ),
    ),
)

R4_NOTIFIER = replace(
    R4,
    title="A driver asks for callbacks and counts, the group's file is closed, the validation fails and gives the use back with a "
    "plain decrement: no use is left and the container stays attached for ever.",
    source="vfio_register_notifier, 4.10-5.18",
    system="external-get-put:notifiers",
    calls=(*SETUP, "close", "release_group", "register_notifier"),
)

R5 = Race(
    "R5",
    "The viability scan succeeds, the group leaves its container, a kernel driver binds unnoticed because nobody uses the "
    "group, and the device opens: a group in use that is not viable.",
    "vfio_group_get_device_fd against BOUND_DRIVER, 3.11-5.18",
    "containers-2013",
    "steps",
    "VIA-2",
    (*SETUP, "set_iommu", "get_device_fd", "unset_container", "bind_driver"),
    some(
        FILE,
        lambda f: both(
            no(is_none(seen.file_counts[f])),
            no(seen.group_viable[seen.file_counts[f]]),
            some(
                DEVICE, lambda d: both(seen.device_group[d] == seen.file_counts[f], seen.device_driver[d] == "kernel")
            ),
            seen.group_at_rest[seen.file_counts[f]],
        ),
    ),
)


def _open_on(file: Term, group: Term) -> Term:
    return both(seen.file_kind[file] == "group", no(seen.release_pending[file]), seen.file_group[file] == group)


R6 = Race(
    "R6",
    "A group is opened twice before it is placed: who has the other file has full control over a group that somebody else "
    "put into a container, and takes it out by closing.",
    "vfio_group_fops_open, 3.6-3.10",
    "containers-2012",
    "whole",
    "GRP-1",
    SETUP,
    some(
        GROUP,
        lambda g: both(
            seen.group_placed[g],
            some(FILE, lambda f: some(FILE, lambda o: both(no(f == o), _open_on(f, g), _open_on(o, g)))),
        ),
    ),
)


def of_2012(race: Race) -> Race:
    """The same race where a group may be open twice; what it takes and harms is alike."""
    return replace(race, source=race.source.replace("3.11-5.18", "3.6-3.10"), system="containers-2012")


OF_2012 = (of_2012(R1), of_2012(R2), of_2012(R3), of_2012(R5), R6)

OUTSIDE = some(USER, lambda u: both(relies(u), no(as_validated(u))))

R1_OUTSIDE = Race(
    "R1",
    "A second SET_CONTAINER, past its test since before the first, moves the group to another container while an external "
    "user holds it: the reference that was got does not keep what was validated.",
    "vfio_group_set_container against vfio_group_get_external_user, 3.11-5.18",
    "external-get-put",
    "steps",
    "EXT-1",
    (*SETUP, "set_iommu", "get_external_user"),
    OUTSIDE,
)

R3_OUTSIDE = Race(
    "R3",
    "UNSET_CONTAINER has set `container_users` to 0 and not yet detached; the group is placed again and an external user "
    "gets it; the detach then takes container and table from under that user.",
    "vfio_group_unset_container against vfio_group_get_external_user, 3.11-5.18",
    "external-get-put",
    "steps",
    "EXT-1",
    (*SETUP, "set_iommu", "unset_container", "get_external_user"),
    both(
        OUTSIDE,
        no(some(GROUP, lambda g: seen.container_users[g] > 2)),
        some(GROUP, lambda g: both(seen.group_placed[g], is_none(seen.container_of[g]))),
    ),
)

A = Race(
    "A",
    "Check, then act: the IOMMU id is read, the group moves to a container without IOMMU driver, add succeeds: the user "
    "accelerates a group that has no IOMMU context.",
    "patch of 27 June 2013: iommu_id_from_file, then add",
    "external-v1",
    "whole",
    "USE",
    (*SETUP, "set_iommu", "unset_container", "take_file", "iommu_id_from_file", "add_external_user"),
    some(
        USER,
        lambda u: both(
            relies(u),
            no(is_none(seen.container_of[seen.user_group[u]])),
            is_none(seen.container_table[seen.container_of[seen.user_group[u]]]),
        ),
    ),
)

B = Race(
    "B",
    "iommu_id_from_file has read `container_users`, UNSET_CONTAINER clears the container pointer, the pointer is followed.",
    "patch of 27 June 2013: iommu_id_from_file",
    "external-v1",
    "steps",
    "HARM-1",
    (*SETUP, "unset_container", "take_file", "iommu_id_from_file"),
    seen.harm.now == "null_dereference",
)

C = Race(
    "C",
    "Add first, IOMMU id afterwards: UNSET_CONTAINER is refused from the add on, so what is then seen stays. This is no "
    "violation; what is left is that an add must be undone by hand where the id is refused.",
    "patch of 27 June 2013: add, then iommu_id_from_file",
    "external-v1",
    "whole",
    "EXT-8",
    (*SETUP, "set_iommu", "unset_container", "take_file", "iommu_id_from_file", "add_external_user"),
    some(USER, lambda u: both(relies(u), seen.user_added_first[u], no(as_validated(u)))),
    harmless=True,
)

D = Race(
    "D",
    "del without add takes the use that SET_CONTAINER had: the group leaves its container behind its owner's back.",
    "patch of 27 June 2013: del",
    "external-v1:misuse",
    "whole",
    "EXT-2",
    (*SETUP, "take_file", "del_external_user"),
    some(GROUP, lambda g: both(seen.group_placed[g], seen.container_users[g] == 0, seen.group_at_rest[g])),
)

E = Race(
    "E",
    "The count keeps no reference: the user drops its file before del, and del follows a file that is gone.",
    "patch of 27 June 2013: del after fput",
    "external-v1:misuse",
    "whole",
    "HARM-2",
    (*SETUP, "take_file", "add_external_user", "drop_file_early", "close", "release_group", "del_external_user"),
    seen.harm.now == "use_after_free",
)

V1 = Race(
    "V1",
    "Check, then count: the group moves to another container between the two steps of validate_and_use, and the user "
    "relies on a table that is gone.",
    "refcount model of Herrenschmidt's mail, 2013, with check and count apart",
    "external-validate:check-then-count",
    "steps",
    "USE",
    (*SETUP, "set_iommu", "unset_container", "validate_and_use"),
    some(USER, lambda u: both(relies(u), is_none(seen.container_table[seen.container_of[seen.user_group[u]]]))),
)

V2 = Race(
    "V2",
    "A release too many takes a use that somebody relies on: UNSET_CONTAINER is refused no longer, and container and "
    "table go from under a user that still counts.",
    "refcount model of Herrenschmidt's mail, 2013, with a release that nobody owes",
    "external-validate:unbalanced-release",
    "whole",
    "EXT-1",
    (*SETUP, "set_iommu", "unset_container", "validate_and_use", "release_without_use"),
    both(OUTSIDE, some(GROUP, lambda g: both(no(seen.group_placed[g]), seen.container_users[g] == 0))),
)


def _is_open_for(file: Term, group: Term) -> Term:
    """A process has an fd of the file, and the file is the group's."""
    return both(seen.file_group[file] == group, some(PROCESS, lambda p: seen.has_fd[p, file]))


V3 = Race(
    "V3",
    "Release by an fd: the owner has closed the group's file, so the user cannot say any more what it releases, and the "
    "group is kept by who does not want it.",
    "refcount model of Herrenschmidt's mail, 2013, with a release that needs an fd",
    "external-validate:release-by-fd",
    "whole",
    "KEEP-2",
    (*SETUP, "set_iommu", "validate_and_use", "close", "release"),
    some(USER, lambda u: both(relies(u), every(FILE, lambda f: no(_is_open_for(f, seen.user_group[u]))))),
)

N1 = Race(
    "N1",
    "Lost registration: the check finds the group in its container, the group leaves and calls back whoever is in the "
    "list, and only then the user is put into it: nobody will ever tell it.",
    "notification model of Herrenschmidt's mail, 2013, with the check and the registration apart",
    "external-notify:late-register",
    "steps",
    "USE",
    (*SETUP, "set_iommu", "unset_container", "register"),
    OUTSIDE,
)

N2 = Race(
    "N2",
    "Use between decision and end of the callback: the break calls back and does not wait, and a handler that was inside "
    "touches a table that is gone.",
    "notification model of Herrenschmidt's mail, 2013, with a break that does not wait for its callbacks",
    "external-notify:no-drain",
    "steps",
    "HARM-2",
    (*SETUP, "set_iommu", "unset_container", "register", "use"),
    seen.harm.now == "use_after_free",
)

N3 = Race(
    "N3",
    "Double release: the callback has ended the registration, and unregister ends it again, though it is freed.",
    "notification model of Herrenschmidt's mail, 2013, with an unregister that does not ask the callback",
    "external-notify:double-release",
    "whole",
    "HARM-2",
    (*SETUP, "set_iommu", "unset_container", "register", "unregister"),
    seen.harm.now == "use_after_free",
)

N4 = Race(
    "N4",
    "The callback is a handler on the file's close, and UNSET_CONTAINER is no close: the group leaves its container, and "
    "nobody tells the user.",
    "notification model with a handler on the file's close, as asked for in the review of 2013",
    "external-notify:on-close",
    "whole",
    "USE",
    (*SETUP, "set_iommu", "unset_container", "register"),
    OUTSIDE,
)

N5 = Race(
    "N5",
    "A callback that comes back: told of the close, the user calls unregister from its callback, which waits for that "
    "callback to return; the close never ends.",
    "notification model of Herrenschmidt's mail, 2013, with a callback that is itself in VFIO",
    "external-notify:re-entrant",
    "whole",
    "FREE-3",
    (*SETUP, "set_iommu", "register", "close", "release_group"),
    some(GROUP, lambda g: both(seen.container_users[g] == 0, some(USER, lambda u: seen.user_registered[u] == g))),
)

K1 = Race(
    "K1",
    "file_add has let go of the list and not yet told the group of the VM; file_del takes the entry out and tells it that there "
    "is none; file_add then leaves a pointer to a VM that does not list the group, and will not clear it when it goes.",
    "kvm_vfio_set_group against itself, 4.10-5.18",
    "kvm-file:get-put",
    "steps",
    "EXT-4",
    (*SETUP, "set_iommu", "create_vm", "create_kvm_vfio", "file_add", "file_del"),
    some(
        GROUP,
        lambda g: both(no(is_none(seen.group_kvm[g])), every(USER, lambda u: is_none(seen.entry_vm[u]))),
    ),
)

K2 = Race(
    "K2",
    "The last reference to a VM is gone, and its end has not yet told the group; a device of the group is opened, and its driver "
    "takes a reference to the VM where none is left: the VM goes all the same.",
    "vfio_device_open against kvm_destroy_vm, 5.19-6.1",
    "kvm-file:group-only",
    "whole",
    "HARM-2",
    (
        *SETUP,
        "set_iommu",
        "create_vm",
        "create_kvm_vfio",
        "file_add",
        "close",
        "release_vm",
        "release_kvm_vfio",
        "get_device_fd",
    ),
    both(seen.harm.now == "use_after_free", some(GROUP, lambda g: no(is_none(seen.group_kvm[g])))),
)


K3 = Race(
    "K3",
    "A VM keeps the list of its KVM VFIO device until it is destroyed, the list keeps a device file, and the device that is bound "
    "by this file counts for the VM: once every fd is closed nobody can undo the circle.",
    "kvm_vfio_destroy, vfio_df_ioctl_bind_iommufd, the series of January 2023 without the first of its changes",
    "cdev-no-group:before-cycle-fix",
    "whole",
    "FREE-2",
    (
        *("open_iommufd", "open_cdev", "create_vm", "create_kvm_vfio", "file_add", "bind"),
        *("exit_process", "release_vm", "release_kvm_vfio"),
    ),
    both(
        every(FILE, lambda f: both(every(PROCESS, lambda p: no(seen.has_fd[p, f])), no(seen.release_pending[f]))),
        some(DEVICE, lambda d: some(VM, lambda v: both(seen.device_kvm[d] == v, seen.vm_references[v] == 1))),
        some(USER, lambda u: no(is_none(seen.entry_vm[u]))),
    ),
    needs=(("file", 4), ("device", 1), ("table", 0), ("user", 1), ("vm", 1)),
)


K4 = Race(
    "K4",
    "A driver of the kernel's has probed a device of a listed group, and VFIO has not yet stopped the machine: DEL, which gets "
    "the group before it looks for it, is refused, and the group stays in the list from which it was to be taken.",
    "kvm_vfio_set_group against vfio_iommu_group_notifier, 4.10-4.11",
    "kvm-file:del-by-get",
    "steps",
    "KEEP-3",
    (*SETUP, "set_iommu", "create_vm", "create_kvm_vfio", "file_add", "bind_driver", "file_del"),
    some(
        GROUP,
        lambda g: both(
            no(seen.group_viable[g]),
            some(USER, lambda u: both(no(is_none(seen.entry_vm[u])), seen.entry_group[u] == g)),
            seen.container_users[g] == uses_of(g),
        ),
    ),
)


def _exceeds(process: Term) -> Term:
    """The process pays for pages of two metagroups, and for more than it may."""
    reached = some(
        PAGE,
        lambda a: some(
            PAGE,
            lambda b: both(
                seen.page_payer[a] == process,
                seen.page_payer[b] == process,
                no(is_none(seen.page_metagroup[a])),
                no(is_none(seen.page_metagroup[b])),
                no(seen.page_metagroup[a] == seen.page_metagroup[b]),
            ),
        ),
    )
    return both(reached, seen.pages_charged[process] > seen.pages_most[process])


D_G1_15 = Race(
    "D-G1-15",
    "Two threads of a process map into two metagroups, each of which has a mutex of its own: both pass the test of the limit "
    "before either page is charged, and the process locks more than it may.",
    "vfio_dma_map_dm, lock_acct, RFC of November 2011",
    "rfc2011:D-G1-15",
    "steps",
    "ACT-3",
    ("open_group", "get_iommu_fd", "map_dma"),
    some(PROCESS, _exceeds),
    needs=(("file", 4), ("device", 2), ("page", 2)),
)


def _has_without_owner(process: Term, file: Term) -> Term:
    """The process has an iommu file that who owns the metagroup has not."""
    owner = seen.metagroup_mm[seen.file_metagroup[file]]
    owned = every(PROCESS, lambda o: implies(owner == o, both(no(o == process), no(seen.has_fd[o, file]))))
    return both(seen.file_kind[file] == "iommu", seen.has_fd[process, file], no(is_none(owner)), owned)


D_G1_20 = Race(
    "D-G1-20",
    "Two processes share a group. One is let in while the metagroup is nobody's; the other binds it to its own memory; the first "
    "goes on, for the metagroup is open, and has a file that leads into the other's memory.",
    "vfio_group_unl_ioctl, the test of the caller's mm before the lock, RFC of November 2011",
    "rfc2011:D-G1-20",
    "steps",
    "MM-1",
    ("open_group", "pass_file", "get_iommu_fd"),
    some(PROCESS, lambda p: some(FILE, lambda f: _has_without_owner(p, f))),
    needs=(("process", 2),),
)

D_G1_23 = Race(
    "D-G1-23",
    "GET_DEVICE_FD has looked up the metagroup and waits for the lock; MERGE moves the group to another one and frees the first; "
    "what was looked up is looked into.",
    "vfio_group_get_device_fd against vfio_group_merge, RFC of November 2011",
    "rfc2011:D-G1-23",
    "steps",
    "HARM-2",
    ("open_group", "get_device_fd", "merge"),
    both(
        seen.harm.now == "use_after_free",
        some(
            GROUP,
            lambda a: some(
                GROUP,
                lambda b: both(
                    no(a == b), no(is_none(seen.metagroup_of[a])), seen.metagroup_of[a] == seen.metagroup_of[b]
                ),
            ),
        ),
    ),
    needs=(("device", 2),),
)

D_G1_25 = Race(
    "D-G1-25",
    "The last file of a device counts no more, so an unbind that waited for it goes on; only then the release calls the driver, "
    "which has left.",
    "vfio_device_release against vfio_unbind_dev, RFC of November 2011",
    "rfc2011:D-G1-25",
    "steps",
    "HARM-2",
    ("open_group", "get_device_fd", "close", "release_device", "unbind_driver"),
    both(
        seen.harm.now == "use_after_free",
        some(DEVICE, lambda d: both(no(is_none(seen.device_metagroup[d])), seen.device_driver[d] == "none")),
    ),
)

PINNED = ("map_dma", "register_device", "pin_pages", "unmap_dma")
ALL_TOLD = every(DEVICE, lambda d: no(is_none(seen.device_told[d])))

P1 = Race(
    "P1",
    "Its driver lets go of a page whenever it is told, and pins it again before UNMAP_DMA has its lock back: the mapping is never "
    "free, and after as many repeats as Linux makes the kernel stops itself.",
    "vfio_dma_do_unmap, BUG_ON, against vfio_pin_pages, 7.2",
    "dma-type1-v2:pins",
    "steps",
    "DMA-21",
    PINNED,
    both(
        some(TABLE, lambda t: seen.unmap_gave_up[t]),
        every(DEVICE, lambda d: implies(no(is_none(seen.device_told[d])), seen.device_lets_go[d])),
    ),
)

P2 = Race(
    "P2",
    "One UNMAP_DMA calls drivers back under device_list_lock, and a driver that unpins there waits for the lock; another UNMAP_DMA "
    "has the lock, comes to what is pinned, and waits for device_list_lock: neither ever goes on.",
    "vfio_notify_dma_unmap against itself, 7.2",
    "dma-type1-v2:pins",
    "steps",
    "DMA-22",
    PINNED,
    both(some(TABLE, lambda t: seen.space_entangled[t]), ALL_TOLD),
)

P3 = Race(
    "P3",
    "The same against a device that is being registered: that has the lock, and waits for device_list_lock.",
    "vfio_notify_dma_unmap against vfio_iommu_type1_register_device, 7.2",
    "dma-type1-v2:pins",
    "steps",
    "DMA-22",
    PINNED,
    both(some(TABLE, lambda t: seen.space_entangled[t]), no(ALL_TOLD)),
)

OF_TYPE1 = (P1, P2, P3)
"""What comes of callbacks that run while UNMAP_DMA has let go of its lock."""

OF_2011 = (D_G1_15, D_G1_20, D_G1_23, D_G1_25)
"""The defects of 2011 that an order of steps alone shows; others fall where calls are whole."""

RACES = (
    *(R1, R2, R3, R4, R4_NOTIFIER, R5, *OF_2012, R1_OUTSIDE, R3_OUTSIDE),
    *(A, B, C, D, E, V1, V2, V3, N1, N2, N3, N4, N5, K1, K2, K3, K4),
    *OF_2011,
    *OF_TYPE1,
)
