"""Metagroups with a life of their own, as the review proposed: an administrator makes, fills, empties and ends them.

No code of this ever existed. What files of groups, devices and metagroups do is otherwise as it was meant.
"""

from tenure.models import metagroups
from tenure.models.files import file_group
from tenure.models.groups import group_of
from tenure.models.locks_2011 import VFIO_LOCK
from tenure.models.metagroup_files import exited
from tenure.models.metagroups import alive, bus, coherent, is_free, is_kept, is_unused, opened_as, removed
from tenure.vocabulary.calls import Case, Steps, call, done, new, number, refuse, requires, step
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, METAGROUP, PROCESS, THREAD
from tenure.vocabulary.terms import Term, both, either, is_none, no, some

REVIEW = "review of the RFC: metagroups with a life of their own"


def _absent(metagroup: Term) -> Case:
    return refuse(no(alive[metagroup]), "ENOENT", "there is no such metagroup")


def _known(metagroup: Term) -> Case:
    """Who has a file of the metagroup knows what is in it."""
    return refuse(is_kept(metagroup), "EBUSY", "a file of the metagroup is open")


@call("make a metagroup", actor=THREAD, source=REVIEW, made=new(METAGROUP))
def create_metagroup(made: Term) -> Steps:
    """Make a metagroup without groups; it stays until it is ended."""
    yield requires(is_unused(made))
    yield step("create", done(alive[made].becomes(value=True)), locks=(VFIO_LOCK,))


@call("end a metagroup", actor=THREAD, source=REVIEW, metagroup=number(METAGROUP))
def destroy_metagroup(metagroup: Term) -> Steps:
    """End a metagroup that has no group."""
    filled = some(GROUP, lambda g: metagroups.metagroup[g] == metagroup)
    yield step(
        "destroy",
        _absent(metagroup),
        refuse(filled, "EBUSY", "a group is in the metagroup"),
        done(alive[metagroup].becomes(value=False)),
        locks=(VFIO_LOCK,),
    )


@call("assign a group", actor=THREAD, source=REVIEW, group=number(GROUP), metagroup=number(METAGROUP))
def assign_group(group: Term, metagroup: Term) -> Steps:
    """Put a group that is in no metagroup into one of which nobody has a file."""
    known = some(DEVICE, lambda d: both(group_of[d] == group, no(removed[d])))
    differs = some(
        GROUP,
        lambda g: both(
            metagroups.metagroup[g] == metagroup, either(no(bus[g] == bus[group]), no(coherent[g] == coherent[group]))
        ),
    )
    yield step(
        "assign",
        _absent(metagroup),
        refuse(no(known), "ENODEV", "there is no such group"),
        refuse(no(is_none(metagroups.metagroup[group])), "EBUSY", "the group is in a metagroup"),
        _known(metagroup),
        refuse(differs, "EINVAL", "a group of the metagroup is on another bus, or behind another kind of IOMMU"),
        done(metagroups.metagroup[group].becomes(metagroup)),
        locks=(VFIO_LOCK,),
    )


@call("withdraw a group", actor=THREAD, source=REVIEW, group=number(GROUP))
def withdraw_group(group: Term) -> Steps:
    """Take a group out of a metagroup of which nobody has a file."""
    one = metagroups.metagroup[group]
    yield step(
        "withdraw",
        refuse(is_none(one), "EINVAL", "the group is in no metagroup"),
        _known(one),
        done(one.becomes(None)),
        locks=(VFIO_LOCK,),
    )


@call("open /dev/vfio/N", actor=THREAD, source=REVIEW, process=PROCESS, file=new(FILE), group=number(GROUP))
def open_group(process: Term, file: Term, group: Term) -> Steps:
    """Open a file of the group, one of any number, which an administrator has put into a metagroup."""
    yield requires(is_free(file), no(exited[process]))
    yield step(
        "open",
        refuse(is_none(metagroups.metagroup[group]), "ENODEV", "the group is in no metagroup"),
        done(*opened_as(file, process, "group"), file_group[file].becomes(group)),
        locks=(VFIO_LOCK,),
    )


CALLS = (open_group, create_metagroup, assign_group, withdraw_group, destroy_metagroup)
"""What stands in the place of an open that makes a metagroup, of MERGE and of UNMERGE."""
