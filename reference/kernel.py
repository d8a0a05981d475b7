"""The kernel as its callers meet it: begin a call, step it, look at what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tenure.reference.calls import Task
from tenure.reference.configuration import Configuration
from tenure.reference.files import IOMMUFD_FILE, KVM_VFIO_FILE, File
from tenure.reference.interrupt_calls import due_interrupts
from tenure.reference.iommufd_calls import due_objects
from tenure.reference.machine import Machine
from tenure.reference.metagroup_memory_calls import due_work
from tenure.reference.outcomes import WAITING, Died, NotCallable, Outcome, Paused, Waiting, WouldBlock
from tenure.reference.saving import Snapshot, load, save
from tenure.reference.scheduler import Scheduler
from tenure.reference.show import SHOWN, Window
from tenure.reference.systems import SLEEPING, SYSTEMS, Form
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.observables import FILE_KIND

__all__ = [
    "SHOWN",
    "SYSTEMS",
    "Configuration",
    "Died",
    "Kernel",
    "NotCallable",
    "Paused",
    "Waiting",
    "WouldBlock",
]

_NOWHERE: frozenset[str] = frozenset()

_MAY_BE_NONE = frozenset({"other", "eventfd", "region", "index"})
"""The arguments that may be none in some call: an fd, or a number that is not meant."""


class Kernel:
    """One machine that runs one system; arguments are indexes of elements and choices, or flags."""

    def __init__(self, system_id: str, configuration: Configuration) -> None:
        self.configuration = configuration
        self._system = SYSTEMS[system_id]
        self.machine = Machine(
            configuration,
            spares_bridges=self._system.spares_bridges,
            claims_ownership=self._system.claims_ownership,
            paged=self._system.paged,
            metagroups=self._system.metagroups,
            has_groups=self._system.has_groups,
            has_ioases=self._system.has_ioases,
            links_tables="file_add" in self._system.forms,
            asks_containers=self._system.asks_containers,
        )
        self._scheduler = Scheduler(self.machine)
        self._window = Window(self.machine, self._scheduler.tasks)

    def callable(self, call: str, args: Mapping[str, int]) -> bool:
        """Somebody can make this call now; any thread may, where the call does not say who."""
        form = self._system.forms.get(call)
        return form is not None and self._admits(form, args, _actor(form, args))

    def begin(self, call: str, args: Mapping[str, int], actor: str | None = None) -> Outcome:
        """Enter a call and run its first step; raises NotCallable where nobody can make it.

        `actor` is the thread that makes it, by default the first idle one; other calls have an actor of their own.
        """
        form = self._form(call)
        label = _actor(form, args) or actor or self._idle_thread()
        if not self._admits(form, args, label):
            raise NotCallable(call)
        task = Task(label, call, args, _names(form, args))
        return self._scheduler.begin(task, form, self._pauses(call))

    def step(self, actor: str) -> Outcome:
        """Run the next step of the actor's call; one that cannot go on yet is Waiting, and nothing has changed."""
        task = self._scheduler.tasks.get(actor)
        if task is None or self.machine.has_stopped():
            raise NotCallable(actor)
        return self._scheduler.run(task, self._pauses(task.call))

    def do(self, call: str, args: Mapping[str, int]) -> Answer | Died:
        """Run a call from its beginning to its end; raises WouldBlock, and changes nothing, where it would sleep.

        Releases that become due are not run.
        """
        form = self._form(call)
        label = _actor(form, args) or _WHOLE_CALL
        if not self._admits(form, args, label):
            raise NotCallable(call)
        before = save(self.machine) if form.sleeps else None
        task = Task(label, call, args, ())
        outcome = self._scheduler.begin(task, form, _NOWHERE)
        if outcome is WAITING:
            del self._scheduler.tasks[label]
            if before is None:
                raise AssertionError(f"{call} found a lock taken, but nobody pauses with a lock")
            load(self.machine, before)
            raise WouldBlock(call)
        if isinstance(outcome, Paused | Waiting):
            raise TypeError(outcome)
        return outcome

    def pending(self) -> list[tuple[str, dict[str, int]]]:
        """The calls that the kernel owes itself: due releases that have not begun, and users whose process is gone."""
        if self.machine.has_stopped():
            return []
        running = self._scheduler.tasks
        due: list[tuple[str, dict[str, int]]] = [
            release
            for file in self.machine.files
            if file.is_due() and file.kind != IOMMUFD_FILE and f"f{file.index}" not in running
            for release in self._releases(file)
        ]
        if "release_user" in self._system.forms:
            due.extend(
                ("release_user", {"user": user.index})
                for user in self.machine.users
                if user.is_left() and f"u{user.index}" not in running
            )
        due.extend(due_interrupts(self.machine))
        due.extend(due_objects(self.machine))
        due.extend(one for one in due_work(self.machine) if f"pg{one[1]['page']}" not in running)
        return [*due, *self._destructions()]

    def _releases(self, file: File) -> list[tuple[str, dict[str, int]]]:
        """The file's release; before that, where a KVM VFIO device ends with its file, each entry of its list."""
        if "release_entry" in self._system.forms and file.vm is not None and file.kind == KVM_VFIO_FILE:
            device = file.vm.device
            entries = [] if device is None else device.entries
            if entries:
                return [("release_entry", {"file": file.index, "entry": entry.index}) for entry in entries]
        return [(f"release_{FILE_KIND.values[file.kind]}", {"file": file.index})]

    def _destructions(self) -> Iterator[tuple[str, dict[str, int]]]:
        """What is left to do for VMs whose last reference is gone: each entry of their KVM VFIO device, then the VM."""
        for vm in self.machine.vms:
            if vm.is_dying() and f"vm{vm.index}" not in self._scheduler.tasks:
                entries = [] if vm.device is None else vm.device.entries
                yield from (("destroy_entry", {"vm": vm.index, "entry": entry.index}) for entry in entries)
                if not entries:
                    yield "destroy_vm", {"vm": vm.index}

    def in_flight(self) -> list[str]:
        """The actors whose calls are in flight, the first to begin first."""
        return list(self._scheduler.tasks)

    def observe(self) -> tuple[tuple[int, ...], ...]:
        """The observables of SHOWN, each over the product of its arguments' sorts, the last running fastest."""
        return self._window.columns()

    def snapshot(self) -> Snapshot:
        """The state as a plain tuple, hashable; only while no call is in flight."""
        if self._scheduler.tasks:
            raise ValueError(f"calls of {', '.join(self._scheduler.tasks)} are in flight")
        return save(self.machine)

    def is_at(self, snapshot: Snapshot) -> bool:
        """No call is in flight, and the state is the one that was saved."""
        return not self._scheduler.tasks and not self.machine.has_stopped() and save(self.machine) == snapshot

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state; calls in flight are forgotten."""
        if self._scheduler.tasks or self.machine.has_stopped():
            self._scheduler.tasks.clear()
            for lock in self.machine.locks():
                lock.release()
        load(self.machine, snapshot)

    def _form(self, call: str) -> Form:
        form = self._system.forms.get(call)
        if form is None:
            raise NotCallable(call)
        return form

    def _pauses(self, call: str) -> frozenset[str] | None:
        """The steps in front of which the call pauses; None for all."""
        return SLEEPING if call in self._system.indivisible else None

    def _admits(self, form: Form, args: Mapping[str, int], actor: str | None) -> bool:
        """The machine runs, the actor is idle, the names are free, and the caller has what the call needs."""
        machine, scheduler = self.machine, self._scheduler
        if machine.has_stopped():
            return False
        for name, value in args.items():
            if value < 0 and name not in _MAY_BE_NONE:
                return False
        if scheduler.tasks and (
            actor in scheduler.tasks
            or scheduler.has_promised(_names(form, args))
            or (form.ends_process and scheduler.runs_for(args["process"]))
            or (form.ends_file and scheduler.works_on(args["file"]))
        ):
            return False
        return form.may(machine, **args)

    def _idle_thread(self) -> str:
        """The first thread that has no call in flight."""
        number = 0
        while f"th{number}" in self._scheduler.tasks:
            number += 1
        return f"th{number}"


_WHOLE_CALL = "a thread"
"""Who makes a whole call that any thread may make: it is over before anybody can ask."""


def _actor(form: Form, args: Mapping[str, int]) -> str | None:
    """The object that makes the call; None where any thread may."""
    if form.actor is None:
        return None
    parameter, sort = form.actor
    return sort.element(args[parameter])


def _names(form: Form, args: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The names that the call gives to new objects."""
    return tuple((sort.name, args[parameter]) for parameter, sort in form.new)
