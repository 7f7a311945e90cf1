#include "data/duplicates.h"

#include "base/random.h"
#include "data/clusters.h"
#include "tests/test.h"

#include <stdlib.h>

static const char *normal(const char *text) {
    static hone_normal_text t;
    CHECK_OK(hone_text_normalize(text, strlen(text), &t));
    CHECK(strlen(t.p) == t.n);
    return t.p;
}

TEST(data, the_normal_form_folds_case_width_and_white_space) {
    CHECK_STR(normal("  Hello\t\n WORLD "), "hello world");
    CHECK_STR(normal(""), "");
    CHECK_STR(normal(" \xE3\x80\x80\xC2\xA0\n"), "");
    CHECK_STR(normal("\xEF\xBC\xA1\xEF\xBC\xA2 \xEF\xBC\x91"), "ab 1"); /* full width */
    CHECK_STR(normal("STRASSE"), normal("Stra\xC3\x9F"
                                        "e"));                /* sharp s */
    CHECK_STR(normal("Caf\xC3\xA9"), normal("CAFE\xCC\x81")); /* composed or not */
    CHECK_STR(normal("\xEF\xAC\x81ne"), "fine");              /* ligature */
    CHECK_STR(normal("a\xE2\x80\x8B"
                     "b"),
              "ab"); /* zero-width space */
    CHECK_STR(normal("bad \xFF byte"), "bad \xFF byte");
    hone_normal_text t = {0};
    CHECK_OK(hone_text_normalize("x", 1, &t));
    hone_normal_text_free(&t);
}

static void find(const char *const *text, int64_t n, double threshold, hone_duplicates *d) {
    hone_texts x;
    CHECK_OK(hone_texts_from_array(text, NULL, n, 1, &x));
    CHECK_INT(x.count, n); /* the tests give different texts */
    CHECK_OK(hone_duplicates_find(&x, threshold, d));
    CHECK_INT(d->count, n);
    hone_texts_free(&x);
}

static void check_near(const char *a, const char *b, double threshold, bool same, bool near) {
    const char *const text[2] = {a, b};
    hone_duplicates d;
    find(text, 2, threshold, &d);
    CHECK_MSG((d.same[0] == d.same[1]) == same, "\"%s\" and \"%s\": same is %d", a, b, !same);
    CHECK_MSG((d.near[0] == d.near[1]) == near, "\"%s\" and \"%s\": near is %d", a, b, !near);
    hone_duplicates_free(&d);
}

TEST(data, near_duplicates_share_four_fifths_of_their_words_and_all_their_numbers) {
    check_near("How do I reset it?", "how do i  RESET it?", 0.8, true, true);
    check_near("How do I reset it?", "How do I reset it", 0.8, false, true); /* punctuation */
    check_near("one two three four five", "five four three two one", 0.8, false, true);
    check_near("one two three four", "one two three four five", 0.8, false, true); /* 4 of 5 */
    check_near("one two three", "one two three four", 0.8, false, false);          /* 3 of 4 */
    check_near("a b c d e f g h i", "a b c d e f g h x", 0.8, false, true);        /* 8 of 10 */
    check_near("a b c d e f g h", "a b c d e f g x", 0.8, false, false);           /* 7 of 9 */
    check_near("a b c d e f g h", "a b c d e f g x", 0.7, false, true);
    check_near("a b c d e f g h i", "a b c d e f g h x", 1, false, false);
    check_near("a, b", "b a", 1, false, true);
    check_near("a, b", "b a", 2, false, false);           /* above 1: only equal ones */
    check_near("a a a a a", "a a a a", 0.8, false, true); /* words count as often as they stand */
    check_near("a a a a a", "a", 0.8, false, false);
    check_near("the pump of model 1200 is broken and leaks", "the pump of model 1300 is broken and leaks", 0.8, false,
               false);
    check_near("the pump of model 1200 is broken and leaks", "the pump of a model 1200 is broken and leaks", 0.8, false,
               true);
    check_near("!!!", "???", 0.8, false, false); /* no words: only equal ones */
    check_near("\xE6\x88\x91\xE4\xBB\xAC\xE4\xBB\x8A\xE5\xA4\xA9\xE5\x8E\xBB\xE5\x8C\x97\xE4\xBA\xAC\xE3\x80\x82",
               "\xE6\x88\x91\xE4\xBB\xAC\xE4\xBB\x8A\xE5\xA4\xA9\xE5\x8E\xBB\xE5\x8C\x97\xE4\xBA\xAC", 0.8, false,
               true);
    check_near("\xE6\x88\x91\xE4\xBB\xAC", "\xE4\xBB\xAC\xE6\x88\x91", 0.8, false,
               false); /* neighbours count, not single characters */
}

