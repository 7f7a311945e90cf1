/* Normalizer, pre-tokenizer and post-processor of tokenizer.json. A component that Hone does not have is refused by
 * name; a key that the reference demands is demanded. */
#include "base/json.h"
#include "data/tokenizer/internal.h"
#include "data/tokenizer/unicode.h"

#include <string.h>

static const char *kind_of(const json_t *v) {
    static const char *const names[] = {"an object",     "an array", "a string", "an integer",
                                        "a real number", "true",     "false",    "null"};
    return v ? names[json_typeof(v)] : "missing";
}

hone_status hone_tok_need_bool(const json_t *o, const char *file, const char *place, const char *key, bool *out) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_boolean(v))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"%s\" is %s, expected true or false", place, key,
                            kind_of(v));
    *out = json_is_true(v);
    return HONE_OK;
}

hone_status hone_tok_need_int(const json_t *o, const char *file, const char *place, const char *key, int64_t max,
                              int64_t *out) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"%s\" is %s, expected an integer", place, key, kind_of(v));
    if (json_integer_value(v) < 0 || json_integer_value(v) > max)
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"%s\" is %" PRId64 ", expected 0 to %" PRId64, place, key,
                            (int64_t)json_integer_value(v), max);
    *out = json_integer_value(v);
    return HONE_OK;
}

hone_status hone_tok_need_string(const json_t *o, const char *file, const char *place, const char *key, char **out,
                                 size_t *n) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"%s\" is %s, expected a string", place, key, kind_of(v));
    char *s = hone_strndup(json_string_value(v), json_string_length(v));
    if (!s) return HONE_E_NOMEM;
    *out = s;
    *n = json_string_length(v);
    return HONE_OK;
}

/* The component's "type" as one of `names` (NULL at the end); others are refused by name. */
static hone_status type_of(const json_t *o, const char *file, const char *what, const char *const *names, int *out) {
    if (!json_is_object(o))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s is %s, expected an object", what, kind_of(o));
    const json_t *v = json_object_get(o, "type");
    if (!json_is_string(v))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"type\" is %s, expected a string", what, kind_of(v));
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], json_string_value(v))) {
            *out = i;
            return HONE_OK;
        }
    return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "%s \"%s\" is not supported", what,
                        hone_quote(json_string_value(v)));
}

/* ---- normalizer ---- */

static hone_status push_norm(hone_tokenizer *t, hone_tok_norm_kind kind, hone_tok_norm_step **out) {
    size_t cap = t->n_norm;
    HONE_TRY(TOK_GROW(t->norm, cap, t->n_norm + 1));
    *out = &t->norm[t->n_norm++];
    **out = (hone_tok_norm_step){.kind = kind};
    return HONE_OK;
}

static hone_status read_bert(const json_t *o, const char *file, hone_tok_norm_step *s) {
    const char *place = "normalizer BertNormalizer";
    HONE_TRY(hone_tok_need_bool(o, file, place, "clean_text", &s->clean_text));
    HONE_TRY(hone_tok_need_bool(o, file, place, "handle_chinese_chars", &s->chinese));
    HONE_TRY(hone_tok_need_bool(o, file, place, "lowercase", &s->lowercase));
    s->strip_accents = s->lowercase;
    const json_t *v = json_object_get(o, "strip_accents");
    if (v && !json_is_null(v)) HONE_TRY(hone_tok_need_bool(o, file, place, "strip_accents", &s->strip_accents));
    hone_tok_norm_prepare(s);
    return HONE_OK;
}

static hone_status read_replace(const json_t *o, const char *file, hone_tok_norm_step *s) {
    const json_t *pattern = json_object_get(o, "pattern");
    if (!json_is_object(pattern))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "normalizer Replace: \"pattern\" is %s, expected an object",
                            kind_of(pattern));
    const json_t *regex = json_object_get(pattern, "Regex");
    if (regex)
        return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                            "normalizer Replace with a regular expression (\"%s\") is not "
                            "supported",
                            json_is_string(regex) ? hone_quote(json_string_value(regex)) : kind_of(regex));
    HONE_TRY(hone_tok_need_string(pattern, file, "normalizer Replace: pattern", "String", &s->pattern, &s->n_pattern));
    if (s->n_pattern == 0)
        return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                            "normalizer Replace with an empty pattern is not supported");
    return hone_tok_need_string(o, file, "normalizer Replace", "content", &s->content, &s->n_content);
}

