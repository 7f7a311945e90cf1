/* The no-duplicates walk.
 *
 * Words: a row's *position* is its place in the epoch's order. A row that was passed over is parked at the text that
 * blocked it: each text has a queue (a pairing heap by position), and a binary heap holds the texts whose queue is not
 * empty by the position of their first row. One batch:
 *
 *     take the waiting text with the smallest first position
 *         is the text itself in the batch?  then all its rows are blocked: it rests until the batch is closed
 *         is the row blocked by another text u in the batch?  park it at u
 *         else the row joins the batch
 *     when no text is waiting: the same with rows not looked at yet, in order
 *
 * Parked positions are below those not looked at yet, so rows are judged in the order of the plain walk and the result
 * is the same; rows parked at a text that is in the batch are what the plain walk would look at and pass over. */
#include "data/sampler.h"

#include "base/memory.h"
#include "base/random.h"

#include <string.h>

struct hone_sampler {
    hone_sampler_options o;
    int64_t epoch, batch;
    int64_t *order; /* [n] row at each position */
    int64_t *spare; /* [batch_size] for walks whose result nobody wants */
    int64_t next;   /* first position not looked at yet */

    /* no_duplicates only; positions and texts as int32 */
    int64_t stamp;            /* the current batch */
    int64_t *mark;            /* [n_texts] stamp of the batch that holds the text */
    int32_t *root;            /* [n_texts] first parked position, -1 = none */
    int32_t *child, *sibling; /* [n] pairing heaps */
    int32_t *heap, *where;    /* [n_texts] texts with a queue by root; where = index + 1, 0 = not in it */
    int64_t n_heap;
    /* class_of only */
    int64_t *bucket;        /* [n] the epoch's rows, class after class */
    int64_t *first, *given; /* [n_classes + 1] where a class begins in bucket; rows of it handed out */
    int64_t *left, *lot;    /* [n_classes] classes with rows left, and their order in a round */
    int64_t length;         /* rows of an epoch: n, by class fewer */

    int32_t *resting; /* [n_texts] texts that come back when the batch is closed */
    uint8_t *rests;   /* [n_texts] */
    int64_t n_resting;
};

/* ---- queues: pairing heaps of positions ---- */

static int32_t meld(hone_sampler *s, int32_t a, int32_t b) {
    if (a < 0) return b;
    if (b < 0) return a;
    if (b < a) {
        int32_t t = a;
        a = b, b = t;
    }
    s->sibling[b] = s->child[a];
    s->child[a] = b;
    return a;
}

/* The heap without its root: meld the children in pairs, then the pairs from the last to the first. */
static int32_t without_root(hone_sampler *s, int32_t root) {
    int32_t pairs = -1;
    for (int32_t c = s->child[root]; c >= 0;) {
        int32_t d = s->sibling[c], next = d >= 0 ? s->sibling[d] : -1;
        s->sibling[c] = -1;
        if (d >= 0) s->sibling[d] = -1;
        int32_t both = meld(s, c, d);
        s->sibling[both] = pairs;
        pairs = both;
        c = next;
    }
    int32_t all = -1;
    while (pairs >= 0) {
        int32_t next = s->sibling[pairs];
        s->sibling[pairs] = -1;
        all = meld(s, all, pairs);
        pairs = next;
    }
    return all;
}

/* ---- the binary heap of waiting texts ---- */

static void heap_set(hone_sampler *s, int64_t i, int32_t text) {
    s->heap[i] = text;
    s->where[text] = (int32_t)i + 1;
}

static void heap_up(hone_sampler *s, int64_t i) {
    int32_t text = s->heap[i];
    for (; i > 0 && s->root[text] < s->root[s->heap[(i - 1) / 2]]; i = (i - 1) / 2)
        heap_set(s, i, s->heap[(i - 1) / 2]);
    heap_set(s, i, text);
}

static void heap_down(hone_sampler *s, int64_t i) {
    int32_t text = s->heap[i];
    for (int64_t c; (c = 2 * i + 1) < s->n_heap; i = c) {
        if (c + 1 < s->n_heap && s->root[s->heap[c + 1]] < s->root[s->heap[c]]) c++;
        if (s->root[text] < s->root[s->heap[c]]) break;
        heap_set(s, i, s->heap[c]);
    }
    heap_set(s, i, text);
}

