/* Which added tokens a folder has, with which flags and ids, when its files say it more than once. Ids and sizes are
 * those of transformers 5.23 for the same folders. */
#include "base/io.h"
#include "data/tokenizer/tokenizer.h"
#include "tests/test.h"

#define VOCAB "\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"a\":5,\"##b\":6,\"<s>\":7,\"</s>\":8"
#define BERT "{\"tokenizer_class\":\"BertTokenizer\""
#define PLAIN "{\"tokenizer_class\":\"PreTrainedTokenizerFast\""
#define TOKEN(content, flags) "{\"__type\":\"AddedToken\",\"content\":\"" content "\"" flags "}"
#define PADDING "\"padding\":{\"strategy\":\"BatchLongest\",\"pad_id\":0,\"pad_type_id\":0,\"pad_token\":\"<p>\"},"
static const char vocab_txt[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n";

/* An element of tokenizer.json's list. */
#define ADDED(id, content, single)                                                                                     \
    "{\"id\":" id ",\"content\":\"" content "\",\"single_word\":" single                                               \
    ",\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":false}"

typedef struct sample {
    const char *parts, *added, *vocab; /* of tokenizer.json; parts NULL: vocab is a vocab.txt */
    const char *config, *old;          /* tokenizer_config.json, added_tokens.json */
    const char *text, *ids;
    int size; /* len(tokenizer) */
} sample;

static void put(const char *dir, const char *name, const char *text) {
    char path[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(path, dir, name));
    CHECK_OK(hone_io_remove_tree(path));
    if (!text) return;
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(text, 1, strlen(text), f) == strlen(text) && !fclose(f));
}

