/* Parsing against a command's table. One function per value kind checks text, whether it came from the command line, a
 * config file or the table's own default: so a default that breaks its own rule fails the first test that runs. */
#include "tools/options.h"

#include "base/io.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const hone_option hone_global_options[] = {
    {.group = "Everywhere",
     .name = "threads",
     .kind = HONE_OPTION_INT,
     .value = "N",
     .shown = "physical cores",
     .unit = "threads",
     .help = "how many threads compute; results do not depend on it",
     .range = {1, 1024}},
    {.name = "device",
     .kind = HONE_OPTION_STRING,
     .value = "auto|cpu|cuda|cuda:N",
     .fallback = "auto",
     .help = "where to compute; this build knows the CPU alone"},
    {.name = "seed",
     .kind = HONE_OPTION_INT,
     .value = "N",
     .fallback = "42",
     .help = "start of every random number",
     .range = {0, INFINITY}},
    {.name = "precision",
     .kind = HONE_OPTION_CHOICE,
     .fallback = "f32",
     .allowed = "f32|bf16|int8",
     .help = "number format of the model's matrix products; int8 computes embeddings, it does not train"},
    {.name = "quiet", .kind = HONE_OPTION_FLAG, .help = "no progress and no notes on standard error"},
    {.name = "json",
     .kind = HONE_OPTION_FLAG,
     .help = "results as JSON, and an error as a JSON object on standard error"},
    {.name = "config",
     .kind = HONE_OPTION_FILE,
     .value = "FILE.json",
     .help = "an object with these options' names as keys; the command line wins"},
    {.name = "help", .kind = HONE_OPTION_FLAG, .help = "this page"},
    {.name = NULL}};

static bool has_option(const hone_command *c, const char *name) {
    for (const hone_option *o = c->options; o && o->name; o++)
        if (!strcmp(o->name, name)) return true;
    return false;
}

const hone_option *hone_command_option(const hone_command *c, int i) {
    for (const hone_option *o = c->options; o && o->name; o++)
        if (!i--) return o;
    for (const hone_option *o = hone_global_options; o->name; o++)
        if (!has_option(c, o->name) && !i--) return o;
    return NULL;
}

typedef enum source { FROM_NOWHERE = 0, FROM_DEFAULT, FROM_CONFIG, FROM_COMMAND_LINE } source;

typedef struct item {
    const char *text, *right; /* right: after the '=' of a pair */
    int64_t i;
    double r;
} item;

typedef struct value {
    source from;
    bool flag, word;
    item one;
    item *items;
    int64_t n;
} value;

struct hone_options {
    const hone_command *command;
    hone_arena *arena;
    const hone_option **table; /* the command's options, then the global ones */
    value *values;
    int n;
    const char **operands;
    int n_operands;
};

/* Where a value came from, for messages: a config file and line, or the command line (file NULL). */
typedef struct place {
    const char *file;
    int64_t line;
    source from;
} place;

static __attribute__((format(printf, 3, 4))) hone_status refuse(const place *at, const hone_option *o, const char *fmt,
                                                                ...) {
    char text[768];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at->file) return hone_fail_at(HONE_E_ARG, at->file, at->line, 0, "\"%s\": %s", o->name, text);
    return hone_fail(HONE_E_ARG, "--%s: %s", o->name, text);
}

static bool is_list(const hone_option *o) {
    return o->kind == HONE_OPTION_STRINGS || o->kind == HONE_OPTION_INTS || o->kind == HONE_OPTION_REALS ||
           o->kind == HONE_OPTION_PAIRS;
}

static bool word_in(const char *word, const char *words) {
    size_t len = strlen(word);
    for (const char *w = words; w && *w;) {
        size_t n = strcspn(w, "|");
        if (n == len && !memcmp(w, word, n)) return true;
        w += n + (w[n] == '|');
    }
    return false;
}

/* ---- one value ---- */

static bool in_range(const hone_option *o, double x) {
    double lo = o->range.min, hi = o->range.max;
    if (lo == 0 && hi == 0) return true;
    return (o->above ? x > lo : x >= lo) && (o->below ? x < hi : x <= hi);
}

