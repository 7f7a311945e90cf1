#include "data/batch.h"

#include "base/parallel.h"
#include "data/batches.h"
#include "data/prefetch.h"
#include "tests/test.h"

#include <stdlib.h>
#include <time.h>

/* An encoder that everybody can check: 1000, one id per byte (256 for each byte of more than `most`: cut), 2000. */
typedef struct bytes_encoder {
    int64_t most;
    int fail_on; /* text that begins with this character */
} bytes_encoder;
typedef struct bytes_work {
    int32_t ids[600];
} bytes_work;

static void *work_new(void *ctx) {
    (void)ctx;
    return hone_zalloc(sizeof(bytes_work));
}
static void work_free(void *ctx, void *work) {
    (void)ctx;
    hone_free(work);
}
static hone_status encode(void *ctx, void *work, const char *text, size_t n, const int32_t **ids, int64_t *count,
                          bool *cut) {
    const bytes_encoder *e = ctx;
    bytes_work *w = work;
    if (e->fail_on && n && text[0] == e->fail_on)
        return hone_fail(HONE_E_FORMAT, "no token for \"%s\"", hone_quote_n(text, n));
    int64_t keep = (int64_t)n < e->most ? (int64_t)n : e->most;
    w->ids[0] = 1000;
    for (int64_t i = 0; i < keep; i++) w->ids[i + 1] = (unsigned char)text[i];
    w->ids[keep + 1] = 2000;
    *ids = w->ids;
    *count = keep + 2;
    *cut = (int64_t)n > keep;
    return HONE_OK;
}

static hone_encoder encoder_of(bytes_encoder *e) {
    return (hone_encoder){.ctx = e, .encode = encode, .work_new = work_new, .work_free = work_free};
}

static const char *const six[] = {"ab", "c", "", "ab", "dddd", "c"}; /* rows (ab, c), ("", ab), (dddd, c) */

static void check_sequence(const hone_token_batch *b, int64_t s, const char *text) {
    int64_t n = (int64_t)strlen(text), at = b->cu[s];
    CHECK_INT(b->cu[s + 1] - at, n + 2);
    CHECK_INT(b->ids[at], 1000);
    CHECK_INT(b->ids[at + n + 1], 2000);
    for (int64_t i = 0; i < n; i++) CHECK_INT(b->ids[at + 1 + i], (unsigned char)text[i]);
    for (int64_t i = 0; i < n + 2; i++) {
        CHECK_INT(b->positions[at + i], i);
        CHECK_INT(b->type_ids[at + i], 0);
    }
}

TEST(data, a_batch_is_packed_anchors_first) {
    hone_texts x;
    CHECK_OK(hone_texts_from_array(six, NULL, 3, 2, &x));
    bytes_encoder e = {.most = 100};
    hone_encoder enc = encoder_of(&e);
    hone_token_store s;
    CHECK_OK(hone_token_store_build(&x, NULL, &enc, &s));
    CHECK_INT(s.n_units, 4);
    CHECK_INT(s.n_cut, 0);
    CHECK_INT(s.max_len, 6);
    hone_token_batch b = {0};
    const int64_t rows[] = {2, 0};
    CHECK_OK(hone_token_batch_fill(&b, &s, rows, 2));
    CHECK_INT(b.B, 2);
    CHECK_INT(b.G, 2);
    CHECK_INT(b.S, 4);
    CHECK_INT(b.T, 6 + 4 + 3 + 3);
    CHECK_INT(b.cu[0], 0);
    CHECK_INT(b.cu[4], b.T);
    CHECK_INT(b.max_len, 6);
    CHECK_INT(b.rows[0], 2);
    check_sequence(&b, 0, "dddd");
    check_sequence(&b, 1, "ab");
    check_sequence(&b, 2, "c");
    check_sequence(&b, 3, "c");
    const int64_t one[] = {1};
    CHECK_OK(hone_token_batch_fill(&b, &s, one, 1));
    CHECK_INT(b.S, 2);
    check_sequence(&b, 0, "");
    check_sequence(&b, 1, "ab");
    hone_token_batch_free(&b);
    hone_token_store_free(&s);
    hone_texts_free(&x);
}

