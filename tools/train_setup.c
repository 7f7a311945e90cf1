#include "tools/train_setup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The first loss of each task is its default. */
static const struct {
    const char *task, *losses;
} goes[] = {{"pairs", "mnr|mnr-symmetric|gte|triplet"},
            {"triplet", "triplet|batch-hard|batch-hard-soft-margin|semi-hard|batch-all"},
            {"scored", "cosent|cosine|angle|contrastive|online-contrastive"}};

/* Asked for; a flag that a config file turns off is not. */
static bool wanted_flag(const hone_options *o, const char *name) {
    return hone_options_given(o, name) && hone_options_flag(o, name);
}

static bool has_word(const char *words, const char *word) {
    size_t n = strlen(word);
    for (const char *p = words; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (!strncmp(p, word, n) && (!p[n] || p[n] == '|')) return true;
    return false;
}

hone_status hone_train_loss_of(const char *task, const char *name, const hone_loss **out) {
    const char *words = "";
    char first[64], list[256];
    for (size_t i = 0; i < sizeof goes / sizeof *goes; i++)
        if (!strcmp(goes[i].task, task)) words = goes[i].losses;
    snprintf(first, sizeof first, "%.*s", (int)strcspn(words, "|"), words);
    if (name && !has_word(words, name)) {
        hone_fail(HONE_E_ARG, "--loss: \"%s\" does not go with --task %s, allowed: %s", name, task,
                  hone_words_list(words, list, sizeof list));
        for (size_t i = 0; i < sizeof goes / sizeof *goes; i++)
            if (has_word(goes[i].losses, name)) return hone_hint("it goes with --task %s", goes[i].task);
        return HONE_E_ARG;
    }
    *out = hone_loss_find(name ? name : first);
    return *out ? HONE_OK : hone_fail(HONE_E_ARG, "--loss: \"%s\" is not available yet", name ? name : first);
}

hone_status hone_train_choose_loss(const hone_options *o, const hone_loss **out) {
    HONE_TRY(hone_train_loss_of(hone_options_string(o, "task"), hone_options_string(o, "loss"), out));
    if (hone_options_has(o, "group") && !(*out)->in_batch)
        return hone_fail(HONE_E_ARG, "--group: in --loss %s other rows are no negatives, nothing is to be kept apart",
                         (*out)->name);
    if ((*out)->needs == HONE_LOSS_CLASSES && wanted_flag(o, "no-duplicates"))
        return hone_fail(HONE_E_ARG, "--no-duplicates does not go with --loss %s, whose batches are made by label",
                         (*out)->name);
    return HONE_OK;
}

hone_row_kind hone_train_row_kind(const hone_options *o, const hone_loss *loss, bool eval) {
    if (loss->needs == HONE_LOSS_CLASSES) return HONE_ROWS_LABELLED;
    if (loss->needs == HONE_LOSS_BINARY && !eval) return HONE_ROWS_BINARY;
    if (loss->needs != HONE_LOSS_TEXTS) return HONE_ROWS_SCORED;
    return hone_options_is(o, "task", "triplet") ? HONE_ROWS_TRIPLET : HONE_ROWS_PAIRS;
}

static hone_status read_lengths(const hone_options *o, int64_t D, hone_loss_options *out) {
    int64_t n = hone_options_count(o, "matryoshka");
    if (n > HONE_MAX_DIMS)
        return hone_fail(HONE_E_ARG, "--matryoshka: %" PRId64 " lengths, at most %d", n, HONE_MAX_DIMS);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = hone_options_item_int(o, "matryoshka", i);
        if (k > D)
            return hone_fail(
                HONE_E_ARG,
                "--matryoshka: %" PRId64 " is out of range, the model's embeddings have %" PRId64 " dimensions", k, D);
        for (int j = 0; j < out->n_dims; j++)
            if (out->dims[j] == k) return hone_fail(HONE_E_ARG, "--matryoshka: %" PRId64 " is given twice", k);
        out->dims[out->n_dims++] = k;
    }
    return HONE_OK;
}

hone_status hone_train_loss_options(const hone_options *o, const hone_loss *loss, int64_t D, hone_loss_options *out) {
    const char *distance = hone_options_string(o, "distance");
    *out = (hone_loss_options){
        .scale = hone_options_real(o, "scale"),
        .margin = hone_options_has(o, "margin") ? hone_options_real(o, "margin") : loss->default_margin,
        .metric = !distance                        ? loss->default_metric
                  : !strcmp(distance, "cosine")    ? HONE_COSINE
                  : !strcmp(distance, "manhattan") ? HONE_MANHATTAN
                                                   : HONE_EUCLIDEAN,
    };
    return read_lengths(o, D, out);
}

static hone_status no_match(const hone_options *o, const char *option, const char *pattern, hone_model *m) {
    hone_params *ps = hone_model_params(m);
    int64_t n = hone_params_count(ps);
    (void)o;
    hone_fail(HONE_E_ARG, "--%s: no parameter matches \"%s\"", option, hone_quote(pattern));
    return hone_hint("names are like %s and %s; * stands for anything; \"hone inspect\" lists them",
                     hone_params_at(ps, 0)->name[0], hone_params_at(ps, n / 2)->name[0]);
}

hone_status hone_train_set_parameters(const hone_options *o, hone_model *m) {
    hone_params *ps = hone_model_params(m);
    for (int64_t i = 0; i < hone_options_count(o, "freeze"); i++) {
        const char *pattern = hone_options_item(o, "freeze", i);
        if (!hone_params_freeze(ps, pattern)) return no_match(o, "freeze", pattern, m);
    }
    for (int64_t i = 0; i < hone_options_count(o, "lr-scale"); i++) {
        const char *pattern = hone_options_item(o, "lr-scale", i), *text = hone_options_right(o, "lr-scale", i);
        double factor;
        if (!hone_parse_real(text, &factor) || factor < 0)
            return hone_fail(HONE_E_ARG, "--lr-scale %s=%s: \"%s\" is not a number of 0 or more", hone_quote(pattern),
                             hone_quote(text), hone_quote(text));
        if (!hone_params_scale_rate(ps, pattern, factor)) return no_match(o, "lr-scale", pattern, m);
    }
    for (int64_t i = 0; i < hone_params_count(ps); i++)
        if (hone_params_at(ps, i)->trainable) return HONE_OK;
    return hone_fail(HONE_E_ARG, "--freeze: every parameter is frozen, nothing is left to train");
}
