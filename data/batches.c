#include "data/batches.h"

#include "base/memory.h"
#include "data/prefetch.h"

struct hone_batches {
    const hone_token_store *store;
    hone_sampler *sampler, *counter; /* the second one answers hone_batches_count beside a running thread */
    hone_token_batch slot[2];
    int64_t *rows; /* [batch_size] */
    hone_prefetch *prefetch;
};

static hone_status fill(void *ctx, void *slot, bool *end) {
    hone_batches *b = ctx;
    hone_token_batch *x = slot;
    int64_t number = hone_sampler_batch(b->sampler);
    int64_t n = hone_sampler_next(b->sampler, b->rows);
    if (!n) {
        *end = true;
        return HONE_OK;
    }
    HONE_TRY(hone_token_batch_fill(x, b->store, b->rows, n));
    x->epoch = hone_sampler_epoch(b->sampler);
    x->number = number;
    return HONE_OK;
}

hone_status hone_batches_new(const hone_token_store *store, const hone_sampler_options *o, hone_batches **out) {
    hone_batches *b = hone_zalloc(sizeof *b);
    if (!b) return HONE_E_NOMEM;
    b->store = store;
    hone_status st = hone_sampler_new(o, &b->sampler);
    if (st == HONE_OK && o->no_duplicates) st = hone_sampler_new(o, &b->counter);
    const int64_t most = o->batch_size < o->n ? o->batch_size : o->n;
    if (st == HONE_OK && !(b->rows = hone_alloc((size_t)most * sizeof *b->rows))) st = HONE_E_NOMEM;
    for (int k = 0; k < 2 && st == HONE_OK; k++) st = hone_token_batch_reserve(&b->slot[k], store, most);
    if (st != HONE_OK) {
        hone_batches_free(b);
        return st;
    }
    *out = b;
    return HONE_OK;
}

void hone_batches_free(hone_batches *b) {
    if (!b) return;
    hone_prefetch_stop(b->prefetch);
    for (int k = 0; k < 2; k++) hone_token_batch_free(&b->slot[k]);
    hone_sampler_free(b->sampler);
    hone_sampler_free(b->counter);
    hone_free(b->rows);
    hone_free(b);
}

hone_status hone_batches_begin(hone_batches *b, int64_t epoch, int64_t number) {
    hone_prefetch_stop(b->prefetch);
    b->prefetch = NULL;
    hone_sampler_seek(b->sampler, epoch, number);
    void *slots[2] = {&b->slot[0], &b->slot[1]};
    return hone_prefetch_start(fill, b, slots, &b->prefetch);
}

hone_status hone_batches_next(hone_batches *b, const hone_token_batch **out) {
    void *slot = NULL;
    HONE_TRY(hone_prefetch_next(b->prefetch, &slot));
    *out = slot;
    return HONE_OK;
}

int64_t hone_batches_announced(const hone_batches *b) {
    return hone_sampler_announced(b->sampler);
}

int64_t hone_batches_count(const hone_batches *b, int64_t epoch) {
    return b->counter ? hone_sampler_count(b->counter, epoch) : hone_sampler_announced(b->sampler);
}
