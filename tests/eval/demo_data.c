/* The demo's data is what demo/README.md says: nothing held out was ever seen in training. */
#include "data/table.h"
#include "tests/test.h"

#include <ctype.h>
#include <search.h>
#include <stdlib.h>

static hone_table *read_pairs(const char *name, int64_t rows) {
    hone_table *t;
    CHECK_OK(hone_table_read(test_path(name), &(hone_table_options){.strict = true}, &t));
    CHECK_INT(hone_table_rows(t), rows);
    CHECK_INT(hone_table_find_column(t, "anchor"), 0);
    CHECK_INT(hone_table_find_column(t, "positive"), 1);
    return t;
}

static int compare(const void *a, const void *b) {
    return strcmp(a, b);
}

/* A lower-case copy: the caller frees it, or the set that took it as its key does. */
static char *lower(const char *text) {
    char *copy = strdup(text);
    for (char *c = copy; *c; c++) *c = (char)tolower((unsigned char)*c);
    return copy;
}

static bool add(void **set, const char *text) { /* false: it was there */
    char *key = lower(text);
    char **found = tsearch(key, set, compare);
    bool fresh = *found == key;
    if (!fresh) free(key);
    return fresh;
}

/* Empty a set: its root, until there is none. */
static void drop(void **set) {
    while (*set) {
        char *key = *(char **)*set;
        tdelete(key, set, compare);
        free(key);
    }
}

TEST(demo, no_held_out_word_or_definition_occurs_in_training) {
    hone_table *train = read_pairs("demo/train.jsonl.gz", 6000), *held = read_pairs("demo/eval.jsonl.gz", 1000);
    void *texts = NULL, *words = NULL;
    for (int64_t i = 0; i < hone_table_rows(held); i++) {
        CHECK_MSG(add(&texts, hone_table_cell(held, i, 0).p), "held-out definition %" PRId64 " is there twice", i);
        CHECK_MSG(add(&words, hone_table_cell(held, i, 1).p), "held-out word %" PRId64 " is there twice", i);
    }
    for (int64_t i = 0; i < hone_table_rows(train); i++) {
        const char *definition = hone_table_cell(train, i, 0).p, *word = hone_table_cell(train, i, 1).p;
        CHECK_MSG(add(&texts, definition), "definition \"%s\" is there twice", definition);
        char *small = lower(word);
        CHECK_MSG(!tfind(small, &words, compare), "\"%s\" is held out", word);
        free(small);
        char *copy = lower(definition), *rest = NULL;
        for (char *w = strtok_r(copy, " ,;:()'`", &rest); w; w = strtok_r(NULL, " ,;:()'`", &rest))
            CHECK_MSG(!tfind(w, &words, compare), "\"%s\" is held out and occurs in \"%s\"", w, definition);
        free(copy);
    }
    drop(&texts);
    drop(&words);
    hone_table_free(train);
    hone_table_free(held);
}