static hone_status read_norm(const json_t *o, const char *file, hone_tokenizer *t, int depth) {
    static const char *const names[] = {"BertNormalizer", "Lowercase", "StripAccents", "NFD",     "NFKD",     "NFC",
                                        "NFKC",           "Strip",     "Replace",      "Prepend", "Sequence", NULL};
    int kind;
    HONE_TRY(type_of(o, file, "normalizer", names, &kind));
    if (names[kind + 1] == NULL) {
        const json_t *list = json_object_get(o, "normalizers");
        if (!json_is_array(list) || depth > 8)
            return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "normalizer Sequence: \"normalizers\" is %s",
                                depth > 8 ? "nested more than 8 deep" : kind_of(list));
        for (size_t i = 0; i < json_array_size(list); i++)
            HONE_TRY(read_norm(json_array_get(list, i), file, t, depth + 1));
        return HONE_OK;
    }
    hone_tok_norm_step *s;
    HONE_TRY(push_norm(t, (hone_tok_norm_kind)kind, &s));
    if (s->kind == TOK_NORM_BERT) return read_bert(o, file, s);
    if (s->kind == TOK_NORM_REPLACE) return read_replace(o, file, s);
    if (s->kind == TOK_NORM_PREPEND)
        return hone_tok_need_string(o, file, "normalizer Prepend", "prepend", &s->content, &s->n_content);
    if (s->kind == TOK_NORM_STRIP) {
        HONE_TRY(hone_tok_need_bool(o, file, "normalizer Strip", "strip_left", &s->left));
        return hone_tok_need_bool(o, file, "normalizer Strip", "strip_right", &s->right);
    }
    return HONE_OK;
}

hone_status hone_tok_read_normalizer(const json_t *o, const char *file, hone_tokenizer *t) {
    return !o || json_is_null(o) ? HONE_OK : read_norm(o, file, t, 0);
}

/* ---- pre-tokenizer ---- */

static hone_status read_delimiter(const json_t *o, const char *file, hone_tok_pre_step *s) {
    char *text;
    size_t n;
    HONE_TRY(hone_tok_need_string(o, file, "pre_tokenizer CharDelimiterSplit", "delimiter", &text, &n));
    bool one = n > 0 && (size_t)hone_utf8_length((uint8_t)text[0]) == n;
    if (one) s->delimiter = hone_utf8_decode((const uint8_t *)text);
    hone_status status = one ? HONE_OK
                             : hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                                            "pre_tokenizer CharDelimiterSplit: \"delimiter\" is \"%s\", expected one "
                                            "character",
                                            hone_quote_n(text, n));
    hone_free(text);
    return status;
}

static hone_status read_behavior(const json_t *o, const char *file, hone_tok_pre_step *s) {
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    const json_t *v = json_object_get(o, "behavior");
    s->behavior = TOK_ISOLATED;
    if (!v) return HONE_OK;
    for (int i = 0; json_is_string(v) && i < 5; i++)
        if (!strcmp(names[i], json_string_value(v))) {
            s->behavior = (hone_tok_behavior)i;
            return HONE_OK;
        }
    return hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                        "pre_tokenizer Punctuation: \"behavior\" is %s%s%s, expected Isolated, "
                        "Removed, MergedWithPrevious, MergedWithNext or Contiguous",
                        json_is_string(v) ? "\"" : "",
                        json_is_string(v) ? hone_quote(json_string_value(v)) : kind_of(v),
                        json_is_string(v) ? "\"" : "");
}

static hone_status read_pre(const json_t *o, const char *file, hone_tokenizer *t, int depth) {
    static const char *const names[] = {
        "BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "CharDelimiterSplit", "Sequence", NULL};
    int kind;
    HONE_TRY(type_of(o, file, "pre_tokenizer", names, &kind));
    if (names[kind + 1] == NULL) {
        const json_t *list = json_object_get(o, "pretokenizers");
        if (!json_is_array(list) || depth > 8)
            return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "pre_tokenizer Sequence: \"pretokenizers\" is %s",
                                depth > 8 ? "nested more than 8 deep" : kind_of(list));
        for (size_t i = 0; i < json_array_size(list); i++)
            HONE_TRY(read_pre(json_array_get(list, i), file, t, depth + 1));
        return HONE_OK;
    }
    size_t cap = t->n_pre;
    HONE_TRY(TOK_GROW(t->pre, cap, t->n_pre + 1));
    hone_tok_pre_step *s = &t->pre[t->n_pre++];
    *s = (hone_tok_pre_step){.kind = (hone_tok_pre_kind)kind, .behavior = TOK_REMOVED};
    if (s->kind == TOK_PRE_CHAR_DELIMITER) return read_delimiter(o, file, s);
    if (s->kind == TOK_PRE_PUNCTUATION) return read_behavior(o, file, s);
    return HONE_OK;
}

hone_status hone_tok_read_pretokenizer(const json_t *o, const char *file, hone_tokenizer *t) {
    return !o || json_is_null(o) ? HONE_OK : read_pre(o, file, t, 0);
}

/* ---- post-processor ---- */

