/* The words of the protocol for what vfio.h has: its calls, its observables, its initial state. */
#ifndef ADAPTER_H
#define ADAPTER_H

#include "json.h"
#include "vfio.h"

enum profile { CONTAINERS = 1, GET_PUT = 2, JUNE_2013 = 4 }; /* groups of calls and observables; a profile is a sum */

struct adapter {
    unsigned profile;
    int sizes[9]; /* how many objects of each sort there are */
    struct vfio vfio;
};

void adapter_list_calls(const struct adapter *a, struct json_writer *w);
void adapter_list_observables(const struct adapter *a, struct json_writer *w);

/* Each answers with NULL, or with what is wrong with the request. */
const char *adapter_reset(struct adapter *a, const struct json *configuration);
const char *adapter_call(struct adapter *a, const char *name, const struct json *args, struct answer *given);

/* Writes the answer to the call of this name as members of the reply. */
void adapter_answer(const struct adapter *a, const char *name, const struct answer *given, struct json_writer *w);
void adapter_show(const struct adapter *a, struct json_writer *w);

#endif
