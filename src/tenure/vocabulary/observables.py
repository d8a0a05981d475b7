"""Observables: the words of the properties. Models define them over their fields; targets show those that they can."""

from tenure.vocabulary.objects import (
    ADDRESS,
    ARRAY,
    CONTAINER,
    DEVICE,
    EVENTFD,
    FILE,
    GROUP,
    INDEX,
    IOMMU_DRIVER,
    IOPT_PAGES,
    LINE,
    MAPPING,
    METAGROUP,
    OBJECT,
    PAGE,
    PROCESS,
    REGION,
    TABLE,
    USER,
    VM,
)
from tenure.vocabulary.symbols import Observable, observable
from tenure.vocabulary.types import COUNT, FLAG, Choice

FILE_KIND = Choice("kind of file", ("closed", "container", "group", "device", "vm", "kvm_vfio", "iommufd", "iommu"))
HARM = Choice("harm", ("none", "list_corruption", "null_dereference", "use_after_free", "bug"))
ACCESS = Choice("access", ("none", "read", "write", "both"))
DMA_REQUEST = Choice("DMA request", ("range", "empty", "wraps", "misaligned", "unknown", "no memory", "unwritable"))
"""What the arguments of the RFC's calls come to: a range, or what is wrong: a size of zero, an end beyond the top, no multiple
of a page, a flag or a length that nobody knows; no memory for another entry; arguments that cannot be written back."""
DRIVER = Choice("driver", ("none", "vfio", "kernel", "stub"))
OWNER = Choice("owner", ("none", "group", "iommufd"))
OBJECT_TYPE = Choice("object type", ("none", "ioas", "hwpt", "device", "access"))
BIND_REQUEST = Choice(
    "bind request", ("well formed", "unreadable", "too short", "too long", "unknown flag", "token", "unwritable")
)
"""What the arguments of BIND_IOMMUFD come to: a request, or what is wrong with it; a token for a driver that has no use for one;
or arguments that are fine, and into which the answer cannot be written."""
UNMAP_REQUEST = Choice("IO unmap request", ("range", "empty", "wraps", "too large"))
"""What the sizes of IOAS_UNMAP come to: a range, or what is wrong; too large is an address or a length of ULONG_MAX."""
MAP_REQUEST = Choice("IO map request", ("range", "empty", "wraps", "too large", "unknown", "target wraps"))
"""The same of IOAS_MAP, where there are flags, of which one may be unknown, and memory behind the range besides."""
AUTO_REQUEST = Choice("IO automatic request", ("range", "empty", "half", "too large", "unknown", "target wraps"))
"""The same where IOAS_MAP is told no address; half is a length of half the address space or more."""
PIN_REQUEST = Choice("pin request", ("range", "empty", "wraps"))
"""What the sizes of vfio_pin_pages and iommufd_access_pin_pages come to: a range, or what is wrong with it."""
COPY_REQUEST = Choice("IO copy request", ("range", "empty", "wraps", "source wraps", "too large", "unknown"))
"""What the sizes of IOAS_COPY come to where it is told an address: a range in the source and one to copy to, or what is wrong with them."""
AUTO_COPY_REQUEST = Choice("IO automatic copy request", ("range", "empty", "source wraps", "too large", "unknown"))
"""The same where it is told no address."""
MEMORY = Choice("memory", ("there", "missing"))
"""What the memory of an IOAS_MAP is: there to be pinned, or not, which nobody looks at before it is to be pinned."""
AREA_STAGE = Choice("area stage", ("none", "inserted", "filled", "finished", "taken", "emptied"))
"""How far an area is: it is not there; it is, and a call fills it; is going to publish its pages; has; unfills it; is going to remove
it. It has its pages (area->pages is not NULL) while it is finished, and at no other time."""
ALLOW_REQUEST = Choice("IO allow request", ("none", "one", "two", "empty", "unknown"))
"""The ranges of IOAS_ALLOW_IOVAS: none, one, or two in any order; or one that ends where it begins or below, or a reserved
field that is set."""
RANGES_REQUEST = Choice("IO ranges request", ("room", "too small", "unknown"))
"""What IOAS_IOVA_RANGES is given: room for every range, for none, or a reserved field that is set."""
VFIO_MAP_REQUEST = Choice("VFIO map request", ("range", "empty", "wraps", "unknown", "target wraps"))
"""What the arguments of MAP_DMA come to where an iommufd stands for a container; unknown is a flag, or a length of its structure."""
VFIO_UNMAP_REQUEST = Choice("VFIO unmap request", ("range", "empty", "wraps", "unknown"))
TYPE1_VERSION = Choice("type1 version", ("v1", "v2", "other"))
FAILS = Choice(
    "what fails",
    ("nothing", "memory", "domain", "driver", "own domain", "own driver", "attach", "device", "file"),
)
"""What a call of 2011 that needs it does not get: memory for its own structure; a domain, or interrupts that are remapped; the
IOMMU driver's attach of a device while a metagroup is opened; these two for the group on whose file MERGE is called; the attach
of the other group's devices by MERGE; its file from the device's driver; an fd."""
ROOM = Choice("room", ("enough", "too little", "more"))
"""How much room a caller has for a structure of which kernels have different versions: what this one fills, less than every
version fills, or more."""
TREE_PROPERTY = Choice("tree property", ("reg", "ranges", "interrupts"))
"""The property of a device's node in a device tree that a region or an interrupt index comes of."""

