#include "protocol.h"
#include "vfio.h"

#include <string.h>

enum { CONTAINERS = 1, GET_PUT = 2, JUNE_2013 = 4 }; /* parts of profiles */

/* The calls */

static struct outcome told(const struct vfio *v, struct answer a)
{
    switch (a.how) {
    case REFUSED: return (struct outcome){.refused = a.text};
    case MISUSED: return (struct outcome){.misused = a.text};
    case DIED: return (struct outcome){.died = true};
    default: return (struct outcome){.values = {a.id ? a.id - v->groups : a.viable, a.container_set}};
    }
}

#define PROCESS_(i) (&v->processes[x[i]])
#define FILE_AT(i) (&v->files[x[i]])
#define FILE_OR_NONE(i) (x[i] == NONE ? NULL : FILE_AT(i))
#define USER_(i) (&v->users[x[i]])
#define CALL(name, ...) \
    static struct outcome call_##name(struct vfio *v, const int *x) { return told(v, vfio_##name(v, __VA_ARGS__)); }

CALL(close, PROCESS_(0), FILE_AT(1))
CALL(pass_file, PROCESS_(0), FILE_AT(1), PROCESS_(2))
CALL(fork, PROCESS_(0), PROCESS_(1))
CALL(exit_process, PROCESS_(0))
CALL(open_group, PROCESS_(0), FILE_AT(1), &v->groups[x[2]])
CALL(bind_driver, &v->devices[x[0]], (enum driver)x[1])
CALL(unbind_driver, &v->devices[x[0]])
CALL(open_container, PROCESS_(0), FILE_AT(1), &v->containers[x[2]])
CALL(set_container, PROCESS_(0), FILE_AT(1), FILE_OR_NONE(2))
CALL(unset_container, PROCESS_(0), FILE_AT(1))
CALL(set_iommu, PROCESS_(0), FILE_AT(1), (enum iommu_type)x[2], &v->tables[x[3]])
CALL(get_status, PROCESS_(0), FILE_AT(1))
CALL(get_device_fd, PROCESS_(0), FILE_AT(1), &v->devices[x[2]], FILE_AT(3))
CALL(use, USER_(0), x[1], x[2])
CALL(get_external_user, USER_(0), PROCESS_(1), FILE_AT(2))
CALL(put_external_user, USER_(0))
CALL(iommu_id, USER_(0))
CALL(take_file, USER_(0), PROCESS_(1), FILE_AT(2))
CALL(iommu_id_from_file, USER_(0))
CALL(add_external_user, USER_(0))
CALL(del_external_user, USER_(0))
CALL(drop_file, USER_(0))

static const struct call calls[] = {
    {"close", CONTAINERS, call_close, {{"process", PROCESS, 0}, {"file", FILE_, 0}}, {{0}}},
    {"pass_file", CONTAINERS, call_pass_file, {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"to", PROCESS, 0}}, {{0}}},
    {"fork", CONTAINERS, call_fork, {{"process", PROCESS, 0}, {"child", PROCESS, 0}}, {{0}}},
    {"exit_process", CONTAINERS, call_exit_process, {{"process", PROCESS, 0}}, {{0}}},
    {"open_group", CONTAINERS, call_open_group, {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"group", GROUP, 0}}, {{0}}},
    {"bind_driver", CONTAINERS, call_bind_driver, {{"device", DEVICE, 0}, {"to", DRIVER, 0}}, {{0}}},
    {"unbind_driver", CONTAINERS, call_unbind_driver, {{"device", DEVICE, 0}}, {{0}}},
    {"open_container", CONTAINERS, call_open_container,
     {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"made", CONTAINER, 0}}, {{0}}},
    {"set_container", CONTAINERS, call_set_container, {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"other", FILE_, 1}}, {{0}}},
    {"unset_container", CONTAINERS, call_unset_container, {{"process", PROCESS, 0}, {"file", FILE_, 0}}, {{0}}},
    {"set_iommu", CONTAINERS, call_set_iommu,
     {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"type", IOMMU_TYPE, 0}, {"made", TABLE, 0}}, {{0}}},
    {"get_status", CONTAINERS, call_get_status, {{"process", PROCESS, 0}, {"file", FILE_, 0}}, {{"viable", FLAG}, {"container_set", FLAG}}},
    {"get_device_fd", CONTAINERS, call_get_device_fd,
     {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"device", DEVICE, 0}, {"made", FILE_, 0}}, {{0}}},
    {"use", GET_PUT | JUNE_2013, call_use, {{"user", USER, 0}, {"page", PAGE, 0}, {"to", FLAG, 0}}, {{0}}},
    {"get_external_user", GET_PUT, call_get_external_user, {{"user", USER, 0}, {"process", PROCESS, 0}, {"file", FILE_, 0}}, {{0}}},
    {"put_external_user", GET_PUT, call_put_external_user, {{"user", USER, 0}}, {{0}}},
    {"iommu_id", GET_PUT, call_iommu_id, {{"user", USER, 0}}, {{"id", GROUP}}},
    {"take_file", JUNE_2013, call_take_file, {{"user", USER, 0}, {"process", PROCESS, 0}, {"file", FILE_, 0}}, {{0}}},
    {"iommu_id_from_file", JUNE_2013, call_iommu_id_from_file, {{"user", USER, 0}}, {{"id", GROUP}}},
    {"add_external_user", JUNE_2013, call_add_external_user, {{"user", USER, 0}}, {{0}}},
    {"del_external_user", JUNE_2013, call_del_external_user, {{"user", USER, 0}}, {{0}}},
    {"drop_file", JUNE_2013, call_drop_file, {{"user", USER, 0}}, {{0}}},
    {0},
};

