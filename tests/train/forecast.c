/* The walk against the batches themselves, the sum of memory against the step arena of real passes, the refusal against
 * its own hint. */
#include "train/forecast.h"

#include "base/io.h"
#include "tests/test.h"
#include "tests/train/fixture.h"
#include "train/pass.h"

#include <math.h>

typedef struct setup {
    fixture f;
    hone_train_data data;
} setup;

/* In place: the data point into the fixture. */
static void open_setup(setup *out, const char *data, const char *loss, int64_t batch, int64_t chunk,
                       int64_t accumulate) {
    json_t *c = json_pack("{s:s,s:s,s:s,s:I,s:i,s:f,s:I}", "model", "mean", "data", data, "loss", loss, "batch_size",
                          (json_int_t)batch, "epochs", 3, "lr", 1e-3, "accumulate", (json_int_t)accumulate);
    out->f = fixture_open(c);
    json_decref(c);
    out->f.options.chunk = chunk;
    out->f.options.no_shuffle = false;
    out->f.options.out = test_dir();
    out->data = (hone_train_data){.store = &out->f.store,
                                  .texts = &out->f.texts,
                                  .n = out->f.texts.rows,
                                  .score = out->f.score,
                                  .group = out->f.label.of,
                                  .n_groups = out->f.label.count};
}

/* A batch of equal texts, in more chunks than 32, and one of a few long ones, in fewer: the first has the largest chunk,
 * only the second keeps a tape under the loss. */
TEST(forecast, a_tape_that_waits_counts_though_another_batch_has_the_largest_chunk) {
    enum { ROWS = 160, BATCH = 80 };
    setup s;
    open_setup(&s, "pairs.jsonl", "mnr", BATCH, 1, 1);
    int64_t offset[] = {0, 9, 10, 17};
    int32_t unit[2 * ROWS], ids[17] = {0};
    int64_t list[2];
    for (int r = 0; r < ROWS; r++)
        unit[2 * r] = unit[2 * r + 1] = r < BATCH ? 0 : r == BATCH ? 2 : 1; /* 9 tokens; once 7, then 1 */
    hone_token_store store = {
        .groups = 2, .rows = ROWS, .n_units = 3, .unit = unit, .offset = offset, .ids = ids, .max_len = 9};
    s.data.store = &store, s.data.n = ROWS;
    s.f.options.no_shuffle = true, s.f.options.no_duplicates = false;
    hone_run_shape shape = {0};
    CHECK_OK(hone_forecast_walk(s.f.model, &s.data, &s.f.options, &(hone_train_state){0}, &shape));
    for (int k = 0; k < 2; k++) { /* chunks of one row: 18 tokens, and 8 */
        int64_t rows[BATCH];
        for (int i = 0; i < BATCH; i++) rows[i] = k * BATCH + i;
        list[k] = hone_pass_chunks(&store, rows, BATCH, 1, NULL).kept;
    }
    CHECK(list[0] == -1 && list[1] >= 0);
    CHECK(shape.pass_tokens == 18 && !shape.pass_kept && shape.kept_tokens == 8);
    const hone_forecast_fit fit = {.forward_fixed = 1e6, .forward_token = 1e5, .row = 1e4, .row2 = 1e3};
    hone_memory_forecast f;
    hone_forecast_memory(s.f.model, &s.data, &s.f.options, &shape, &fit, 0, &(hone_machine_memory){0}, &f);
    CHECK_INT((int64_t)f.arena, 1000000 + 8 * 100000 + BATCH * 10000 + BATCH * BATCH * 1000);
    hone_run_shape_free(&shape);
    s.data.store = &s.f.store;
    fixture_close(&s.f);
}

