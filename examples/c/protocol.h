/* The protocol, in tables that an adapter.c fills with what it has; protocol.c and main.c do the rest. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "fault.h"
#include "json.h"

/* Sorts come first, so that a sort is also the type of a parameter or value that is one of its objects. */
enum type { PROCESS, THREAD, FILE_, GROUP, DEVICE, CONTAINER, TABLE, PAGE, USER, IOMMU_DRIVER, SORTS,
            FLAG = SORTS, COUNT, DRIVER, KIND, IOMMU_TYPE, OWNER, HARM };

enum { NONE = -1, NOTHING = -1 };
enum { PARAMETERS = 4, VALUES = 2 }; /* what a call is given; what it returns */

struct vfio; /* the implementation: only its adapter.c looks into it */

struct outcome { /* of a call: done, where nothing of the first three is set */
    const char *refused; /* the errno */
    const char *misused; /* what no caller does */
    bool died;
    long values[VALUES];
};

struct parameter {
    const char *name;
    enum type type;
    bool or_none;
};

struct value {
    const char *name;
    enum type type;
};

struct call {
    const char *name;
    unsigned in; /* the parts of profiles that have it, as bits */
    struct outcome (*run)(struct vfio *v, const int *x);
    struct parameter parameters[PARAMETERS];
    struct value returns[VALUES];
};

struct observable {
    const char *name;
    unsigned in;
    int of[2]; /* sorts, or NOTHING */
    enum type type;
    long (*read)(const struct vfio *v, int i, int k); /* of the objects of these numbers */
};

enum fact { DEVICE_GROUP, DEVICE_BRIDGE, GROUP_NO_IOMMU, RAWIO, DRIVER_NOIOMMU, DEVICE_DRIVER, FACTS };

struct subject {
    const char *name;
    struct vfio *vfio;
    int most;                 /* objects of each sort; below 100 */
    const struct call *calls; /* this, observables and faults end with a NULL name */
    const struct observable *observables;
    const struct fault *faults;
    unsigned *planted;  /* bit by number in faults */
    const char *option; /* one of its own, or NULL */
    void (*opt)(struct subject *s);
    unsigned (*profile)(const struct vfio *v, const char *name); /* its parts; 0: it does not have the profile */
    void (*reset)(struct vfio *v);
    void (*set)(struct vfio *v, enum fact fact, int object, int value);
    void (*start)(struct vfio *v); /* once the facts are set */
};

extern struct subject subject; /* each adapter.c has one */

struct scope {
    unsigned profile; /* the parts of what the hello named */
    int sizes[SORTS]; /* how many objects of each sort there are */
    bool died;
};

void list_calls(const struct scope *s, struct json_writer *w);
void list_observables(const struct scope *s, struct json_writer *w);

/* Each returns NULL, or what is wrong with the request. */
const char *reset_subject(struct scope *s, const struct json *configuration);
const char *make_call(struct scope *s, const char *name, const struct json *args, struct json_writer *w);

void show(const struct scope *s, struct json_writer *w);

#endif
