"""How the calls of the RFC of November 2011 are done: as was meant, as the code has it, and as the review proposed.

One text serves all of them. A defect or a proposal is a single value here that is another than meant.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ways:
    """How each thing is done; the defaults are what was meant."""

    tests_mm_under_lock: bool = True
    """The caller's memory is compared with that of the metagroup in the step that acts on it."""
    tests_mm_of_map: bool = True
    tests_mm_of_unmap: bool = True
    tests_mm_of_devices: bool = True
    """Iommu and device files are of use to the process to whose memory the metagroup is bound."""
    gives_back_to_payer: bool = True
    """Who paid for a page has it given back, not whoever unmaps it."""
    keeps_work: bool = True
    """MAP_DMA waits for the memory's lock before it charges, and what cannot be given back at once is given back later."""
    charges_first: bool = True
    """A page is charged in the step that tests the limit."""
    merges_all: bool = True
    """MERGE takes every group of the metagroup that it frees."""
    undoes_merge: bool = True
    """A MERGE that fails leaves no domain open."""
    undoes_opening: bool = True
    """A GET_IOMMU_FD or GET_DEVICE_FD that fails leaves no domain open."""
    reads_metagroup_under_lock: bool = True
    """GET_DEVICE_FD and releases look up the metagroup in the step that acts on it."""
    keeps_viable: bool = True
    """No driver of the kernel takes a device of an open metagroup, and only a viable one gives out files."""
    puts_device_first: bool = True
    """The device driver hears of a release before an unbind may go on."""
    unmerges_itself: bool = False
    merges_into_open: bool = True
    from_outside: bool = False
    """An administrator makes, fills and ends metagroups; no call on a file does, nor does the last file that is closed."""


MEANT = Ways()

DEFECTS: dict[str, Ways] = {
    "D-G1-12": Ways(tests_mm_of_unmap=False, gives_back_to_payer=False),
    "D-G1-13": Ways(tests_mm_of_map=False, tests_mm_of_devices=False),
    "D-G1-14": Ways(keeps_work=False),
    "D-G1-15": Ways(charges_first=False),
    "D-G1-19": Ways(merges_all=False),
    "D-G1-20": Ways(tests_mm_under_lock=False),
    "D-G1-21": Ways(undoes_merge=False),
    "D-G1-22": Ways(undoes_opening=False),
    "D-G1-23": Ways(reads_metagroup_under_lock=False),
    "D-G1-24": Ways(keeps_viable=False),
    "D-G1-25": Ways(puts_device_first=False),
}

PROPOSALS: dict[str, Ways] = {
    "unmerge-self": Ways(unmerges_itself=True),
    "no-merge-into-open": Ways(merges_into_open=False),
    "metagroups-from-outside": Ways(from_outside=True),
}