static hone_status check_word(const place *at, const hone_option *o, const char *text) {
    char list[512];
    if (word_in(text, o->allowed)) return HONE_OK;
    hone_words_list(o->allowed, list, sizeof list);
    if (word_in(text, o->later)) {
        refuse(at, o, "\"%s\" is not available yet", text);
        return hone_hint("available %s %s", strchr(o->allowed, '|') ? "are" : "is", list);
    }
    const char *or_number = o->kind == HONE_OPTION_WORD_OR_INT ? " or a whole number" : "";
    size_t n;
    const char *near = hone_nearest_word(text, o->allowed, &n);
    refuse(at, o, "unknown value \"%s\", allowed: %s%s", hone_quote(text), list, or_number);
    if (near) return hone_hint("did you mean %.*s?", (int)n, near);
    return HONE_E_ARG;
}

/* Digits only, so many that they do not fit: a range error rather than a spelling error. */
static bool is_long_int(const char *s) {
    s += *s == '-' || *s == '+';
    return strlen(s) > 18 && s[strspn(s, "0123456789")] == 0;
}

/* x: what `text` says. Limits that are guards against nonsense are left out of the help page (hone_range_text); who has
 * met one is told it. */
static hone_status out_of_range(const place *at, const hone_option *o, const char *text, double x) {
    char range[128], most[64] = "";
    double max = o->range.max;
    if (!*hone_range_text(o, range, sizeof range)) snprintf(range, sizeof range, "what fits 64 bits");
    if (max >= 1e9 && x > 0 && !(x <= max && x < 9e18)) snprintf(most, sizeof most, ", at most %.0f", max);
    if (*most && isinf(max)) snprintf(most, sizeof most, ", at most %" PRId64, INT64_MAX);
    return refuse(at, o, "%s is out of range, allowed: %s%s", hone_quote(text), range, most);
}

static hone_status check_number(const place *at, const hone_option *o, const char *text, bool whole, item *out) {
    char range[128];
    hone_range_text(o, range, sizeof range);
    int64_t i = 0;
    double r = 0;
    bool ok = whole ? hone_parse_int(text, &i) : hone_parse_real(text, &r);
    if (whole) r = (double)i;
    if (!ok) {
        if (whole && is_long_int(text)) return out_of_range(at, o, text, *text == '-' ? -INFINITY : INFINITY);
        refuse(at, o, "\"%s\" is not a %s", hone_quote(text), whole ? "whole number" : "number");
        return *range ? hone_hint("allowed: %s%s%s", range, o->unit ? " " : "", o->unit ? o->unit : "") : HONE_E_ARG;
    }
    if (!in_range(o, r)) return out_of_range(at, o, text, r);
    out->i = whole || fabs(r) >= 9e18 ? i : (int64_t)r;
    out->r = r;
    return HONE_OK;
}

static hone_status check_share(const place *at, const hone_option *o, const char *text, item *out) {
    HONE_TRY(check_number(at, o, text, false, out));
    if (out->r >= 1 && out->r != floor(out->r))
        return refuse(at, o, "%s is neither a share below 1 nor a whole number of steps", hone_quote(text));
    return HONE_OK;
}

/* Texts meet a tokenizer, names of columns and files of JSON: all of them are UTF-8. (File names may be any bytes.) */
static hone_status check_utf8(const place *at, const hone_option *o, const char *text) {
    size_t n = strlen(text), bad = hone_utf8_check(text, n);
    if (bad == n) return HONE_OK;
    return refuse(at, o, "\"%s\" is not UTF-8: byte 0x%02X at offset %zu of %zu", hone_quote(text), (uint8_t)text[bad],
                  bad, n);
}

