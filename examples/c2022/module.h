/* The module that a driver comes in: who refers to it keeps it. */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>

struct module {
    bool live; /* it is loaded, and not being removed */
    int references;
};

bool module_try_get(struct module *m);
void module_put(struct module *m);
int module_load(struct module *m);
int module_remove(struct module *m); /* -EWOULDBLOCK: somebody refers to it */

#endif
