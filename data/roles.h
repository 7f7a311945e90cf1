/* Roles: which column of a table is the anchor, the positive, the text …
 *
 * The user's mapping comes first (--columns anchor=question,positive=answer); without it these names are known, the
 * leftmost that the table has wins, and a name is used once:
 *     anchor    anchor | query | question | sentence1 | text1
 *     positive  positive | answer | passage | document | response | sentence2 | text2
 *     negative  negative, then negative_1, negative_2 … by number
 *     score     score | similarity                 label   label | target | relevance
 *     image     image | image_path | filepath      text    text | caption | description | title
 *     id        id | _id                           documents, labels: lists, of rerank alone
 * On the left of --columns any of these names stands for its role. */
#ifndef HONE_DATA_ROLES_H
#define HONE_DATA_ROLES_H

#include "base/memory.h"
#include "data/table.h"

/* What a task asks of a row. Only the columns matter here, not what is done with them. */
typedef enum hone_row_kind {
    HONE_ROWS_PAIRS,     /* anchor, positive [, negatives]; none of them empty */
    HONE_ROWS_TRIPLET,   /* anchor, positive, negative; none of them empty */
    HONE_ROWS_TEXT,      /* one text, may be empty: text, else anchor, else positive, else the only column there is */
    HONE_ROWS_TEXT_PAIR, /* two texts (anchor and positive), either may be empty: score, tokenize --pairs */
    HONE_ROWS_SCORED,    /* sentence1, sentence2 and a number: score, else label */
    HONE_ROWS_RERANK, /* query and documents[] with labels[]; or document and a number: label, else score; or positive,
                         negatives */
    HONE_ROWS_ANY,    /* whatever roles the file has; texts: every column with the name of one. Nothing is required */
    HONE_ROWS_BINARY, /* sentence1, sentence2 and 0 or 1: label, else score */
    HONE_ROWS_LABELLED, /* one text, not empty (found as for TEXT), and a label, any value that is not empty */
} hone_row_kind;

#define HONE_MAX_NEGATIVES 64 /* columns of negatives that a table may have */

/* Column numbers; -1 = the table has none. id, score, label and image are filled where they exist, asked for or not. */
typedef struct hone_roles {
    int64_t anchor, positive;
    int64_t n_negatives, negative[HONE_MAX_NEGATIVES];
    int64_t text, id, score, label, image;
    int64_t documents, labels; /* RERANK and ANY: columns of JSON arrays */
    /* The texts of a row in the order anchor, positive, negatives (TEXT: the text alone; RERANK with documents: the
     * query alone): columns[0 .. n_texts-1]. */
    int64_t n_texts, columns[2 + HONE_MAX_NEGATIVES];
} hone_roles;

/* One item of --columns. */
typedef struct hone_column_map {
    const char *role, *column; /* borrowed */
} hone_column_map;

/* Find the roles that `kind` needs. map[0..n_map) is --columns, may be NULL.
 *   errors  HONE_E_ARG     an unknown role (nearest word in the hint), a role or a column given twice, a role that the
 *                          task has no use for, a mapped column that the file does not have
 *           HONE_E_FORMAT  a role that the table has no column for: `no field "positive"; fields are "query", "pos"`,
 *                          hint `--columns positive=pos` */
hone_status hone_roles_find(const hone_table *t, hone_row_kind kind, const hone_column_map *map, int64_t n_map,
                            hone_roles *out);

/* Look at every row: a required text that is missing, not a text, or (kinds that say so) blank makes the row bad, as
 * does a score that is not a finite number, or lists of documents and labels that do not fit together (ANY: nothing
 * does). Calls hone_table_finish_drops. HONE_E_FORMAT for the first bad row of a strict table, or when no row is
 * left. */
hone_status hone_roles_check(hone_table *t, hone_row_kind kind, const hone_roles *r);

/* The cell as a number: a JSON number, a text that is a decimal number; true and false, also as texts in any case (what
 * CSV files of pandas and R hold), as 1 and 0. False when it is none. */
bool hone_cell_number(hone_cell c, double *out);

/* The column that holds the number of a row of SCORED, BINARY or RERANK, -1 where there is none. */
int64_t hone_roles_number(const hone_roles *r, hone_row_kind kind);

/* The items of a cell that holds a JSON array (as JSON, or as text in CSV), each as a cell of its own; *n = -1 when it
 * is no array. The memory is the arena's, or the cell's own. HONE_E_NOMEM. */
hone_status hone_cell_list(hone_cell c, hone_arena *a, hone_cell **items, int64_t *n);

/* Both steps, with the errors of both. */
hone_status hone_roles_apply(hone_table *t, hone_row_kind kind, const hone_column_map *map, int64_t n_map,
                             hone_roles *out);

#endif
