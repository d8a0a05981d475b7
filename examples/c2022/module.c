#include "module.h"

#include <errno.h>

bool module_try_get(struct module *m)
{
    m->references += m->live;
    return m->live;
}

void module_put(struct module *m)
{
    m->references--;
}

int module_load(struct module *m)
{
    m->live = true;
    return 0;
}

int module_remove(struct module *m)
{
    if (m->references)
        return -EWOULDBLOCK;
    m->live = false;
    return 0;
}
