"""A stock kernel in QEMU is held to the rules, and what is planted is caught: `make test-kernel`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tenure.commands.kernels import profile_for
from tenure.commands.output import Exit
from tenure.commands.racing import run_races
from tenure.gate import oracle as oracles
from tenure.gate.campaign import Campaign
from tenure.gate.devices import DEVICE, LOST, STRAY
from tenure.gate.findings import STAYS_UP, CampaignReport, Finding
from tenure.gate.linux import edu, reproducer
from tenure.gate.linux.batch import AT_FDCWD, Batch, Number
from tenure.gate.linux.debian import fetched
from tenure.gate.linux.facts import KEEPER
from tenure.gate.linux.image import image_in
from tenure.gate.linux.programs import found
from tenure.gate.linux.racing import Racing, Said
from tenure.gate.linux.source import kept_at
from tenure.gate.linux.subject import ADAPTERS, LinuxSubject
from tenure.gate.oracle import Made, Oracle
from tenure.gate.plans import planned
from tenure.gate.profiles import setup_of
from tenure.gate.subject import Fell, NotRun, Reply, TargetFailed, Written
from tenure.models import SYSTEMS
from tenure.vocabulary.answers import Done, Refused
from tenure.vocabulary.guards import guards_of, weakened
from tenure.vocabulary.machine import Machine
from tenure.vocabulary.rules import rules_of
from tenure.vocabulary.systems import Granularity, System
from tenure.vocabulary.verdicts import Verdict

pytestmark = pytest.mark.kernel

STOCK = "debian"
"""The newest stock kernel of the machine's own suite."""

PROFILE = "dma-type1-v2"

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture(autouse=True)
def machine() -> None:
    """Where nothing can be booted nothing is tested: the run ends as not-run, which is no pass; in CI that is a failure."""
    missing = [name for name in ("qemu-system-x86_64", "modprobe", "apt-get") if found(name) is None]
    said = f"this machine lacks {', '.join(missing)}; `tenure doctor` says what installs it" if missing else unfetched()
    if said and os.environ.get("CI") == "true":
        pytest.fail(said)
    if said:
        pytest.exit(f"not-run: {said}", returncode=Exit.NOTHING)


@cache
def unfetched() -> str:
    """Why the kernel cannot be had here; empty where it is there."""
    try:
        fetched("")
    except (TargetFailed, NotRun) as trouble:
        return str(trouble)
    return ""


@pytest.fixture(autouse=True)
def _nothing_stays(machine: None) -> Iterator[None]:
    """No QEMU of ours runs on."""
    del machine
    before = set(machines())
    yield
    assert set(machines()) <= before


def machines() -> list[str]:
    """The numbers of the running QEMUs that have our agent, and were begun by this process of the tests or by what it began."""
    name = "PYTEST_XDIST_WORKER"  # of several that run side by side each has one, and hands it on
    mine = f"{name}={os.environ[name]}".encode() if name in os.environ else None
    ours = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            words, handed_on = (one / "cmdline").read_bytes(), (one / "environ").read_bytes()
        except OSError:
            continue
        if b"socket,id=agent," in words and (mine is None or mine in handed_on.split(b"\0")):
            ours.append(one.name)
    return ours


def system(name: str) -> System:
    """The rules of a profile."""
    return next(s for s in SYSTEMS if s.id == name)


def led(subject: LinuxSubject, rules: System, *, seconds: float) -> CampaignReport:
    """A campaign: the planned runs, and random ones for so long."""
    where, start = subject.scopes(rules)
    oracle = Oracle(rules, where)
    campaign = Campaign(subject, oracle, setup_of(rules, oracle.machine), 1)
    plan = planned(rules, oracle.rules, start)
    try:
        campaign.play(plan, seconds=seconds, calls=None)
    finally:
        subject.close()
    return campaign.report


def profile_here(name: str) -> str:
    """The variant of a profile that is of the stock kernel's version."""
    return profile_for(name, image_in(fetched("")).release.partition("-")[0].partition("+")[0])


