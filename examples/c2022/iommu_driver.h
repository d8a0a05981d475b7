/* IOMMU drivers: modules that come and go, but not while a container keeps them. */
#ifndef IOMMU_DRIVER_H
#define IOMMU_DRIVER_H

#include "module.h"

enum iommu_type { IOMMU_TYPE1, IOMMU_NOIOMMU, IOMMU_UNSUPPORTED };

struct container;
struct vfio;

struct iommu_driver {
    bool is_noiommu; /* for groups that no IOMMU isolates; the others are type1 */
    struct module module; /* each container that uses the driver refers to it */
};

/* The first registered driver of the type that is for the container's groups, or for any while it has none; or NULL. */
struct iommu_driver *iommu_driver_for(struct vfio *v, const struct container *c, enum iommu_type type);
bool iommu_driver_supports(const struct iommu_driver *d, enum iommu_type type);

void iommu_driver_get(const struct vfio *v, struct container *c, struct iommu_driver *d);
void iommu_driver_put(const struct vfio *v, struct container *c);

#endif