/* The observables: what each is of the objects number `i` and `k` */

#define AT(object, all) ((object) ? (long)((object) - (all)) : NONE)
#define SHOW(name, value) \
    static long show_##name(const struct vfio *v, int i, int k) { (void)v, (void)i, (void)k; return (value); }

SHOW(nothing, 0)
SHOW(has_fd, v->files[k].fd[i])
SHOW(file_kind, v->files[i].kind)
SHOW(file_container, AT(v->files[i].container, v->containers))
SHOW(file_group, AT(v->files[i].group, v->groups))
SHOW(file_device, AT(v->files[i].device, v->devices))
SHOW(file_counts, v->files[i].kind == FILE_DEVICE ? AT(v->files[i].group, v->groups) : NONE)
SHOW(group_exists, v->groups[i].references > 0)
SHOW(group_opened, v->groups[i].opened)
SHOW(group_viable, vfio_viable(v, &v->groups[i]))
SHOW(group_no_iommu, v->groups[i].no_iommu)
SHOW(group_at_rest, v->broken != &v->groups[i])
SHOW(group_placed, v->groups[i].placed)
SHOW(container_of, AT(v->groups[i].container, v->containers))
SHOW(container_users, v->groups[i].container_users)
SHOW(table_reached, AT(v->groups[i].attached, v->tables))
SHOW(container_lists, v->containers[i].lists[k])
SHOW(container_table, AT(v->containers[i].table, v->tables))
SHOW(container_references, v->containers[i].references)
SHOW(container_no_iommu, v->containers[i].no_iommu && vfio_holds_groups(&v->containers[i]))
SHOW(device_group, AT(v->devices[i].group, v->groups))
SHOW(device_driver, v->devices[i].driver)
SHOW(device_registered, v->devices[i].registered)
SHOW(device_bridge, v->devices[i].bridge)
SHOW(page_mapped, v->tables[i].mapped[k])
SHOW(user_process, AT(v->users[i].process, v->processes))
SHOW(user_counts, AT(v->users[i].counts, v->groups))
SHOW(user_group, AT(v->users[i].group, v->groups))
SHOW(user_container, AT(v->users[i].container, v->containers))
SHOW(user_table, AT(v->users[i].table, v->tables))
SHOW(user_keeps, v->users[i].file == &v->files[k])
SHOW(user_idle, !v->users[i].process)
SHOW(user_added_first, v->users[i].added_first)
SHOW(harm, v->harm)

