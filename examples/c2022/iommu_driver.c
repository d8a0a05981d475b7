#include "vfio.h"

bool iommu_driver_supports(const struct iommu_driver *d, enum iommu_type type)
{
    return type == (d->is_noiommu ? IOMMU_NOIOMMU : IOMMU_TYPE1);
}

struct iommu_driver *iommu_driver_for(struct vfio *v, const struct container *c, enum iommu_type type)
{
    for (int i = 0; i < MOST; i++) {
        struct iommu_driver *d = &v->drivers[i];
        bool fits = !vfio_holds_groups(c) || d->is_noiommu == c->no_iommu;
        if (d->module.live && fits && iommu_driver_supports(d, type))
            return d;
    }
    return NULL;
}

void iommu_driver_get(const struct vfio *v, struct container *c, struct iommu_driver *d)
{
    c->driver = d;
    if (!vfio_faulty(v, MODULE_UNCOUNTED))
        module_try_get(&d->module);
}

void iommu_driver_put(const struct vfio *v, struct container *c)
{
    if (c->driver && !vfio_faulty(v, MODULE_UNCOUNTED))
        module_put(&c->driver->module);
    c->driver = NULL;
}
