/* Special and added tokens of a folder, in the order and with the precedence of transformers 5, of which ids depend:
 *
 *   1. listed ones, by their numbers: added_tokens_decoder of tokenizer_config.json where it is there, and nothing
 *      else; otherwise added_tokens.json and, before it where numbers are equal, tokenizer.json;
 *   2. the roles (unk_token …), tokens with names of their own (image_token …), then lists without names, where 1
 *      does not have their spelling.
 *
 * A token that comes twice keeps its id and takes the flags that come last. A class that is rebuilt begins with none;
 * the others begin with those of tokenizer.json. */
#include "data/tokenizer/load_internal.h"

#include <stdlib.h>
#include <string.h>

const char *const hone_tok_role_keys[HONE_TOK_ROLES] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                        "pad_token", "cls_token", "mask_token"};
#define EXTRA "extra_special_tokens"
#define ADDITIONAL "additional_special_tokens" /* what it was called before */

typedef struct wanted {
    hone_tok_added token; /* content owned */
    const char *file;     /* that names it, NULL: the class alone does */
    int64_t id;           /* its number there */
    size_t order;         /* of two with one number the later one counts */
    bool said;            /* the file says "normalized" */
    bool named;           /* it has a role or a name, and is special for that */
    bool plain;           /* a string, not an object with flags */
    bool needed;          /* a role without which a class does nothing */
} wanted;

typedef struct wanted_list {
    wanted *p;
    size_t n, cap;
} wanted_list;

static void free_list(wanted_list *l) {
    for (size_t i = 0; i < l->n; i++) hone_free(l->p[i].token.content);
    hone_free(l->p);
    *l = (wanted_list){0};
}

/* A copy of the token, whose content stays the caller's. */
static hone_status push(wanted_list *l, const wanted *w) {
    HONE_TRY(TOK_GROW(l->p, l->cap, l->n + 1));
    char *content = hone_strndup(w->token.content, w->token.n);
    if (!content) return HONE_E_NOMEM;
    l->p[l->n] = *w;
    l->p[l->n].order = l->n;
    l->p[l->n++].token.content = content;
    return HONE_OK;
}

/* ---- a token of a JSON file ---- */

static hone_status flag(const json_t *o, const char *file, const char *of, const char *key, bool fallback, bool *out) {
    if (hone_json_bool(o, file, key, fallback, out) == HONE_OK) return HONE_OK;
    return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"%s\" of \"%s\" is not true or false", key, hone_quote(of));
}

/* "[CLS]" or {"content": "[CLS]", "lstrip": false, …}; `special` holds where the object does not say it, and in spite
 * of it for a named one. */
static hone_status token_of(const json_t *v, const char *file, const char *key, bool special, wanted *out) {
    const json_t *content = json_is_object(v) ? json_object_get(v, "content") : v;
    hone_tok_added *a = &out->token;
    if (!json_is_string(content))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"%s\" is neither a token nor an object with \"content\"",
                            hone_quote(key));
    *a = (hone_tok_added){
        .content = (char *)(uintptr_t)json_string_value(content), .n = json_string_length(content), .special = special};
    out->file = file;
    out->plain = !json_is_object(v);
    if (out->plain) return HONE_OK;
    HONE_TRY(flag(v, file, key, "single_word", false, &a->single_word));
    HONE_TRY(flag(v, file, key, "lstrip", false, &a->lstrip));
    HONE_TRY(flag(v, file, key, "rstrip", false, &a->rstrip));
    HONE_TRY(flag(v, file, key, "special", special, &a->special));
    a->special |= out->named;
    const json_t *normalized = json_object_get(v, "normalized");
    out->said = normalized && !json_is_null(normalized);
    return flag(v, file, key, "normalized", !a->special, &a->normalized);
}

/* special_tokens_map.json is the older place; transformers reads it only while the newer one is not there. */
static const json_t *old_map(const hone_tok_folder *f) {
    return json_object_get(f->config, "added_tokens_decoder") ? NULL : f->map;
}

