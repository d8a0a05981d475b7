"""The kinds of objects that the protocols speak of."""

from tenure.vocabulary.types import Sort

PROCESS = Sort("process", "p")
THREAD = Sort("thread", "th")
FILE = Sort("file", "f")
GROUP = Sort("group", "g")
CONTAINER = Sort("container", "c")
DEVICE = Sort("device", "d")
TABLE = Sort("table", "tb")
PAGE = Sort("page", "pg")
USER = Sort("user", "u")
VM = Sort("vm", "vm")
IOMMU_DRIVER = Sort("iommu_driver", "dr")
ADDRESS = Sort("address", "a")
MAPPING = Sort("mapping", "m")
INDEX = Sort("index", "ix")
LINE = Sort("line", "ln")
EVENTFD = Sort("eventfd", "e")
ARRAY = Sort("array", "ar")
OBJECT = Sort("object", "o")
METAGROUP = Sort("metagroup", "mg")
REGION = Sort("region", "r")
IOPT_PAGES = Sort("iopt_pages", "ip")

SORTS = (
    PROCESS,
    THREAD,
    FILE,
    GROUP,
    CONTAINER,
    DEVICE,
    TABLE,
    PAGE,
    USER,
    VM,
    IOMMU_DRIVER,
    ADDRESS,
    MAPPING,
    INDEX,
    LINE,
    EVENTFD,
    ARRAY,
    OBJECT,
    METAGROUP,
    REGION,
    IOPT_PAGES,
)
"""Process; thread in a call; open file; IOMMU group; container; device; IOMMU table; I/O page; external user (KVM); VM;
IOMMU driver of VFIO; I/O virtual address; DMA mapping; interrupt index of a device; interrupt line of an index (a pin, a
vector); eventfd; array of eventfds that a caller passes; object of an iommufd; metagroup (groups merged behind one
IOMMU domain); region of a device; pages object of iommufd (memory that areas share)."""