has_fd = observable("has_fd", PROCESS, FILE, FLAG, meaning="the process has an fd for the file")
file_kind = observable("file_kind", FILE, FILE_KIND, meaning="what the file is; closed: it is gone")
file_container = observable("file_container", FILE, CONTAINER.maybe, meaning="the container behind a container file")
file_group = observable("file_group", FILE, GROUP.maybe, meaning="the group behind a group or device file")
file_device = observable("file_device", FILE, DEVICE.maybe, meaning="the device behind a device file")
release_pending = observable(
    "release_pending", FILE, FLAG, meaning="the file's last reference is gone, its release not over"
)
release_goes_on = observable(
    "release_goes_on", FILE, FLAG, meaning="the file's release can begin or go on; or it sleeps, and others go on"
)
user_goes_on = observable(
    "user_goes_on", USER, FLAG, meaning="the same of what the kernel does for an external user that is left behind"
)
vm_goes_on = observable("vm_goes_on", VM, FLAG, meaning="the same of the end of a VM")
GOES_ON = (release_goes_on, user_goes_on, vm_goes_on)
"""What the calls of a system themselves say: no model defines it, and no target shows it. True where the kernel has stopped."""

group_exists = observable("group_exists", GROUP, FLAG, meaning="the VFIO group object is referenced")
group_opened = observable("group_opened", GROUP, FLAG, meaning="the group counts as open")
group_viable = observable("group_viable", GROUP, FLAG, meaning="no device of the group spoils its viability")
group_no_iommu = observable("group_no_iommu", GROUP, FLAG, meaning="no IOMMU isolates the group")
group_at_rest = observable(
    "group_at_rest", GROUP, FLAG, meaning="no call on the group, its files or devices is in flight"
)
group_placed = observable(
    "group_placed", GROUP, FLAG, meaning="SET_CONTAINER holds: neither UNSET nor last close undid it"
)
container_of = observable("container_of", GROUP, CONTAINER.maybe, meaning="the container that the group points to")
container_users = observable("container_users", GROUP, COUNT, meaning="the group's `container_users`")
table_reached = observable(
    "table_reached", GROUP, TABLE.maybe, meaning="the table that the group's devices translate through"
)

dma_owner = observable(
    "dma_owner", GROUP, OWNER, meaning="who owns the DMA of the group: its VFIO group, an iommufd; none: no user"
)
owner_count = observable(
    "owner_count", GROUP, COUNT, meaning="the IOMMU group's `owner_cnt`: its user owner, or its kernel drivers"
)
dma_blocked = observable(
    "dma_blocked", GROUP, FLAG, meaning="the group is in its blocking domain: no address of its devices is translated"
)

dma_owner_iommufd = observable(
    "dma_owner_iommufd", GROUP, FILE.maybe, meaning="the iommufd that owns the DMA of the group"
)

