#include "train/watch.h"

#include "base/hash.h"
#include "base/memory.h"
#include "nn/schedule.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Places in the numbers. Their order is the format of checkpoints: new ones go to the end. */
enum {
    GIVEN, /* bits, see warning */
    RATES, /* sum of the rates so far */
    FIRST_N,
    FIRST_SUM,
    FIRST_SQUARES,
    BEGIN_N, /* the first four steps, before a rate that is too high has done its harm */
    BEGIN_SUM,
    BEGIN_SQUARES,
    NOW_N, /* the window that is being filled */
    NOW_SUM,
    NOW_SQUARES,
    LOWEST_N, /* the window of the lowest mean */
    LOWEST_SUM,
    LOWEST_SQUARES,
    FLAT,         /* windows in a row that were flat */
    ZEROS,        /* steps in a row without a gradient */
    CLIPPED,      /* steps in a row that were clipped by far */
    LOOKS,        /* at embeddings */
    COSINE_FIRST, /* sum of the first three */
    COSINE_LAST,  /* the last three */
    ROWS = COSINE_LAST + 3,
    DOUBLED, /* of these, rows with another in the batch that is no true negative */
    EXAMPLE, /* such a row, and the other one */
    OTHER,
    EXAMPLE_KIND,
    NUMBERS
};
_Static_assert((int)NUMBERS <= (int)HONE_WATCH_NUMBERS, "the state is too small");

typedef enum warning { STILL = 1, RISES = 2, CLIP = 4, COLLAPSE = 8, FALSE_NEGATIVES = 16 } warning;

typedef enum kinship { SAME_ANCHOR, SAME_DOCUMENT, TWINS } kinship;

enum { PROBES = 16, LOOKS_EVERY = 10, BATCHES_FIRST = 10 };

/* Where in a batch something stands first, and the first other row with it that is not kept apart from that one by its
 * group (-1: none): whoever is kept apart from the first row is of its group, and so not from the other. Valid where
 * the stamp is this batch's. */
typedef struct holder {
    int64_t stamp;
    int32_t first, other;
} holder;

struct hone_watch {
    const hone_train_data *data;
    const hone_train_options *o;
    hone_watch_run run;
    int64_t window, look_every;
    double *x;
    void (*say)(void *ctx, const char *text);
    void *ctx;
    int32_t *same;                    /* by unit of the store: the first one of the same tokens */
    holder *anchor, *document, *twin; /* by such a unit, by twin's number; NULL: nobody asks */
    int64_t stamp;
    bool look_now;
    double cosine; /* of this step's look; NaN: none */
};

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

/* What is the same to the model: texts that the tokenizer makes the same of (case, accents, white space, what is cut
 * off). Nothing to do for batches that keep equal texts apart where only equal texts are alike. */
static hone_status find_same(hone_watch *w) {
    const hone_token_store *s = w->data->store;
    size_t slots = 16;
    bool found = false;
    while (slots < 2 * (size_t)s->n_units) slots *= 2;
    w->same = hone_alloc((size_t)(s->n_units + 1) * sizeof *w->same);
    int32_t *table = hone_alloc(slots * sizeof *table);
    if (table) memset(table, 0xFF, slots * sizeof *table);
    for (int64_t u = 0; u < s->n_units && table && w->same; u++) {
        const int32_t *ids = s->ids + s->offset[u];
        size_t n = (size_t)(s->offset[u + 1] - s->offset[u]) * sizeof *ids;
        uint64_t h = hone_hash(HONE_HASH_SEED, ids, n);
        size_t at = (size_t)(h ^ h >> 29) & (slots - 1);
        for (; table[at] >= 0; at = (at + 1) & (slots - 1)) {
            int64_t other = s->offset[table[at]];
            if ((size_t)(s->offset[table[at] + 1] - other) * sizeof *ids == n && !memcmp(s->ids + other, ids, n)) break;
        }
        found |= table[at] >= 0;
        if (table[at] < 0) table[at] = (int32_t)u;
        w->same[u] = table[at];
    }
    hone_status status = table && w->same ? HONE_OK : hone_last_error()->code;
    hone_free(table);
    if (status == HONE_OK && !found && w->o->no_duplicates && !w->data->twin) hone_free(w->same), w->same = NULL;
    return status;
}

