#include "adapter.h"

#include <string.h>

/* Sorts come first, so that a sort is also the type of a parameter or value that is one of its objects. */
enum type { PROCESS, THREAD, FILE_, GROUP, DEVICE, CONTAINER, TABLE, PAGE, USER, SORTS,
            FLAG = SORTS, COUNT, DRIVER, KIND, IOMMU_TYPE, HARM };

enum { NONE = -1, NOTHING = -1 };

static const struct { const char *name, *letters; } sorts[SORTS] = {
    [PROCESS] = {"process", "p"}, [THREAD] = {"thread", "th"}, [FILE_] = {"file", "f"},
    [GROUP] = {"group", "g"}, [DEVICE] = {"device", "d"}, [CONTAINER] = {"container", "c"},
    [TABLE] = {"table", "tb"}, [PAGE] = {"page", "pg"}, [USER] = {"user", "u"},
};

static const char *const *choices(enum type type)
{
    static const char *const drivers[] = {"none", "vfio", "kernel", "stub", NULL};
    static const char *const kinds[] = {"closed", "container", "group", "device", NULL};
    static const char *const iommu_types[] = {"type1", "noiommu", "unsupported", NULL};
    static const char *const harms[] = {"none", "list_corruption", "null_dereference", "use_after_free", "bug", NULL};
    switch (type) {
    case DRIVER: return drivers;
    case KIND: return kinds;
    case IOMMU_TYPE: return iommu_types;
    case HARM: return harms;
    default: return NULL;
    }
}

/* The calls */

#define PROCESS_(i) (&v->processes[x[i]])
#define FILE_AT(i) (&v->files[x[i]])
#define FILE_OR_NONE(i) (x[i] == NONE ? NULL : FILE_AT(i))
#define USER_(i) (&v->users[x[i]])
#define CALL(name, ...) \
    static struct answer call_##name(struct vfio *v, const int *x) { return vfio_##name(v, __VA_ARGS__); }

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

enum { PARAMETERS = 4 };

struct parameter {
    const char *name;
    enum type type;
    bool or_none;
};

static const struct call {
    const char *name;
    unsigned in;
    struct answer (*run)(struct vfio *v, const int *x);
    struct parameter parameters[PARAMETERS];
    enum { STATUS = 1, ID } returns;
} calls[] = {
    {"close", CONTAINERS, call_close, {{"process", PROCESS, 0}, {"file", FILE_, 0}}, 0},
    {"pass_file", CONTAINERS, call_pass_file, {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"to", PROCESS, 0}}, 0},
    {"fork", CONTAINERS, call_fork, {{"process", PROCESS, 0}, {"child", PROCESS, 0}}, 0},
    {"exit_process", CONTAINERS, call_exit_process, {{"process", PROCESS, 0}}, 0},
    {"open_group", CONTAINERS, call_open_group, {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"group", GROUP, 0}}, 0},
    {"bind_driver", CONTAINERS, call_bind_driver, {{"device", DEVICE, 0}, {"to", DRIVER, 0}}, 0},
    {"unbind_driver", CONTAINERS, call_unbind_driver, {{"device", DEVICE, 0}}, 0},
    {"open_container", CONTAINERS, call_open_container,
     {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"made", CONTAINER, 0}}, 0},
    {"set_container", CONTAINERS, call_set_container, {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"other", FILE_, 1}}, 0},
    {"unset_container", CONTAINERS, call_unset_container, {{"process", PROCESS, 0}, {"file", FILE_, 0}}, 0},
    {"set_iommu", CONTAINERS, call_set_iommu,
     {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"type", IOMMU_TYPE, 0}, {"made", TABLE, 0}}, 0},
    {"get_status", CONTAINERS, call_get_status, {{"process", PROCESS, 0}, {"file", FILE_, 0}}, STATUS},
    {"get_device_fd", CONTAINERS, call_get_device_fd,
     {{"process", PROCESS, 0}, {"file", FILE_, 0}, {"device", DEVICE, 0}, {"made", FILE_, 0}}, 0},
    {"use", GET_PUT | JUNE_2013, call_use, {{"user", USER, 0}, {"page", PAGE, 0}, {"to", FLAG, 0}}, 0},
    {"get_external_user", GET_PUT, call_get_external_user, {{"user", USER, 0}, {"process", PROCESS, 0}, {"file", FILE_, 0}}, 0},
    {"put_external_user", GET_PUT, call_put_external_user, {{"user", USER, 0}}, 0},
    {"iommu_id", GET_PUT, call_iommu_id, {{"user", USER, 0}}, ID},
    {"take_file", JUNE_2013, call_take_file, {{"user", USER, 0}, {"process", PROCESS, 0}, {"file", FILE_, 0}}, 0},
    {"iommu_id_from_file", JUNE_2013, call_iommu_id_from_file, {{"user", USER, 0}}, ID},
    {"add_external_user", JUNE_2013, call_add_external_user, {{"user", USER, 0}}, 0},
    {"del_external_user", JUNE_2013, call_del_external_user, {{"user", USER, 0}}, 0},
    {"drop_file", JUNE_2013, call_drop_file, {{"user", USER, 0}}, 0},
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

