#include "protocol.h"
#include "vfio.h"

#include <errno.h>
#include <string.h>

enum { CONTAINERS = 1 }; /* the parts of profiles: one */

/* The calls */

static struct outcome told(int error)
{
    static const struct { int number; const char *name; } errnos[] = {
        {EPERM, "EPERM"}, {EBADF, "EBADF"}, {EAGAIN, "EAGAIN"}, {EBUSY, "EBUSY"},
        {ENODEV, "ENODEV"}, {EINVAL, "EINVAL"}, {ENOTTY, "ENOTTY"}, {EBADFD, "EBADFD"},
    };
    if (!error)
        return (struct outcome){0};
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++)
        if (errnos[i].number == -error)
            return (struct outcome){.refused = errnos[i].name};
    return (struct outcome){.misused = "an errno that the adapter has no name for"};
}

#define PROCESS_(i) (&v->processes[x[i]])
#define FILE_AT(i) (&v->files[x[i]])
#define FILE_OR_NONE(i) (x[i] == NONE ? NULL : FILE_AT(i))
#define CALL(name, function, ...) \
    static struct outcome call_##name(struct vfio *v, const int *x) { return told(function(v, __VA_ARGS__)); }

CALL(close, file_close, PROCESS_(0), FILE_AT(1))
CALL(pass_file, file_pass, PROCESS_(0), FILE_AT(1), PROCESS_(2))
CALL(fork, file_fork, PROCESS_(0), PROCESS_(1))
CALL(exit_process, file_exit, PROCESS_(0))
CALL(bind_driver, vfio_bind_driver, &v->devices[x[0]], (enum driver)x[1])
CALL(unbind_driver, vfio_unbind_driver, &v->devices[x[0]])
CALL(open_container, vfio_open_container, PROCESS_(0), FILE_AT(1), &v->containers[x[2]])
CALL(set_iommu, vfio_set_iommu, PROCESS_(0), FILE_AT(1), (enum iommu_type)x[2], &v->tables[x[3]])
CALL(open_group, vfio_open_group, PROCESS_(0), FILE_AT(1), &v->groups[x[2]])
CALL(set_container, vfio_set_container, PROCESS_(0), FILE_AT(1), FILE_OR_NONE(2))
CALL(unset_container, vfio_unset_container, PROCESS_(0), FILE_AT(1))
CALL(get_device_fd, vfio_get_device_fd, PROCESS_(0), FILE_AT(1), &v->devices[x[2]], FILE_AT(3))

#define MODULE(kind, objects) \
    static struct outcome call_register_##kind(struct vfio *v, const int *x) \
    { \
        return told(module_load(&v->objects[x[0]].module)); \
    } \
    static struct outcome call_unregister_##kind(struct vfio *v, const int *x) \
    { \
        if (module_remove(&v->objects[x[0]].module)) \
            return (struct outcome){.refused = "EWOULDBLOCK"}; /* the number is EAGAIN's too */ \
        return (struct outcome){0}; \
    }

MODULE(iommu_driver, drivers)
MODULE(vfio_driver, devices)

static struct outcome call_check_extension(struct vfio *v, const int *x)
{
    bool supported = false;
    struct outcome outcome = told(vfio_check_extension(v, PROCESS_(0), FILE_AT(1), (enum iommu_type)x[2], &supported));
    outcome.values[0] = supported;
    return outcome;
}

static struct outcome call_get_api_version(struct vfio *v, const int *x)
{
    int version = vfio_get_api_version(v, PROCESS_(0), FILE_AT(1));
    struct outcome outcome = told(version < 0 ? version : 0);
    outcome.values[0] = version;
    return outcome;
}

static struct outcome call_get_status(struct vfio *v, const int *x)
{
    struct group_status status = {0};
    struct outcome outcome = told(vfio_get_status(v, PROCESS_(0), FILE_AT(1), &status));
    outcome.values[0] = status.viable;
    outcome.values[1] = status.container_set;
    return outcome;
}

#define BY {"process", PROCESS, 0}
#define ON {"file", FILE_, 0}