static void heap_push(hone_sampler *s, int32_t text) {
    s->heap[s->n_heap++] = text;
    heap_up(s, s->n_heap - 1);
}

static void heap_pop(hone_sampler *s) {
    s->where[s->heap[0]] = 0;
    if (!--s->n_heap) return;
    s->heap[0] = s->heap[s->n_heap];
    heap_down(s, 0);
}

/* ---- the walk ---- */

static const int32_t *texts_of(const hone_sampler *s, int32_t position) {
    return s->o.text_of + s->order[position] * s->o.width;
}

/* A text of the row that the batch holds, -1 = the row may join. */
static int32_t blocker(const hone_sampler *s, int32_t position) {
    const int32_t *t = texts_of(s, position);
    for (int64_t k = 0; k < s->o.width; k++)
        if (s->mark[t[k]] == s->stamp) return t[k];
    return -1;
}

static void rest(hone_sampler *s, int32_t text) {
    if (s->rests[text]) return;
    s->rests[text] = 1;
    s->resting[s->n_resting++] = text;
}

static void park(hone_sampler *s, int32_t position, int32_t text) {
    s->child[position] = s->sibling[position] = -1;
    s->root[text] = meld(s, s->root[text], position);
    if (s->where[text])
        heap_up(s, s->where[text] - 1);
    else
        rest(s, text);
}

static void join(hone_sampler *s, int32_t position) {
    const int32_t *t = texts_of(s, position);
    for (int64_t k = 0; k < s->o.width; k++) s->mark[t[k]] = s->stamp;
}

static int64_t walk_batch(hone_sampler *s, int64_t *rows) {
    int64_t n = 0;
    s->stamp++;
    while (n < s->o.batch_size) {
        int32_t position, by;
        if (s->n_heap) {
            int32_t text = s->heap[0];
            if (s->mark[text] == s->stamp) {
                heap_pop(s);
                rest(s, text);
                continue;
            }
            position = s->root[text];
            s->root[text] = without_root(s, position);
            if (s->root[text] >= 0)
                heap_down(s, 0);
            else
                heap_pop(s);
        } else if (s->next < s->o.n) {
            position = (int32_t)s->next++;
        } else {
            break;
        }
        by = blocker(s, position);
        if (by >= 0) {
            park(s, position, by);
        } else {
            join(s, position);
            rows[n++] = s->order[position];
        }
    }
    while (s->n_resting) {
        int32_t text = s->resting[--s->n_resting];
        s->rests[text] = 0;
        if (s->root[text] >= 0) heap_push(s, text);
    }
    return n;
}

/* ---- by class ---- */

enum { SMALLEST_BY_CLASS = 4 };

/* Pairs of rows of every class: all but the largest class use them up, which stops where the second largest does. */
static int64_t stream_length(const hone_sampler *s, int64_t *classes) {
    int64_t most = 0, second = 0, rows = 0;
    *classes = 0;
    for (int64_t c = 0; c < s->o.n_classes; c++) {
        int64_t pairs = (s->first[c + 1] - s->first[c]) / 2;
        *classes += pairs > 0;
        if (pairs > most)
            second = most, most = pairs;
        else if (pairs > second)
            second = pairs;
    }
    for (int64_t c = 0; c < s->o.n_classes; c++) {
        int64_t pairs = (s->first[c + 1] - s->first[c]) / 2;
        rows += 2 * (pairs < second ? pairs : second);
    }
    return rows;
}

static void sort_into_buckets(hone_sampler *s) {
    memset(s->first, 0, (size_t)(s->o.n_classes + 1) * sizeof *s->first);
    memset(s->given, 0, (size_t)(s->o.n_classes + 1) * sizeof *s->given);
    for (int64_t i = 0; i < s->o.n; i++) s->first[s->o.class_of[s->order[i]] + 1]++;
    for (int64_t c = 0; c < s->o.n_classes; c++) s->first[c + 1] += s->first[c];
    for (int64_t i = 0; i < s->o.n; i++) {
        int32_t c = s->o.class_of[s->order[i]];
        s->bucket[s->first[c] + s->given[c]++] = s->order[i];
    }
    memset(s->given, 0, (size_t)(s->o.n_classes + 1) * sizeof *s->given);
}

