/* Tokenizers against golden files made by the tokenizers library (tests/golden/tokenizer/make_goldens.py). */
#include "data/tokenizer/tokenizer.h"
#include "base/io.h"
#include "base/json.h"
#include "base/parallel.h"
#include "data/tokenizer/unicode.h"
#include "tests/data/tokenizer_folder.h"
#include "tests/test.h"

#include <stdlib.h>

static hone_tokenizer *open_golden(const char *name) {
    char path[256];
    hone_tokenizer *t = NULL;
    snprintf(path, sizeof path, "tests/golden/tokenizer/%s", name);
    CHECK_OK(hone_tokenizer_open(test_path(path), &t));
    return t;
}

/* One line of a golden file. */
typedef struct golden {
    json_t *o;
    const char *text, *pair;
    size_t n, n_pair;
    hone_encode_options options;
} golden;

static json_t **load_lines(const char *name, size_t *count) {
    char path[256], *text;
    size_t n, cap = 0;
    json_t **lines = NULL;
    snprintf(path, sizeof path, "tests/golden/tokenizer/%s.jsonl", name);
    CHECK_OK(hone_io_read_file(test_path(path), 1 << 24, &text, &n));
    *count = 0;
    for (size_t i = 0; i < n;) {
        const char *end = memchr(text + i, '\n', n - i);
        size_t stop = end ? (size_t)(end - text) : n;
        if (*count == cap) lines = realloc(lines, (cap = cap * 2 + 64) * sizeof *lines);
        CHECK_OK(hone_json_parse(text + i, stop - i, path, (int64_t)*count + 1, &lines[*count]));
        ++*count;
        i = stop + 1;
    }
    hone_free(text);
    return lines;
}

static golden read_golden(json_t *o) {
    golden g = {.o = o, .options = {.want_offsets = true}};
    const json_t *text = json_object_get(o, "text"), *pair = json_object_get(o, "pair");
    g.text = json_string_value(text);
    g.n = json_string_length(text);
    g.pair = json_string_value(pair);
    g.n_pair = pair ? json_string_length(pair) : 0;
    g.options.max_length = json_integer_value(json_object_get(o, "max"));
    const char *how = json_string_value(json_object_get(o, "how"));
    if (how && !strcmp(how, "only_first")) g.options.truncation = HONE_TRUNCATE_ONLY_FIRST;
    if (how && !strcmp(how, "only_second")) g.options.truncation = HONE_TRUNCATE_ONLY_SECOND;
    g.options.no_special_tokens = json_is_true(json_object_get(o, "plain"));
    g.options.split_special_tokens = json_is_true(json_object_get(o, "split"));
    return g;
}

static void check_golden(const hone_tokenizer *t, const char *name, size_t line, json_t *o, hone_encoding *e) {
    golden g = read_golden(o);
    const json_t *ids = json_object_get(o, "ids"), *types = json_object_get(o, "types");
    const json_t *at = json_object_get(o, "at"), *tokens = json_object_get(o, "tokens");
    CHECK_OK(hone_tokenizer_encode(t, g.text, g.n, g.pair, g.n_pair, &g.options, e));
    if (e->n != (int64_t)json_array_size(ids))
        FAIL("%s.jsonl:%zu: %" PRId64 " tokens, want %zu, of \"%s\"", name, line, e->n, json_array_size(ids),
             hone_quote_n(g.text, g.n));
    for (int64_t i = 0; i < e->n; i++) {
        size_t k = (size_t)i;
        int64_t id = json_integer_value(json_array_get(ids, k));
        int64_t type = types ? json_integer_value(json_array_get(types, k)) : 0;
        int64_t b = json_integer_value(json_array_get(at, 2 * k)),
                end = json_integer_value(json_array_get(at, 2 * k + 1));
        if (e->ids[i] != id || e->type_ids[i] != type || e->offsets[i][0] != b || e->offsets[i][1] != end)
            FAIL("%s.jsonl:%zu: token %" PRId64 " is id %d type %d [%d, %d), want id %" PRId64 " type %" PRId64
                 " [%" PRId64 ", %" PRId64 "), of \"%s\"",
                 name, line, i, e->ids[i], e->type_ids[i], e->offsets[i][0], e->offsets[i][1], id, type, b, end,
                 hone_quote_n(g.text, g.n));
        size_t n;
        const char *spelling = hone_encoding_token(t, e, i, &n);
        const json_t *want = json_array_get(tokens, k);
        size_t m = 0;
        const char *w = want ? json_string_value(want) : hone_tokenizer_token(t, id, &m);
        if (want) m = json_string_length(want);
        if (!spelling || n != m || memcmp(spelling, w, n))
            FAIL("%s.jsonl:%zu: token %" PRId64 " is spelled \"%s\", want \"%s\"", name, line, i,
                 hone_quote_n(spelling, n), hone_quote_n(w, m));
    }
}