static const struct observable {
    const char *name;
    unsigned in;
    int of[2]; /* sorts, or NOTHING */
    enum type type;
    long (*read)(const struct vfio *v, int i, int k);
} observables[] = {
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
};

enum { CALLS = sizeof calls / sizeof *calls, OBSERVABLES = sizeof observables / sizeof *observables };

void adapter_list_calls(const struct adapter *a, struct json_writer *w)
{
    for (int i = 0; i < CALLS; i++)
        if (calls[i].in & a->profile)
            json_text(w, NULL, calls[i].name);
}

void adapter_list_observables(const struct adapter *a, struct json_writer *w)
{
    for (int i = 0; i < OBSERVABLES; i++)
        if (observables[i].in & a->profile)
            json_text(w, NULL, observables[i].name);
}

/* Names and values */

static char *put_name(char *to, enum type sort, int number)
{
    for (const char *letters = sorts[sort].letters; *letters; letters++)
        *to++ = *letters;
    if (number >= 10)
        *to++ = (char)('0' + number / 10); /* MOST is below 100 */
    *to++ = (char)('0' + number % 10);
    *to = '\0';
    return to;
}

/* The number of the object that is called so; NONE where the scope has no such object. */
static int named(const struct adapter *a, enum type sort, const char *name)
{
    size_t letters = strlen(sorts[sort].letters), length = strlen(name);
    if (strncmp(name, sorts[sort].letters, letters) || length == letters || length > letters + 2)
        return NONE;
    int number = 0;
    for (const char *digit = name + letters; *digit; digit++) {
        if (*digit < '0' || *digit > '9')
            return NONE;
        number = number * 10 + (*digit - '0');
    }
    char written[8];
    put_name(written, sort, number);
    return number < a->sizes[sort] && !strcmp(written, name) ? number : NONE;
}

static bool read_as(const struct adapter *a, enum type type, bool or_none, const struct json *value, int *into)
{
    if (type == FLAG) {
        *into = (int)value->number;
        return value->kind == JSON_FLAG;
    }
    if (value->kind != JSON_TEXT)
        return false;
    if (type < SORTS) {
        *into = named(a, type, value->text);
        return *into != NONE || (or_none && !strcmp(value->text, "none"));
    }
    for (*into = 0; choices(type)[*into]; ++*into)
        if (!strcmp(choices(type)[*into], value->text))
            return true;
    return false;
}

static void write_as(enum type type, long value, const char *key, struct json_writer *w)
{
    char name[8] = "none";
    if (type == FLAG) {
        json_flag(w, key, value);
    } else if (type == COUNT) {
        json_number(w, key, value);
    } else if (type < SORTS) {
        if (value != NONE)
            put_name(name, type, (int)value);
        json_text(w, key, name);
    } else {
        json_text(w, key, choices(type)[value]);
    }
}

/* Reset */

static const char *read_sizes(struct adapter *a, const struct json *objects)
{
    memset(a->sizes, 0, sizeof a->sizes);
    for (const struct json *one = objects->first; one; one = one->next) {
        int sort = 0;
        while (sort < SORTS && strcmp(sorts[sort].name, one->key))
            sort++;
        if (sort == SORTS)
            return "reset: objects of an unknown sort";
        if (one->kind != JSON_NUMBER || one->number < 0 || one->number > MOST)
            return "reset: a number of objects is no number, or too large for this implementation";
        a->sizes[sort] = (int)one->number;
    }
    if (a->sizes[DEVICE] && !a->sizes[GROUP])
        return "reset: devices without a group";
    return NULL;
}

enum fact { DEVICE_GROUP, DEVICE_BRIDGE, GROUP_NO_IOMMU, RAWIO, DEVICE_DRIVER, FACTS };

static void set_fact(struct vfio *v, int fact, int object, int value)
{
    switch (fact) {
    case DEVICE_GROUP: v->devices[object].group = &v->groups[value]; break;
    case DEVICE_BRIDGE: v->devices[object].bridge = value; break;
    case GROUP_NO_IOMMU: v->groups[object].no_iommu = value; break;
    case RAWIO: v->processes[object].rawio = value; break;
    case DEVICE_DRIVER: v->devices[object].driver = (enum driver)value; break;
    }
}

