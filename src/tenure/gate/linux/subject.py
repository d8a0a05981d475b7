"""A kernel as a subject: booted when it is needed, called through the adapter of its profile, booted anew when it fell."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tenure.gate.linux.adapter import Adapter, Moves
from tenure.gate.linux.apt import Told
from tenure.gate.linux.batch import Batch, Round
from tenure.gate.linux.cdev import Cdevs
from tenure.gate.linux.containers import Containers
from tenure.gate.linux.debian import fetched
from tenure.gate.linux.differences import intended, known
from tenure.gate.linux.dma import arrival_marks
from tenure.gate.linux.facts import Facts, Needs, facts_of
from tenure.gate.linux.guest import Guest
from tenure.gate.linux.image import Image, image_at, image_in
from tenure.gate.linux.ioas import IoSpaces
from tenure.gate.linux.ioas_compat import IoContainers
from tenure.gate.linux.kvm_files import KvmFiles
from tenure.gate.linux.machine import Board, qemu
from tenure.gate.linux.modules import KVM
from tenure.gate.linux.objects import ACCESSES, Objects
from tenure.gate.linux.racing import RACER, Races, Racing
from tenure.gate.linux.recording import Act, Marks, Part, Recording
from tenure.gate.linux.reproducer import as_c
from tenure.gate.linux.source import built
from tenure.gate.linux.type1 import Type1
from tenure.gate.linux.vfio import TYPE1, TYPE1_V2
from tenure.gate.subject import Arrived, Fell, Hits, NotRun, Reply, Setup, Shown, TargetFailed, Written
from tenure.gate.wording import did_you_mean
from tenure.search.object_scopes import MIXTURE
from tenure.vocabulary.answers import Answer
from tenure.vocabulary.machine import Scope
from tenure.vocabulary.systems import System

ADAPTERS: Mapping[str, Callable[[Guest, Facts], Adapter]] = {
    "cdev": Cdevs,
    "containers-2022": Containers,
    "containers-2022:6.1": Containers,
    "dma-ioas": IoSpaces,
    "dma-ioas-compat": IoContainers,
    "dma-type1-v1": lambda guest, facts: Type1(guest, facts, version=TYPE1),
    "dma-type1-v2": lambda guest, facts: Type1(guest, facts, version=TYPE1_V2),
    "iommufd-objects": lambda guest, facts: Objects(guest, facts, MIXTURE),
    "iommufd-objects:accesses": lambda guest, facts: Objects(guest, facts, ACCESSES),
    "iommufd-objects:no-devices": Objects,
    "kvm-file": KvmFiles,
    "kvm-file:group-only": KvmFiles,
}
"""What each profile is on a guest."""

NEEDS: Mapping[str, Needs] = {
    "dma-ioas": Needs.NOTHING,
    "dma-ioas-compat": Needs.NOTHING,
    "iommufd-objects": Needs.DEVICES,
    "iommufd-objects:accesses": Needs.NOTHING,
    "iommufd-objects:no-devices": Needs.NOTHING,
}
"""What a profile needs of a guest before it is looked at further; the others need all."""

MODULES: Mapping[str, tuple[str, ...]] = {"kvm-file": KVM, "kvm-file:group-only": KVM}
"""The modules that a profile needs besides those of VFIO."""


class LinuxSubject:
    """One kernel and one profile."""

    def __init__(
        self, rest: str, profile: str, iommu: str = "intel", told: Told = lambda _: None, processors: int = 1
    ) -> None:
        self.name = f"linux:{rest}"
        if profile not in ADAPTERS:
            question = did_you_mean(profile, ADAPTERS, f"there are {', '.join(ADAPTERS)}")
            raise NotRun(f"no adapter makes the calls of {profile} on a kernel", question)
        self._image = image_of(rest, told)
        told(f"booting {self._image.path.name}")
        self._board = Board(iommu, processors=processors)
        self._profile = profile
        self._make = ADAPTERS[profile]
        self._modules = MODULES.get(profile, ())
        self._guest: Guest | None = None
        self._ahead: deque[tuple[str, Mapping[str, Written], Answer | None, Callable[[], Shown]]] = deque()
        """Calls that were made together, and are told one by one."""
        self.boots = 0
        try:
            self.boot()
        except Fell as fell:
            raise NotRun(f"{self.name} does not boot: {fell}", "try another kernel") from None
        self.calls = self._adapter.calls
        self.shows = self._adapter.shows

    def boot(self) -> None:
        """Boot the kernel, and nothing of an earlier boot is left."""
        self.close()
        self._guest = Guest(self._image, self._board, self._modules)
        self.boots += 1
        try:
            self.facts = facts_of(self._guest, NEEDS.get(self._profile, Needs.TYPE1))
            self._guest.heard.clear()
            self._adapter = self._make(self._guest, self.facts)
            self._recording = Recording(list(self._guest.heard))
        except BaseException:
            self.close()
            raise

    def scopes(self, system: System) -> tuple[Scope, Scope]:
        """Where this target is driven, at the edges that it has itself; and the part of it in which runs are planned."""
        return self._adapter.scopes(system)

    def able(self, call: str, args: Mapping[str, Written]) -> bool:
        return self._adapter.able(call, args)

    def stands_for(self, call: str, given: Answer | None) -> Answer | None:
        return intended(call, given, self.facts.version)

    def known(self, call: str, args: Mapping[str, Written]) -> str:
        return known(self._adapter.marks(call, args), self.facts.version)

    def settle(self) -> str:
        return self._adapter.settle() if self._guest is not None else ""

    def reset(self, setup: Setup) -> None:
        self._ahead.clear()
        if self._guest is None or not self._guest.runs:
            self.boot()
        heard = self._heard()
        self._recording.hear(heard)
        heard.clear()
        try:
            self._adapter.reset(setup)
        finally:
            self._recording.begin(heard)

    def _heard(self) -> list[tuple[Batch, ...]]:
        """What the guest was asked since this was cleared."""
        return self._guest.heard if self._guest is not None else []

    def prepare(self, calls: Sequence[tuple[str, Mapping[str, Written]]]) -> None:
        if self._guest is None:
            raise AssertionError("calls come after reset")
        using = Round()
        asked = []
        for call, args in calls:
            asked.append((call, args, self._asked(call, args, using), self._adapter.look(using)))
            if self._adapter.last(call):
                break
        self._guest.ask(*using.batches)
        # all are read at once: what they did is done, also where nobody asks for it, since an earlier one was wrong
        self._ahead.extend((call, args, read(), look) for call, args, read, look in asked)

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        if self._guest is None:
            raise AssertionError("do comes after reset")
        if self._ahead:
            made, given, answer, read = self._ahead.popleft()
            if (made, given) != (call, args):
                raise AssertionError(f"{made} was made ahead, and not {call}")
            return Reply(answer, read())
        using = Round()
        answered = self._asked(call, args, using)
        shown = self._adapter.look(using) if show else None
        self._guest.ask(*using.batches)
        return Reply(answered(), shown() if shown else None)

    @property
    def moves(self) -> bool:
        return isinstance(self._adapter, Moves)

    def move(self, table: str, wanted: Mapping[str, Hits]) -> Sequence[Arrived]:
        if not isinstance(self._adapter, Moves):
            return []
        earlier = len(self._heard())
        found = self._adapter.move(table, wanted)
        self._recording.add(self._heard()[earlier:])
        marked = self._board.iommu.startswith("intel")
        return [replace(one, known=known(arrival_marks(one), self.facts.version)) if marked else one for one in found]

    def _asked(self, call: str, args: Mapping[str, Written], using: Round) -> Callable[[], Answer | None]:
        """Put a call into a round, and remember what was put there for it."""
        marks = Marks(using)
        answer = self._adapter.ask(call, args, using)
        self._recording.calls.append(Act(" ".join((call, *(f"{k}={v}" for k, v in args.items()))), marks.since()))
        return answer

    def program(self, calls: int) -> str:
        self._recording.hear(self._heard())
        return as_c(self._heading(), self._recording.acts(calls), self._recording.processes, self.facts.groups)

    def racing(self) -> Racing:
        """The kernel as two threads call it; raises NotRun where the calls of the profile are none of theirs."""
        if not isinstance(self._adapter, Races) or self._guest is None:
            raise NotRun(
                f"no adapter makes the calls of {self._profile} by two threads", "docs/kernels.md has those that do"
            )
        return Racing(self._guest, self._adapter, self._adapter)

    def race_program(self, lines: Sequence[str]) -> str:
        """A race as a program in C: what the process was asked for it, over and over."""
        self._recording.hear(self._heard())
        acts = (*self._recording.acts(0), Act("", (Part(RACER, 0, tuple(lines)),)))
        heading = (
            *self._heading(),
            "Each line is what two calls made at once were answered: ./a.out | sort | uniq -c counts them.",
        )
        return as_c(heading, acts, self._recording.processes, self.facts.groups)

    def _heading(self) -> tuple[str, ...]:
        return (
            f"Found on Linux {self.facts.release}, with an IOMMU of kind {self._board.iommu}. Run it as root.",
            "Where your devices have other names or groups, change these below: they are strings.",
        )

    def ask(self, *batches: Batch) -> None:
        """Have batches made as they are, for whoever looks at the kernel otherwise than by its calls."""
        if self._guest is None:
            raise TargetFailed("the guest was stopped", "reset first", self.name)
        self._guest.ask(*batches)

    def close(self) -> None:
        if self._guest is not None:
            self._guest.end()
            self._guest = None


def image_of(rest: str, told: Told) -> Image:
    """The kernel that a target names: a file, a stock kernel of Debian, or one built of its source."""
    kind, _, version = rest.partition(":")
    if kind == "debian":
        qemu()  # before anything is fetched for it
        return image_in(fetched(version, told))
    if kind == "source":
        qemu()
        return image_in(built(version, told))
    return image_at(Path(rest))
