#include "vfio.h"

#include <string.h>

enum fault_number {
    SET_TWICE, BUSY_UNSET, NO_VIABILITY, LEAK_OPEN, WRONG_ERRNO, UNKNOWN_ERRNO, LAST_GROUP, PUT_NO_DISSOLVE, EXIT_LEAKS
};

const struct fault vfio_faults[] = {
    [SET_TWICE] = {"set-twice", "SET_CONTAINER does not look whether the group is in a container already"},
    [BUSY_UNSET] = {"busy-unset", "UNSET_CONTAINER ignores device files and external users"},
    [NO_VIABILITY] = {"no-viability", "neither devices nor external users ask whether the group is viable"},
    [LEAK_OPEN] = {"leak-open", "the group still counts as open when its file is gone"},
    [WRONG_ERRNO] = {"wrong-errno", "SET_CONTAINER of a group in a container says EBUSY where it is EINVAL"},
    [UNKNOWN_ERRNO] = {"unknown-errno", "UNSET_CONTAINER of a free group says ENOGROUP, which no kernel has"},
    [LAST_GROUP] = {"last-group", "the table stays when the last group leaves its container"},
    [PUT_NO_DISSOLVE] = {"put-no-dissolve", "put, and del in June 2013, forget to give the use of the group back"},
    [EXIT_LEAKS] = {"exit-leaks", "a killed process's external users are never released"},
    {NULL, NULL},
};

static bool faulty(const struct vfio *v, enum fault_number fault)
{
    return v->faults >> fault & 1;
}

static struct answer done(void)
{
    return (struct answer){.how = DONE};
}

static struct answer refused(const char *error)
{
    return (struct answer){.how = REFUSED, .text = error};
}

static struct answer misused(const char *what)
{
    return (struct answer){.how = MISUSED, .text = what};
}

static struct answer died(struct vfio *v, enum harm harm, struct group *in)
{
    v->harm = harm;
    v->broken = in;
    return (struct answer){.how = DIED};
}

void vfio_reset(struct vfio *v)
{
    *v = (struct vfio){.june_2013 = v->june_2013, .faults = v->faults};
}

/* Groups and their containers */

static bool acceptable(const struct device *d)
{
    return d->driver == DRIVER_NONE || d->driver == DRIVER_STUB || d->registered || d->bridge;
}

bool vfio_viable(const struct vfio *v, const struct group *g)
{
    for (int i = 0; i < MOST; i++)
        if (v->devices[i].group == g && !acceptable(&v->devices[i]))
            return false;
    return true;
}

static bool viable_enough(const struct vfio *v, const struct group *g)
{
    return faulty(v, NO_VIABILITY) || vfio_viable(v, g);
}

bool vfio_holds_groups(const struct container *c)
{
    return memchr(c->lists, true, sizeof c->lists) != NULL;
}

static void group_put(struct group *g)
{
    if (--g->references == 0)
        g->opened = false; /* the next object of this name starts anew */
}

static void table_destroy(struct table *t)
{
    t->alive = false;
    memset(t->mapped, 0, sizeof t->mapped);
}

static void container_put(struct container *c)
{
    if (--c->references)
        return;
    if (c->table)
        table_destroy(c->table);
    *c = (struct container){0};
}

static void attach(struct vfio *v, struct group *g, struct container *c)
{
    g->container = c;
    g->placed = true;
    g->container_users++;
    if (c->table && !g->no_iommu)
        g->attached = c->table;
    c->no_iommu = g->no_iommu;
    c->lists[g - v->groups] = true;
    c->references++;
}

static void detach(struct vfio *v, struct group *g)
{
    struct container *c = g->container;
    g->container = NULL;
    g->attached = NULL;
    c->lists[g - v->groups] = false;
    if (c->table && !vfio_holds_groups(c) && !faulty(v, LAST_GROUP)) {
        table_destroy(c->table);
        c->table = NULL;
    }
    container_put(c);
}

/* Whoever leaves last takes the group out of its container; one use too many given back goes unnoticed. */
static void try_dissolve(struct vfio *v, struct group *g)
{
    if (g->container_users > 0 && --g->container_users == 0)
        detach(v, g);
}

/* Files */

static bool holds(const struct vfio *v, const struct process *p, const struct file *f)
{
    return f->fd[p - v->processes];
}

