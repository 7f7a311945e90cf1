#include "train/pass.h"

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { FEW_CHUNKS = 32 }; /* beyond, a chunk's forward pass is less than 1 % of the step */

struct hone_pass {
    hone_model *m;
    hone_graph *g;
    const hone_train_data *data;
    const hone_loss *loss;
    const hone_loss_options *options;
    int64_t chunk;
    float *cache, *grads; /* E and dE, [S, D] */
    int64_t room;         /* elements of each */
    int64_t *start;       /* the first sequence of each chunk (hone_pass_chunks) */
    int64_t start_room;   /* numbers */
    hone_arena *packed;   /* matrices laid out for the kernels while the chunks of a batch run */
    int64_t s0, s1;       /* sequences computed last */
    hone_pass_look *look;
    void *look_ctx;
};

hone_status hone_pass_new(hone_model *m, hone_graph *g, const hone_train_data *data, const hone_loss *loss,
                          const hone_loss_options *options, int64_t chunk, hone_pass **out) {
    if (hone_params_dtype(hone_model_params(m)) != HONE_F32) {
        hone_fail(HONE_E_DTYPE, "the model is %s, training is in F32",
                  hone_dtype_name(hone_params_dtype(hone_model_params(m))));
        return hone_hint("F64 is for checks of gradients");
    }
    hone_pass *p = hone_zalloc(sizeof *p);
    if (!p) return hone_last_error()->code;
    *p = (hone_pass){.m = m, .g = g, .data = data, .loss = loss, .options = options, .chunk = chunk};
    *out = p;
    return HONE_OK;
}

bool hone_pass_lends_grads(const hone_train_options *o) {
    return o->accumulate == 1 && o->chunk == 0;
}

hone_status hone_pass_place_grads(hone_model *m, const hone_train_options *o) {
    if (!hone_pass_lends_grads(o)) return hone_params_own_grads(hone_model_params(m));
    hone_params_lend_grads(hone_model_params(m));
    return HONE_OK;
}

void hone_pass_free(hone_pass *p) {
    if (!p) return;
    hone_free(p->cache);
    hone_free(p->grads);
    hone_free(p->start);
    hone_arena_free(p->packed);
    hone_free(p);
}

void hone_pass_set_look(hone_pass *p, hone_pass_look *look, void *ctx) {
    p->look = look, p->look_ctx = ctx;
}

void hone_pass_place(const hone_pass *p, int64_t *s0, int64_t *s1) {
    *s0 = p->s0, *s1 = p->s1;
}

/* Sequences s0 .. s1-1 of b as a batch of their own, in the graph's memory. Prompt tokens are left out as the data
 * says; a text that was cut inside its prompt keeps its last token. */
static hone_status slice(hone_pass *p, const hone_token_batch *b, int64_t s0, int64_t s1, hone_model_batch *out) {
    int64_t n = s1 - s0, first = b->cu[s0];
    int32_t *cu = hone_graph_save(p->g, (size_t)(n + 1) * sizeof *cu);
    int32_t *skip = p->data->skip ? hone_graph_save(p->g, (size_t)n * sizeof *skip) : NULL;
    if (!cu || (p->data->skip && !skip)) return hone_graph_status(p->g);
    for (int64_t s = 0; s <= n; s++) cu[s] = b->cu[s0 + s] - (int32_t)first;
    for (int64_t s = 0; skip && s < n; s++) {
        int32_t length = cu[s + 1] - cu[s], prompt = p->data->skip[(s0 + s) / b->B];
        skip[s] = prompt < length ? prompt : length - 1;
    }
    *out = (hone_model_batch){
        .B = n, .T = cu[n], .ids = b->ids + first, .types = b->type_ids + first, .cu = cu, .skip = skip};
    return HONE_OK;
}

/* Embeddings of sequences s0 .. s1-1, in a graph that begins here. */
static hone_status encode(hone_pass *p, const hone_token_batch *b, int64_t s0, int64_t s1, const hone_graph_mode *mode,
                          hone_tensor **out) {
    hone_model_batch batch;
    p->s0 = s0, p->s1 = s1;
    hone_graph_begin(p->g, mode);
    HONE_TRY(slice(p, b, s0, s1, &batch));
    *out = hone_model_encode(p->m, p->g, &batch);
    return hone_graph_status(p->g);
}

