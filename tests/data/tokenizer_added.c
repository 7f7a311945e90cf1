/* Which added tokens a folder has, with which flags and ids, when its files say it more than once. Ids and sizes are
 * those of transformers 5.23 for the same folders. */
#include "base/io.h"
#include "data/tokenizer/tokenizer.h"
#include "tests/data/tokenizer_folder.h"
#include "tests/test.h"

#define VOCAB "\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"a\":5,\"##b\":6,\"<s>\":7,\"</s>\":8"
#define BERT "{\"tokenizer_class\":\"BertTokenizer\""
#define PLAIN "{\"tokenizer_class\":\"PreTrainedTokenizerFast\""
#define TOKEN(content, flags) "{\"__type\":\"AddedToken\",\"content\":\"" content "\"" flags "}"
#define PADDING "\"padding\":{\"strategy\":\"BatchLongest\",\"pad_id\":0,\"pad_type_id\":0,\"pad_token\":\"<p>\"},"

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

static void check(const sample *s) {
    char json[2048], got[256] = "";
    hone_tokenizer *t = NULL;
    hone_encoding e = {0};
    snprintf(json, sizeof json,
             "{\"version\":\"1.0\",%s\"added_tokens\":[%s],\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"},\"model\":{"
             "\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
             "\"max_input_chars_per_word\":9,\"vocab\":{%s}}}",
             s->parts ? s->parts : "", s->added ? s->added : "", s->vocab ? s->vocab : VOCAB);
    const char *const content[6] = {
        s->parts ? json : NULL,     s->parts ? NULL : s->vocab ? s->vocab : VOCAB_TXT, s->config, NULL, s->old,
        "{\"model_type\":\"bert\"}"};
    CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
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
        {.vocab = "<s>\n<pad>\n</s>\n<unk>\n<mask>\na\n[UNK]\n",
         .config = "{\"tokenizer_class\":\"MPNetTokenizer\",\"mask_token\":" TOKEN("<mask>", "") "}",
         .text = "a <mask> a",
         .ids = "0 5 4 5 2",
         .size = 7},
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

TEST(tokenizer, added_tokens_come_from_three_places_with_flags_of_their_own) {
    static const struct {
        const char *config, *map, *added, *text, *ids;
    } c[] = {
        {NULL, NULL, NULL, "a ab", "2 5 5 6 3"},
        {NULL, NULL, "{\"<x>\": 7}", "a<x>a", "2 5 7 5 3"},
        {NULL, NULL, "{\"<x>\": 7, \"[MASK]\": 4, \"\": 9}", "<x>[MASK]", "2 7 4 3"},
        {"{\"additional_special_tokens\": [\"<x>\", {\"content\": \"<y>\", \"lstrip\": true}, \"\"]}", NULL, NULL,
         "a<y> <x>", "2 5 8 7 3"},
        {"{\"extra_special_tokens\": [\"<x>\"]}", NULL, NULL, "<x>", "2 7 3"},
        /* What is not special is looked for in the normalized text. */
        {"{\"extra_special_tokens\": [{\"content\": \"<x>\", \"special\": false}]}", NULL, NULL, "<X>", "2 7 3"},
        {"{\"extra_special_tokens\": [{\"content\": \"<x>\", \"special\": false, \"normalized\": false}]}", NULL, NULL,
         "a<x>", "2 5 7 3"},
        {NULL, "{\"additional_special_tokens\": [\"<x>\"]}", NULL, "<x>", "2 7 3"},
        {NULL, "{\"cls_token\": \"[MASK]\", \"sep_token\": {\"content\": \"[PAD]\", \"special\": true}}", NULL, "a",
         "4 5 0"},
        {"{\"added_tokens_decoder\": {\"7\": {\"content\": \"<x>\", \"single_word\": true, \"special\": true}, \"10\": "
         "{\"content\": \"<z>\"}, "
         "\"9\": {\"content\": \"<y>\", \"rstrip\": true}, \"4\": {\"content\": \"[MASK]\", \"lstrip\": true, "
         "\"special\": true}, \"11\": \"\"}}",
         NULL, NULL, "<x> a<x>b <y>  <z> [MASK]", NULL},
        {"{\"added_tokens_decoder\": null, \"unk_token\": null}", NULL, NULL, "a", "2 5 3"},
        {"{\"added_tokens_decoder\": {}}", "{\"cls_token\": \"a\"}", "{\"<x>\": 7}", "a", "2 5 3"},
        {"{\"tokenizer_class\": \"BertTokenizerFast\", \"do_lower_case\": false}", NULL, NULL, "A a", "2 1 5 3"},
        {"{\"tokenizer_class\": \"BertTokenizerFast\", \"do_lower_case\": null, \"strip_accents\": false, "
         "\"tokenize_chinese_chars\": null}",
         NULL, NULL, "A \xC3\xA1", "2 5 1 3"},
        {"{\"tokenizer_class\": \"DistilBertTokenizer\"}", NULL, NULL, "a", "2 5 3"},
        {"{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}", NULL, NULL, "a", "2 5 3"},
        {"{\"tokenizer_class\": \"TokenizersBackend\"}", NULL, NULL, "a", "2 5 3"},
        {"{\"model_input_names\": [\"input_ids\", 7]}", NULL, NULL, "a", "2 5 3"},
        {"{\"model_input_names\": [\"input_ids\", \"token_type_ids\"]}", NULL, NULL, "a", "2 5 3"},
        {"{\"model_max_length\": 1000000000000000019884624838656}", NULL, NULL, "a", "2 5 3"},
        {"{\"extra_special_tokens\": {\"image_token\": \"<i>\"}, \"additional_special_tokens\": null}", NULL, NULL, "a",
         "2 5 3"},
        {"{\"model_input_names\": null}", NULL, NULL, "a", "2 5 3"},
        {"{\"bos_token\": \"\", \"mask_token\": {\"content\": \"<m>\"}}", NULL, NULL, "a<m>", NULL},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const char *const content[6] = {NULL, VOCAB_TXT, c[i].config, c[i].map, c[i].added};
        if (c[i].ids) {
            tokenizer_check_ids(content, c[i].text, c[i].ids);
            continue;
        }
        hone_tokenizer *t = NULL;
        hone_encoding e = {0};
        CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
        CHECK_OK(hone_tokenizer_encode(t, c[i].text, strlen(c[i].text), NULL, 0, NULL, &e));
        hone_encoding_free(&e);
        hone_tokenizer_free(t);
    }
}