TEST(data, blank_texts_are_nobodys_duplicates) {
    const char *const text[] = {"", " ", "a"};
    hone_duplicates d;
    find(text, 3, 0.8, &d);
    CHECK(d.same[0] == -1 && d.same[1] == -1 && d.near[0] == -1 && d.same[2] == 0 && d.n_same == 1 && d.n_near == 1);
    hone_duplicates_free(&d);
    CHECK_FAILS(hone_duplicates_find(&(hone_texts){0}, 0.3, &d), HONE_E_ARG, "0.3");
}

/* What the header says, for texts that are lists of letters: bags compared pair by pair, chains followed. */
enum { TEXTS = 300, WORDS = 12 };
static void brute_force(int (*bag)[26], double threshold, hone_clusters *c) {
    for (int i = 0; i < TEXTS; i++)
        for (int k = 0; k < i; k++) {
            int both = 0, all = 0;
            for (int w = 0; w < 26; w++) {
                both += bag[i][w] < bag[k][w] ? bag[i][w] : bag[k][w];
                all += bag[i][w] > bag[k][w] ? bag[i][w] : bag[k][w];
            }
            if ((double)both >= threshold * (double)all - 1e-9) hone_clusters_join(c, i, k);
        }
}

TEST(data, every_pair_that_is_near_is_found_and_no_other) {
    static int bag[TEXTS][26];
    static char line[TEXTS][160];
    static const double thresholds[] = {0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1};
    const char *text[TEXTS];
    for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++) {
        memset(bag, 0, sizeof bag);
        for (int i = 0; i < TEXTS; i++) {
            const uint64_t stream = hone_stream_id(HONE_STREAM_TEST, 77 + t);
            int n = 1 + (int)hone_random_below(5, stream, (uint64_t)i, WORDS), at = 0;
            for (int k = 0; k < n; k++) {
                int w = (int)hone_random_below(5, stream, (uint64_t)(1000 + i * WORDS + k), 26);
                if (i % 3 && k < n - 2) w = (i / 3 * 7 + k * 5) % 26; /* families that differ in two words */
                bag[i][w]++;
                at += snprintf(line[i] + at, sizeof line[i] - (size_t)at, "%c%s", 'a' + w, k % 2 ? ", " : " ");
            }
            snprintf(line[i] + at, sizeof line[i] - (size_t)at, "!"); /* so that no two are equal bytes */
            for (int k = 0; k < i % 50; k++) strcat(line[i], "?");
            for (int k = 0; k < i / 50; k++) strcat(line[i], "-");
            text[i] = line[i];
        }
        hone_duplicates d;
        hone_clusters c;
        find(text, TEXTS, thresholds[t], &d);
        CHECK_OK(hone_clusters_new(TEXTS, &c));
        brute_force(bag, thresholds[t], &c);
        int64_t clusters = 0;
        for (int i = 0; i < TEXTS; i++) {
            int64_t root = hone_clusters_root(&c, i);
            clusters += root == i;
            for (int k = 0; k < i; k++)
                CHECK_MSG((d.near[i] == d.near[k]) == (root == hone_clusters_root(&c, k)),
                          "threshold %g: \"%s\" and \"%s\"", thresholds[t], line[i], line[k]);
        }
        CHECK_INT(d.n_near, clusters);
        CHECK(clusters < TEXTS);
        hone_duplicates_free(&d), hone_clusters_free(&c);
    }
}

TEST(data, clusters_are_known_by_their_first_row_in_any_order_of_joining) {
    hone_clusters a, b;
    hone_cluster_counts n;
    CHECK_OK(hone_clusters_new(8, &a));
    CHECK_OK(hone_clusters_new(8, &b));
    CHECK(hone_clusters_join(&a, 7, 3) && hone_clusters_join(&a, 3, 5) && !hone_clusters_join(&a, 5, 7) &&
          hone_clusters_join(&a, 0, 1));
    CHECK(hone_clusters_join(&b, 1, 0) && hone_clusters_join(&b, 5, 7) && hone_clusters_join(&b, 7, 3));
    for (int i = 0; i < 8; i++) CHECK_INT(hone_clusters_root(&a, i), hone_clusters_root(&b, i));
    CHECK_INT(hone_clusters_root(&a, 7), 3);
    CHECK_OK(hone_clusters_count(&a, &n));
    CHECK(n.clusters == 5 && n.shared == 2 && n.shared_rows == 5 && n.largest == 3);
    const int32_t key[16] = {0, -1, 1, -1, -1, -1, 1, 2, 2, -1, 3, 3, -1, -1, 4, -1};
    hone_clusters_free(&a);
    CHECK_OK(hone_clusters_new(8, &a));
    CHECK_OK(hone_clusters_join_keys(&a, key, 2, 5));
    CHECK(hone_clusters_root(&a, 3) == 1 && hone_clusters_root(&a, 4) == 1 && hone_clusters_root(&a, 5) == 5);
    hone_clusters_free(&a), hone_clusters_free(&b);
}