static hone_status add_special(hone_tok_template *t, const char *name, size_t n_ids, struct hone_tok_special **out) {
    size_t cap = t->n_special;
    HONE_TRY(TOK_GROW(t->special, cap, t->n_special + 1));
    struct hone_tok_special *s = &t->special[t->n_special++];
    *s = (struct hone_tok_special){.n = n_ids};
    s->name = hone_strdup(name);
    s->ids = hone_zalloc((n_ids + 1) * sizeof *s->ids);
    s->spelling = hone_zalloc((n_ids + 1) * sizeof *s->spelling);
    *out = s;
    return s->name && s->ids && s->spelling ? HONE_OK : HONE_E_NOMEM;
}

static hone_status add_pieces(hone_tok_template_piece **p, size_t *count, const hone_tok_template_piece *from,
                              size_t n) {
    *p = hone_alloc((n + 1) * sizeof **p);
    if (!*p) return HONE_E_NOMEM;
    if (n) memcpy(*p, from, n * sizeof **p);
    *count = n;
    return HONE_OK;
}

hone_status hone_tok_template_bert(hone_tok_template *t, bool roberta, const char *cls, int64_t cls_id, const char *sep,
                                   int64_t sep_id) {
    struct hone_tok_special *s;
    HONE_TRY(add_special(t, cls, 1, &s));
    s->ids[0] = (int32_t)cls_id;
    if (!(s->spelling[0] = hone_strdup(cls))) return HONE_E_NOMEM;
    HONE_TRY(add_special(t, sep, 1, &s));
    s->ids[0] = (int32_t)sep_id;
    if (!(s->spelling[0] = hone_strdup(sep))) return HONE_E_NOMEM;
    int32_t second = !roberta; /* type ids of RoBERTa are all 0 */
    hone_tok_template_piece pair[6] = {{2, 0, 0}, {0, 0, 0}, {2, 0, 1}, {2, 0, 1}, {1, second, 0}, {2, second, 1}};
    HONE_TRY(add_pieces(&t->single, &t->n_single, pair, 3));
    if (!roberta) memmove(pair + 3, pair + 4, 2 * sizeof *pair); /* one separator between the texts */
    t->roberta = roberta;
    return add_pieces(&t->pair, &t->n_pair, pair, roberta ? 6 : 5);
}

/* "cls": ["[CLS]", 101] */
static hone_status read_name_and_id(const json_t *o, const char *file, const char *place, const char *key,
                                    const char **name, int64_t *id) {
    const json_t *v = json_object_get(o, key), *s = json_array_get(v, 0), *i = json_array_get(v, 1);
    if (!json_is_array(v) || json_array_size(v) != 2 || !json_is_string(s) || !json_is_integer(i))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"%s\" is not a pair of token and id", place, key);
    if (json_integer_value(i) < 0 || json_integer_value(i) >= HONE_TOKENIZER_MAX_IDS)
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"%s\" has id %" PRId64 ", expected 0 to %d", place, key,
                            (int64_t)json_integer_value(i), HONE_TOKENIZER_MAX_IDS - 1);
    *name = json_string_value(s);
    *id = json_integer_value(i);
    return HONE_OK;
}

static hone_status read_specials(const json_t *o, const char *file, hone_tok_template *t) {
    const char *place = "post_processor TemplateProcessing";
    const json_t *map = json_object_get(o, "special_tokens");
    if (!json_is_object(map))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"special_tokens\" is %s, expected an object", place,
                            kind_of(map));
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)map, name, v) {
        const json_t *ids = json_object_get(v, "ids"), *tokens = json_object_get(v, "tokens");
        if (!json_is_array(ids) || !json_is_array(tokens) || json_array_size(ids) != json_array_size(tokens))
            return hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                                "%s: special token \"%s\" has %zu ids and %zu tokens, expected as many of each", place,
                                hone_quote(name), json_array_size(ids), json_array_size(tokens));
        struct hone_tok_special *s;
        HONE_TRY(add_special(t, name, json_array_size(ids), &s));
        for (size_t i = 0; i < s->n; i++) {
            const json_t *id = json_array_get(ids, i), *token = json_array_get(tokens, i);
            if (!json_is_integer(id) || json_integer_value(id) < 0 ||
                json_integer_value(id) >= HONE_TOKENIZER_MAX_IDS || !json_is_string(token))
                return hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                                    "%s: special token \"%s\" wants ids of 0 to %d and their spellings", place,
                                    hone_quote(name), HONE_TOKENIZER_MAX_IDS - 1);
            s->ids[i] = (int32_t)json_integer_value(id);
            if (!(s->spelling[i] = hone_strdup(json_string_value(token)))) return HONE_E_NOMEM;
        }
    }
    return HONE_OK;
}

