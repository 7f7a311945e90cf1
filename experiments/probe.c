/* What do the layers know? Texts with labels go through the model once a layer; a nearest-centroid classifier on each
 * layer's mean-pooled hidden states tells how far the labels can be read off there.
 *
 *     build/release/experiments/probe MODEL TEXTS.jsonl
 *
 * Centroids are those of unit vectors, without the text that is judged (leave one out); a text is right when no other
 * label's centroid is nearer by cosine. A label's only text is left out. Source: Alain, Bengio, arXiv:1610.01644. */
#include "hone.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One text at a time: hidden states of `layer` (0: embeddings), pooled to unit length, into e [rows, C]. */
static hone_status layer_vectors(hone_model *m, hone_graph *g, const hone_token_store *s, int layer, float *e) {
    const int64_t C = hone_model_get_info(m)->hidden;
    for (int64_t r = 0; r < s->rows; r++) {
        const int32_t *ids = s->ids + s->offset[s->unit[r]], cu[2] = {0, (int32_t)hone_token_store_len(s, r, 0)};
        hone_graph_begin(g, &(hone_graph_mode){0}); /* inference: nothing is recorded */
        hone_tensor *x = hone_model_hidden(m, g, &(hone_model_batch){.B = 1, .T = cu[1], .ids = ids, .cu = cu}, layer);
        hone_sequences one = {1, cu[1], cu};
        hone_tensor *u = hone_normalize(g, hone_pooling(g, x, &one, 1, (hone_pool[]){HONE_POOL_MEAN}, NULL));
        HONE_TRY(hone_graph_status(g));
        memcpy(e + r * C, hone_f32(u), (size_t)C * sizeof *e);
    }
    return HONE_OK;
}

/* Share of the rows whose own centroid, without them, is the nearest. sum [classes, C], count [classes]: scratch. */
static double probe(int64_t n, int64_t C, const float *e, const int32_t *label, int32_t classes, double *sum,
                    double *count) {
    int64_t right = 0, judged = 0;
    for (int64_t i = 0; i < classes * C; i++) sum[i] = count[i / C] = 0;
    for (int64_t i = 0; i < n * C; i++) sum[label[i / C] * C + i % C] += (double)e[i];
    for (int64_t r = 0; r < n; r++) count[label[r]]++;
    for (int64_t r = 0; r < n; r++) {
        if (count[label[r]] < 2) continue;
        double best = -2, own = -2;
        for (int32_t k = 0; k < classes; k++) {
            double dot = 0, length = 0;
            for (int64_t c = 0; c < C; c++) {
                double x = (double)e[r * C + c], y = sum[k * C + c] - (k == label[r] ? x : 0);
                dot += x * y, length += y * y;
            }
            best = fmax(best, dot /= sqrt(fmax(length, 1e-24)));
            if (k == label[r]) own = dot;
        }
        judged++, right += own >= best;
    }
    return judged ? (double)right / (double)judged : nan("");
}

static hone_status run(const char *folder, const char *file) {
    hone_model *m;
    hone_table *table;
    hone_roles roles;
    hone_texts texts;
    hone_token_store store;
    hone_intern names = {0}; /* of labels */
    /* No clean-up on failure: the program ends. */
    HONE_TRY(hone_model_open(folder, &(hone_model_options){.dropout = -1}, &m));
    HONE_TRY(hone_table_read(file, NULL, &table));
    HONE_TRY(hone_roles_apply(table, HONE_ROWS_LABELLED, NULL, 0, &roles));
    HONE_TRY(hone_texts_from_table(table, roles.columns, 1, &texts));
    const hone_model_info *info = hone_model_get_info(m);
    hone_tokenizer_encoder tokens = {hone_model_tokenizer(m), info->max_length};
    hone_encoder encoder = hone_encoder_of_tokenizer(&tokens);
    HONE_TRY(hone_token_store_build(&texts, NULL, &encoder, &store));
    const int64_t n = texts.rows, C = info->hidden, layers = info->layers;
    hone_arena *arena = hone_arena_new("step", 0), *mine = hone_arena_new("probe", 0);
    hone_graph *g = arena ? hone_graph_new(arena) : NULL;
    int32_t *label = mine ? hone_arena_alloc(mine, (size_t)n * sizeof *label) : NULL;
    if (!g || !label) return HONE_E_NOMEM;
    for (int64_t r = 0; r < n; r++) {
        hone_cell c = hone_table_cell(table, r, roles.label);
        HONE_TRY(hone_intern_add(&names, c.p, c.n, &label[r]));
    }
    float *e = hone_arena_alloc(mine, (size_t)(n * C) * sizeof *e);
    double *sum = hone_arena_alloc(mine, (size_t)(names.count * (C + 1)) * sizeof *sum), *count = sum + names.count * C;
    if (hone_arena_failed(mine)) return HONE_E_NOMEM;
    for (int layer = 0; layer <= layers; layer++) {
        HONE_TRY(layer_vectors(m, g, &store, layer, e));
        printf("layer %2d of %d  accuracy %.4f\n", layer, (int)layers,
               probe(n, C, e, label, (int32_t)names.count, sum, count));
    }
    hone_intern_free(&names);
    hone_graph_free(g), hone_arena_free(arena), hone_arena_free(mine);
    hone_token_store_free(&store), hone_texts_free(&texts), hone_table_free(table), hone_model_close(m);
    return HONE_OK;
}

int main(int argc, char **argv) {
    const char *why;
    if (argc != 3) return fprintf(stderr, "usage: probe MODEL TEXTS.jsonl\n"), 2;
    if (!hone_kernels_init(&why)) return fprintf(stderr, "probe: %s\n", why), 2;
    if (run(argv[1], argv[2]) == HONE_OK) return 0;
    fprintf(stderr, "probe: %s\n", hone_error_text(hone_last_error()));
    return hone_exit_status(hone_last_error());
}
