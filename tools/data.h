/* What the commands `hone data …` share: reading FILE, its texts as one list, lengths, tables of values. */
#ifndef HONE_TOOLS_DATA_H
#define HONE_TOOLS_DATA_H

#include "data/duplicates.h"
#include "data/roles.h"
#include "tools/options.h"

#include <jansson.h>

/* The options that these commands have alike. */
#define DATA_OPTION_COLUMNS                                                                                            \
    {                                                                                                                  \
        .name = "columns", .kind = HONE_OPTION_PAIRS, .value = "ROLE=NAME,...",                                        \
        .help = "which column plays which role, where the names do not say it: anchor=question,positive=answer",       \
        .shown = "known names", .repeat = true                                                                         \
    }
#define DATA_OPTION_NEAR                                                                                               \
    {                                                                                                                  \
        .name = "near", .kind = HONE_OPTION_REAL, .fallback = "0.8", .unit = "shared words / all words",               \
        .help =                                                                                                        \
            "texts from this similarity on, 0.5 to 1, with the same numbers in them, are near duplicates; 0: only "    \
            "equal texts count",                                                                                       \
        .aka = "threshold|similarity|near-threshold"                                                                   \
    }

/* --near for hone_duplicates_find: 0 becomes "only equal ones"; HONE_E_ARG for any other below 0.5 or above 1. */
hone_status data_near(const hone_options *o, double *out);

/* Read FILE, the operand; "-" is standard input. With list_all every bad row is kept, and having no good one is no
 * failure. Errors: those of hone_table_read. */
hone_status data_read(const hone_options *o, bool list_all, hone_table **out);
/* --columns as a map for hone_roles_find; free *map with hone_free. */
hone_status data_map(const hone_options *o, hone_column_map **map, int64_t *n);

/* Every text of the roles' columns, of lists that stand there and of those in `documents`, in one list, row by row;
 * empty and missing ones are left out. */
typedef struct data_texts {
    hone_arena *arena;
    int64_t n;
    const char **p;
    size_t *bytes;
    int64_t *row;    /* good row */
    int16_t *column; /* 0 .. roles->n_texts-1; n_texts: an item of documents */
    int64_t cap[4];
    hone_texts texts; /* width 1: text number of each */
} data_texts;
hone_status data_texts_read(const hone_table *t, const hone_roles *r, data_texts *out);
void data_texts_free(data_texts *x); /* accepts {0} */

/* The capacity of a growing array: at least `need` items. */
hone_status data_grow(void **p, int64_t *cap, int64_t need, size_t item_bytes);

/* Without roles (HONE_ROWS_ANY found none): every column that holds texts which are not all numbers, or lists of
 * texts. */
void data_guess_texts(const hone_table *t, hone_roles *r);

/* Characters (code points) of a text. */
int64_t data_characters(const char *p, size_t n);

/* Number of tokens of each distinct text, special tokens included and nothing cut, on all threads; `limit` gets the
 * length at which the model cuts (0: none known). tokens [texts->count]. */
hone_status data_count_tokens(const hone_options *o, const hone_texts *texts, int64_t *tokens, int64_t *limit);

/* Percentiles as NumPy's default (linear between the two nearest). Sorts x. */
typedef struct data_spread {
    int64_t n;
    double mean, min, p25, p50, p75, p90, p95, p99, max;
} data_spread;
data_spread data_spread_of(int64_t *x, int64_t n);
json_t *data_spread_json(const data_spread *s);

/* How often each value of a column occurs, most frequent first (then by value). Missing ones are counted apart. */
typedef struct data_value {
    const char *p;
    size_t n;
    int64_t count;
} data_value;
typedef struct data_values {
    data_value *value;
    int64_t n, missing, all; /* all: rows with a value */
} data_values;
/* of [rows] gets each row's number in `value` (-1: missing); NULL: not wanted. */
hone_status data_values_of(const hone_table *t, int64_t column, int32_t *of, data_values *out);
void data_values_free(data_values *v);

/* The text of a value for a page of results: cut, without control bytes. */
char *data_show(const char *p, size_t n, char *out, size_t size);

/* Results: a line of the page on standard output. */
hone_status data_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
