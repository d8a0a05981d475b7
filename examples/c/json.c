#include "json.h"

#include <string.h>

enum { DEEPEST = 16, LONGEST_NUMBER = 18 };

static void *fail(struct json_reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return NULL;
}

static void skip_space(struct json_reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

/* How long the UTF-8 sequence at `s` is: 0 where there is none (overlong forms and surrogates are none). */
static int utf8_length(const unsigned char *s)
{
    static const struct { unsigned char low, high, second_low, second_high; int length; } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (s[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (s[0] < forms[i].low || s[0] > forms[i].high)
            continue;
        if (s[1] < forms[i].second_low || s[1] > forms[i].second_high)
            return 0;
        for (int k = 2; k < forms[i].length; k++)
            if (s[k] < 0x80 || s[k] > 0xbf)
                return 0;
        return forms[i].length;
    }
    return 0;
}

/* Four hexadecimal digits, or -1. */
static long hexadecimal(const char *s)
{
    long code = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *digit = s[i] ? strchr(digits, s[i]) : NULL;
        if (!digit)
            return -1;
        long value = digit - digits;
        code = code * 16 + (value < 16 ? value : value - 6);
    }
    return code;
}

static char *put_utf8(char *to, long code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* Reads the escape at `*from`, a backslash; what it means is never longer than what it looked like. */
static bool read_escape(char **from, char **to)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *s = *from + 1;
    const char *letter = *s ? strchr(letters, *s) : NULL;
    if (letter) {
        *(*to)++ = meant[letter - letters];
        *from = s + 1;
        return true;
    }
    long code = *s == 'u' ? hexadecimal(s + 1) : -1;
    s += 5;
    if (code >= 0xd800 && code <= 0xdbff) {
        long low = s[0] == '\\' && s[1] == 'u' ? hexadecimal(s + 2) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        s += 6;
    }
    if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff)) /* no NUL: a text here ends with one */
        return false;
    *to = put_utf8(*to, code);
    *from = s;
    return true;
}

static const char *read_text(struct json_reader *r)
{
    if (*r->at != '"')
        return fail(r, "a text was expected");
    char *start = r->at + 1, *from = start, *to = start;
    while (*from != '"') {
        if ((unsigned char)*from < 0x20)
            return fail(r, "a text is not closed, or holds a control character");
        if (*from == '\\') {
            if (!read_escape(&from, &to))
                return fail(r, "an escape is malformed");
            continue;
        }
        int length = utf8_length((const unsigned char *)from);
        if (!length)
            return fail(r, "the line is not UTF-8");
        memmove(to, from, (size_t)length);
        to += length;
        from += length;
    }
    r->at = from + 1;
    *to = '\0';
    return start;
}

static bool read_number(struct json_reader *r, struct json *into)
{
    bool negative = *r->at == '-';
    char *digits = r->at + negative;
    size_t length = strspn(digits, "0123456789");
    bool padded = digits[0] == '0' && length > 1, goes_on = digits[length] && strchr(".eE", digits[length]);
    if (!length || length > LONGEST_NUMBER || padded || goes_on)
        return fail(r, "a number is malformed, too long or no integer"), false;
    for (size_t i = 0; i < length; i++)
        into->number = into->number * 10 + (digits[i] - '0');
    if (negative)
        into->number = -into->number;
    into->kind = JSON_NUMBER;
    r->at = digits + length;
    return true;
}

static struct json *read_value(struct json_reader *r, int depth);

/* What stands between the brackets of an object or an array. */
static bool read_inside(struct json_reader *r, struct json *into, int depth)
{
    bool named = into->kind == JSON_OBJECT;
    char end = named ? '}' : ']';
    const struct json **link = &into->first;
    r->at++;
    skip_space(r);
    if (*r->at == end) {
        r->at++;
        return true;
    }
    for (;;) {
        const char *key = NULL;
        skip_space(r);
        if (named) {
            if (!(key = read_text(r)))
                return false;
            if (json_member(into, key))
                return fail(r, "a name occurs twice in an object"), false;
            skip_space(r);
            if (*r->at++ != ':')
                return fail(r, "a colon was expected"), false;
        }
        struct json *value = read_value(r, depth + 1);
        if (!value)
            return false;
        value->key = key;
        *link = value;
        link = &value->next;
        skip_space(r);
        char mark = *r->at++;
        if (mark == end)
            return true;
        if (mark != ',')
            return fail(r, "a comma or a closing bracket was expected"), false;
    }
}

static bool read_word(struct json_reader *r, struct json *into)
{
    static const struct { const char *word; enum json_kind kind; int number; } words[] = {
        {"true", JSON_FLAG, 1}, {"false", JSON_FLAG, 0}, {"null", JSON_NULL, 0},
    };
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i].word);
        if (strncmp(r->at, words[i].word, length))
            continue;
        into->kind = words[i].kind;
        into->number = words[i].number;
        r->at += length;
        return true;
    }
    return fail(r, "a value was expected"), false;
}

static struct json *read_value(struct json_reader *r, int depth)
{
    if (depth > DEEPEST || r->used == JSON_MOST)
        return fail(r, "the line holds too many values, or too deep ones");
    struct json *value = &r->values[r->used++];
    bool read;
    *value = (struct json){0};
    skip_space(r);
    switch (*r->at) {
    case '{':
    case '[':
        value->kind = *r->at == '{' ? JSON_OBJECT : JSON_ARRAY;
        read = read_inside(r, value, depth);
        break;
    case '"':
        value->kind = JSON_TEXT;
        read = (value->text = read_text(r)) != NULL;
        break;
    case '-':
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        read = read_number(r, value);
        break;
    default:
        read = read_word(r, value);
    }
    return read ? value : NULL;
}

const struct json *json_read(struct json_reader *reader, char *line)
{
    reader->at = line;
    reader->why = NULL;
    reader->used = 0;
    const struct json *value = read_value(reader, 0);
    if (!value)
        return NULL;
    skip_space(reader);
    if (*reader->at)
        return fail(reader, "something follows the object");
    return value->kind == JSON_OBJECT ? value : fail(reader, "the line is no object");
}

const struct json *json_member(const struct json *object, const char *key)
{
    const struct json *member = object->first;
    while (member && strcmp(member->key, key))
        member = member->next;
    return member;
}

static void put_quoted(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*text);
        else {
            if (*text == '"' || *text == '\\')
                putc('\\', out);
            putc(*text, out);
        }
    }
    putc('"', out);
}

static void lead(struct json_writer *w, const char *key)
{
    if (w->comma)
        fputs(", ", w->out);
    if (key) {
        put_quoted(w->out, key);
        fputs(": ", w->out);
    }
    w->comma = true;
}

void json_open(struct json_writer *w, const char *key, char bracket)
{
    lead(w, key);
    putc(bracket, w->out);
    w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
    putc(bracket, w->out);
    w->comma = true;
}

void json_text(struct json_writer *w, const char *key, const char *text)
{
    lead(w, key);
    put_quoted(w->out, text);
}

void json_number(struct json_writer *w, const char *key, long long number)
{
    lead(w, key);
    fprintf(w->out, "%lld", number);
}

void json_flag(struct json_writer *w, const char *key, bool flag)
{
    lead(w, key);
    fputs(flag ? "true" : "false", w->out);
}
