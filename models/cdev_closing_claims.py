"""From claims to what FREE-2 says: stage by stage, why nothing is left of devices and iommufds once every file is closed."""

from tenure.models import cdev_claims as claims
from tenure.models.cdev_fields import bound_to, owner_iommufd
from tenure.models.cdevs import is_bound
from tenure.models.closing_claims import is_let_go
from tenure.models.device_files import opens
from tenure.models.files import gets, kind
from tenure.vocabulary.objects import DEVICE, FILE, GROUP
from tenure.vocabulary.systems import claim, lemma
from tenure.vocabulary.terms import Term, both, implies, is_none, no, some


@lemma(claims.a_device_file_has_a_device)
@claim(file=FILE)
def what_is_let_go_is_kept_by_the_kernel(file: Term) -> Term:
    """The kernel keeps an open file that everybody let go of, and whose release is not due."""
    return implies(both(is_let_go(file), no(kind[file] == "closed")), no(gets[file] == 0))


@lemma(claims.the_kernel_keeps_an_iommufd_for_each_binding)
@claim(file=FILE)
def a_kept_file_has_a_bound_one(file: Term) -> Term:
    """A file that the kernel keeps has a file that is bound to it."""
    return implies(no(gets[file] == 0), some(FILE, lambda f: bound_to[f] == file))


@lemma(
    what_is_let_go_is_kept_by_the_kernel,
    a_kept_file_has_a_bound_one,
    claims.a_bound_file_is_a_device_file_of_an_iommufd,
    serves=("FREE-2",),
)
@claim(file=FILE)
def a_bound_file_is_in_use(file: Term) -> Term:
    """Somebody refers to a bound device file, or its release is due."""
    return implies(is_bound(file), no(is_let_go(file)))


@lemma(what_is_let_go_is_kept_by_the_kernel, a_kept_file_has_a_bound_one, serves=("FREE-2",))
@claim(file=FILE)
def an_open_file_is_in_use_or_has_a_bound_one(file: Term) -> Term:
    """An open file that everybody let go of has a device file that is bound to it."""
    return implies(both(is_let_go(file), no(kind[file] == "closed")), some(FILE, lambda f: bound_to[f] == file))


@lemma(claims.an_open_device_is_bound, claims.exactly_bound_files_give_access, serves=("FREE-2",))
@claim(device=DEVICE)
def an_open_device_has_a_bound_file(device: Term) -> Term:
    """While a device is open a file is bound."""
    return implies(no(opens[device] == 0), some(FILE, is_bound))


@lemma(
    claims.a_group_counts_its_claims_or_its_drivers,
    claims.an_owner_is_an_iommufd,
    claims.a_physical_device_claims_its_group_while_it_is_open,
    an_open_device_has_a_bound_file,
    serves=("FREE-2",),
)
@claim(group=GROUP)
def an_owned_group_has_a_bound_file(group: Term) -> Term:
    """While a group is owned a file is bound."""
    return implies(no(is_none(owner_iommufd[group])), some(FILE, is_bound))


LEMMAS = (
    what_is_let_go_is_kept_by_the_kernel,
    a_kept_file_has_a_bound_one,
    a_bound_file_is_in_use,
    an_open_file_is_in_use_or_has_a_bound_one,
    an_open_device_has_a_bound_file,
    an_owned_group_has_a_bound_file,
)