/* The classes left, in the order of this round; `last` ended the round before in a batch that is not full. */
static void order_round(hone_sampler *s, int64_t n, int64_t round, int64_t last) {
    for (int64_t k = 0; k < n; k++) s->lot[k] = k;
    if (!s->o.no_shuffle) /* bit 47: apart from the other uses of this stream */
        hone_random_permutation(s->o.seed,
                                hone_stream_id(HONE_STREAM_SAMPLE, 1ull << 47 | ((uint64_t)s->epoch & 0x7FFFFF) << 24 |
                                                                       ((uint64_t)round & 0xFFFFFF)),
                                n, s->lot);
    for (int64_t k = 0; k < n; k++) s->lot[k] = s->left[s->lot[k]];
    memcpy(s->left, s->lot, (size_t)n * sizeof *s->left);
    if (s->left[0] == last) s->left[0] = s->left[1], s->left[1] = last;
}

/* Replace the epoch's order by the stream of pairs. */
static void order_by_class(hone_sampler *s) {
    int64_t n = 0, at = 0, last = -1;
    sort_into_buckets(s);
    for (int64_t c = 0; c < s->o.n_classes; c++)
        if (s->first[c + 1] - s->first[c] >= 2) s->left[n++] = c;
    for (int64_t round = 0; n >= 2; round++) {
        order_round(s, n, round, at % s->o.batch_size ? last : -1);
        last = s->left[n - 1];
        int64_t more = 0;
        for (int64_t k = 0; k < n; k++) {
            int64_t c = s->left[k];
            for (int two = 0; two < 2; two++) s->order[at++] = s->bucket[s->first[c] + s->given[c]++];
            if (s->first[c + 1] - s->first[c] - s->given[c] >= 2) s->left[more++] = c;
        }
        n = more;
    }
}

static int64_t plain_batch(hone_sampler *s, int64_t *rows) {
    int64_t n = s->length - s->next < s->o.batch_size ? s->length - s->next : s->o.batch_size;
    if (s->o.class_of && n < SMALLEST_BY_CLASS) n = 0;
    memcpy(rows, s->order + s->next, (size_t)n * sizeof *rows);
    s->next += n;
    return n;
}

int64_t hone_sampler_next(hone_sampler *s, int64_t *rows) {
    for (;;) {
        int64_t n = s->o.no_duplicates ? walk_batch(s, rows) : plain_batch(s, rows);
        if (n && n < s->o.batch_size && s->o.drop_last) continue;
        if (n) s->batch++;
        return n;
    }
}

static void open_epoch(hone_sampler *s, int64_t epoch) {
    const int64_t n = s->o.n;
    s->epoch = epoch;
    s->batch = s->next = 0;
    if (s->o.no_shuffle)
        for (int64_t i = 0; i < n; i++) s->order[i] = i;
    else
        hone_random_permutation(s->o.seed, hone_stream_id(HONE_STREAM_SHUFFLE, (uint64_t)epoch), n, s->order);
    if (s->o.rows)
        for (int64_t i = 0; i < n; i++) s->order[i] = s->o.rows[s->order[i]];
    if (s->o.class_of) order_by_class(s);
    if (!s->o.no_duplicates) return;
    s->n_heap = s->n_resting = 0;
    memset(s->root, 0xFF, (size_t)s->o.n_texts * sizeof *s->root);
    memset(s->where, 0, (size_t)s->o.n_texts * sizeof *s->where);
}

void hone_sampler_seek(hone_sampler *s, int64_t epoch, int64_t batch) {
    open_epoch(s, epoch);
    if (!s->o.no_duplicates) { /* no need to walk */
        int64_t whole = hone_sampler_announced(s);
        s->batch = batch < whole ? batch : whole;
        s->next = s->batch * s->o.batch_size < s->length ? s->batch * s->o.batch_size : s->length;
        return;
    }
    while (s->batch < batch && hone_sampler_next(s, s->spare)) {
    }
}

int64_t hone_sampler_epoch(const hone_sampler *s) {
    return s->epoch;
}
int64_t hone_sampler_batch(const hone_sampler *s) {
    return s->batch;
}

int64_t hone_sampler_announced(const hone_sampler *s) {
    int64_t rest = s->length % s->o.batch_size, least = s->o.class_of ? SMALLEST_BY_CLASS : 1;
    return s->length / s->o.batch_size + (!s->o.drop_last && rest >= least);
}