static int32_t same_of(const hone_watch *w, int64_t row, int64_t g) {
    return w->same[w->data->store->unit[row * w->data->store->groups + g]];
}

/* Whether the step after `step` looks at its embeddings. */
static bool looks_after(const hone_watch *w, int64_t step) {
    return step < 3 || step % w->look_every == 0;
}

static hone_status make_holders(hone_watch *w) {
    if (!w->o->loss->in_batch || !w->data->texts || w->data->texts->width < 2) return HONE_OK;
    HONE_TRY(find_same(w));
    if (!w->same) return HONE_OK;
    size_t units = (size_t)w->data->store->n_units + 1, twins = (size_t)(w->data->twin ? w->data->n_twins : 0) + 1;
    w->anchor = hone_zalloc(units * sizeof *w->anchor);
    w->document = hone_zalloc(units * sizeof *w->document);
    w->twin = hone_zalloc(twins * sizeof *w->twin);
    return w->anchor && w->document && w->twin ? HONE_OK : hone_last_error()->code;
}

hone_status hone_watch_new(const hone_train_data *data, const hone_train_options *o, const hone_watch_run *run,
                           double numbers[HONE_WATCH_NUMBERS], void (*say)(void *ctx, const char *text), void *ctx,
                           hone_watch **out) {
    hone_watch *w = hone_zalloc(sizeof *w);
    if (!w) return hone_last_error()->code;
    w->data = data, w->o = o, w->run = *run, w->x = numbers, w->say = say, w->ctx = ctx;
    w->window = clamp(run->total / 5, 4, 50);
    w->look_every = clamp(run->total / 20, 1, LOOKS_EVERY);
    w->cosine = (double)NAN;
    w->look_now = looks_after(w, run->step);
    hone_status status = make_holders(w);
    if (status != HONE_OK) {
        hone_watch_free(w);
        return status;
    }
    *out = w;
    return HONE_OK;
}

void hone_watch_free(hone_watch *w) {
    if (!w) return;
    hone_free(w->same);
    hone_free(w->anchor);
    hone_free(w->document);
    hone_free(w->twin);
    hone_free(w);
}

static __attribute__((format(printf, 3, 4))) void warn(hone_watch *w, int which, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    if ((int)w->x[GIVEN] & which) return;
    w->x[GIVEN] = (int)w->x[GIVEN] | which;
    size_t n = (size_t)snprintf(text, sizeof text, "warning: ");
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof text - n, fmt, ap);
    va_end(ap);
    w->say(w->ctx, text);
}

static bool given(const hone_watch *w, warning which) {
    return (int)w->x[GIVEN] & which;
}

static int64_t row_number(const hone_watch *w, int64_t row) {
    return w->data->table ? hone_table_row_number(w->data->table, row) : row;
}

/* ---- the data ---- */

void hone_watch_data(hone_watch *w) {
    const hone_train_data *d = w->data;
    bool binary = w->o->loss->needs == HONE_LOSS_BINARY, equal = d->n > 1;
    if (!d->score) return;
    double first = d->score[d->rows ? d->rows[0] : 0];
    for (int64_t i = 1; i < d->n && equal; i++) equal = (float)d->score[d->rows ? d->rows[i] : i] == (float)first;
    if (!equal) return;
    if (binary)
        warn(w, 0,
             "every one of the %" PRId64 " rows has the label %g: without rows of the other kind loss %s only pulls "
             "texts %s; look at the label column",
             d->n, first, w->o->loss->name, first > 0 ? "together" : "apart");
    else
        warn(w, 0,
             "every one of the %" PRId64
             " rows has the score %g: loss %s has no difference to learn; look at the score column",
             d->n, first, w->o->loss->name);
}

