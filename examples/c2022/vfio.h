/*
 * VFIO containers, groups and devices as Linux has them from 6.6 on: a group is put into a container by a claim
 * of its DMA, and an open device keeps its group's file. One thread; callers name new objects. A call returns 0 or a
 * negative errno.
 */
#ifndef VFIO_H
#define VFIO_H

#include "fault.h"
#include "file.h"
#include "iommu_driver.h"
#include "module.h"
#include "ownership.h"

#include <stddef.h>

enum driver { DRIVER_NONE, DRIVER_VFIO, DRIVER_KERNEL, DRIVER_STUB };

struct table {
    enum iommu_type type; /* what it maps is not of this example */
};

struct container {
    int references; /* its file, and each group in it */
    bool no_iommu;  /* the kind of the groups in it */
    bool lists[MOST];
    struct table *table; /* NULL: no IOMMU driver */
    struct iommu_driver *driver;
};

struct group {
    struct iommu_group iommu;
    int drivers;       /* devices that a VFIO driver has registered; 0: there is no such group */
    struct file *file; /* the one by which it is open, or NULL */
    struct container *container;
    int container_users; /* SET_CONTAINER, and each open device */
    bool placed;         /* SET_CONTAINER holds */
};

struct device {
    struct group *group;
    enum driver driver;
    bool registered;    /* by a VFIO driver */
    int open_count;     /* its files */
    struct group *uses; /* while it is open: the group in whose users it counts, */
    struct file *keeps; /* and the group's file */
    struct module module; /* of the VFIO driver for such devices, whatever driver is bound; an open device refers to it */
};

struct vfio {
    unsigned faults; /* bit by number in vfio_faults */
    struct process processes[MOST];
    struct file files[MOST];
    struct group groups[MOST];
    struct device devices[MOST];
    struct container containers[MOST];
    struct table tables[MOST];
    struct iommu_driver drivers[MOST];
};

enum fault_number {
    SET_TWICE, OPEN_TWICE, WRONG_ERRNO, BUSY_UNSET, DEVICE_OUTLIVES, FILES_COUNT, ORPHAN_STAYS, OWNER_LEAKS,
    CLAIM_BESIDE_DRIVER, CLAIM_TRANSLATES, DRIVER_IGNORES_OWNER, FORK_UNCOUNTED, EXIT_LEAKS, MODULE_UNCOUNTED,
    OPEN_WITHOUT_MODULE
};

extern const struct fault vfio_faults[]; /* ends with a NULL name */
bool vfio_faulty(const struct vfio *v, enum fault_number fault);

/* A new kernel with the same faults. Devices and privileges are then set by hand, */
void vfio_reset(struct vfio *v);
/* and a device that starts with a VFIO driver is registered here. */
void vfio_register(struct device *d);

int vfio_bind_driver(struct vfio *v, struct device *d, enum driver to);
int vfio_unbind_driver(struct vfio *v, struct device *d);

int vfio_open_container(struct vfio *v, struct process *p, struct file *f, struct container *made);
int vfio_set_iommu(struct vfio *v, struct process *p, struct file *f, enum iommu_type type, struct table *made);
int vfio_check_extension(struct vfio *v, struct process *p, struct file *f, enum iommu_type type, bool *supported);

enum { VFIO_API_VERSION };

int vfio_get_api_version(struct vfio *v, struct process *p, struct file *f); /* the version, or an error below 0 */

struct group_status {
    bool viable, container_set;
};

int vfio_open_group(struct vfio *v, struct process *p, struct file *f, struct group *g);
int vfio_set_container(struct vfio *v, struct process *p, struct file *f, struct file *other); /* NULL: a negative fd */
int vfio_unset_container(struct vfio *v, struct process *p, struct file *f);
int vfio_get_status(struct vfio *v, struct process *p, struct file *f, struct group_status *status);
int vfio_get_device_fd(struct vfio *v, struct process *p, struct file *f, struct device *d, struct file *made);

void vfio_release(struct vfio *v, struct file *f); /* of a file whose last reference is gone */

bool vfio_holds_groups(const struct container *c);

#endif
