#include "vfio.h"

#include <errno.h>

int iommu_driver_register(struct vfio *v, struct iommu_driver *d)
{
    (void)v;
    d->registered = true;
    return 0;
}

int iommu_driver_unregister(struct vfio *v, struct iommu_driver *d)
{
    (void)v;
    if (d->references)
        return -EWOULDBLOCK;
    d->registered = false;
    return 0;
}

bool iommu_driver_supports(const struct iommu_driver *d, enum iommu_type type)
{
    return type == (d->is_noiommu ? IOMMU_NOIOMMU : IOMMU_TYPE1);
}

struct iommu_driver *iommu_driver_for(struct vfio *v, const struct container *c, enum iommu_type type)
{
    for (int i = 0; i < MOST; i++) {
        struct iommu_driver *d = &v->drivers[i];
        bool fits = !vfio_holds_groups(c) || d->is_noiommu == c->no_iommu;
        if (d->registered && fits && iommu_driver_supports(d, type))
            return d;
    }
    return NULL;
}

void iommu_driver_get(const struct vfio *v, struct container *c, struct iommu_driver *d)
{
    c->driver = d;
    if (!vfio_faulty(v, MODULE_UNCOUNTED))
        d->references++;
}

void iommu_driver_put(const struct vfio *v, struct container *c)
{
    if (c->driver && !vfio_faulty(v, MODULE_UNCOUNTED))
        c->driver->references--;
    c->driver = NULL;
}