TEST(data, prompts_stand_before_the_texts_of_their_group_and_cut_texts_are_counted) {
    hone_texts x;
    CHECK_OK(hone_texts_from_array(six, NULL, 3, 2, &x));
    bytes_encoder e = {.most = 5};
    hone_encoder enc = encoder_of(&e);
    hone_token_store s;
    const char *const prompts[] = {"q: ", NULL};
    CHECK_OK(hone_token_store_build(&x, prompts, &enc, &s));
    CHECK_INT(s.n_units, 5); /* q: ab, q: , q: dddd; c, ab */
    CHECK_INT(s.n_cut, 1);   /* "q: dddd" is 7 */
    CHECK_INT(s.n_cut_rows, 1);
    hone_token_batch b = {0};
    const int64_t rows[] = {0, 1, 2};
    CHECK_OK(hone_token_batch_fill(&b, &s, rows, 3));
    check_sequence(&b, 0, "q: ab");
    check_sequence(&b, 1, "q: ");
    check_sequence(&b, 2, "q: dd");
    check_sequence(&b, 3, "c");
    check_sequence(&b, 4, "ab");
    hone_token_batch_free(&b);
    hone_token_store_free(&s);
    hone_texts_free(&x);
}

enum { MANY = 3000 };
typedef struct many {
    char name[MANY * 2][16];
    const char *text[MANY * 2];
    hone_texts x;
    hone_token_store s;
} many;

static many *make_many(void) {
    many *m = malloc(sizeof *m);
    for (int i = 0; i < MANY * 2; i++) {
        snprintf(m->name[i], 16, "%.*s%d", i % 7, "abcdefg", (int)((uint32_t)i * 7919u % 2500u));
        m->text[i] = m->name[i];
    }
    CHECK_OK(hone_texts_from_array(m->text, NULL, MANY, 2, &m->x));
    bytes_encoder e = {.most = 8};
    hone_encoder enc = encoder_of(&e);
    CHECK_OK(hone_token_store_build(&m->x, NULL, &enc, &m->s));
    return m;
}

static void free_many(many *m) {
    hone_token_store_free(&m->s);
    hone_texts_free(&m->x);
    free(m);
}

TEST(data, the_store_is_the_same_at_any_number_of_threads) {
    int before = hone_threads();
    hone_set_threads(1);
    many *a = make_many();
    for (int threads = 2; threads <= 8; threads *= 2) {
        hone_set_threads(threads);
        many *b = make_many();
        CHECK_INT(a->s.n_units, b->s.n_units);
        CHECK_INT(a->s.n_cut, b->s.n_cut);
        CHECK(!memcmp(a->s.offset, b->s.offset, (size_t)(a->s.n_units + 1) * 8));
        CHECK(!memcmp(a->s.ids, b->s.ids, (size_t)a->s.offset[a->s.n_units] * 4));
        free_many(b);
    }
    hone_set_threads(before);
    free_many(a);
}

TEST(data, a_text_that_cannot_be_tokenised_fails_the_store_and_leaves_nothing) {
    hone_texts x;
    CHECK_OK(hone_texts_from_array(six, NULL, 3, 2, &x));
    bytes_encoder e = {.most = 5, .fail_on = 'd'};
    hone_encoder enc = encoder_of(&e);
    hone_token_store s = {0};
    CHECK_FAILS(hone_token_store_build(&x, NULL, &enc, &s), HONE_E_FORMAT, "no token for \"dddd\"");
    CHECK(!s.ids && !s.unit && !s.offset);
    hone_texts_free(&x);
}

/* ---- prefetch ---- */

typedef struct counter {
    int next, end, fail_at;
    int inside; /* two fills at a time would show */
    int sleep_us;
} counter;

static void nap(int us) {
    if (us) nanosleep(&(struct timespec){0, us * 1000L}, NULL);
}

static hone_status count_up(void *ctx, void *slot, bool *end) {
    counter *c = ctx;
    if (__atomic_add_fetch(&c->inside, 1, __ATOMIC_SEQ_CST) != 1) return hone_fail(HONE_E_ARG, "two fills at a time");
    nap(c->sleep_us);
    hone_status st = HONE_OK;
    if (c->next == c->fail_at) {
        st = hone_fail_at(HONE_E_FORMAT, "some.csv", 7, 3, "item %d is broken", c->next);
        hone_hint("mend it");
    } else if (c->next == c->end) {
        *end = true;
    } else {
        *(int *)slot = c->next++;
    }
    __atomic_sub_fetch(&c->inside, 1, __ATOMIC_SEQ_CST);
    return st;
}