static void check_file(const char *name, size_t least) {
    size_t n;
    hone_tokenizer *t = open_golden(name);
    json_t **lines = load_lines(name, &n);
    hone_encoding e = {0};
    CHECK_MSG(n >= least, "%s.jsonl has %zu cases, want %zu", name, n, least);
    for (size_t i = 0; i < n; i++) check_golden(t, name, i + 1, lines[i], &e);
    for (size_t i = 0; i < n; i++) json_decref(lines[i]);
    free(lines);
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

TEST(tokenizer, a_thousand_texts_and_pairs_give_the_ids_offsets_and_spellings_of_the_reference) {
    check_file("uncased", 1200);
}
TEST(tokenizer, a_cased_vocab_txt_gives_what_transformers_gives) {
    check_file("cased", 380);
}
TEST(tokenizer, added_tokens_of_every_flag_are_cut_out_as_in_the_reference) {
    check_file("added", 100);
}
TEST(tokenizer, added_tokens_without_special_ones_around_a_cased_normalizer) {
    check_file("added_cased", 100);
}
TEST(tokenizer, a_template_may_swap_the_texts_and_repeat_special_tokens) {
    check_file("template", 100);
}
TEST(tokenizer, roberta_processing_trims_offsets) {
    check_file("roberta", 100);
}
TEST(tokenizer, another_prefix_unknown_token_and_word_limit) {
    check_file("prefix", 100);
}
TEST(tokenizer, nfd_lowercase_strip_accents_and_whitespace) {
    check_file("course", 100);
}
TEST(tokenizer, decomposing_and_composing_forms) {
    check_file("forms", 100);
}
TEST(tokenizer, string_replacement_keeps_offsets) {
    check_file("replace", 100);
}
TEST(tokenizer, strip_and_contiguous_punctuation) {
    check_file("strip", 100);
}
TEST(tokenizer, prepend_then_compose) {
    check_file("prepend", 100);
}

/* ---- facts ---- */

static void write_text(const char *folder, const char *name, const char *text) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_mkdirs(folder));
    CHECK_OK(hone_io_join(path, folder, name));
    CHECK_OK(hone_io_write_file(path, text, strlen(text)));
}

static const char *fresh(const char *name) {
    static char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, test_dir(), name));
    CHECK_OK(hone_io_remove_tree(path));
    CHECK_OK(hone_io_mkdirs(path));
    return path;
}

static void check_ids(const hone_tokenizer *t, const char *text, const char *pair, const hone_encode_options *o, int n,
                      const int32_t *want) {
    hone_encoding e = {0};
    CHECK_OK(hone_tokenizer_encode(t, text, strlen(text), pair, pair ? strlen(pair) : 0, o, &e));
    CHECK_MSG(e.n == n, "\"%s\" gives %" PRId64 " ids, want %d", hone_quote(text), e.n, n);
    for (int i = 0; i < n; i++) CHECK_INT(e.ids[i], want[i]);
    hone_encoding_free(&e);
}
#define IDS(...)                                                                                                       \
    (int)(sizeof(int32_t[]){__VA_ARGS__} / sizeof(int32_t)), (int32_t[]) {                                             \
        __VA_ARGS__                                                                                                    \
    }

