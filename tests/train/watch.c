/* The warnings: each comes when it should, once, and not otherwise. Losses are made up, so that noise is known. */
#include "train/watch.h"

#include "tests/test.h"

#include <math.h>

typedef struct heard {
    int64_t n, step; /* sentences; the step of the first one */
    int64_t now;
    char text[1024];
} heard;

static void hear(void *ctx, const char *text) {
    heard *h = ctx;
    if (h->n++) return;
    h->step = h->now;
    snprintf(h->text, sizeof h->text, "%s", text);
}

typedef struct course {
    int64_t steps, warmup;
    double begin, end, noise; /* the loss falls or rises from step `from` on, in a straight line; noise: of its level */
    int64_t from;
    double lr, norm;
    bool no_shuffle;
} course;

static double loss_at(const course *c, int64_t step, uint64_t seed) {
    double along = step <= c->from ? 0 : (double)(step - c->from) / (double)(c->steps - c->from);
    return (c->begin + (c->end - c->begin) * along) *
           (1 + 1.7 * c->noise * test_uniform(seed, (uint64_t)step)); /* sd of uniform: 0.58 */
}

/* A run of `c`, stopped and taken up after step `stop` if that is > 0. */
static heard follow(const course *c, uint64_t seed, int64_t stop) {
    heard h = {0};
    double numbers[HONE_WATCH_NUMBERS] = {0};
    hone_train_data data = {.n = 100};
    hone_train_options o = {
        .loss = &hone_loss_mnr, .lr = c->lr, .optim.clip = 1, .no_shuffle = c->no_shuffle, .no_duplicates = true};
    hone_watch *w = NULL;
    for (int64_t step = 1; step <= c->steps; step++) {
        hone_watch_run run = {.step = step - 1, .total = c->steps, .warmup = c->warmup};
        if (step == stop + 1) {
            hone_watch_free(w);
            w = NULL;
        }
        if (!w) CHECK_OK(hone_watch_new(&data, &o, &run, numbers, hear, &h, &w));
        h.now = step;
        double lr = step < c->warmup ? c->lr * (double)step / (double)c->warmup : c->lr;
        hone_watch_step(w, step, loss_at(c, step, seed), lr, c->norm);
    }
    hone_watch_free(w);
    for (int i = 0; i < HONE_WATCH_NUMBERS; i++)
        CHECK_MSG(isfinite(numbers[i]), "number %d of the state is not finite", i);
    return h;
}

/* How many of 200 runs with other noise say something, and something else than `what`. */
static void count(const course *c, const char *what, int64_t *said, int64_t *other) {
    *said = *other = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        heard h = follow(c, seed, 0);
        CHECK_MSG(h.n <= 1 || !strstr(what, "once"), "said %d times: %s", (int)h.n, h.text);
        *said += h.n > 0;
        *other += h.n > 0 && !strstr(h.text, what);
    }
}

TEST(watch, healthy_runs_hear_nothing) {
    static const course healthy[] = {
        {40, 4, 1.5, 0.8, 0.25, 0, 2e-5, 12, false},     /* a short run with much noise */
        {40, 4, 0.9, 0.85, 0.3, 0, 2e-5, 8, false},      /* there was little to learn */
        {1000, 100, 0.5, 0.2, 0.4, 0, 2e-5, 5, false},   /* a long one */
        {1000, 100, 4.8, 4.6, 0.02, 0, 2e-5, 5, false},  /* margin 5: falls by 4 % */
        {5000, 500, 0.05, 0.05, 1.0, 0, 2e-5, 1, false}, /* a model that knew it all: noise alone */
        {300, 30, 2, 0.1, 0.3, 0, 1e-6, 5, false},
        {200, 20, 1, 1.9, 0.1, 0, 2e-5, 5, true}, /* rows in the file's order become harder */
    };
    for (size_t i = 0; i < sizeof healthy / sizeof *healthy; i++) {
        int64_t said, other;
        count(&healthy[i], "once", &said, &other);
        printf("  healthy run %d: %d of 200 say something\n", (int)i, (int)said);
        CHECK_MSG(said <= 2, "run %d: %d of 200 say something", (int)i, (int)said);
    }
}

