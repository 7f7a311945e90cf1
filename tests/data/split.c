#include "data/split.h"

#include "base/random.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

static void split_of(const char *const *text, int64_t rows, int64_t width, double share, uint64_t seed, hone_split *s) {
    hone_texts x;
    CHECK_OK(hone_texts_from_array(text, NULL, rows, width, &x));
    CHECK_OK(hone_split_rows(&x, share, seed, s));
    hone_texts_free(&x);
}

TEST(data, texts_are_numbered_by_first_appearance) {
    static const char *const text[] = {"a", "b", "b", "a ", "", "a"};
    hone_texts x;
    CHECK_OK(hone_texts_from_array(text, NULL, 3, 2, &x));
    const int32_t want[] = {0, 1, 1, 2, 3, 0};
    CHECK_INT(x.count, 4);
    for (int k = 0; k < 6; k++) CHECK_INT(x.of[k], want[k]);
    CHECK_INT(x.n[2], 2);
    hone_texts_free(&x);
    /* Many, so that the table grows several times. */
    enum { N = 50000 };
    char(*names)[16] = malloc(N * sizeof *names);
    const char **p = malloc(2 * N * sizeof *p);
    for (int i = 0; i < N; i++) {
        snprintf(names[i], 16, "t%d", i);
        p[i] = p[2 * N - 1 - i] = names[i];
    }
    CHECK_OK(hone_texts_from_array(p, NULL, 2 * N, 1, &x));
    CHECK_INT(x.count, N);
    for (int i = 0; i < N; i++) CHECK(x.of[i] == i && x.of[2 * N - 1 - i] == i);
    hone_texts_free(&x);
    free(names), free(p);
}

TEST(data, trimming_knows_the_white_space_of_unicode) {
    static const char *const in[] = {
        " a b ",         "\t\n\xC2\xA0x\xE3\x80\x80\r",          "", "  \xE2\x80\x83 ", "\xC3\xA9",
        "\xE2\x80\x8Bq", "\xC2\x85\x1Fz\xE1\x9A\x80\xE2\x81\x9F"};
    static const char *const want[] = {"a b", "x", "", "", "\xC3\xA9", "\xE2\x80\x8Bq", "z"};
    for (int k = 0; k < 7; k++) {
        const char *p = in[k];
        size_t n = strlen(p);
        hone_text_trim(&p, &n);
        CHECK_MSG(n == strlen(want[k]) && !memcmp(p, want[k], n), "case %d leaves %d bytes \"%.*s\"", k, (int)n, (int)n,
                  p);
    }
}

TEST(data, a_split_puts_every_row_on_one_side_and_no_text_on_both) {
    for (uint64_t seed = 0; seed < 60; seed++) {
        enum { N = 500, TEXTS = 1200 };
        static const char *const pads[] = {"", " ", "\n", "\t "};
        char(*name)[16] = malloc(2 * N * sizeof *name);
        const char *text[2 * N];
        int number[2 * N];
        for (int i = 0; i < 2 * N; i++) {
            number[i] = (int)hone_random_below(seed, hone_stream_id(HONE_STREAM_TEST, 2), (uint64_t)i, TEXTS);
            snprintf(name[i], 16, "%st%d%s", pads[i % 4], number[i], pads[i / 4 % 4]);
            text[i] = name[i];
        }
        hone_split s, again;
        split_of(text, N, 2, 0.2, seed, &s);
        CHECK_INT(s.n_train + s.n_eval, N);
        CHECK_MSG(s.n_eval <= 100 && s.n_eval >= 90, "%d evaluation rows (largest cluster %d)", (int)s.n_eval,
                  (int)s.largest);
        int side[TEXTS] = {0}, row_side[N] = {0};
        for (int64_t i = 0; i < s.n_train; i++) {
            row_side[s.train[i]] |= 1;
            CHECK(i == 0 || s.train[i] > s.train[i - 1]);
            for (int k = 0; k < 2; k++) side[number[2 * s.train[i] + k]] |= 1;
        }
        for (int64_t i = 0; i < s.n_eval; i++) {
            row_side[s.eval[i]] |= 2;
            CHECK(i == 0 || s.eval[i] > s.eval[i - 1]);
            for (int k = 0; k < 2; k++) side[number[2 * s.eval[i] + k]] |= 2;
        }
        for (int i = 0; i < N; i++) CHECK(row_side[i] == 1 || row_side[i] == 2);
        for (int i = 0; i < TEXTS; i++) CHECK(side[i] != 3);
        split_of(text, N, 2, 0.2, seed, &again);
        CHECK(again.n_eval == s.n_eval && !memcmp(again.eval, s.eval, (size_t)s.n_eval * 8));
        hone_split_free(&s), hone_split_free(&again);
        free(name);
    }
}

TEST(data, seeds_make_different_splits_and_distinct_rows_give_the_share_exactly) {
    char name[50][16];
    const char *text[50];
    for (int i = 0; i < 50; i++) snprintf(name[i], 16, "%d", i), text[i] = name[i];
    hone_split a, b;
    split_of(text, 50, 1, 0.2, 1, &a);
    split_of(text, 50, 1, 0.2, 2, &b);
    CHECK_INT(a.n_eval, 10);
    CHECK_INT(a.clusters, 50);
    CHECK_INT(b.n_eval, 10);
    CHECK(memcmp(a.eval, b.eval, 80));
    hone_split_free(&a), hone_split_free(&b);
    split_of(text, 3, 1, 0.01, 2, &a); /* at least one */
    CHECK_INT(a.n_eval, 1);
    hone_split_free(&a);
    split_of(text, 3, 1, 0.99, 2, &a); /* and one to train on */
    CHECK_INT(a.n_train, 1);
    hone_split_free(&a);
}