static const struct call calls[] = {
    {"close", CONTAINERS, call_close, {BY, ON}, {{0}}},
    {"pass_file", CONTAINERS, call_pass_file, {BY, ON, {"to", PROCESS, 0}}, {{0}}},
    {"fork", CONTAINERS, call_fork, {BY, {"child", PROCESS, 0}}, {{0}}},
    {"exit_process", CONTAINERS, call_exit_process, {BY}, {{0}}},
    {"bind_driver", CONTAINERS, call_bind_driver, {{"device", DEVICE, 0}, {"to", DRIVER, 0}}, {{0}}},
    {"unbind_driver", CONTAINERS, call_unbind_driver, {{"device", DEVICE, 0}}, {{0}}},
    {"open_container", CONTAINERS, call_open_container, {BY, ON, {"made", CONTAINER, 0}}, {{0}}},
    {"set_iommu", CONTAINERS, call_set_iommu, {BY, ON, {"type", IOMMU_TYPE, 0}, {"made", TABLE, 0}}, {{0}}},
    {"check_extension", CONTAINERS, call_check_extension, {BY, ON, {"type", IOMMU_TYPE, 0}}, {{"supported", FLAG}}},
    {"get_api_version", CONTAINERS, call_get_api_version, {BY, ON}, {{"version", COUNT}}},
    {"register_iommu_driver", CONTAINERS, call_register_iommu_driver, {{"driver", IOMMU_DRIVER, 0}}, {{0}}},
    {"unregister_iommu_driver", CONTAINERS, call_unregister_iommu_driver, {{"driver", IOMMU_DRIVER, 0}}, {{0}}},
    {"register_vfio_driver", CONTAINERS, call_register_vfio_driver, {{"device", DEVICE, 0}}, {{0}}},
    {"unregister_vfio_driver", CONTAINERS, call_unregister_vfio_driver, {{"device", DEVICE, 0}}, {{0}}},
    {"open_group", CONTAINERS, call_open_group, {BY, ON, {"group", GROUP, 0}}, {{0}}},
    {"set_container", CONTAINERS, call_set_container, {BY, ON, {"other", FILE_, 1}}, {{0}}},
    {"unset_container", CONTAINERS, call_unset_container, {BY, ON}, {{0}}},
    {"get_status", CONTAINERS, call_get_status, {BY, ON}, {{"viable", FLAG}, {"container_set", FLAG}}},
    {"get_device_fd", CONTAINERS, call_get_device_fd, {BY, ON, {"device", DEVICE, 0}, {"made", FILE_, 0}}, {{0}}},
    {0},
};

/* The observables: what each is of the objects number `i` and `k` */

#define AT(object, all) ((object) ? (long)((object) - (all)) : NONE)
#define SHOW(name, value) \
    static long show_##name(const struct vfio *v, int i, int k) { (void)v, (void)i, (void)k; return (value); }

SHOW(always, 1) /* a group is at rest, and no external user holds anything: there are none */
SHOW(never, 0) /* calls are whole here: nothing is between its steps */
SHOW(has_fd, v->processes[i].fd[k])
SHOW(file_kind, v->files[i].kind)
SHOW(file_container, AT(v->files[i].container, v->containers))
SHOW(file_group, AT(v->files[i].group, v->groups))
SHOW(file_device, AT(v->files[i].device, v->devices))
SHOW(group_exists, v->groups[i].drivers > 0)
SHOW(group_opened, v->groups[i].file != NULL)
SHOW(group_no_iommu, v->groups[i].iommu.no_iommu)
SHOW(group_placed, v->groups[i].placed)
SHOW(container_of, AT(v->groups[i].container, v->containers))
SHOW(container_users, v->groups[i].container_users)
SHOW(table_reached, AT(v->groups[i].iommu.table, v->tables))
SHOW(dma_owner, v->groups[i].iommu.owner)
SHOW(owner_count, v->groups[i].iommu.owner_cnt)
SHOW(dma_blocked, v->groups[i].iommu.domain == DOMAIN_BLOCKING)
SHOW(container_lists, v->containers[i].lists[k])
SHOW(container_table, AT(v->containers[i].table, v->tables))
SHOW(container_driver, AT(v->containers[i].driver, v->drivers))
SHOW(driver_registered, v->drivers[i].module.live)
SHOW(driver_references, v->drivers[i].module.references)
SHOW(container_references, v->containers[i].references)
SHOW(container_no_iommu, v->containers[i].no_iommu && vfio_holds_groups(&v->containers[i]))
SHOW(device_group, AT(v->devices[i].group, v->groups))
SHOW(device_driver, v->devices[i].driver)
SHOW(device_registered, v->devices[i].registered)
SHOW(device_opens, v->devices[i].open_count)
SHOW(device_counts, AT(v->devices[i].uses, v->groups))
SHOW(module_goes, !v->devices[i].module.live)
SHOW(module_references, v->devices[i].module.references)

