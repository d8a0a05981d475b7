/* JSON as the protocol uses it: one object a line, integers only. Strict: what is not JSON is refused. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdio.h>

enum json_kind { JSON_NULL, JSON_FLAG, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_kind kind;
    const char *key;          /* of a member of an object */
    const char *text;         /* JSON_TEXT */
    long long number;         /* JSON_NUMBER; JSON_FLAG: 0 or 1 */
    const struct json *first; /* JSON_ARRAY, JSON_OBJECT: what it holds, in order */
    const struct json *next;
};

enum { JSON_MOST = 4096 }; /* values in a line */

struct json_reader {
    char *at;
    const char *why; /* what is wrong with the line */
    int used;
    struct json values[JSON_MOST];
};

/* Reads the line, which it overwrites and which the result points into; NULL where it is not one JSON object. */
const struct json *json_read(struct json_reader *reader, char *line);

/* The member of this name, or NULL. */
const struct json *json_member(const struct json *object, const char *key);

struct json_writer {
    FILE *out;
    bool comma;
};

/* Each writes one value: a member where `key` is given, else an element or the whole line. */
void json_open(struct json_writer *writer, const char *key, char bracket);
void json_close(struct json_writer *writer, char bracket);
void json_text(struct json_writer *writer, const char *key, const char *text);
void json_number(struct json_writer *writer, const char *key, long long number);
void json_flag(struct json_writer *writer, const char *key, bool flag);

#endif
