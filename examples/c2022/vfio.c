#include "vfio.h"

#include <errno.h>
#include <string.h>

const struct fault vfio_faults[] = {
    [SET_TWICE] = {"set-twice", "SET_CONTAINER does not look whether the group is in a container already"},
    [OPEN_TWICE] = {"open-twice", "a group that is open may be opened once more"},
    [WRONG_ERRNO] = {"wrong-errno", "SET_CONTAINER with a file that is no container says EINVAL where it is EBADFD"},
    [BUSY_UNSET] = {"busy-unset", "UNSET_CONTAINER ignores open devices"},
    [DEVICE_OUTLIVES] = {"device-outlives", "an open device does not keep its group's file"},
    [FILES_COUNT] = {"files-count", "each file of a device counts as a user of its group, not only the first"},
    [ORPHAN_STAYS] = {"orphan-stays", "a group whose last device goes stays in its container"},
    [OWNER_LEAKS] = {"owner-leaks", "a group that leaves its container keeps the owner of its DMA"},
    [CLAIM_BESIDE_DRIVER] = {"claim-beside-driver", "a user claims a group's DMA though a kernel driver does DMA in it"},
    [CLAIM_TRANSLATES] = {"claim-translates", "a claimed group stays in its default domain until it is given a table"},
    [DRIVER_IGNORES_OWNER] = {"driver-ignores-owner", "a kernel driver binds though a user owns the group's DMA"},
    [FORK_UNCOUNTED] = {"fork-uncounted", "the fds of a forked process are no references to its files"},
    [EXIT_LEAKS] = {"exit-leaks", "the fds of a killed process go, but not their references"},
    [MODULE_UNCOUNTED] = {"module-uncounted", "SET_IOMMU takes no reference to the module of the IOMMU driver"},
    [OPEN_WITHOUT_MODULE] = {"open-without-module", "the first open of a device takes no reference to its driver's module"},
    {NULL, NULL},
};

bool vfio_faulty(const struct vfio *v, enum fault_number fault)
{
    return v->faults >> fault & 1;
}

void vfio_reset(struct vfio *v)
{
    *v = (struct vfio){.faults = v->faults};
}

/* Groups in containers */

bool vfio_holds_groups(const struct container *c)
{
    return memchr(c->lists, true, sizeof c->lists) != NULL;
}

static void container_put(struct container *c)
{
    if (--c->references == 0)
        *c = (struct container){0};
}

static void enter(struct vfio *v, struct group *g, struct container *c)
{
    g->container = c;
    g->container_users = 1;
    g->placed = true;
    c->lists[g - v->groups] = true;
    c->no_iommu = g->iommu.no_iommu;
    c->references++;
    attach_table(&g->iommu, c->table);
}

static void leave(struct vfio *v, struct group *g)
{
    struct container *c = g->container;
    g->container = NULL;
    g->container_users = 0;
    g->placed = false;
    c->lists[g - v->groups] = false;
    detach_table(&g->iommu);
    release_dma_owner(v, &g->iommu);
    if (!vfio_holds_groups(c)) {
        c->table = NULL; /* it goes with the last group, */
        iommu_driver_put(v, c); /* and so does the driver */
    }
    container_put(c);
}

/* The first open and the last close of a device */

static void use_group(const struct vfio *v, struct device *d, struct group *g)
{
    d->uses = g;
    g->container_users++;
    if (vfio_faulty(v, DEVICE_OUTLIVES))
        return;
    d->keeps = g->file;
    d->keeps->references++;
}

static void unuse_group(struct vfio *v, struct device *d)
{
    struct file *kept = d->keeps;
    d->uses->container_users--;
    d->uses = NULL;
    d->keeps = NULL;
    if (kept)
        file_put(v, kept);
}

/* Releases */

static void release_group(struct vfio *v, struct group *g)
{
    if (g->container)
        leave(v, g);
    g->file = NULL;
}

static void release_device(struct vfio *v, struct device *d)
{
    if (--d->open_count == 0) {
        unuse_group(v, d);
        if (!vfio_faulty(v, OPEN_WITHOUT_MODULE))
            module_put(&d->module);
    } else if (vfio_faulty(v, FILES_COUNT))
        d->group->container_users--;
}

void vfio_release(struct vfio *v, struct file *f)
{
    switch (f->kind) {
    case FILE_CONTAINER:
        container_put(f->container);
        break;
    case FILE_GROUP:
        if (f->group)
            release_group(v, f->group);
        break;
    case FILE_DEVICE:
        release_device(v, f->device);
        break;
    case FILE_CLOSED:
        break;
    }
}

/* Drivers */

void vfio_register(struct device *d)
{
    d->registered = true;
    d->group->drivers++;
}

/* With its last device the group goes; a file of it that is open stands for nothing from then on. */
static void unregister(struct vfio *v, struct device *d)
{
    struct group *g = d->group;
    d->registered = false;
    if (--g->drivers)
        return;
    if (g->container && !vfio_faulty(v, ORPHAN_STAYS))
        leave(v, g);
    if (g->file)
        g->file->group = NULL;
    g->file = NULL;
}

int vfio_bind_driver(struct vfio *v, struct device *d, enum driver to)
{
    int error = to == DRIVER_KERNEL ? use_default_domain(v, &d->group->iommu) : 0;
    if (error)
        return error;
    d->driver = to;
    if (to == DRIVER_VFIO)
        vfio_register(d);
    return 0;
}