int64_t hone_sampler_count(hone_sampler *s, int64_t epoch) {
    if (!s->o.no_duplicates) return hone_sampler_announced(s);
    const int64_t at_epoch = s->epoch, at_batch = s->batch;
    open_epoch(s, epoch);
    while (hone_sampler_next(s, s->spare)) {
    }
    const int64_t count = s->batch;
    hone_sampler_seek(s, at_epoch, at_batch);
    return count;
}

hone_status hone_sampler_new(const hone_sampler_options *o, hone_sampler **out) {
    if (o->batch_size < 1)
        return hone_fail(HONE_E_ARG, "batch size is %" PRId64 ", at least 1 is needed", o->batch_size);
    if (o->n < 1) return hone_fail(HONE_E_ARG, "there are no rows to draw from");
    if (o->n >= INT32_MAX) return hone_fail(HONE_E_LIMIT, "%" PRId64 " rows, the limit is %d", o->n, INT32_MAX - 1);
    if (o->no_duplicates && (!o->text_of || o->width < 1 || o->n_texts < 1))
        return hone_fail(HONE_E_ARG, "batches without duplicates need texts to compare");
    if (o->class_of && (o->no_duplicates || o->n_classes < 1))
        return hone_fail(HONE_E_ARG, "batches by class need classes, and cannot be without duplicates as well");
    if (o->class_of && (o->batch_size < SMALLEST_BY_CLASS || o->batch_size % 2))
        return hone_fail(HONE_E_ARG, "batch size is %" PRId64 ", batches by class need an even one, %d or more",
                         o->batch_size, SMALLEST_BY_CLASS);
    hone_sampler *s = hone_zalloc(sizeof *s);
    if (!s) return HONE_E_NOMEM;
    s->o = *o;
    s->length = o->n;
    if (s->o.batch_size > o->n && !o->drop_last && !o->class_of)
        s->o.batch_size = o->n; /* the same batches, less memory */
    const size_t n = (size_t)o->n, texts = (size_t)o->n_texts;
    bool ok = (s->order = hone_alloc(n * sizeof *s->order)) &&
              (s->spare = hone_alloc((size_t)(s->o.batch_size < o->n ? s->o.batch_size : o->n) * sizeof *s->spare));
    if (ok && o->no_duplicates)
        ok = (s->mark = hone_zalloc(texts * sizeof *s->mark)) && (s->root = hone_alloc(texts * sizeof *s->root)) &&
             (s->child = hone_alloc(n * sizeof *s->child)) && (s->sibling = hone_alloc(n * sizeof *s->sibling)) &&
             (s->heap = hone_alloc(texts * sizeof *s->heap)) && (s->where = hone_alloc(texts * sizeof *s->where)) &&
             (s->resting = hone_alloc(texts * sizeof *s->resting)) && (s->rests = hone_zalloc(texts));
    if (ok && o->class_of) {
        const size_t classes = (size_t)o->n_classes + 1;
        ok = (s->bucket = hone_alloc(n * sizeof *s->bucket)) && (s->first = hone_alloc(classes * sizeof *s->first)) &&
             (s->given = hone_alloc(classes * sizeof *s->given)) && (s->left = hone_alloc(classes * sizeof *s->left)) &&
             (s->lot = hone_alloc(classes * sizeof *s->lot));
    }
    if (!ok) {
        hone_sampler_free(s);
        return HONE_E_NOMEM;
    }
    open_epoch(s, 0);
    if (o->class_of) {
        int64_t classes;
        s->length = stream_length(s, &classes);
        if (classes < 2) {
            hone_sampler_free(s);
            hone_fail(HONE_E_FORMAT,
                      "%" PRId64 " of %" PRId64 " labels have two rows or more, triplets need at least 2 such labels",
                      classes, o->n_classes);
            return hone_hint("the label column holds classes that several rows share");
        }
    }
    *out = s;
    return HONE_OK;
}

void hone_sampler_free(hone_sampler *s) {
    if (!s) return;
    void *all[] = {s->order,   s->spare, s->mark,   s->root,  s->child, s->sibling, s->heap, s->where,
                   s->resting, s->rests, s->bucket, s->first, s->given, s->left,    s->lot};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) hone_free(all[i]);
    hone_free(s);
}
