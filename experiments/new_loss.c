/* A loss that Hone does not have, its gradient checked in double, then trained by the loop of `hone train` as it is:
 * multiple negatives ranking whose own answer must win by a margin m,
 *
 *     L = mean_i [ log( sum_j exp(s (c_ij - m [i = j])) ) - s (c_ii - m) ],   c_ij = cos(a_i, p_j), s the scale
 *
 *     build/release/experiments/new_loss MODEL PAIRS.jsonl STEPS OUT
 *
 * Source: Yang et al. 2019, arXiv:1902.08564, section 2.2 (additive margin softmax). */
#include "hone.h"

#include <stdio.h>
#include <stdlib.h>

static hone_tensor *margin_build(hone_graph *g, const hone_loss_batch *b, const hone_loss_options *o) {
    hone_tensor *u = hone_normalize(g, b->embeddings); /* [2B, D]: anchors, then positives */
    hone_tensor *c = hone_matmul(g, hone_row_range(g, u, 0, b->B), false, hone_row_range(g, u, b->B, b->B), true);
    if (!c) return NULL;
    hone_tensor *own = hone_tensor_new(hone_graph_arena(g), c->dtype, c->shape); /* 1 on the diagonal */
    int32_t *target = hone_graph_save(g, (size_t)b->B * sizeof *target);
    if (!own || !target) return hone_graph_refuse(g, HONE_E_NOMEM);
    for (int64_t i = 0; i < b->B * b->B; i++)
        if (own->dtype == HONE_F64)
            hone_f64(own)[i] = i % (b->B + 1) == 0;
        else
            hone_f32(own)[i] = i % (b->B + 1) == 0;
    for (int64_t i = 0; i < b->B; i++) target[i] = (int32_t)i;
    return hone_mean(g, hone_softmax_xent(g, hone_add(g, c, 1, own, -o->margin), target, o->scale));
}

static const hone_loss margin_loss = {.name = "margin",
                                      .summary = "in-batch softmax with an additive margin",
                                      .min_groups = 2,
                                      .max_groups = 2,
                                      .in_batch = true,
                                      .default_scale = 20,
                                      .default_margin = 0.1,
                                      .build = margin_build};

/* Backward against differences of the loss, at random embeddings. */
static hone_tensor *check_build(hone_graph *g, hone_tensor *const *leaf, void *ctx) {
    return margin_build(g, &(hone_loss_batch){.embeddings = leaf[0], .B = 5, .G = 2}, ctx);
}

static hone_status check(hone_loss_options *o) {
    double values[10 * 7];
    for (int i = 0; i < 70; i++) values[i] = hone_random_normal(42, HONE_STREAM_INIT, (uint64_t)i);
    hone_tensor e = {
        .data = values, .dtype = HONE_F64, .shape = hone_shape_of(2, 10, 7), .name = "e", .needs_grad = true};
    hone_gradcheck c = {.build = check_build, .ctx = o, .n_leaves = 1, .leaves = (hone_tensor *[]){&e}};
    hone_gradcheck_result r;
    HONE_TRY(hone_gradcheck_run(&c, &r));
    printf("gradient: %lld elements, largest error %.1e of 1e-7\n", (long long)r.checked, r.worst);
    return r.worst <= 1e-7 ? HONE_OK
                           : hone_fail(HONE_E_NUMERIC, "element %lld of the gradient is %g, differences say %g",
                                       (long long)r.element, r.got, r.want);
}

static void report(void *ctx, const hone_train_report *r) {
    (void)ctx;
    if (!r->note && !r->metrics)
        printf("step %lld of %lld  loss %.4f\n", (long long)r->step, (long long)r->total_steps, r->loss);
}

static hone_status run(const char *folder, const char *file, int64_t steps, const char *out) {
    hone_train_options o = {.out = out, .loss = &margin_loss, .steps = steps, .batch_size = 16, .accumulate = 1};
    o.lr = 1e-3, o.seed = 42, o.no_duplicates = true, o.eval_every = o.save_every = -1, o.report = report;
    o.loss_options = (hone_loss_options){.scale = margin_loss.default_scale, .margin = margin_loss.default_margin};
    o.optim = (hone_optim_config){.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01, .clip = 1};
    hone_model *m;
    hone_table *table;
    hone_roles roles;
    hone_texts texts;
    hone_token_store store;
    HONE_TRY(check(&o.loss_options));
    /* No clean-up on failure: the program ends. */
    HONE_TRY(hone_model_open(folder, &(hone_model_options){.train = true}, &m));
    HONE_TRY(hone_table_read(file, NULL, &table));
    HONE_TRY(hone_roles_apply(table, HONE_ROWS_PAIRS, NULL, 0, &roles));
    HONE_TRY(hone_texts_from_table(table, roles.columns, 2, &texts));
    hone_tokenizer_encoder tokens = {hone_model_tokenizer(m), hone_model_get_info(m)->max_length};
    hone_encoder encoder = hone_encoder_of_tokenizer(&tokens);
    HONE_TRY(hone_token_store_build(&texts, NULL, &encoder, &store));
    HONE_TRY(hone_train_run(m, &(hone_train_data){.store = &store, .texts = &texts, .n = texts.rows}, &o, NULL));
    printf("%s/final_model is an ordinary folder\n", out);
    hone_token_store_free(&store), hone_texts_free(&texts), hone_table_free(table), hone_model_close(m);
    return HONE_OK;
}

int main(int argc, char **argv) {
    const char *why;
    int64_t steps = argc == 5 ? atoll(argv[3]) : 0;
    if (steps < 1) return fprintf(stderr, "usage: new_loss MODEL PAIRS.jsonl STEPS OUT\n"), 2;
    if (!hone_kernels_init(&why)) return fprintf(stderr, "new_loss: %s\n", why), 2;
    if (run(argv[1], argv[2], steps, argv[4]) == HONE_OK) return 0;
    fprintf(stderr, "new_loss: %s\n", hone_error_text(hone_last_error()));
    return hone_exit_status(hone_last_error());
}