TEST(watch, a_loss_that_does_not_move_is_told) {
    static const struct {
        course c;
        const char *says;
    } still[] = {
        {{20, 2, 2, 2, 0.2, 0, 0, 5, false}, "the rate was 0 in all of"},
        {{40, 4, 2, 2, 0.2, 0, 1e-9, 5, false}, "--lr is far too small"},
        {{1000, 100, 2, 2, 0.2, 0, 1e-9, 5, false}, "--lr is far too small"},
        {{1000, 100, 2.7726, 2.7726, 0.002, 0, 2e-5, 5, false},
         "try another --lr"}, /* ln 16: all embeddings are equal */
        {{50, 5, 0, 0, 0, 0, 2e-5, 0, false}, "the gradient was exactly 0 in 10 steps"},
    };
    for (size_t i = 0; i < sizeof still / sizeof *still; i++) {
        int64_t said, other;
        count(&still[i].c, still[i].says, &said, &other);
        printf("  still run %d: %d of 200 say it, %d say something else\n", (int)i, (int)said, (int)other);
        CHECK_MSG(said >= 196 && other == 0, "run %d: %d of 200 speak, %d say something else", (int)i, (int)said,
                  (int)other);
    }
}

TEST(watch, a_loss_that_rises_is_told) {
    static const course rising[] = {
        {40, 4, 1.5, 4, 0.2, 3, 1e-3, 5, false},   /* from the start */
        {400, 40, 1, 3, 0.3, 200, 1e-3, 5, false}, /* later */
        {1000, 100, 0.2, 2.77, 0.3, 100, 1e-2, 5, false},
    };
    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++) {
        int64_t said, other;
        count(&rising[i], "the loss rises", &said, &other);
        CHECK_MSG(said >= 195 && other == 0, "run %d: %d of 200 speak, %d say something else", (int)i, (int)said,
                  (int)other);
    }
}

TEST(watch, gradients_that_are_always_cut_by_far_are_told) {
    course c = {100, 10, 2, 1, 0.1, 0, 2e-5, 101, false};
    heard h = follow(&c, 1, 0);
    CHECK_MSG(h.n == 1 && strstr(h.text, "100 times --clip, in 40 steps in a row"), "%s", h.text);
    c.norm = 99;
    CHECK_INT(follow(&c, 1, 0).n, 0);
}

TEST(watch, a_run_that_is_taken_up_says_the_same_at_the_same_step_and_only_once) {
    static const course courses[] = {{60, 6, 2, 2, 0.2, 0, 1e-9, 5, false}, {60, 6, 1, 4, 0.2, 30, 1e-3, 5, false}};
    for (int k = 0; k < 2; k++) {
        heard whole = follow(&courses[k], 3, 0);
        CHECK_INT(whole.n, 1);
        for (int64_t stop = 1; stop < 60; stop++) {
            heard h = follow(&courses[k], 3, stop);
            CHECK_INT(h.n, 1);
            CHECK_INT(h.step, whole.step);
            CHECK_STR(h.text, whole.text);
        }
    }
}

/* ---- batches ---- */

/* Every text is three tokens, the middle one ids[text]. */
typedef struct tokens {
    int32_t ids[3 * 32];
    int64_t offset[33];
} tokens;

static hone_token_store store_of(const hone_texts *t, const int32_t *ids, tokens *out) {
    for (int64_t u = 0; u <= t->count; u++) out->offset[u] = 3 * u;
    for (int64_t u = 0; u < t->count; u++) out->ids[3 * u] = 2, out->ids[3 * u + 1] = ids[u], out->ids[3 * u + 2] = 3;
    return (hone_token_store){.groups = t->width,
                              .rows = t->rows,
                              .n_units = t->count,
                              .unit = t->of,
                              .offset = out->offset,
                              .ids = out->ids,
                              .max_len = 3};
}

