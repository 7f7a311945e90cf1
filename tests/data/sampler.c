#include "data/sampler.h"

#include "base/random.h"
#include "tests/test.h"

#include <stdlib.h>
#include <time.h>

typedef struct made {
    int64_t n, width, n_texts;
    int32_t *text_of;
} made;

static uint64_t below(uint64_t seed, uint64_t i, uint64_t n) {
    return hone_random_below(seed, hone_stream_id(HONE_STREAM_TEST, 1), i, n);
}

static made make_rows(uint64_t seed, int64_t n, int64_t width, int64_t n_texts) {
    made m = {n, width, n_texts, malloc((size_t)(n * width) * sizeof(int32_t))};
    for (int64_t i = 0; i < n * width; i++) m.text_of[i] = (int32_t)below(seed, (uint64_t)i, (uint64_t)n_texts);
    return m;
}

/* The plain walk, as sentence-transformers writes it: quadratic, obviously right. Batches into rows, their sizes into
 * sizes; returns their number. */
static int64_t plain_walk(const made *m, const int64_t *order, int64_t batch_size, bool drop_last, int64_t *rows,
                          int64_t *sizes) {
    bool *done = calloc((size_t)m->n, 1), *used = calloc((size_t)m->n_texts, 1);
    int64_t left = m->n, n_batches = 0, at = 0;
    while (left) {
        int64_t n = 0;
        memset(used, 0, (size_t)m->n_texts);
        for (int64_t p = 0; p < m->n && n < batch_size; p++) {
            const int32_t *t = m->text_of + order[p] * m->width;
            bool clash = done[p];
            for (int64_t k = 0; k < m->width; k++) clash = clash || used[t[k]];
            if (clash) continue;
            for (int64_t k = 0; k < m->width; k++) used[t[k]] = true;
            done[p] = true;
            left--;
            rows[at + n++] = order[p];
        }
        if (n < batch_size && drop_last) continue;
        at += n;
        sizes[n_batches++] = n;
    }
    free(done), free(used);
    return n_batches;
}

static void check_against_plain(const made *m, hone_sampler *s, int64_t epoch, uint64_t seed, int64_t batch_size,
                                bool drop_last) {
    int64_t *order = malloc((size_t)m->n * 8), *rows = malloc((size_t)m->n * 8), *sizes = malloc((size_t)m->n * 8);
    int64_t *got = malloc((size_t)m->n * 8), at = 0;
    hone_random_permutation(seed, hone_stream_id(HONE_STREAM_SHUFFLE, (uint64_t)epoch), m->n, order);
    int64_t n_batches = plain_walk(m, order, batch_size, drop_last, rows, sizes);
    CHECK_INT(hone_sampler_count(s, epoch), n_batches);
    hone_sampler_seek(s, epoch, 0);
    for (int64_t b = 0; b < n_batches; b++) {
        CHECK_INT(hone_sampler_batch(s), b);
        int64_t n = hone_sampler_next(s, got);
        CHECK_INT(n, sizes[b]);
        CHECK_MSG(!memcmp(got, rows + at, (size_t)n * 8),
                  "epoch %d batch %d differs from the plain walk (n %d, texts %d)", (int)epoch, (int)b, (int)m->n,
                  (int)m->n_texts);
        at += n;
    }
    CHECK_INT(hone_sampler_next(s, got), 0);
    CHECK_INT(hone_sampler_next(s, got), 0);
    free(order), free(rows), free(sizes), free(got);
}