TEST(data, prefetched_items_come_in_order_and_stay_while_they_are_used) {
    for (int speed = 0; speed < 3; speed++) {
        counter c = {.end = 300, .fail_at = -1, .sleep_us = speed == 1 ? 50 : 0};
        int a, b;
        void *slots[] = {&a, &b}, *slot;
        hone_prefetch *p;
        CHECK_OK(hone_prefetch_start(count_up, &c, slots, &p));
        for (int i = 0; i < 300; i++) {
            CHECK_OK(hone_prefetch_next(p, &slot));
            CHECK(slot == slots[i % 2]);
            CHECK_INT(*(int *)slot, i);
            nap(speed == 2 ? 50 : 0);
            CHECK_INT(*(int *)slot, i); /* the producer has not written over it */
        }
        for (int i = 0; i < 3; i++) {
            CHECK_OK(hone_prefetch_next(p, &slot));
            CHECK(!slot);
        }
        hone_prefetch_stop(p);
    }
}

TEST(data, a_failed_fill_is_handed_over_after_the_items_before_it) {
    for (int fail_at = 0; fail_at < 6; fail_at++) {
        counter c = {.end = 100, .fail_at = fail_at};
        int a, b;
        void *slots[] = {&a, &b}, *slot = NULL;
        hone_prefetch *p;
        CHECK_OK(hone_prefetch_start(count_up, &c, slots, &p));
        for (int i = 0; i < fail_at; i++) {
            CHECK_OK(hone_prefetch_next(p, &slot));
            CHECK_INT(*(int *)slot, i);
        }
        for (int i = 0; i < 2; i++) {
            CHECK_FAILS(hone_prefetch_next(p, &slot), HONE_E_FORMAT, "is broken");
            CHECK_STR(hone_last_error()->file, "some.csv");
            CHECK_STR(hone_last_error()->hint, "mend it");
            CHECK_INT(hone_last_error()->line, 7);
        }
        hone_prefetch_stop(p);
    }
}

TEST(data, prefetch_can_be_stopped_at_any_time) {
    for (int i = 0; i < 200; i++) {
        counter c = {.end = i % 3 ? 1000 : 2, .fail_at = -1, .sleep_us = i % 5 * 10};
        int a, b;
        void *slots[] = {&a, &b}, *slot;
        hone_prefetch *p;
        CHECK_OK(hone_prefetch_start(count_up, &c, slots, &p));
        for (int k = 0; k < i % 4; k++) CHECK_OK(hone_prefetch_next(p, &slot));
        nap(i % 7 * 20);
        hone_prefetch_stop(p);
    }
    hone_prefetch_stop(NULL);
}

/* ---- all together ---- */

static hone_sampler_options options_of(const many *m, bool no_duplicates) {
    return (hone_sampler_options){.seed = 5,
                                  .batch_size = 32,
                                  .no_duplicates = no_duplicates,
                                  .n = MANY,
                                  .text_of = m->x.of,
                                  .width = 2,
                                  .n_texts = m->x.count};
}