static const struct observable observables[] = {
    {"has_fd", CONTAINERS, {PROCESS, FILE_}, FLAG, show_has_fd},
    {"file_kind", CONTAINERS, {FILE_, NOTHING}, KIND, show_file_kind},
    {"file_container", CONTAINERS, {FILE_, NOTHING}, CONTAINER, show_file_container},
    {"file_group", CONTAINERS, {FILE_, NOTHING}, GROUP, show_file_group},
    {"file_device", CONTAINERS, {FILE_, NOTHING}, DEVICE, show_file_device},
    {"file_counts", CONTAINERS, {FILE_, NOTHING}, GROUP, show_file_counts},
    {"release_pending", CONTAINERS, {FILE_, NOTHING}, FLAG, show_nothing},
    {"group_exists", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_exists},
    {"group_opened", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_opened},
    {"group_viable", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_viable},
    {"group_no_iommu", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_no_iommu},
    {"group_at_rest", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_at_rest},
    {"group_placed", CONTAINERS, {GROUP, NOTHING}, FLAG, show_group_placed},
    {"container_of", CONTAINERS, {GROUP, NOTHING}, CONTAINER, show_container_of},
    {"container_users", CONTAINERS, {GROUP, NOTHING}, COUNT, show_container_users},
    {"table_reached", CONTAINERS, {GROUP, NOTHING}, TABLE, show_table_reached},
    {"container_lists", CONTAINERS, {CONTAINER, GROUP}, FLAG, show_container_lists},
    {"container_table", CONTAINERS, {CONTAINER, NOTHING}, TABLE, show_container_table},
    {"container_references", CONTAINERS, {CONTAINER, NOTHING}, COUNT, show_container_references},
    {"container_no_iommu", CONTAINERS, {CONTAINER, NOTHING}, FLAG, show_container_no_iommu},
    {"device_group", CONTAINERS, {DEVICE, NOTHING}, GROUP, show_device_group},
    {"device_driver", CONTAINERS, {DEVICE, NOTHING}, DRIVER, show_device_driver},
    {"device_registered", CONTAINERS, {DEVICE, NOTHING}, FLAG, show_device_registered},
    {"device_leaving", CONTAINERS, {DEVICE, NOTHING}, FLAG, show_nothing},
    {"device_bridge", CONTAINERS, {DEVICE, NOTHING}, FLAG, show_device_bridge},
    {"page_mapped", CONTAINERS, {TABLE, PAGE}, FLAG, show_page_mapped},
    {"user_process", GET_PUT | JUNE_2013, {USER, NOTHING}, PROCESS, show_user_process},
    {"user_counts", GET_PUT | JUNE_2013, {USER, NOTHING}, GROUP, show_user_counts},
    {"user_group", GET_PUT | JUNE_2013, {USER, NOTHING}, GROUP, show_user_group},
    {"user_container", GET_PUT | JUNE_2013, {USER, NOTHING}, CONTAINER, show_user_container},
    {"user_table", GET_PUT | JUNE_2013, {USER, NOTHING}, TABLE, show_user_table},
    {"user_idle", GET_PUT | JUNE_2013, {USER, NOTHING}, FLAG, show_user_idle},
    {"user_keeps", GET_PUT | JUNE_2013, {USER, FILE_}, FLAG, show_user_keeps},
    {"user_added_first", JUNE_2013, {USER, NOTHING}, FLAG, show_user_added_first},
    {"harm", CONTAINERS, {NOTHING, NOTHING}, HARM, show_harm},
    {0},
};

/* The subject */

static unsigned profile_named(const struct vfio *v, const char *name)
{
    if (!strcmp(name, "containers-2013"))
        return CONTAINERS;
    if (!strcmp(name, v->june_2013 ? "external-v1" : "external-get-put"))
        return CONTAINERS | (v->june_2013 ? JUNE_2013 : GET_PUT);
    return 0;
}

static void become_june_2013(struct subject *s)
{
    s->vfio->june_2013 = true;
    s->name = "examples/c, June 2013";
}

static void set_fact(struct vfio *v, enum fact fact, int object, int value)
{
    switch (fact) {
    case DEVICE_GROUP: v->devices[object].group = &v->groups[value]; break;
    case DEVICE_BRIDGE: v->devices[object].bridge = value; break;
    case GROUP_NO_IOMMU: v->groups[object].no_iommu = value; break;
    case RAWIO: v->processes[object].rawio = value; break;
    case DRIVER_NOIOMMU: break; /* no call of this subject loads or removes an IOMMU driver: each type has one */
    case DEVICE_DRIVER: v->devices[object].driver = (enum driver)value; break;
    case FACTS: break;
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
    .name = "examples/c", .vfio = &vfio, .most = MOST, .calls = calls, .observables = observables, .faults = vfio_faults,
    .planted = &vfio.faults, .option = "--june-2013", .opt = become_june_2013, .profile = profile_named,
    .reset = vfio_reset, .set = set_fact, .start = start,
};
