/* tokenizer.json. The vocabulary, nearly all of the file, is read by the scanner straight into the string table; the
 * small parts become JSON trees. */
#include "base/io.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "data/tokenizer/internal.h"

#include <string.h>

#define FILE_LIMIT ((uint64_t)256 << 20)

static const char *const part_names[] = {"version",        "added_tokens", "normalizer", "pre_tokenizer",
                                         "post_processor", "model",        "truncation", "padding"};
enum { VERSION, ADDED_TOKENS, NORMALIZER, PRE_TOKENIZER, POST_PROCESSOR, MODEL, TRUNCATION, PADDING, N_PARTS };

typedef struct reading {
    hone_json_scanner scan;
    const char *path;
    hone_tokenizer *t;
    char *key; /* one unescaped key */
    size_t key_cap;
    char type[32]; /* model type, "" = not said (yet) */
    bool has_vocab, has_merges;
    json_t *part[N_PARTS]; /* in the order of part_names */
    json_t *unk, *prefix, *max_chars;
    char **pad;
} reading;

static bool is(const hone_json_token *k, const char *name) {
    return k->n == strlen(name) && !k->escaped && memcmp(k->p, name, k->n) == 0;
}

/* The value after a key, as a tree. */
static hone_status read_value(reading *r, const hone_json_token *key, json_t **out) {
    if (*out)
        return hone_json_scan_fail(&r->scan, key->p, HONE_E_FORMAT, "duplicate key \"%s\"",
                                   hone_quote_n(key->p, key->n));
    size_t from = r->scan.at;
    HONE_TRY(hone_json_scan_skip(&r->scan, key));
    int64_t line = r->scan.line;
    for (const char *p = r->scan.text; p < r->scan.text + from; p++) line += *p == '\n';
    return hone_json_parse_unique(r->scan.text + from, r->scan.at - from, r->path, line, out);
}

static hone_status read_vocab(reading *r, const hone_json_token *key) {
    if (r->has_vocab) return hone_json_scan_fail(&r->scan, key->p, HONE_E_FORMAT, "duplicate key \"vocab\"");
    hone_json_token k, v;
    const char *from = key->p;
    r->has_vocab = true;
    if (r->type[0] && strcmp(r->type, "WordPiece"))
        return hone_json_scan_skip(&r->scan, key); /* refused later, by name */
    HONE_TRY(hone_json_scan_next(&r->scan, &k));
    if (k.kind == HONE_JSON_ARRAY && !r->type[0]) return hone_json_scan_skip(&r->scan, &k); /* Unigram, refused later */
    if (k.kind != HONE_JSON_OBJECT)
        return hone_json_scan_fail(&r->scan, from, HONE_E_FORMAT,
                                   "model: \"vocab\" is not an object of tokens and ids");
    size_t left = (size_t)(r->scan.text + r->scan.n - k.p), guess = left / 12;
    if (guess > 65536) guess = 65536;
    HONE_TRY(hone_tok_map_reserve(&r->t->vocab, guess, left < 1 << 20 ? left : 1 << 20));
    for (;;) {
        HONE_TRY(hone_json_scan_next(&r->scan, &k));
        if (k.kind == HONE_JSON_OBJECT_END) return HONE_OK;
        HONE_TRY(hone_json_scan_next(&r->scan, &v));
        const char *s = k.p;
        size_t n = k.n;
        if (k.escaped) {
            HONE_TRY(TOK_GROW(r->key, r->key_cap, k.n + 1));
            n = hone_json_scan_decode(&k, r->key);
            s = r->key;
        }
        uint64_t id;
        if (v.kind != HONE_JSON_INTEGER || !hone_json_scan_u64(&v, &id))
            return hone_json_scan_fail(&r->scan, v.p, HONE_E_FORMAT,
                                       "token \"%s\" has id %s, expected an integer of 0 to %d", hone_quote_n(s, n),
                                       hone_quote_n(v.p, v.n < 40 ? v.n : 40), HONE_TOKENIZER_MAX_IDS - 1);
        if (id >= HONE_TOKENIZER_MAX_IDS)
            return hone_json_scan_fail(&r->scan, v.p, HONE_E_LIMIT, "token \"%s\" has id %" PRIu64 ", the limit is %d",
                                       hone_quote_n(s, n), id, HONE_TOKENIZER_MAX_IDS - 1);
        int64_t existing;
        HONE_TRY(hone_tok_map_add(&r->t->vocab, s, n, (int32_t)id, &existing));
        if (existing >= 0)
            return hone_json_scan_fail(&r->scan, k.p, HONE_E_FORMAT,
                                       "token \"%s\" is there twice, with ids %d and %" PRIu64, hone_quote_n(s, n),
                                       r->t->vocab.entry[existing].value, id);
    }
}

