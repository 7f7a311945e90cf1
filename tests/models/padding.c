/* Which row of the word table is not trained: rows with a gradient are those of torch's padding_idx (2.15). */
#include "models/model.h"
#include "tests/test.h"

static void check(json_t *pad, const char *rows) {
    json_t *config = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i}", "model_type", "bert", "vocab_size", 6,
                               "hidden_size", 8, "num_hidden_layers", 1, "num_attention_heads", 2, "intermediate_size",
                               8, "max_position_embeddings", 9);
    static const int32_t ids[] = {0, 1, 2, 3, 4, 5}, cu[] = {0, 6};
    hone_model *m;
    char got[7] = "";
    double dy[8];
    if (pad) json_object_set_new(config, "pad_token_id", pad);
    for (int i = 0; i < 8; i++) dy[i] = i + 1;
    CHECK_OK(hone_model_make(config, &(hone_model_options){.dtype = HONE_F64, .train = true, .dropout = -1}, 1, &m));
    hone_graph *g = hone_graph_new(hone_arena_new("test", 0));
    hone_graph_begin(g, &(hone_graph_mode){.record = true});
    hone_tensor *e = hone_model_encode(m, g, &(hone_model_batch){.B = 1, .T = 6, .ids = ids, .cu = cu});
    CHECK_OK(hone_graph_backward_from(g, e, dy));
    const hone_tensor *table = hone_model_word_table(m);
    for (int row = 0; row < 6; row++) {
        bool any = false;
        for (int c = 0; c < 8 && (!table->rows || table->rows->mark[row]); c++)
            any |= ((const double *)table->grad)[row * 8 + c] != 0;
        strcat(got, any ? "1" : "0");
    }
    CHECK_STR(got, rows);
    hone_arena *arena = hone_graph_arena(g);
    hone_graph_free(g);
    hone_arena_free(arena);
    hone_model_close(m);
    json_decref(config);
}

TEST(models, the_padding_row_is_the_one_that_config_json_says) {
    check(NULL, "011111");
    check(json_integer(2), "110111");
    check(json_null(), "111111");
    check(json_integer(-1), "111110");
    check(json_integer(-6), "011111");
}
