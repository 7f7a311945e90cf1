/* What hone train has to say about its rows before it begins: handed to the loop, which tells it once a run
 * (hone_train_options.notes); and rows that mean the same thing. docs/diagnostics.md is the user's page. */
#ifndef HONE_TOOLS_TRAIN_NOTES_H
#define HONE_TOOLS_TRAIN_NOTES_H

#include "data/batch.h"
#include "data/roles.h"
#include "models/model.h"
#include "train/forecast.h"

typedef struct hone_train_notes {
    char text[4][640];
    const char *list[5]; /* NULL-terminated */
    int n;
} hone_train_notes;

/* Texts of the n rows (rows NULL: the first n) that are cut: their share, each counted as often as it stands in a row,
 * as --dry-run counts them; and how to keep more. */
void hone_train_note_cut(hone_train_notes *notes, const hone_token_store *store, const int64_t *rows, int64_t n,
                         const hone_model_info *info);
/* All n scores of the rows to judge by (rows NULL: the first n) are equal: correlations are not defined. */
void hone_train_note_scores(hone_train_notes *notes, const double *score, const int64_t *rows, int64_t n);

/* Scores that loss cosine compares with a cosine, and that no cosine can reach. */
void hone_train_note_range(hone_train_notes *notes, const double *score, const int64_t *rows, int64_t n);

/* Batches that hold fewer than half of their rows on average, because rows with a text in common are kept apart; n rows. */
void hone_train_note_small_batches(hone_train_notes *notes, const hone_run_shape *shape, const hone_train_options *o,
                                   int64_t n);

/* Rows that say they are the same thing: a column id, _id, group or group_id in which values repeat. */
typedef struct hone_train_twins {
    const char *name; /* of the column; NULL: there is none, and of is empty */
    hone_texts names; /* names.of[row]: the value's number, -1: none; names.count of them */
} hone_train_twins;
hone_status hone_train_twins_read(const hone_table *t, const hone_roles *roles, hone_train_twins *out);

#endif