container_lists = observable("container_lists", CONTAINER, GROUP, FLAG, meaning="the group is in the container's list")
container_table = observable(
    "container_table", CONTAINER, TABLE.maybe, meaning="the container's table; none: no IOMMU driver"
)
container_references = observable("container_references", CONTAINER, COUNT, meaning="the container's reference count")
container_no_iommu = observable("container_no_iommu", CONTAINER, FLAG, meaning="the container holds no-IOMMU groups")

container_driver = observable(
    "container_driver", CONTAINER, IOMMU_DRIVER.maybe, meaning="the IOMMU driver of the container's table"
)
driver_registered = observable(
    "driver_registered", IOMMU_DRIVER, FLAG, meaning="the IOMMU driver is registered with VFIO"
)
driver_references = observable(
    "driver_references", IOMMU_DRIVER, COUNT, meaning="the references to the IOMMU driver's module"
)

device_group = observable("device_group", DEVICE, GROUP, meaning="the IOMMU group of the device")
device_driver = observable("device_driver", DEVICE, DRIVER, meaning="the driver bound to the device")
device_registered = observable("device_registered", DEVICE, FLAG, meaning="a VFIO driver has registered the device")
device_leaving = observable("device_leaving", DEVICE, FLAG, meaning="the device is leaving its VFIO driver")
device_bridge = observable("device_bridge", DEVICE, FLAG, meaning="the device is a bridge")
device_opens = observable("device_opens", DEVICE, COUNT, meaning="the device's `open_count`")
device_counts = observable(
    "device_counts",
    DEVICE,
    GROUP.maybe,
    meaning="the group in whose users the device counts, however many files it has",
)
file_counts = observable("file_counts", FILE, GROUP.maybe, meaning="the group in whose users the device file counts")

page_mapped = observable("page_mapped", TABLE, PAGE, FLAG, meaning="the table translates the page")

user_process = observable("user_process", USER, PROCESS.maybe, meaning="the process that the external user serves")
user_counts = observable("user_counts", USER, GROUP.maybe, meaning="the group in whose users the external user counts")
user_registered = observable(
    "user_registered",
    USER,
    GROUP.maybe,
    meaning="the group of whose end VFIO tells the external user before it comes, or whose file a list keeps",
)
user_group = observable(
    "user_group",
    USER,
    GROUP.maybe,
    meaning="the group that the external user had validated, or to whose table it was linked",
)
user_container = observable(
    "user_container", USER, CONTAINER.maybe, meaning="the container in which that group was then"
)
user_table = observable(
    "user_table",
    USER,
    TABLE.maybe,
    meaning="the table into which the external user maps: the one that it was shown, or that is linked for an entry",
)
user_added_first = observable("user_added_first", USER, FLAG, meaning="the user counted before it validated")
user_idle = observable("user_idle", USER, FLAG, meaning="the external user holds nothing and is in no call")
notifier_table = observable(
    "notifier_table", USER, TABLE.maybe, meaning="the table in whose list of callbacks the notifier of a driver stands"
)
notifier_lives = observable("notifier_lives", USER, FLAG, meaning="the driver has a notifier, and has not freed it")
notifier_group = observable(
    "notifier_group", USER, GROUP.maybe, meaning="the group in whose list the notifier of a driver stands"
)
notifier_vm = observable("notifier_vm", USER, VM.maybe, meaning="the VM of which a driver was told last, if of any")
user_keeps = observable("user_keeps", USER, FILE, FLAG, meaning="the external user keeps a reference to the file")

