/* Every allocation and every read of the data floor fails once, one later each time, until a run meets no fault. */
#include "base/fault.h"

#include "base/io.h"
#include "data/batches.h"
#include "data/duplicates.h"
#include "data/split.h"
#include "tests/test.h"

#include <stdlib.h>

#ifdef HONE_TEST_HOOKS

static const char *table_path(const char *name, bool json) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", test_dir(), name);
    FILE *f = fopen(path, "wb");
    CHECK(f);
    if (!json) fprintf(f, "anchor,positive,id\n");
    for (int i = 0; i < 400; i++) {
        if (i % 50 == 9)
            fprintf(f, json ? "{\"anchor\": 1\n" : "one\n");
        else if (json)
            fprintf(
                f, "{\"anchor\": \"q\\u00e9 %d\", \"positive\": \"p %d\", \"id\": {\"$oid\": \"%d\"}, \"n\": [1, 2]}\n",
                i, i % 90, i);
        else
            fprintf(f, "q \"\" %d,\"p, %d\",%d\n", i, i % 90, i);
    }
    CHECK(!fclose(f));
    return path;
}

static hone_status encode(void *ctx, void *work, const char *text, size_t n, const int32_t **ids, int64_t *count,
                          bool *cut) {
    (void)ctx;
    int32_t *w = work;
    *count = n < 8 ? (int64_t)n : 8;
    for (int64_t i = 0; i < *count; i++) w[i] = (unsigned char)text[i];
    *ids = w;
    *cut = n > 8;
    return HONE_OK;
}
static void *work_new(void *ctx) {
    (void)ctx;
    return hone_alloc(8 * sizeof(int32_t));
}
static void work_free(void *ctx, void *work) {
    (void)ctx;
    hone_free(work);
}

/* The whole way from file to batches; `sum` tells whether two runs saw the same. */
static hone_status whole_way(const char *path, uint64_t *sum) {
    const hone_encoder enc = {.encode = encode, .work_new = work_new, .work_free = work_free};
    hone_table *t = NULL;
    hone_roles r;
    hone_texts x = {0};
    hone_token_store store = {0};
    hone_split split = {0};
    hone_duplicates same = {0};
    hone_batches *b = NULL;
    const hone_token_batch *batch = NULL;
    hone_status st = hone_table_read(path, NULL, &t);
    if (st == HONE_OK) st = hone_roles_apply(t, HONE_ROWS_PAIRS, NULL, 0, &r);
    if (st == HONE_OK) st = hone_texts_from_table(t, r.columns, r.n_texts, &x);
    if (st == HONE_OK) st = hone_split_rows(&x, 0.2, 7, &split);
    if (st == HONE_OK) st = hone_duplicates_find(&x, 0.8, &same);
    const char *const prompts[] = {"query: ", ""};
    if (st == HONE_OK) st = hone_token_store_build(&x, prompts, &enc, &store);
    if (st == HONE_OK)
        st = hone_batches_new(&store,
                              &(hone_sampler_options){.seed = 3,
                                                      .batch_size = 16,
                                                      .no_duplicates = true,
                                                      .rows = split.train,
                                                      .n = split.n_train,
                                                      .text_of = x.of,
                                                      .width = x.width,
                                                      .n_texts = x.count},
                              &b);
    if (st == HONE_OK) st = hone_batches_begin(b, 0, 0);
    *sum = t ? (uint64_t)hone_table_bad_count(t) : 0;
    while (st == HONE_OK && (st = hone_batches_next(b, &batch)) == HONE_OK && batch)
        for (int64_t k = 0; k < batch->T; k++) *sum = *sum * 31 + (uint64_t)batch->ids[k];
    hone_batches_free(b);
    hone_token_store_free(&store);
    hone_split_free(&split);
    hone_duplicates_free(&same);
    hone_texts_free(&x);
    hone_table_free(t);
    return st;
}

TEST(data, every_failed_allocation_is_a_clean_failure) {
    for (int json = 0; json < 2; json++) {
        const char *path = table_path(json ? "f.jsonl" : "f.csv", json);
        uint64_t want, got;
        CHECK_OK(whole_way(path, &want));
        int n = 1;
        for (;; n++) {
            char rule[32];
            snprintf(rule, sizeof rule, "alloc:%d", n);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_status st = whole_way(path, &got);
            bool fired = hone_fault_fired() > 0;
            hone_fault_set(NULL);
            if (!fired) break;
            CHECK_MSG(st == HONE_E_NOMEM, "allocation %d: status %d, %s", n, st, hone_last_error()->message);
            CHECK(hone_last_error()->code == HONE_E_NOMEM);
            CHECK(n < 2000);
        }
        CHECK_MSG(n > 30, "only %d allocations were seen", n);
        CHECK_OK(whole_way(path, &got));
        CHECK(got == want);
    }
}