/* Check and store one text. Lists come item by item. */
static hone_status check_text(const place *at, const hone_option *o, const char *text, value *v, item *out) {
    out->text = text;
    switch (o->kind) {
    case HONE_OPTION_FLAG: return HONE_OK;
    case HONE_OPTION_INT: return check_number(at, o, text, true, out);
    case HONE_OPTION_REAL: return check_number(at, o, text, false, out);
    case HONE_OPTION_STRING: return check_utf8(at, o, text);
    case HONE_OPTION_FILE:
        if (!*text) return refuse(at, o, "the name is empty");
        if (strlen(text) >= HONE_PATH_MAX)
            return refuse(at, o, "the name has %zu bytes, limit %d", strlen(text), HONE_PATH_MAX - 1);
        return HONE_OK;
    case HONE_OPTION_CHOICE: return check_word(at, o, text);
    case HONE_OPTION_WORD_OR_INT:
        v->word = !strchr("+-0123456789", *text) || !*text;
        return v->word ? check_word(at, o, text) : check_number(at, o, text, true, out);
    case HONE_OPTION_SHARE: return check_share(at, o, text, out);
    case HONE_OPTION_STRINGS:
        if (!*text) return refuse(at, o, "an item of the list is empty");
        HONE_TRY(check_utf8(at, o, text));
        return o->allowed ? check_word(at, o, text) : HONE_OK;
    case HONE_OPTION_INTS: return check_number(at, o, text, true, out);
    case HONE_OPTION_REALS: return check_number(at, o, text, false, out);
    case HONE_OPTION_PAIRS:
        if (o->allowed) HONE_TRY(check_word(at, o, text));
        HONE_TRY(check_utf8(at, o, text));
        HONE_TRY(check_utf8(at, o, out->right));
        return *out->right ? HONE_OK : refuse(at, o, "%s= has nothing behind it", hone_quote(text));
    }
    return HONE_OK;
}

/* ---- lists ---- */

/* Replace (or, where the table says repeat, extend) the list by n checked items. */
static hone_status store_items(hone_options *s, const place *at, int k, item *items, int64_t n) {
    const hone_option *o = s->table[k];
    value *v = &s->values[k];
    for (int64_t i = 0; i < n; i++) {
        HONE_TRY(check_text(at, o, items[i].text, v, &items[i]));
        for (int64_t j = 0; j < i && o->kind == HONE_OPTION_PAIRS; j++)
            if (!strcmp(items[i].text, items[j].text))
                return refuse(at, o, "%s is given twice", hone_quote(items[i].text));
    }
    if (o->count && n != o->count) return refuse(at, o, "%d numbers wanted, %" PRId64 " given", o->count, n);
    if (o->repeat && v->from == at->from && v->n) {
        item *all = hone_arena_alloc(s->arena, (size_t)(v->n + n) * sizeof *all);
        if (!all) return hone_fail(HONE_E_NOMEM, "no memory for the options");
        memcpy(all, v->items, (size_t)v->n * sizeof *all);
        memcpy(all + v->n, items, (size_t)n * sizeof *all);
        items = all, n += v->n;
    }
    v->items = items, v->n = n, v->from = at->from;
    return HONE_OK;
}

static hone_status set_list_text(hone_options *s, const place *at, int k, const char *text) {
    const hone_option *o = s->table[k];
    int64_t n = 1;
    for (const char *p = text; *p; p++) n += *p == ',';
    item *items = hone_arena_zalloc(s->arena, (size_t)n * sizeof *items);
    char *copy = hone_arena_strdup(s->arena, text);
    if (!items || !copy) return hone_fail(HONE_E_NOMEM, "no memory for the options");
    for (int64_t i = 0; i < n; i++) {
        size_t len = strcspn(copy, ",");
        copy[len] = 0;
        items[i].text = copy;
        if (o->kind == HONE_OPTION_PAIRS) {
            char *eq = strchr(copy, '=');
            if (!eq || eq == copy) return refuse(at, o, "\"%s\" is not of the form NAME=VALUE", hone_quote(copy));
            *eq = 0;
            items[i].right = eq + 1;
        }
        copy += len + 1;
    }
    return store_items(s, at, k, items, n);
}

/* Text of an option, from the command line or the table. */
static hone_status set_text(hone_options *s, const place *at, int k, const char *text) {
    const hone_option *o = s->table[k];
    value *v = &s->values[k];
    if (o->not_yet && at->from != FROM_DEFAULT) {
        hone_fail(HONE_E_ARG, "--%s: not available yet", o->name);
        return hone_hint("\"hone help %s\" marks what is to come", s->command->name);
    }
    if (is_list(o)) return set_list_text(s, at, k, text);
    item one = {0};
    HONE_TRY(check_text(at, o, text, v, &one));
    v->one = one, v->from = at->from, v->flag = o->kind == HONE_OPTION_FLAG && strcmp(text, "false");
    return HONE_OK;
}

/* ---- config files ---- */

static const char *json_kind(const json_t *j) {
    switch (json_typeof(j)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "a number";
    case JSON_REAL: return "a number";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "null";
    }
    return "something else";
}