TEST(forecast, the_walk_sees_every_batch_that_the_run_takes) {
    setup s;
    open_setup(&s, "pairs.jsonl", "mnr", 7, 0, 2);
    hone_run_shape shape = {0};
    hone_batches *b;
    hone_sampler_options o = hone_train_sampler(&s.f.options, &s.data);
    CHECK_OK(hone_forecast_walk(s.f.model, &s.data, &s.f.options, &(hone_train_state){0}, &shape));
    CHECK_OK(hone_batches_new(s.data.store, &o, &b));
    int64_t batches = 0, tokens = 0, most = 0;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        const hone_token_batch *x;
        CHECK_OK(hone_batches_begin(b, epoch, 0));
        for (;;) {
            CHECK_OK(hone_batches_next(b, &x));
            if (!x) break;
            batches++, tokens += x->T;
            if (x->T > most) most = x->T;
        }
    }
    hone_batches_free(b);
    CHECK_INT(shape.batches, batches);
    CHECK_NEAR(shape.tokens, (double)tokens, 0);
    CHECK_INT(shape.largest.tokens, most);
    CHECK_INT(shape.pass_tokens, most);
    CHECK_INT(shape.steps, shape.plan.total_steps);
    CHECK_INT(shape.plan.total_steps, 9); /* 38 rows: 6 batches, 3 steps an epoch */
    CHECK_INT(shape.epochs, 3);
    CHECK(shape.whole && shape.words > 20 && shape.words <= hone_dim(hone_model_word_table(s.f.model), 0));
    double work = shape.work;
    /* From the middle: what is left, and the same words. */
    int64_t words = shape.words;
    CHECK_OK(hone_forecast_walk(s.f.model, &s.data, &s.f.options,
                                &(hone_train_state){.step = 4, .epoch = 1, .batch = 2}, &shape));
    CHECK_INT(shape.steps, 5);
    CHECK_INT(shape.batches, 10);
    CHECK_INT(shape.words, words);
    CHECK(shape.work < work && shape.work > 0.4 * work);
    CHECK_INT(hone_forecast_evaluations(&s.f.options, &shape), 0);
    /* Stopped behind an epoch's last batch, before its end: that end is to come, too; and what a signal broke off. */
    static const struct {
        int64_t every, step, epoch, batch, judged, steps, evaluations;
    } stops[] = {{0, 3, 0, 6, 0, 6, 3}, {0, 3, 1, 0, 3, 6, 2}, {0, 3, 1, 0, 0, 6, 3},  {2, 4, 1, 2, 4, 5, 3},
                 {2, 4, 1, 2, 2, 5, 4}, {2, 5, 1, 4, 4, 4, 3}, {2, 9, 3, 0, 8, 0, 1},  {2, 9, 3, 0, 9, 0, 0},
                 {0, 9, 3, 0, 6, 0, 1}, {0, 9, 3, 0, 9, 0, 0}, {2, 0, 0, 0, -1, 9, 6}, {0, 9, 2, 5, 6, 0, 1}};
    static const hone_evaluation some;
    s.f.options.evaluation = &some;
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        hone_train_state from = {
            .step = stops[i].step, .epoch = stops[i].epoch, .batch = stops[i].batch, .judged = stops[i].judged};
        s.f.options.eval_every = stops[i].every;
        CHECK_OK(hone_forecast_walk(s.f.model, &s.data, &s.f.options, &from, &shape));
        CHECK_INT(shape.steps, stops[i].steps);
        CHECK_INT(hone_forecast_evaluations(&s.f.options, &shape), stops[i].evaluations);
    }
    hone_run_shape_free(&shape);
    fixture_close(&s.f);
}

/* Bytes of the step arena after a real pass over the largest batch. */
static double arena_of(setup *s, const hone_run_shape *shape) {
    hone_token_batch batch = {0};
    hone_arena *arena = hone_arena_new("step", HONE_STEP_BYTES);
    hone_graph *g = hone_graph_new(arena);
    hone_pass *p;
    double loss = 0;
    CHECK_OK(hone_token_batch_fill(&batch, &s->f.store, shape->largest.rows, shape->largest.n));
    CHECK_OK(
        hone_pass_new(s->f.model, g, &s->data, s->f.options.loss, &s->f.options.loss_options, s->f.options.chunk, &p));
    CHECK_OK(hone_pass_run(p, &batch, 1, 0, 0, 1, &loss));
    double peak = (double)hone_arena_peak(arena);
    hone_params_clear_grads(hone_model_params(s->f.model));
    hone_pass_free(p);
    hone_graph_free(g);
    hone_arena_free(arena);
    hone_token_batch_free(&batch);
    return peak;
}