/* ---- batches ---- */

/* The same place as in w->data: the group that the loss hides. */
static bool kept_apart(const hone_watch *w, int64_t a, int64_t b) {
    const int32_t *group = w->data->group;
    return group && group[a] >= 0 && group[a] == group[b];
}

static void put(hone_watch *w, holder *h, const int64_t *rows, int64_t i) {
    if (h->stamp != w->stamp)
        *h = (holder){w->stamp, (int32_t)i, -1};
    else if (h->other < 0 && h->first != i && !kept_apart(w, rows[h->first], rows[i]))
        h->other = (int32_t)i;
}

/* Whether another row of the batch holds the same, as an example if there is none yet. */
static bool is_shared(hone_watch *w, const holder *h, const int64_t *rows, int64_t i, kinship kind) {
    for (int side = 0; side < 2; side++) {
        int64_t other = side ? h->other : h->first;
        if (other < 0 || other == i || kept_apart(w, rows[i], rows[other])) continue;
        if (w->x[EXAMPLE] == 0 && w->x[OTHER] == 0) /* two rows: never both 0 */
            w->x[EXAMPLE] = (double)rows[i], w->x[OTHER] = (double)rows[other], w->x[EXAMPLE_KIND] = kind;
        return true;
    }
    return false;
}

static int32_t twin_of(const hone_watch *w, int64_t row) {
    return w->data->twin ? w->data->twin[row] : -1;
}

static void count_doubles(hone_watch *w, const int64_t *rows, int64_t n) {
    int64_t width = w->data->store->groups;
    w->stamp++;
    for (int64_t i = 0; i < n; i++) {
        put(w, &w->anchor[same_of(w, rows[i], 0)], rows, i);
        for (int64_t g = 1; g < width; g++) put(w, &w->document[same_of(w, rows[i], g)], rows, i);
        if (twin_of(w, rows[i]) >= 0) put(w, &w->twin[twin_of(w, rows[i])], rows, i);
    }
    for (int64_t i = 0; i < n; i++) {
        int32_t twin = twin_of(w, rows[i]);
        w->x[DOUBLED] += is_shared(w, &w->anchor[same_of(w, rows[i], 0)], rows, i, SAME_ANCHOR) ||
                         is_shared(w, &w->document[same_of(w, rows[i], 1)], rows, i, SAME_DOCUMENT) ||
                         (twin >= 0 && is_shared(w, &w->twin[twin], rows, i, TWINS));
    }
    w->x[ROWS] += (double)n;
}

static double dot(const float *a, const float *b, int64_t D) {
    double sum = 0;
    for (int64_t k = 0; k < D; k++) sum += (double)a[k] * (double)b[k];
    return sum;
}

/* Mean cosine of up to PROBES first texts of rows: of different texts, and of different classes where there are
 * classes, for texts of one class shall come together. */
static void look(hone_watch *w, const hone_token_batch *b, const float *e, int64_t D) {
    const hone_texts *t = w->data->texts;
    const int32_t *class = w->o->loss->needs == HONE_LOSS_CLASSES ? w->data->group : NULL;
    double sum = 0, square[PROBES];
    int64_t n = b->B < PROBES ? b->B : PROBES, pairs = 0;
    for (int64_t i = 0; i < n; i++) square[i] = dot(e + i * D, e + i * D, D);
    for (int64_t i = 1; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            int64_t x = b->rows[i], y = b->rows[j];
            if (t->of[x * t->width] == t->of[y * t->width] || (class && class[x] == class[y])) continue;
            sum += dot(e + i * D, e + j * D, D) / fmax(sqrt(square[i] * square[j]), 1e-30);
            pairs++;
        }
    if (pairs) w->cosine = sum / (double)pairs;
}

