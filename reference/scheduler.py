"""The scheduler: the calls in flight, and how far each may run; any interleaving can be replayed."""

from __future__ import annotations

from tenure.reference.calls import Task
from tenure.reference.harm import Oops
from tenure.reference.locks import BLOCKED
from tenure.reference.machine import Machine
from tenure.reference.outcomes import WAITING, Died, Outcome, Paused
from tenure.reference.systems import Form
from tenure.vocabulary.answers import Done, Refused


class Scheduler:
    """At most one call in flight for each actor; one of them runs at a time, until it pauses, sleeps or ends."""

    __slots__ = ("_machine", "tasks")

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.tasks: dict[str, Task] = {}

    def begin(self, task: Task, form: Form, pauses: frozenset[str] | None) -> Outcome:
        """Enter a call and run its first step, and on to a step of `pauses`, or to any where that is None."""
        try:
            begun = form.run(self._machine, task, **task.args)
        except Oops as oops:
            return self._died(task, oops)
        if isinstance(begun, Done | Refused):
            task.let_go()
            return begun
        task.steps = begun
        self.tasks[task.actor] = task
        return self.run(task, pauses)

    def run(self, task: Task, pauses: frozenset[str] | None) -> Outcome:
        """Run the next step of a call in flight, and on to a step of `pauses`, or to any where that is None."""
        try:
            while True:
                reached = next(task.steps)
                if reached is BLOCKED:
                    return WAITING
                if pauses is None or reached in pauses:
                    return Paused(reached)
        except StopIteration as end:
            del self.tasks[task.actor]
            task.let_go()
            answer: Done | Refused = end.value
            return answer
        except Oops as oops:
            del self.tasks[task.actor]
            return self._died(task, oops)

    def has_promised(self, names: tuple[tuple[str, int], ...]) -> bool:
        """Some call in flight is going to use one of the names."""
        return any(name in task.names for task in self.tasks.values() for name in names)

    def runs_for(self, process: int) -> bool:
        """Some call of the process is in flight."""
        return any(task.args.get("process") == process for task in self.tasks.values())

    def works_on(self, file: int) -> bool:
        """Some call on the file is in flight."""
        return any(task.args.get("file") == file for task in self.tasks.values())

    def _died(self, task: Task, oops: Oops) -> Died:
        """The call never returns: the file references that it holds are never dropped."""
        self._machine.note(oops.harm)
        for name in ("user", "entry"):
            if name in task.args:
                self._machine.users[task.args[name]].lost = True
        return Died(str(oops))