address_position = observable("address_position", ADDRESS, COUNT, meaning="the number of the page at the address")
address_valid = observable(
    "address_valid", ADDRESS, COUNT, meaning="the valid range that the address is in, by number; 0: none"
)
mapping_listed = observable("mapping_listed", MAPPING, TABLE.maybe, meaning="the address space that has the mapping")
mapping_first = observable("mapping_first", MAPPING, ADDRESS.maybe, meaning="the first address of the mapping")
mapping_last = observable("mapping_last", MAPPING, ADDRESS.maybe, meaning="the last address of the mapping, in it")
mapping_access = observable("mapping_access", MAPPING, ACCESS, meaning="what the mapping lets devices do")
mapping_payer = observable("mapping_payer", MAPPING, PROCESS.maybe, meaning="the process that pays for the mapping")
mapping_pages = observable(
    "mapping_pages", MAPPING, COUNT, meaning="the pages that its payer is charged for the mapping"
)
pages_charged = observable("pages_charged", PROCESS, COUNT, meaning="the pages locked by mappings of the process")
pages_most = observable("pages_most", PROCESS, COUNT, meaning="RLIMIT_MEMLOCK in pages")
pages_unlimited = observable("pages_unlimited", PROCESS, FLAG, meaning="the process has CAP_IPC_LOCK")
address_translated = observable(
    "address_translated",
    TABLE,
    ADDRESS,
    MAPPING.maybe,
    meaning="the mapping for which the IOMMU translates the address",
)
mappings_left = observable("mappings_left", TABLE, COUNT, meaning="how many mappings may still be made")
unmap_counted = observable(
    "unmap_counted", TABLE, COUNT, meaning="how many addresses the removal under way has taken so far"
)
mappings_most = observable("mappings_most", TABLE, COUNT, meaning="how many mappings there may be")