/* Before the loss: false when there is none to compute. */
static bool look_at(hone_pass *p, const hone_token_batch *b, const float *e, double *loss) {
    int64_t D = hone_model_get_info(p->m)->embedding;
    p->s0 = 0, p->s1 = b->S;
    if (!hone_vector_f32_finite(b->S * D, e)) {
        *loss = (double)NAN;
        return false;
    }
    if (p->look) p->look(p->look_ctx, b, e, D);
    return true;
}

/* Scores and classes of the batch's rows, beside their embeddings; then the loss, and its walk back. Scores in f32, as
 * the reference has its labels: 0.1 + 0.2 and 0.3 are the same score, and no pair of cosent's. */
static hone_status lose(hone_pass *p, const hone_token_batch *b, hone_tensor *embeddings, double share, double *loss) {
    const hone_train_data *d = p->data;
    double *score = d->score ? hone_graph_save(p->g, (size_t)b->B * sizeof *score) : NULL;
    int32_t *group = d->group ? hone_graph_save(p->g, (size_t)b->B * sizeof *group) : NULL;
    HONE_TRY(hone_graph_status(p->g));
    for (int64_t i = 0; i < b->B; i++) {
        if (score) score[i] = (double)(float)d->score[b->rows[i]];
        if (group) group[i] = d->group[b->rows[i]];
    }
    hone_loss_batch in = {.embeddings = embeddings, .B = b->B, .G = (int)b->G, .score = score, .group = group};
    hone_tensor *l = hone_loss_build(p->g, p->loss, &in, p->options);
    HONE_TRY(hone_graph_status(p->g));
    *loss += share * (double)hone_f32(l)[0];
    return hone_graph_backward(p->g, l, share);
}

static hone_status make_room(hone_pass *p, int64_t elements) {
    if (elements <= p->room) return HONE_OK;
    hone_free(p->cache);
    hone_free(p->grads);
    p->cache = hone_alloc((size_t)elements * sizeof *p->cache),
    p->grads = hone_alloc((size_t)elements * sizeof *p->grads);
    p->room = p->cache && p->grads ? elements : 0;
    return p->room ? HONE_OK : hone_last_error()->code;
}

/* Every chunk's forward passes read the same matrices: laid out once a batch instead of twice a chunk. */
static hone_status lay_out(hone_pass *p) {
    hone_params *ps = hone_model_params(p->m);
    if (!p->packed && !(p->packed = hone_arena_new("packed weights", 0))) return hone_last_error()->code;
    hone_arena_reset(p->packed);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_param *q = hone_params_at(ps, i);
        hone_tensor *t = q->tensor;
        if (q->kind == HONE_PARAM_WEIGHT && t->shape.rank == 2)
            HONE_TRY(hone_prepare(p->packed, hone_model_get_info(p->m)->precision, hone_dim(t, 0), hone_dim(t, 1),
                                  t->data, &t->prepared));
    }
    return HONE_OK;
}

/* The next update would not reach the copies. */
static void drop_layout(hone_pass *p) {
    hone_params *ps = hone_model_params(p->m);
    for (int64_t i = 0; i < hone_params_count(ps); i++) hone_params_at(ps, i)->tensor->prepared = NULL;
}

hone_chunks hone_pass_chunks(const hone_token_store *store, const int64_t *rows, int64_t n, int64_t chunk,
                             int64_t *start) {
    int64_t S = n * store->groups, per = chunk > 0 && n > chunk ? chunk * store->groups : S, most = 0;
    for (int64_t s = 0, tokens = 0; s < S; s++) {
        tokens = (s % per ? tokens : 0) + hone_token_store_len(store, rows[s % n], s / n);
        if (tokens > most) most = tokens;
    }
    hone_chunks c = {.n = 1};
    int64_t tokens = 0, largest = 0;
    if (start) start[0] = 0;
    for (int64_t s = 0; s < S; s++) {
        int64_t length = hone_token_store_len(store, rows[s % n], s / n);
        if (tokens + length > most) {
            if (start) start[c.n] = s;
            tokens = 0, c.n++;
        }
        tokens += length;
        if (tokens > c.tokens) c.tokens = tokens, largest = c.n - 1;
    }
    if (start) start[c.n] = S;
    c.kept = c.n > 1 && c.n <= FEW_CHUNKS ? largest : -1;
    return c;
}

