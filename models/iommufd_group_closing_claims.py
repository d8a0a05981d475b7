"""From claims to what FREE-2 says of groups that use iommufds, why nothing is left once all is closed; and to what OWN-3 says."""

from tenure.models import cdev_claims as of_cdevs
from tenure.models import cdev_group_claims as of_both
from tenure.models import cdev_group_closing_claims as of_both_closing
from tenure.models import container_claims_2022 as of_2022
from tenure.models import iommufd_group_claims as claims
from tenure.models.cdev_fields import attached_to, bound_to, iommufd_of, owner_iommufd
from tenure.models.closing_claims import is_let_go
from tenure.models.device_files import opens
from tenure.models.files import gets, kind
from tenure.models.groups import attached
from tenure.models.iommufd_groups import bound_through_group, uses_iommufd
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, TABLE
from tenure.vocabulary.systems import claim, lemma
from tenure.vocabulary.terms import Term, both, either, every, implies, is_none, no, some


@lemma(claims.an_iommufd_is_kept_for_each_use)
@claim(file=FILE)
def what_is_kept_is_used(file: Term) -> Term:
    """What the kernel keeps open has a file that is bound to it, a group that uses it, or a device that its group bound to it."""
    used = either(
        some(FILE, lambda f: bound_to[f] == file),
        some(FILE, lambda f: uses_iommufd[f] == file),
        some(DEVICE, lambda d: bound_through_group[d] == file),
    )
    return implies(no(gets[file] == 0), used)


@lemma(
    of_2022.opens_count_the_files,
    of_both.what_gives_access_counts_for_its_device,
    of_both.a_bound_file_is_a_device_file_of_an_iommufd,
)
@claim(device=DEVICE)
def an_open_device_has_a_file(device: Term) -> Term:
    """While a device is open some device file is."""
    return implies(no(opens[device] == 0), some(FILE, lambda f: kind[f] == "device"))


@lemma(
    what_is_kept_is_used,
    an_open_device_has_a_file,
    of_both.a_bound_file_is_a_device_file_of_an_iommufd,
    claims.a_group_uses_an_iommufd,
    claims.a_device_is_bound_while_its_group_has_it_open,
)
@claim(file=FILE)
def what_is_kept_has_a_file_of_a_group_or_a_device(file: Term) -> Term:
    """What the kernel keeps open is kept for a file of a group or of a device, which is open."""
    other = some(FILE, lambda f: either(kind[f] == "group", kind[f] == "device"))
    return implies(no(gets[file] == 0), other)


@lemma(what_is_kept_has_a_file_of_a_group_or_a_device, claims.only_iommufds_are_kept)
@claim(file=FILE)
def what_is_left_is_an_iommufd(file: Term) -> Term:
    """An open file that everybody let go of is an iommufd, and a file of a group or of a device is open."""
    other = some(FILE, lambda f: either(kind[f] == "group", kind[f] == "device"))
    return implies(both(is_let_go(file), no(kind[file] == "closed")), both(kind[file] == "iommufd", other))


@lemma(what_is_left_is_an_iommufd, serves=("FREE-2",))
@claim()
def where_every_file_is_let_go_none_is_open() -> Term:
    """Files of groups and devices are kept by nobody but those who have them."""
    left = every(FILE, lambda f: either(kind[f] == "closed", is_let_go(f)))
    return implies(left, every(FILE, lambda f: kind[f] == "closed"))


@lemma(
    of_cdevs.a_group_counts_its_claims_or_its_drivers,
    of_cdevs.an_owner_is_an_iommufd,
    claims.a_physical_device_claims_its_group_while_it_is_bound,
    claims.a_device_is_bound_while_its_group_has_it_open,
    of_both.a_bound_device_has_a_bound_file,
)
@claim(group=GROUP)
def an_owned_group_has_an_open_device(group: Term) -> Term:
    """While a group is owned a device is open."""
    return implies(no(is_none(owner_iommufd[group])), some(DEVICE, lambda d: no(opens[d] == 0)))


@lemma(
    of_cdevs.an_address_space_has_an_open_iommufd,
    of_cdevs.a_group_is_attached_to_what_is_its_owners,
    of_both.a_bound_device_has_a_bound_file,
    claims.only_bound_devices_are_attached,
    claims.a_device_is_bound_while_its_group_has_it_open,
    an_open_device_has_a_file,
    an_owned_group_has_an_open_device,
    serves=("FREE-2",),
)
@claim()
def where_no_file_is_open_nothing_is_left_of_devices() -> Term:
    """No IO address space, no device that is open or attached, no group that is owned or attached."""
    gone = both(
        every(TABLE, lambda t: is_none(iommufd_of[t])),
        every(DEVICE, lambda d: both(opens[d] == 0, is_none(attached_to[d]))),
        every(GROUP, lambda g: both(is_none(owner_iommufd[g]), is_none(attached[g]))),
    )
    return implies(every(FILE, lambda f: kind[f] == "closed"), gone)


a_kernel_driver_is_bound_where_nobody_owns_the_group = lemma(
    of_cdevs.a_group_counts_its_claims_or_its_drivers,
    of_cdevs.an_owner_is_an_iommufd,
    claims.a_physical_device_claims_its_group_while_it_is_bound,
    claims.a_device_is_bound_while_its_group_has_it_open,
    of_both.a_bound_device_has_a_bound_file,
    of_both.a_bound_file_is_a_device_file_of_an_iommufd,
    of_both.what_gives_access_counts_for_its_device,
    of_both.a_cdev_has_a_real_device,
    of_2022.exactly_kernel_drivers_use_the_default_domain,
    serves=("OWN-3",),
)(of_both_closing.a_kernel_driver_is_bound_where_nobody_owns_the_group)

LEMMAS = (
    what_is_kept_is_used,
    an_open_device_has_a_file,
    what_is_kept_has_a_file_of_a_group_or_a_device,
    what_is_left_is_an_iommufd,
    where_every_file_is_let_go_none_is_open,
    an_owned_group_has_an_open_device,
    where_no_file_is_open_nothing_is_left_of_devices,
    a_kernel_driver_is_bound_where_nobody_owns_the_group,
)
