/* Words and numbers on command lines: the nearest known word, whole-text numbers, lists for messages. */
#include "tools/options.h"

#include "base/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64

/* Letters alone count: "Batch_Size" is "batch-size" typed by another habit. */
static size_t fold(const char *s, size_t n, char out[WORD_MAX]) {
    size_t k = 0;
    for (size_t i = 0; i < n && k + 1 < WORD_MAX; i++)
        out[k++] = s[i] == '_' ? '-' : (char)tolower((unsigned char)s[i]);
    out[k] = 0;
    return k;
}

/* Damerau-Levenshtein distance with adjacent swaps (optimal string alignment): inserting, deleting, replacing a letter
 * and swapping two neighbours cost 1 each. */
static int distance(const char *a, size_t na, const char *b, size_t nb) {
    int row[3][WORD_MAX + 1];
    int *before = row[0], *last = row[1], *now = row[2];
    for (size_t j = 0; j <= nb; j++) last[j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        int *free_row = before;
        before = last, last = now, now = free_row;
    }
    return last[nb];
}

const char *hone_nearest_word(const char *word, const char *words, size_t *n) {
    char a[WORD_MAX], b[WORD_MAX];
    size_t na = fold(word, strlen(word), a);
    const char *best = NULL;
    int best_cost = 0;
    *n = 0;
    for (const char *w = words; w && *w;) {
        size_t len = strcspn(w, "|"), nb = fold(w, len, b);
        int cost = 4 * distance(a, na, b, nb); /* quarters, so that a prefix can lie between two whole edits */
        /* "batch" for "batch-size", "epoch" for "epochs-max": missing letters at the end are cheap. */
        if (na >= 2 && nb > na && !strncmp(a, b, na)) cost = 2 + (int)(nb - na) / 4;
        int enough = 4 * (int)((na > nb ? na : nb) / 2); /* more than half of the letters wrong: another word */
        if (cost <= enough && (!best || cost < best_cost)) best = w, best_cost = cost, *n = len;
        w += len + (w[len] == '|');
    }
    return best;
}

bool hone_parse_int(const char *text, int64_t *out) {
    const char *digits = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*digits)) return false;
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (*end || errno) return false;
    *out = v;
    return true;
}

bool hone_parse_real(const char *text, double *out) {
    return hone_parse_decimal(text, strlen(text), out);
}

char *hone_words_list(const char *words, char *out, size_t n) {
    size_t k = 0;
    out[0] = 0;
    for (const char *w = words; w && *w && k + 3 < n; w++) {
        if (*w == '|')
            out[k++] = ',', out[k++] = ' ';
        else
            out[k++] = *w;
        out[k] = 0;
    }
    return out;
}

char *hone_range_text(const hone_option *o, char *start, size_t n) {
    char *out = start;
    double lo = o->range.min, hi = o->range.max;
    out[0] = 0;
    if (o->kind == HONE_OPTION_WORD_OR_INT) { /* "epoch, or 1 or more" */
        hone_words_list(o->allowed, out, n);
        size_t k = strlen(out);
        snprintf(out + k, n - k, ", or ");
        out += k + 5, n -= k + 5;
    }
    if (lo == 0 && hi == 0) return start;
    if (hi >= 1e9) /* a guard against nonsense rather than a limit worth telling */
        snprintf(out, n, o->above ? "more than %.15g" : "%.15g or more", lo);
    else if (!o->above && !o->below)
        snprintf(out, n, "%.15g to %.15g", lo, hi);
    else
        snprintf(out, n, "%s %.15g and %s %.15g", o->above ? "more than" : "at least", lo,
                 o->below ? "below" : "at most", hi);
    return start;
}