hone_status hone_tok_read_roles(hone_tok_folder *f, const char *const *names) {
    for (int i = 0; i < HONE_TOK_ROLES; i++) {
        const char *key = hone_tok_role_keys[i];
        const json_t *v = json_object_get(f->config, key), *old = json_object_get(old_map(f), key);
        wanted w = {.named = true};
        hone_tok_added *a = &f->role[i];
        if (old) v = old;
        if (v) {
            f->role_said[i] = old ? f->map_path : f->config_path;
            if (json_is_null(v)) continue;
            HONE_TRY(token_of(v, f->role_said[i], key, true, &w));
        } else if (names && names[i])
            w.token = (hone_tok_added){.content = (char *)(uintptr_t)names[i], .n = strlen(names[i]), .special = true};
        else
            continue;
        char *content = hone_strndup(w.token.content, w.token.n);
        if (!content) return HONE_E_NOMEM;
        *a = w.token;
        a->content = content;
        f->role_plain[i] = !json_is_object(v) && f->family != FAMILY_MPNET; /* that class makes objects of them */
        if (i == MASK && f->family == FAMILY_MPNET && !json_is_object(v)) a->lstrip = true;
    }
    return HONE_OK;
}

/* ---- tokens with names of their own, and lists of them ---- */

static bool is_role(const char *key) {
    for (int i = 0; i < HONE_TOK_ROLES; i++)
        if (!strcmp(key, hone_tok_role_keys[i])) return true;
    return false;
}

static hone_status want_named(const json_t *v, const char *file, const char *key, wanted_list *l) {
    wanted w = {.named = true};
    HONE_TRY(token_of(v, file, key, true, &w));
    return push(l, &w);
}

/* Every other "…_token" whose value is a token names a special token, too. In tokenizer_config.json an object is one
 * where it says so itself. */
static hone_status want_other_roles(const json_t *o, const char *file, bool objects, bool strings, bool must_say,
                                    wanted_list *l) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v) {
        size_t n = strlen(key);
        const char *type = json_string_value(json_object_get(v, "__type"));
        bool token = json_is_string(v)
                         ? strings
                         : objects && json_is_object(v) && (!must_say || (type && !strcmp(type, "AddedToken")));
        if (n >= 6 && !strcmp(key + n - 6, "_token") && token && !is_role(key)) HONE_TRY(want_named(v, file, key, l));
    }
    return HONE_OK;
}

/* Special tokens with names of their own, in transformers' order. */
static hone_status want_names(const hone_tok_folder *f, wanted_list *l) {
    HONE_TRY(want_other_roles(f->config, f->config_path, true, false, true, l));
    HONE_TRY(want_other_roles(old_map(f), f->map_path, true, true, false, l));
    HONE_TRY(want_other_roles(f->config, f->config_path, false, true, true, l));
    for (int from_map = 0; from_map < 2; from_map++) {
        const json_t *o = json_object_get(from_map ? old_map(f) : f->config, EXTRA);
        const char *key;
        json_t *v;
        json_object_foreach((json_t *)(uintptr_t)(json_is_object(o) ? o : NULL), key, v)
            HONE_TRY(want_named(v, from_map ? f->map_path : f->config_path, key, l));
    }
    return HONE_OK;
}

static hone_status want_list(const json_t *list, const char *file, const char *key, wanted_list *l) {
    if (list && !json_is_null(list) && !json_is_array(list) && !(json_is_object(list) && !strcmp(key, EXTRA)))
        return hone_fail_at(HONE_E_FORMAT, file, 0, 0, "\"%s\" is not an array", key);
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        wanted w = {0};
        /* an object that says what it is says whether it is special, too */
        HONE_TRY(token_of(v, file, key, !json_object_get(v, "__type"), &w));
        HONE_TRY(push(l, &w));
    }
    return HONE_OK;
}

/* Those without a name, under a newer key and its older name: transformers moves the older list under the newer key
 * where that holds nothing, special_tokens_map.json adds to the one and replaces the other, and the older one counts
 * where the newer is not there. */
static hone_status want_lists(const hone_tok_folder *f, wanted_list *l) {
    const json_t *extra = json_object_get(f->config, EXTRA), *older = json_object_get(f->config, ADDITIONAL);
    const json_t *extra_too = json_object_get(old_map(f), EXTRA), *older_too = json_object_get(old_map(f), ADDITIONAL);
    bool moved = older && !json_array_size(extra) && !json_object_size(extra);
    HONE_TRY(want_list(moved ? older : extra, f->config_path, moved ? ADDITIONAL : EXTRA, l));
    HONE_TRY(want_list(extra_too, f->map_path, EXTRA, l));
    if (moved || (extra && !json_is_object(extra)) || (extra_too && !json_is_object(extra_too))) return HONE_OK;
    return want_list(older_too ? older_too : older, older_too ? f->map_path : f->config_path, ADDITIONAL, l);
}