static bool open_as(const struct vfio *v, const struct process *p, const struct file *f, enum file_kind kind)
{
    return holds(v, p, f) && f->kind == kind;
}

static void install(struct vfio *v, struct process *p, struct file *f, struct file made)
{
    *f = made;
    f->references = 1;
    f->fd[p - v->processes] = true;
}

static void release(struct vfio *v, struct file *f)
{
    switch (f->kind) {
    case FILE_CONTAINER:
        container_put(f->container);
        break;
    case FILE_GROUP:
        try_dissolve(v, f->group);
        f->group->placed = false;
        if (!faulty(v, LEAK_OPEN))
            f->group->opened = false;
        group_put(f->group);
        break;
    case FILE_DEVICE:
        try_dissolve(v, f->group);
        break;
    case FILE_CLOSED:
        break;
    }
    *f = (struct file){0};
}

static void file_put(struct vfio *v, struct file *f)
{
    if (--f->references == 0)
        release(v, f);
}

struct answer vfio_close(struct vfio *v, struct process *p, struct file *f)
{
    if (!holds(v, p, f))
        return misused("close: the process has no such fd");
    f->fd[p - v->processes] = false;
    file_put(v, f);
    return done();
}

struct answer vfio_pass_file(struct vfio *v, struct process *p, struct file *f, struct process *to)
{
    if (!holds(v, p, f))
        return misused("pass_file: the process has no such fd");
    f->references += !holds(v, to, f);
    f->fd[to - v->processes] = true;
    return done();
}

struct answer vfio_fork(struct vfio *v, struct process *p, struct process *child)
{
    for (struct file *f = v->files; f < v->files + MOST; f++)
        if (holds(v, p, f))
            vfio_pass_file(v, p, f, child);
    return done();
}

static void release_user(struct vfio *v, struct user *u);

struct answer vfio_exit_process(struct vfio *v, struct process *p)
{
    bool had[MOST];
    for (int i = 0; i < MOST; i++) {
        struct file *f = &v->files[i];
        had[i] = holds(v, p, f);
        f->fd[p - v->processes] = false;
    }
    for (int i = 0; i < MOST; i++)
        if (had[i])
            file_put(v, &v->files[i]);
    for (struct user *u = v->users; u < v->users + MOST; u++)
        if (u->process == p && !faulty(v, EXIT_LEAKS))
            release_user(v, u);
    return done();
}

/* Drivers */

void vfio_register(struct device *d)
{
    d->registered = true;
    d->group->references++;
}

struct answer vfio_bind_driver(struct vfio *v, struct device *d, enum driver to)
{
    if (d->driver != DRIVER_NONE || to == DRIVER_NONE)
        return misused("bind_driver: the device has a driver already, or is given none");
    d->driver = to;
    if (to == DRIVER_VFIO)
        vfio_register(d);
    if (d->group->container_users > 0 && !acceptable(d))
        return died(v, HARM_BUG, d->group);
    return done();
}

static bool device_is_open(const struct vfio *v, const struct device *d)
{
    for (int i = 0; i < MOST; i++)
        if (v->files[i].kind == FILE_DEVICE && v->files[i].device == d)
            return true;
    return false;
}

static bool is_last_registered(const struct vfio *v, const struct device *d)
{
    for (int i = 0; i < MOST; i++) {
        const struct device *other = &v->devices[i];
        if (other != d && other->group == d->group && other->registered)
            return false;
    }
    return true;
}

struct answer vfio_unbind_driver(struct vfio *v, struct device *d)
{
    if (d->driver == DRIVER_NONE)
        return misused("unbind_driver: the device has no driver");
    if (d->registered) {
        /* The kernel sleeps here. Nobody asks where the rules make it sleep, so this answer is one they do not allow. */
        if (device_is_open(v, d) || (is_last_registered(v, d) && d->group->container))
            return refused("EAGAIN");
        d->registered = false;
        group_put(d->group);
    }
    d->driver = DRIVER_NONE;
    return done();
}

/* Calls on containers, groups and devices */

