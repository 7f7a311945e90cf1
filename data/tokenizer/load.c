/* Opening a folder: tokenizer.json or vocab.txt, and around it what tokenizer_config.json, special_tokens_map.json and
 * added_tokens.json say. Where the files leave room, the order is that of transformers 5: tokenizer_config.json's
 * switches win for the BERT classes, special tokens that it names are added tokens even when tokenizer.json does not
 * list them. */
#include "base/utf8.h"
#include "data/tokenizer/load_internal.h"
#include "data/tokenizer/unicode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((uint64_t)256 << 20)

static const char *const bert_names[HONE_TOK_ROLES] = {NULL, NULL, "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
static const char *const mpnet_names[HONE_TOK_ROLES] = {"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"};

/* ---- ids ---- */

static void index_wordpiece(hone_tokenizer *t) {
    hone_tok_wordpiece *m = &t->wordpiece;
    m->unk_entry = hone_tok_map_get(&t->vocab, m->unk, m->n_unk);
    m->prefix_hash = hone_hash(HONE_HASH_SEED, m->prefix, m->n_prefix);
}

hone_status hone_tok_name_ids(hone_tokenizer *t, const char *file) {
    size_t n = t->vocab.entries;
    int64_t limit = 0;
    for (size_t i = 0; i < n; i++)
        if (t->vocab.entry[i].value >= limit) limit = (int64_t)t->vocab.entry[i].value + 1;
    if (n == 0) return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "the vocabulary is empty");
    if ((uint64_t)limit > 16 * (uint64_t)n + 65536)
        return hone_fail_at(HONE_E_LIMIT, file, 0, 0, "the vocabulary has %zu tokens but ids up to %" PRId64, n,
                            limit - 1);
    HONE_TRY(TOK_GROW(t->name, t->name_cap, (size_t)limit));
    memset(t->name, 0, (size_t)limit * sizeof *t->name);
    t->name_limit = limit;
    for (size_t i = 0; i < n; i++) {
        const struct hone_tok_entry *e = &t->vocab.entry[i];
        struct hone_tok_name *name = &t->name[e->value];
        if (name->p)
            return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "tokens \"%s\" and \"%s\" both have id %d",
                                hone_quote_n(name->p, name->n), hone_quote_n(t->vocab.pool + e->at, e->n), e->value);
        *name = (struct hone_tok_name){t->vocab.pool + e->at, e->n};
    }
    t->model_size = t->size = t->next_id = (int64_t)n;
    index_wordpiece(t);
    return HONE_OK;
}

void hone_tok_number_on(hone_tokenizer *t) {
    t->next_id = t->model_size;
    for (size_t i = 0; i < t->n_added; i++)
        if (t->added[i].id >= t->next_id) t->next_id = (int64_t)t->added[i].id + 1;
}

/* The added token of this content, NULL if there is none. */
static hone_tok_added *find_added(const hone_tokenizer *t, const char *content, size_t n) {
    int64_t e = hone_tok_map_get(&t->added_map, content, n);
    return e < 0 ? NULL : &t->added[t->added_map.entry[e].value];
}