/* The cut of a batch, and p->start. */
static hone_status cut(hone_pass *p, const hone_token_batch *b, hone_chunks *c) {
    if (p->start_room <= b->S) {
        hone_free(p->start);
        p->start = hone_alloc((size_t)(b->S + 1) * sizeof *p->start);
        p->start_room = p->start ? b->S + 1 : 0;
        if (!p->start) return hone_last_error()->code;
    }
    *c = hone_pass_chunks(p->data->store, b->rows, b->B, p->chunk, p->start);
    return HONE_OK;
}

/* Embeddings of chunk k. */
static hone_status encode_chunk(hone_pass *p, const hone_token_batch *b, int64_t k, hone_graph_mode mode, bool record,
                                hone_tensor **out) {
    mode.part |= (uint64_t)k << 16; /* no two batches of a step need be cut into equally many */
    mode.record = record;
    return encode(p, b, p->start[k], p->start[k + 1], &mode, out);
}

static hone_status run_cached(hone_pass *p, const hone_token_batch *b, const hone_chunks *c, hone_graph_mode mode,
                              double share, double *loss) {
    int64_t D = hone_model_get_info(p->m)->embedding, first = c->kept < 0 ? 0 : c->kept;
    if (mode.part >= 65536)
        return hone_fail(HONE_E_LIMIT,
                         "a step of more than %" PRIu64 " batches in chunks of %" PRId64 " rows, limit 65536",
                         mode.part, p->chunk);
    HONE_TRY(make_room(p, b->S * D));
    HONE_TRY(lay_out(p));
    hone_tensor *e = NULL;
    for (int64_t i = 1; i <= c->n; i++) {
        int64_t k = (first + i) % c->n;
        HONE_TRY(encode_chunk(p, b, k, mode, k == c->kept, &e));
        memcpy(p->cache + p->s0 * D, e->data, (size_t)((p->s1 - p->s0) * D) * sizeof *p->cache);
    }
    if (!look_at(p, b, p->cache, loss)) return HONE_OK;
    if (c->kept < 0) hone_graph_begin(p->g, &mode);
    hone_tensor *all = hone_graph_input(p->g, HONE_EMBEDDINGS, HONE_F32, hone_shape_of(2, b->S, D), p->cache);
    if (!all) return hone_graph_status(p->g);
    all->needs_grad = true, all->grad = p->grads;
    HONE_TRY(lose(p, b, all, share, loss));
    if (!all->grad_set) return HONE_OK; /* a loss that depends on no embedding, all hinges slack for example */
    for (int64_t i = 0; i < c->n; i++) {
        int64_t k = (first + i) % c->n;
        if (k != c->kept) HONE_TRY(encode_chunk(p, b, k, mode, true, &e));
        p->s0 = p->start[k], p->s1 = p->start[k + 1];
        HONE_TRY(hone_graph_backward_from(p->g, e, p->grads + p->s0 * D));
    }
    return HONE_OK;
}

hone_status hone_pass_run(hone_pass *p, const hone_token_batch *b, uint64_t seed, int64_t step, int64_t part,
                          double share, double *loss) {
    hone_graph_mode mode = {.record = true,
                            .train = true,
                            .seed = seed,
                            .step = (uint64_t)step,
                            .part = (uint64_t)part,
                            .precision = hone_model_get_info(p->m)->precision,
                            .lend_grads = hone_params_are_grads_lent(hone_model_params(p->m))};
    hone_tensor *e;
    hone_chunks c = {.n = 1};
    HONE_TRY(cut(p, b, &c));
    if (mode.lend_grads && (part > 0 || c.n > 1)) {
        hone_fail(HONE_E_ARG,
                  "part %" PRId64 " of a step, in %" PRId64 " chunks: its gradients are sums, and lent memory is gone "
                  "at the next part",
                  part, c.n);
        return hone_hint("hone_pass_place_grads, or hone_params_own_grads");
    }
    if (c.n > 1) {
        hone_status s = run_cached(p, b, &c, mode, share, loss);
        drop_layout(p);
        return s;
    }
    HONE_TRY(encode(p, b, 0, b->S, &mode, &e));
    e->name = HONE_EMBEDDINGS;
    if (!look_at(p, b, hone_f32(e), loss)) return HONE_OK;
    return lose(p, b, e, share, loss);
}
