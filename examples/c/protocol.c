#include "protocol.h"

#include <string.h>

static const struct { const char *name, *letters; } sorts[SORTS] = {
    [PROCESS] = {"process", "p"}, [THREAD] = {"thread", "th"}, [FILE_] = {"file", "f"},
    [GROUP] = {"group", "g"}, [DEVICE] = {"device", "d"}, [CONTAINER] = {"container", "c"},
    [TABLE] = {"table", "tb"}, [PAGE] = {"page", "pg"}, [USER] = {"user", "u"},
    [IOMMU_DRIVER] = {"iommu_driver", "dr"},
};

static const char *const *choices(enum type type)
{
    static const char *const drivers[] = {"none", "vfio", "kernel", "stub", NULL};
    static const char *const kinds[] = {"closed", "container", "group", "device", NULL};
    static const char *const iommu_types[] = {"type1", "noiommu", "unsupported", NULL};
    static const char *const owners[] = {"none", "group", NULL};
    static const char *const harms[] = {"none", "list_corruption", "null_dereference", "use_after_free", "bug", NULL};
    switch (type) {
    case DRIVER: return drivers;
    case KIND: return kinds;
    case IOMMU_TYPE: return iommu_types;
    case OWNER: return owners;
    case HARM: return harms;
    default: return NULL;
    }
}

void list_calls(const struct scope *s, struct json_writer *w)
{
    for (const struct call *c = subject.calls; c->name; c++)
        if (c->in & s->profile)
            json_text(w, NULL, c->name);
}

void list_observables(const struct scope *s, struct json_writer *w)
{
    for (const struct observable *o = subject.observables; o->name; o++)
        if (o->in & s->profile)
            json_text(w, NULL, o->name);
}

/* Names and values */

static char *put_name(char *to, enum type sort, int number)
{
    for (const char *letters = sorts[sort].letters; *letters; letters++)
        *to++ = *letters;
    if (number >= 10)
        *to++ = (char)('0' + number / 10); /* there are fewer than 100 */
    *to++ = (char)('0' + number % 10);
    *to = '\0';
    return to;
}

/* The number of the object that is called so; NONE where the scope has no such object. */
static int named(const struct scope *s, enum type sort, const char *name)
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
    return number < s->sizes[sort] && !strcmp(written, name) ? number : NONE;
}