hone_status hone_tok_add_token(hone_tokenizer *t, const char *file, const hone_tok_added *token, int64_t file_id) {
    hone_tok_added *old = find_added(t, token->content, token->n);
    if (old && file_id >= 0 && old->id != file_id)
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "added token \"%s\" is there twice, with ids %d and %" PRId64,
                            hone_quote_n(token->content, token->n), old->id, file_id);
    if (old) { /* the flags that come last count; what was special once remains so */
        hone_tok_added was = *old;
        *old = *token;
        old->content = was.content;
        old->id = was.id;
        old->special |= was.special;
        return HONE_OK;
    }
    int64_t known = hone_tok_map_get(&t->vocab, token->content, token->n);
    int64_t id = known >= 0 ? t->vocab.entry[known].value : t->next_id;
    if (file_id >= 0 && file_id != id) {
        hone_fail_at(HONE_E_FORMAT, file, 0, 0, "added token \"%s\" has id %" PRId64 ", its place is %" PRId64,
                     hone_quote_n(token->content, token->n), file_id, id);
        return hone_hint(known >= 0 ? "the vocabulary gives it that id"
                                    : "added tokens that are not in the vocabulary are numbered on from its end");
    }
    if (id >= HONE_TOKENIZER_MAX_IDS)
        return hone_fail_at(HONE_E_LIMIT, file, 0, 0, "added token \"%s\" would get id %" PRId64 ", the limit is %d",
                            hone_quote_n(token->content, token->n), id, HONE_TOKENIZER_MAX_IDS - 1);
    if (file && known < 0 && id < t->name_limit && t->name[id].p)
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0,
                            "added token \"%s\" gets id %" PRId64 ", which \"%s\" has already",
                            hone_quote_n(token->content, token->n), id, hone_quote_n(t->name[id].p, t->name[id].n));
    HONE_TRY(TOK_GROW(t->added, t->added_cap, t->n_added + 1));
    HONE_TRY(TOK_GROW(t->name, t->name_cap, (size_t)id + 1));
    int64_t existing;
    HONE_TRY(hone_tok_map_add(&t->added_map, token->content, token->n, (int32_t)t->n_added, &existing));
    char *content = hone_strndup(token->content, token->n);
    if (!content) return HONE_E_NOMEM;
    t->added[t->n_added] = *token;
    t->added[t->n_added].content = content;
    t->added[t->n_added++].id = (int32_t)id;
    for (; t->name_limit <= id; t->name_limit++) t->name[t->name_limit] = (struct hone_tok_name){NULL, 0};
    t->name[id] = (struct hone_tok_name){content, token->n};
    t->size += known < 0;
    t->next_id += known < 0;
    return HONE_OK;
}

/* ---- vocab.txt ---- */

static hone_status read_lines(const char *path, const char *text, size_t n, hone_tokenizer *t) {
    size_t bad = hone_utf8_check(text, n);
    int64_t line = 0;
    t->cut = n > 0 && text[n - 1] != '\n';
    HONE_TRY(hone_tok_map_reserve(&t->vocab, n / 8 < 65536 ? n / 8 : 65536, n));
    for (size_t i = 0; i < n; line++) {
        const char *nl = memchr(text + i, '\n', n - i);
        size_t end = nl ? (size_t)(nl - text) : n, stop = end;
        if (bad < end)
            return hone_fail_at(HONE_E_FORMAT, path, line + 1, (int64_t)(bad - i) + 1, "byte 0x%02X is not UTF-8",
                                (uint8_t)text[bad]);
        const char *nul = memchr(text + i, 0, end - i);
        if (nul) return hone_fail_at(HONE_E_FORMAT, path, line + 1, nul - text - (int64_t)i + 1, "NUL byte");
        while (stop > i) { /* white space at the end does not count (Windows line ends among it) */
            size_t c = stop - 1;
            while (c > i && ((uint8_t)text[c] & 0xC0) == 0x80) c--;
            if (!(hone_unicode_flags(hone_utf8_decode((const uint8_t *)text + c)) & UNICODE_WHITE)) break;
            stop = c;
        }
        if (line >= HONE_TOKENIZER_MAX_IDS)
            return hone_fail_at(HONE_E_LIMIT, path, line + 1, 0, "more than %d lines", HONE_TOKENIZER_MAX_IDS);
        int64_t existing; /* of equal lines the last one counts, as in the reference */
        HONE_TRY(hone_tok_map_add(&t->vocab, text + i, stop - i, (int32_t)line, &existing));
        if (existing >= 0) t->vocab.entry[existing].value = (int32_t)line;
        i = nl ? end + 1 : n;
    }
    return HONE_OK;
}

