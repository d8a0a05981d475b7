"""How each claim of groups and device files is kept, with containers or without: by which others, so that nobody has to look for them."""

from dataclasses import replace

from tenure.models import cdev_claims as of_cdevs
from tenure.models import cdev_group_claims as of_groups
from tenure.models import container_claims as of_2013
from tenure.models import container_claims_2022 as of_2022
from tenure.models import iommufd_group_claims as of_iommufds
from tenure.models import kvm_cdev_claims as of_vms_and_cdevs
from tenure.models import kvm_cdev_group_claims as of_vms_and_groups
from tenure.models import kvm_claims as of_vms
from tenure.models import kvm_file_claims as of_lists
from tenure.vocabulary.systems import Claim, kept_with

KEPT: tuple[Claim, ...] = (
    kept_with(of_groups.a_file_stands_for_what_its_kind_says)(of_2013.references_count_file_and_groups),
    kept_with(
        of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
        of_2022.a_device_file_is_made_before_its_fd,
        of_groups.a_file_stands_for_what_its_kind_says,
        of_2022.a_file_in_release_is_a_device_file,
        of_groups.a_file_in_release_is_of_its_kind,
        of_2013.no_call_uses_a_file_in_release,
    )(of_groups.exactly_bound_files_keep_the_group_away),
    kept_with(
        of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
        of_2022.a_file_in_release_is_a_device_file,
        of_2022.a_device_file_is_made_before_its_fd,
        of_2022.a_vfio_device_is_registered_or_leaving,
        of_groups.an_open_device_is_there,
        of_groups.a_file_stands_for_what_its_kind_says,
        of_2022.a_device_that_is_looked_up_is_there,
    )(of_groups.what_gives_access_counts_for_its_device),
    kept_with(of_groups.a_bound_file_is_a_device_file_of_an_iommufd, of_2022.a_device_file_is_made_before_its_fd)(
        of_groups.a_bound_file_is_of_a_bound_device
    ),
    kept_with(
        of_2022.an_open_group_knows_its_file,
        of_2013.used_means_contained,
        of_2022.a_contained_group_is_placed_and_open,
        of_2022.users_count_the_open_devices,
    )(of_2022.the_kernel_keeps_a_group_file_for_each_use_of_a_device),
    kept_with(of_groups.the_count_is_of_bound_files_and_of_binds, of_groups.exactly_bound_files_keep_the_group_away)(
        of_groups.nobody_opens_a_group_whose_device_is_bound
    ),
    kept_with(
        of_groups.the_count_is_of_bound_files_and_of_binds,
        of_groups.nobody_opens_a_group_whose_device_is_bound,
        of_groups.a_bind_under_way_is_of_a_device_file,
        of_groups.exactly_bound_files_keep_the_group_away,
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.a_bound_device_has_a_bound_file,
    )(of_groups.a_bound_device_keeps_the_file_of_its_group_away),
    kept_with(
        of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
        of_2022.a_group_file_is_the_groups_file,
        of_2022.an_open_group_has_a_device,
        of_vms.an_entry_is_in_the_list_of_a_device,
        of_groups.an_iommufd_is_kept_for_each_binding,
        of_lists.a_group_knows_a_vm_that_lists_its_file,
        of_vms_and_cdevs.a_file_knows_a_vm_that_lists_it,
        of_iommufds.a_group_binds_to_an_iommufd,
    )(of_2013.nothing_was_used_after_it_was_freed),
    kept_with(of_2013.a_listed_group_points_back)(of_2013.a_table_needs_a_group),
    kept_with(
        of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
        of_2022.a_device_file_is_made_before_its_fd,
        of_groups.a_file_stands_for_what_its_kind_says,
    )(of_cdevs.a_device_is_bound_once),
    kept_with(
        of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
        of_2022.a_device_file_is_made_before_its_fd,
        of_groups.each_claim_counts,
        of_groups.a_bound_file_is_of_a_bound_device,
        of_groups.a_physical_device_claims_its_group_while_it_is_bound,
        of_groups.a_file_stands_for_what_its_kind_says,
        of_cdevs.a_device_is_bound_once,
        of_groups.a_bound_physical_device_claims_its_group,
    )(of_cdevs.a_bound_device_is_its_iommufds),
    kept_with(
        of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
        of_2022.a_device_file_is_made_before_its_fd,
        of_groups.a_bound_file_is_of_a_bound_device,
        of_iommufds.a_device_is_bound_while_its_group_has_it_open,
    )(of_groups.a_bound_physical_device_claims_its_group),
    kept_with(of_groups.an_owner_is_the_group_or_an_iommufd, of_2022.exactly_kernel_drivers_use_the_default_domain)(
        of_groups.a_group_counts_itself_its_claims_or_its_drivers
    ),
    kept_with(
        of_groups.a_group_counts_itself_its_claims_or_its_drivers,
        of_groups.an_owner_is_the_group_or_an_iommufd,
        of_2022.exactly_kernel_drivers_use_the_default_domain,
        of_cdevs.a_group_counts_its_claims_or_its_drivers,
        of_groups.a_physical_device_claims_its_group_while_it_is_bound,
    )(of_groups.each_claim_counts),
    kept_with(of_2022.users_count_the_open_devices)(of_2013.used_means_contained),
    kept_with(
        of_2022.a_group_file_is_the_groups_file,
        of_2022.an_ioctl_on_a_group_keeps_its_files,
        of_groups.a_file_stands_for_what_its_kind_says,
    )(of_2022.a_contained_group_is_placed_and_open),
    kept_with(of_groups.a_file_stands_for_what_its_kind_says)(of_groups.an_owner_is_the_group_or_an_iommufd),
    kept_with(
        of_2022.a_contained_group_is_placed_and_open,
        of_groups.nobody_opens_a_group_whose_device_is_bound,
        of_groups.the_count_is_of_bound_files_and_of_binds,
        of_groups.a_bind_under_way_is_of_a_device_file,
    )(of_groups.a_group_of_a_bound_device_is_in_no_container),
    kept_with(
        of_groups.a_device_counts_while_it_is_open_through_its_group, of_2022.a_device_that_is_looked_up_is_there
    )(of_2022.users_count_the_open_devices),
    kept_with(
        of_2022.a_device_that_is_looked_up_is_there,
        of_2022.a_vfio_device_is_registered_or_leaving,
        of_2022.opens_count_the_files,
        of_groups.a_file_stands_for_what_its_kind_says,
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.a_device_counts_while_it_is_open_through_its_group,
    )(of_2022.a_device_that_counts_is_there),
    kept_with(of_2022.a_vfio_device_is_registered_or_leaving)(of_2022.a_device_that_is_looked_up_is_there),
    kept_with(of_2022.a_vfio_device_is_registered_or_leaving, of_groups.a_file_stands_for_what_its_kind_says)(
        of_groups.an_open_device_is_there
    ),
    kept_with(of_2022.exactly_kernel_drivers_use_the_default_domain)(of_2022.a_vfio_device_is_registered_or_leaving),
    kept_with(of_2022.a_vfio_device_is_registered_or_leaving)(of_2022.an_open_group_has_a_device),
    kept_with(
        of_2022.the_kernel_keeps_a_group_file_for_each_use_of_a_device,
        of_2022.users_count_the_open_devices,
        of_2022.a_vfio_device_is_registered_or_leaving,
        of_2022.a_device_that_counts_is_there,
        of_groups.a_device_counts_while_it_is_open_through_its_group,
    )(of_groups.the_kernel_keeps_no_other_file),
    kept_with(
        of_2022.a_vfio_device_is_registered_or_leaving,
        of_groups.an_open_device_is_there,
        of_2022.a_device_that_is_looked_up_is_there,
    )(of_groups.a_cdev_has_a_real_device),
    kept_with(of_2022.a_vfio_device_is_registered_or_leaving)(of_2022.exactly_kernel_drivers_use_the_default_domain),
    kept_with(of_2022.a_vfio_device_is_registered_or_leaving)(of_2022.nobody_uses_a_removed_device),
    kept_with(
        of_groups.what_gives_access_counts_for_its_device,
        of_2022.a_device_file_is_made_before_its_fd,
        of_groups.a_file_stands_for_what_its_kind_says,
    )(of_2022.opens_count_the_files),
    kept_with(
        of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
        of_2022.a_device_file_is_made_before_its_fd,
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.a_bound_device_has_a_bound_file,
        of_cdevs.a_device_is_bound_once,
        of_groups.only_bound_devices_are_attached,
    )(of_cdevs.a_bound_device_is_attached_to_what_is_its_iommufds),
    kept_with(of_2022.a_device_that_is_looked_up_is_there, of_2022.a_device_file_is_made_before_its_fd)(
        of_groups.a_file_stands_for_what_its_kind_says
    ),
    kept_with(
        of_2022.a_device_file_is_made_before_its_fd,
        of_2013.no_call_uses_a_file_in_release,
        of_groups.a_bind_under_way_is_of_a_device_file,
        of_iommufds.an_iommufd_is_kept_for_each_use,
    )(of_groups.a_bound_file_is_a_device_file_of_an_iommufd),
    kept_with(
        of_groups.what_gives_access_counts_for_its_device,
        of_2022.a_device_file_is_made_before_its_fd,
        of_groups.a_bound_file_is_a_device_file_of_an_iommufd,
        of_2022.a_device_that_is_looked_up_is_there,
        of_groups.a_group_of_a_bound_device_is_in_no_container,
        of_2022.opens_count_the_files,
    )(of_groups.a_bound_device_has_a_bound_file),
    kept_with(
        of_2022.a_device_that_is_looked_up_is_there,
        of_groups.a_bound_device_has_a_bound_file,
        of_2022.opens_count_the_files,
        of_groups.what_gives_access_counts_for_its_device,
    )(of_groups.a_device_counts_while_it_is_open_through_its_group),
    kept_with(
        of_lists.only_an_open_device_knows_a_vm,
        of_2022.a_device_that_is_looked_up_is_there,
        of_vms.a_file_of_a_vm_says_which,
    )(of_lists.references_of_a_vm_count_its_files_and_open_devices),
    kept_with(of_groups.a_bound_file_is_a_device_file_of_an_iommufd)(of_groups.a_file_in_release_is_of_its_kind),
    kept_with(
        of_cdevs.a_bound_device_is_its_iommufds,
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.another_attached_group_has_an_attached_device,
    )(of_groups.another_attached_group_is_its_iommufds),
    kept_with(of_2022.an_open_group_knows_its_file)(of_groups.an_iommufd_is_kept_for_each_binding),
    kept_with(
        of_groups.a_bind_under_way_is_of_a_device_file,
        of_groups.exactly_bound_files_keep_the_group_away,
        of_2013.no_call_uses_a_file_in_release,
        of_vms.an_entry_is_in_the_list_of_a_device,
        of_vms_and_cdevs.a_file_knows_a_vm_that_lists_it,
    )(of_groups.the_count_is_of_bound_files_and_of_binds),
    kept_with(of_2013.no_call_uses_a_file_in_release)(of_2022.a_device_file_is_made_before_its_fd),
    kept_with(of_2013.no_call_uses_a_file_in_release)(of_groups.a_bind_under_way_is_of_a_device_file),
    kept_with(
        of_2022.a_group_file_was_opened_as_its_groups,
        of_groups.a_bind_under_way_is_of_a_device_file,
        of_vms_and_groups.who_keeps_a_file_keeps_a_groups_a_devices_or_a_lists,
        of_vms.an_entry_is_in_the_list_of_a_device,
        of_vms_and_cdevs.a_file_knows_a_vm_that_lists_it,
    )(of_2022.an_idle_thread_holds_no_file),
    kept_with(of_2022.a_group_file_was_opened_as_its_groups, of_groups.a_bind_under_way_is_of_a_device_file)(
        of_vms_and_groups.who_keeps_a_file_keeps_a_groups_a_devices_or_a_lists
    ),
    kept_with(
        of_2022.opens_count_the_files,
        of_groups.a_file_stands_for_what_its_kind_says,
        of_groups.what_gives_access_counts_for_its_device,
    )(of_2013.no_null_pointer_was_followed),
    kept_with(
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.a_bound_file_is_of_a_bound_device,
        of_groups.a_bound_device_has_a_bound_file,
        of_iommufds.a_device_is_bound_while_its_group_has_it_open,
    )(of_groups.only_bound_devices_are_attached),
    kept_with(
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.a_bound_file_is_of_a_bound_device,
        of_groups.a_physical_device_claims_its_group_while_it_is_bound,
        of_groups.a_bound_physical_device_claims_its_group,
    )(of_groups.an_attached_physical_device_claims_its_group),
    kept_with(
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.a_bound_file_is_of_a_bound_device,
        of_groups.a_group_of_a_bound_device_is_in_no_container,
        of_groups.a_cdev_has_a_real_device,
    )(of_groups.a_contained_group_is_attached_to_its_containers_table),
    kept_with(of_groups.what_gives_access_counts_for_its_device, of_groups.a_bound_file_is_of_a_bound_device)(
        of_groups.another_attached_group_has_an_attached_device
    ),
    kept_with(of_vms.a_vm_outlives_its_files)(of_lists.a_device_has_one_file),
    kept_with(
        of_vms.a_vm_outlives_its_files,
        of_lists.who_works_on_a_list_keeps_its_file,
        of_lists.references_of_a_vm_count_its_files_and_open_devices,
        of_lists.a_device_has_its_file,
    )(of_vms.a_vm_is_told_once_of_what_its_device_knows),
    kept_with(of_lists.references_of_a_vm_count_its_files_and_open_devices)(of_vms.a_vm_outlives_its_files),
    kept_with(of_lists.references_of_a_vm_count_its_files_and_open_devices)(of_lists.only_an_open_device_knows_a_vm),
    kept_with(
        of_groups.a_physical_device_claims_its_group_while_it_is_bound,
        of_groups.a_bound_device_has_a_bound_file,
        of_iommufds.a_device_is_bound_while_its_group_has_it_open,
        of_2022.exactly_kernel_drivers_use_the_default_domain,
    )(of_cdevs.a_group_counts_its_claims_or_its_drivers),
    kept_with(
        of_2022.a_device_that_is_looked_up_is_there,
        of_groups.a_bound_device_has_a_bound_file,
        of_2022.opens_count_the_files,
        of_groups.what_gives_access_counts_for_its_device,
    )(of_iommufds.a_device_is_bound_while_its_group_has_it_open),
    kept_with(
        of_2022.a_group_file_is_the_groups_file,
        of_2022.a_device_that_is_looked_up_is_there,
        of_groups.no_group_of_an_emulated_device_is_open,
        of_groups.what_gives_access_counts_for_its_device,
        of_groups.a_bound_file_is_of_a_bound_device,
    )(of_cdevs.an_attached_group_has_an_attached_device),
    kept_with(
        of_cdevs.an_attached_group_has_an_attached_device,
        of_groups.what_gives_access_counts_for_its_device,
        of_cdevs.a_bound_device_is_its_iommufds,
    )(of_cdevs.a_group_is_attached_to_what_is_its_owners),
    kept_with(of_iommufds.a_device_is_bound_while_its_group_has_it_open)(of_iommufds.an_iommufd_is_kept_for_each_use),
    kept_with(
        of_2022.a_group_file_is_the_groups_file,
        of_2022.a_device_that_is_looked_up_is_there,
        of_2022.a_device_file_is_made_before_its_fd,
        of_groups.no_group_of_an_emulated_device_is_open,
        of_iommufds.what_stands_for_a_container_is_the_iommufds,
        of_iommufds.an_iommufd_is_kept_for_each_use,
    )(of_iommufds.a_group_binds_to_an_iommufd),
    kept_with(
        of_groups.each_claim_counts,
        of_groups.a_physical_device_claims_its_group_while_it_is_bound,
        of_iommufds.a_group_binds_to_an_iommufd,
    )(of_iommufds.a_device_that_its_group_bound_is_the_iommufds),
    kept_with(
        of_groups.a_bound_file_is_of_a_bound_device,
        of_iommufds.a_device_is_bound_while_its_group_has_it_open,
        of_groups.what_gives_access_counts_for_its_device,
    )(of_iommufds.a_device_that_its_group_bound_is_attached),
    kept_with(of_groups.a_cdev_has_a_real_device, of_2022.a_device_that_is_looked_up_is_there)(
        of_iommufds.a_group_without_iommu_reaches_nothing
    ),
    kept_with(of_iommufds.a_device_is_bound_while_its_group_has_it_open, of_groups.a_bound_file_is_of_a_bound_device)(
        of_groups.a_physical_device_claims_its_group_while_it_is_bound
    ),
    kept_with(of_iommufds.an_iommufd_is_kept_for_each_use)(of_iommufds.a_group_uses_an_iommufd),
)
"""What else holds each claim, whichever step is taken and in whichever of these systems: found by taking away what no proof needs."""


def kept(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The same claims, each with the others by which the steps keep it, as far as that takes any."""
    others = {one.name: one.kept_with for one in KEPT}
    return tuple(
        replace(one, kept_with=tuple(dict.fromkeys((*one.kept_with, *others.get(one.name, ()))))) for one in claims
    )
