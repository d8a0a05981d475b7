#include "ownership.h"

#include "vfio.h"

#include <errno.h>

bool dma_owner_claimed(const struct iommu_group *g)
{
    return g->owner_cnt > 0;
}

int claim_dma_owner(const struct vfio *v, struct iommu_group *g)
{
    if (g->no_iommu)
        return 0;
    if (dma_owner_claimed(g) && !vfio_faulty(v, CLAIM_BESIDE_DRIVER))
        return -EPERM;
    if (g->domain != DOMAIN_DEFAULT)
        return -EBUSY;
    g->owner = OWNER_GROUP;
    g->owner_cnt = 1;
    if (!vfio_faulty(v, CLAIM_TRANSLATES))
        g->domain = DOMAIN_BLOCKING;
    return 0;
}

void release_dma_owner(const struct vfio *v, struct iommu_group *g)
{
    if (g->no_iommu || vfio_faulty(v, OWNER_LEAKS))
        return;
    g->owner = OWNER_NONE;
    g->owner_cnt = 0;
    g->domain = DOMAIN_DEFAULT;
}

int use_default_domain(const struct vfio *v, struct iommu_group *g)
{
    if (g->no_iommu)
        return 0;
    if (g->owner != OWNER_NONE && !vfio_faulty(v, DRIVER_IGNORES_OWNER))
        return -EBUSY;
    g->owner_cnt++;
    return 0;
}

void unuse_default_domain(struct iommu_group *g)
{
    if (!g->no_iommu)
        g->owner_cnt--;
}

void attach_table(struct iommu_group *g, struct table *t)
{
    if (g->no_iommu || !t)
        return;
    g->domain = DOMAIN_TABLE;
    g->table = t;
}

void detach_table(struct iommu_group *g)
{
    if (g->domain != DOMAIN_TABLE)
        return;
    g->domain = DOMAIN_BLOCKING;
    g->table = NULL;
}