TEST(tokenizer, added_tokens_that_get_a_taken_id_or_one_past_the_limit_are_refused) {
    static const char added[] = "{\"id\":%s,\"content\":\"<%s>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":"
                                "false,\"normalized\":false,\"special\":true}";
    static const struct {
        const char *vocab, *id, *says;
        hone_status code;
    } c[] = {{"\"a\":0,\"b\":2", "2", "gets id 2, which \"b\" has already", HONE_E_FORMAT},
             {"\"a\":0,\"b\":1", "1", "has id 1, its place is 2", HONE_E_FORMAT}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char one[256], json[2048];
        hone_tokenizer *t = NULL;
        snprintf(one, sizeof one, added, c[i].id, "x");
        snprintf(json, sizeof json,
                 "{\"added_tokens\":[%s],\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"a\",\"continuing_subword_"
                 "prefix\":\"##\","
                 "\"max_input_chars_per_word\":9,\"vocab\":{%s}}}",
                 one, c[i].vocab);
        const char *const content[6] = {json};
        CHECK_FAILS(hone_tokenizer_open(tokenizer_folder(content), &t), c[i].code, c[i].says);
    }
}

/* Ids of transformers 5.23 for the same folders. */
TEST(tokenizer, special_tokens_with_names_of_their_own_are_tokens) {
    static const struct {
        const char *config, *map, *text, *ids;
    } c[] = {
        {"{\"extra_special_tokens\": {\"image_token\": \"<i>\", \"b\": \"<j>\"}}", NULL, "<j>a<i>", "2 8 5 7 3"},
        {"{\"image_token\": \"<i>\", \"add_x_token\": true, \"y_token\": {\"content\": \"<j>\"}}", NULL, "a <i>",
         "2 5 7 3"},
        {"{\"image_token\": \"<i>\", \"y_token\": {\"__type\": \"AddedToken\", \"content\": \"<j>\", \"lstrip\": "
         "true}}",
         NULL, "<i> <j>", "2 8 7 3"},
        {NULL, "{\"image_token\": {\"content\": \"<i>\"}}", "<i>a", "2 7 5 3"},
        {"{\"added_tokens_decoder\": {}}", "{\"additional_special_tokens\": [\"<x>\"], \"image_token\": \"<i>\"}", "a",
         "2 5 3"},
        /* Which of the two lists counts. */
        {"{\"additional_special_tokens\": [\"<x>\"], \"extra_special_tokens\": [\"<y>\"]}", NULL, "<y>", "2 7 3"},
        {"{\"additional_special_tokens\": [\"<x>\"], \"extra_special_tokens\": []}", NULL, "<x>", "2 7 3"},
        {"{\"additional_special_tokens\": [\"<x>\"], \"extra_special_tokens\": {\"b\": \"<y>\"}}", NULL, "<x> <y>",
         "2 8 7 3"},
        {"{\"extra_special_tokens\": [\"<y>\"]}",
         "{\"additional_special_tokens\": [\"<x>\"], \"extra_special_tokens\": [\"<z>\"]}", "<y><z>", "2 7 8 3"},
        {"{\"additional_special_tokens\": [\"<x>\"]}", "{\"additional_special_tokens\": [\"<w>\", \"<x>\"]}", "<x>",
         "2 7 3"},
        {NULL, "{\"additional_special_tokens\": [\"<w>\", \"<x>\"]}", "<x>", "2 8 3"},
        {NULL, "{\"extra_special_tokens\": {\"image_token\": \"<i>\"}, \"additional_special_tokens\": [\"<x>\"]}",
         "<x> <i>", "2 8 7 3"},
        {"{\"extra_special_tokens\": {\"b\": \"<y>\"}}", "{\"extra_special_tokens\": [\"<z>\"]}", "<y> <z>", "2 7 8 3"},
        {"{\"y_token\": {\"__type\": \"Token\", \"content\": \"<j>\"}, \"token\": \"<k>\", \"z_token\": 7}",
         "{\"unk_token\": \"[UNK]\"}", "a", "2 5 3"},
        /* Text that spells special tokens is text. */
        {"{\"split_special_tokens\": true, \"do_lower_case\": false}", NULL, "a[MASK]", NULL},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        const char *const content[6] = {NULL, VOCAB_TXT, c[i].config, c[i].map};
        if (c[i].ids) {
            tokenizer_check_ids(content, c[i].text, c[i].ids);
            continue;
        }
        hone_tokenizer *t = NULL;
        hone_encoding e = {0};
        CHECK_OK(hone_tokenizer_open(tokenizer_folder(content), &t));
        CHECK_OK(hone_tokenizer_encode(t, c[i].text, strlen(c[i].text), NULL, 0, NULL, &e));
        for (int64_t k = 0; k < e.n; k++) CHECK_MSG(e.ids[k] != 4, "%s is a token", c[i].text);
        CHECK(e.n == 6); /* [CLS] a [ MASK ] [SEP] */
        hone_encoding_free(&e);
        hone_tokenizer_free(t);
    }
}

