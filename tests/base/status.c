#include "tests/test.h"

#include <errno.h>
#include <pthread.h>

TEST(status, the_record_keeps_place_code_and_hint) {
    CHECK_INT(hone_fail_at(HONE_E_FORMAT, "a.csv", 12, 3, "%d fields, expected %d", 2, 3), HONE_E_FORMAT);
    CHECK_INT(hone_hint("quote the %s", "comma"), HONE_E_FORMAT);
    const hone_error *e = hone_last_error();
    CHECK_STR(e->file, "a.csv");
    CHECK_INT(e->line, 12);
    CHECK_INT(e->column, 3);
    CHECK_STR(e->message, "2 fields, expected 3");
    CHECK_STR(e->hint, "quote the comma");
    CHECK_INT(hone_fail(HONE_E_ARG, "next"), HONE_E_ARG);
    CHECK_STR(e->hint, "");
    CHECK_STR(e->file, "");
    CHECK_INT(e->line, 0);
    hone_error_clear();
    CHECK_INT(e->code, HONE_OK);
}

TEST(status, the_text_of_an_error_has_what_is_known_and_nothing_else) {
    hone_fail_at(HONE_E_FORMAT, "a.csv", 12, 3, "%d fields, expected %d", 2, 3);
    CHECK_STR(hone_error_text(hone_last_error()), "a.csv:12:3: 2 fields, expected 3");
    hone_hint("quote the comma");
    CHECK_STR(hone_error_text(hone_last_error()), "a.csv:12:3: 2 fields, expected 3\n  hint: quote the comma");
    hone_fail_at(HONE_E_FORMAT, "a.csv", 12, 0, "broken");
    CHECK_STR(hone_error_text(hone_last_error()), "a.csv:12: broken");
    hone_fail(HONE_E_ARG, "no");
    CHECK_STR(hone_error_text(hone_last_error()), "no");
    /* The longest of everything fits. */
    char file[600], words[1100];
    memset(file, 'f', sizeof file - 1), file[sizeof file - 1] = 0;
    memset(words, 'w', sizeof words - 1), words[sizeof words - 1] = 0;
    hone_fail_at(HONE_E_FORMAT, file, INT64_MAX, INT64_MAX, "%s", words);
    hone_hint("%s", words);
    const hone_error *e = hone_last_error();
    CHECK_INT(strlen(hone_error_text(e)),
              strlen(e->file) + strlen(e->message) + strlen(e->hint) + 2 * 20 + strlen(": ") + strlen("\n  hint: "));
}

TEST(status, a_message_may_quote_the_message_before_it) {
    hone_fail_at(HONE_E_FORMAT, "inner", 0, 0, "inner trouble");
    hone_fail_at(HONE_E_FORMAT, hone_last_error()->file, 0, 0, "outer: %s", hone_last_error()->message);
    CHECK_STR(hone_last_error()->message, "outer: inner trouble");
    CHECK_STR(hone_last_error()->file, "inner");
}

TEST(status, the_systems_reason_is_kept) {
    errno = ENOSPC;
    CHECK_INT(hone_fail_os("out/x", "cannot write %d bytes", 7), HONE_E_IO);
    CHECK_STR(hone_last_error()->message, "cannot write 7 bytes: No space left on device");
    CHECK_INT(hone_last_error()->os_error, ENOSPC);
}

TEST(status, blame_fills_only_what_is_missing) {
    hone_fail(HONE_E_NOMEM, "out of memory");
    CHECK_INT(hone_blame("a.json", 7), HONE_E_NOMEM);
    CHECK_STR(hone_last_error()->file, "a.json");
    CHECK_INT(hone_last_error()->line, 7);
    hone_blame("b.json", 9);
    CHECK_STR(hone_last_error()->file, "a.json");
    CHECK_INT(hone_last_error()->line, 7);
    hone_fail_at(HONE_E_FORMAT, "a.json", 0, 0, "x");
    hone_blame("b.json", 9);
    CHECK_INT(hone_last_error()->line, 0);
}