TEST(data, failed_and_interrupted_reads_are_told_apart) {
    const char *path = table_path("r.csv", false);
    uint64_t want, got;
    CHECK_OK(whole_way(path, &want));
    CHECK(hone_fault_set("read:1:EINTR,read:2:short"));
    CHECK_OK(whole_way(path, &got));
    CHECK(hone_fault_fired() == 2);
    CHECK(got == want);
    CHECK(hone_fault_set("read:2:EIO"));
    hone_status st = whole_way(path, &got);
    hone_fault_set(NULL);
    CHECK_INT(st, HONE_E_IO);
    CHECK(strstr(hone_last_error()->file, "r.csv"));
}

static void fill(FILE *f, char c, size_t n) {
    char block[4096];
    memset(block, c, sizeof block);
    for (; n > sizeof block; n -= sizeof block) CHECK(fwrite(block, 1, sizeof block, f) == sizeof block);
    CHECK(fwrite(block, 1, n, f) == n);
}

/* Files of more than one window, in each place where the reader may have to go on: within a text, a row, the space
 * between rows, a row that is too long. */
static const char *long_file(int kind) {
    static const char *const names[] = {"l.csv", "l.json", "o.json", "l.jsonl", "t.csv", "h.csv"};
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", test_dir(), names[kind]);
    FILE *f = fopen(path, "wb");
    CHECK(f);
    const size_t much = 300000;
    if (kind == 0) {
        fputs("a,b\n\"", f), fill(f, 'x', much), fputs("\"\"", f), fill(f, 'y', much), fputs("\",1\n", f);
        fill(f, 'z', much), fputs(",2\n", f), fill(f, '\n', much), fputs("p,q,\"", f), fill(f, 'r', much),
            fputs("\"\n", f);
    } else if (kind == 1 || kind == 2) {
        fill(f, ' ', much), fputs(kind == 1 ? "[" : "", f);
        for (int i = 0; i < 3; i++) {
            fputs(i && kind == 1 ? "," : "", f), fill(f, '\n', much), fputs("{\n\"a\": \"", f), fill(f, 'x', much),
                fputs("\"}", f);
            fill(f, ' ', much);
        }
        fputs(kind == 1 ? "]" : "", f), fill(f, '\n', much);
    } else if (kind == 3) {
        fputs("{\"a\": \"x\"}\n{\"a\": \"", f), fill(f, 'x', HONE_TABLE_MAX_FIELD + much),
            fputs("\"}\n{\"a\": \"y\"}\n", f);
    } else if (kind == 4) {
        fputs("a,b\n1,2\n", f), fill(f, 'x', HONE_TABLE_MAX_FIELD + much), fputs(",3\n4,5\n", f);
    } else {
        fill(f, '\n', much), fputs("a,\"", f), fill(f, 'b', much), fputs("\"\n1,2\n", f);
    }
    CHECK(!fclose(f));
    return path;
}

TEST(data, a_read_that_fails_in_any_window_of_a_long_file_is_an_error_with_its_name) {
    static const int rows[] = {2, 3, 3, 2, 2, -1};
    for (int kind = 0; kind < 6; kind++) {
        const char *path = long_file(kind);
        bool fired = true;
        for (int k = 1; fired; k++) {
            char rule[32];
            hone_table *t = NULL;
            snprintf(rule, sizeof rule, "read:%d:EIO", k);
            CHECK(hone_fault_set(rule));
            hone_error_clear();
            hone_status st = hone_table_read(path, NULL, &t);
            fired = hone_fault_fired() > 0;
            hone_fault_set(NULL);
            if (fired) {
                CHECK_MSG(st == HONE_E_IO && !t && !strcmp(hone_last_error()->file, path), "%s, %s: status %d, %s",
                          path, rule, st, hone_last_error()->message);
            } else if (rows[kind] >= 0) {
                CHECK_OK(st);
                CHECK_MSG(hone_table_rows(t) == rows[kind], "%s: %d rows", path, (int)hone_table_rows(t));
            }
            hone_table_free(t);
        }
    }
}

TEST(data, a_warm_epoch_allocates_nothing) {
    static const char *const text[] = {"a", "b", "cc", "dd", "eee", "f", "gggg", "h", "a", "j", "k", "l"};
    const hone_encoder enc = {.encode = encode, .work_new = work_new, .work_free = work_free};
    hone_texts x;
    hone_token_store s;
    hone_batches *b;
    CHECK_OK(hone_texts_from_array(text, NULL, 6, 2, &x));
    CHECK_OK(hone_token_store_build(&x, NULL, &enc, &s));
    CHECK_OK(hone_batches_new(
        &s,
        &(hone_sampler_options){
            .batch_size = 2, .no_duplicates = true, .n = 6, .text_of = x.of, .width = 2, .n_texts = x.count},
        &b));
    hone_fault_set(NULL);
    for (int64_t epoch = 0; epoch < 5; epoch++) {
        int64_t before = hone_fault_count(HONE_FAULT_ALLOC);
        const hone_token_batch *batch;
        CHECK_OK(hone_batches_begin(b, epoch, 0));
        do CHECK_OK(hone_batches_next(b, &batch));
        while (batch);
        CHECK_INT(hone_fault_count(HONE_FAULT_ALLOC) - before, 1); /* the prefetch itself, once an epoch */
    }
    hone_batches_free(b);
    hone_token_store_free(&s);
    hone_texts_free(&x);
}

#endif