void hone_watch_batch(void *watch, const hone_token_batch *b, const float *e, int64_t D) {
    hone_watch *w = watch;
    if (w->anchor && !given(w, FALSE_NEGATIVES)) count_doubles(w, b->rows, b->B);
    if (w->look_now && w->data->texts && !given(w, COLLAPSE)) look(w, b, e, D);
    w->look_now = false; /* one look a step, at its first batch */
}

static int64_t first_steps(const hone_watch *w) {
    return w->run.total < BATCHES_FIRST ? w->run.total : BATCHES_FIRST;
}

/* Whether the texts that rows a and b have in common are the same byte for byte, not to the model alone. */
static bool same_text(const hone_watch *w, int64_t a, int64_t b, int kind) {
    const hone_texts *t = w->data->texts;
    const int32_t *x = t->of + a * t->width, *y = t->of + b * t->width;
    if (kind == SAME_ANCHOR) return x[0] == y[0];
    for (int64_t g = 1; g < t->width; g++)
        if (x[1] == y[g]) return true;
    return false;
}

static void judge_negatives(hone_watch *w, const char *when) {
    const hone_texts *t = w->data->texts;
    double share = w->x[ROWS] > 0 ? w->x[DOUBLED] / w->x[ROWS] : 0;
    if (!(share >= 0.01)) return;
    int64_t a = (int64_t)w->x[EXAMPLE], b = (int64_t)w->x[OTHER];
    int kind = (int)w->x[EXAMPLE_KIND];
    int32_t text = t->of[a * t->width + (kind == SAME_ANCHOR ? 0 : 1)];
    char example[256];
    const char *remedy = "leave --allow-duplicates out, or keep such rows apart with --group";
    if (kind == TWINS) {
        snprintf(example, sizeof example, "have the same \"%s\"",
                 hone_quote(w->data->twin_name ? w->data->twin_name : "id"));
        remedy = "--group keeps such rows apart";
    } else if (same_text(w, a, b, kind)) {
        snprintf(example, sizeof example, "%s \"%s\"",
                 kind == SAME_ANCHOR ? "have the same anchor" : "share the document",
                 hone_quote_n(t->p[text], t->n[text]));
    } else {
        snprintf(example, sizeof example, "have %s that are the same to the model, such as \"%s\"",
                 kind == SAME_ANCHOR ? "anchors" : "documents", hone_quote_n(t->p[text], t->n[text]));
        remedy = "they differ in what the tokenizer passes over or cuts off; keep one of them, or --group keeps such "
                 "rows apart";
    }
    warn(w, FALSE_NEGATIVES,
         "%.3g %% of the rows %s a false negative in their batch, the right answer of another row counted as "
         "wrong: rows %" PRId64 " and %" PRId64 " %s; %s",
         100 * share, when, row_number(w, a), row_number(w, b), example, remedy);
}

/* As judge_norms will say it. */
static void foresee_rates(hone_watch *w, double top_rate) {
    double rate = 0;
    for (int64_t t = w->run.step; t < w->run.total && rate == 0 && w->o->lr * top_rate > 0; t++)
        rate = hone_schedule_factor(w->o->schedule, t, w->run.warmup, w->run.total);
    if (rate == 0)
        warn(w, STILL,
             "the loss will not move, except as the batches differ: the rate is 0 in all of %" PRId64
             " steps, nothing is trained; look at --lr, --lr-scale and --warmup",
             w->run.total);
}