/* How a BERT class cuts texts, whatever else a tokenizer.json says; the switches come later. */
static hone_status build_bert(const hone_tok_folder *f, hone_tokenizer *t) {
    hone_tok_wordpiece *m = &t->wordpiece;
    hone_free(m->unk);
    hone_free(m->prefix);
    m->n_unk = f->role[UNK].content ? f->role[UNK].n : strlen("[UNK]");
    m->unk = hone_strndup(f->role[UNK].content ? f->role[UNK].content : "[UNK]", m->n_unk);
    m->n_prefix = 2;
    m->prefix = hone_strdup("##");
    m->max_chars = 100;
    hone_tok_parts_free(t);
    t->norm = hone_zalloc(sizeof *t->norm);
    t->pre = hone_zalloc(sizeof *t->pre);
    if (!m->unk || !m->prefix || !t->norm || !t->pre) return HONE_E_NOMEM;
    t->norm[0] = (hone_tok_norm_step){
        .kind = TOK_NORM_BERT, .clean_text = true, .chinese = true, .strip_accents = true, .lowercase = true};
    hone_tok_norm_prepare(&t->norm[0]);
    t->pre[0].kind = TOK_PRE_BERT;
    t->n_norm = t->n_pre = 1;
    return HONE_OK;
}

static hone_status read_vocab_txt(hone_tok_folder *f, hone_tokenizer *t) {
    char *text;
    size_t n;
    HONE_TRY(hone_io_read_file(f->main_path, FILE_LIMIT, &text, &n));
    hone_status s = read_lines(f->main_path, text, n, t);
    hone_free(text);
    HONE_TRY(s);
    HONE_TRY(build_bert(f, t));
    HONE_TRY(hone_tok_name_ids(t, f->main_path));
    static const int needed[] = {UNK, CLS, SEP};
    for (int i = 0; i < 3; i++) {
        const hone_tok_added *a = &f->role[needed[i]];
        if (!a->content || hone_tok_map_get(&t->vocab, a->content, a->n) >= 0) continue;
        hone_fail_at(HONE_E_FORMAT, f->main_path, 0, 0, "no token \"%s\" among %zu", hone_quote_n(a->content, a->n),
                     t->vocab.entries);
        return hone_hint("tokenizer_config.json can name another (%s)", hone_tok_role_keys[needed[i]]);
    }
    return HONE_OK;
}

/* ---- the files around ---- */

/* tokenizer_config.json says 1000000000000000019884624838656 for "no limit": integers beyond 64 bits are read as reals.
 */
static hone_status load_config(const char *path, json_t **out) {
    char *text;
    size_t n;
    if (!hone_io_exists(path)) return HONE_OK;
    HONE_TRY(hone_io_read_file(path, FILE_LIMIT, &text, &n));
    hone_status s = hone_json_parse_big(text, n, path, out);
    hone_free(text);
    if (s == HONE_OK && !json_is_object(*out)) return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "not a JSON object");
    return s;
}

static hone_tok_family family_of(const char *name, hone_tok_folder *f) {
    static const char *const bert[] = {"BertTokenizer",
                                       "DistilBertTokenizer",
                                       "ElectraTokenizer",
                                       "MobileBertTokenizer",
                                       "ConvBertTokenizer",
                                       "SqueezeBertTokenizer",
                                       "LayoutLMTokenizer",
                                       "DPRQuestionEncoderTokenizer",
                                       "DPRContextEncoderTokenizer",
                                       "DPRReaderTokenizer",
                                       "LxmertTokenizer"};
    size_t n = strlen(name);
    if (n > 4 && !strcmp(name + n - 4, "Fast")) n -= 4;
    bool dpr = !strncmp(name, "DPR", 3), fast = name[n];
    f->no_types = !strcmp(bert[1], name) || (n == strlen(bert[1]) && fast) || !strncmp(name, "DPRR", 4);
    f->derived = (dpr && fast) || !strncmp(name, "ConvBert", 8);
    f->lower = dpr && !fast;
    for (size_t i = 0; i < sizeof bert / sizeof *bert; i++)
        if (n == strlen(bert[i]) && !strncmp(name, bert[i], n)) return FAMILY_BERT;
    return n == strlen("MPNetTokenizer") && !strncmp(name, "MPNetTokenizer", n) ? FAMILY_MPNET : FAMILY_OTHER;
}

/* The class that transformers takes for config.json's model_type when no file names one. */
static hone_tok_family family_of_model(const char *type) {
    static const char *const bert[] = {"bert",          "distilbert",  "electra",  "convbert",
                                       "mobilebert",    "squeezebert", "layoutlm", "nomic_bert",
                                       "megatron-bert", "ernie",       "nezha"};
    for (size_t i = 0; i < sizeof bert / sizeof *bert; i++)
        if (!strcmp(type, bert[i])) return FAMILY_BERT;
    return !strcmp(type, "mpnet") ? FAMILY_MPNET : FAMILY_UNSAID;
}

