"""A subject behind a command: what it says is read, and whatever it does wrong is told in one line."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.gate.conftest import PROFILE

from tenure.gate.exec_subject import ExecSubject
from tenure.gate.subject import Reply, Setup, TargetFailed
from tenure.vocabulary.answers import Done, Refused

pytestmark = pytest.mark.usefixtures("nothing_stays")

Script = Callable[[str], str]


def test_hello_says_what_the_subject_has(script: Script) -> None:
    """Its calls and what it shows decide what is asked of it."""
    with closing(ExecSubject(script(""), PROFILE)) as subject:
        assert subject.calls == {"open_group", "get_status"}
        assert subject.shows == {"container_users", "device_group", "file_kind"}
        assert subject.version == "0.3"


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ({"done": {}}, Done()),
        ({"done": {"viable": True, "container_set": False}}, Done((("container_set", False), ("viable", True)))),
        ({"done": {"more": "than the rules say"}}, Done((("more", "than the rules say"),))),
        ({"refused": "EBUSY"}, Refused("EBUSY")),
        ({"refused": "ENOSUCHERRNO"}, Refused("ENOSUCHERRNO")),
        ({"died": True}, None),
    ],
)
def test_an_answer_is_read(script: Script, setup: Setup, reply: object, answer: Done | Refused | None) -> None:
    """Values stand in the order of their names; an errno that no kernel has is wrong, but no failure."""
    with closing(ExecSubject(script(f"def call(request): say({reply})"), PROFILE)) as subject:
        subject.reset(setup)

        assert subject.do("get_status", {}, show=False) == Reply(answer)


def test_what_is_shown_is_read_without_its_defaults(script: Script, setup: Setup) -> None:
    """A subject that sends all and one that sends what differs show the same."""
    all_of_it = {
        "container_users": {"g0": 0},
        "device_group": {"d0": "g0"},
        "file_kind": {"f0": "closed", "f1": "group", "f2": "closed"},
    }
    with closing(ExecSubject(script(f"at_start = {all_of_it}"), PROFILE)) as subject:
        subject.reset(setup)

        shown = subject.do("get_status", {}, show=True).shown

    assert shown == {"device_group": {"d0": "g0"}, "file_kind": {"f1": "group"}}


def test_a_line_may_come_in_pieces(script: Script, setup: Setup) -> None:
    """A reply is over at its newline, and not before."""
    habit = """def call(request):
        write('{"refu')
        time.sleep(0.05)
        write('sed": "EBUSY"}')
        time.sleep(0.05)
        write(chr(10))"""
    with closing(ExecSubject(script(habit), PROFILE)) as subject:
        subject.reset(setup)

        assert subject.do("get_status", {}, show=False) == Reply(Refused("EBUSY"))


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_a_line_may_have_one_mebibyte(script: Script, setup: Setup, more: int, *, fits: bool) -> None:
    """With its newline, and not a byte more."""
    long = (1 << 20) - len('{"refused": ""}\n') + more
    with closing(ExecSubject(script(f'def call(request): say({{"refused": "E" * {long}}})'), PROFILE)) as subject:
        subject.reset(setup)

        if fits:
            assert subject.do("get_status", {}, show=False) == Reply(Refused("E" * long))
        else:
            with pytest.raises(TargetFailed, match="a line longer than 1 MiB"):
                subject.do("get_status", {}, show=False)


def test_a_loud_log_holds_nobody_up(script: Script, setup: Setup) -> None:
    """Standard error is drained while the tool waits: a full pipe would stop the subject."""
    habit = 'def call(request): sys.stderr.write("x" * 1_000_000); say({"done": {}})'
    with closing(ExecSubject(script(habit), PROFILE)) as subject:
        subject.reset(setup)

        assert subject.do("get_status", {}, show=False) == Reply(Done())
        assert subject.do("get_status", {}, show=False) == Reply(Done())


WRONG_LINES = {
    "no JSON": ("write('done\\n')", "a line that is not JSON: done;"),
    "no line": ("write('\\n')", "a line that is not JSON: an empty line;"),
    "no UTF-8": ("sys.stdout.buffer.write(b'{\"refused\": \"\\xff\"}\\n'); write('')", "a line that is not UTF-8"),
    "two objects": ("write('{\"done\": {}} {}\\n')", "a line that is not JSON"),
    "very deep": ("write('[' * 200_000 + '\\n')", "a line that is not JSON"),
    "no object": ("say([])", "the line is no object: []"),
    "null": ("say(None)", "the line is no object: null"),
    "no shape": ("say({'ok': True})", "none of the shapes of an answer: {'ok': True}"),
    "two answers": ("say({'done': {}, 'refused': 'EBUSY'})", "none of the shapes"),
    "not quite dead": ("say({'died': False})", "none of the shapes"),
    "errno by number": ("say({'refused': 16})", "none of the shapes"),
    "done is no object": ("say({'done': True})", "done is no object: true"),
    "a fraction": ("say({'done': {'viable': 1.0}})", "done has viable: 1.0"),
    "a flag by number": ("say({'done': {'viable': 1}})", "viable of get_status is 1; it is written as a flag"),
    "another's reply": ("say({'reset': True})", "none of the shapes"),
    "a name twice": ('write(\'{"done": {"viable": true, "viable": false}}\\n\')', "has the name viable twice"),
    "error": ("say({'error': 'no such\\ngroup'})", r"it answers error: no such\ngroup"),
    "a show unasked": ("say({'done': {}, 'shown': at_start})", "it shows, though not asked"),
}


@pytest.mark.parametrize(("habit", "happened"), WRONG_LINES.values(), ids=WRONG_LINES)
def test_a_wrong_line_is_told(script: Script, setup: Setup, habit: str, happened: str) -> None:
    """With the request that it answers."""
    subject = ExecSubject(script(f"def call(request): {habit}"), PROFILE)
    subject.reset(setup)

    with pytest.raises(TargetFailed) as failed:
        subject.do("get_status", {"process": "p0"}, show=False)

    assert happened in str(failed.value)
    assert 'message 3, {"call":"get_status","args":{"process":"p0"}}' in failed.value.where
    assert "\n" not in str(failed.value)


WRONG_SHOWN = {
    "not there": ("{'done': {}}", "it shows nothing, though asked"),
    "no object": ("{'done': {}, 'shown': []}", "shown is no object: []"),
    "undeclared": ("{'done': {}, 'shown': {**at_start, 'container_user': {}}}", "did you mean container_users?"),
    "undeclared, but there": ("{'done': {}, 'shown': {**at_start, 'harm': {}}}", "it shows harm, which it did not"),
    "a flat value": ("{'done': {}, 'shown': {**at_start, 'container_users': 1}}", "container_users is no object: 1"),
    "out of scope": ("{'done': {}, 'shown': {**at_start, 'file_kind': {'f3': 'group'}}}", "has no place 'f3'"),
    "no such choice": (
        "{'done': {}, 'shown': {**at_start, 'file_kind': {'f0': 'open'}}}",
        "'f0' is 'open'; one of closed",
    ),
    "a count in words": ("{'done': {}, 'shown': {**at_start, 'container_users': {'g0': '1'}}}", "'g0' is '1'; a count"),
    "a count by flag": (
        "{'done': {}, 'shown': {**at_start, 'container_users': {'g0': True}}}",
        "'g0' is true; a count",
    ),
    "a broken count": ("{'done': {}, 'shown': {**at_start, 'container_users': {'g0': 1.0}}}", "'g0' is 1.0; a count"),
    "a group outside": (
        "{'done': {}, 'shown': {'device_group': {'d0': 'g1'}}}",
        "device_group of 'd0' is 'g1'; one of g0",
    ),
    "left out": ("{'done': {}, 'shown': {}}", "it does not show device_group everywhere"),
}


@pytest.mark.parametrize(("reply", "happened"), WRONG_SHOWN.values(), ids=WRONG_SHOWN)
def test_a_state_wrongly_shown_is_told(script: Script, setup: Setup, reply: str, happened: str) -> None:
    """What no property could be asked about is no state."""
    subject = ExecSubject(script(f"def call(request): say({reply})"), PROFILE)
    subject.reset(setup)

    with pytest.raises(TargetFailed) as failed:
        subject.do("get_status", {}, show=True)

    assert happened in str(failed.value)


WRONG_DEEDS = {
    "exits": ("sys.exit(3)", "it ended with status 3"),
    "crashes": ("os.kill(os.getpid(), signal.SIGSEGV)", "it ended by SIGSEGV"),
    "raises": ("raise KeyError('g7')", "KeyError: 'g7'); end only after the reply to quit"),
    "is silent": ("pass", "no reply within 0.5 s"),
    "hangs in a line": ("write('{\"do')", 'no reply within 0.5 s; it began a line: {"do'),
    "ends in a line": ("write('{\"do'); sys.exit(0)", 'it ended with status 0 in the middle of a line: {"do'),
    "floods": ("write('x' * (2 << 20))", "a line longer than 1 MiB: xxx"),
    "says two": ('write(\'{"done": {}}\\n{"done": {}}\\n\')', 'a line that nobody asked for: {"done": {}}'),
    "begins another": ('write(\'{"done": {}}\\n{"do\')', 'a line that nobody asked for: {"do'),
    "shuts its mouth": ("os.close(1); time.sleep(60)", "it closed its standard input or output"),
    "only logs": ("[sys.stderr.write('x' * 1000) for _ in iter(int, 1)]", "no reply within 0.5 s"),
    "is deaf to signals": ("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)", "no reply within 0.5 s"),
}


@pytest.mark.parametrize(("habit", "happened"), WRONG_DEEDS.values(), ids=WRONG_DEEDS)
def test_a_wrong_deed_is_told(script: Script, setup: Setup, habit: str, happened: str) -> None:
    """The tool neither waits for ever nor leaves the subject running."""
    subject = ExecSubject(script(f"def call(request): {habit}"), PROFILE, limit=0.5)
    subject.reset(setup)

    with pytest.raises(TargetFailed) as failed:
        subject.do("get_status", {}, show=False)

    assert happened in str(failed.value)


def test_last_words_are_told(script: Script, setup: Setup) -> None:
    """The reason for an end is often on standard error."""
    subject = ExecSubject(script("def call(request): print('no\\tIOMMU', file=sys.stderr); sys.exit(1)"), PROFILE)
    subject.reset(setup)

    with pytest.raises(TargetFailed, match=r"its last words on standard error: no\\tIOMMU\)"):
        subject.do("get_status", {}, show=False)


def test_a_line_between_replies_is_told(script: Script, setup: Setup) -> None:
    """It is not taken for the reply to the next request."""
    habit = "def call(request): say({'done': {}}); time.sleep(0.05); say({'refused': 'EBUSY'})"
    subject = ExecSubject(script(habit), PROFILE)
    subject.reset(setup)
    subject.do("get_status", {}, show=False)
    time.sleep(0.3)

    with pytest.raises(TargetFailed, match=r'a line that nobody asked for: {"refused": "EBUSY"}'):
        subject.do("get_status", {}, show=False)


def test_an_end_between_requests_is_told(script: Script, setup: Setup) -> None:
    """Whether the next request still reaches it makes no difference."""
    subject = ExecSubject(script("def call(request): say({'done': {}}); sys.exit(2)"), PROFILE)
    subject.reset(setup)
    subject.do("get_status", {}, show=False)
    time.sleep(0.3)

    with pytest.raises(TargetFailed, match="it ended with status 2"):
        subject.do("get_status", {}, show=False)


def test_a_subject_that_does_not_read_is_told(script: Script, setup: Setup) -> None:
    """A request that is larger than a pipe does not hold the tool up."""
    subject = ExecSubject(script("def reset(request): say({'reset': True}); time.sleep(60)"), PROFILE, limit=0.5)
    subject.reset(setup)

    with pytest.raises(TargetFailed, match=r"it reads no request within 0\.5 s"):
        subject.do("get_status", {"process": "p" * 500_000}, show=False)


def test_a_large_request_is_sent_whole(script: Script, setup: Setup) -> None:
    """However slowly it is read."""
    habit = "def call(request): say({'refused': str(len(request['args']['process']))})"
    with closing(ExecSubject(script(habit), PROFILE)) as subject:
        subject.reset(setup)

        assert subject.do("get_status", {"process": "p" * 500_000}, show=False) == Reply(Refused("500000"))


WRONG_HELLOS = {
    "another version": (
        "{**introduction, 'hello': 2}",
        "it speaks version 2 of the protocol; this tool speaks version 1",
    ),
    "no version": ("{**introduction, 'hello': True}", "lacks hello, a number"),
    "no name": ("{k: v for k, v in introduction.items() if k != 'name'}", "lacks name, a text"),
    "one name more": ("{**introduction, 'call': []}", "has an unknown name: call; did you mean calls?"),
    "no such call": ("{**introduction, 'calls': ['open_grop']}", "'open_grop'; did you mean open_group?"),
    "no such observable": ("{**introduction, 'shows': ['harms']}", "'harms'; did you mean harm?"),
    "no list": ("{**introduction, 'calls': 'close'}", "calls is no list: 'close'"),
    "stepwise": ("{**introduction, 'stepwise': True}", "it says that it is stepwise"),
    "declined": ("{'error': 'not my profile'}", "it answers error: not my profile"),
}


@pytest.mark.parametrize(("hello", "happened"), WRONG_HELLOS.values(), ids=WRONG_HELLOS)
def test_a_wrong_hello_is_told(script: Script, hello: str, happened: str) -> None:
    """There is no subject then."""
    with pytest.raises(TargetFailed) as failed:
        ExecSubject(script(f"def hello(request): say({hello})"), PROFILE)

    assert happened in str(failed.value)
    assert 'message 1, {"hello":1,"profile":"external-get-put"}' in failed.value.where


def test_a_refused_reset_is_told(script: Script, setup: Setup) -> None:
    """A reset has one reply."""
    subject = ExecSubject(script("def reset(request): say({'reset': False})"), PROFILE)

    with pytest.raises(TargetFailed, match=r'it answers {"reset": false}; the answer is {"reset": true}'):
        subject.reset(setup)


WRONG_COMMANDS = {
    "": "the command is empty",
    "no-such-program-here --fast": "there is no command no-such-program-here; PATH has no such program",
    "./no/such/file": r"there is no command ./no/such/file; the path is read from /",
    "subject 'half": "the command cannot be split into words: No closing quotation",
    "{tmp}/plain.txt": "cannot be started: Permission denied",
    "{tmp}/headless": "cannot be started: Exec format error",
    "{tmp}/orphan": "its first line names an interpreter that does not exist",
    "{tmp}": "cannot be started: Permission denied",
}


@pytest.mark.parametrize(("command", "happened"), WRONG_COMMANDS.items(), ids=range(len(WRONG_COMMANDS)))
def test_a_command_that_cannot_be_started_is_told(tmp_path: Path, command: str, happened: str) -> None:
    """Before anything is sent."""
    (tmp_path / "plain.txt").write_text("text", encoding="utf-8")
    for name, text in (("headless", "text"), ("orphan", "#!/no/such/interpreter\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    with pytest.raises(TargetFailed) as failed:
        ExecSubject(command.replace("{tmp}", str(tmp_path)), PROFILE)

    assert happened in str(failed.value)
    assert failed.value.where.startswith("exec:")


def test_a_command_is_not_given_to_a_shell(script: Script) -> None:
    """What a shell would expand or run stays a word."""
    command = script("calls[:] = [] if sys.argv[1:] == ['$HOME', ';', 'ls'] else calls")

    with closing(ExecSubject(f"{command} $HOME ; ls", PROFILE)) as subject:
        assert subject.calls == frozenset()


WRONG_QUITS = {
    "a status": ("say({'quit': True}); sys.exit(4)", "it ended with status 4 after quit"),
    "another reply": ("say({'reset': True}); sys.exit(0)", 'it answers {"reset": true}; the answer is {"quit": true}'),
    "no reply": ("sys.exit(0)", "it ended with status 0"),
    "a line more": ("write('{\"quit\": true}\\n1\\n'); sys.exit(0)", "a line that nobody asked for: 1"),
    "a later line": ("say({'quit': True}); time.sleep(0.1); say(1); sys.exit(0)", "a line after the last reply: 1"),
    "staying": ("say({'quit': True}); time.sleep(60)", "it does not end"),
    "staying silently": ("say({'quit': True}); os.close(1); time.sleep(60)", "it does not end"),
}


@pytest.mark.parametrize(("habit", "happened"), WRONG_QUITS.values(), ids=WRONG_QUITS)
def test_a_wrong_end_is_told(script: Script, habit: str, happened: str) -> None:
    """A subject answers quit, and ends with status 0."""
    subject = ExecSubject(script(f"def quit(request): {habit}"), PROFILE, limit=0.5)

    with pytest.raises(TargetFailed) as failed:
        subject.close()

    assert happened in str(failed.value)


def test_a_subject_that_failed_stays_stopped(script: Script, setup: Setup) -> None:
    """Closing it says nothing more, and asking it fails again."""
    subject = ExecSubject(script("def call(request): sys.exit(1)"), PROFILE)
    subject.reset(setup)
    with pytest.raises(TargetFailed):
        subject.do("get_status", {}, show=False)

    with pytest.raises(TargetFailed, match="it was stopped; start it anew"):
        subject.do("get_status", {}, show=False)
    subject.close()


def test_what_the_subject_started_ends_with_it(script: Script, setup: Setup, tmp_path: Path) -> None:
    """A wrapper may be killed, and what it wraps is no orphan."""
    note = tmp_path / "pid"
    habit = f"""def call(request):
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        open({str(note)!r}, "w").write(str(sleeper.pid))
        sys.exit(1)"""
    subject = ExecSubject(script(habit), PROFILE, limit=0.6)
    subject.reset(setup)

    with pytest.raises(TargetFailed):
        subject.do("get_status", {}, show=False)

    assert is_over(int(note.read_text(encoding="utf-8")))


def is_over(pid: int) -> bool:
    """The process has ended, though whoever adopted it may not have noticed yet."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_an_interruption_stops_the_subject(script: Script, setup: Setup) -> None:
    """Ctrl-C between a request and its reply: nobody reads that reply any more, so nothing may follow."""
    subject = ExecSubject(script("def call(request): time.sleep(60)"), PROFILE)
    subject.reset(setup)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)

    with pytest.raises(KeyboardInterrupt):
        subject.do("get_status", {}, show=False)

    signal.signal(signal.SIGALRM, before)
    subject.close()


def test_a_reset_is_for_the_profile_that_was_greeted(script: Script, setup: Setup) -> None:
    """Hello is said once: another profile needs another process, and forgetting that is our own bug."""
    with (
        closing(ExecSubject(script(""), "containers-2013")) as subject,
        pytest.raises(ValueError, match="hello was said for containers-2013"),
    ):
        subject.reset(setup)


def test_the_subject_has_its_own_process_group(script: Script, setup: Setup) -> None:
    """Ctrl-C is for the tool, which then ends the subject in order."""
    with closing(ExecSubject(script("def call(request): say({'refused': str(os.getpgrp())})"), PROFILE)) as subject:
        subject.reset(setup)

        assert subject.do("get_status", {}, show=False) != Reply(Refused(str(os.getpgrp())))
