#include "tools/train_notes.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static __attribute__((format(printf, 2, 3))) void add(hone_train_notes *notes, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(notes->text[notes->n], sizeof notes->text[0], fmt, ap);
    va_end(ap);
    notes->list[notes->n] = notes->text[notes->n];
    notes->list[++notes->n] = NULL;
}

void hone_train_note_cut(hone_train_notes *notes, const hone_token_store *store, const int64_t *rows, int64_t n,
                         const hone_model_info *info) {
    char hint[160];
    int64_t cut = 0, texts = n * store->groups;
    if (!store->n_cut) return;
    for (int64_t i = 0; i < n; i++)
        for (int64_t g = 0; g < store->groups; g++)
            cut += store->cut[store->unit[(rows ? rows[i] : i) * store->groups + g]];
    if (!cut) return;
    if (info->max_length < info->positions)
        snprintf(hint, sizeof hint, "a larger --max-length keeps more, up to %" PRId64, info->positions);
    else
        snprintf(hint, sizeof hint, "the model has no positions beyond: shorter texts, or another model");
    add(notes,
        "warning: %.3g %% of the texts (%" PRId64 " of %" PRId64 ") are cut at %" PRId64
        " tokens, and what stands behind is not learned; %s",
        100.0 * (double)cut / (double)texts, cut, texts, info->max_length, hint);
}

void hone_train_note_scores(hone_train_notes *notes, const double *score, const int64_t *rows, int64_t n) {
    if (!score || n < 1) return;
    double first = score[rows ? rows[0] : 0];
    for (int64_t i = 1; i < n; i++)
        if (score[rows ? rows[i] : i] != first) return;
    add(notes,
        "warning: all %" PRId64
        " rows to judge by have the score %g: correlations with it are not defined, so no model "
        "is better than another; give --eval rows with different scores",
        n, first);
}

void hone_train_note_range(hone_train_notes *notes, const double *score, const int64_t *rows, int64_t n) {
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double x = score[rows ? rows[i] : i];
        low = fmin(low, x), high = fmax(high, x);
    }
    if (n < 1 || (low >= -1 && high <= 1)) return;
    add(notes,
        "warning: scores go from %g to %g, and loss cosine compares them with cosines, which stay within -1 and 1; "
        "divide "
        "the scores (5 of 5 becomes 1), or take --loss cosent, which reads their order alone",
        low, high);
}

void hone_train_note_small_batches(hone_train_notes *notes, const hone_run_shape *shape, const hone_train_options *o,
                                   int64_t n) {
    const int64_t full = o->batch_size < n ? o->batch_size : n;
    double mean = shape->batches ? shape->rows / (double)shape->batches : 0;
    if (!o->no_duplicates || !shape->batches || 2 * mean >= (double)full) return;
    add(notes,
        "warning: batches hold %.1f rows on average, not %" PRId64
        ": rows with a text in common are kept apart, and so few rows are each other's negatives; more different "
        "texts help, or --allow-duplicates, which makes false negatives",
        mean, full);
}

/* Repeats at least once. */
static hone_status read_column(const hone_table *t, int64_t column, hone_train_twins *out) {
    int64_t rows = hone_table_rows(t), *seen = NULL;
    hone_texts x;
    HONE_TRY(hone_texts_from_table(t, &column, 1, &x));
    if (!(seen = hone_zalloc((size_t)(x.count + 1) * sizeof *seen))) {
        hone_texts_free(&x);
        return hone_last_error()->code;
    }
    bool repeats = false;
    for (int64_t i = 0; i < rows; i++) {
        hone_cell c = hone_table_cell(t, i, column);
        if (c.kind == HONE_CELL_MISSING || !c.n)
            x.of[i] = -1;
        else
            repeats |= seen[x.of[i]]++ > 0;
    }
    hone_free(seen);
    if (repeats)
        *out = (hone_train_twins){hone_table_column_name(t, column), x};
    else
        hone_texts_free(&x);
    return HONE_OK;
}

hone_status hone_train_twins_read(const hone_table *t, const hone_roles *roles, hone_train_twins *out) {
    int64_t columns[] = {roles->id, hone_table_find_column(t, "group"), hone_table_find_column(t, "group_id")};
    *out = (hone_train_twins){0};
    for (int i = 0; i < 3 && !out->name; i++)
        if (columns[i] >= 0) HONE_TRY(read_column(t, columns[i], out));
    return HONE_OK;
}
