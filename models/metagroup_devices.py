"""Devices of November 2011: their drivers, which come and go, and the devices themselves."""

from tenure.models.files import file_group
from tenure.models.groups import driver, group_of
from tenure.models.locks_2011 import DGATE, RELEASE_Q, VFIO_LOCK
from tenure.models.metagroups import attached, domain, in_use, metagroup, removed
from tenure.models.rfc2011_ways import Ways
from tenure.vocabulary.calls import Call, Steps, call, done, refuse, requires, step
from tenure.vocabulary.effects import provided
from tenure.vocabulary.locks import briefly
from tenure.vocabulary.objects import DEVICE, FILE
from tenure.vocabulary.observables import DRIVER
from tenure.vocabulary.symbols import choice_is
from tenure.vocabulary.terms import Term, both, either, is_none, no, some, when


def bind_driver_in(ways: Ways) -> Call:
    """A driver takes a device, in these ways."""

    @call("bind a driver", actor="device", source="driver core, vfio_bind_dev", device=DEVICE, to=DRIVER)
    def bind_driver(device: Term, to: Term) -> Steps:
        """VFIO's driver may take any device, one of the kernel none of a metagroup that is open."""
        yield requires(driver[device] == "none", no(removed[device]), choice_is(to, "vfio", "kernel"))
        spoils = both(to == "kernel", domain[metagroup[group_of[device]]])
        kept = (refuse(spoils, "EBUSY", "the metagroup is open"),) if ways.keeps_viable else ()
        yield step("bind", *kept, done(driver[device].becomes(to)), locks=(VFIO_LOCK,))

    return bind_driver


@call("unbind the driver", actor="device", source="driver core, vfio_unbind_dev", device=DEVICE)
def unbind_driver(device: Term) -> Steps:
    """The driver leaves the device; VFIO's waits until nobody uses the metagroup."""
    one = metagroup[group_of[device]]
    yield requires(no(driver[device] == "none"))
    idle = either(no(driver[device] == "vfio"), is_none(one), no(in_use(one)))
    yield step("wait", done(driver[device].becomes("none"), when=idle), locks=(VFIO_LOCK,), waits=RELEASE_Q)


@call("add a device", actor="device", source="vfio_group_add_dev", device=DEVICE)
def add_device(device: Term) -> Steps:
    """A device is plugged in; where its metagroup is open, it is attached at once."""
    one = metagroup[group_of[device]]
    yield requires(removed[device])
    yield step(
        "add",
        done(removed[device].becomes(value=False), attached[device].becomes(when(domain[one], one, attached.nothing))),
        locks=(VFIO_LOCK,),
    )


def remove_device_in(ways: Ways) -> Call:
    """A device is unplugged, in these ways."""

    @call("remove a device", actor="device", source="vfio_group_del_dev", device=DEVICE)
    def remove_device(device: Term) -> Steps:
        """A device without a driver is unplugged; the last one of a group that nobody has open takes it out of its metagroup."""
        group = group_of[device]
        one = metagroup[group]
        yield requires(driver[device] == "none", no(removed[device]))
        others = some(DEVICE, lambda d: both(no(d == device), group_of[d] == group, no(removed[d])))
        held = either(others, some(FILE, lambda f: file_group[f] == group))
        leaves = provided(both(no(is_none(one)), no(held)), metagroup[group].becomes(None))
        yield step(
            "remove",
            done(
                removed[device].becomes(value=True),
                attached[device].becomes(None),
                *(() if ways.from_outside else (leaves,)),
            ),
            locks=(VFIO_LOCK, briefly(DGATE)),
        )

    return remove_device


CALLS = (unbind_driver, add_device)
"""Those that every design has as they are."""
