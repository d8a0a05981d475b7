/* A subject for `tenure gate exec:...`: reads a request a line, writes a reply a line. See docs/adapters.md. */
#include "protocol.h"

#include <string.h>

enum { VERSION = 1, LONGEST_LINE = 1 << 20 };

struct session {
    struct scope scope;
    bool greeted, ready;
    struct json_reader reader;
    char line[LONGEST_LINE + 1]; /* a line with its newline, and a NUL */
};

/* This and the following write a reply and return NULL, or write nothing and return what is wrong. */
static const char *hello(struct session *s, const struct json *request, struct json_writer *w)
{
    const struct json *version = json_member(request, "hello"), *profile = json_member(request, "profile");
    s->greeted = s->ready = false;
    if (version->kind != JSON_NUMBER || version->number != VERSION)
        return "hello: this subject speaks version 1";
    s->scope.profile = profile && profile->kind == JSON_TEXT ? subject.profile(subject.vfio, profile->text) : 0;
    if (!s->scope.profile)
        return "hello: not a profile of this subject";
    s->greeted = true;
    json_number(w, "hello", VERSION);
    json_text(w, "name", subject.name);
    json_text(w, "version", "1");
    json_open(w, "calls", '[');
    list_calls(&s->scope, w);
    json_close(w, ']');
    json_open(w, "shows", '[');
    list_observables(&s->scope, w);
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
    const char *wrong = reset_subject(&s->scope, configuration);
    if (wrong)
        return wrong;
    s->ready = true;
    json_flag(w, "reset", true);
    return NULL;
}

static const char *call(struct session *s, const struct json *request, struct json_writer *w)
{
    const struct json *name = json_member(request, "call");
    const struct json *args = json_member(request, "args"), *shown = json_member(request, "show");
    if (!s->ready)
        return "call: reset comes first";
    if (name->kind != JSON_TEXT || !args || args->kind != JSON_OBJECT || (shown && shown->kind != JSON_FLAG))
        return "call: a name and args are needed, and show is a flag";
    const char *wrong = make_call(&s->scope, name->text, args, w);
    if (!wrong && shown && shown->number)
        show(&s->scope, w);
    return wrong;
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

static bool plant(const char *name)
{
    for (int i = 0; subject.faults[i].name; i++) {
        if (!strcmp(subject.faults[i].name, name)) {
            *subject.planted |= 1u << i;
            return true;
        }
    }
    return false;
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s ", program);
    if (subject.option)
        fprintf(stderr, "[%s] ", subject.option);
    fputs("[--fault NAME]... | --faults\n", stderr);
    return 2;
}

int main(int count, char **words)
{
    static struct session session;
    for (int i = 1; i < count; i++) {
        if (!strcmp(words[i], "--faults")) {
            for (const struct fault *f = subject.faults; f->name; f++)
                printf("%-16s %s\n", f->name, f->meaning);
            return 0;
        }
        if (subject.option && !strcmp(words[i], subject.option))
            subject.opt(&subject);
        else if (strcmp(words[i], "--fault") || ++i == count || !plant(words[i]))
            return usage(words[0]);
    }
    serve(&session);
    return 0;
}
