/* Batches by class. */
#include "base/random.h"
#include "data/sampler.h"
#include "tests/test.h"

#include <stdlib.h>

/* What sentence-transformers 6.2's GroupByLabelBatchSampler yields when torch.randperm is replaced by 0, 1, 2 … */
static const struct {
    int64_t n, n_classes, batch_size;
    int32_t class_of[32];
    const char *batches;
} unshuffled[] = {
    {26,
     6,
     6,
     {0, 1, 2, 3, 0, 0, 2, 4, 4, 3, 2, 4, 0, 0, 2, 2, 0, 0, 2, 3, 2, 4, 0, 1, 5, 0},
     "0 4 1 23 2 6 | 3 9 7 8 5 12 | 10 14 11 21 13 16"},
    {4, 2, 4, {0, 0, 1, 1}, "0 1 2 3"},
    {15, 3, 8, {0, 1, 0, 0, 2, 1, 0, 1, 2, 2, 0, 2, 2, 1, 1}, "0 2 1 5 4 8 3 6 | 7 13 9 11"},
    {26, 3, 4, {0, 1, 1, 1, 1, 1, 2, 1, 1, 0, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 0, 1}, "0 9 1 2"},
};

TEST(data, batches_by_class_are_those_of_sentence_transformers_when_nothing_is_shuffled) {
    for (size_t k = 0; k < sizeof unshuffled / sizeof *unshuffled; k++) {
        hone_sampler_options o = {.batch_size = unshuffled[k].batch_size,
                                  .no_shuffle = true,
                                  .n = unshuffled[k].n,
                                  .class_of = unshuffled[k].class_of,
                                  .n_classes = unshuffled[k].n_classes};
        hone_sampler *s;
        char text[256] = "";
        int64_t rows[32], n, batches = 0;
        CHECK_OK(hone_sampler_new(&o, &s));
        while ((n = hone_sampler_next(s, rows))) {
            if (batches++) strcat(text, " | ");
            for (int64_t i = 0; i < n; i++) snprintf(text + strlen(text), 8, "%s%d", i ? " " : "", (int)rows[i]);
        }
        CHECK_STR(text, unshuffled[k].batches);
        CHECK_INT(hone_sampler_announced(s), batches);
        hone_sampler_free(s);
    }
}

static uint64_t below(uint64_t seed, uint64_t i, uint64_t n) {
    return hone_random_below(seed, hone_stream_id(HONE_STREAM_TEST, 2), i, n);
}

static void check_batch(const int64_t *rows, int64_t n, const int32_t *class_of, int *seen) {
    int64_t in_class[16] = {0}, kinds = 0;
    for (int64_t i = 0; i < n; i++) {
        CHECK_MSG(!seen[rows[i]]++, "row %d comes twice in an epoch", (int)rows[i]);
        kinds += !in_class[class_of[rows[i]]]++;
    }
    CHECK(kinds >= 2);
    for (int c = 0; c < 16; c++) CHECK_INT(in_class[c] % 2, 0);
}

TEST(data, every_batch_by_class_has_two_classes_and_pairs_of_rows) {
    for (uint64_t seed = 1; seed < 60; seed++) {
        int64_t n = 20 + (int64_t)below(seed, 0, 180), batch_size = 4 + 2 * (int64_t)below(seed, 1, 8), rows[200],
                used = 0;
        int32_t class_of[200];
        for (int64_t i = 0; i < n; i++)
            class_of[i] = (int32_t)(below(seed, 2 + (uint64_t)i, 256) * below(seed, 500 + (uint64_t)i, 256) / 4096);
        hone_sampler_options o = {
            .seed = seed, .batch_size = batch_size, .n = n, .class_of = class_of, .n_classes = 16};
        hone_sampler *s;
        CHECK_OK(hone_sampler_new(&o, &s));
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            int seen[200] = {0};
            int64_t batches = 0, count;
            hone_sampler_seek(s, epoch, 0);
            for (; (count = hone_sampler_next(s, rows)); batches++) {
                CHECK(count == batch_size || (count >= 4 && count < batch_size));
                check_batch(rows, count, class_of, seen);
                used += count;
            }
            CHECK_INT(batches, hone_sampler_announced(s));
        }
        CHECK(used > 0);
        hone_sampler_free(s);
    }
}

TEST(data, batches_by_class_are_found_again_by_seek_and_differ_between_epochs) {
    int32_t class_of[100];
    int64_t first[16], again[16], other[16];
    for (int i = 0; i < 100; i++) class_of[i] = i % 7;
    hone_sampler_options o = {.seed = 3, .batch_size = 16, .n = 100, .class_of = class_of, .n_classes = 7};
    hone_sampler *s;
    CHECK_OK(hone_sampler_new(&o, &s));
    for (int b = 0; b < 3; b++) CHECK_INT(hone_sampler_next(s, first), 16);
    hone_sampler_seek(s, 1, 2);
    CHECK_INT(hone_sampler_next(s, other), 16);
    hone_sampler_seek(s, 0, 2);
    CHECK_INT(hone_sampler_next(s, again), 16);
    CHECK(!memcmp(first, again, sizeof first));
    CHECK(memcmp(first, other, sizeof first));
    hone_sampler_free(s);
}

TEST(data, batches_by_class_refuse_odd_sizes_and_labels_that_are_all_different) {
    static const int32_t class_of[] = {0, 0, 1, 2, 3, 4};
    hone_sampler_options o = {.batch_size = 5, .n = 6, .class_of = class_of, .n_classes = 5};
    hone_sampler *s;
    CHECK_FAILS(hone_sampler_new(&o, &s), HONE_E_ARG, "batch size is 5, batches by class need an even one, 4 or more");
    o.batch_size = 4;
    CHECK_FAILS(hone_sampler_new(&o, &s), HONE_E_FORMAT,
                "1 of 5 labels have two rows or more, triplets need at least 2 such labels");
}
