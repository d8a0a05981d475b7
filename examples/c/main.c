/* A subject for `tenure gate exec:...`: reads a request a line, writes a reply a line. See docs/adapters.md. */
#include "adapter.h"

#include <string.h>

enum { VERSION = 1, LONGEST_LINE = 1 << 20 };

struct session {
    struct adapter adapter;
    bool greeted, ready;
    struct json_reader reader;
    char line[LONGEST_LINE + 1]; /* a line with its newline, and a NUL */
};

static unsigned profile_named(const char *name, bool june_2013)
{
    if (!strcmp(name, "containers-2013"))
        return CONTAINERS;
    if (!strcmp(name, june_2013 ? "external-v1" : "external-get-put"))
        return CONTAINERS | (june_2013 ? JUNE_2013 : GET_PUT);
    return 0;
}

/* This and the following write a reply and return NULL, or write nothing and return what is wrong. */
static const char *hello(struct session *s, const struct json *request, struct json_writer *w)
{
    const struct json *version = json_member(request, "hello"), *profile = json_member(request, "profile");
    struct adapter *a = &s->adapter;
    s->greeted = s->ready = false;
    if (version->kind != JSON_NUMBER || version->number != VERSION)
        return "hello: this subject speaks version 1";
    a->profile = profile && profile->kind == JSON_TEXT ? profile_named(profile->text, a->vfio.june_2013) : 0;
    if (!a->profile)
        return "hello: not a profile of this subject";
    s->greeted = true;
    json_number(w, "hello", VERSION);
    json_text(w, "name", a->vfio.june_2013 ? "examples/c, June 2013" : "examples/c");
    json_text(w, "version", "1");
    json_open(w, "calls", '[');
    adapter_list_calls(a, w);
    json_close(w, ']');
    json_open(w, "shows", '[');
    adapter_list_observables(a, w);
    json_close(w, ']');
    json_flag(w, "stepwise", false);
    return NULL;
}

static const char *reset(struct session *s, const struct json *request, struct json_writer *w)
{
    const struct json *configuration = json_member(request, "reset");
    s->ready = false;
    if (!s->greeted)
        return "reset: hello comes first";
    if (configuration->kind != JSON_OBJECT)
        return "reset: an object is needed";
    const char *wrong = adapter_reset(&s->adapter, configuration);
    if (wrong)
        return wrong;
    s->ready = true;
    json_flag(w, "reset", true);
    return NULL;
}

static const char *call(struct session *s, const struct json *request, struct json_writer *w)
{
    const struct json *name = json_member(request, "call");
    const struct json *args = json_member(request, "args"), *show = json_member(request, "show");
    struct answer given;
    if (!s->ready)
        return "call: reset comes first";
    if (name->kind != JSON_TEXT || !args || args->kind != JSON_OBJECT || (show && show->kind != JSON_FLAG))
        return "call: a name and args are needed, and show is a flag";
    const char *wrong = adapter_call(&s->adapter, name->text, args, &given);
    if (wrong)
        return wrong;
    adapter_answer(&s->adapter, name->text, &given, w);
    if (show && show->number)
        adapter_show(&s->adapter, w);
    return NULL;
}

static const char *answer(struct session *s, const struct json *request, struct json_writer *w)
{
    if (json_member(request, "hello"))
        return hello(s, request, w);
    if (json_member(request, "reset"))
        return reset(s, request, w);
    if (json_member(request, "call"))
        return call(s, request, w);
    return "a request is one of hello, reset, call and quit";
}

/* Writes the reply; true where it was the last one. */
static bool reply(struct session *s, size_t length, struct json_writer *w)
{
    if (length > LONGEST_LINE || memchr(s->line, '\0', length)) {
        json_text(w, "error", length > LONGEST_LINE ? "the line is longer than 1 MiB" : "the line holds a NUL");
        return false;
    }
    const struct json *request = json_read(&s->reader, s->line);
    if (request && json_member(request, "quit")) {
        json_flag(w, "quit", true);
        return true;
    }
    const char *wrong = request ? answer(s, request, w) : s->reader.why;
    if (wrong)
        json_text(w, "error", wrong);
    return false;
}

/* How long the next line is, its newline included; a longer one than fits is read to its end. 0: there is none. */
static size_t read_line(char line[LONGEST_LINE + 1])
{
    size_t length = 0;
    int c;
    while ((c = getchar()) != EOF) {
        if (length < LONGEST_LINE)
            line[length] = (char)c;
        length++;
        if (c == '\n') {
            line[length < LONGEST_LINE ? length : LONGEST_LINE] = '\0';
            return length;
        }
    }
    return 0;
}

static void serve(struct session *s)
{
    static char buffer[1 << 20]; /* a reply leaves in one write */
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    for (size_t length; (length = read_line(s->line));) {
        struct json_writer w = {.out = stdout};
        json_open(&w, NULL, '{');
        bool last = reply(s, length, &w);
        json_close(&w, '}');
        putchar('\n');
        if (fflush(stdout) || last)
            return;
    }
}

static bool plant(struct vfio *v, const char *name)
{
    for (int i = 0; vfio_faults[i].name; i++) {
        if (!strcmp(vfio_faults[i].name, name)) {
            v->faults |= 1u << i;
            return true;
        }
    }
    return false;
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--june-2013] [--fault NAME]... | --faults\n", program);
    return 2;
}

int main(int count, char **words)
{
    static struct session session;
    struct vfio *v = &session.adapter.vfio;
    for (int i = 1; i < count; i++) {
        if (!strcmp(words[i], "--faults")) {
            for (const struct fault *f = vfio_faults; f->name; f++)
                printf("%-16s %s\n", f->name, f->meaning);
            return 0;
        }
        if (!strcmp(words[i], "--june-2013"))
            v->june_2013 = true;
        else if (strcmp(words[i], "--fault") || ++i == count || !plant(v, words[i]))
            return usage(words[0]);
    }
    serve(&session);
    return 0;
}