TEST(data, batches_follow_the_sampler_and_resume_at_any_position) {
    many *m = make_many();
    for (int kind = 0; kind < 2; kind++) {
        hone_sampler_options o = options_of(m, kind);
        hone_batches *whole, *part;
        hone_sampler *s;
        CHECK_OK(hone_batches_new(&m->s, &o, &whole));
        CHECK_OK(hone_batches_new(&m->s, &o, &part));
        CHECK_OK(hone_sampler_new(&o, &s));
        for (int64_t epoch = 0; epoch < 2; epoch++) {
            int64_t rows[32], n, number = 0, count = hone_batches_count(whole, epoch);
            const hone_token_batch *x, *y;
            hone_sampler_seek(s, epoch, 0);
            CHECK_OK(hone_batches_begin(whole, epoch, 0));
            while ((n = hone_sampler_next(s, rows))) {
                CHECK_OK(hone_batches_next(whole, &x));
                CHECK(x && x->B == n && x->epoch == epoch && x->number == number);
                CHECK(!memcmp(x->rows, rows, (size_t)n * 8));
                for (int64_t i = 0; i < n; i++)
                    CHECK_INT(x->cu[n + i + 1] - x->cu[n + i], hone_token_store_len(&m->s, rows[i], 1));
                if (number % 29 == 0) { /* a second run that begins right here */
                    CHECK_OK(hone_batches_begin(part, epoch, number));
                    CHECK_OK(hone_batches_next(part, &y));
                    CHECK(y && y->T == x->T && y->number == number && !memcmp(x->ids, y->ids, (size_t)x->T * 4));
                    CHECK(!memcmp(x->cu, y->cu, (size_t)(x->S + 1) * 4));
                }
                number++;
            }
            CHECK_INT(number, count);
            CHECK_OK(hone_batches_next(whole, &x));
            CHECK(!x);
        }
        CHECK_INT(hone_batches_announced(whole), (MANY + 31) / 32);
        hone_batches_free(whole), hone_batches_free(part), hone_sampler_free(s);
    }
    free_many(m);
}

TEST(data, filling_batches_allocates_nothing_after_the_reserve) {
    many *m = make_many();
    hone_token_batch b = {0};
    CHECK_OK(hone_token_batch_reserve(&b, &m->s, 32));
    const int32_t *ids = b.ids, *cu = b.cu;
    for (int64_t start = 0; start + 32 < MANY; start += 17) {
        int64_t rows[32];
        for (int64_t i = 0; i < 32; i++) rows[i] = start + i;
        CHECK_OK(hone_token_batch_fill(&b, &m->s, rows, 32));
        CHECK(b.ids == ids && b.cu == cu);
    }
    hone_token_batch_free(&b);
    free_many(m);
}

TEST(data, a_real_tokenizer_fills_the_store_and_says_which_texts_it_cut) {
    hone_tokenizer *tok;
    CHECK_OK(hone_tokenizer_open(test_path("tests/golden/models/mean"), &tok));
    static const char *const text[] = {"a b c", "a b c d e", "a b", "", "a b c d"};
    hone_texts x;
    CHECK_OK(hone_texts_from_array(text, NULL, 5, 1, &x));
    hone_encoding whole = {0};
    int64_t len[5], longest = 0;
    for (int k = 0; k < 5; k++) {
        CHECK_OK(hone_tokenizer_encode(tok, text[k], strlen(text[k]), NULL, 0, &(hone_encode_options){0}, &whole));
        len[k] = whole.n;
        if (len[k] > longest) longest = len[k];
    }
    for (int64_t limit = 2; limit <= longest + 1; limit++) {
        hone_tokenizer_encoder te = {.tokenizer = tok, .max_length = limit};
        hone_encoder enc = hone_encoder_of_tokenizer(&te);
        hone_token_store s;
        CHECK_OK(hone_token_store_build(&x, NULL, &enc, &s));
        int64_t cut = 0;
        for (int k = 0; k < 5; k++) {
            hone_encode_options o = {.max_length = limit};
            CHECK_OK(hone_tokenizer_encode(tok, text[k], strlen(text[k]), NULL, 0, &o, &whole));
            CHECK_INT(hone_token_store_len(&s, k, 0), len[k] < limit ? len[k] : limit);
            CHECK(!memcmp(whole.ids, s.ids + s.offset[s.unit[k]], (size_t)whole.n * 4));
            cut += len[k] > limit;
        }
        CHECK_INT(s.n_cut, cut);
        CHECK_INT(s.n_cut_rows, cut);
        hone_token_store_free(&s);
    }
    hone_encoding_free(&whole);
    hone_texts_free(&x);
    hone_tokenizer_free(tok);
}

TEST(data, texts_of_no_width_or_fewer_rows_than_none_are_refused) {
    static const char *const text[] = {"a", "b"};
    hone_texts x = {0};
    CHECK_FAILS(hone_texts_from_array(text, NULL, -1, 2, &x), HONE_E_ARG, "-1 rows of 2 texts");
    CHECK_FAILS(hone_texts_from_array(text, NULL, 1, 0, &x), HONE_E_ARG, "1 rows of 0 texts");
    CHECK_OK(hone_texts_from_array(text, NULL, 0, 2, &x));
    hone_texts_free(&x);
}
