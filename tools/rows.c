#include "tools/rows.h"

#include "base/memory.h"
#include "tools/terminal.h"

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

hone_status hone_rows_read(const hone_options *o, const char *name, hone_row_kind kind, hone_table **out,
                           hone_roles *roles) {
    return hone_rows_read_path(o, hone_options_string(o, name), kind, out, roles);
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
    hone_table_options how = {.strict = hone_options_flag(o, "strict")};
    hone_status st = hone_table_read(path, &how, &t);
    if (st == HONE_OK) st = hone_roles_apply(t, kind, map, n, roles);
    hone_free(map);
    if (st != HONE_OK) {
        hone_table_free(t);
        return st;
    }
    say_bad_rows(t, hone_options_flag(o, "quiet"));
    *out = t;
    return HONE_OK;
}
