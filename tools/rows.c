#include "tools/rows.h"

#include "base/memory.h"
#include "tools/terminal.h"

#include <string.h>
#include <strings.h>

#define LISTED 10

static void say_bad_rows(const hone_table *t, bool quiet) {
    int64_t bad = hone_table_bad_count(t), all = bad + hone_table_rows(t);
    for (int64_t k = 0; k < hone_table_bad_listed(t) && k < LISTED; k++) {
        const hone_bad_row *b = hone_table_bad(t, k);
        char column[24] = "";
        if (b->column > 0) snprintf(column, sizeof column, ":%" PRId64, b->column);
        hone_print_note(quiet, "%s:%" PRId64 "%s: %s (skipped, %" PRId64 " of %" PRId64 ")", hone_table_path(t),
                        b->line, column, b->reason, k + 1, all);
    }
    if (bad > LISTED)
        hone_print_note(quiet,
                        "%s: %" PRId64 " of %" PRId64 " rows are skipped; \"hone ... --strict\" stops at the first",
                        hone_table_path(t), bad, all);
}

/* A further column of negatives where a row takes one. */
static const char *spare_negative(const hone_table *t, hone_row_kind kind, const hone_roles *roles) {
    for (int64_t c = 0; c < hone_table_columns(t) && kind == HONE_ROWS_TRIPLET; c++) {
        const char *name = hone_table_column_name(t, c);
        const bool called = !strcmp(name, "negative") || (!strncmp(name, "negative_", 9) && name[9] &&
                                                          strspn(name + 9, "0123456789") == strlen(name + 9));
        if (called && c != roles->anchor && c != roles->positive && c != roles->negative[0]) return name;
    }
    return NULL;
}

/* A column called like negatives by other tools. */
static const char *odd_negative(const hone_table *t, hone_row_kind kind, const hone_roles *roles) {
    static const char *const words[] = {"neg",       "negs",          "negatives",     "hard_neg",
                                        "hard_negs", "hard_negative", "hard_negatives"};
    for (int64_t c = 0; c < hone_table_columns(t) && kind == HONE_ROWS_PAIRS && !roles->n_negatives; c++) {
        const char *name = hone_table_column_name(t, c);
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (c != roles->anchor && c != roles->positive && !strcasecmp(name, words[k])) return name;
    }
    return NULL;
}

bool hone_rows_idle_negatives(const hone_table *t, hone_row_kind kind, const hone_roles *roles, char out[512]) {
    const char *odd = odd_negative(t, kind, roles), *spare = spare_negative(t, kind, roles);
    if (odd)
        snprintf(out, 512, "column \"%s\" is not used; --columns negative=%s takes it for negatives, a text a row",
                 hone_quote(odd), hone_quote(odd));
    if (spare)
        snprintf(
            out, 512,
            "column \"%s\" is not used: --task triplet takes one negative a row, \"%s\"; --task pairs takes them all",
            hone_quote(spare), hone_quote(hone_table_column_name(t, roles->negative[0])));
    return odd || spare;
}

hone_status hone_rows_read(const hone_options *o, const char *name, hone_row_kind kind, hone_table **out,
                           hone_roles *roles) {
    return hone_rows_read_path(o, hone_options_string(o, name), kind, out, roles);
}

static hone_status first_bad(const hone_table *t) {
    if (!hone_table_bad_listed(t)) return HONE_OK;
    const hone_bad_row *b = hone_table_bad(t, 0);
    return hone_fail_at(HONE_E_FORMAT, hone_table_path(t), b->line, b->column, "%s", b->reason);
}

/* A strict table would stop at the first row that is broken, and only then are contents judged: the first bad row of
 * all may stand before it. So every row is listed, and the first of the list is the failure. */
hone_status hone_rows_judge(const char *path, bool strict, hone_row_kind kind, const hone_column_map *map,
                            int64_t n_map, hone_table **out, hone_roles *roles) {
    hone_table *t = NULL;
    *out = NULL;
    hone_status st = hone_table_read(path, &(hone_table_options){.list_all = strict}, &t);
    if (st == HONE_OK && strict && !hone_table_rows(t)) st = first_bad(t);
    if (st == HONE_OK) st = hone_roles_apply(t, kind, map, n_map, roles);
    if (st == HONE_OK && strict) st = first_bad(t);
    if (st == HONE_OK)
        *out = t;
    else
        hone_table_free(t);
    return st;
}

hone_status hone_rows_read_path(const hone_options *o, const char *path, hone_row_kind kind, hone_table **out,
                                hone_roles *roles) {
    *out = NULL;
    int64_t n = hone_options_count(o, "columns");
    hone_table *t = NULL;
    hone_column_map *map = hone_alloc((size_t)(n + 1) * sizeof *map);
    if (!map) return HONE_E_NOMEM;
    for (int64_t i = 0; i < n; i++)
        map[i] = (hone_column_map){hone_options_item(o, "columns", i), hone_options_right(o, "columns", i)};
    hone_status st = hone_rows_judge(path, hone_options_flag(o, "strict"), kind, map, n, &t, roles);
    hone_free(map);
    HONE_TRY(st);
    say_bad_rows(t, hone_options_flag(o, "quiet"));
    char idle[512];
    if (hone_rows_idle_negatives(t, kind, roles, idle))
        hone_print_note(hone_options_flag(o, "quiet"), "%s: %s", hone_table_path(t), idle);
    *out = t;
    return HONE_OK;
}
