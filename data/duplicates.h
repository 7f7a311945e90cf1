/* Duplicates among the texts of a table: equal ones after normalisation, and nearly equal ones.
 *
 * Normal form: Unicode NFKC with case folded, runs of white space as one space, none at the ends. Texts of one normal
 * form are the same text ("Hello  World " and "hello world", full-width and plain letters).
 *
 * Near duplicates: with words = runs of letters, digits and marks of the normal form (pairs of neighbouring characters
 * where a script writes no spaces), and |a & b| counting a word as often as both texts have it,
 *
 *     near(a, b)  <=>  |a & b| / |a or b| >= threshold, and a and b hold the same numbers
 *
 * (words with a digit in them: "model 1200" and "model 1300" are two products, not one text written twice). Order and
 * punctuation do not count. One changed word passes 0.8 from nine words on, one added word from four on. Chains are
 * followed: if a is near b and b near c, the three are one cluster.
 *
 * Found exactly, not by sampling: two texts that near share one of their rarest words (prefix filtering), so a text is
 * compared with those that share one with it; of a list longer than 2,048 texts only that many, nearest in length, are
 * looked at.
 *
 * Source: Bayardo, Ma, Srikant 2007, "Scaling up all pairs similarity search"; Xiao et al. 2008, "Efficient similarity
 * joins for near duplicate detection". */
#ifndef HONE_DATA_DUPLICATES_H
#define HONE_DATA_DUPLICATES_H

#include "data/texts.h"

/* The usual threshold. */
#define HONE_NEAR_DUPLICATE 0.8

/* For each text the numbers of its normal form and of its cluster. */
typedef struct hone_duplicates {
    int64_t count;          /* as in the hone_texts */
    int32_t *same;          /* [count] number of the text's normal form, -1 = blank */
    int32_t *near;          /* [count] number of its cluster of near duplicates, -1 = blank */
    int64_t n_same, n_near; /* how many of each; both numbered in order of first appearance */
} hone_duplicates;

/* threshold in [0.5, 1]; above 1: near is same. HONE_E_ARG, HONE_E_NOMEM. */
hone_status hone_duplicates_find(const hone_texts *x, double threshold, hone_duplicates *out);
void hone_duplicates_free(hone_duplicates *d); /* frees and zeroes; accepts {0} */

/* The normal form of UTF-8 text (broken bytes stay as they are), NUL-terminated, in a buffer that grows and is reused.
 * HONE_E_NOMEM. */
typedef struct hone_normal_text {
    char *p;
    size_t n;
    size_t cap, cap_codes;
    int32_t *codes; /* private */
} hone_normal_text;
hone_status hone_text_normalize(const char *p, size_t n, hone_normal_text *out); /* start from {0} */
void hone_normal_text_free(hone_normal_text *t);

#endif