static hone_status read_model(reading *r, const hone_json_token *key) {
    hone_json_token k;
    const char *from = key->p;
    HONE_TRY(hone_json_scan_next(&r->scan, &k));
    if (k.kind != HONE_JSON_OBJECT)
        return hone_json_scan_fail(&r->scan, from, HONE_E_FORMAT, "\"model\" is not an object");
    json_t *type = NULL;
    for (;;) {
        HONE_TRY(hone_json_scan_next(&r->scan, &k));
        if (k.kind == HONE_JSON_OBJECT_END) break;
        if (is(&k, "type")) {
            HONE_TRY(read_value(r, &k, &type));
            snprintf(r->type, sizeof r->type, "%s", json_is_string(type) ? json_string_value(type) : "?");
            json_decref(type);
            type = NULL;
        } else if (is(&k, "vocab"))
            HONE_TRY(read_vocab(r, &k));
        else if (is(&k, "unk_token"))
            HONE_TRY(read_value(r, &k, &r->unk));
        else if (is(&k, "continuing_subword_prefix"))
            HONE_TRY(read_value(r, &k, &r->prefix));
        else if (is(&k, "max_input_chars_per_word"))
            HONE_TRY(read_value(r, &k, &r->max_chars));
        else {
            r->has_merges |= is(&k, "merges") || is(&k, "unk_id");
            HONE_TRY(hone_json_scan_skip(&r->scan, &k));
        }
    }
    r->part[MODEL] = json_true(); /* seen */
    return HONE_OK;
}

static hone_status read_top(reading *r) {
    hone_json_token k;
    HONE_TRY(hone_json_scan_next(&r->scan, &k));
    if (k.kind != HONE_JSON_OBJECT)
        return hone_json_scan_fail(&r->scan, r->scan.text, HONE_E_FORMAT, "a tokenizer is a JSON object, this is not");
    for (;;) {
        HONE_TRY(hone_json_scan_next(&r->scan, &k));
        if (k.kind == HONE_JSON_OBJECT_END) break;
        int i = 0;
        while (i < N_PARTS && !is(&k, part_names[i])) i++;
        if (i == MODEL) {
            if (r->part[MODEL]) return hone_json_scan_fail(&r->scan, k.p, HONE_E_FORMAT, "duplicate key \"model\"");
            HONE_TRY(read_model(r, &k));
        } else if (i < N_PARTS)
            HONE_TRY(read_value(r, &k, &r->part[i]));
        else
            HONE_TRY(hone_json_scan_skip(&r->scan, &k)); /* decoder and what we do not know */
    }
    return hone_json_scan_next(&r->scan, &k);
}

static hone_status check_model(reading *r) {
    hone_tok_wordpiece *m = &r->t->wordpiece;
    if (!r->part[MODEL]) return hone_fail_at(HONE_E_FORMAT, r->path, 0, 0, "no \"model\"");
    /* Old files do not say the type; WordPiece is the one with a length limit for words. */
    const char *type = r->type[0] ? r->type : r->max_chars && !r->has_merges ? "WordPiece" : "of no type";
    if (strcmp(type, "WordPiece")) {
        hone_fail_at(HONE_E_UNSUPPORTED, r->path, 0, 0, "model \"%s\" is not supported", hone_quote(type));
        return hone_hint("WordPiece tokenizers (the BERT family) are");
    }
    if (!r->has_vocab) return hone_fail_at(HONE_E_FORMAT, r->path, 0, 0, "model WordPiece: \"vocab\" is missing");
    json_t *o = json_object();
    if (!o) return HONE_E_NOMEM;
    /* A value left out because memory is short must not look like one that the file does not give. */
    if ((r->unk && json_object_set(o, "unk_token", r->unk)) ||
        (r->prefix && json_object_set(o, "continuing_subword_prefix", r->prefix)) ||
        (r->max_chars && json_object_set(o, "max_input_chars_per_word", r->max_chars))) {
        json_decref(o);
        return hone_blame(r->path, 0);
    }
    const char *place = "model WordPiece";
    hone_status s = hone_tok_need_string(o, r->path, place, "unk_token", &m->unk, &m->n_unk);
    if (s == HONE_OK)
        s = hone_tok_need_string(o, r->path, place, "continuing_subword_prefix", &m->prefix, &m->n_prefix);
    if (s == HONE_OK) s = hone_tok_need_int(o, r->path, place, "max_input_chars_per_word", INT64_MAX, &m->max_chars);
    json_decref(o);
    return s;
}