file_opens = observable("file_opens", FILE, DEVICE.maybe, meaning="the device that the device file tells of")
device_resets = observable("device_resets", DEVICE, FLAG, meaning="the device can be reset")
device_in_tree = observable("device_in_tree", DEVICE, FLAG, meaning="the device has a path in a device tree")
region_device = observable("region_device", REGION, DEVICE, meaning="the device whose region it is")
region_size = observable("region_size", REGION, COUNT, meaning="the bytes of the region; 0: it is a hole")
region_offset = observable(
    "region_offset", REGION, COUNT, meaning="where in the device's file the region begins, for read, write and mmap"
)
region_mappable = observable("region_mappable", REGION, FLAG, meaning="the region can be mapped")
region_read_only = observable("region_read_only", REGION, FLAG, meaning="the region can be read only")
region_phys_valid = observable("region_phys_valid", REGION, FLAG, meaning="the region's physical address is told")
region_phys = observable(
    "region_phys", REGION, COUNT, meaning="the physical address of the region, as far as it is told"
)
region_property = observable(
    "region_property", REGION, TREE_PROPERTY, meaning="the property in a device tree that the region comes of"
)
region_property_index = observable(
    "region_property_index", REGION, COUNT, meaning="which entry of that property the region is"
)
index_device = observable("index_device", INDEX, DEVICE, meaning="the device whose interrupt index it is")
index_level = observable("index_level", INDEX, FLAG, meaning="the lines of the index are level-triggered")
index_count = observable("index_count", INDEX, COUNT, meaning="how many lines the index has; 0: it is not implemented")
index_property_index = observable(
    "index_property_index", INDEX, COUNT, meaning="which entry of the property `interrupts` the index is"
)
index_unmasked_by = observable(
    "index_unmasked_by", INDEX, EVENTFD.maybe, meaning="the eventfd that unmasks the index where the user writes to it"
)
index_at_rest = observable(
    "index_at_rest", INDEX, FLAG, meaning="no call that changes the eventfds of the index is in flight"
)
line_index = observable("line_index", LINE, INDEX, meaning="the index that the line belongs to")
line_number = observable("line_number", LINE, COUNT, meaning="the number of the line in its index, from 0")
line_asserted = observable("line_asserted", LINE, FLAG, meaning="the device asserts the level-triggered line")
line_pending = observable("line_pending", LINE, FLAG, meaning="an edge has arrived, and the host has not taken it")
line_eventfd = observable(
    "line_eventfd", LINE, EVENTFD.maybe, meaning="the eventfd for which the host takes the line; none: disabled"
)
line_given = observable(
    "line_given", LINE, EVENTFD.maybe, meaning="the eventfd that the user gave last, and has not taken away"
)
line_masked = observable("line_masked", LINE, FLAG, meaning="the host masks the line")
line_taken = observable(
    "line_taken", LINE, COUNT, meaning="level interrupts that the host took from the line since the user armed it last"
)
line_delivers = observable(
    "line_delivers", LINE, EVENTFD.maybe, meaning="the eventfd that a handler under way is going to signal"
)
line_read = observable(
    "line_read", LINE, FLAG, meaning="the user has read, since the line was masked, that it interrupted"
)
eventfd_count = observable("eventfd_count", EVENTFD, COUNT, meaning="what the eventfd counts since it was read last")
eventfd_most = observable("eventfd_most", EVENTFD, COUNT, meaning="the most that the eventfd can count")
eventfd_unmasks = observable(
    "eventfd_unmasks", EVENTFD, FLAG, meaning="the user keeps the eventfd for unmasking, and for nothing else"
)
array_count = observable("array_count", ARRAY, COUNT, meaning="the count that the array has")
array_eventfd = observable("array_eventfd", ARRAY, LINE, EVENTFD, meaning="the eventfd that the array has for the line")
mapping_memory = observable(
    "mapping_memory", MAPPING, COUNT, meaning="the number of the page of memory behind the mapping's first address"
)
address_leads = observable(
    "address_leads",
    TABLE,
    ADDRESS,
    COUNT,
    meaning="the number of the page of memory to which the IOMMU leads devices at the address; 0: to none",
)
space_at_rest = observable("space_at_rest", TABLE, FLAG, meaning="no call changes the address space just now")
space_exists = observable(
    "space_exists", TABLE, FLAG, meaning="the IO address space is there: its id is in the table of an iommufd"
)
address_choosable = observable(
    "address_choosable",
    ADDRESS,
    FLAG,
    meaning="the kernel may choose it: it is neither in the first page nor in the last",
)
address_allowed = observable(
    "address_allowed",
    TABLE,
    ADDRESS,
    FLAG,
    meaning="IOAS_ALLOW_IOVAS has named the address; where it has named none, each may be chosen",
)
device_reserves = observable(
    "device_reserves", DEVICE, ADDRESS, FLAG, meaning="no memory may be at the address where the device is attached"
)
address_reserved = observable(
    "address_reserved",
    TABLE,
    ADDRESS,
    FLAG,
    meaning="a device or a group that is attached to the address space reserves the address",
)
space_attached = observable(
    "space_attached", TABLE, FLAG, meaning="a device or a group is attached to the address space"
)
group_reserves = observable(
    "group_reserves",
    GROUP,
    ADDRESS,
    FLAG,
    meaning="no memory may be at the address where the group is in the container",
)
group_space = observable("group_space", GROUP, TABLE.maybe, meaning="the address space that the group's devices see")
vaddr_invalid_in = observable(
    "vaddr_invalid_in",
    MAPPING,
    TABLE.maybe,
    meaning="the address space in which the mapping's address of memory is invalid, until MAP_DMA with VADDR names a new one",
)
vaddr_marked_in = observable(
    "vaddr_marked_in", MAPPING, TABLE.maybe, meaning="the same where the UNMAP_DMA with VADDR under way has made it so"
)
page_pinned = observable(
    "page_pinned",
    DEVICE,
    ADDRESS,
    FLAG,
    meaning="the driver of an emulated IOMMU device has pinned the page at the address, and not unpinned it",
)
page_pins = observable(
    "page_pins",
    ADDRESS,
    COUNT,
    meaning="`ref_count` of the page at the address in the `pfn_list` of its mapping; 0: it is not pinned",
)
device_told = observable(
    "device_told", DEVICE, TABLE.maybe, meaning="the address space of whose unmaps the device's driver is told"
)
device_lets_go = observable(
    "device_lets_go", DEVICE, FLAG, meaning="the device's driver unpins what it is told of before its callback returns"
)
repeats_most = observable(
    "repeats_most", TABLE, COUNT, meaning="how often drivers are told again of one mapping before the kernel stops"
)
space_entangled = observable(
    "space_entangled",
    TABLE,
    FLAG,
    meaning="a call that has the address space's lock waits for its device_list_lock, and who has that waits for the lock",
)
unmap_gave_up = observable(
    "unmap_gave_up",
    TABLE,
    FLAG,
    meaning="an unmap has stopped the kernel: a page stayed pinned however often drivers were told",
)
dirty_tracked = observable(
    "dirty_tracked", TABLE, FLAG, meaning="`dirty_page_tracking`: the address space keeps which pages are dirty"
)
page_dirty = observable(
    "page_dirty", TABLE, ADDRESS, FLAG, meaning="the page's bit in the `bitmap` of its mapping in the address space"
)
page_told = observable(
    "page_told",
    TABLE,
    ADDRESS,
    FLAG,
    meaning="the page's bit in the bitmap that the last call to be told of dirty pages of the address space got, or gets just now",
)
page_unsaved = observable(
    "page_unsaved",
    TABLE,
    ADDRESS,
    FLAG,
    meaning="the page was written for a device while dirty pages are tracked, and since somebody was last told that it is dirty",
)
page_kept = observable(
    "page_kept",
    GROUP,
    ADDRESS,
    FLAG,
    meaning="the driver of the group's devices has pinned the page, and not unpinned it",
)
group_confined = observable(
    "group_confined",
    GROUP,
    FLAG,
    meaning="`pinned_page_dirty_scope` of the group: of its devices only pinned pages are dirty",
)
group_pins_first = observable(
    "group_pins_first",
    GROUP,
    FLAG,
    meaning="the group's devices write nothing by themselves but pages that their driver has pinned",
)
bitmaps_most = observable(
    "bitmaps_most", TABLE, COUNT, meaning="for how many mappings there is memory to keep which pages are dirty"
)
tries_most = observable(
    "tries_most",
    TABLE,
    COUNT,
    meaning="how often an IOAS_UNMAP has drivers told, and goes on: once more, and it gives up",
)
area_closed = observable(
    "area_closed", MAPPING, FLAG, meaning="`prevent_access` of the area: no page of it can be pinned any more"
)
area_told = observable(
    "area_told", MAPPING, FLAG, meaning="an IOAS_UNMAP under way is having drivers told that the area goes"
)
area_pinned = observable(
    "area_pinned",
    DEVICE,
    MAPPING,
    FLAG,
    meaning="the device's driver has pinned a page of the area, and not unpinned it",
)
area_at_rest = observable(
    "area_at_rest", MAPPING, FLAG, meaning="no call in flight has looked up the area's IO address space"
)
address_begins_page = observable("address_begins_page", ADDRESS, FLAG, meaning="a page begins at the address")
address_ends_page = observable("address_ends_page", ADDRESS, FLAG, meaning="a page ends at the address")
mapping_pages_object = observable(
    "mapping_pages_object", MAPPING, IOPT_PAGES.maybe, meaning="the pages object to whose memory the area leads"
)
mapping_offset = observable(
    "mapping_offset", MAPPING, COUNT, meaning="how many pages of its pages object are before the area's first address"
)
mapping_stage = observable(
    "mapping_stage", MAPPING, AREA_STAGE, meaning="how far the area is that a call makes, or takes away"
)
mapping_workers = observable("mapping_workers", MAPPING, COUNT, meaning="how many calls make the area, or take it away")
mapping_missing = observable(
    "mapping_missing", MAPPING, FLAG, meaning="the memory behind the area is not there to be pinned"
)
memory_there = observable(
    "memory_there", IOPT_PAGES, FLAG, meaning="the pages object is there: an area or a call refers to it"
)
memory_used = observable(
    "memory_used",
    IOPT_PAGES,
    ADDRESS,
    FLAG,
    meaning="an area of an IO address space to which a device is attached leads to this page of the pages object",
)
memory_pinned = observable(
    "memory_pinned", IOPT_PAGES, ADDRESS, FLAG, meaning="this page of the pages object is pinned: it is in `npinned`"
)
memory_charged = observable(
    "memory_charged",
    IOPT_PAGES,
    ADDRESS,
    COUNT,
    meaning="how often this page of the pages object is charged: what it is of `last_npinned`",
)
space_cuts = observable(
    "space_cuts",
    TABLE,
    FLAG,
    meaning="VFIO's UNMAP_DMA cuts areas there: large pages are off since version 1 was asked for",
)
space_process = observable(
    "space_process", TABLE, PROCESS.maybe, meaning="the process whose memory the address space leads to"
)
page_number = observable(
    "page_number", PAGE, COUNT, meaning="the number of the page in its process's memory, from 1 on"
)
page_reserved = observable(
    "page_reserved", PAGE, FLAG, meaning="the page is device memory, of which none is ever charged"
)
page_charged = observable("page_charged", PROCESS, PAGE, FLAG, meaning="the process is charged for the page")
file_vm = observable("file_vm", FILE, VM.maybe, meaning="the VM behind a VM file or the file of a KVM VFIO device")
file_at_rest = observable("file_at_rest", FILE, FLAG, meaning="no call on the file is in flight")
vm_references = observable(
    "vm_references", VM, COUNT, meaning="the VM's reference count; 0: it is gone, or about to go"
)
vm_exists = observable("vm_exists", VM, FLAG, meaning="the VM is there: its destruction is not over")
vm_device = observable("vm_device", VM, FLAG, meaning="the VM has a KVM VFIO device")
entry_vm = observable(
    "entry_vm", USER, VM.maybe, meaning="the VM in the list of whose KVM VFIO device the external user is an entry"
)
entry_group = observable("entry_group", USER, GROUP.maybe, meaning="the group that the entry stands for")
entry_table = observable(
    "entry_table", USER, TABLE.maybe, meaning="the table to which a bus number of the guest is linked for the entry"
)
entry_cdev = observable(
    "entry_cdev", USER, FILE.maybe, meaning="the device file, opened by itself, that the entry stands for"
)
entry_noncoherent = observable(
    "entry_noncoherent",
    USER,
    FLAG,
    meaning="who is asked now whether cache coherency is enforced for what the entry stands for says no",
)
vm_noncoherent = observable(
    "vm_noncoherent", VM, FLAG, meaning="the VM's KVM VFIO device knows of an entry that is not coherent: `noncoherent`"
)
vm_noncoherent_dma = observable(
    "vm_noncoherent_dma",
    VM,
    COUNT,
    meaning="how often noncoherent DMA is registered with the VM: `noncoherent_dma_count`",
)
group_kvm = observable("group_kvm", GROUP, VM.maybe, meaning="the VM that the group was told of (set_kvm)")
file_kvm = observable(
    "file_kvm",
    FILE,
    VM.maybe,
    meaning="the VM that the device file was told of (set_kvm), where it was opened by itself",
)

