/* A bi-encoder fine-tune by hand: the loop that `hone train` runs, small enough to change.
 *     build/release/experiments/bi_encoder MODEL PAIRS.jsonl STEPS OUT */
#include "hone.h"

#include <stdio.h>
#include <stdlib.h>

static hone_status step(hone_model *m, hone_graph *g, hone_optim *o, const hone_token_batch *b, int64_t k,
                        int64_t steps, double *loss) {
    double norm;
    HONE_TRY(hone_optim_catch_up_all(o));
    hone_graph_begin(g, &(hone_graph_mode){.record = true, .train = true, .seed = 42, .step = (uint64_t)k});
    hone_tensor *e = hone_model_encode(m, g, &(hone_model_batch){.B = b->S, .T = b->T, .ids = b->ids, .cu = b->cu});

    /* In-batch softmax over cosines, written out. Change it: the tape follows. */
    hone_tensor *u = hone_normalize(g, e);
    hone_tensor *anchors = hone_row_range(g, u, 0, b->B), *documents = hone_row_range(g, u, b->B, b->S - b->B);
    int32_t *target = hone_graph_save(g, (size_t)b->B * sizeof *target);
    for (int64_t i = 0; target && i < b->B; i++) target[i] = (int32_t)i;
    hone_tensor *l = hone_mean(g, hone_softmax_xent(g, hone_matmul(g, anchors, false, documents, true), target, 20));

    HONE_TRY(hone_graph_status(g));
    *loss = (double)hone_f32(l)[0];
    HONE_TRY(hone_graph_backward(g, l, 1));
    HONE_TRY(hone_optim_grad_norm(o, &norm));
    return hone_optim_step(o, 2e-5 * hone_schedule_factor(HONE_SCHEDULE_LINEAR, k, steps / 10, steps), norm);
}

static hone_status run(const char *folder, const char *file, int64_t steps, const char *out) {
    hone_model *m;
    hone_table *table;
    hone_roles roles;
    hone_texts texts;
    hone_token_store store;
    hone_batches *batches;
    hone_optim *o;
    /* No clean-up on failure: the program ends. */
    HONE_TRY(hone_model_open(folder, &(hone_model_options){.train = true}, &m));
    HONE_TRY(hone_table_read(file, NULL, &table));
    HONE_TRY(hone_roles_apply(table, HONE_ROWS_PAIRS, NULL, 0, &roles));
    HONE_TRY(hone_texts_from_table(table, roles.columns, roles.n_texts, &texts));
    hone_tokenizer_encoder tokens = {hone_model_tokenizer(m), hone_model_get_info(m)->max_length};
    hone_encoder encoder = hone_encoder_of_tokenizer(&tokens);
    HONE_TRY(hone_token_store_build(&texts, NULL, &encoder, &store));
    HONE_TRY(
        hone_batches_new(&store, &(hone_sampler_options){.seed = 42, .batch_size = 16, .n = texts.rows}, &batches));
    HONE_TRY(hone_optim_new(
        hone_model_params(m),
        &(hone_optim_config){.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01, .clip = 1}, &o));
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    if (!g) return HONE_E_NOMEM;

    for (int64_t k = 0, epoch = 0; k < steps; epoch++) {
        const hone_token_batch *b = NULL;
        HONE_TRY(hone_batches_begin(batches, epoch, 0));
        for (; k < steps; k++) {
            double loss;
            HONE_TRY(hone_batches_next(batches, &b));
            if (!b) break;
            HONE_TRY(step(m, g, o, b, k, steps, &loss));
            printf("step %lld  loss %.4f  tokens %lld\n", (long long)k + 1, loss, (long long)b->T);
        }
    }
    HONE_TRY(hone_optim_catch_up_all(o));
    HONE_TRY(hone_model_save(m, out));
    hone_graph_free(g);
    hone_arena_free(arena);
    hone_optim_free(o);
    hone_batches_free(batches);
    hone_token_store_free(&store);
    hone_texts_free(&texts);
    hone_table_free(table);
    hone_model_close(m);
    return HONE_OK;
}

int main(int argc, char **argv) {
    const char *why;
    int64_t steps = argc == 5 ? atoll(argv[3]) : 0;
    if (steps < 1) return fprintf(stderr, "usage: bi_encoder MODEL PAIRS.jsonl STEPS OUT\n"), 2;
    if (!hone_kernels_init(&why)) return fprintf(stderr, "bi_encoder: %s\n", why), 2;
    if (run(argv[1], argv[2], steps, argv[4]) == HONE_OK) return 0;
    fprintf(stderr, "bi_encoder: %s\n", hone_error_text(hone_last_error()));
    return hone_exit_status(hone_last_error());
}