static const char *wanted_kind(hone_option_kind k) {
    switch (k) {
    case HONE_OPTION_FLAG: return "true or false";
    case HONE_OPTION_INT: return "a whole number";
    case HONE_OPTION_REAL: return "a number";
    case HONE_OPTION_SHARE: return "a number";
    case HONE_OPTION_STRING: return "a string";
    case HONE_OPTION_FILE: return "a string";
    case HONE_OPTION_CHOICE: return "a string";
    case HONE_OPTION_WORD_OR_INT: return "a word or a whole number";
    case HONE_OPTION_STRINGS: return "an array of strings";
    case HONE_OPTION_INTS: return "an array of whole numbers";
    case HONE_OPTION_REALS: return "an array of numbers";
    case HONE_OPTION_PAIRS: return "an object of strings";
    }
    return "";
}

/* A JSON scalar as the text that the command line would carry; NULL when the type is not the wanted one. */
static const char *scalar_text(hone_options *s, const json_t *j, bool string, bool number) {
    char text[32];
    if (json_is_string(j))
        return string && strlen(json_string_value(j)) == json_string_length(j)
                   ? hone_arena_strdup(s->arena, json_string_value(j))
                   : NULL;
    if (!number) return NULL;
    if (json_is_integer(j))
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
    else if (json_is_real(j))
        hone_format_f64(text, json_real_value(j));
    else
        return NULL;
    return hone_arena_strdup(s->arena, text);
}

static hone_status wrong_type(const place *at, const hone_option *o, const json_t *j) {
    if (json_is_string(j) && strlen(json_string_value(j)) != json_string_length(j))
        return refuse(at, o, "the text holds a NUL character, which no option can");
    return refuse(at, o, "found %s, expected %s", json_kind(j), wanted_kind(o->kind));
}

static hone_status set_json_list(hone_options *s, const place *at, int k, json_t *j) {
    const hone_option *o = s->table[k];
    bool strings = o->kind == HONE_OPTION_STRINGS || o->kind == HONE_OPTION_PAIRS;
    if (json_is_string(j) && strings) {
        const char *text = scalar_text(s, j, true, false);
        return text ? set_list_text(s, at, k, text) : wrong_type(at, o, j);
    }
    if (o->kind == HONE_OPTION_PAIRS ? !json_is_object(j) : !json_is_array(j)) return wrong_type(at, o, j);
    size_t n = json_is_object(j) ? json_object_size(j) : json_array_size(j), i = 0;
    if (!n) return refuse(at, o, "the list is empty");
    item *items = hone_arena_zalloc(s->arena, n * sizeof *items);
    if (!items) return hone_fail(HONE_E_NOMEM, "no memory for the options");
    if (json_is_object(j)) {
        const char *key;
        json_t *x;
        json_object_foreach(j, key, x) {
            items[i].text = hone_arena_strdup(s->arena, key);
            items[i].right = scalar_text(s, x, true, true);
            if (!items[i].text || !items[i].right) return wrong_type(at, o, x);
            i++;
        }
    } else {
        for (; i < n; i++) {
            items[i].text = scalar_text(s, json_array_get(j, i), strings, !strings);
            if (!items[i].text) return wrong_type(at, o, json_array_get(j, i));
        }
    }
    return store_items(s, at, k, items, (int64_t)n);
}

static hone_status set_json(hone_options *s, const place *at, int k, json_t *j) {
    const hone_option *o = s->table[k];
    if (json_is_null(j) || s->values[k].from > at->from) return HONE_OK;
    if (o->not_yet && !json_is_false(j)) return refuse(at, o, "not available yet");
    if (is_list(o)) return set_json_list(s, at, k, j);
    if (o->kind == HONE_OPTION_FLAG) {
        if (!json_is_boolean(j)) return wrong_type(at, o, j);
        s->values[k].flag = json_is_true(j), s->values[k].from = at->from;
        return HONE_OK;
    }
    bool number = o->kind == HONE_OPTION_INT || o->kind == HONE_OPTION_REAL || o->kind == HONE_OPTION_SHARE;
    const char *text = scalar_text(s, j, !number, number || o->kind == HONE_OPTION_WORD_OR_INT);
    return text ? set_text(s, at, k, text) : wrong_type(at, o, j);
}

/* Line of `"key":` in the text, for messages; 0 when it is written in some other way (escapes). */
static int64_t line_of_key(const char *text, const char *key) {
    size_t n = strlen(key);
    int64_t line = 1;
    for (const char *p = text; *p; p++) {
        if (*p == '\n') line++;
        if (*p != '"' || strncmp(p + 1, key, n) || p[n + 1] != '"') continue;
        if (p[n + 2 + strspn(p + n + 2, " \t\r\n")] == ':') return line;
    }
    return 0;
}