IOMMUFD = ("cdev", "dma-ioas", "dma-ioas-compat", "iommufd-objects")
STOCK_LACKS = frozenset(name for name in ADAPTERS if name.partition(":")[0] in IOMMUFD)
"""The profiles of interfaces that no stock kernel has."""


@pytest.mark.parametrize("profile", [name for name in ADAPTERS if name not in STOCK_LACKS])
def test_a_stock_kernel_keeps_the_rules_but_for_what_is_recorded(profile: str) -> None:
    """All planned runs are made, the kernel stays up, and every finding is a fault that is known of its version."""
    if (meant := profile_here(profile.partition(":")[0])) != profile:
        pytest.skip(f"the rules of this kernel are {meant}")

    report = led(LinuxSubject(STOCK, profile), system(profile), seconds=45)

    assert report.failure == ""
    assert report.complete
    assert report.once == []
    assert report.unvisited == {}
    assert STAYS_UP in report.checked
    assert [(one.calls, one.given, one.permitted) for one in report.findings if not one.known] == []


@pytest.mark.parametrize("profile", sorted(STOCK_LACKS))
def test_what_a_stock_kernel_lacks_is_not_run(profile: str) -> None:
    """It is said what it takes."""
    with pytest.raises(NotRun, match="it needs CONFIG_IOMMUFD"):
        LinuxSubject(STOCK, profile)


BUILT = ("7.2", "6.12")
"""The versions of kernels of Debian's source that are taken where they are there; none is built for a test."""


def test_a_kernel_that_was_built_keeps_the_rules_of_what_stock_kernels_lack() -> None:
    """All planned runs are made, and nothing is found; where no such kernel was built, this is not run, and said so."""
    profile = "dma-ioas"
    version = next((one for one in BUILT if (kept_at(one) / "whole").exists()), "")
    if not version:
        pytest.skip(
            f"not-run: no kernel was built; `tenure gate linux:source:{BUILT[0]} --profile {profile}` builds one"
        )

    report = led(LinuxSubject(f"source:{version}", profile), system(profile), seconds=15)

    assert report.failure == ""
    assert report.complete
    assert (report.once, report.findings, report.unvisited) == ([], [], {})
    assert STAYS_UP in report.checked


class TakesTwice(LinuxSubject):
    """It says that a mapping over another was made, or that a file is kept twice."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = super().do(call, args, show=show)
        return Reply(Done(()), reply.shown) if reply.answer == Refused("EEXIST") else reply


class CountsShort(LinuxSubject):
    """It says of an unmap of several pages that one less went."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        reply = super().do(call, args, show=show)
        match reply.answer:
            case Done((("size", int(size)),)) if size > 1:
                return Reply(Done((("size", size - 1),)), reply.shown)
        return reply


@pytest.mark.parametrize(
    ("lying", "profile", "call", "given", "most"),
    [
        (TakesTwice, PROFILE, "map_dma", "ok", 3),
        (CountsShort, PROFILE, "unmap_dma", "ok size=1", 3),
        (TakesTwice, "kvm-file", "file_add", "ok", 5),
    ],
)
def test_a_lie_about_an_answer_is_caught(
    lying: Callable[[str, str], LinuxSubject], profile: str, call: str, given: str, most: int
) -> None:
    """By as few calls as it takes."""
    report = led(lying(STOCK, profile_here(profile)), system(profile_here(profile)), seconds=30)

    lies = [one for one in report.findings if (one.run[-1].call, one.given) == (call, given) and not one.known]
    assert lies
    assert len(lies[0].run) <= most