static hone_status want_roles(const hone_tok_folder *f, wanted_list *l) {
    for (int i = 0; i < HONE_TOK_ROLES; i++) {
        wanted w = {.token = f->role[i], .file = f->role_said[i], .said = true, .named = true};
        w.plain = f->role_plain[i];
        w.needed = (i == UNK && !f->derived) || i == CLS || i == SEP;
        if (i == PAD && !w.file && !w.token.content && f->pad)
            w.token = (hone_tok_added){.content = f->pad, .n = strlen(f->pad), .special = true}, w.plain = true;
        if (w.token.content) HONE_TRY(push(l, &w));
    }
    return HONE_OK;
}

/* ---- listed tokens ---- */

/* added_tokens_decoder: {"101": {"content": …}} */
static hone_status list_decoder(const hone_tok_folder *f, const json_t *o, wanted_list *l) {
    const char *key;
    json_t *v;
    if (!json_is_object(o))
        return hone_fail_at(HONE_E_FORMAT, f->config_path, 0, 0, "\"added_tokens_decoder\" is not an object");
    json_object_foreach((json_t *)(uintptr_t)o, key, v) {
        wanted w = {0};
        if (!*key || strspn(key, "0123456789") != strlen(key))
            return hone_fail_at(HONE_E_FORMAT, f->config_path, 0, 0,
                                "\"added_tokens_decoder\" has the key \"%s\", expected an id", hone_quote(key));
        HONE_TRY(token_of(v, f->config_path, "added_tokens_decoder", false, &w));
        w.id = strlen(key) < 18 ? strtoll(key, NULL, 10) : INT64_MAX;
        HONE_TRY(push(l, &w));
    }
    return HONE_OK;
}

/* added_tokens.json: {"<x>": 30522}, the oldest place, where the names are in alphabetical order. */
static hone_status list_old(const hone_tok_folder *f, const wanted_list *extra, wanted_list *l) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)f->added, key, v) {
        wanted w = {
            .token = {.content = (char *)(uintptr_t)key, .n = strlen(key)}, .file = f->added_path, .said = true};
        w.id = json_is_integer(v) ? json_integer_value(v) : -1;
        if (!json_is_integer(v))
            return hone_fail_at(HONE_E_FORMAT, f->added_path, 0, 0, "token \"%s\" has no integer id", hone_quote(key));
        if (w.id < 0 || w.id >= HONE_TOKENIZER_MAX_IDS)
            return hone_fail_at(HONE_E_FORMAT, f->added_path, 0, 0, "token \"%s\" has id %" PRId64 ", expected 0 to %d",
                                hone_quote(key), w.id, HONE_TOKENIZER_MAX_IDS - 1);
        /* transformers compares with what tokenizer_config.json has as a string, an object is not one yet */
        for (int i = 0; i < HONE_TOK_ROLES; i++)
            w.token.special |= f->role[i].content && !strcmp(f->role[i].content, key) &&
                               (f->role_said[i] == f->map_path || (f->role_said[i] && f->role_plain[i]));
        for (size_t i = 0; i < extra->n; i++)
            w.token.special |= extra->p[i].plain && !strcmp(extra->p[i].token.content, key);
        w.token.normalized = !w.token.special;
        HONE_TRY(push(l, &w));
    }
    return HONE_OK;
}