TEST(data, batches_without_duplicates_are_those_of_the_plain_walk) {
    for (uint64_t seed = 0; seed < 400; seed++) {
        int64_t n = 1 + (int64_t)below(seed, 1u << 20, 120), width = 1 + (int64_t)below(seed, (1u << 20) + 1, 4);
        int64_t n_texts = 1 + (int64_t)below(seed, (1u << 20) + 2, seed % 3 ? (uint64_t)(n * width) : 12);
        int64_t batch_size = 1 + (int64_t)below(seed, (1u << 20) + 3, 20);
        made m = make_rows(seed, n, width, n_texts);
        bool drop_last = seed % 4 == 3;
        hone_sampler *s;
        CHECK_OK(hone_sampler_new(&(hone_sampler_options){.seed = seed,
                                                          .batch_size = batch_size,
                                                          .no_duplicates = true,
                                                          .drop_last = drop_last,
                                                          .n = n,
                                                          .text_of = m.text_of,
                                                          .width = width,
                                                          .n_texts = n_texts},
                                  &s));
        for (int64_t epoch = 0; epoch < 3; epoch++)
            check_against_plain(&m, s, epoch, seed, drop_last ? batch_size : batch_size, drop_last);
        hone_sampler_free(s);
        free(m.text_of);
    }
}

TEST(data, no_text_stands_in_two_rows_of_a_batch_and_every_row_comes_once) {
    for (uint64_t seed = 0; seed < 30; seed++) {
        made m = make_rows(seed, 2000, 3, 1500);
        hone_sampler *s;
        CHECK_OK(hone_sampler_new(&(hone_sampler_options){.seed = seed,
                                                          .batch_size = 32,
                                                          .no_duplicates = true,
                                                          .n = m.n,
                                                          .text_of = m.text_of,
                                                          .width = 3,
                                                          .n_texts = m.n_texts},
                                  &s));
        int64_t rows[32], n, all = 0, *seen = calloc((size_t)m.n, 8), *owner = malloc((size_t)m.n_texts * 8);
        while ((n = hone_sampler_next(s, rows))) {
            memset(owner, 0xFF, (size_t)m.n_texts * 8);
            for (int64_t i = 0; i < n; i++) {
                CHECK_INT(seen[rows[i]]++, 0);
                for (int k = 0; k < 3; k++) {
                    int64_t *o = &owner[m.text_of[rows[i] * 3 + k]];
                    CHECK(*o < 0 || *o == rows[i]);
                    *o = rows[i];
                }
            }
            all += n;
        }
        CHECK_INT(all, m.n);
        hone_sampler_free(s);
        free(seen), free(owner), free(m.text_of);
    }
}

TEST(data, an_epoch_can_be_entered_at_any_batch) {
    made m = make_rows(3, 300, 2, 150);
    for (int kind = 0; kind < 4; kind++) {
        hone_sampler_options o = {.seed = 9,
                                  .batch_size = 8,
                                  .no_duplicates = kind & 1,
                                  .drop_last = kind & 2,
                                  .n = m.n,
                                  .text_of = m.text_of,
                                  .width = 2,
                                  .n_texts = m.n_texts};
        hone_sampler *a, *b;
        CHECK_OK(hone_sampler_new(&o, &a));
        CHECK_OK(hone_sampler_new(&o, &b));
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            int64_t count = hone_sampler_count(a, epoch), x[8], y[8];
            for (int64_t start = 0; start <= count; start++) {
                hone_sampler_seek(a, epoch, 0);
                for (int64_t k = 0; k < start; k++) hone_sampler_next(a, x);
                hone_sampler_seek(b, epoch, start);
                CHECK_INT(hone_sampler_batch(b), start);
                CHECK_INT(hone_sampler_epoch(b), epoch);
                for (int64_t n = 1; n;) {
                    n = hone_sampler_next(a, x);
                    CHECK_INT(hone_sampler_next(b, y), n);
                    CHECK(!memcmp(x, y, (size_t)n * 8));
                }
            }
            hone_sampler_seek(b, epoch, count + 5);
            CHECK_INT(hone_sampler_next(b, y), 0);
        }
        hone_sampler_free(a), hone_sampler_free(b);
    }
    free(m.text_of);
}

