"""The locks of the RFC of November 2011: one over everything but mappings, one over the mappings of a metagroup."""

from tenure.vocabulary.locks import Lock, Queue

DGATE = Lock("iommu.dgate", "mutex of the list of mappings of a metagroup")
VFIO_LOCK = Lock("vfio.lock", "mutex of all groups, metagroups and files")
MMAP_SEM = Lock("mm.mmap_sem", "the memory of a process: over each change of its locked_vm")
RELEASE_Q = Queue("vfio.release_q", "an unbind waits until nobody uses the metagroup")