TEST(tokenizer, the_facts_of_a_folder) {
    hone_tokenizer *t = open_golden("uncased"), *cased = open_golden("cased");
    CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_PAD), 0);
    CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_UNK), 1);
    CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_CLS), 2);
    CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_SEP), 3);
    CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_MASK), 4);
    CHECK_INT(hone_tokenizer_vocab_size(t), 2600);
    CHECK_INT(hone_tokenizer_vocab_limit(t), 2600);
    CHECK_INT(hone_tokenizer_max_length(t), 512);
    CHECK(hone_tokenizer_max_length(cased) == INT64_MAX); /* written as 10^30, more than 64 bits */
    CHECK_INT(hone_tokenizer_special_count(t, false), 2);
    CHECK_INT(hone_tokenizer_special_count(t, true), 3);
    CHECK(hone_tokenizer_uses_type_ids(t));
    size_t n;
    CHECK_STR(hone_tokenizer_token(t, 2, &n), "[CLS]");
    CHECK_INT(n, 5);
    CHECK_INT(hone_tokenizer_id(t, "[SEP]", 5), 3);
    CHECK_INT(hone_tokenizer_id(t, "no such token", 13), -1);
    CHECK(!hone_tokenizer_token(t, -1, NULL) && !hone_tokenizer_token(t, 2600, NULL));
    for (int64_t id = 0; id < 2600; id++) {
        const char *s = hone_tokenizer_token(t, id, &n);
        CHECK(s);
        CHECK_INT(hone_tokenizer_id(t, s, n), id);
    }
    hone_tokenizer_free(t);
    hone_tokenizer_free(cased);
}

