/* A bug that is planted for a campaign to find. */
#ifndef FAULT_H
#define FAULT_H

struct fault {
    const char *name, *meaning;
};

#endif