/* Reads {"device_group": {"d0": "g0"}, ...}: facts named by the numbers `from` up to `end`. */
static const char *read_facts(struct adapter *a, const struct json *given, int from, int end)
{
    static const struct { const char *name; enum type of, type; } facts[FACTS] = {
        [DEVICE_GROUP] = {"device_group", DEVICE, GROUP}, [DEVICE_BRIDGE] = {"device_bridge", DEVICE, FLAG},
        [GROUP_NO_IOMMU] = {"group_no_iommu", GROUP, FLAG}, [RAWIO] = {"rawio", PROCESS, FLAG},
        [DEVICE_DRIVER] = {"device_driver", DEVICE, DRIVER},
    };
    for (const struct json *one = given->first; one; one = one->next) {
        int fact = from;
        while (fact < end && strcmp(facts[fact].name, one->key))
            fact++;
        if (fact == end || one->kind != JSON_OBJECT)
            return "reset: an unknown fact";
        for (const struct json *place = one->first; place; place = place->next) {
            int object = named(a, facts[fact].of, place->key), value;
            if (object == NONE || !read_as(a, facts[fact].type, false, place, &value))
                return "reset: a fact about an unknown object, or of an unknown value";
            set_fact(&a->vfio, fact, object, value);
        }
    }
    return NULL;
}

const char *adapter_reset(struct adapter *a, const struct json *configuration)
{
    static const char *const parts[] = {"objects", "fixed", "initial"};
    const struct json *found[3];
    for (int i = 0; i < 3; i++) {
        found[i] = json_member(configuration, parts[i]);
        if (!found[i] || found[i]->kind != JSON_OBJECT)
            return "reset: objects, fixed and initial are needed";
    }
    const char *wrong = read_sizes(a, found[0]);
    if (wrong)
        return wrong;
    vfio_reset(&a->vfio);
    for (int i = 0; i < a->sizes[DEVICE]; i++)
        a->vfio.devices[i].group = &a->vfio.groups[0];
    if ((wrong = read_facts(a, found[1], DEVICE_GROUP, DEVICE_DRIVER)))
        return wrong;
    if ((wrong = read_facts(a, found[2], DEVICE_DRIVER, FACTS)))
        return wrong;
    for (int i = 0; i < a->sizes[DEVICE]; i++)
        if (a->vfio.devices[i].driver == DRIVER_VFIO)
            vfio_register(&a->vfio.devices[i]);
    return NULL;
}

/* Calls and what is shown after them */

static const struct call *find_call(const struct adapter *a, const char *name)
{
    for (int i = 0; i < CALLS; i++)
        if (calls[i].in & a->profile && !strcmp(calls[i].name, name))
            return &calls[i];
    return NULL;
}

const char *adapter_call(struct adapter *a, const char *name, const struct json *args, struct answer *given)
{
    const struct call *call = find_call(a, name);
    int x[PARAMETERS], given_args = 0, read = 0;
    if (!call)
        return "call: not a call of this profile";
    if (a->vfio.harm != HARM_NONE)
        return "call: the kernel has died; reset it";
    for (const struct json *one = args->first; one; one = one->next)
        given_args++;
    for (; read < PARAMETERS && call->parameters[read].name; read++) {
        const struct parameter *p = &call->parameters[read];
        const struct json *value = json_member(args, p->name);
        if (!value || !read_as(a, p->type, p->or_none, value, &x[read]))
            return "call: an argument is missing, or not of its kind";
    }
    if (given_args != read)
        return "call: an argument that the call does not have";
    *given = call->run(&a->vfio, x);
    return given->how == MISUSED ? given->text : NULL;
}

void adapter_answer(const struct adapter *a, const char *name, const struct answer *given, struct json_writer *w)
{
    int returns = (int)find_call(a, name)->returns;
    if (given->how == DIED) {
        json_flag(w, "died", true);
        return;
    }
    if (given->how == REFUSED) {
        json_text(w, "refused", given->text);
        return;
    }
    json_open(w, "done", '{');
    if (returns == STATUS) {
        json_flag(w, "viable", given->viable);
        json_flag(w, "container_set", given->container_set);
    }
    if (returns == ID)
        write_as(GROUP, given->id - a->vfio.groups, "id", w);
    json_close(w, '}');
}

static void show_one(const struct adapter *a, const struct observable *o, struct json_writer *w)
{
    bool open = false;
    int rows = o->of[0] == NOTHING ? 1 : a->sizes[o->of[0]], columns = o->of[1] == NOTHING ? 1 : a->sizes[o->of[1]];
    long usual = o->type < SORTS ? NONE : 0;
    for (int i = 0; i < rows; i++) {
        for (int k = 0; k < columns; k++) {
            char place[16] = "", *end = place;
            long value = o->read(&a->vfio, i, k);
            if (value == usual)
                continue;
            if (o->of[0] != NOTHING)
                end = put_name(end, o->of[0], i);
            if (o->of[1] != NOTHING) {
                *end++ = ',';
                put_name(end, o->of[1], k);
            }
            if (!open)
                json_open(w, o->name, '{');
            open = true;
            write_as(o->type, value, place, w);
        }
    }
    if (open)
        json_close(w, '}');
}

void adapter_show(const struct adapter *a, struct json_writer *w)
{
    json_open(w, "shown", '{');
    for (int i = 0; i < OBSERVABLES; i++)
        if (observables[i].in & a->profile)
            show_one(a, &observables[i], w);
    json_close(w, '}');
}