static hone_status read_added(reading *r) {
    const json_t *list = r->part[ADDED_TOKENS];
    if (!list || json_is_null(list)) return HONE_OK;
    if (!json_is_array(list)) return hone_fail_at(HONE_E_FORMAT, r->path, 0, 0, "\"added_tokens\" is not an array");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        hone_tok_added a = {0};
        int64_t id;
        char place[48];
        snprintf(place, sizeof place, "added_tokens[%zu]", i);
        HONE_TRY(hone_tok_need_int(o, r->path, place, "id", HONE_TOKENIZER_MAX_IDS - 1, &id));
        HONE_TRY(hone_tok_need_bool(o, r->path, place, "single_word", &a.single_word));
        HONE_TRY(hone_tok_need_bool(o, r->path, place, "lstrip", &a.lstrip));
        HONE_TRY(hone_tok_need_bool(o, r->path, place, "rstrip", &a.rstrip));
        HONE_TRY(hone_tok_need_bool(o, r->path, place, "normalized", &a.normalized));
        HONE_TRY(hone_tok_need_bool(o, r->path, place, "special", &a.special));
        HONE_TRY(hone_tok_need_string(o, r->path, place, "content", &a.content, &a.n));
        hone_status s = a.n ? hone_tok_add_token(r->t, r->path, &a, id) : HONE_OK; /* the reference skips empty ones */
        hone_free(a.content);
        HONE_TRY(s);
    }
    return HONE_OK;
}

static hone_status build(reading *r) {
    const json_t *version = r->part[VERSION];
    if (version && !json_is_string(version))
        return hone_fail_at(HONE_E_UNSUPPORTED, r->path, 0, 0, "tokenizer version is not a string, Hone reads \"1.0\"");
    if (version && strcmp(json_string_value(version), "1.0") != 0)
        return hone_fail_at(HONE_E_UNSUPPORTED, r->path, 0, 0, "tokenizer version \"%s\", Hone reads \"1.0\"",
                            hone_quote(json_string_value(version)));
    /* Its length is stale by design; its side counts, unless tokenizer_config.json says another. */
    const char *side = json_string_value(json_object_get(r->part[TRUNCATION], "direction"));
    r->t->cut_left = side && !strcmp(side, "Left");
    const json_t *pad = json_object_get(r->part[PADDING], "pad_token");
    if (r->pad && json_is_string(pad) && !(*r->pad = hone_strdup(json_string_value(pad)))) return HONE_E_NOMEM;
    HONE_TRY(check_model(r));
    HONE_TRY(hone_tok_name_ids(r->t, r->path));
    HONE_TRY(read_added(r));
    HONE_TRY(hone_tok_read_normalizer(r->part[NORMALIZER], r->path, r->t));
    HONE_TRY(hone_tok_read_pretokenizer(r->part[PRE_TOKENIZER], r->path, r->t));
    return hone_tok_read_postprocessor(r->part[POST_PROCESSOR], r->path, r->t);
}

hone_status hone_tok_load_json(const char *path, hone_tokenizer *t, char **pad) {
    char *text;
    size_t n;
    HONE_TRY(hone_io_read_file(path, FILE_LIMIT, &text, &n));
    reading r = {.path = path, .t = t, .pad = pad};
    hone_json_scan_start(&r.scan, text, n, path, 1);
    hone_status s = read_top(&r);
    if (s == HONE_OK) s = build(&r);
    for (int i = 0; i < N_PARTS; i++) json_decref(r.part[i]);
    json_decref(r.unk);
    json_decref(r.prefix);
    json_decref(r.max_chars);
    hone_free(r.key);
    hone_free(text);
    return s;
}