TEST(tokenizer, roles_that_nobody_names_are_the_usual_words) {
    const char *const bare[6] = {NULL, VOCAB_TXT}, *const whole[6] = {"{" MODEL "}"};
    for (int k = 0; k < 2; k++) {
        hone_tokenizer *t = NULL;
        CHECK_OK(hone_tokenizer_open(tokenizer_folder(k ? whole : bare), &t));
        CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_PAD), 0);
        CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_UNK), 1);
        CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_CLS), 2);
        CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_SEP), 3);
        CHECK_INT(hone_tokenizer_special_id(t, HONE_TOKEN_MASK), 4);
        hone_tokenizer_free(t);
    }
}

/* Expected ids: transformers 5.23, AutoTokenizer. */
TEST(tokenizer, added_tokens_json_is_special_where_the_config_says_so_in_a_string) {
    static const struct {
        const char *config, *added, *ids;
    } c[] = {{"\"cls_token\":\"a\"", "", "5 5 1 1 1 1 1 1 1 1 1 3"},
             {"", "\"<x>\":7,\"a\":5", "2 5 7 7 1 1 1 3"},
             {"\"additional_special_tokens\":[\"<x>\"]", "\"<x>\":7,\"<y>\":8", "2 5 7 1 1 1 8 3"},
             {"\"additional_special_tokens\":[" TOKEN("<x>", "") "]", "\"<x>\":7", "2 5 7 7 1 1 1 3"},
             {"\"mask_token\":\"<x>\"", "\"<x>\":7", "2 5 7 1 1 1 1 1 1 3"},
             {"\"mask_token\":" TOKEN("<x>", ""), "\"<x>\":7", "2 5 7 7 1 1 1 3"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char config[256], added[64];
        snprintf(config, sizeof config, "{%s}", c[i].config);
        snprintf(added, sizeof added, "{%s}", c[i].added);
        const char *const content[6] = {NULL, VOCAB_TXT, config, NULL, added};
        tokenizer_check_ids(content, "a <x> <X><y>", c[i].ids);
    }
}

/* Expected ids: transformers 5.23, AutoTokenizer. */
TEST(tokenizer, of_an_id_that_is_written_twice_the_last_token_counts) {
#define SPECIAL(id, content) "\"" id "\":{\"content\":\"" content "\",\"special\":true}"
    static const char *const c[][2] = {
        {SPECIAL("7", "<x>") "," SPECIAL("07", "<y>"), "2 5 1 1 1 7 3"},
        {SPECIAL("07", "<y>") "," SPECIAL("7", "<x>"), "2 5 7 1 1 1 3"},
        {SPECIAL("123456789012345678901", "<x>") "," SPECIAL("9", "<y>"), "2 5 8 7 3"}}; /* ids are given anew */
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char config[256];
        snprintf(config, sizeof config, "{\"added_tokens_decoder\":{%s}}", c[i][0]);
        const char *const content[6] = {NULL, VOCAB_TXT, config};
        tokenizer_check_ids(content, "a<x> <y>", c[i][1]);
    }
#undef SPECIAL
}