@pytest.mark.parametrize("profile", [PROFILE, "kvm-file"])
def test_a_guard_that_the_rules_lost_is_caught_by_the_kernel(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses what they would permit: a planted fault in the oracle."""
    rules = system(profile_here(profile))
    sound = rules_of(rules, Granularity.WHOLE)
    lost = next(guard.name for guard in guards_of(sound) if "EEXIST" in guard.does)
    monkeypatch.setattr(oracles, "rules_of", lambda *_: weakened(sound, [lost]))

    report = led(LinuxSubject(STOCK, rules.id), rules, seconds=30)

    assert "EEXIST" in {one.given for one in report.findings}


class KeepsMapped(LinuxSubject):
    """It says of an UNMAP_DMA with ALL that a page went, and makes none; what would tell otherwise it does not show."""

    def __init__(self, rest: str, profile: str) -> None:
        super().__init__(rest, profile)
        self.shows = frozenset()

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        return Reply(Done((("size", 1),)), {}) if call == "unmap_all" else super().do(call, args, show=show)


PAGE_AND_BACK = (Made("map_dma", (0, 0, 0, 0, 0, 3, 0)), Made("unmap_all", (0,)))
"""A page of the first address space is mapped for both ways, and unmapped."""


def asked_of_a_device(making: Callable[[str, str], LinuxSubject]) -> tuple[Finding | None, int]:
    """What a device finds wrong with such a run, and for how many addresses it was asked."""
    rules, subject = system(PROFILE), making(STOCK, PROFILE)
    try:
        oracle = Oracle(rules, subject.scopes(rules)[0])
        campaign = Campaign(subject, oracle, setup_of(rules, oracle.machine), 1)
        found = campaign.follow(PAGE_AND_BACK)
    finally:
        subject.close()
    assert campaign.report.devices is not None
    return found, campaign.report.devices.addresses


def test_a_device_reaches_what_is_mapped_and_no_more_what_was_unmapped() -> None:
    """It reads and writes before the unmap, and in vain after it."""
    assert asked_of_a_device(LinuxSubject) == (None, 2)


def test_an_unmap_that_was_not_made_is_caught_by_a_device_though_the_answer_was_right() -> None:
    """It still reads and writes the page."""
    finding, _ = asked_of_a_device(KeepsMapped)

    assert finding is not None
    assert (finding.kind, finding.property, finding.given) == ("violates", DEVICE, STRAY)
    assert finding.answers == ("ok", "ok size=1")
    assert "the device reads page 0 of p0, writes page 0 of p0; by the rules it reaches nothing" in finding.reason


def test_a_device_that_moves_nothing_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is not let onto the bus."""
    monkeypatch.setattr(edu, "MEMORY_AND_MASTER", 2)

    finding, _ = asked_of_a_device(LinuxSubject)

    assert finding is not None
    assert (finding.property, finding.given) == (DEVICE, LOST)


class Crashes(LinuxSubject):
    """Its UNMAP_DMA with ALL has the kernel crash itself."""

    def do(self, call: str, args: Mapping[str, Written], *, show: bool) -> Reply:
        if call == "unmap_all" and self._guest is not None:
            batch = Batch(KEEPER)
            batch.write("/proc/sysrq-trigger", "c")
            self._guest.ask(batch)
        return super().do(call, args, show=show)


def test_a_kernel_that_crashes_is_a_finding_that_comes_again_on_a_fresh_boot() -> None:
    """With its console; and the campaign ends as it should."""
    subject = Crashes(STOCK, PROFILE)
    rules = system(PROFILE)
    oracle = Oracle(rules, subject.scopes(rules)[0])
    campaign = Campaign(subject, oracle, setup_of(rules, oracle.machine), 1)
    try:
        campaign.play([(Made("unmap_all", (0, 0)),)], seconds=None, calls=1)
    finally:
        subject.close()

    (finding,) = campaign.report.findings
    assert finding.fell()
    assert "sysrq" in finding.log
    assert subject.boots == 2
    assert campaign.report.failure == ""


RUN = (
    ("map_dma", "p0", "a0", "a1", "m0"),
    ("map_dma", "p0", "a1", "a1", "m1"),
    ("unmap_dma", "", "a1", "a1", ""),
    ("unmap_dma", "", "a0", "a1", ""),
)
"""Two pages, a page of them again, half of them, all of them."""


def test_a_finding_as_a_program_does_the_same_without_tenure(tmp_path: Path) -> None:
    """It is compiled, put into the guest, and run there: the same calls are refused, for the same reasons."""
    subject = LinuxSubject(STOCK, PROFILE)
    rules = system(PROFILE)
    oracle = Oracle(rules, subject.scopes(rules)[0])
    try:
        subject.reset(setup_of(rules, oracle.machine))
        replies = [
            subject.do(call, asked(process, low, high, made), show=True) for call, process, low, high, made in RUN
        ]
        program = subject.program(len(RUN))
        subject.settle()
        said = run_inside(subject, compiled(program, tmp_path))
    finally:
        subject.close()

    assert [one.answer for one in replies] == [Done(()), Refused("EEXIST"), Refused("EINVAL"), Done((("size", 2),))]
    told = [line.split(maxsplit=1)[1] for line in said.splitlines() if line.startswith("    VFIO_IOMMU_")]
    assert told == ["done", "File exists", "Invalid argument", "done"]
    assert said.endswith("the end\n")


def test_a_race_as_a_program_does_the_same_without_tenure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is opened by one of two threads, whichever."""
    monkeypatch.setattr(reproducer, "ROUNDS", 400)
    profile = profile_here("containers-2022")
    rules = system(profile)
    subject = LinuxSubject(STOCK, profile, processors=2)
    opens = [("open_group", {"process": "p0", "file": file, "group": "g0"}) for file in ("f0", "f1")]
    try:
        subject.reset(setup_of(rules, Machine(rules_of(rules, Granularity.STEPS), subject.racing().scope(rules))))
        program = subject.race_program(subject.racing().lines([], (opens[0], opens[1]), []))
        subject.settle()
        said = run_inside(subject, compiled(program, tmp_path))
    finally:
        subject.close()

    told = [line for line in said.splitlines() if "|" in line]
    assert len(told) == 400
    assert set(told) <= {"done | Resource busy", "Resource busy | done"}


def asked(process: str, low: str, high: str, made: str) -> dict[str, Written]:
    """The arguments of a call about one range of the first address space."""
    memory: dict[str, Written] = {"process": process, "to": "both", "made": made} if process else {}
    return {"table": "tb0", "request": "range", "low": low, "high": high, **memory}


def compiled(program: str, folder: Path) -> bytes:
    """The program without anything that it would have to find in the guest."""
    source = folder / "found.c"
    source.write_text(program, encoding="utf-8")
    compiler = "musl-gcc" if found("musl-gcc") else "cc"
    subprocess.run([compiler, "-static", "-Os", "-s", "-o", str(folder / "found"), str(source)], check=True)
    return (folder / "found").read_bytes()


def run_inside(subject: LinuxSubject, binary: bytes) -> str:
    """Run a program in the guest; what it says.

    The worker forks, and both go on with the same lines: what tells the child is that it reads the program's name where it
    stands, while the parent, whose fork returned a process id, looks far behind its end, and waits.
    """
    fork, execve, wait = "s 57", "s 59", "s 61"
    for begin in range(0, len(binary), 1 << 17):
        part = Batch(KEEPER)
        file = part.call(Number.OPENAT, AT_FDCWD, part.put(b"/found\0"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o755)
        piece = binary[begin : begin + (1 << 17)]
        part.call(Number.WRITE, file, part.put(piece), len(piece))
        part.call(Number.CLOSE, file)
        subject.ask(part)
    batch = Batch(KEEPER)
    out = batch.open("/said", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
    name = batch.open("/name", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    batch.call(Number.WRITE, name, batch.put(b"/found\0"), 7)
    batch.call(Number.DUP3, out, 1, 0)
    path, arguments = batch.put(bytes(16)), batch.put(bytes(16))
    child = batch.order(fork)
    batch.call(Number.PREAD64, name, path, 7, child)
    batch.order(f"{execve} {path} {arguments} {arguments}")
    batch.order(f"{wait} {child} 0 0 0")
    subject.ask(batch)
    after = Batch(KEEPER)
    said = after.file("/said")
    subject.ask(after)
    return after.content(said).decode()


RACED = 24 * 40
"""How often races are run: each of them a round."""


def test_two_threads_of_a_stock_kernel_come_to_nothing_that_the_rules_do_not_allow() -> None:
    """And they do race: of some two calls either is first."""
    profile = profile_here("containers-2022")

    report = run_races(f"linux:{STOCK}", system(profile), None, RACED, 1, lambda *_: None)

    assert (report.missing, report.failure) == ("", "")
    assert [(one.words, one.forbidden) for one in report.tallies if one.wrong] == []
    assert report.verdict is Verdict.TESTED
    assert [one.words for one in report.tallies if len(one.counts) > 1] != []


def test_two_threads_of_which_both_are_told_that_they_were_first_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lie about one answer of a race."""
    made = Racing.run

    def lies(self: Racing, before: object, pair: object, looks: object, turns: object) -> list[Said]:
        found: list[Said] = []
        for alone, answers, shown in made(self, before, pair, looks, turns):  # type: ignore[arg-type]  # handed on
            told = tuple(Done(()) if one == Refused("EBUSY") else one for one in answers)
            found.append((alone, told, shown))
        return found

    monkeypatch.setattr(Racing, "run", lies)
    profile = profile_here("containers-2022")

    report = run_races(f"linux:{STOCK}", system(profile), None, RACED, 1, lambda *_: None)

    assert report.verdict is Verdict.VIOLATES
    wrong = {tuple(words.split()[0] for words in one.words[1]) for one in report.tallies if one.wrong}
    assert ("open_group", "open_group") in wrong
    assert all("ok" in outcome for one in report.tallies for outcome in one.forbidden)


def test_a_call_that_hangs_is_told_as_a_hang() -> None:
    """By nobody else than the watch."""
    subject = LinuxSubject(STOCK, PROFILE)
    assert subject._guest is not None  # noqa: SLF001  # what is inside is asked to sleep
    batch = Batch(KEEPER)
    batch.order("s 34")  # pause(2)

    with pytest.raises(Fell, match="hang"):
        subject._guest.ask(batch, limit=1)  # noqa: SLF001  # as above
    subject.close()


def test_a_machine_that_is_killed_is_the_targets_failure() -> None:
    """QEMU is not what is held to the rules."""
    before = set(machines())
    subject = LinuxSubject(STOCK, PROFILE)
    (number,) = set(machines()) - before
    os.kill(int(number), signal.SIGKILL)

    report = led(subject, system(PROFILE), seconds=5)

    assert "QEMU ended with status -9" in report.failure


HEEDFUL = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from tenure.cli import main; main()"
"""The command line where SIGINT is not ignored, as a shell has what it runs in the background ignore it."""


def campaign_in(folder: Path, before: set[str]) -> subprocess.Popen[str]:
    """A campaign by the command line that finds nothing, and a machine for it that was not there before."""
    words = ["gate", f"linux:{STOCK}", "--profile", profile_here("containers-2022"), "--budget", "60s", "--seed", "1"]
    run = subprocess.Popen(
        [sys.executable, "-c", HEEDFUL, *words],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while set(machines()) <= before and time.monotonic() < deadline:
        time.sleep(0.2)
    return run


def test_an_interrupted_campaign_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C stops the guest too, and what was found until then is told."""
    run = campaign_in(tmp_path, set(machines()))
    time.sleep(30)
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=60)

    assert run.returncode == 130
    assert "repeat with" in said


def test_a_campaign_that_is_told_to_end_while_the_kernel_boots_leaves_nothing_behind(tmp_path: Path) -> None:
    """As `timeout` tells it: nobody in the guest could notice yet that nobody listens."""
    before = set(machines())
    run = campaign_in(tmp_path, before)
    assert set(machines()) > before
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=60)

    assert run.returncode == 130
    assert set(machines()) <= before


def test_a_tool_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    """The agent notices that nobody listens, and switches the guest off."""
    before = set(machines())
    script = f"""if True:
        import time
        from tenure.gate.linux.subject import LinuxSubject
        subject = LinuxSubject({STOCK!r}, {PROFILE!r})
        print(1, flush=True)
        time.sleep(60)
    """
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == b"1\n"
    run.kill()
    run.wait()
    run.stdout.close()

    deadline = time.monotonic() + 20
    while set(machines()) - before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert set(machines()) <= before
