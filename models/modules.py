"""Modules of drivers: a reference keeps one where it is; without one it can be removed."""

from dataclasses import replace

from tenure.models.files import file_device
from tenure.vocabulary.calls import Call, Case, Step, done, refuse, step
from tenure.vocabulary.effects import Assign
from tenure.vocabulary.locks import Taken
from tenure.vocabulary.objects import DEVICE, FILE
from tenure.vocabulary.symbols import client, state
from tenure.vocabulary.terms import TRUE, Term, both
from tenure.vocabulary.types import COUNT, FLAG

module_goes = state(
    "module goes", DEVICE, FLAG, meaning="the module of the device's VFIO driver is being removed, or gone"
)
open_references = state(
    "open references", DEVICE, COUNT, meaning="the references to the module of the device's VFIO driver"
)
keeps = client(
    "keeps", FILE, DEVICE.maybe, meaning="the device of whose driver's module the device file has a reference"
)

GOES = "the module of the device's driver is being removed"


def keep(references: Term) -> Assign:
    """One reference more: try_module_get."""
    return references.becomes(references + 1)


def let_go(references: Term) -> Assign:
    """One reference less: module_put."""
    return references.becomes(references - 1)


def kept_by(file: Term, device: Term) -> tuple[Assign, ...]:
    """The module of the device's driver has a reference for the file."""
    return keeps[file].becomes(device), keep(open_references[device])


def let_go_by(file: Term) -> tuple[Assign, ...]:
    """It has that reference no longer."""
    return keeps[file].becomes(None), let_go(open_references[file_device[file]])


def without_module(device: Term, *undone: Assign, when: Term = TRUE) -> Case:
    """No device is opened whose driver's module goes: try_module_get fails."""
    goes = both(when, module_goes[device])
    return refuse(goes, "ENODEV", GOES, *undone)


def where_none_goes(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    """The same calls where no module of a VFIO driver is ever removed: nobody is refused for that."""

    def strip(one: Step) -> Step:
        return replace(one, cases=tuple(case for case in one.cases if case.why != GOES))

    return tuple(replace(c, steps=tuple(map(strip, c.steps))) for c in calls)


def removal(references: Term, why: str, goes: Assign, *locks: Taken) -> Step:
    """delete_module: refused while somebody refers to the module; from here on nobody gets a reference."""
    return step("unregister", refuse(references > 0, "EWOULDBLOCK", why), done(goes), locks=locks)