TEST(data, counting_batches_does_not_move_the_sampler) {
    made m = make_rows(4, 100, 2, 60);
    hone_sampler *s;
    CHECK_OK(hone_sampler_new(
        &(hone_sampler_options){
            .batch_size = 4, .no_duplicates = true, .n = 100, .text_of = m.text_of, .width = 2, .n_texts = 60},
        &s));
    int64_t x[4], y[4];
    hone_sampler_seek(s, 1, 7);
    int64_t n = hone_sampler_next(s, x);
    hone_sampler_seek(s, 1, 7);
    hone_sampler_count(s, 5);
    CHECK_INT(hone_sampler_epoch(s), 1);
    CHECK_INT(hone_sampler_batch(s), 7);
    CHECK_INT(hone_sampler_next(s, y), n);
    CHECK(!memcmp(x, y, (size_t)n * 8));
    hone_sampler_free(s);
    free(m.text_of);
}

TEST(data, epochs_are_the_seeded_permutation_and_plain_order_without_shuffling) {
    const int64_t side[] = {5, 9, 2, 7, 40, 41, 42};
    int64_t want[7], rows[3], at = 0, n;
    hone_sampler *s;
    CHECK_OK(hone_sampler_new(&(hone_sampler_options){.seed = 11, .batch_size = 3, .rows = side, .n = 7}, &s));
    hone_sampler_seek(s, 4, 0);
    hone_random_permutation(11, hone_stream_id(HONE_STREAM_SHUFFLE, 4), 7, want);
    while ((n = hone_sampler_next(s, rows)))
        for (int64_t i = 0; i < n; i++) CHECK_INT(rows[i], side[want[at++]]);
    CHECK_INT(at, 7);
    CHECK_INT(hone_sampler_announced(s), 3);
    hone_sampler_free(s);

    CHECK_OK(hone_sampler_new(
        &(hone_sampler_options){.batch_size = 3, .rows = side, .n = 7, .no_shuffle = true, .drop_last = true}, &s));
    at = 0;
    while ((n = hone_sampler_next(s, rows)))
        for (int64_t i = 0; i < n; i++) CHECK_INT(rows[i], side[at++]);
    CHECK_INT(at, 6);
    CHECK_INT(hone_sampler_announced(s), 2);
    hone_sampler_free(s);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

TEST(data, the_walk_stays_fast_when_most_rows_block_each_other) {
    /* 60,000 rows that all hold one text, then 60,000 in a grid of 250 x 240 texts: the plain walk would look at rows
     * 1.8 thousand million times. */
    enum { N = 60000 };
    int32_t *one = malloc(N * 2 * sizeof *one), *grid = malloc(N * 2 * sizeof *grid);
    for (int32_t i = 0; i < N; i++) {
        one[2 * i] = 0, one[2 * i + 1] = i + 1;
        grid[2 * i] = i % 250, grid[2 * i + 1] = 250 + i / 250;
    }
    double start = seconds();
    hone_sampler *s;
    CHECK_OK(hone_sampler_new(
        &(hone_sampler_options){
            .batch_size = 16, .no_duplicates = true, .n = N, .text_of = one, .width = 2, .n_texts = N + 1},
        &s));
    CHECK_INT(hone_sampler_count(s, 0), N);
    hone_sampler_free(s);
    CHECK_OK(hone_sampler_new(
        &(hone_sampler_options){
            .batch_size = 64, .no_duplicates = true, .n = N, .text_of = grid, .width = 2, .n_texts = 490},
        &s));
    CHECK(hone_sampler_count(s, 0) >= N / 64);
    hone_sampler_free(s);
    CHECK_MSG(seconds() - start < 5, "took %.1f s", seconds() - start);
    free(one), free(grid);
}

TEST(data, samplers_refuse_what_makes_no_sense) {
    hone_sampler *s;
    CHECK_FAILS(hone_sampler_new(&(hone_sampler_options){.batch_size = 0, .n = 3}, &s), HONE_E_ARG, "batch size is 0");
    CHECK_FAILS(hone_sampler_new(&(hone_sampler_options){.batch_size = 1, .n = 0}, &s), HONE_E_ARG, "no rows");
    CHECK_FAILS(hone_sampler_new(&(hone_sampler_options){.batch_size = 1, .n = 1, .no_duplicates = true}, &s),
                HONE_E_ARG, "texts");
}