TEST(tokenizer, an_empty_second_text_is_still_a_pair) {
    hone_tokenizer *t = open_golden("uncased");
    check_ids(t, "", NULL, NULL, IDS(2, 3));
    check_ids(t, "", "", NULL, IDS(2, 3, 3));
    check_ids(t, "[MASK]", "", NULL, IDS(2, 4, 3, 3));
    hone_encode_options plain = {.no_special_tokens = true};
    hone_encoding e = {0};
    CHECK_OK(hone_tokenizer_encode(t, "", 0, NULL, 0, &plain, &e));
    CHECK_INT(e.n, 0);
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

TEST(tokenizer, special_and_sequence_say_where_a_token_comes_from) {
    hone_tokenizer *t = open_golden("uncased");
    hone_encoding e = {0};
    CHECK_OK(hone_tokenizer_encode(t, "[MASK]", 6, "[SEP]", 5, NULL, &e));
    static const uint8_t special[] = {1, 0, 1, 0, 1};
    static const int8_t sequence[] = {-1, 0, -1, 1, -1};
    CHECK_INT(e.n, 5);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(e.special[i], special[i]);
        CHECK_INT(e.sequence[i], sequence[i]);
    }
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

/* The rule, written down apart from the code: every n1, n2, budget up to 12. */
TEST(tokenizer, longest_first_shares_the_budget_as_the_reference_does) {
    hone_tokenizer *t = open_golden("uncased");
    hone_encoding e = {0};
    char a[128], b[128];
    for (int n1 = 0; n1 <= 12; n1++)
        for (int n2 = 0; n2 <= 12; n2++)
            for (int m = 1; m <= 25; m++) {
                a[0] = b[0] = 0;
                for (int i = 0; i < n1; i++) strcat(a, "a ");
                for (int i = 0; i < n2; i++) strcat(b, "b ");
                int s = n1 < n2 ? n1 : n2, want1 = n1, want2 = n2;
                if (n1 + n2 > m) {
                    int l = s > m ? s : (s > m - s ? s : m - s);
                    if (s + l > m) s = m / 2, l = s + m % 2;
                    want1 = n1 > n2 ? l : s;
                    want2 = n1 > n2 ? s : l;
                }
                hone_encode_options o = {.max_length = m + 3};
                CHECK_OK(hone_tokenizer_encode(t, a, strlen(a), b, strlen(b), &o, &e));
                int got1 = 0, got2 = 0;
                for (int64_t i = 0; i < e.n; i++) got1 += e.sequence[i] == 0, got2 += e.sequence[i] == 1;
                CHECK_MSG(got1 == want1 && got2 == want2, "%d + %d into %d: %d + %d, want %d + %d", n1, n2, m, got1,
                          got2, want1, want2);
            }
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

TEST(tokenizer, truncation_that_cannot_be_done_is_refused_with_both_numbers) {
    hone_tokenizer *t = open_golden("uncased");
    hone_encoding e = {0};
    hone_encode_options o = {.max_length = 2};
    CHECK_FAILS(hone_tokenizer_encode(t, "a", 1, "b", 1, &o, &e), HONE_E_ARG,
                "max length 2 is less than the 3 special tokens");
    CHECK_INT(e.n, 0);
    check_ids(t, "a", NULL, &o, IDS(2, 3));
    o.max_length = 1;
    CHECK_FAILS(hone_tokenizer_encode(t, "a", 1, NULL, 0, &o, &e), HONE_E_ARG,
                "max length 1 is less than the 2 special tokens");
    o = (hone_encode_options){.max_length = 5, .truncation = HONE_TRUNCATE_ONLY_FIRST};
    CHECK_FAILS(hone_tokenizer_encode(t, "a a", 3, "b b b b", 7, &o, &e), HONE_E_ARG,
                "the first text has 2 tokens, 4 would have to go");
    o.truncation = HONE_TRUNCATE_ONLY_SECOND;
    CHECK_FAILS(hone_tokenizer_encode(t, "a a a a", 7, "b", 1, &o, &e), HONE_E_ARG,
                "the second text has 1 tokens, 3 would have to go");
    CHECK_FAILS(hone_tokenizer_encode(t, "a a a a a", 9, NULL, 0, &o, &e), HONE_E_ARG, "needs a second text");
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

/* Unicode standard, 3.12: L V and LV T are syllables; a trailing consonant begins behind U+11A7 and ends at U+11C2. */
TEST(tokenizer, hangul_composes_within_its_ranges_only) {
    static const uint32_t c[][3] = {
        {0x1100, 0x1161, 0xAC00}, {0x1112, 0x1175, 0xD788}, {0x1113, 0x1161, 0},      {0x1100, 0x1176, 0},
        {0x1100, 0x1160, 0},      {0xAC00, 0x11A8, 0xAC01}, {0xAC00, 0x11C2, 0xAC1B}, {0xAC00, 0x11A7, 0},
        {0xAC00, 0x11C3, 0},      {0xAC00, 0x11C4, 0},      {0xAC01, 0x11A8, 0},      {0xD788, 0x11C2, 0xD7A3},
        {0xD7A4, 0x11A8, 0},      {0xABFF, 0x11A8, 0},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        uint32_t got = hone_unicode_compose(c[i][0], c[i][1]);
        CHECK_MSG(got == c[i][2], "U+%04X U+%04X: U+%04X, want U+%04X", c[i][0], c[i][1], got, c[i][2]);
    }
}

TEST(tokenizer, text_that_is_not_utf8_is_refused_with_the_byte) {
    hone_tokenizer *t = open_golden("uncased");
    hone_encoding e = {0};
    static const struct {
        const char *text;
        size_t at;
    } bad[] = {{"abcdefgh\xff", 8},     {"a\xc0\x80", 1},    {"\xed\xa0\x80", 0},     {"\xf4\x90\x80\x80", 0},
               {"ab\xe4\xb8", 2},       {"\x80", 0},         {"\xe0\x9f\xbf", 0},     {"\xf0\x8f\xbf\xbf", 0},
               {"\xf8\x88\x80\x80", 0}, {"x\xc3(", 1},       {"\xf5\x80\x80\x80", 0}, {"\xe1\x80(", 0},
               {"\xf1\x80\x80(", 0},    {"\xf1\x80(\x80", 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char say[64];
        snprintf(say, sizeof say, "at offset %zu of %zu", bad[i].at, strlen(bad[i].text));
        CHECK_FAILS(hone_tokenizer_encode(t, bad[i].text, strlen(bad[i].text), NULL, 0, NULL, &e), HONE_E_FORMAT, say);
        CHECK_FAILS(hone_tokenizer_encode(t, "a", 1, bad[i].text, strlen(bad[i].text), NULL, &e), HONE_E_FORMAT, say);
    }
    CHECK_OK(hone_tokenizer_encode(t, "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 10, NULL, 0, NULL, &e));
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

/* Reads must stay inside the text: it ends at an unreadable page. */
TEST(tokenizer, nothing_is_read_past_the_end_of_the_text) {
    hone_tokenizer *t = open_golden("added");
    hone_encoding e = {0};
    static const char *const texts[] = {"hello",        "caf\xc3\xa9",      "<x",       "<m>  ", "the",
                                        "\xe4\xb8\xad", "\xf0\x9f\x91\xa8", "a\xcc\x81"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n = strlen(texts[i]);
        char *p = test_guard_alloc(n, 1, false);
        memcpy(p, texts[i], n);
        CHECK_OK(hone_tokenizer_encode(t, p, n, NULL, 0, NULL, &e));
        test_guard_free(p);
    }
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

/* Of thirty marks in any order those below (class 220) come before those above (230), each sort as it came. */
TEST(tokenizer, many_marks_are_sorted_by_their_class) {
    char word[128] = "a", shuffled[128] = "a", json[1024];
    for (int i = 0; i < 30; i++) {
        strcat(word, i < 15 ? "\xCC\xA3" : "\xCC\x81");
        strcat(shuffled, i * 7 % 30 < 15 ? "\xCC\x81" : "\xCC\xA3");
    }
    snprintf(json, sizeof json,
             "{\"normalizer\":{\"type\":\"NFD\"},\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{"
             "\"type\":\"WordPiece\",\"unk_token\":\"u\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_"
             "word\":99,\"vocab\":{\"u\":0,\"%s\":1}}}",
             word);
    const char *const content[6] = {json};
    tokenizer_check_ids(content, shuffled, "1");
    tokenizer_check_ids(content, word, "1");
}

/* Canonical ordering must not be quadratic, nor may a match be. */
TEST(tokenizer, a_megabyte_of_one_word_of_marks_or_of_punctuation_is_encoded) {
    hone_tokenizer *t = open_golden("uncased");
    hone_encoding e = {0};
    size_t n = 1 << 20;
    char *p = malloc(n);
    memset(p, 'a', n);
    CHECK_OK(hone_tokenizer_encode(t, p, n, NULL, 0, NULL, &e));
    CHECK_INT(e.n, 3); /* more than 100 characters: unknown */
    CHECK_INT(e.ids[1], 1);
    for (size_t i = 0; i < n; i += 2) memcpy(p + i, i / 2 % 2 ? "\xcc\x81" : "\xcc\xa3", 2);
    CHECK_OK(hone_tokenizer_encode(t, p, n, NULL, 0, NULL, &e));
    CHECK_INT(e.n, 2); /* nothing is left of accents alone */
    memset(p, '[', n);
    CHECK_OK(hone_tokenizer_encode(t, p, n, NULL, 0, NULL, &e));
    CHECK_INT(e.n, (int64_t)n + 2);
    free(p);
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

typedef struct shared {
    const hone_tokenizer *t;
    json_t **lines;
    size_t n;
} shared;

static hone_status encode_some(void *ctx, int64_t task) {
    const shared *s = ctx;
    hone_encoding e = {0};
    for (size_t i = (size_t)task; i < s->n; i += 8) {
        golden g = read_golden(s->lines[i]);
        hone_status status = hone_tokenizer_encode(s->t, g.text, g.n, g.pair, g.n_pair, &g.options, &e);
        const json_t *ids = json_object_get(g.o, "ids");
        bool same = status == HONE_OK && e.n == (int64_t)json_array_size(ids);
        for (int64_t k = 0; same && k < e.n; k++) same = e.ids[k] == json_integer_value(json_array_get(ids, (size_t)k));
        if (!same) {
            hone_encoding_free(&e);
            return hone_fail(HONE_E_FORMAT, "case %zu differs", i + 1);
        }
    }
    hone_encoding_free(&e);
    return HONE_OK;
}

TEST(tokenizer, one_tokenizer_serves_many_threads) {
    shared s = {.t = open_golden("uncased")};
    s.lines = load_lines("uncased", &s.n);
    int before = hone_threads();
    hone_set_threads(8);
    CHECK_OK(hone_parallel(8, encode_some, &s));
    hone_set_threads(before);
    for (size_t i = 0; i < s.n; i++) json_decref(s.lines[i]);
    free(s.lines);
    hone_tokenizer_free((hone_tokenizer *)s.t);
}

/* ---- copying ---- */

TEST(tokenizer, a_copied_folder_opens_and_encodes_alike) {
    static const char *const names[] = {"uncased", "cased", "added"};
    for (size_t k = 0; k < 3; k++) {
        char src[64], file[HONE_PATH_MAX];
        const char *dst = fresh("copy");
        snprintf(src, sizeof src, "tests/golden/tokenizer/%s", names[k]);
        CHECK_OK(hone_tokenizer_copy_files(test_path(src), dst));
        hone_tokenizer *a = open_golden(names[k]), *b = NULL;
        CHECK_OK(hone_tokenizer_open(dst, &b));
        CHECK_INT(hone_tokenizer_vocab_size(a), hone_tokenizer_vocab_size(b));
        hone_tokenizer_free(a);
        hone_tokenizer_free(b);
        CHECK_OK(hone_io_join(file, dst, "vocab.txt"));
        CHECK_INT(hone_io_exists(file), k == 1);
    }
    write_text(fresh("empty"), "config.json", "{}");
    char src[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(src, test_dir(), "empty"));
    CHECK_FAILS(hone_tokenizer_copy_files(src, fresh("copy")), HONE_E_IO, "neither tokenizer.json nor a vocabulary");
}
