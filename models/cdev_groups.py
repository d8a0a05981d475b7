"""Device files that are opened by themselves beside the files of groups: each keeps the other away, under the group's lock."""

from dataclasses import replace

from tenure.models import cdevs, device_files, groups_2022
from tenure.models.cdev_fields import access_granted, blocks, bound_to, cdev_open_cnt, emulated
from tenure.models.cdevs import (
    ATTACH_LOCKS,
    CLAIM_LOCKS,
    bound,
    is_bound,
    is_gone,
    malformed,
    unbound,
    unfit,
)
from tenure.models.device_files import counted_in, lets_group_go, opened_by, opens
from tenure.models.files import closed, file_device, file_group, is_open, kind, releasable
from tenure.models.groups import group_of
from tenure.models.groups_2022 import opened_file
from tenure.models.harm import uses_after_free
from tenure.models.locks_2022 import DEV_SET_LOCK, GROUP_LOCK, REGISTRATION
from tenure.models.modules import let_go, open_references
from tenure.vocabulary.calls import (
    Call,
    Case,
    Refuse,
    Steps,
    call,
    done,
    go,
    local,
    number,
    refuse,
    requires,
    step,
)
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, PROCESS, THREAD
from tenure.vocabulary.observables import BIND_REQUEST
from tenure.vocabulary.terms import TRUE, Term, both, every, implies, is_none, no
from tenure.vocabulary.types import Choice

FAILURE = Choice("bind failure", ("EINVAL", "EBADF", "EBADFD", "EPERM", "EBUSY", "EFAULT"))
"""What a bind fails with once it keeps the group's file away."""


def is_of_group(file: Term) -> Term:
    """The device file was opened through its group."""
    return no(is_none(file_group[file]))


def is_cdev(file: Term) -> Term:
    """The device file was opened by itself."""
    return both(kind[file] == "device", no(is_of_group(file)))


def changed(old: Call, name: str, *cases: Case) -> Call:
    """The call with other cases in one of its steps."""
    return replace(old, steps=tuple(replace(s, cases=cases) if s.name == name else s for s in old.steps))


def cases_of(old: Call, name: str) -> tuple[Case, ...]:
    """The cases of one of its steps."""
    return next(s.cases for s in old.steps if s.name == name)


def _open_group() -> Call:
    """The open of a group's file, refused while a device of the group is bound, or about to be."""
    old = groups_2022.open_group
    group = old.parameter("group")
    gone, denied, *rest = cases_of(old, "open")
    in_use = refuse(cdev_open_cnt[group] > 0, "EBUSY", "a device of the group is bound to an iommufd")
    physical = every(DEVICE, lambda d: implies(group_of[d] == group, no(emulated[d])))
    return changed(old, "open", gone, denied, in_use, *rest).requiring(physical)


open_group = _open_group()


def _get_device_fd() -> Call:
    """GET_DEVICE_FD: what is opened so gives access to its device at once."""
    old = device_files.get_device_fd
    grant = access_granted[old.parameter("made")].becomes(value=True)

    def granting(one: Case) -> Case:
        return one if isinstance(one.follow, Refuse) or not one.effects else replace(one, effects=(*one.effects, grant))

    *tests, first, again = cases_of(old, "open")
    return changed(old, "open", *tests, granting(first), granting(again))


def _of_cdevs(old: Call, name: str) -> Call:
    """ATTACH and DETACH: of a file that was opened through a group the driver knows nothing of them."""
    denied, *rest = cases_of(old, name)
    foreign = refuse(is_of_group(old.parameter("file")), "ENOTTY", "the file was opened through a group")
    return changed(old, name, denied, foreign, *rest)


@call(
    "VFIO_DEVICE_BIND_IOMMUFD",
    actor=THREAD,
    source="vfio_df_ioctl_bind_iommufd, vfio_device_block_group, vfio_df_iommufd_bind, 7.2",
    process=PROCESS,
    file=FILE,
    other=number(FILE.maybe),
    request=BIND_REQUEST,
)
def bind(process: Term, file: Term, other: Term, request: Term) -> Steps:
    """Keep the group's file away, then claim and open the device, and grant access last; who fails lets the group go."""
    group = group_of[file_device[file]]
    blocked, failed = local("blocked", GROUP.maybe), local("failed", FAILURE)
    yield requires(is_open(process, file, "device"))
    yield step(
        "block",
        *malformed(other, request),
        refuse(is_of_group(file), "EINVAL", "the file was opened through a group"),
        refuse(no(is_none(opened_file[group])), "EBUSY", "the file of the group is open"),
        go(cdev_open_cnt[group].becomes(cdev_open_cnt[group] + 1), blocked.becomes(group)),
        locks=(GROUP_LOCK,),
    )

    def fails(one: Case) -> Case:
        assert isinstance(one.follow, Refuse)  # noqa: S101  # every case of `unfit` refuses
        return go(failed.becomes(one.follow.errno), when=one.when, to="unblock", why=one.why)

    yield step(
        "bind",
        *map(fails, unfit(process, file, other, request)),
        done(*bound(file, other), blocks[file].becomes(group)),
        locks=(DEV_SET_LOCK, *CLAIM_LOCKS),
    )
    freed = cdev_open_cnt[blocked].becomes(cdev_open_cnt[blocked] - 1)
    *others, last = FAILURE.values
    yield step(
        "unblock",
        *(refuse(failed == errno, errno, "the bind has failed", freed) for errno in others),
        refuse(TRUE, last, "the bind has failed", freed),
        locks=(GROUP_LOCK,),
    )


@call(
    "release of a device file",
    actor="file",
    internal=True,
    source="vfio_device_fops_release, vfio_df_group_close, vfio_df_unbind_iommufd, vfio_device_unblock_group, 7.2",
    file=FILE,
)
def release_device(file: Term) -> Steps:
    """Close what was opened through a group or bound; a device that was bound then lets its group go."""
    device, group = file_device[file], file_group[file]
    yield requires(kind[file] == "device", releasable(file))
    closes = (
        opens[device].becomes(opens[device] - 1),
        opened_by[file].becomes(None),
        access_granted[file].becomes(value=False),
    )
    last = both(is_of_group(file), opens[device] == 1)
    yield step(
        "close",
        uses_after_free(is_gone(bound_to[file])),
        go(*unbound(file), when=is_bound(file)),
        go(
            *closes,
            *lets_group_go(group),
            counted_in[device].becomes(None),
            let_go(open_references[device]),
            when=last,
            to="put",
        ),
        go(*closes, when=is_of_group(file), to="put"),
        go(to="put", why="the file was never bound"),
        locks=(GROUP_LOCK, DEV_SET_LOCK, briefly(*ATTACH_LOCKS), *CLAIM_LOCKS),
    )
    freed = cdev_open_cnt[group_of[device]].becomes(cdev_open_cnt[group_of[device]] - 1)
    yield step("unblock", go(freed, blocks[file].becomes(None)), locks=(GROUP_LOCK,))
    yield step("put", done(*closed(file)), wakes=(REGISTRATION,))


CHANGED: tuple[Call, ...] = (open_group, _get_device_fd(), release_device)
"""What is otherwise for groups and their devices."""

CALLS: tuple[Call, ...] = (
    cdevs.open_cdev,
    bind,
    cdevs.get_info,
    _of_cdevs(cdevs.attach, "attach"),
    _of_cdevs(cdevs.detach, "detach"),
)
"""Device files that are opened by themselves, where there are groups."""
