/* Who owns the DMA of an IOMMU group: one user, or any number of kernel drivers, and never both. */
#ifndef OWNERSHIP_H
#define OWNERSHIP_H

#include <stdbool.h>

enum owner { OWNER_NONE, OWNER_GROUP };
enum domain { DOMAIN_DEFAULT, DOMAIN_BLOCKING, DOMAIN_TABLE };

struct vfio;

struct iommu_group {
    bool no_iommu; /* made up for a device that no IOMMU isolates: it has no domain to own */
    enum owner owner;
    int owner_cnt; /* the owner, or the drivers that do DMA for the kernel */
    enum domain domain;
    struct table *table; /* DOMAIN_TABLE: the one that its devices translate through */
};

/* A user's: nothing is translated from the claim on until a table is attached. -EPERM, -EBUSY: it is taken. */
int claim_dma_owner(const struct vfio *v, struct iommu_group *g);
void release_dma_owner(const struct vfio *v, struct iommu_group *g);

/* A kernel driver's. -EBUSY: a user owns the group. */
int use_default_domain(const struct vfio *v, struct iommu_group *g);
void unuse_default_domain(struct iommu_group *g);

bool dma_owner_claimed(const struct iommu_group *g);

/* Both leave a group alone that no IOMMU isolates. */
void attach_table(struct iommu_group *g, struct table *t);
void detach_table(struct iommu_group *g);

#endif