hone_status hone_watch_preview(hone_watch *w, double top_rate) {
    const hone_train_data *d = w->data;
    hone_watch_data(w);
    foresee_rates(w, top_rate);
    if (!w->anchor) return HONE_OK;
    hone_sampler_options o = hone_train_sampler(w->o, d);
    hone_sampler *sampler = NULL;
    int64_t *rows = hone_alloc((size_t)(o.batch_size < d->n ? o.batch_size : d->n) * sizeof *rows);
    hone_status s = rows ? hone_sampler_new(&o, &sampler) : HONE_E_NOMEM;
    for (int64_t left = first_steps(w) * w->o->accumulate; s == HONE_OK && left > 0;) {
        int64_t n = hone_sampler_next(sampler, rows);
        if (!n && !hone_sampler_batch(sampler)) break; /* an epoch without a batch */
        if (!n) hone_sampler_seek(sampler, hone_sampler_epoch(sampler) + 1, 0);
        if (n) count_doubles(w, rows, n), left--;
    }
    if (s == HONE_OK) judge_negatives(w, "in the first steps have");
    hone_sampler_free(sampler);
    hone_free(rows);
    return s;
}

static void keep_cosine(hone_watch *w) {
    double *x = w->x;
    if (isnan(w->cosine)) return;
    int64_t k = (int64_t)x[LOOKS]++;
    if (k < 3) x[COSINE_FIRST] += w->cosine;
    x[COSINE_LAST + k % 3] = w->cosine;
}

/* ---- losses ---- */

static void add(double *window, double loss) {
    window[0] += 1, window[1] += loss, window[2] += loss * loss;
}
static double mean(const double *window) {
    return window[1] / window[0];
}
static double variance(const double *window) {
    return window[0] > 1 ? fmax(0, (window[2] - window[1] * window[1] / window[0]) / (window[0] - 1)) : 0;
}
static double error(const double *a, const double *b) {
    return sqrt(variance(a) / a[0] + variance(b) / b[0]);
}
/* The same where b is a few samples and c many of the same kind: b's own variance may be small by chance. */
static double wide_error(const double *a, const double *b, const double *c) {
    return sqrt(variance(a) / a[0] + fmax(variance(b), variance(c)) / b[0]);
}

static void judge_rise(hone_watch *w, int64_t step) {
    const double *now = &w->x[NOW_N];
    const struct {
        const double *then;
        double factor, errors;
        const char *name;
    } rules[] = {{&w->x[FIRST_N], 1.2, 4 + 8 / (double)w->window, "the first ones"},
                 {&w->x[LOWEST_N], 2, 6 + 8 / (double)w->window, "the best ones"},
                 {&w->x[BEGIN_N], 1.5, 3.5, "the first four"}};
    for (int i = 0; i < 3 && !w->o->no_shuffle && w->x[RATES] > 0; i++) {
        const double *then = rules[i].then;
        double rise = mean(now) - mean(then);
        if (!(mean(now) > rules[i].factor * mean(then) &&
              rise > rules[i].errors * (i == 2 ? wide_error(now, then, &w->x[FIRST_N]) : error(now, then))))
            continue;
        warn(w, RISES,
             "the loss rises: %.4g on average in steps %" PRId64 " to %" PRId64
             ", after %.4g in %s; the learning rate is too high? Lower --lr (now %g) or lengthen --warmup",
             mean(now), step - (int64_t)now[0] + 1, step, mean(then), rules[i].name, w->o->lr);
    }
}

static void judge_stillness(hone_watch *w, int64_t step) {
    const double *first = &w->x[FIRST_N], *now = &w->x[NOW_N];
    double gap = fabs(mean(now) - mean(first)), e = error(now, first), level = fabs(mean(first));
    bool flat = gap <= 0.01 * level && gap <= 2 * e && e <= 0.01 * level && w->window >= 10;
    w->x[FLAT] = flat ? w->x[FLAT] + 1 : 0;
    bool slow = w->x[RATES] < 2e-5 && step >= w->run.warmup + w->window && gap <= fmax(3 * e, 1e-6 * level);
    if (w->x[RATES] > 0 && (slow || (w->x[FLAT] >= 3 && 2 * step >= w->run.total)))
        warn(w, STILL,
             "the loss does not move: %.4g on average in the first %" PRId64 " steps, %.4g in steps %" PRId64
             " to %" PRId64 ", which differ by %.2g anyway; %s",
             mean(first), (int64_t)first[0], mean(now), step - (int64_t)now[0] + 1, step, e,
             slow ? "--lr is far too small, 2e-5 is usual" : "try another --lr, look at --freeze and at the labels");
}