struct answer vfio_open_group(struct vfio *v, struct process *p, struct file *f, struct group *g)
{
    if (f->kind != FILE_CLOSED)
        return misused("open_group: the name of the new file is taken");
    if (!g->references)
        return refused("ENODEV");
    if (g->no_iommu && !p->rawio)
        return refused("EPERM");
    if (g->opened)
        return refused("EBUSY");
    if (g->container)
        return refused("EBUSY");
    g->opened = true;
    g->references++;
    install(v, p, f, (struct file){.kind = FILE_GROUP, .group = g});
    return done();
}

struct answer vfio_open_container(struct vfio *v, struct process *p, struct file *f, struct container *made)
{
    if (f->kind != FILE_CLOSED)
        return misused("open_container: the name of the new file is taken");
    *made = (struct container){.references = 1};
    install(v, p, f, (struct file){.kind = FILE_CONTAINER, .container = made});
    return done();
}

struct answer vfio_set_container(struct vfio *v, struct process *p, struct file *f, struct file *other)
{
    if (!open_as(v, p, f, FILE_GROUP))
        return misused("set_container: the process has no such group file");
    struct group *g = f->group;
    if (!other) /* a negative fd */
        return refused("EINVAL");
    if (g->container_users && !faulty(v, SET_TWICE))
        return refused(faulty(v, WRONG_ERRNO) ? "EBUSY" : "EINVAL");
    if (g->no_iommu && !p->rawio)
        return refused("EPERM");
    if (!holds(v, p, other))
        return refused("EBADF");
    if (other->kind != FILE_CONTAINER)
        return refused("EINVAL");
    struct container *c = other->container;
    if (vfio_holds_groups(c) && c->no_iommu != g->no_iommu)
        return refused("EPERM");
    if (c->table && g->attached)
        return refused("EBUSY");
    attach(v, g, c);
    return done();
}

struct answer vfio_unset_container(struct vfio *v, struct process *p, struct file *f)
{
    if (!open_as(v, p, f, FILE_GROUP))
        return misused("unset_container: the process has no such group file");
    struct group *g = f->group;
    if (!g->container_users)
        return refused(faulty(v, UNKNOWN_ERRNO) ? "ENOGROUP" : "EINVAL");
    if (g->container_users != 1 && !faulty(v, BUSY_UNSET))
        return refused("EBUSY");
    g->container_users = 0;
    g->placed = false;
    detach(v, g);
    return done();
}

static bool lists_an_attached_group(const struct vfio *v, const struct container *c)
{
    for (int i = 0; i < MOST; i++)
        if (c->lists[i] && v->groups[i].attached)
            return true;
    return false;
}

struct answer vfio_set_iommu(struct vfio *v, struct process *p, struct file *f, enum iommu_type type, struct table *made)
{
    if (!open_as(v, p, f, FILE_CONTAINER))
        return misused("set_iommu: the process has no such container file");
    struct container *c = f->container;
    if (!vfio_holds_groups(c) || c->table)
        return refused("EINVAL");
    if (type == IOMMU_UNSUPPORTED)
        return refused("ENODEV");
    if (c->no_iommu != (type == IOMMU_NOIOMMU))
        return refused("ENODEV");
    if (type == IOMMU_NOIOMMU && !p->rawio)
        return refused("EPERM");
    if (lists_an_attached_group(v, c))
        return refused("EBUSY");
    *made = (struct table){.alive = true, .birth = made->birth + 1};
    c->table = made;
    for (int i = 0; i < MOST; i++)
        if (c->lists[i] && !v->groups[i].no_iommu)
            v->groups[i].attached = made;
    return done();
}

struct answer vfio_get_status(struct vfio *v, struct process *p, struct file *f)
{
    if (!open_as(v, p, f, FILE_GROUP))
        return misused("get_status: the process has no such group file");
    return (struct answer){.how = DONE, .viable = vfio_viable(v, f->group), .container_set = f->group->container};
}

struct answer vfio_get_device_fd(struct vfio *v, struct process *p, struct file *f, struct device *d, struct file *made)
{
    if (!open_as(v, p, f, FILE_GROUP))
        return misused("get_device_fd: the process has no such group file");
    if (made->kind != FILE_CLOSED)
        return misused("get_device_fd: the name of the new file is taken");
    struct group *g = f->group;
    if (!g->container_users)
        return refused("EINVAL");
    if (!g->container->table)
        return refused("EINVAL");
    if (!viable_enough(v, g))
        return refused("EINVAL");
    if (g->no_iommu && !p->rawio)
        return refused("EPERM");
    if (!d->registered || d->group != g)
        return refused("ENODEV");
    g->container_users++;
    install(v, p, made, (struct file){.kind = FILE_DEVICE, .group = g, .device = d});
    return done();
}

