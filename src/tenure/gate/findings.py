"""What a campaign finds: runs at whose last call a subject is wrong, and the count of all that it tried."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tenure.gate.devices import DEVICE, LOST, Devices
from tenure.gate.oracle import Made
from tenure.gate.subject import Shown
from tenure.vocabulary.answers import Answer

Run = tuple[Made, ...]

STAYS_UP = "kernel"
"""What a row is called that says whether the subject stayed up: it neither panicked nor warned nor hung."""


@dataclass(frozen=True)
class Finding:
    """A run at whose last call the subject is wrong: it answered what no rule permits, or showed what breaks a property."""

    kind: str
    """`differs` or `violates`."""
    run: Run
    calls: tuple[str, ...]
    answers: tuple[str, ...]
    given: str
    permitted: str
    property: str = ""
    reason: str = ""
    shown: Shown | None = None
    log: str = ""
    """The console, where the subject fell."""
    known: str = ""
    """The recorded fault of this target that it is."""
    left: str = ""
    """What was left when everything was closed."""
    program: str = ""
    """The run as a program of its own, where the subject can tell it so."""

    def fell(self) -> bool:
        """The subject did not stay up."""
        return self.property == STAYS_UP

    def of_device(self) -> bool:
        """Bytes that a device moved arrived otherwise than they should."""
        return self.property == DEVICE

    def is_sensitive(self) -> bool:
        """Others may be in danger by it: a kernel falls, or a device reaches memory that is not its own, and nobody knew."""
        return self.fell() or (self.of_device() and self.given != LOST and not self.known)

    def signature(self) -> tuple[str, str, str, str]:
        """Findings that agree in this are told once: the kind, the call, what was wrong and what was right; or the fault."""
        if self.fell():
            return (self.kind, "", self.given, self.property)
        if self.left:
            return (self.kind, "", self.left, self.known)
        if self.known:
            return (self.kind, "" if self.of_device() else self.run[-1].call, self.known, "")
        return (self.kind, self.run[-1].call, self.given, self.property or self.permitted)

    def comes_again_as(self, other: Finding) -> bool:
        """The other is what the same run comes to: a device that is asked at more unmaps notices the same at an earlier one."""
        if not self.of_device():
            return other.signature() == self.signature()
        return (other.property, other.given, other.known) == (self.property, self.given, self.known)


@dataclass
class CampaignReport:
    """What a campaign did and found."""

    calls: int = 0
    runs: int = 0
    planned: int = 0
    followed: int = 0
    """How many of the planned runs were made, as far as the subject's calls go."""
    planned_calls: int = 0
    seconds: float = 0.0
    seed: int = 0
    findings: list[Finding] = field(default_factory=list)
    refusals: set[str] = field(default_factory=set)
    not_run: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    """The properties that the rules themselves break: nobody can be held to them by these rules."""
    failure: str = ""
    missing: str = ""
    """What this machine lacks to try the target."""
    interrupted: bool = False
    once: list[Finding] = field(default_factory=list)
    """Falls, and what devices did, that did not come again on a fresh start."""
    lacking: tuple[str, ...] = ()
    """The calls of the rules that the subject does not have."""
    left_out: Counter[str] = field(default_factory=Counter)
    """By call: how often the target's machine could not make it."""
    unvisited: dict[str, str | int | bool] = field(default_factory=dict)
    """The edges of the target that no call was about, by name: where each of them is."""
    intended: Counter[str] = field(default_factory=Counter)
    """By call: how often an answer was another than the rules', as it is recorded for this target."""
    devices: Devices | None = None
    """What devices were asked, where they were."""

    @property
    def complete(self) -> bool:
        """Every planned run was made, and nothing ended the campaign but its budget."""
        return self.followed == self.planned and not self.failure and not self.interrupted


def worded(answer: Answer | None) -> str:
    """An answer in words."""
    return "never returned" if answer is None else str(answer)