/* ---- switches and facts ---- */

static hone_status config_bool(const hone_tok_folder *f, const char *key, bool *value, bool null_is, bool *said) {
    const json_t *v = json_object_get(f->config, key);
    *said = v != NULL;
    if (!v) return HONE_OK;
    if (json_is_null(v))
        *value = null_is;
    else
        HONE_TRY(hone_json_bool(f->config, f->config_path, key, false, value));
    return HONE_OK;
}

static hone_status apply_switches(const hone_tok_folder *f, hone_tokenizer *t) {
    if (!f->config || f->family == FAMILY_OTHER || (f->derived && f->from_json)) return HONE_OK;
    for (size_t i = 0; i < t->n_norm; i++) {
        hone_tok_norm_step *s = &t->norm[i];
        if (s->kind != TOK_NORM_BERT) continue;
        bool follows = s->strip_accents == s->lowercase, said;
        bool lower_before = s->lowercase;
        if (!f->lower) HONE_TRY(config_bool(f, "do_lower_case", &s->lowercase, s->lowercase, &said));
        if (s->lowercase != lower_before && follows) s->strip_accents = s->lowercase;
        HONE_TRY(config_bool(f, "strip_accents", &s->strip_accents, s->lowercase, &said));
        HONE_TRY(config_bool(f, "tokenize_chinese_chars", &s->chinese, true, &said));
        hone_tok_norm_prepare(s);
    }
    return HONE_OK;
}

/* "max_len" is what the key was called in early transformers, which still takes it where the new name is not there. */
static hone_status read_max_length(const hone_tok_folder *f, hone_tokenizer *t) {
    const char *key = json_object_get(f->config, "model_max_length") ? "model_max_length" : "max_len";
    double x;
    t->max_length = INT64_MAX;
    HONE_TRY(hone_json_real(f->config, f->config_path, key, 1e30, &x));
    if (!(x >= 1)) return hone_fail_at(HONE_E_FORMAT, f->config_path, 0, 0, "\"%s\" is %g, expected 1 or more", key, x);
    if (x < 1e15) t->max_length = (int64_t)x; /* 1e30 and the like mean "not known" */
    return HONE_OK;
}

static hone_status read_split_special(const hone_tok_folder *f, hone_tokenizer *t) {
    return hone_json_bool(f->config, f->config_path, "split_special_tokens", false, &t->split_special);
}

static hone_status read_truncation_side(const hone_tok_folder *f, hone_tokenizer *t) {
    const char *side;
    HONE_TRY(hone_json_string(f->config, f->config_path, "truncation_side", t->cut_left ? "left" : "right", &side));
    t->cut_left = !strcmp(side, "left");
    if (!t->cut_left && strcmp(side, "right") != 0)
        return hone_fail_at(HONE_E_FORMAT, f->config_path, 0, 0,
                            "\"truncation_side\" is \"%s\", expected left or right", hone_quote(side));
    return HONE_OK;
}

bool hone_tok_is_bert(const hone_tok_folder *f) {
    return f->family == FAMILY_BERT || f->family == FAMILY_MPNET || !f->from_json;
}

/* A special token that the class needs and the vocabulary lacks, or that is null: both files, both values. */
static hone_status refuse_role(const hone_tok_folder *f, const hone_tokenizer *t, int role) {
    const hone_tok_added *a = &f->role[role];
    const char *file = f->role_said[role] ? f->role_said[role] : f->main_path, *base = strrchr(f->main_path, '/') + 1;
    char there[128] = "", here[128];
    const hone_tok_template_piece *edge =
        t->post.n_single ? &t->post.single[role == CLS ? 0 : t->post.n_single - 1] : NULL;
    if (role == UNK && f->from_json && t->wordpiece.unk)
        snprintf(there, sizeof there, ", whose own is \"%s\"", hone_quote_n(t->wordpiece.unk, t->wordpiece.n_unk));
    else if (role != UNK && edge && edge->kind == 2)
        snprintf(there, sizeof there, ", which has \"%s\" in its place",
                 hone_quote(t->post.special[edge->special].name));
    snprintf(here, sizeof here, a->content ? "\"%s\"" : "null", a->content ? hone_quote_n(a->content, a->n) : "");
    hone_fail_at(HONE_E_FORMAT, file, 0, 0, "%s \"%s\" is %s, not a token of %s%s",
                 f->role_said[role] ? "the special token" : "the class's own", hone_tok_role_keys[role], here, base,
                 there);
    return hone_hint(
        "tokenizer_config.json: name a token of the vocabulary%s",
        f->from_json ? ", or \"tokenizer_class\": \"PreTrainedTokenizerFast\" to take tokenizer.json as it is" : "");
}