TEST(data, a_split_that_cannot_be_is_refused_with_the_numbers) {
    static const char *const same[] = {"a", "b", "a", "c", "c ", "d"}; /* a chain through all three rows */
    hone_texts x;
    hone_split s;
    CHECK_OK(hone_texts_from_array(same, NULL, 3, 2, &x));
    CHECK_FAILS(hone_split_rows(&x, 0.4, 1, &s), HONE_E_FORMAT, "3 rows");
    CHECK_FAILS(hone_split_rows(&x, 0, 1, &s), HONE_E_ARG, "is 0");
    CHECK_FAILS(hone_split_rows(&x, 1, 1, &s), HONE_E_ARG, "is 1");
    hone_texts_free(&x);
    CHECK_OK(hone_texts_from_array(same, NULL, 1, 1, &x));
    CHECK_FAILS(hone_split_rows(&x, 0.4, 1, &s), HONE_E_FORMAT, "1 row cannot be split");
    hone_texts_free(&x);
}

TEST(data, a_stratified_split_gives_each_label_its_share_and_the_sum_the_whole) {
    enum { N = 1000 };
    static int32_t label[N];
    for (uint64_t seed = 0; seed < 5; seed++) {
        hone_clusters c;
        hone_split s;
        int64_t count[4] = {0}, eval[4] = {0};
        CHECK_OK(hone_clusters_new(N, &c));
        for (int i = 0; i < N; i++) {
            uint64_t x = hone_random_below(seed, hone_stream_id(HONE_STREAM_TEST, 3), (uint64_t)i, 100);
            label[i] = x < 70 ? 0 : x < 93 ? 1 : x < 99 ? 2 : 3;
            count[label[i]]++;
            if (i % 5 == 0 && i) hone_clusters_join(&c, i, i - 3); /* pairs of mixed labels */
        }
        CHECK_OK(hone_split_clusters(&c, label, 4, 0.2, seed, &s));
        CHECK_INT(s.n_train + s.n_eval, N);
        CHECK_INT(s.n_eval, 200);
        for (int64_t k = 0; k < s.n_eval; k++) eval[label[s.eval[k]]]++;
        for (int k = 0; k < 4; k++)
            CHECK_MSG((double)eval[k] > 0.2 * (double)count[k] - 1 && (double)eval[k] < 0.2 * (double)count[k] + 1,
                      "label %d: %d of %d", k, (int)eval[k], (int)count[k]);
        static int side[N];
        memset(side, 0, sizeof side);
        for (int64_t k = 0; k < s.n_eval; k++) side[s.eval[k]] = 1;
        for (int i = 5; i < N; i += 5) CHECK(side[i] == side[i - 3]);
        hone_split_free(&s), hone_clusters_free(&c);
    }
}

/* Five groups of forty rows, three labels drawn at random: no group fits the rooms of all labels exactly, and one group
 * is the share that was asked for. */
TEST(data, a_stratified_split_takes_large_clusters_where_they_bring_the_labels_nearer) {
    static int32_t label[200];
    for (uint64_t seed = 0; seed < 40; seed++)
        for (int wide = 10; wide <= 40; wide *= 2) {
            hone_clusters c;
            hone_split s;
            int64_t count[3] = {0}, eval[3] = {0};
            CHECK_OK(hone_clusters_new(200, &c));
            for (int i = 0; i < 200; i++) {
                label[i] = (int32_t)hone_random_below(seed, hone_stream_id(HONE_STREAM_TEST, 4), (uint64_t)i, 3);
                count[label[i]]++;
                if (i % wide) hone_clusters_join(&c, i - i % wide, i);
            }
            CHECK_OK(hone_split_clusters(&c, label, 3, 0.2, seed, &s));
            CHECK_INT(s.n_eval, 40);
            for (int64_t k = 0; k < s.n_eval; k++) eval[label[s.eval[k]]]++;
            for (int k = 0; k < 3; k++)
                CHECK_MSG(fabs((double)eval[k] - 0.2 * (double)count[k]) < 12, "label %d: %d of %d", k, (int)eval[k],
                          (int)count[k]);
            hone_split_free(&s), hone_clusters_free(&c);
        }
}

TEST(data, a_stratified_split_of_groups_of_one_label_each_is_refused_for_what_it_is) {
    static int32_t label[200];
    hone_clusters c;
    hone_split s;
    CHECK_OK(hone_clusters_new(200, &c));
    for (int i = 0; i < 200; i++) {
        label[i] = i / 20;
        if (i % 20) hone_clusters_join(&c, i - i % 20, i);
    }
    CHECK_FAILS(hone_split_clusters(&c, label, 10, 0.2, 1, &s), HONE_E_FORMAT,
                "each label's share of the 40 wanted: whatever stays together has too many rows of one label");
    CHECK_OK(hone_split_clusters(&c, NULL, 0, 0.2, 1, &s)); /* without labels there is no difficulty */
    CHECK_INT(s.n_eval, 40);
    hone_split_free(&s);
    CHECK_FAILS(hone_split_clusters(&c, label, 10, 0.05, 1, &s), HONE_E_FORMAT, "is larger than the 10 wanted");
    hone_clusters_free(&c);
}
