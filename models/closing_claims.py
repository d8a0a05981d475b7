"""From claims to what FREE says: stage by stage, why nothing is alive once every file is closed."""

from tenure.models import container_claims as of_2013
from tenure.models import container_claims_6_1 as of_6_1
from tenure.models import container_claims_2022 as of_2022
from tenure.models.containers import references, table
from tenure.models.device_files import counted_in
from tenure.models.files import fd, file_group, gets, kept, kind, releasable
from tenure.models.groups import attached, users
from tenure.models.groups_2022 import is_contained, opened_as, opened_file
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, PROCESS, USER
from tenure.vocabulary.systems import Claim, claim, lemma
from tenure.vocabulary.terms import Term, both, busy, every, implies, in_flight, is_none, no, some


def is_let_go(file: Term) -> Term:
    """No fd, no external user and no call refers to the file, and yet its release is not due."""
    unheld = both(every(PROCESS, lambda p: no(fd[p, file])), every(USER, lambda u: no(kept[u, file])))
    return both(unheld, no(in_flight(file)), no(releasable(file)), no(busy(file)))


@lemma(of_2022.the_kernel_keeps_no_other_file)
@claim(file=FILE)
def only_a_groups_file_is_open_for_the_kernel_alone(file: Term) -> Term:
    """An open file that everybody let go of, and that is not released, is a group's, and the kernel keeps it."""
    return implies(both(is_let_go(file), no(kind[file] == "closed")), both(no(gets[file] == 0), kind[file] == "group"))


@claim(group=GROUP)
def a_forgotten_group_has_a_device_file(group: Term) -> Term:
    """Where nobody but the kernel refers to the file of a contained group, a device file stands for the group."""
    forgotten = both(is_contained(group), is_let_go(opened_file[group]))
    return implies(forgotten, some(FILE, lambda f: both(kind[f] == "device", file_group[f] == group)))


FORGOTTEN = (
    only_a_groups_file_is_open_for_the_kernel_alone,
    of_2022.a_contained_group_is_placed_and_open,
    of_2022.an_open_group_knows_its_file,
    of_2022.the_kernel_keeps_a_group_file_for_each_use_of_a_device,
)
"""Why the kernel keeps a reference to that group's file."""


@lemma(*FORGOTTEN, of_2022.users_count_the_open_devices)
@claim(group=GROUP)
def a_forgotten_group_has_an_open_device(group: Term) -> Term:
    """Where nobody but the kernel refers to the file of a contained group, a device counts in the group."""
    forgotten = both(is_contained(group), is_let_go(opened_file[group]))
    return implies(forgotten, some(DEVICE, lambda d: counted_in[d] == group))


@lemma(
    of_2022.a_device_counts_while_it_is_open,
    of_2022.opens_count_the_files,
    of_2022.a_device_file_opens_its_device,
    of_2022.an_open_device_is_there,
)
@claim(device=DEVICE)
def a_device_that_counts_has_a_file(device: Term) -> Term:
    """A device counts in a group only while a device file stands for the group."""
    group = counted_in[device]
    by_file = some(FILE, lambda f: both(kind[f] == "device", file_group[f] == group))
    return implies(no(is_none(group)), by_file)


@lemma(
    only_a_groups_file_is_open_for_the_kernel_alone,
    a_forgotten_group_has_a_device_file,
    of_2022.a_contained_group_is_placed_and_open,
    of_2022.an_open_group_knows_its_file,
    serves=("FREE",),
)
@claim(group=GROUP)
def a_contained_group_has_a_file_in_use(group: Term) -> Term:
    """Somebody refers to a file of a contained group, or the release of one is due."""
    return implies(is_contained(group), some(FILE, lambda f: both(file_group[f] == group, no(is_let_go(f)))))


@lemma(only_a_groups_file_is_open_for_the_kernel_alone, serves=("FREE",))
@claim(file=FILE)
def a_container_file_is_in_use(file: Term) -> Term:
    """Somebody refers to a container's file, or its release is due."""
    return implies(kind[file] == "container", no(is_let_go(file)))


@lemma(of_2022.who_keeps_a_file_keeps_a_groups_file, serves=("FREE",))
@claim(file=FILE)
def a_call_on_a_container_is_one_on_a_group(file: Term) -> Term:
    """A call that refers to a container's file refers to one that was opened as a group's."""
    groups = some(FILE, lambda f: both(in_flight(f), no(is_none(opened_as[f]))))
    return implies(both(kind[file] == "container", in_flight(file)), groups)


@claim()
def without_groups_and_files_no_container_is_alive() -> Term:
    """Where no group is in a container and no container has a file, no container, no table and no use is left."""
    empty = every(GROUP, lambda g: no(is_contained(g)))
    unnamed = every(FILE, lambda f: no(kind[f] == "container"))
    gone = both(
        every(CONTAINER, lambda c: both(references[c] == 0, is_none(table[c]))),
        every(GROUP, lambda g: both(users[g] == 0, is_none(attached[g]))),
    )
    return implies(both(empty, unnamed), gone)


def stages(users_count: Claim, call_on_a_container: Claim, *to_device_files: Claim) -> tuple[Claim, ...]:
    """The lemmas, where `users_count` says what a use of a group is, and others lead from a use to a device file."""
    return (
        only_a_groups_file_is_open_for_the_kernel_alone,
        *to_device_files,
        a_contained_group_has_a_file_in_use,
        a_container_file_is_in_use,
        call_on_a_container,
        lemma(
            users_count,
            of_2022.a_file_stands_for_what_its_kind_says,
            of_2013.references_count_file_and_groups,
            of_2013.used_means_contained,
            of_2013.a_table_needs_a_group,
            of_2013.a_real_group_reaches_its_containers_table,
            serves=("FREE",),
        )(without_groups_and_files_no_container_is_alive),
    )


TO_DEVICE_FILES = (
    a_forgotten_group_has_an_open_device,
    a_device_that_counts_has_a_file,
    lemma(a_forgotten_group_has_an_open_device, a_device_that_counts_has_a_file)(a_forgotten_group_has_a_device_file),
)
"""From a use of a group to a device file, where a device counts once."""

TO_DEVICE_FILES_6_1 = (
    lemma(*FORGOTTEN, of_6_1.users_count_the_device_files, of_6_1.a_device_file_counts_until_it_is_unassigned)(
        a_forgotten_group_has_a_device_file
    ),
)
"""The same where each file of a device counts."""

LEMMAS = stages(of_2022.users_count_the_open_devices, a_call_on_a_container_is_one_on_a_group, *TO_DEVICE_FILES)

LEMMAS_6_1 = stages(of_6_1.users_count_the_device_files, a_call_on_a_container_is_one_on_a_group, *TO_DEVICE_FILES_6_1)
