"""From claims to what FREE and FREE-2 say of groups, containers, device files and iommufds: why nothing is left once all is closed.

And to what OWN-3 says of their groups.
"""

from tenure.models import cdev_claims as of_cdevs
from tenure.models import cdev_group_claims as claims
from tenure.models import closing_claims as of_groups
from tenure.models import container_claims as of_2013
from tenure.models import container_claims_2022 as of_2022
from tenure.models.cdev_fields import attached_to, bound_to, iommufd_of, owner_iommufd
from tenure.models.cdevs import is_bound
from tenure.models.closing_claims import is_let_go
from tenure.models.containers import references, table
from tenure.models.device_files import counted_in, opens
from tenure.models.files import file_device, file_group, gets, kind
from tenure.models.groups import attached, driver, group_of, users
from tenure.models.groups_2022 import is_contained, opened_file
from tenure.models.ownership import owner
from tenure.vocabulary.objects import CONTAINER, DEVICE, FILE, GROUP, TABLE
from tenure.vocabulary.systems import claim, lemma
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some


@lemma(claims.the_kernel_keeps_no_other_file)
@claim(file=FILE)
def only_files_of_groups_and_iommufds_are_open_for_the_kernel_alone(file: Term) -> Term:
    """An open file that everybody let go of, and that is not released, is kept by the kernel: a group's, or an iommufd."""
    kept = both(no(gets[file] == 0), either(kind[file] == "group", kind[file] == "iommufd"))
    return implies(both(is_let_go(file), no(kind[file] == "closed")), kept)


@lemma(claims.an_iommufd_is_kept_for_each_binding)
@claim(file=FILE)
def a_kept_iommufd_has_a_bound_file(file: Term) -> Term:
    """An iommufd that the kernel keeps has a file that is bound to it."""
    kept = both(kind[file] == "iommufd", no(gets[file] == 0))
    return implies(kept, some(FILE, lambda f: bound_to[f] == file))


@lemma(
    only_files_of_groups_and_iommufds_are_open_for_the_kernel_alone,
    claims.a_bound_file_is_a_device_file_of_an_iommufd,
    serves=("FREE", "FREE-2"),
)
@claim(file=FILE)
def a_bound_file_is_in_use(file: Term) -> Term:
    """Somebody refers to a bound device file, or its release is due."""
    return implies(is_bound(file), no(is_let_go(file)))


@lemma(
    claims.a_bound_file_is_a_device_file_of_an_iommufd,
    claims.a_file_stands_for_what_its_kind_says,
    claims.a_bound_file_is_of_a_bound_device,
    claims.a_bound_device_keeps_the_file_of_its_group_away,
    serves=("FREE",),
)
@claim(file=FILE)
def a_bound_file_has_a_device_whose_group_has_no_file(file: Term) -> Term:
    """A bound file stands for a device, and nobody has the file of its group."""
    device = file_device[file]
    return implies(is_bound(file), both(no(is_none(device)), is_none(opened_file[group_of[device]])))


@lemma(
    only_files_of_groups_and_iommufds_are_open_for_the_kernel_alone,
    of_2022.a_contained_group_is_placed_and_open,
    of_2022.an_open_group_knows_its_file,
    of_2022.the_kernel_keeps_a_group_file_for_each_use_of_a_device,
    of_2022.users_count_the_open_devices,
)
@claim(group=GROUP)
def a_forgotten_group_has_a_device_that_counts(group: Term) -> Term:
    """Where nobody but the kernel refers to the file of a group, a device counts in the group."""
    forgotten = both(no(is_none(opened_file[group])), is_let_go(opened_file[group]))
    return implies(forgotten, some(DEVICE, lambda d: counted_in[d] == group))


a_device_that_counts_has_a_file_of_its_group = lemma(
    claims.a_device_counts_while_it_is_open_through_its_group,
    of_2022.opens_count_the_files,
    claims.what_gives_access_counts_for_its_device,
    claims.a_bound_file_is_of_a_bound_device,
    claims.an_open_device_is_there,
)(of_groups.a_device_that_counts_has_a_file)


@lemma(
    only_files_of_groups_and_iommufds_are_open_for_the_kernel_alone,
    a_forgotten_group_has_a_device_that_counts,
    a_device_that_counts_has_a_file_of_its_group,
    of_2022.an_open_group_knows_its_file,
    serves=("FREE", "FREE-2"),
)
@claim(group=GROUP)
def an_open_group_has_a_file_in_use(group: Term) -> Term:
    """Somebody refers to a file of a group that is open, or the release of one is due."""
    in_use = some(FILE, lambda f: both(file_group[f] == group, no(is_let_go(f))))
    return implies(no(is_none(opened_file[group])), in_use)


@lemma(
    only_files_of_groups_and_iommufds_are_open_for_the_kernel_alone,
    a_kept_iommufd_has_a_bound_file,
    claims.the_kernel_keeps_no_other_file,
    serves=("FREE-2",),
)
@claim(file=FILE)
def what_is_let_go_is_a_groups_or_has_a_bound_file(file: Term) -> Term:
    """An open file that everybody let go of is that of an open group, or has a device file that is bound to it."""
    group = file_group[file]
    of_group = both(no(is_none(group)), opened_file[group] == file)
    bound = some(FILE, lambda f: bound_to[f] == file)
    return implies(both(is_let_go(file), no(kind[file] == "closed")), either(of_group, bound))