static hone_status read_piece(const json_t *v, const char *file, const char *which, bool pair,
                              const hone_tok_template *t, hone_tok_template_piece *out) {
    const char *place = "post_processor TemplateProcessing";
    const json_t *sequence = json_object_get(v, "Sequence"), *special = json_object_get(v, "SpecialToken");
    const json_t *body = sequence ? sequence : special;
    const char *id = json_string_value(json_object_get(body, "id"));
    int64_t type_id;
    if (!id)
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                            "%s: \"%s\" has a piece that is neither Sequence nor SpecialToken", place, which);
    HONE_TRY(hone_tok_need_int(body, file, place, "type_id", INT32_MAX, &type_id));
    *out = (hone_tok_template_piece){2, (int32_t)type_id, 0};
    if (sequence) {
        if (strcmp(id, "A") && (strcmp(id, "B") || !pair))
            return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"%s\" uses sequence \"%s\", expected A%s", place,
                                which, hone_quote(id), pair ? " or B" : "");
        out->kind = id[0] == 'B';
        return HONE_OK;
    }
    for (size_t i = 0; i < t->n_special; i++)
        if (!strcmp(t->special[i].name, id)) {
            out->special = (int32_t)i;
            return HONE_OK;
        }
    return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s: \"%s\" uses special token \"%s\", which special_tokens lacks",
                        place, which, hone_quote(id));
}

static hone_status read_pieces(const json_t *o, const char *file, const char *which, bool pair, hone_tok_template *t,
                               hone_tok_template_piece **out, size_t *count) {
    const json_t *list = json_object_get(o, which);
    if (!json_is_array(list))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                            "post_processor TemplateProcessing: \"%s\" is %s, expected an array", which, kind_of(list));
    HONE_TRY(add_pieces(out, count, NULL, 0));
    size_t cap = 1;
    HONE_TRY(TOK_GROW(*out, cap, json_array_size(list)));
    for (size_t i = 0; i < json_array_size(list); i++, *count = i)
        HONE_TRY(read_piece(json_array_get(list, i), file, which, pair, t, &(*out)[i]));
    return HONE_OK;
}

static hone_status read_post(const json_t *o, const char *file, hone_tok_template *t, int depth) {
    static const char *const names[] = {"BertProcessing", "RobertaProcessing", "TemplateProcessing", "Sequence", NULL};
    int kind;
    HONE_TRY(type_of(o, file, "post_processor", names, &kind));
    if (kind == 3) {
        const json_t *list = json_object_get(o, "processors");
        if (json_array_size(list) != 1 || depth > 8)
            return hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0, "post_processor Sequence of %zu parts is not supported",
                                json_array_size(list));
        return read_post(json_array_get(list, 0), file, t, depth + 1);
    }
    if (kind == 2) {
        HONE_TRY(read_specials(o, file, t));
        HONE_TRY(read_pieces(o, file, "single", false, t, &t->single, &t->n_single));
        return read_pieces(o, file, "pair", true, t, &t->pair, &t->n_pair);
    }
    const char *place = kind ? "post_processor RobertaProcessing" : "post_processor BertProcessing";
    const char *cls, *sep;
    int64_t cls_id, sep_id;
    HONE_TRY(read_name_and_id(o, file, place, "cls", &cls, &cls_id));
    HONE_TRY(read_name_and_id(o, file, place, "sep", &sep, &sep_id));
    /* The reference tells the two apart by these members, and not by the type. */
    const json_t *trim = json_object_get(o, "trim_offsets"), *prefix = json_object_get(o, "add_prefix_space");
    const bool roberta = json_is_boolean(trim) && json_is_boolean(prefix);
    t->trim_offsets = roberta && json_is_true(trim);
    t->add_prefix_space = roberta && json_is_true(prefix);
    return hone_tok_template_bert(t, roberta, cls, cls_id, sep, sep_id);
}

hone_status hone_tok_read_postprocessor(const json_t *o, const char *file, hone_tokenizer *t) {
    if (o && !json_is_null(o)) return read_post(o, file, &t->post, 0);
    static const hone_tok_template_piece plain[2] = {{0, 0, 0}, {1, 1, 0}};
    HONE_TRY(add_pieces(&t->post.single, &t->post.n_single, plain, 1));
    return add_pieces(&t->post.pair, &t->post.n_pair, plain, 2);
}

hone_status hone_tokenizer_lower_case(hone_tokenizer *t) {
    size_t cap = t->n_norm;
    for (size_t i = 0; i < t->n_norm; i++)
        if (t->norm[i].kind == TOK_NORM_LOWERCASE) return HONE_OK;
    HONE_TRY(TOK_GROW(t->norm, cap, t->n_norm + 1));
    memmove(t->norm + 1, t->norm, t->n_norm++ * sizeof *t->norm);
    t->norm[0] = (hone_tok_norm_step){.kind = TOK_NORM_LOWERCASE};
    return hone_tok_index_added(t);
}