static int find(const hone_options *s, const char *name, size_t n) {
    for (int k = 0; k < s->n; k++)
        if (strlen(s->table[k]->name) == n && !memcmp(s->table[k]->name, name, n)) return k;
    return -1;
}

/* The option meant by a word that is none: by another program's name for it, else by spelling. NULL: no idea. */
static const char *meant(const hone_options *s, const char *word) {
    char words[4096] = "";
    size_t used = 0, n;
    for (int k = 0; k < s->n; k++) {
        char folded[64];
        snprintf(folded, sizeof folded, "%s", word);
        for (char *p = folded; *p; p++)
            if (*p == '_') *p = '-';
        if (word_in(folded, s->table[k]->aka)) return s->table[k]->name;
        int wrote = snprintf(words + used, sizeof words - used, "%s%s", k ? "|" : "", s->table[k]->name);
        assert(wrote > 0 && used + (size_t)wrote < sizeof words);
        used += (size_t)wrote;
    }
    const char *near = hone_nearest_word(word, words, &n);
    int k = near ? find(s, near, n) : -1;
    return k < 0 ? NULL : s->table[k]->name;
}

static hone_status read_config_object(hone_options *s, const char *path, const char *text, json_t *j) {
    if (!json_is_object(j))
        return hone_fail_at(HONE_E_ARG, path, 1, 0, "the config file holds %s, expected an object of options",
                            json_kind(j));
    const char *key;
    json_t *x, *inner = json_object_get(j, "options");
    if (json_is_object(inner) && json_is_string(json_object_get(j, "command"))) j = inner; /* a run.json */
    json_object_foreach(j, key, x) {
        place at = {path, line_of_key(text, key), FROM_CONFIG};
        int k = find(s, key, strlen(key));
        if (k < 0) {
            const char *near = meant(s, key);
            hone_fail_at(HONE_E_ARG, path, at.line, 0, "unknown option \"%s\"", hone_quote(key));
            if (near) return hone_hint("did you mean \"%s\"?", near);
            return hone_hint("\"hone help %s\" lists the options", s->command->name);
        }
        if (!strcmp(key, "config") || !strcmp(key, "help"))
            return refuse(&at, s->table[k], "belongs on the command line, not in a config file");
        HONE_TRY(set_json(s, &at, k, x));
    }
    return hone_arena_failed(s->arena) ? hone_fail(HONE_E_NOMEM, "no memory for the options") : HONE_OK;
}

static hone_status read_config(hone_options *s, const char *path) {
    char *text = NULL;
    size_t n = 0;
    json_t *j = NULL;
    hone_status st = hone_io_read_stream(path, 16 << 20, &text, &n);
    if (st == HONE_OK) st = hone_json_parse_unique(text, n, path, 1, &j);
    if (st == HONE_OK) st = read_config_object(s, path, text, j);
    json_decref(j);
    hone_free(text);
    if (st != HONE_OK && st != HONE_E_NOMEM && st != HONE_E_ARG) {
        /* To the user a config file is a way of typing options: wrong use (2), not a bad input file (3). */
        hone_error e = *hone_last_error();
        e.code = st = HONE_E_ARG;
        hone_error_restore(&e);
    }
    return st;
}

/* ---- command line ---- */

static hone_status unknown_option(const hone_options *s, const char *given) {
    const char *word = given + strspn(given, "-");
    char name[80];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *near = meant(s, name);
    hone_fail(HONE_E_ARG, "%s: unknown option \"%s\"", s->command->name, hone_quote_n(given, strcspn(given, "=")));
    if (near) return hone_hint("did you mean --%s? \"hone help %s\" lists what is allowed", near, s->command->name);
    return hone_hint("\"hone help %s\" lists what is allowed", s->command->name);
}

