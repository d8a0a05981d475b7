"""The locks of iommufd under which objects come and go, from Linux 6.2 on.

They stand in drivers/iommu/iommufd. docs/assumptions.md says which are left out.
"""

from tenure.vocabulary.locks import Lock, Queue

OBJECT_TABLE = Lock(
    "iommufd.xa_lock", "spinlock of an object table, under which an id is looked up, given and taken back"
)
IOAS_MUTEX = Lock("ioas.mutex", "mutex of an IO address space: the list of its HWPTs")
IGROUP_LOCK = Lock("igroup.lock", "mutex of an IOMMU group in an iommufd: what its devices are attached to")
OBJECT_Q = Queue("iommufd.destroy_wait", "who destroys an object waits until no call in flight has it")
DOMAINS_RWSEM = Lock(
    "ioas.domains_rwsem", "rwsem of an IO address space: its page tables, for writing where one comes or goes"
)
IOVA_RWSEM = Lock("ioas.iova_rwsem", "rwsem of an IO address space: its areas")
ACCESS_LOCK = Lock("access.ioas_lock", "mutex of an access: the IO address space to which it is attached")
PAGES_MUTEX = Lock("iopt_pages.mutex", "mutex of a pages object: what of it is pinned and charged, and for which areas")