static void judge_cosine(hone_watch *w, int64_t step) {
    const double *x = w->x;
    double first = x[COSINE_FIRST] / 3, last = (x[COSINE_LAST] + x[COSINE_LAST + 1] + x[COSINE_LAST + 2]) / 3;
    if (x[LOOKS] < 4 || last < 0.95 || 1 - last > 0.25 * (1 - first) || mean(&x[NOW_N]) < 0.9 * mean(&x[FIRST_N]))
        return;
    int digits = fmax(first, last) < 0.9995 ? 3 : 7; /* two that differ are not to look equal */
    warn(w, COLLAPSE,
         "the embeddings collapse: different texts have a mean cosine of %.*f at step %" PRId64
         ", %.*f at the start, and the loss does not fall; soon all texts look alike. Lower --lr (now %g), or look "
         "for texts that stand in many rows",
         digits, last, step, digits, first, w->o->lr);
}

static void end_window(hone_watch *w, int64_t step) {
    double *x = w->x;
    if (x[FIRST_N] == 0) {
        memcpy(&x[FIRST_N], &x[NOW_N], 3 * sizeof *x);
        memcpy(&x[LOWEST_N], &x[NOW_N], 3 * sizeof *x);
    } else {
        judge_rise(w, step);
        judge_stillness(w, step);
        judge_cosine(w, step);
        if (mean(&x[NOW_N]) < mean(&x[LOWEST_N])) memcpy(&x[LOWEST_N], &x[NOW_N], 3 * sizeof *x);
    }
    memset(&x[NOW_N], 0, 3 * sizeof *x);
}

static void judge_norms(hone_watch *w, int64_t step, double norm) {
    double *x = w->x, clip = w->o->optim.clip;
    if (x[RATES] == 0 && step >= (w->run.total < 2 * w->window ? w->run.total : 2 * w->window))
        warn(w, STILL,
             "the loss does not move, except as the batches differ: the rate was 0 in all of %" PRId64
             " steps, nothing is trained; look at --lr, --lr-scale and --warmup",
             step);
    x[ZEROS] = norm == 0 ? x[ZEROS] + 1 : 0;
    x[CLIPPED] = clip > 0 && norm > 100 * clip ? x[CLIPPED] + 1 : 0;
    if (x[ZEROS] >= (double)w->window)
        warn(w, STILL,
             "the loss does not move: the gradient was exactly 0 in %" PRId64
             " steps in a row; loss %s finds nothing to improve. Look at %sthe labels and --freeze",
             (int64_t)x[ZEROS], w->o->loss->name, w->o->loss->default_margin > 0 ? "--margin, " : "");
    if (x[CLIPPED] >= 2 * (double)w->window)
        warn(w, CLIP,
             "the gradient's norm was above %g, 100 times --clip, in %" PRId64
             " steps in a row (now %.3g): every step is cut down to its direction. "
             "Lower --lr or --scale, or look for broken rows",
             100 * clip, (int64_t)x[CLIPPED], norm);
}

void hone_watch_step(hone_watch *w, int64_t step, double loss, double lr, double norm) {
    double *x = w->x;
    if (isfinite(loss) && isfinite(norm)) { /* else it was skipped */
        x[RATES] += lr;
        add(&x[NOW_N], loss);
        if (x[BEGIN_N] < 4) add(&x[BEGIN_N], loss);
        if (w->anchor && step >= first_steps(w)) judge_negatives(w, "so far had");
        keep_cosine(w);
        judge_norms(w, step, norm);
        if (x[NOW_N] >= (double)w->window) end_window(w, step);
    }
    w->cosine = (double)NAN;
    w->look_now = looks_after(w, step);
}