static hone_status add_operand(hone_options *s, const char *text) {
    const hone_command *c = s->command;
    if (s->n_operands < c->max_operands && !*text)
        return hone_fail(HONE_E_ARG, "%s: %s: the name is empty", c->name, c->operand);
    if (s->n_operands < c->max_operands) {
        s->operands[s->n_operands++] = text;
        return HONE_OK;
    }
    if (c->operand)
        hone_fail(HONE_E_ARG, "%s: unexpected \"%s\", it takes %d %s", c->name, hone_quote(text), c->max_operands,
                  c->operand);
    else
        hone_fail(HONE_E_ARG, "%s: unexpected \"%s\", it takes options alone", c->name, hone_quote(text));
    return hone_hint("hone %s %s", c->name, c->synopsis);
}

/* getopt_long takes the next word as a value whatever it is; a value that is one of our options was surely forgotten.
 */
static hone_status check_forgotten(const hone_options *s, int k, const char *given, const char *text) {
    if (strchr(given, '=') || strncmp(text, "--", 2) || find(s, text + 2, strcspn(text + 2, "=")) < 0) return HONE_OK;
    hone_fail(HONE_E_ARG, "--%s: needs a value, found the option %s", s->table[k]->name, hone_quote(text));
    return hone_hint("write --%s=%s if that is meant", s->table[k]->name, hone_quote(text));
}

static hone_status needs_value(const hone_option *o) {
    char list[512] = "", range[128];
    if (o->allowed) hone_words_list(o->allowed, list, sizeof list);
    hone_range_text(o, range, sizeof range);
    hone_fail(HONE_E_ARG, "--%s: needs a value", o->name);
    if (*list) return hone_hint("allowed: %s", list);
    if (*range) return hone_hint("allowed: %s", range);
    return o->value ? hone_hint("--%s %s", o->name, o->value) : HONE_E_ARG;
}

static hone_status parse_words(hone_options *s, int argc, char **argv) {
    struct option *longs = hone_arena_zalloc(s->arena, (size_t)(s->n + 1) * sizeof *longs);
    if (!longs) return hone_fail(HONE_E_NOMEM, "no memory for the options");
    for (int k = 0; k < s->n; k++)
        longs[k] = (struct option){
            s->table[k]->name, s->table[k]->kind == HONE_OPTION_FLAG ? no_argument : required_argument, NULL, 1000 + k};
    const place at = {NULL, 0, FROM_COMMAND_LINE};
    int help = find(s, "help", 4), rest = argc;
    optind = 0; /* glibc: start afresh */
    for (int word = 1; word < argc; word = optind) {
        const char *given = argv[word];
        if (given[0] == '-' && given[1] && given[1] != '-' && strcmp(given, "-h")) return unknown_option(s, given);
        int c = getopt_long(argc, argv, "-:h", longs, NULL); /* "-": words in order; ":": we print */
        if (c == -1) {                                       /* after "--" */
            rest = optind;
            break;
        }
        if (c == 1) {
            HONE_TRY(add_operand(s, optarg));
            continue;
        }
        if (c == 'h') c = 1000 + help;
        int k = c >= 1000 ? c - 1000 : optopt >= 1000 ? optopt - 1000 : -1;
        /* getopt_long completes abbreviations; we do not: a script must not break when an option is added. */
        if (k >= 0 && given[1] == '-' && find(s, given + 2, strcspn(given + 2, "=")) != k) k = -1;
        if (k < 0) return unknown_option(s, given);
        if (c == ':') return needs_value(s->table[k]);
        if (c == '?')
            return refuse(&at, s->table[k], "takes no value, found \"%s\"", hone_quote(strchr(given, '=') + 1));
        if (optarg) HONE_TRY(check_forgotten(s, k, given, optarg));
        HONE_TRY(set_text(s, &at, k, optarg ? optarg : "true"));
    }
    while (rest < argc) HONE_TRY(add_operand(s, argv[rest++]));
    return HONE_OK;
}

static bool is_wanted(const value *v) {
    return v->from >= FROM_CONFIG && (v->one.text || v->flag || v->n);
}

/* Of two options that exclude each other the one on the command line displaces the config file's: run.json has epochs
 * and keep resolved, and `--config run.json --steps 10` says what is meant. */
static hone_status settle_exclusions(hone_options *s) {
    const place by_default = {NULL, 0, FROM_DEFAULT};
    for (int k = 0; k < s->n; k++) {
        const char *name = s->table[k]->excludes;
        int other = name ? find(s, name, strlen(name)) : -1;
        assert((!name || other >= 0) && "excludes an option that the table does not have");
        if (other < 0 || !is_wanted(&s->values[k]) || !is_wanted(&s->values[other])) continue;
        if (s->values[k].from == s->values[other].from)
            return hone_fail(HONE_E_ARG, "--%s and --%s exclude each other", s->table[k]->name, name);
        int loser = s->values[k].from < s->values[other].from ? k : other;
        s->values[loser] = (value){0};
        if (s->table[loser]->fallback) HONE_TRY(set_text(s, &by_default, loser, s->table[loser]->fallback));
    }
    return HONE_OK;
}

