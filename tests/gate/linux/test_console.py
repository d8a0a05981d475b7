"""Consoles: a kernel's complaint is found in what it says, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.gate.linux.console import Console, out_of_memory, trouble_in


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("[   12.3] WARNING: CPU: 0 PID: 81 at drivers/vfio/vfio_main.c:1 f+0x1/0x2 [vfio]", "WARN"),
        ("[   12.3] BUG: kernel NULL pointer dereference, address: 0000000000000008", "BUG"),
        ("[   12.3] kernel BUG at drivers/iommu/iommu.c:1234!", "BUG"),
        ("[   12.3] Oops: 0002 [#1] PREEMPT SMP NOPTI", "oops"),
        ("[   12.3] BUG: KASAN: slab-use-after-free in vfio_group_fops_release+0x1/0x2", "KASAN"),
        ("[   12.3] WARNING: possible circular locking dependency detected", "lockdep"),
        ("[   12.3] INFO: task init:1 blocked for more than 30 seconds.", "hung task"),
        ("[   12.3] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "stall"),
        ("[   12.3] Kernel panic - not syncing: Fatal exception", "panic"),
    ],
)
def test_a_complaint_is_known_by_its_words(line: str, kind: str) -> None:
    """Without the time before them."""
    found = trouble_in(f"[    1.0] Freeing unused memory\n{line}\n")

    assert found is not None
    assert (found.kind, found.line) == (kind, line.partition("] ")[2])


@pytest.mark.parametrize(
    "line",
    [
        "[    1.2] shpchp 0000:01:00.0: pci_hp_register failed with error -16",
        "[    0.1] Kernel command line: oops=panic sysctl.kernel.panic_on_warn=1 panic=-1",
        "[    0.2] debug: unmapping init memory",
        "[    9.9] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009",
        "[    9.9] tenure-agent: /early/01-virtio.ko: File exists",
    ],
)
def test_what_is_no_complaint_is_not_taken_for_one(line: str) -> None:
    """Nor is the agent's end the kernel's."""
    assert trouble_in(line) is None


def test_a_console_is_read_as_it_grows(tmp_path: Path) -> None:
    """A line is looked at once it is whole, and once."""
    console = Console(tmp_path / "console")
    with console.path.open("ab", buffering=0) as written:
        written.write(b"[ 1.0] all is well\r\n[ 2.0] BUG: ")
        assert console.trouble() is None
        written.write(b"unable to handle page fault\r\n")
        found = console.trouble()
        assert found is not None
        assert found.line == "BUG: unable to handle page fault"
        assert console.trouble() is None
    assert "all is well" in console.all()
    console.close()


def test_a_guest_without_memory_is_told_from_a_kernel_in_trouble() -> None:
    """It is the machine that is too small."""
    assert out_of_memory("[ 5.0] Out of memory: Killed process 80 (init)")
    assert not out_of_memory("[ 5.0] Freeing memory")