TEST(status, too_long_texts_are_cut_at_a_character) {
    char text[5000];
    for (size_t i = 0; i < sizeof text - 2; i += 2) memcpy(text + i, "\xC3\xA9", 2);
    text[sizeof text - 2] = 0;
    hone_fail_at(HONE_E_FORMAT, text, 0, 0, "x%s", text);
    hone_hint("%s", text);
    const hone_error *e = hone_last_error();
    CHECK_INT(strlen(e->message), 1023); /* one byte and 511 characters of two */
    CHECK_INT(strlen(e->file), 510);
    CHECK_INT(strlen(e->hint), 382);
}

TEST(status, exit_codes_are_those_of_the_command) {
    static const struct {
        hone_status code;
        int os_error, want;
    } cases[] = {{HONE_OK, 0, 0},        {HONE_E_ARG, 0, 2},     {HONE_E_SHAPE, 0, 3},      {HONE_E_DTYPE, 0, 3},
                 {HONE_E_IO, ENOENT, 3}, {HONE_E_IO, ENOSPC, 4}, {HONE_E_IO, EACCES, 4},    {HONE_E_IO, 0, 4},
                 {HONE_E_NOMEM, 0, 5},   {HONE_E_FORMAT, 0, 3},  {HONE_E_LIMIT, 0, 3},      {HONE_E_UNSUPPORTED, 0, 3},
                 {HONE_E_NUMERIC, 0, 6}, {HONE_E_DEVICE, 0, 7},  {HONE_E_STOPPED, 15, 143}, {HONE_E_STOPPED, 0, 130}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hone_error e = {.code = cases[i].code, .os_error = cases[i].os_error};
        CHECK_MSG(hone_exit_status(&e) == cases[i].want, "case %zu gives %d, want %d", i, hone_exit_status(&e),
                  cases[i].want);
    }
}

TEST(status, hostile_names_are_shown_and_not_obeyed) {
    CHECK_STR(hone_quote("plain name"), "plain name");
    CHECK_STR(hone_quote("caf\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80"), "caf\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80");
    CHECK_STR(hone_quote("a\x1b[31mb\n\x7f"), "a\\x1b[31mb\\x0a\\x7f");
    CHECK_STR(hone_quote("\xC2\x9B"), "\\xc2\\x9b");          /* C1: a terminal's CSI */
    CHECK_STR(hone_quote("\xE2\x80\xAE"), "\\xe2\\x80\\xae"); /* right-to-left override */
    CHECK_STR(hone_quote("\xC0\xAF\xFF\xED\xA0\x80"), "\\xc0\\xaf\\xff\\xed\\xa0\\x80");
    CHECK_STR(hone_quote("\xE4\xB8"), "\\xe4\\xb8");
    CHECK_STR(hone_quote(NULL), "(null)");
    CHECK_STR(hone_quote_n("a\0b", 3), "a\\x00b");
    char text[400];
    memset(text, 'x', 399);
    text[399] = 0;
    CHECK_INT(strlen(hone_quote(text)), 83);
    memset(text, 1, 399);
    CHECK_INT(strlen(hone_quote(text)), 83);
    const char *first = hone_quote("first");
    for (int i = 0; i < 7; i++) hone_quote("another");
    CHECK_STR(first, "first");
}

static void *fail_elsewhere(void *out) {
    hone_fail(HONE_E_LIMIT, "from the other thread");
    *(hone_error *)out = *hone_last_error();
    return NULL;
}

TEST(status, each_thread_has_its_own_record) {
    hone_error_clear();
    hone_error other;
    pthread_t t;
    CHECK(!pthread_create(&t, NULL, fail_elsewhere, &other));
    pthread_join(t, NULL);
    CHECK_INT(hone_last_error()->code, HONE_OK);
    hone_error_restore(&other);
    CHECK_STR(hone_last_error()->message, "from the other thread");
    CHECK_INT(hone_last_error()->code, HONE_E_LIMIT);
}

TEST(status, size_arithmetic_tells_of_overflow) {
    uint64_t v;
    CHECK(hone_mul_size(1ull << 32, (1ull << 32) - 1, &v));
    CHECK(!hone_mul_size(1ull << 32, 1ull << 32, &v));
    CHECK(hone_add_size(UINT64_MAX, 0, &v));
    CHECK(!hone_add_size(UINT64_MAX, 1, &v));
}