static void check(const sample *s) {
    char dir[HONE_PATH_MAX], json[2048], got[256] = "";
    hone_tokenizer *t = NULL;
    hone_encoding e = {0};
    CHECK_OK(hone_io_join(dir, test_dir(), "tokadded"));
    CHECK_OK(hone_io_mkdirs(dir));
    snprintf(json, sizeof json,
             "{\"version\":\"1.0\",%s\"added_tokens\":[%s],\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{"
             "\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
             "\"max_input_chars_per_word\":9,\"vocab\":{%s}}}",
             s->parts ? s->parts : "", s->added ? s->added : "", s->vocab ? s->vocab : VOCAB);
    put(dir, "tokenizer.json", s->parts ? json : NULL);
    put(dir, "vocab.txt", s->parts ? NULL : s->vocab ? s->vocab : vocab_txt);
    put(dir, "tokenizer_config.json", s->config);
    put(dir, "added_tokens.json", s->old);
    put(dir, "config.json", "{\"model_type\":\"bert\"}");
    CHECK_OK(hone_tokenizer_open(dir, &t));
    CHECK_OK(hone_tokenizer_encode(t, s->text, strlen(s->text), NULL, 0, NULL, &e));
    for (int64_t i = 0; i < e.n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d", i ? " " : "", e.ids[i]);
    CHECK_STR(got, s->ids);
    CHECK_INT(hone_tokenizer_vocab_size(t), s->size);
    hone_encoding_free(&e);
    hone_tokenizer_free(t);
}

static void check_all(const sample *s, size_t n) {
    for (size_t i = 0; i < n; i++) check(&s[i]);
}

TEST(tokenizer, of_two_lists_of_added_tokens_the_one_that_transformers_reads_counts) {
    static const sample s[] = {
        /* added_tokens_decoder stands for tokenizer.json's list under a class that is rebuilt … */
        {.parts = "",
         .added = ADDED("9", "<x>", "false") "," ADDED("10", "<y>", "false"),
         .config = BERT ",\"added_tokens_decoder\":{\"9\":{\"content\":\"<y>\",\"normalized\":false}}}",
         .text = "a<x>a<y>",
         .ids = "2 5 1 1 1 5 9 3",
         .size = 10},
        /* … and gives its flags where it is not */
        {.parts = "",
         .added = ADDED("9", "<x>", "true"),
         .config = PLAIN ",\"added_tokens_decoder\":{\"9\":{\"content\":\"<x>\",\"normalized\":false}}}",
         .text = "a<x>a",
         .ids = "5 9 5",
         .size = 10},
        /* added_tokens.json counts beside tokenizer.json, in the order of all numbers */
        {.parts = "",
         .added = ADDED("9", "<x>", "false"),
         .config = PLAIN "}",
         .old = "{\"<z>\":10,\"<w>\":3}",
         .text = "a<x>a<z>a<w>",
         .ids = "5 9 5 11 5 10",
         .size = 12},
        {.parts = "",
         .added = ADDED("9", "<x>", "false"),
         .config = BERT "}",
         .old = "{\"<z>\":10,\"<w>\":3}",
         .text = "a<x>a<z>a<w>",
         .ids = "2 5 10 5 11 5 9 3",
         .size = 12},
        /* a name of the class alone makes no old token one that is not normalized */
        {.config = BERT "}", .old = "{\"[MASK]\":4}", .text = "[mask]", .ids = "2 4 3", .size = 7},
        {.config = BERT ",\"mask_token\":\"[MASK]\"}",
         .old = "{\"[MASK]\":4}",
         .text = "[mask]",
         .ids = "2 1 1 1 3",
         .size = 7},
    };
    check_all(s, sizeof s / sizeof *s);
}

TEST(tokenizer, special_tokens_that_nobody_lists_are_added_in_the_order_of_the_roles) {
    static const sample s[] = {
        /* the class's own names that the vocabulary lacks come before the others */
        {.vocab = "[UNK]\n[CLS]\n[SEP]\na\n",
         .config = BERT ",\"additional_special_tokens\":[\"<x>\"]}",
         .text = "a[PAD]a[MASK]a<x>",
         .ids = "1 3 4 3 5 3 6 2",
         .size = 7},
        /* the padding block's token is the pad_token of a class that has none */
        {.parts = PADDING,
         .config = PLAIN ",\"mask_token\":\"<m>\"}",
         .text = "a<p>a<m>",
         .ids = "5 9 5 10",
         .size = 11},
        {.parts = PADDING,
         .config = PLAIN ",\"mask_token\":\"<m>\",\"pad_token\":null}",
         .text = "a<p>a<m>",
         .ids = "1 9",
         .size = 10},
        {.parts = PADDING,
         .config = BERT ",\"mask_token\":\"<m>\"}",
         .text = "a<p>a<m>",
         .ids = "2 5 1 1 1 5 9 3",
         .size = 10},
        /* ids follow the largest added one, whatever gaps the vocabulary has */
        {.parts = "",
         .added = ADDED("7", "c", "false"),
         .vocab = "\"[UNK]\":0,\"a\":1,\"b\":3,\"c\":7",
         .config = PLAIN ",\"mask_token\":\"<m>\",\"additional_special_tokens\":[\"<x>\"]}",
         .text = "a<m>a<x>",
         .ids = "1 8 1 9",
         .size = 6},
    };
    check_all(s, sizeof s / sizeof *s);
}

TEST(tokenizer, a_token_that_is_named_twice_has_the_flags_that_come_last) {
    static const sample s[] = {
        /* a role makes a token special, and so it is not normalized unless its object says so */
        {.config = BERT ",\"cls_token\":" TOKEN("[CLS]", ",\"special\":false") "}",
         .text = "[cls][CLS]",
         .ids = "2 1 1 1 2 3",
         .size = 7},
        /* eos_token comes before the class's own sep_token */
        {.config = BERT ",\"eos_token\":" TOKEN("[SEP]", ",\"single_word\":true,\"normalized\":false") "}",
         .text = "a[SEP]a",
         .ids = "2 5 3 5 3",
         .size = 7},
        {.config =
             BERT ",\"sep_token\":" TOKEN("[SEP]", ",\"single_word\":true,\"normalized\":false") ",\"eos_token\":\"["
                                                                                                 "SEP]\"}",
         .text = "a[SEP]a",
         .ids = "2 5 1 1 1 5 3",
         .size = 7},
        /* one with a name of its own is special, too: split_special_tokens is about it */
        {.config = BERT
         ",\"split_special_tokens\":true,\"extra_special_tokens\":{\"n\":" TOKEN("a", ",\"special\":false") "}}",
         .text = "a ab",
         .ids = "2 5 5 6 3",
         .size = 7},
        /* one of a list is what its object says */
        {.config = BERT ",\"extra_special_tokens\":[" TOKEN("<x>", "") "]}",
         .text = "a<X>a",
         .ids = "2 5 7 5 3",
         .size = 8},
        /* an MPNet class gives its mask the white space before it, whoever names it */
        {.vocab = "<s>\n</s>\n[UNK]\n<pad>\n<mask>\na\n",
         .config = "{\"tokenizer_class\":\"MPNetTokenizer\",\"mask_token\":\"<mask>\"}",
         .text = "a <mask>",
         .ids = "0 5 4 1",
         .size = 6},
    };
    check_all(s, sizeof s / sizeof *s);
}

TEST(tokenizer, the_classes_of_dpr_always_lower_or_take_tokenizer_json) {
#define DPR(class) "{\"tokenizer_class\":\"DPR" class "\",\"do_lower_case\":false}"
    static const sample s[] = {
        {.config = DPR("QuestionEncoderTokenizer"), .text = "A a", .ids = "2 5 5 3", .size = 7},
        {.parts = "", .config = DPR("ContextEncoderTokenizer"), .text = "A a. a", .ids = "2 5 5 1 5 3", .size = 9},
        {.parts = "", .config = DPR("ReaderTokenizerFast"), .text = "A a. a", .ids = "2 1 1 5 3", .size = 9},
        {.parts = "", .config = DPR("QuestionEncoderTokenizerFast"), .text = "A a. a", .ids = "2 1 1 5 3", .size = 9},
    };
    check_all(s, sizeof s / sizeof *s);
}
