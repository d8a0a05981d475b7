"""Metagroups of the RFC of November 2011: groups behind one IOMMU domain, which leads to the memory of one process."""

from tenure.models.files import fd, file_device, file_group, kind
from tenure.models.groups import driver, group_of
from tenure.models.harm import uses_after_free
from tenure.vocabulary.calls import Case
from tenure.vocabulary.effects import Assign, each
from tenure.vocabulary.objects import DEVICE, FILE, GROUP, METAGROUP, PAGE, PROCESS
from tenure.vocabulary.symbols import client, fixed, state
from tenure.vocabulary.terms import TRUE, Term, both, busy, either, every, implies, in_flight, is_none, no, some, when
from tenure.vocabulary.types import COUNT, FLAG

bus = fixed("bus", GROUP, COUNT, meaning="the number of the bus that the group's devices are on")
coherent = fixed("coherent", GROUP, FLAG, meaning="the group's IOMMU keeps caches coherent")

removed = state("removed", DEVICE, FLAG, meaning="the device is unplugged")
attached = state("attached", DEVICE, METAGROUP.maybe, meaning="the metagroup to whose domain the device is attached")
metagroup = state("metagroup", GROUP, METAGROUP.maybe, meaning="the group's `iommu` pointer")
alive = state("alive", METAGROUP, FLAG, meaning="the metagroup is allocated")
domain = state("domain", METAGROUP, FLAG, meaning="the metagroup has an IOMMU domain")
mm = state("mm", METAGROUP, PROCESS.maybe, meaning="the process to whose memory the metagroup is bound")
file_metagroup = state("file metagroup", FILE, METAGROUP.maybe, meaning="the metagroup of an iommu file")
mapped = state("mapped in", PAGE, METAGROUP.maybe, meaning="the metagroup whose domain leads to the page")
memory = state("memory", PAGE, PROCESS.maybe, meaning="the process whose memory the page is; none: it is not pinned")
left = state(
    "left", PAGE, FLAG, meaning="a work item waits that takes the page from the locked_vm in which it is counted"
)
asked = client(
    "asked", METAGROUP, FLAG, meaning="a MERGE that went well opened the domain, and no file was released since"
)


def is_unused(one: Term) -> Term:
    """The metagroup's name is unused: nobody points to such a one, freed or not."""
    unknown = both(every(GROUP, lambda g: no(metagroup[g] == one)), every(FILE, lambda f: no(file_metagroup[f] == one)))
    return both(no(alive[one]), unknown, no(in_flight(one)))


def is_free(file: Term) -> Term:
    """The file's name is unused; it is not while its release goes on, even where the file itself is gone already (D-G1-25)."""
    return both(kind[file] == "closed", no(in_flight(file)), no(busy(file)))


def releasable(file: Term) -> Term:
    """The last reference to an open file is gone, so its release may run."""
    held = some(PROCESS, lambda p: fd[p, file])
    return both(no(kind[file] == "closed"), no(held), no(in_flight(file)))


def is_in(device: Term, group: Term) -> Term:
    """The device is plugged in, and of the group."""
    return both(group_of[device] == group, no(removed[device]))


def exists(group: Term) -> Term:
    """The group has a minor number: a device, or somebody who still knows it."""
    return either(some(DEVICE, lambda d: both(group_of[d] == group, no(removed[d]))), no(is_none(metagroup[group])))


def is_of(device: Term, one: Term) -> Term:
    """The device is plugged in, and its group is in the metagroup."""
    return both(metagroup[group_of[device]] == one, no(removed[device]))


def is_viable(one: Term) -> Term:
    """Every device of every group of the metagroup is bound to its VFIO driver; there may be none."""
    return every(DEVICE, lambda d: implies(is_of(d, one), driver[d] == "vfio"))


def uses(file: Term, one: Term) -> Term:
    """The file is an iommu file of the metagroup, or one of a device of it."""
    device = file_device[file]
    return either(file_metagroup[file] == one, both(no(is_none(device)), metagroup[group_of[device]] == one))


def in_use(one: Term, besides: Term | None = None) -> Term:
    """Some iommu or device file of the metagroup is open, `besides` one."""
    return some(FILE, lambda f: both(TRUE if besides is None else no(f == besides), uses(f, one)))


def metagroup_of_file(file: Term) -> Term:
    """The metagroup of an iommu file, of the group of a group file, or of the device's of a device file."""
    group, device = file_group[file], file_device[file]
    by_device = when(is_none(device), file_metagroup[file], metagroup[group_of[device]])
    return when(is_none(group), by_device, metagroup[group])


def keeps(file: Term, one: Term) -> Term:
    """The file is one of the metagroup, of a device or of a group of it."""
    group = file_group[file]
    return either(uses(file, one), both(no(is_none(group)), metagroup[group] == one))


def is_kept(one: Term, besides: Term | None = None) -> Term:
    """Some file of the metagroup, of a device or of a group of it is open, `besides` one."""
    return some(FILE, lambda f: both(TRUE if besides is None else no(f == besides), keeps(f, one)))


def touches(one: Term) -> Case:
    """The metagroup is looked into, which may have been freed."""
    return uses_after_free(both(no(is_none(one)), no(alive[one])))


def opened_as(file: Term, process: Term, what: str) -> tuple[Assign, ...]:
    """The process has a new file of this kind."""
    return kind[file].becomes(what), fd[process, file].becomes(value=True)


def opened(one: Term, process: Term) -> tuple[Assign, ...]:
    """vfio_open_iommu: the domain, its devices, and whose memory it leads to; as it was, where it is open."""
    return (
        domain[one].becomes(value=True),
        mm[one].becomes(when(domain[one], mm[one], process)),
        each(DEVICE, lambda d: attached[d].becomes(one), lambda d: is_of(d, one)),
    )


def closed(one: Term) -> tuple[Assign, ...]:
    """vfio_close_iommu: no device is attached, nothing mapped, and the memory anybody's."""
    return (
        domain[one].becomes(value=False),
        mm[one].becomes(None),
        asked[one].becomes(value=False),
        each(DEVICE, lambda d: attached[d].becomes(None), lambda d: attached[d] == one),
        *_unmapped(one),
    )


def _unmapped(one: Term) -> tuple[Assign, ...]:
    """Each page is unpinned, and a work item gives it back to whoever pays for it; what is mapped nowhere is left alone."""

    def behind(page: Term) -> Term:
        return both(no(is_none(one)), mapped[page] == one)

    return (
        each(PAGE, lambda pg: mapped[pg].becomes(None), behind),
        each(PAGE, lambda pg: memory[pg].becomes(None), behind),
        each(PAGE, lambda pg: left[pg].becomes(value=True), behind),
    )


def dissolved(one: Term, besides: Term | None = None) -> tuple[Assign, ...]:
    """vfio_dissolve_metagroup: every group is on its own again, `besides` one, and the metagroup is freed."""

    def goes(group: Term) -> Term:
        return both(metagroup[group] == one, TRUE if besides is None else no(group == besides))

    return each(GROUP, lambda g: metagroup[g].becomes(None), goes), alive[one].becomes(value=False)
