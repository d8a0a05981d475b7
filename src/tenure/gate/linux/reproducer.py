"""A run on a kernel as a C program of its own: the same system calls, in the same order, by as many processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tenure.gate.linux.batch import Number
from tenure.gate.linux.iommufd import CdevIoctl, IommuIoctl
from tenure.gate.linux.kvm import KvmIoctl
from tenure.gate.linux.recording import Act, Part
from tenure.gate.linux.vfio import Ioctl

TEMPLATE = Path(__file__).with_name("reproducer.c")
THREADS = Path(__file__).with_name("reproducer_threads.c")

ROUNDS = 2000
"""How often the program of a race makes it."""

_ARGUMENTS = 6
_SIGNED = 1 << 63
_REQUESTS = {
    int(one): f"{of}_{one.name}"
    for of, kind in (("VFIO", Ioctl), ("VFIO", CdevIoctl), ("IOMMU", IommuIoctl), ("KVM", KvmIoctl))
    for one in kind
}


def as_c(heading: Sequence[str], acts: Sequence[Act], processes: Mapping[int, str], groups: Mapping[str, str]) -> str:
    """The program; `processes` says whose a process id was, `groups` in which group each device is that vfio-pci is to have.

    Where two threads make calls at once, what comes from there on is made over and over.
    """
    steps = [(act, number, part) for act in acts for number, part in enumerate(act.parts)]
    bodies, table = [], []
    for index, (act, number, part) in enumerate(steps):
        bodies.append(_function(index, act, part, processes))
        words = _text(act.words) if act.words and not number else "0"
        table.append(f"\t{{ {-1 if part.target == 'hub' else int(part.target)}, act_{index}, {words} }},")
    comment = "\n".join(("/*", *(f" * {line}".rstrip().replace("*/", "* /") for line in heading), " */"))
    text = TEMPLATE.read_text(encoding="utf-8")
    devices = "".join(f'\t"{device}", /* in group {group} */\n' for device, group in groups.items())
    raced = [n for n, (_, _, part) in enumerate(steps) if any(line.startswith("b ") for line in part.lines)]
    filled = {
        "@THREADS@": THREADS.read_text(encoding="utf-8") if raced else "",
        "@AGAIN@": str(raced[0] if raced else 0),
        "@ROUNDS@": str(ROUNDS if raced else 1),
        "@DEVICES@\n": devices,
        "@ACTS@": "\n".join(bodies),
        "@TABLE@": "\n".join(table),
    }
    for mark, content in filled.items():
        text = text.replace(mark, content)
    return f"{comment}\n{text}"


def _function(index: int, act: Act, part: Part, processes: Mapping[int, str]) -> str:
    lines = [f"\t{said}" for said in _body(act, part, processes)]
    words = f" /* {act.words} */" if act.words else ""
    return "\n".join((f"static void act_{index}(void){words}", "{", *lines, "}", ""))


def _body(act: Act, part: Part, processes: Mapping[int, str]) -> Iterator[str]:
    at = 0
    while at < len(part.lines):
        number, line = part.first + at, part.lines[at]
        if line.startswith("b "):
            first, second = (
                f"{{ .a = {{ {_given(one.split()[1:], processes)[1]} }} }}" for one in part.lines[at + 1 : at + 3]
            )
            yield f"both({number + 1}, (struct ready){first}, (struct ready){second});"
            at += 2
        else:
            yield from _statements(number, line, processes, told=bool(act.words))
        at += 1


def _statements(number: int, line: str, processes: Mapping[int, str], *, told: bool) -> Iterator[str]:
    """A line of the agent in C; what only looks at the state is left out."""
    kind, *words = line.split()
    match kind:
        case "s":
            yield _call(number, words, processes, told=told)
        case "w":
            content = bytes.fromhex(words[1])
            yield f"memcpy(memory + {words[0]}, {_bytes(content)}, {len(content)});"
        case "p":
            yield f"put_address({words[0]}, {_argument(words[1])});"
        case "r" if told:
            yield f"show(memory + {words[0]}, {words[1]});"
        case "kill":
            yield f"end({words[0]});"
        case "spawn":
            yield f"begin({words[0]});"


def _call(line: int, words: Sequence[str], processes: Mapping[int, str], *, told: bool) -> str:
    name, given = _given(words, processes)
    return f"call({line}, {_text(name) if told else '0'}, {given});"


def _given(words: Sequence[str], processes: Mapping[int, str]) -> tuple[str, str]:
    """The name of a system call, and its number and arguments as C."""
    number, given = Number(int(words[0])), list(words[1:])
    arguments = [_argument(one) for one in given]
    name = number.name.lower()
    if number is Number.IOCTL and int(given[1]) in _REQUESTS:
        name = _REQUESTS[int(given[1])]
        arguments[1] = f"{int(given[1]):#x} /* {name} */"
    if number is Number.PIDFD_OPEN and given[0].isdigit():
        arguments[0] = f"processes[{processes[int(given[0])]}].pid"
    arguments += ["0"] * (_ARGUMENTS - len(arguments))
    return name, f"SYS_{number.name.lower()}, {', '.join(arguments)}"


def _argument(word: str) -> str:
    if word.startswith("@"):
        return f"(long)(memory + {word[1:]})"
    if word.startswith("*"):
        return f"number_at({word[1:]})"
    if word.startswith("$"):
        return f"result[{word[1:]}]"
    value = int(word)
    return str(value - 2 * _SIGNED) if value > _SIGNED else f"{value:#x}" if value >= _SMALL else str(value)


_SMALL = 1 << 16
"""From here on a number is rather an address than a count."""


def _text(words: str) -> str:
    """A string of C."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _bytes(content: bytes) -> str:
    """Bytes as a string of C: as text where they are one."""
    text = content.removesuffix(b"\0")
    if text and all(_PLAIN[0] <= one <= _PLAIN[1] for one in text.removesuffix(b"\n")):
        return _text(text.decode())
    return '"' + "".join(f"\\{one:03o}" for one in content) + '"'


_PLAIN = (0x20, 0x7E)