static const struct {
    const char *data, *loss;
    int64_t batch, chunk;
} cases[] = {
    {"pairs.jsonl", "mnr", 8, 0},      {"pairs.jsonl", "mnr", 38, 0},          {"pairs.jsonl", "mnr-symmetric", 38, 5},
    {"negatives.jsonl", "gte", 38, 0}, {"triplets.jsonl", "triplet", 20, 0},   {"scored.jsonl", "cosent", 50, 0},
    {"scored.jsonl", "cosine", 50, 8}, {"labelled.jsonl", "batch-all", 28, 0}, {"minilm.jsonl", "mnr", 160, 0},
    {"minilm.jsonl", "mnr", 160, 16}};

TEST(forecast, activations_are_foretold_for_every_kind_of_loss) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup s;
        open_setup(&s, cases[i].data, cases[i].loss, cases[i].batch, cases[i].chunk, 1);
        hone_run_shape shape = {0};
        hone_forecast_fit fit, bound;
        hone_memory_forecast f, most;
        hone_machine_memory machine = {
            .resident = 1 << 20, .peak = 1 << 20, .available = UINT64_MAX, .address = UINT64_MAX};
        CHECK_OK(hone_forecast_walk(s.f.model, &s.data, &s.f.options, &(hone_train_state){0}, &shape));
        CHECK_OK(hone_forecast_measure(s.f.model, &s.data, &s.f.options, &shape, &fit));
        hone_forecast_memory(s.f.model, &s.data, &s.f.options, &shape, &fit, 0, &machine, &f);
        hone_forecast_bound(s.f.model, &bound);
        hone_forecast_memory(s.f.model, &s.data, &s.f.options, &shape, &bound, 0, &machine, &most);
        double real = arena_of(&s, &shape), ratio = (double)f.arena / real;
        printf("  %-14s batch %3d chunk %2d: %8.0f bytes, %.2f of it foretold\n", cases[i].loss, (int)cases[i].batch,
               (int)cases[i].chunk, real, ratio);
        CHECK_MSG(ratio >= 0.9 && ratio <= 1.2, "%s", cases[i].loss);
        CHECK(most.arena >= (uint64_t)real && hone_forecast_fits(&f));
        hone_run_shape_free(&shape);
        fixture_close(&s.f);
    }
}

/* No gradient is left behind, and the weights are what they were: the run gives the same bits whether it was measured
 * or not. */
TEST(forecast, measuring_changes_nothing_that_a_run_sees) {
    setup s;
    open_setup(&s, "pairs.jsonl", "mnr", 8, 0, 1);
    hone_run_shape shape = {0};
    hone_forecast_fit fit;
    hone_params *ps = hone_model_params(s.f.model);
    hone_tensor *t = hone_params_at(ps, 0)->tensor;
    float first = hone_f32(t)[0];
    CHECK_OK(hone_forecast_walk(s.f.model, &s.data, &s.f.options, &(hone_train_state){0}, &shape));
    CHECK_OK(hone_forecast_measure(s.f.model, &s.data, &s.f.options, &shape, &fit));
    for (int64_t i = 0; i < hone_params_count(ps); i++) CHECK(!hone_params_at(ps, i)->tensor->grad_set);
    CHECK(hone_f32(t)[0] == first);
    hone_run_shape_free(&shape);
    fixture_close(&s.f);
}

/* A machine on which everything but the activations fits easily. */
static hone_status refuse_in(setup *s, uint64_t room, uint64_t mapped, uint64_t space, hone_memory_forecast *f) {
    hone_run_shape shape = {0};
    hone_forecast_fit fit;
    hone_machine_memory machine = {
        .resident = 1 << 20, .peak = 1 << 20, .mapped = mapped, .available = room, .address = space};
    CHECK_OK(hone_forecast_walk(s->f.model, &s->data, &s->f.options, &(hone_train_state){0}, &shape));
    CHECK_OK(hone_forecast_measure(s->f.model, &s->data, &s->f.options, &shape, &fit));
    hone_forecast_memory(s->f.model, &s->data, &s->f.options, &shape, &fit, 0, &machine, f);
    hone_status st = hone_forecast_refuse(s->f.model, &s->data, &s->f.options, &shape, &fit, 0, f);
    hone_run_shape_free(&shape);
    return st;
}