static hone_status check_required(const hone_options *s) {
    char missing[512] = "";
    const hone_command *c = s->command;
    for (int k = 0; k < s->n; k++)
        if (s->table[k]->required && s->values[k].from == FROM_NOWHERE) {
            size_t used = strlen(missing);
            snprintf(missing + used, sizeof missing - used, "%s--%s", used ? ", " : "", s->table[k]->name);
        }
    if (*missing)
        hone_fail(HONE_E_ARG, "%s: %s %s missing", c->name, missing, strchr(missing, ',') ? "are" : "is");
    else if (s->n_operands < c->min_operands)
        hone_fail(HONE_E_ARG, "%s: %s is missing", c->name, c->operand);
    else
        return HONE_OK;
    return hone_hint("hone %s %s", c->name, c->synopsis);
}

/* Standard input can be read once: the second reader would find it empty. */
static hone_status check_standard_input(const hone_options *s) {
    static const char rows[] = "config|train|eval|input|data|corpus";
    char first[64] = "";
    for (int k = -1; k < s->n; k++) {
        const char *text = k < 0 ? (s->n_operands ? s->operands[0] : NULL) : s->values[k].one.text;
        if (!text || strcmp(text, "-") ||
            (k >= 0 && (s->table[k]->kind != HONE_OPTION_FILE || !word_in(s->table[k]->name, rows))))
            continue;
        char name[64];
        snprintf(name, sizeof name, "%s%s", k < 0 ? "" : "--", k < 0 ? s->command->operand : s->table[k]->name);
        if (*first) {
            hone_fail(HONE_E_ARG, "%s and %s are both standard input, which can be read once", first, name);
            return hone_hint("write one of them to a file first");
        }
        snprintf(first, sizeof first, "%s", name);
    }
    return HONE_OK;
}

static hone_status set_defaults(hone_options *s) {
    const place at = {NULL, 0, FROM_DEFAULT};
    for (int k = 0; k < s->n; k++)
        if (s->table[k]->fallback) HONE_TRY(set_text(s, &at, k, s->table[k]->fallback));
    return HONE_OK;
}

static hone_status fill(hone_options *s, int argc, char **argv) {
    char **words = hone_arena_alloc(s->arena, (size_t)(argc + 2) * sizeof *words);
    s->operands = hone_arena_zalloc(s->arena, (size_t)(s->command->max_operands + 1) * sizeof *s->operands);
    if (!words || !s->operands) return hone_fail(HONE_E_NOMEM, "no memory for the options");
    static char program[] = "hone";
    words[0] = program; /* getopt's argv starts with the program */
    for (int i = 0; i < argc; i++) words[i + 1] = argv[i];
    words[argc + 1] = NULL;
    HONE_TRY(set_defaults(s));
    HONE_TRY(parse_words(s, argc + 1, words));
    if (hone_options_flag(s, "help")) return HONE_OK;
    if (hone_options_has(s, "config")) HONE_TRY(read_config(s, hone_options_string(s, "config")));
    HONE_TRY(settle_exclusions(s));
    HONE_TRY(check_required(s));
    return check_standard_input(s);
}

hone_status hone_options_parse(const hone_command *c, int argc, char **argv, hone_options **out) {
    *out = NULL;
    hone_options *s = hone_zalloc(sizeof *s);
    if (!s) return HONE_E_NOMEM;
    s->command = c;
    s->arena = hone_arena_new("options", 0);
    while (hone_command_option(c, s->n)) s->n++;
    if (s->arena) {
        s->table = hone_arena_zalloc(s->arena, (size_t)s->n * sizeof *s->table);
        s->values = hone_arena_zalloc(s->arena, (size_t)s->n * sizeof *s->values);
    }
    if (!s->arena || !s->table || !s->values) {
        hone_options_free(s);
        return hone_fail(HONE_E_NOMEM, "no memory for the options");
    }
    for (int k = 0; k < s->n; k++) s->table[k] = hone_command_option(c, k);
    hone_status st = fill(s, argc, argv);
    if (st != HONE_OK) {
        hone_options_free(s);
        return st;
    }
    *out = s;
    return HONE_OK;
}