/* Of a tokenizer.json under a BERT class. */
static hone_status rebuild_bert(const hone_tok_folder *f, hone_tokenizer *t) {
    const hone_tok_added *unk = &f->role[UNK];
    if (!unk->content || hone_tok_map_get(&t->vocab, unk->content, unk->n) < 0) return refuse_role(f, t, UNK);
    HONE_TRY(build_bert(f, t));
    index_wordpiece(t);
    return HONE_OK;
}

static int64_t id_of_role(const hone_tok_folder *f, const hone_tokenizer *t, int role) {
    const hone_tok_added *a = &f->role[role];
    if (a->content) return hone_tokenizer_id(t, a->content, a->n);
    if (f->role_said[role]) return -1;
    if (bert_names[role]) {
        int64_t id = hone_tokenizer_id(t, bert_names[role], strlen(bert_names[role]));
        if (id >= 0) return id;
    }
    return hone_tokenizer_id(t, mpnet_names[role], strlen(mpnet_names[role]));
}

/* A BERT class puts its own cls_token and sep_token around texts, whatever the post_processor of tokenizer.json
 * does. */
static hone_status finish_post(const hone_tok_folder *f, hone_tokenizer *t) {
    if (!hone_tok_is_bert(f)) return HONE_OK;
    int64_t id[2];
    static const int role[2] = {CLS, SEP};
    for (int i = 0; i < 2; i++) {
        const hone_tok_added *a = &f->role[role[i]];
        id[i] = a->content && a->n ? hone_tokenizer_id(t, a->content, a->n) : -1;
        if (id[i] < 0) return refuse_role(f, t, role[i]);
    }
    hone_tok_template_free(&t->post);
    t->post.trim_offsets = f->family == FAMILY_MPNET;
    return hone_tok_template_bert(&t->post, f->family == FAMILY_MPNET, f->role[CLS].content, id[0],
                                  f->role[SEP].content, id[1]);
}

/* hone_tokenizer_token shows a normalized added token as its normalized self, as the reference does. */
static hone_status show_added(hone_tokenizer *t, struct hone_tokenizer_work *w) {
    for (size_t i = 0; i < t->n_added; i++) {
        hone_tok_added *a = &t->added[i];
        if (!a->normalized) continue;
        hone_tok_text *text = &w->norm[0];
        text->n = 0;
        text->aligned = false;
        HONE_TRY(hone_tok_normalize(t->norm, t->n_norm, w, (const uint8_t *)a->content, a->n, 0, text));
        char *shown = hone_strndup(text->n ? (const char *)text->p : "", text->n);
        if (!shown) return HONE_E_NOMEM;
        hone_free(a->shown);
        a->shown = shown;
        t->name[a->id] = (struct hone_tok_name){a->shown, text->n};
    }
    return HONE_OK;
}

hone_status hone_tok_index_added(hone_tokenizer *t) {
    struct hone_tokenizer_work *w = hone_tok_work_new();
    if (!w) return HONE_E_NOMEM;
    hone_tok_matcher_free(&t->raw);
    hone_tok_matcher_free(&t->normalized);
    hone_status s = hone_tok_matcher_build(&t->raw, t, w, false);
    if (s == HONE_OK) s = hone_tok_matcher_build(&t->normalized, t, w, true);
    if (s == HONE_OK) s = show_added(t, w);
    hone_tok_work_free(w);
    return s;
}