static hone_status refuse(setup *s, uint64_t room, hone_memory_forecast *f) {
    return refuse_in(s, room, 1 << 20, UINT64_MAX, f);
}

TEST(forecast, a_run_that_cannot_fit_is_refused_with_a_chunk_that_fits) {
    setup s;
    open_setup(&s, "minilm.jsonl", "mnr", 160, 0, 1);
    hone_memory_forecast f, g;
    CHECK_OK(refuse(&s, UINT64_MAX, &f));
    CHECK_INT(refuse(&s, f.peak - 1, &g), HONE_E_NOMEM);
    CHECK(strstr(hone_last_error()->message, "batch 160 of up to "));
    CHECK(strstr(hone_last_error()->message, " needs ") && strstr(hone_last_error()->message, "available"));
    CHECK(!strncmp(hone_last_error()->hint, "--chunk ", 8));
    s.f.options.chunk = strtoll(hone_last_error()->hint + 8, NULL, 10);
    CHECK(s.f.options.chunk > 0 && s.f.options.chunk < 160);
    CHECK_OK(refuse(&s, f.peak - 1, &g));
    CHECK_OK(refuse(&s, UINT64_MAX, &f));
    CHECK_OK(refuse(&s, f.peak, &g));
    s.f.options.chunk = 0;
    CHECK_INT(refuse(&s, 1 << 19, &g), HONE_E_NOMEM);
    CHECK(strstr(hone_last_error()->hint, "no batch is small enough"));
    /* Address space: the program itself is in it, and the number is larger than what there is. */
    CHECK_INT(refuse_in(&s, UINT64_MAX, 64 << 20, 70 << 20, &g), HONE_E_NOMEM);
    CHECK(strstr(hone_last_error()->message, "of address space, 70 MiB available"));
    const char *alone = strstr(hone_last_error()->hint, "alone need ");
    CHECK_MSG(alone && strtoll(alone + 11, NULL, 10) > 70, "%s", hone_last_error()->hint);
    fixture_close(&s.f);
}

TEST(forecast, rows_that_do_not_see_each_other_get_a_smaller_batch_and_more_accumulation) {
    setup s;
    open_setup(&s, "triplets.jsonl", "triplet", 36, 0, 2);
    hone_memory_forecast f, g;
    CHECK_OK(refuse(&s, UINT64_MAX, &f));
    CHECK_INT(refuse(&s, f.peak - 200000, &g), HONE_E_NOMEM);
    int batch = 0, accumulate = 0;
    CHECK_INT(sscanf(hone_last_error()->hint, "--batch-size %d --accumulate %d", &batch, &accumulate), 2);
    CHECK_INT(batch * accumulate, 72);
    s.f.options.batch_size = batch, s.f.options.accumulate = accumulate;
    CHECK_OK(refuse(&s, f.peak - 200000, &g));
    fixture_close(&s.f);
}

TEST(forecast, disk_counts_models_and_the_checkpoints_there_are_at_a_time) {
    setup s;
    open_setup(&s, "pairs.jsonl", "mnr", 8, 0, 1);
    hone_run_shape shape = {0};
    hone_disk_forecast d;
    s.f.options.keep = 2, s.f.options.save_every = 4;
    CHECK_OK(hone_forecast_walk(s.f.model, &s.data, &s.f.options, &(hone_train_state){0}, &shape));
    hone_forecast_disk(s.f.model, &s.f.options, &shape, &d); /* 15 steps: after 4, 8, 12 */
    CHECK_INT(d.saves, 3);
    CHECK_INT(d.checkpoints, 3);
    CHECK(d.checkpoint > d.model && d.total > 2 * d.model + 3 * d.checkpoint && d.least < d.total && d.free > 0);
    s.f.options.save_every = 0, s.f.options.keep = 0;
    hone_forecast_disk(s.f.model, &s.f.options, &shape, &d);
    CHECK_INT(d.checkpoints, 3);
    s.f.options.save_every = 5; /* after 5, 10, 15 */
    hone_forecast_disk(s.f.model, &s.f.options, &shape, &d);
    CHECK_INT(d.saves, 3);
    hone_run_shape_free(&shape);
    fixture_close(&s.f);
}
