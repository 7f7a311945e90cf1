#include "tools/labels.h"

#include "base/memory.h"

/* White space around a label or group is none of its own, as data validate and data split have it. */
static hone_status read_groups(const hone_table *t, int64_t column, hone_labels *l) {
    const int64_t rows = hone_table_rows(t);
    const char **p = hone_alloc((size_t)(rows + 1) * sizeof *p);
    size_t *n = hone_alloc((size_t)(rows + 1) * sizeof *n);
    hone_status s = p && n ? HONE_OK : HONE_E_NOMEM;
    for (int64_t i = 0; i < rows && s == HONE_OK; i++) {
        hone_cell c = hone_table_cell(t, i, column);
        hone_text_trim(&c.p, &c.n);
        p[i] = c.p, n[i] = c.kind == HONE_CELL_MISSING ? 0 : c.n;
    }
    if (s == HONE_OK) s = hone_texts_from_array(p, n, rows, 1, &l->names);
    l->group = l->names.of, l->n_groups = l->names.count;
    for (int64_t i = 0; i < rows && s == HONE_OK; i++)
        if (!n[i]) l->group[i] = -1; /* labels are never empty: their rows were dropped */
    hone_free(p), hone_free(n);
    return s;
}

static hone_status find_group(const hone_table *t, const char *name, int64_t *column) {
    char fields[640];
    *column = hone_table_find_column(t, name);
    if (*column >= 0) return HONE_OK;
    return hone_fail_at(HONE_E_ARG, hone_table_path(t), 0, 0, "--group: no field \"%s\"; fields are %s",
                        hone_quote(name), hone_table_list_columns(t, -1, fields, sizeof fields));
}

hone_status hone_labels_read(const hone_table *t, hone_row_kind kind, const hone_roles *roles, const char *group,
                             hone_labels *out) {
    hone_labels l = {0};
    hone_status s = HONE_OK;
    int64_t number = hone_roles_number(roles, kind), column = kind == HONE_ROWS_LABELLED ? roles->label : -1;
    if (group) HONE_TRY(find_group(t, group, &column));
    if (number >= 0) {
        l.score = hone_alloc((size_t)(hone_table_rows(t) + 1) * sizeof *l.score);
        if (!l.score) return HONE_E_NOMEM;
        for (int64_t i = 0; i < hone_table_rows(t); i++) hone_cell_number(hone_table_cell(t, i, number), &l.score[i]);
    }
    if (column >= 0) s = read_groups(t, column, &l);
    if (s != HONE_OK)
        hone_labels_free(&l);
    else
        *out = l;
    return s;
}

void hone_labels_free(hone_labels *l) {
    hone_free(l->score);
    hone_texts_free(&l->names);
    *l = (hone_labels){0};
}
