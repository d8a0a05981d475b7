/*
 * VFIO containers and groups as Linux 3.11 to 5.18 have them, and the external users that count on a group:
 * get and put as they were merged, or add and del as proposed in June 2013. One thread; callers name new objects.
 */
#ifndef VFIO_H
#define VFIO_H

#include "fault.h"

#include <stdbool.h>

enum { MOST = 64 }; /* objects of each kind */

enum file_kind { FILE_CLOSED, FILE_CONTAINER, FILE_GROUP, FILE_DEVICE };
enum driver { DRIVER_NONE, DRIVER_VFIO, DRIVER_KERNEL, DRIVER_STUB };
enum iommu_type { IOMMU_TYPE1, IOMMU_NOIOMMU, IOMMU_UNSUPPORTED };
enum harm { HARM_NONE, HARM_LIST_CORRUPTION, HARM_NULL_DEREFERENCE, HARM_USE_AFTER_FREE, HARM_BUG };

struct process {
    bool rawio; /* CAP_SYS_RAWIO */
};

struct table {
    bool alive;
    unsigned birth; /* tells this table from an earlier one of the same name */
    bool mapped[MOST];
};

struct container {
    int references; /* its file, and each group in it */
    bool no_iommu;  /* the kind of the groups in it */
    bool lists[MOST];
    struct table *table; /* NULL: no IOMMU driver */
};

struct group {
    bool no_iommu;
    int references; /* registered devices, the group file, external users; 0: there is no such object */
    bool opened;
    bool placed;         /* by SET_CONTAINER, and not yet taken out again by UNSET or by the file's release */
    int container_users; /* the placement, device files, external users */
    struct container *container;
    struct table *attached;
};

struct device {
    struct group *group;
    bool bridge;
    enum driver driver;
    bool registered; /* by a VFIO driver */
};

struct file {
    enum file_kind kind;
    int references; /* fds and external users */
    bool fd[MOST];  /* by process */
    struct container *container;
    struct group *group;
    struct device *device;
};

struct user { /* such as KVM on behalf of a virtual machine */
    struct process *process;
    struct file *file;    /* June 2013: the file it keeps */
    struct group *counts; /* in whose container_users it counts */
    struct group *group;  /* what it validated, and what was found then */
    struct container *container;
    struct table *table;
    unsigned table_birth;
    bool added_first; /* it counted before it validated */
};

struct vfio {
    bool june_2013;
    unsigned faults; /* bit by number in vfio_faults */
    enum harm harm;
    struct group *broken; /* the group whose call never returned */
    struct process processes[MOST];
    struct file files[MOST];
    struct group groups[MOST];
    struct device devices[MOST];
    struct container containers[MOST];
    struct table tables[MOST];
    struct user users[MOST];
};

struct answer {
    enum { DONE, REFUSED, DIED, MISUSED } how;
    const char *text; /* REFUSED: the errno; MISUSED: what no caller does */
    bool viable, container_set;
    struct group *id;
};

extern const struct fault vfio_faults[]; /* ends with a NULL name */

/* A new kernel, in the same mode and with the same faults. Devices and privileges are then set by hand, */
void vfio_reset(struct vfio *v);
/* and a device that starts with a VFIO driver is registered here. */
void vfio_register(struct device *d);

struct answer vfio_close(struct vfio *v, struct process *p, struct file *f);
struct answer vfio_pass_file(struct vfio *v, struct process *p, struct file *f, struct process *to);
struct answer vfio_fork(struct vfio *v, struct process *p, struct process *child);
struct answer vfio_exit_process(struct vfio *v, struct process *p);

struct answer vfio_bind_driver(struct vfio *v, struct device *d, enum driver to);
struct answer vfio_unbind_driver(struct vfio *v, struct device *d);

struct answer vfio_open_group(struct vfio *v, struct process *p, struct file *f, struct group *g);
struct answer vfio_open_container(struct vfio *v, struct process *p, struct file *f, struct container *made);
struct answer vfio_set_container(struct vfio *v, struct process *p, struct file *f, struct file *other);
struct answer vfio_unset_container(struct vfio *v, struct process *p, struct file *f);
struct answer vfio_set_iommu(struct vfio *v, struct process *p, struct file *f, enum iommu_type type, struct table *made);
struct answer vfio_get_status(struct vfio *v, struct process *p, struct file *f);
struct answer vfio_get_device_fd(struct vfio *v, struct process *p, struct file *f, struct device *d, struct file *made);

struct answer vfio_use(struct vfio *v, struct user *u, int page, bool to);
struct answer vfio_get_external_user(struct vfio *v, struct user *u, struct process *p, struct file *f);
struct answer vfio_put_external_user(struct vfio *v, struct user *u);
struct answer vfio_iommu_id(struct vfio *v, struct user *u);

/* June 2013 */
struct answer vfio_take_file(struct vfio *v, struct user *u, struct process *p, struct file *f);
struct answer vfio_iommu_id_from_file(struct vfio *v, struct user *u);
struct answer vfio_add_external_user(struct vfio *v, struct user *u);
struct answer vfio_del_external_user(struct vfio *v, struct user *u);
struct answer vfio_drop_file(struct vfio *v, struct user *u);

bool vfio_viable(const struct vfio *v, const struct group *g);
bool vfio_holds_groups(const struct container *c);

#endif