static bool read_as(const struct scope *s, enum type type, bool or_none, const struct json *value, int *into)
{
    if (type == FLAG) {
        *into = (int)value->number;
        return value->kind == JSON_FLAG;
    }
    if (value->kind != JSON_TEXT)
        return false;
    if (type < SORTS) {
        *into = named(s, type, value->text);
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

static const char *read_sizes(struct scope *s, const struct json *objects)
{
    memset(s->sizes, 0, sizeof s->sizes);
    for (const struct json *one = objects->first; one; one = one->next) {
        int sort = 0;
        while (sort < SORTS && strcmp(sorts[sort].name, one->key))
            sort++;
        if (sort == SORTS)
            return "reset: objects of an unknown sort";
        if (one->kind != JSON_NUMBER || one->number < 0 || one->number > subject.most)
            return "reset: a number of objects is no number, or too large for this implementation";
        s->sizes[sort] = (int)one->number;
    }
    if (s->sizes[DEVICE] && !s->sizes[GROUP])
        return "reset: devices without a group";
    return NULL;
}

/* Reads {"device_group": {"d0": "g0"}, ...}: facts named by the numbers `from` up to `end`. */
static const char *read_facts(struct scope *s, const struct json *given, int from, int end)
{
    static const struct { const char *name; enum type of, type; } facts[FACTS] = {
        [DEVICE_GROUP] = {"device_group", DEVICE, GROUP}, [DEVICE_BRIDGE] = {"device_bridge", DEVICE, FLAG},
        [GROUP_NO_IOMMU] = {"group_no_iommu", GROUP, FLAG}, [RAWIO] = {"rawio", PROCESS, FLAG},
        [DRIVER_NOIOMMU] = {"driver_noiommu", IOMMU_DRIVER, FLAG}, [DEVICE_DRIVER] = {"device_driver", DEVICE, DRIVER},
    };
    for (const struct json *one = given->first; one; one = one->next) {
        int fact = from;
        while (fact < end && strcmp(facts[fact].name, one->key))
            fact++;
        if (fact == end || one->kind != JSON_OBJECT)
            return "reset: an unknown fact";
        for (const struct json *place = one->first; place; place = place->next) {
            int object = named(s, facts[fact].of, place->key), value;
            if (object == NONE || !read_as(s, facts[fact].type, false, place, &value))
                return "reset: a fact about an unknown object, or of an unknown value";
            subject.set(subject.vfio, (enum fact)fact, object, value);
        }
    }
    return NULL;
}

const char *reset_subject(struct scope *s, const struct json *configuration)
{
    static const char *const parts[] = {"objects", "fixed", "initial"};
    const struct json *found[3];
    for (int i = 0; i < 3; i++) {
        found[i] = json_member(configuration, parts[i]);
        if (!found[i] || found[i]->kind != JSON_OBJECT)
            return "reset: objects, fixed and initial are needed";
    }
    const char *wrong = read_sizes(s, found[0]);
    if (wrong)
        return wrong;
    s->died = false;
    subject.reset(subject.vfio);
    for (int i = 0; i < s->sizes[DEVICE]; i++)
        subject.set(subject.vfio, DEVICE_GROUP, i, 0);
    if ((wrong = read_facts(s, found[1], DEVICE_GROUP, DEVICE_DRIVER)))
        return wrong;
    if ((wrong = read_facts(s, found[2], DEVICE_DRIVER, FACTS)))
        return wrong;
    subject.start(subject.vfio);
    return NULL;
}

/* Calls and what is shown after them */

static const struct call *find_call(const struct scope *s, const char *name)
{
    for (const struct call *c = subject.calls; c->name; c++)
        if (c->in & s->profile && !strcmp(c->name, name))
            return c;
    return NULL;
}

static void write_outcome(const struct call *call, const struct outcome *outcome, struct json_writer *w)
{
    if (outcome->died) {
        json_flag(w, "died", true);
        return;
    }
    if (outcome->refused) {
        json_text(w, "refused", outcome->refused);
        return;
    }
    json_open(w, "done", '{');
    for (int i = 0; i < VALUES && call->returns[i].name; i++)
        write_as(call->returns[i].type, outcome->values[i], call->returns[i].name, w);
    json_close(w, '}');
}

const char *make_call(struct scope *s, const char *name, const struct json *args, struct json_writer *w)
{
    const struct call *call = find_call(s, name);
    int x[PARAMETERS], given = 0, read = 0;
    if (!call)
        return "call: not a call of this profile";
    if (s->died)
        return "call: the kernel has died; reset it";
    for (const struct json *one = args->first; one; one = one->next)
        given++;
    for (; read < PARAMETERS && call->parameters[read].name; read++) {
        const struct parameter *p = &call->parameters[read];
        const struct json *value = json_member(args, p->name);
        if (!value || !read_as(s, p->type, p->or_none, value, &x[read]))
            return "call: an argument is missing, or not of its kind";
    }
    if (given != read)
        return "call: an argument that the call does not have";
    struct outcome outcome = call->run(subject.vfio, x);
    if (outcome.misused)
        return outcome.misused;
    s->died = outcome.died;
    write_outcome(call, &outcome, w);
    return NULL;
}

static void show_one(const struct scope *s, const struct observable *o, struct json_writer *w)
{
    bool open = false;
    int rows = o->of[0] == NOTHING ? 1 : s->sizes[o->of[0]], columns = o->of[1] == NOTHING ? 1 : s->sizes[o->of[1]];
    long usual = o->type < SORTS ? NONE : 0;
    for (int i = 0; i < rows; i++) {
        for (int k = 0; k < columns; k++) {
            char place[16] = "", *end = place;
            long value = o->read(subject.vfio, i, k);
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

void show(const struct scope *s, struct json_writer *w)
{
    json_open(w, "shown", '{');
    for (const struct observable *o = subject.observables; o->name; o++)
        if (o->in & s->profile)
            show_one(s, o, w);
    json_close(w, '}');
}
