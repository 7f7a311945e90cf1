/* What rows bring beside their texts: scores of pairs, labels of texts, groups whose rows are no negatives of each
 * other. */
#ifndef HONE_TOOLS_LABELS_H
#define HONE_TOOLS_LABELS_H

#include "data/roles.h"
#include "data/texts.h"

typedef struct hone_labels {
    double *score;    /* [rows] of scored pairs; else NULL */
    int32_t *group;   /* [rows] class of a labelled text, or group of a row (-1: a group of its own); else NULL. Values
                         that differ in white space around them alone are one */
    int64_t n_groups; /* numbers are below this */
    hone_texts names; /* owns group */
} hone_labels;

/* roles: of rows that were checked (data/roles.h). group: name of a column, NULL: none; HONE_E_ARG if the table has no
 * such column. Free with hone_labels_free. */
hone_status hone_labels_read(const hone_table *t, hone_row_kind kind, const hone_roles *roles, const char *group,
                             hone_labels *out);
void hone_labels_free(hone_labels *l); /* frees and zeroes; accepts {0} */

#endif