module_goes = observable(
    "module_goes", DEVICE, FLAG, meaning="the module of the device's VFIO driver is being removed, or gone"
)
module_references = observable(
    "module_references", DEVICE, COUNT, meaning="the references to the module of the device's VFIO driver"
)
file_metagroup = observable(
    "file_metagroup", FILE, METAGROUP.maybe, meaning="the metagroup that the file is of, or its group or device is in"
)
file_keeps_open = observable("file_keeps_open", FILE, FLAG, meaning="the file is an iommu file, or a device's of 2011")
device_metagroup = observable(
    "device_metagroup", DEVICE, METAGROUP.maybe, meaning="the metagroup that the device's group points to"
)
device_vfio = observable("device_vfio", DEVICE, FLAG, meaning="VFIO's driver has the device: its device_data is set")
device_kernel = observable("device_kernel", DEVICE, FLAG, meaning="a driver of the kernel has the device")
page_payer = observable("page_payer", PAGE, PROCESS.maybe, meaning="the process that pays for the page")
metagroup_of = observable("metagroup_of", GROUP, METAGROUP.maybe, meaning="the metagroup that the group points to")
metagroup_exists = observable("metagroup_exists", METAGROUP, FLAG, meaning="the metagroup is there: it is not freed")
metagroup_open = observable("metagroup_open", METAGROUP, FLAG, meaning="the metagroup has an IOMMU domain")
metagroup_mm = observable(
    "metagroup_mm", METAGROUP, PROCESS.maybe, meaning="the process to whose memory the metagroup is bound"
)
metagroup_asked = observable(
    "metagroup_asked", METAGROUP, FLAG, meaning="a MERGE that went well opened the domain, which was not closed since"
)
device_present = observable("device_present", DEVICE, FLAG, meaning="the device is plugged in, and listed in its group")
device_attached = observable(
    "device_attached", DEVICE, METAGROUP.maybe, meaning="the metagroup to whose domain the device is attached"
)
page_metagroup = observable(
    "page_metagroup", PAGE, METAGROUP.maybe, meaning="the metagroup whose domain leads devices to the page"
)
page_left = observable(
    "page_left", PAGE, FLAG, meaning="a work item waits that gives back a page which nobody reaches any more"
)
page_memory = observable("page_memory", PAGE, PROCESS.maybe, meaning="the process whose memory the page is")