void hone_options_free(hone_options *o) {
    if (!o) return;
    hone_arena_free(o->arena);
    hone_free(o);
}

/* ---- reading ---- */

static const value *get(const hone_options *o, const char *name) {
    int k = find(o, name, strlen(name));
    assert(k >= 0 && "an option that the table does not have");
    return &o->values[k];
}

const hone_command *hone_options_command(const hone_options *o) {
    return o->command;
}
bool hone_options_has(const hone_options *o, const char *name) {
    return get(o, name)->from != FROM_NOWHERE;
}
bool hone_options_given(const hone_options *o, const char *name) {
    return get(o, name)->from >= FROM_CONFIG;
}
bool hone_options_flag(const hone_options *o, const char *name) {
    return get(o, name)->flag;
}
int64_t hone_options_int(const hone_options *o, const char *name) {
    return get(o, name)->one.i;
}
double hone_options_real(const hone_options *o, const char *name) {
    return get(o, name)->one.r;
}
const char *hone_options_string(const hone_options *o, const char *name) {
    return get(o, name)->one.text;
}
const char *hone_options_word(const hone_options *o, const char *name) {
    const value *v = get(o, name);
    return v->word ? v->one.text : NULL;
}
bool hone_options_is(const hone_options *o, const char *name, const char *word) {
    const char *text = hone_options_string(o, name);
    return text && !strcmp(text, word);
}
int64_t hone_options_count(const hone_options *o, const char *name) {
    return get(o, name)->n;
}
static const item *get_item(const hone_options *o, const char *name, int64_t i) {
    const value *v = get(o, name);
    assert(i >= 0 && i < v->n);
    return &v->items[i];
}
const char *hone_options_item(const hone_options *o, const char *name, int64_t i) {
    return get_item(o, name, i)->text;
}
const char *hone_options_right(const hone_options *o, const char *name, int64_t i) {
    return get_item(o, name, i)->right;
}
int64_t hone_options_item_int(const hone_options *o, const char *name, int64_t i) {
    return get_item(o, name, i)->i;
}
double hone_options_item_real(const hone_options *o, const char *name, int64_t i) {
    return get_item(o, name, i)->r;
}
int hone_options_operands(const hone_options *o) {
    return o->n_operands;
}
const char *hone_options_operand(const hone_options *o, int i) {
    return o->operands[i];
}

static json_t *item_json(const hone_option *o, const value *v, const item *x) {
    switch (o->kind) {
    case HONE_OPTION_INT:
    case HONE_OPTION_INTS: return json_integer(x->i);
    case HONE_OPTION_REAL:
    case HONE_OPTION_REALS: return json_real(x->r);
    case HONE_OPTION_SHARE: return x->r >= 1 ? json_integer(x->i) : json_real(x->r);
    case HONE_OPTION_WORD_OR_INT: return v->word ? json_string(x->text) : json_integer(x->i);
    case HONE_OPTION_PAIRS: return json_string(x->right);
    default: {
        json_t *j = json_string(x->text);
        return j ? j : json_string(hone_quote(x->text)); /* not UTF-8: escaped, so that run.json stays readable */
    }
    }
}

static json_t *value_json(const hone_option *o, const value *v) {
    if (o->kind == HONE_OPTION_FLAG) return json_boolean(v->flag);
    if (v->from == FROM_NOWHERE) return json_null();
    if (!is_list(o)) return item_json(o, v, &v->one);
    bool pairs = o->kind == HONE_OPTION_PAIRS;
    json_t *list = pairs ? json_object() : json_array();
    for (int64_t i = 0; i < v->n; i++) {
        json_t *x = item_json(o, v, &v->items[i]);
        if (pairs) json_object_del(list, v->items[i].text); /* of two the later one counts, in its later place */
        if (pairs ? json_object_set_new(list, v->items[i].text, x) : json_array_append_new(list, x)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *hone_options_json(const hone_options *o) {
    json_t *all = json_object();
    for (int k = 0; k < o->n; k++) {
        const char *name = o->table[k]->name;
        if (!strcmp(name, "config") || !strcmp(name, "help")) continue;
        if (json_object_set_new(all, name, value_json(o->table[k], &o->values[k]))) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}