/* Expected ids: transformers 5.23, AutoTokenizer. */
TEST(tokenizer, of_tokens_named_twice_the_last_counts_that_is_not_one_of_before) {
    static const struct {
        const char *list, *ids;
    } c[] = {
        {"\"<x>\",\"<x>\"", "2 5 7 5 7 5 6 1 1 1 3"},
        {TOKEN("<x>", "") "," TOKEN("<x>", ",\"single_word\":true"), "2 5 7 5 1 1 1 5 6 7 3"},
        {TOKEN("<x>", ",\"single_word\":true") "," TOKEN("<x>", ""), "2 5 7 5 7 5 6 7 3"},
        {TOKEN("<x>", ",\"single_word\":true") "," TOKEN("<x>", "") "," TOKEN("<x>", ",\"single_word\":true"),
         "2 5 7 5 7 5 6 7 3"},
        {TOKEN("<x>", "") "," TOKEN("<x>", ",\"lstrip\":true"), "2 5 7 5 7 5 6 7 3"},
        {TOKEN("<x>", ",\"rstrip\":true") "," TOKEN("<x>", ",\"lstrip\":true") "," TOKEN("<x>", ",\"rstrip\":true"),
         "2 5 7 5 7 5 6 7 3"},
        {TOKEN("<x>", "") "," TOKEN("<x>", ",\"normalized\":true"), "2 5 7 5 7 5 6 7 3"},
        {TOKEN("<x>", "") "," TOKEN("<x>", ",\"normalized\":false"), "2 5 7 5 7 5 6 1 1 1 3"},
        {"\"<x>\"," TOKEN("<x>", ""), "2 5 7 5 7 5 6 7 3"},
        {TOKEN("<x>", "") ",\"<x>\"", "2 5 7 5 7 5 6 1 1 1 3"},
        {"\"<xy>\",\"<x>\",\"<xy>\"", "2 5 8 5 8 5 6 1 1 1 3"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char config[512];
        snprintf(config, sizeof config, "{\"extra_special_tokens\":[%s]}", c[i].list);
        const char *const content[6] = {NULL, VOCAB_TXT, config};
        tokenizer_check_ids(content, "a <x> a<x>ab <X>", c[i].ids);
    }
}

/* A class that is built anew from tokenizer.json adds its own [CLS] or [SEP] where the vocabulary lacks it: with an id
 * behind the table's, so it is refused unless the folder names that token. */
TEST(tokenizer, a_role_that_the_vocabulary_lacks_is_added_where_something_names_it) {
    static const struct {
        const char *vocabulary, *config, *ids; /* NULL: refused */
    } c[] = {{"\"[CLS]\":2", "", NULL},
             {"\"[CLS]\":2", ",\"my_token\":\"[SEQ]\"", NULL},
             {"\"[CLS]\":2", ",\"extra_special_tokens\":[\"[SE\"]", NULL},
             {"\"[CLS]\":2", ",\"extra_special_tokens\":[\"[SEP]\"]", "2 4 2 6 6"},
             {"\"[CLS]\":2", ",\"extra_special_tokens\":[\"[CLS]\",\"[SEP]\"]", "2 4 2 6 6"},
             {"\"[CLS]\":2", ",\"sep_token\":\"[CLS]\"", "2 4 2 1 1 1 2"},
             {"\"[SEP]\":2", "", NULL},
             {"\"[SEP]\":2", ",\"my_token\":\"[CLS]\"", "6 4 6 2 2"},
             {"\"[SEP]\":2", ",\"cls_token\":\"[CLS]\"", "6 4 6 2 2"},
             {"\"[SEP]\":2", ",\"sep_token\":\"[CLS]\"", "6 4 6 1 1 1 6"}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char json[1024], config[256];
        snprintf(json, sizeof json,
                 "{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
                 "\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
                 "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","
                 "\"max_input_chars_per_word\":100,\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,%s,\"[MASK]\":3,\"a\":4,"
                 "\"##b\":5}}}",
                 c[i].vocabulary);
        snprintf(config, sizeof config, "{\"tokenizer_class\":\"BertTokenizer\"%s}", c[i].config);
        const char *const content[6] = {json, NULL, config};
        hone_tokenizer *t = NULL;
        if (c[i].ids)
            tokenizer_check_ids(content, "a [CLS] [SEP]", c[i].ids);
        else
            CHECK_FAILS(hone_tokenizer_open(tokenizer_folder(content), &t), HONE_E_FORMAT,
                        "not a token of tokenizer.json");
    }
}