/* What the tokenizer makes of the ten texts of see_rows. */
static int32_t token_of[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

/* Rows of anchor and positive by number; each of four batches holds all of them. */
static heard see_rows(const int32_t *of, int64_t rows, const int32_t *group, const int32_t *twin, const hone_loss *loss,
                      bool no_duplicates) {
    static const char *const texts[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
    size_t lengths[10];
    heard h = {0};
    double numbers[HONE_WATCH_NUMBERS] = {0};
    float e[160];
    int64_t list[10];
    for (int i = 0; i < 10; i++) lengths[i] = strlen(texts[i]), list[i] = i;
    for (int i = 0; i < 160; i++) e[i] = (float)test_uniform(5, (uint64_t)i);
    hone_texts t = {.rows = rows,
                    .width = 2,
                    .count = 10,
                    .of = (int32_t *)(uintptr_t)of,
                    .p = (const char **)(uintptr_t)texts,
                    .n = lengths};
    tokens made;
    hone_token_store s = store_of(&t, token_of, &made);
    hone_train_data data = {
        .n = rows, .store = &s, .texts = &t, .group = group, .twin = twin, .n_twins = 10, .twin_name = "id"};
    hone_train_options o = {.loss = loss, .lr = 2e-5, .no_duplicates = no_duplicates};
    hone_watch_run run = {.total = 4};
    hone_token_batch b = {.B = rows, .G = 2, .S = 2 * rows, .rows = list};
    hone_watch *w;
    CHECK_OK(hone_watch_new(&data, &o, &run, numbers, hear, &h, &w));
    for (int64_t step = 1; step <= 4; step++) {
        hone_watch_batch(w, &b, e, 8);
        hone_watch_step(w, step, 2 - 0.1 * (double)step, 2e-5, 1);
    }
    hone_watch_free(w);
    return h;
}

TEST(watch, false_negatives_in_a_batch_are_told_with_share_and_example) {
    static const int32_t anchors[] = {0, 1, 2, 3, 0, 4, 5, 6}, documents[] = {0, 1, 2, 3, 4, 3, 5, 6},
                         distinct[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const int32_t group[] = {7, 3, 7, 2}, lonely[] = {-1, -1, -1, -1}, own[] = {0, 1, 2, 3};
    heard h = see_rows(anchors, 4, NULL, NULL, &hone_loss_mnr, false);
    CHECK_MSG(h.n == 1 && strstr(h.text, "50 % of the rows") &&
                  strstr(h.text, "rows 0 and 2 have the same anchor \"zero\""),
              "%s", h.text);
    h = see_rows(documents, 4, NULL, NULL, &hone_loss_gte, false);
    CHECK_MSG(h.n == 1 && strstr(h.text, "rows 1 and 2 share the document \"three\""), "%s", h.text);
    h = see_rows(distinct, 4, NULL, group, &hone_loss_mnr, true);
    CHECK_MSG(h.n == 1 && strstr(h.text, "rows 0 and 2 have the same \"id\"; --group"), "%s", h.text);
    CHECK_INT(see_rows(distinct, 4, NULL, NULL, &hone_loss_mnr, false).n, 0);
    CHECK_INT(see_rows(distinct, 4, NULL, own, &hone_loss_mnr, true).n, 0);
    CHECK_INT(see_rows(distinct, 4, NULL, lonely, &hone_loss_mnr, true).n, 0);
    CHECK_INT(see_rows(anchors, 4, group, NULL, &hone_loss_mnr, false).n, 0);   /* kept apart by --group */
    CHECK_INT(see_rows(anchors, 4, NULL, NULL, &hone_loss_cosent, false).n, 0); /* no other row is looked at */
}

TEST(watch, texts_that_differ_and_are_the_same_to_the_model_are_false_negatives_too) {
    static const int32_t rows[] = {0, 1, 2, 3, 4, 5, 6, 7}, group[] = {7, 3, 7, 2};
    for (int no_duplicates = 0; no_duplicates < 2; no_duplicates++) {
        token_of[7] = 3; /* the last row's document and the second one's */
        heard h = see_rows(rows, 4, NULL, NULL, &hone_loss_mnr, no_duplicates);
        CHECK_MSG(h.n == 1 && strstr(h.text, "50 % of the rows") &&
                      strstr(h.text, "rows 1 and 3 have documents that are the same to the model, such as \"three\"; "
                                     "they differ in what"),
                  "%s", h.text);
        token_of[7] = 7, token_of[4] = 0;
        h = see_rows(rows, 4, NULL, NULL, &hone_loss_mnr, no_duplicates);
        CHECK_MSG(h.n == 1 &&
                      strstr(h.text, "rows 0 and 2 have anchors that are the same to the model, such as \"zero\""),
                  "%s", h.text);
        CHECK_INT(see_rows(rows, 4, group, NULL, &hone_loss_mnr, no_duplicates).n, 0);
        CHECK_INT(see_rows(rows, 4, NULL, NULL, &hone_loss_cosent, no_duplicates).n, 0);
        token_of[4] = 5; /* an anchor and its own document */
        CHECK_INT(see_rows(rows, 4, NULL, NULL, &hone_loss_mnr, no_duplicates).n, 0);
        token_of[4] = 4;
    }
}

/* Embeddings whose mean cosine goes from c0 to c1 in 40 steps. */
static heard see_cosines(double c0, double c1, double last_loss, int64_t stop) {
    enum { B = 16, D = 17 };
    heard h = {0};
    double numbers[HONE_WATCH_NUMBERS] = {0};
    float e[2 * B * D];
    int32_t of[2 * B];
    int64_t list[B];
    for (int i = 0; i < 2 * B; i++) of[i] = i;
    for (int i = 0; i < B; i++) list[i] = i;
    hone_texts t = {.rows = B, .width = 2, .count = 2 * B, .of = of};
    tokens made;
    hone_token_store s = store_of(&t, of, &made);
    hone_train_data data = {.n = B, .store = &s, .texts = &t};
    hone_train_options o = {.loss = &hone_loss_mnr, .lr = 2e-5, .no_duplicates = true};
    hone_token_batch b = {.B = B, .G = 2, .S = 2 * B, .rows = list};
    hone_watch *w = NULL;
    for (int64_t step = 1; step <= 40; step++) {
        hone_watch_run run = {.step = step - 1, .total = 40, .warmup = 4};
        if (step == stop + 1) {
            hone_watch_free(w);
            w = NULL;
        }
        if (!w) CHECK_OK(hone_watch_new(&data, &o, &run, numbers, hear, &h, &w));
        double c = c0 + (c1 - c0) * fmin(1, (double)(step - 1) / 29);
        for (int i = 0; i < 2 * B; i++)
            for (int k = 0; k < D; k++) e[i * D + k] = (float)(k == D - 1 ? sqrt(c) : k == i % B ? sqrt(1 - c) : 0);
        h.now = step;
        hone_watch_batch(w, &b, e, D);
        hone_watch_step(w, step, 2 + (last_loss - 2) * (double)step / 40 + 0.2 * test_uniform(3, (uint64_t)step), 2e-5,
                        3);
    }
    hone_watch_free(w);
    return h;
}

TEST(watch, embeddings_that_collapse_are_told) {
    heard h = see_cosines(0.2, 0.99, 2.1, 0);
    CHECK_MSG(h.n == 1 && strstr(h.text, "embeddings collapse: different texts have a mean cosine of 0.9"), "%d %s",
              (int)h.n, h.text);
    for (int64_t stop = 1; stop < 40; stop++) {
        heard again = see_cosines(0.2, 0.99, 2.1, stop);
        CHECK(again.n == 1 && again.step == h.step && !strcmp(again.text, h.text));
    }
    CHECK_INT(see_cosines(0.2, 0.9, 2.1, 0).n, 0);
    CHECK_INT(see_cosines(0.97, 0.97, 2.1, 0).n, 0); /* a model that begins so */
    CHECK_INT(see_cosines(0.97, 0.5, 1, 0).n, 0);
    CHECK_INT(see_cosines(0.9, 0.98, 1, 0).n, 0); /* the loss falls: whatever the cosine, something is learned */
}

TEST(watch, constant_scores_and_labels_are_told_at_once) {
    double score[4] = {1, 1, 1, 1}, numbers[HONE_WATCH_NUMBERS] = {0};
    hone_train_data data = {.n = 4, .score = score};
    const hone_loss *losses[] = {&hone_loss_cosent, &hone_loss_contrastive};
    const char *says[] = {"every one of the 4 rows has the score 1", "every one of the 4 rows has the label 1"};
    for (int k = 0; k < 2; k++) {
        heard h = {0};
        hone_train_options o = {.loss = losses[k]};
        hone_watch *w;
        score[3] = 1;
        CHECK_OK(hone_watch_new(&data, &o, &(hone_watch_run){.total = 10}, numbers, hear, &h, &w));
        hone_watch_data(w);
        CHECK_MSG(h.n == 1 && strstr(h.text, says[k]), "%s", h.text);
        score[3] = 1 + 1e-12; /* the same in f32, and so for the loss */
        hone_watch_data(w);
        CHECK_INT(h.n, 2);
        score[3] = 0;
        hone_watch_data(w);
        CHECK_INT(h.n, 2);
        hone_watch_free(w);
    }
}