int vfio_unbind_driver(struct vfio *v, struct device *d)
{
    if (d->open_count)
        return -EAGAIN; /* the kernel sleeps here, and nobody asks for that */
    if (d->registered)
        unregister(v, d);
    if (d->driver == DRIVER_KERNEL)
        unuse_default_domain(&d->group->iommu);
    d->driver = DRIVER_NONE;
    return 0;
}

/* Calls on containers */

int vfio_open_container(struct vfio *v, struct process *p, struct file *f, struct container *made)
{
    *made = (struct container){.references = 1};
    file_install(v, p, f, (struct file){.kind = FILE_CONTAINER, .container = made});
    return 0;
}

int vfio_set_iommu(struct vfio *v, struct process *p, struct file *f, enum iommu_type type, struct table *made)
{
    int error = file_check(v, p, f, FILE_CONTAINER);
    if (error)
        return error;
    struct container *c = f->container;
    if (!vfio_holds_groups(c) || c->table)
        return -EINVAL;
    struct iommu_driver *driver = iommu_driver_for(v, c, type);
    if (!driver)
        return -ENODEV;
    if (c->no_iommu && !p->rawio)
        return -EPERM;
    iommu_driver_get(v, c, driver);
    *made = (struct table){.type = type};
    c->table = made;
    for (int i = 0; i < MOST; i++)
        if (c->lists[i])
            attach_table(&v->groups[i].iommu, made);
    return 0;
}

int vfio_check_extension(struct vfio *v, struct process *p, struct file *f, enum iommu_type type, bool *supported)
{
    int error = file_check(v, p, f, FILE_CONTAINER);
    if (error)
        return error;
    const struct container *c = f->container;
    *supported = c->driver ? iommu_driver_supports(c->driver, type) : iommu_driver_for(v, c, type) != NULL;
    return 0;
}

int vfio_get_api_version(struct vfio *v, struct process *p, struct file *f)
{
    int error = file_check(v, p, f, FILE_CONTAINER);
    return error ? error : VFIO_API_VERSION;
}

/* Calls on groups */

int vfio_open_group(struct vfio *v, struct process *p, struct file *f, struct group *g)
{
    if (!g->drivers)
        return -ENODEV;
    if (g->iommu.no_iommu && !p->rawio)
        return -EPERM;
    if (g->file && !vfio_faulty(v, OPEN_TWICE))
        return -EBUSY;
    file_install(v, p, f, (struct file){.kind = FILE_GROUP, .group = g});
    g->file = f;
    return 0;
}

int vfio_set_container(struct vfio *v, struct process *p, struct file *f, struct file *other)
{
    int error = file_check(v, p, f, FILE_GROUP);
    if (error)
        return error;
    if (!other || file_check(v, p, other, FILE_CONTAINER) == -EBADF)
        return -EBADF;
    struct group *g = f->group;
    if (!g)
        return -ENODEV;
    if (g->container && !vfio_faulty(v, SET_TWICE))
        return -EINVAL;
    if (other->kind != FILE_CONTAINER)
        return vfio_faulty(v, WRONG_ERRNO) ? -EINVAL : -EBADFD;
    if (g->iommu.no_iommu && !p->rawio)
        return -EPERM;
    struct container *c = other->container;
    if (vfio_holds_groups(c) && c->no_iommu != g->iommu.no_iommu)
        return -EPERM;
    error = claim_dma_owner(v, &g->iommu);
    if (error)
        return error;
    enter(v, g, c);
    return 0;
}

int vfio_unset_container(struct vfio *v, struct process *p, struct file *f)
{
    int error = file_check(v, p, f, FILE_GROUP);
    if (error)
        return error;
    if (!f->group || !f->group->container)
        return -EINVAL;
    if (f->group->container_users != 1 && !vfio_faulty(v, BUSY_UNSET))
        return -EBUSY;
    leave(v, f->group);
    return 0;
}

int vfio_get_status(struct vfio *v, struct process *p, struct file *f, struct group_status *status)
{
    int error = file_check(v, p, f, FILE_GROUP);
    if (error)
        return error;
    if (!f->group)
        return -ENODEV;
    status->container_set = f->group->container;
    status->viable = f->group->container || !dma_owner_claimed(&f->group->iommu);
    return 0;
}

static int first_open(struct vfio *v, struct process *p, struct device *d)
{
    struct group *g = d->group;
    if (!d->module.live)
        return -ENODEV;
    if (!g->container->table)
        return -EINVAL;
    if (g->iommu.no_iommu && !p->rawio)
        return -EPERM;
    if (!vfio_faulty(v, OPEN_WITHOUT_MODULE))
        module_try_get(&d->module);
    use_group(v, d, g);
    return 0;
}

int vfio_get_device_fd(struct vfio *v, struct process *p, struct file *f, struct device *d, struct file *made)
{
    int error = file_check(v, p, f, FILE_GROUP);
    if (error)
        return error;
    if (d->group != f->group || !d->registered)
        return -ENODEV;
    if (!d->group->container)
        return -EINVAL;
    if (!d->open_count && (error = first_open(v, p, d)))
        return error;
    if (d->open_count && vfio_faulty(v, FILES_COUNT))
        d->group->container_users++;
    d->open_count++;
    file_install(v, p, made, (struct file){.kind = FILE_DEVICE, .group = d->group, .device = d});
    return 0;
}