group_used_by_host = observable(
    "group_used_by_host", GROUP, FLAG, meaning="the host's own drivers map through the table of the group"
)
device_kvm = observable("device_kvm", DEVICE, VM.maybe, meaning="the VM that the open device refers to, and counts for")

object_type = observable("object_type", OBJECT, OBJECT_TYPE, meaning="what the object is; none: its memory is freed")
object_context = observable(
    "object_context", OBJECT, FILE.maybe, meaning="the iommufd file of which the object is, until its memory is freed"
)
object_listed = observable("object_listed", OBJECT, FLAG, meaning="the object is in the object table of its iommufd")
object_users = observable("object_users", OBJECT, COUNT, meaning="the object's `users`")
object_waits = observable("object_waits", OBJECT, COUNT, meaning="the object's `wait_cnt`")
object_ioas = observable("object_ioas", OBJECT, OBJECT.maybe, meaning="the IO address space of a hardware page table")
object_auto = observable(
    "object_auto", OBJECT, FLAG, meaning="the hardware page table was made for an IO address space itself"
)
object_attached = observable(
    "object_attached",
    OBJECT,
    OBJECT.maybe,
    meaning="what the object of a device is attached to: `hwpt`, or for access `ioas`",
)
file_bound = observable("file_bound", FILE, OBJECT.maybe, meaning="the object of a device file that is bound")
device_emulated = observable(
    "device_emulated", DEVICE, FLAG, meaning="the device is emulated: an access object stands for it"
)
object_at_rest = observable("object_at_rest", OBJECT, FLAG, meaning="no call on the object's iommufd is in flight")
file_iommufd = observable("file_iommufd", FILE, FILE.maybe, meaning="the iommufd to which the device file is bound")
file_granted = observable("file_granted", FILE, FLAG, meaning="the device file gives access to its device")
device_ioas = observable(
    "device_ioas", DEVICE, TABLE.maybe, meaning="the IO address space of an iommufd to which the device is attached"
)
device_claims = observable(
    "device_claims", DEVICE, GROUP.maybe, meaning="the group in whose `owner_cnt` the binding of the device counts"
)
device_coherent = observable(
    "device_coherent", DEVICE, FLAG, meaning="the device's DMA can be coherent with caches: IOMMU_CAP_CACHE_COHERENCY"
)
device_enforced_coherent = observable(
    "device_enforced_coherent",
    DEVICE,
    FLAG,
    meaning="the IOMMU enforces cache coherency for the device: IOMMU_CAP_ENFORCE_CACHE_COHERENCY",
)
device_isolated = observable(
    "device_isolated", DEVICE, FLAG, meaning="the device's interrupts are isolated, or iommufd may do without"
)
group_cdevs = observable(
    "group_cdevs", GROUP, COUNT, meaning="the group's `cdev_device_open_cnt`: devices bound, or about to be"
)
owner_has_table = observable(
    "owner_has_table",
    GROUP,
    TABLE,
    FLAG,
    meaning="an iommufd owns the group, and the table is an IO address space of it",
)
table_iommufd = observable(
    "table_iommufd", TABLE, FILE.maybe, meaning="the iommufd whose IO address space the table is"
)
file_uses = observable("file_uses", FILE, FILE.maybe, meaning="the iommufd that the group of a group file uses")
file_compat_ioas = observable(
    "file_compat_ioas",
    FILE,
    TABLE.maybe,
    meaning="the iommufd's `vfio_ioas`: the IO address space of it that stands for a container",
)
file_no_iommu_mode = observable(
    "file_no_iommu_mode", FILE, FLAG, meaning="the iommufd's `no_iommu_mode`: it is for groups without IOMMU"
)
device_iommufd = observable(
    "device_iommufd", DEVICE, FILE.maybe, meaning="the iommufd to which a device that its group opened is bound"
)

harm = observable("harm", HARM, meaning="the worst that has happened to the kernel")

ALL: tuple[Observable, ...] = tuple(o for o in list(globals().values()) if isinstance(o, Observable))