/* The special tokens that are put around a text exist. */
static hone_status check_template(const hone_tok_folder *f, const hone_tokenizer *t, const hone_tok_template_piece *p,
                                  size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i].kind != 2) continue;
        const struct hone_tok_special *s = &t->post.special[p[i].special];
        for (size_t k = 0; k < s->n; k++)
            if (s->ids[k] >= t->name_limit || !t->name[s->ids[k]].p)
                return hone_fail_at(HONE_E_FORMAT, f->main_path, 0, 0,
                                    "post_processor: special token \"%s\" has id %d, which no token has",
                                    hone_quote(s->name), s->ids[k]);
    }
    return HONE_OK;
}

static hone_status finish(const hone_tok_folder *f, hone_tokenizer *t) {
    HONE_TRY(apply_switches(f, t));
    HONE_TRY(read_max_length(f, t));
    HONE_TRY(read_truncation_side(f, t));
    HONE_TRY(read_split_special(f, t));
    /* of a broken file, even where the class has its own */
    HONE_TRY(check_template(f, t, t->post.single, t->post.n_single));
    HONE_TRY(check_template(f, t, t->post.pair, t->post.n_pair));
    HONE_TRY(finish_post(f, t));
    t->special_id[HONE_TOKEN_PAD] = id_of_role(f, t, PAD);
    t->special_id[HONE_TOKEN_UNK] = id_of_role(f, t, UNK);
    t->special_id[HONE_TOKEN_CLS] = id_of_role(f, t, CLS);
    t->special_id[HONE_TOKEN_SEP] = id_of_role(f, t, SEP);
    t->special_id[HONE_TOKEN_MASK] = id_of_role(f, t, MASK);
    if (t->special_id[HONE_TOKEN_CLS] < 0) t->special_id[HONE_TOKEN_CLS] = id_of_role(f, t, BOS);
    if (t->special_id[HONE_TOKEN_SEP] < 0) t->special_id[HONE_TOKEN_SEP] = id_of_role(f, t, EOS);
    if (t->special_id[HONE_TOKEN_UNK] < 0 && t->wordpiece.unk_entry >= 0)
        t->special_id[HONE_TOKEN_UNK] = t->vocab.entry[t->wordpiece.unk_entry].value;

    t->type_ids = !f->no_types && (f->family == FAMILY_BERT || f->family == FAMILY_UNSAID) && !t->post.roberta;
    const json_t *names = json_object_get(f->config, "model_input_names");
    if (names && !json_is_null(names) && !json_is_array(names))
        return hone_fail_at(HONE_E_FORMAT, f->config_path, 0, 0, "\"model_input_names\" is not an array");
    if (json_is_array(names)) {
        t->type_ids = false;
        for (size_t i = 0; i < json_array_size(names); i++) {
            const char *name = json_string_value(json_array_get(names, i));
            t->type_ids |= name && !strcmp(name, "token_type_ids");
        }
    }
    for (size_t i = 0; i < t->post.n_single; i++) t->typed |= t->type_ids && t->post.single[i].type_id;
    return hone_tok_index_added(t);
}

/* ---- the folder ---- */

static hone_status find_main(hone_tok_folder *f) {
    static const char *const others[] = {"spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "vocab.json"};
    HONE_TRY(hone_io_join(f->main_path, f->path, "tokenizer.json"));
    f->from_json = hone_io_exists(f->main_path);
    if (f->from_json) return HONE_OK;
    HONE_TRY(hone_io_join(f->main_path, f->path, "vocab.txt"));
    if (hone_io_exists(f->main_path)) return HONE_OK;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        HONE_TRY(hone_io_join(f->main_path, f->path, others[i]));
        if (hone_io_exists(f->main_path))
            return hone_fail_at(HONE_E_UNSUPPORTED, f->main_path, 0, 0, "tokenizers of this kind are not supported");
    }
    errno = ENOENT;
    if (!hone_io_is_dir(f->path)) return hone_fail_os(f->path, "no such model folder");
    return hone_fail_os(f->path, "neither tokenizer.json nor vocab.txt in the folder");
}