/* External users */

static void remember(struct user *u, struct group *g)
{
    u->group = g;
    u->container = g->container;
    u->table = g->container->table;
    u->table_birth = u->table->birth;
}

struct answer vfio_use(struct vfio *v, struct user *u, int page, bool to)
{
    if (!u->table)
        return misused("use: the user has no table");
    if (!u->table->alive || u->table->birth != u->table_birth)
        return died(v, HARM_USE_AFTER_FREE, NULL);
    u->table->mapped[page] = to;
    return done();
}

struct answer vfio_get_external_user(struct vfio *v, struct user *u, struct process *p, struct file *f)
{
    if (!holds(v, p, f))
        return misused("get_external_user: the process has no such fd");
    struct group *g = f->group;
    if (f->kind != FILE_GROUP)
        return refused("EINVAL");
    if (!g->container_users)
        return refused("EINVAL");
    if (g->no_iommu)
        return refused("EPERM");
    if (!g->container->table)
        return refused("EINVAL");
    if (!viable_enough(v, g))
        return refused("EINVAL");
    g->container_users++;
    g->references++;
    *u = (struct user){.process = p, .counts = g};
    remember(u, g);
    return done();
}

struct answer vfio_put_external_user(struct vfio *v, struct user *u)
{
    struct group *g = u->counts;
    if (!g)
        return misused("put_external_user: the user holds nothing");
    if (!faulty(v, PUT_NO_DISSOLVE))
        try_dissolve(v, g);
    group_put(g);
    *u = (struct user){0};
    return done();
}

struct answer vfio_iommu_id(struct vfio *v, struct user *u)
{
    (void)v;
    return u->group ? (struct answer){.how = DONE, .id = u->group} : misused("iommu_id: the user holds nothing");
}

/* External users as proposed in June 2013 */

struct answer vfio_take_file(struct vfio *v, struct user *u, struct process *p, struct file *f)
{
    if (!holds(v, p, f))
        return misused("take_file: the process has no such fd");
    f->references++;
    *u = (struct user){.process = p, .file = f};
    return done();
}

struct answer vfio_iommu_id_from_file(struct vfio *v, struct user *u)
{
    if (!u->file)
        return misused("iommu_id_from_file: the user keeps no file");
    struct group *g = u->file->group;
    if (u->file->kind != FILE_GROUP)
        return refused("EINVAL");
    if (!g->container_users)
        return refused("EINVAL");
    if (!g->container->table)
        return refused("EINVAL");
    if (!viable_enough(v, g))
        return refused("EINVAL");
    remember(u, g);
    u->added_first = u->counts;
    return (struct answer){.how = DONE, .id = g};
}

struct answer vfio_add_external_user(struct vfio *v, struct user *u)
{
    (void)v;
    if (!u->file || u->counts)
        return misused("add_external_user: the user keeps no file, or counts already");
    struct group *g = u->file->group;
    if (u->file->kind != FILE_GROUP)
        return refused("EINVAL");
    if (!g->container_users)
        return refused("EINVAL");
    g->container_users++;
    u->counts = g;
    return done();
}

struct answer vfio_del_external_user(struct vfio *v, struct user *u)
{
    struct group *g = u->counts;
    if (!g)
        return misused("del_external_user: the user does not count");
    *u = (struct user){.process = u->process, .file = u->file};
    if (!faulty(v, PUT_NO_DISSOLVE))
        try_dissolve(v, g);
    return done();
}

struct answer vfio_drop_file(struct vfio *v, struct user *u)
{
    struct file *f = u->file;
    if (!f || u->counts)
        return misused("drop_file: the user keeps no file, or still counts");
    *u = (struct user){0};
    file_put(v, f);
    return done();
}

static void release_user(struct vfio *v, struct user *u)
{
    if (!v->june_2013) {
        vfio_put_external_user(v, u);
        return;
    }
    if (u->counts)
        vfio_del_external_user(v, u);
    vfio_drop_file(v, u);
}
