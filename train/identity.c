#include "train/identity.h"

#include "base/hash.h"
#include "kernels/kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is frozen, and which tensors have a rate of their own: "3 of 41 (9c2f…)". */
static void describe_part(hone_model *m, bool rates, char *out, size_t n) {
    hone_params *ps = hone_model_params(m);
    int64_t changed = 0, all = 0;
    uint64_t h = HONE_HASH_SEED;
    for (int64_t i = 0; i < hone_params_count(ps); i++)
        for (int k = 0; k < hone_params_at(ps, i)->n_names; k++, all++) {
            const hone_param *p = hone_params_at(ps, i);
            if (rates ? p->rate[k] == 1 : !p->frozen[k]) continue;
            changed++;
            h = hone_hash(h, p->name[k], strlen(p->name[k]));
            if (rates) h = hone_hash(h, &p->rate[k], sizeof p->rate[k]);
        }
    snprintf(out, n, "%" PRId64 " of %" PRId64 " tensors (%08" PRIx32 ")", changed, all,
             changed ? (uint32_t)(h ^ h >> 32) : 0);
}

/* Scores and classes as they stand at the rows: another column is another run. */
static uint64_t labels_sum(const hone_train_data *d) {
    uint64_t h = HONE_HASH_SEED;
    for (int64_t i = 0; i < d->n; i++) {
        int64_t row = d->rows ? d->rows[i] : i;
        if (d->score) h = hone_hash(h, &d->score[row], sizeof *d->score);
        if (d->group) h = hone_hash(h, &d->group[row], sizeof *d->group);
    }
    return h;
}

/* The texts as the model's tokenizer makes them numbers. */
static uint64_t tokens_sum(const hone_token_store *t) {
    return hone_hash(HONE_HASH_SEED, t->ids, (size_t)t->offset[t->n_units] * sizeof *t->ids);
}

/* The weights that the run starts from. */
static uint64_t model_sum(hone_model *m) {
    hone_params *ps = hone_model_params(m);
    uint64_t h = HONE_HASH_SEED;
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_tensor *x = hone_params_at(ps, i)->tensor;
        const float *from = hone_f32(x);
        for (int64_t k = 0, n = hone_count(x); k < n; k += 2) {
            uint64_t word = 0;
            memcpy(&word, from + k, n - k < 2 ? sizeof *from : sizeof word);
            h = hone_hash_word(h, word);
            h ^= h >> 29;
        }
    }
    return h;
}

static const char *const schedule_names[] = {"linear", "cosine", "constant"};
static const char *const distance_names[] = {"cosine", "euclidean", "manhattan"};

/* What 0 stands for has no number. */
static json_t *count_json(int64_t n) {
    return n ? json_integer(n) : json_null();
}

static json_t *when_json(const hone_train_options *o) {
    return !o->evaluation || o->eval_every < 0 ? json_null()
           : o->eval_every                     ? json_integer(o->eval_every)
                                               : json_string("epoch");
}

static hone_status add_sums(hone_model *m, const hone_train_data *data, const hone_train_options *o, json_t *id) {
    char frozen[64], rates[64], labels[24], tokens[24];
    json_t *dims = o->loss_options.n_dims ? json_array() : json_null();
    for (int i = 0; i < o->loss_options.n_dims; i++) json_array_append_new(dims, json_integer(o->loss_options.dims[i]));
    describe_part(m, false, frozen, sizeof frozen);
    describe_part(m, true, rates, sizeof rates);
    snprintf(labels, sizeof labels, "%016" PRIx64, labels_sum(data));
    snprintf(tokens, sizeof tokens, "%016" PRIx64, tokens_sum(data->store));
    json_t *more =
        json_pack("{s:s, s:o, s:b, s:s, s:o, s:o, s:s, s:s, s:s}", "tokens", tokens, "eval_every", when_json(o),
                  "drop_last", o->drop_last, "distance", distance_names[o->loss_options.metric], "matryoshka", dims,
                  "patience", count_json(o->patience), "frozen", frozen, "rates", rates, "labels", labels);
    int failed = more ? json_object_update(id, more) : -1;
    json_decref(more);
    return failed ? hone_fail(HONE_E_NOMEM, "no memory for the run's identity") : HONE_OK;
}

static json_t *options_and_model(hone_model *m, const hone_train_data *data, const hone_train_options *o, int64_t total,
                                 int64_t warmup) {
    char fingerprint[32], model[32];
    json_t *id = json_object(), *rest;
    snprintf(model, sizeof model, "%016" PRIx64, model_sum(m));
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, o->fingerprint);
    rest = json_pack(
        "{s:s, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:I, s:b, s:b, s:s, s:s, s:o}",
        "loss", o->loss->name, "rows", (json_int_t)data->n, "batch_size", (json_int_t)o->batch_size, "accumulate",
        (json_int_t)o->accumulate, "lr", o->lr, "total_steps", (json_int_t)total, "warmup", (json_int_t)warmup,
        "weight_decay", o->optim.weight_decay, "beta1", o->optim.beta1, "beta2", o->optim.beta2, "eps", o->optim.eps,
        "clip", o->optim.clip, "scale", o->loss_options.scale, "margin", o->loss_options.margin, "schedule",
        schedule_names[o->schedule], "seed", (json_int_t)o->seed, "no_shuffle", (int)o->no_shuffle, "no_duplicates",
        (int)o->no_duplicates, "isa", hone_isa_name(hone_kernels_isa()), "precision",
        hone_precision_name(hone_model_get_info(m)->precision), "chunk", count_json(o->chunk));
    int failed = !id || !rest || json_object_set_new(id, "model", json_string(model)) ||
                 json_object_set_new(id, "data", json_string(fingerprint)) ||
                 (o->also && json_object_update(id, (json_t *)(uintptr_t)o->also)) || json_object_update(id, rest);
    json_decref(rest);
    if (!failed) return id;
    json_decref(id);
    return NULL;
}

hone_status hone_train_identity(hone_model *m, const hone_train_data *data, const hone_train_options *o, int64_t total,
                                int64_t warmup, json_t **out) {
    json_t *id = options_and_model(m, data, o, total, warmup);
    if (!id) return hone_fail(HONE_E_NOMEM, "no memory for the run's identity");
    hone_status s = add_sums(m, data, o, id);
    if (s == HONE_OK) s = hone_json_whole(); /* a length of Matryoshka, say */
    if (s == HONE_OK)
        *out = id;
    else
        json_decref(id);
    return s;
}