@lemma(only_files_of_groups_and_iommufds_are_open_for_the_kernel_alone, serves=("FREE",))
@claim(file=FILE)
def a_container_file_is_in_use(file: Term) -> Term:
    """Somebody refers to a container's file, or its release is due."""
    return implies(kind[file] == "container", no(is_let_go(file)))


@lemma(of_cdevs.an_address_space_has_an_open_iommufd, serves=("FREE-2",))
@claim(table_=TABLE)
def an_address_space_has_a_file(table_: Term) -> Term:
    """The iommufd of an IO address space is open."""
    return implies(no(is_none(iommufd_of[table_])), no(kind[iommufd_of[table_]] == "closed"))


@lemma(claims.only_bound_devices_are_attached, claims.a_bound_device_has_a_bound_file, serves=("FREE-2",))
@claim(device=DEVICE)
def an_attached_device_has_a_bound_file(device: Term) -> Term:
    """While a device is attached a file is bound."""
    return implies(no(is_none(attached_to[device])), some(FILE, is_bound))


@lemma(of_2022.a_contained_group_is_placed_and_open, serves=("FREE", "FREE-2"))
@claim(group=GROUP)
def a_contained_group_is_open(group: Term) -> Term:
    """A group in a container is open."""
    return implies(is_contained(group), no(is_none(opened_file[group])))


@lemma(
    claims.a_group_counts_itself_its_claims_or_its_drivers,
    claims.an_owner_is_the_group_or_an_iommufd,
    claims.a_physical_device_claims_its_group_while_it_is_bound,
    claims.a_bound_device_has_a_bound_file,
    serves=("FREE", "FREE-2"),
)
@claim(group=GROUP)
def an_owned_group_has_a_bound_file(group: Term) -> Term:
    """While an iommufd owns a group a file is bound."""
    return implies(no(is_none(owner_iommufd[group])), some(FILE, is_bound))


@lemma(
    claims.a_device_counts_while_it_is_open_through_its_group,
    claims.a_bound_device_has_a_bound_file,
    claims.a_bound_file_is_a_device_file_of_an_iommufd,
    a_device_that_counts_has_a_file_of_its_group,
    serves=("FREE-2",),
)
@claim(device=DEVICE)
def an_open_device_has_a_file(device: Term) -> Term:
    """While a device is open some device file is."""
    return implies(no(opens[device] == 0), some(FILE, lambda f: kind[f] == "device"))


@lemma(
    of_2022.users_count_the_open_devices,
    claims.a_file_stands_for_what_its_kind_says,
    of_2013.references_count_file_and_groups,
    of_2013.used_means_contained,
    of_2013.a_table_needs_a_group,
    serves=("FREE", "FREE-2"),
)
@claim()
def without_groups_and_files_no_container_is_alive() -> Term:
    """Where no group is in a container and no container has a file, no container, no table and no use is left."""
    empty = every(GROUP, lambda g: no(is_contained(g)))
    unnamed = every(FILE, lambda f: no(kind[f] == "container"))
    gone = both(
        every(CONTAINER, lambda c: both(references[c] == 0, is_none(table[c]))),
        every(GROUP, lambda g: users[g] == 0),
    )
    return implies(both(empty, unnamed), gone)


@lemma(claims.another_attached_group_is_its_iommufds, an_owned_group_has_a_bound_file, serves=("FREE", "FREE-2"))
@claim(group=GROUP)
def an_attached_group_is_contained_or_has_a_bound_file(group: Term) -> Term:
    """A group that reaches a table is in a container, or a file is bound."""
    return implies(no(is_none(attached[group])), either(is_contained(group), some(FILE, is_bound)))


@lemma(
    claims.a_group_counts_itself_its_claims_or_its_drivers,
    claims.an_owner_is_the_group_or_an_iommufd,
    claims.a_physical_device_claims_its_group_while_it_is_bound,
    claims.a_bound_device_has_a_bound_file,
    claims.a_bound_file_is_a_device_file_of_an_iommufd,
    claims.what_gives_access_counts_for_its_device,
    claims.a_cdev_has_a_real_device,
    of_2022.exactly_kernel_drivers_use_the_default_domain,
    serves=("OWN-3",),
)
@claim(device=DEVICE)
def a_kernel_driver_is_bound_where_nobody_owns_the_group(device: Term) -> Term:
    """It counts in `owner_cnt`, where an owner finds only itself or claims; and a group without IOMMU has no owner."""
    return implies(driver[device] == "kernel", owner[group_of[device]] == "none")


LEMMAS = (
    only_files_of_groups_and_iommufds_are_open_for_the_kernel_alone,
    a_kept_iommufd_has_a_bound_file,
    a_bound_file_is_in_use,
    a_bound_file_has_a_device_whose_group_has_no_file,
    a_forgotten_group_has_a_device_that_counts,
    a_device_that_counts_has_a_file_of_its_group,
    an_open_group_has_a_file_in_use,
    what_is_let_go_is_a_groups_or_has_a_bound_file,
    a_container_file_is_in_use,
    an_address_space_has_a_file,
    an_attached_device_has_a_bound_file,
    a_contained_group_is_open,
    lemma(claims.who_keeps_a_file_keeps_a_groups_or_a_devices, serves=("FREE",))(
        of_groups.a_call_on_a_container_is_one_on_a_group
    ),
    an_owned_group_has_a_bound_file,
    an_open_device_has_a_file,
    without_groups_and_files_no_container_is_alive,
    an_attached_group_is_contained_or_has_a_bound_file,
    a_kernel_driver_is_bound_where_nobody_owns_the_group,
)