/* The class: tokenizer_config.json says it, else config.json does, else it follows from the model. vocab.txt says the
 * pieces, not how a text is cut into words: that is the class's own code (BertJapaneseTokenizer asks MeCab). */
static hone_status find_class(hone_tok_folder *f) {
    const char *class, *type = "";
    const char *file = f->config_path;
    HONE_TRY(hone_json_string(f->config, f->config_path, "tokenizer_class", NULL, &class));
    if (!class) {
        HONE_TRY(hone_io_join(f->model_path, f->path, "config.json"));
        HONE_TRY(load_config(f->model_path, &f->model));
        HONE_TRY(hone_json_string(f->model, f->model_path, "tokenizer_class", NULL, &class));
        HONE_TRY(hone_json_string(f->model, f->model_path, "model_type", "", &type));
        file = f->model_path;
    }
    f->family = class ? family_of(class, f) : family_of_model(type);
    if (f->from_json || f->family != FAMILY_OTHER || !strcmp(class, "PreTrainedTokenizerFast") ||
        !strcmp(class, "TokenizersBackend"))
        return HONE_OK;
    hone_fail_at(HONE_E_UNSUPPORTED, file, 0, 0,
                 "\"tokenizer_class\" is \"%s\", whose way to cut texts vocab.txt does not tell", hone_quote(class));
    return hone_hint("a folder with tokenizer.json needs no more than that");
}

/* A list of tokenizer.json's for different versions of transformers, of which each takes the last that is not newer
 * than itself ("tokenizer.4.0.0.json"): then tokenizer.json is not what it reads. */
static hone_status refuse_versioned(const hone_tok_folder *f) {
    const json_t *list = json_object_get(f->config, "fast_tokenizer_files");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i)),
                   *version = name ? strstr(name, "tokenizer.") : NULL;
        if (!version || !strstr(version + 10, ".json") || strtol(version + 10, NULL, 10) > 5) continue;
        hone_fail_at(HONE_E_UNSUPPORTED, f->config_path, 0, 0,
                     "\"fast_tokenizer_files\" names \"%s\", only tokenizer.json is read", hone_quote(name));
        return hone_hint("rename that file to tokenizer.json, and take the key out");
    }
    return HONE_OK;
}

static hone_status load(hone_tok_folder *f, hone_tokenizer *t) {
    HONE_TRY(find_main(f));
    HONE_TRY(hone_io_join(f->config_path, f->path, "tokenizer_config.json"));
    HONE_TRY(hone_io_join(f->map_path, f->path, "special_tokens_map.json"));
    HONE_TRY(hone_io_join(f->added_path, f->path, "added_tokens.json"));
    HONE_TRY(load_config(f->config_path, &f->config));
    HONE_TRY(refuse_versioned(f));
    HONE_TRY(load_config(f->map_path, &f->map));
    HONE_TRY(load_config(f->added_path, &f->added));
    HONE_TRY(find_class(f));
    const char *const *names = f->family == FAMILY_MPNET                   ? mpnet_names
                               : f->family == FAMILY_BERT || !f->from_json ? bert_names
                                                                           : NULL;
    HONE_TRY(hone_tok_read_roles(f, names));
    if (f->from_json) {
        HONE_TRY(hone_tok_load_json(f->main_path, t, f->family == FAMILY_OTHER ? &f->pad : NULL));
        if (hone_tok_is_bert(f) && !f->derived) HONE_TRY(rebuild_bert(f, t));
    } else {
        HONE_TRY(read_vocab_txt(f, t));
        HONE_TRY(hone_tok_read_postprocessor(NULL, f->main_path, t));
    }
    HONE_TRY(hone_tok_add_around(f, t));
    return finish(f, t);
}

hone_status hone_tok_load(const char *path, hone_tokenizer *t) {
    hone_tok_folder *f = hone_zalloc(sizeof *f);
    if (!f) return HONE_E_NOMEM;
    f->path = path;
    hone_status s = load(f, t);
    json_decref(f->config);
    json_decref(f->map);
    json_decref(f->added);
    json_decref(f->model);
    hone_free(f->pad);
    for (int i = 0; i < HONE_TOK_ROLES; i++) hone_free(f->role[i].content);
    hone_free(f);
    return s;
}