static int by_id(const void *x, const void *y) {
    const wanted *a = x, *b = y;
    if (a->id != b->id) return a->id < b->id ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static hone_status list_tokens(const hone_tok_folder *f, const hone_tokenizer *t, const wanted_list *extra,
                               wanted_list *l) {
    const json_t *decoder = json_object_get(f->config, "added_tokens_decoder");
    if (decoder && !json_is_null(decoder))
        HONE_TRY(list_decoder(f, decoder, l));
    else {
        HONE_TRY(list_old(f, extra, l));
        for (size_t i = 0; i < t->n_added; i++)
            HONE_TRY(
                push(l, &(wanted){.token = t->added[i], .file = f->main_path, .id = t->added[i].id, .said = true}));
    }
    if (l->n) qsort(l->p, l->n, sizeof *l->p, by_id);
    return HONE_OK;
}

/* A rebuilt class has the vocabulary alone. */
static void clear_added(hone_tokenizer *t) {
    for (size_t i = 0; i < t->n_added; i++) {
        hone_tok_added *a = &t->added[i];
        int64_t e = hone_tok_map_get(&t->vocab, a->content, a->n);
        const struct hone_tok_entry *entry = e < 0 ? NULL : &t->vocab.entry[e];
        t->name[a->id] = (struct hone_tok_name){entry ? t->vocab.pool + entry->at : NULL, entry ? entry->n : 0};
        hone_free(a->content);
    }
    while (!t->name[t->name_limit - 1].p) t->name_limit--; /* a vocabulary is never empty */
    hone_tok_map_free(&t->added_map);
    t->n_added = 0;
    t->size = t->model_size;
}

static hone_status add_listed(const hone_tok_folder *f, hone_tokenizer *t, const wanted_list *l,
                              const wanted_list *named) {
    for (size_t i = 0; i < l->n; i++) {
        hone_tok_added a = l->p[i].token;
        if (!a.n || (i + 1 < l->n && l->p[i + 1].id == l->p[i].id)) continue;
        bool special = a.special;
        for (size_t k = 0; k < named->n; k++)
            a.special |=
                named->p[k].named && named->p[k].token.n == a.n && !memcmp(named->p[k].token.content, a.content, a.n);
        if (a.special && !special && !l->p[i].said) a.normalized = false;
        HONE_TRY(
            hone_tok_add_token(t, l->p[i].file, &a, l->p[i].file == f->added_path && !f->from_json ? l->p[i].id : -1));
    }
    return HONE_OK;
}

static const wanted *at(const wanted_list *rest, const wanted_list *extra, size_t i) {
    return i < rest->n ? &rest->p[i] : &extra->p[i - rest->n];
}

/* The i-th is one of those before it, flags and all: it does not count as a later one. */
static bool is_again(const wanted_list *rest, const wanted_list *extra, size_t i) {
    const wanted *w = at(rest, extra, i);
    const hone_tok_added *a = &w->token;
    for (size_t k = 0; k < i; k++) {
        const wanted *v = at(rest, extra, k);
        const hone_tok_added *b = &v->token;
        if (v->plain == w->plain && a->n == b->n && !memcmp(a->content, b->content, a->n) &&
            a->single_word == b->single_word && a->lstrip == b->lstrip && a->rstrip == b->rstrip &&
            a->normalized == b->normalized)
            return true;
    }
    return false;
}

/* The class's own name for a role it cannot do without, which nothing else has: it stays away, to be refused by name. */
static bool is_missing(const hone_tokenizer *t, const wanted_list *rest, const wanted_list *extra, const wanted *w) {
    if (w->file || !w->needed || hone_tok_map_get(&t->vocab, w->token.content, w->token.n) >= 0) return false;
    for (size_t k = 0; k < rest->n + extra->n; k++) {
        const wanted *v = at(rest, extra, k);
        if (v->file && v->token.n == w->token.n && !memcmp(v->token.content, w->token.content, w->token.n))
            return false;
    }
    return true;
}

static hone_status add_all(const hone_tok_folder *f, hone_tokenizer *t, wanted_list *rest, wanted_list *extra,
                           wanted_list *listed) {
    HONE_TRY(want_roles(f, rest));
    HONE_TRY(want_names(f, rest));
    HONE_TRY(want_lists(f, extra));
    HONE_TRY(list_tokens(f, t, extra, listed));
    if (f->from_json && hone_tok_is_bert(f) && !f->derived) clear_added(t);
    hone_tok_number_on(t);
    HONE_TRY(add_listed(f, t, listed, rest));
    size_t known = t->n_added;
    for (size_t i = 0; i < rest->n + extra->n; i++) {
        const wanted *w = at(rest, extra, i);
        int64_t e = hone_tok_map_get(&t->added_map, w->token.content, w->token.n);
        bool wants = e < 0 ? !is_missing(t, rest, extra, w)
                           : (size_t)t->added_map.entry[e].value >= known && !is_again(rest, extra, i);
        if (w->token.n && wants) HONE_TRY(hone_tok_add_token(t, w->file, &w->token, -1));
    }
    return HONE_OK;
}

hone_status hone_tok_add_around(const hone_tok_folder *f, hone_tokenizer *t) {
    wanted_list rest = {0}, extra = {0}, listed = {0};
    hone_status s = add_all(f, t, &rest, &extra, &listed);
    free_list(&rest);
    free_list(&extra);
    free_list(&listed);
    return s;
}