static const struct observable observables[] = {
    {"has_fd", CONTAINERS, {PROCESS, FILE_}, FLAG, show_has_fd},
    {"file_kind", CONTAINERS, {FILE_, NOTHING}, KIND, show_file_kind},
    {"file_container", CONTAINERS, {FILE_, NOTHING}, CONTAINER, show_file_container},
    {"file_group", CONTAINERS, {FILE_, NOTHING}, GROUP, show_file_group},
    {"file_device", CONTAINERS, {FILE_, NOTHING}, DEVICE, show_file_device},
    {"release_pending", CONTAINERS, {FILE_, NOTHING}, FLAG, show_never},
    {"group_exists", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_exists},
    {"group_opened", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_opened},
    {"group_no_iommu", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_no_iommu},
    {"group_at_rest", CONTAINERS, {GROUP, NOTHING}, FLAG, show_always},
    {"group_placed", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_placed},
    {"container_of", CONTAINERS, {GROUP, NOTHING}, CONTAINER, show_container_of},
    {"container_users", CONTAINERS, {GROUP, NOTHING}, COUNT, show_container_users},
    {"table_reached", CONTAINERS, {GROUP, NOTHING}, TABLE, show_table_reached},
    {"dma_owner", CONTAINERS, {GROUP, NOTHING}, OWNER, show_dma_owner},
    {"owner_count", CONTAINERS, {GROUP, NOTHING}, COUNT, show_owner_count},
    {"dma_blocked", CONTAINERS, {GROUP, NOTHING}, FLAG, show_dma_blocked},
    {"container_lists", CONTAINERS, {CONTAINER, GROUP}, FLAG, show_container_lists},
    {"container_table", CONTAINERS, {CONTAINER, NOTHING}, TABLE, show_container_table},
    {"container_driver", CONTAINERS, {CONTAINER, NOTHING}, IOMMU_DRIVER, show_container_driver},
    {"driver_registered", CONTAINERS, {IOMMU_DRIVER, NOTHING}, FLAG, show_driver_registered},
    {"driver_references", CONTAINERS, {IOMMU_DRIVER, NOTHING}, COUNT, show_driver_references},
    {"container_references", CONTAINERS, {CONTAINER, NOTHING}, COUNT, show_container_references},
    {"container_no_iommu", CONTAINERS, {CONTAINER, NOTHING}, FLAG, show_container_no_iommu},
    {"device_group", CONTAINERS, {DEVICE, NOTHING}, GROUP, show_device_group},
    {"device_driver", CONTAINERS, {DEVICE, NOTHING}, DRIVER, show_device_driver},
    {"device_registered", CONTAINERS, {DEVICE, NOTHING}, FLAG, show_device_registered},
    {"device_leaving", CONTAINERS, {DEVICE, NOTHING}, FLAG, show_never},
    {"device_opens", CONTAINERS, {DEVICE, NOTHING}, COUNT, show_device_opens},
    {"device_counts", CONTAINERS, {DEVICE, NOTHING}, GROUP, show_device_counts},
    {"module_goes", CONTAINERS, {DEVICE, NOTHING}, FLAG, show_module_goes},
    {"module_references", CONTAINERS, {DEVICE, NOTHING}, COUNT, show_module_references},
    {"user_idle", CONTAINERS, {USER, NOTHING}, FLAG, show_always},
    {0},
};

/* The subject */

static unsigned profile_named(const struct vfio *v, const char *name)
{
    (void)v;
    return strcmp(name, "containers-2022") ? 0 : CONTAINERS;
}

static void set_fact(struct vfio *v, enum fact fact, int object, int value)
{
    switch (fact) {
    case DEVICE_GROUP: v->devices[object] = (struct device){.group = &v->groups[value], .module.live = true}; break;
    case GROUP_NO_IOMMU: v->groups[object].iommu.no_iommu = value; break;
    case RAWIO: v->processes[object].rawio = value; break;
    case DRIVER_NOIOMMU: v->drivers[object] = (struct iommu_driver){.is_noiommu = value, .module.live = true}; break;
    case DEVICE_DRIVER: v->devices[object].driver = (enum driver)value; break;
    default: break; /* that a device is a bridge means nothing any more */
    }
}

static void start(struct vfio *v)
{
    for (int i = 0; i < MOST; i++)
        if (v->devices[i].driver == DRIVER_VFIO)
            vfio_register(&v->devices[i]);
}

static struct vfio vfio;

struct subject subject = {
    .name = "examples/c2022", .vfio = &vfio, .most = MOST, .calls = calls, .observables = observables,
    .faults = vfio_faults, .planted = &vfio.faults, .profile = profile_named,
    .reset = vfio_reset, .set = set_fact, .start = start,
};
