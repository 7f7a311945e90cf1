/* make nan: behind every operation that a training step of each model and loss runs, forward and backward, a value is
 * made NaN (autograd/poison.h). The operations are read from the tape of a step, not from a list.
 *
 * One run of each: step 1 is as ever; step 2 meets the NaN; step 3 is as ever; steps 4 to 8 meet it. Good is: step 2 is
 * caught, says operation, direction and parameter, and leaves every weight as it was, bit for bit; step 3 trains on;
 * the run ends at step 8 with HONE_E_NUMERIC, the same sentence and no model written.
 *
 *     HONE_NAN_STRIDE   every so many operations (7 within `make test`, 1 in `make nan`) */
#include "autograd/poison.h"
#include "base/io.h"
#include "base/parallel.h"
#include "tests/test.h"
#include "tests/train/fixture.h"
#include "train/pass.h"

#include <stdlib.h>

typedef struct site {
    const char *op;
    int64_t site;
    bool in_loss;   /* behind the embeddings */
    char name[256]; /* of its parameter, "": it has none */
} site;

typedef struct trial {
    fixture *f;
    char *before, *after; /* weights */
    size_t bytes;
    bool unchanged, moved, skipped;
    char note[1024];
    int64_t notes;
} trial;

/* ---- the tape ---- */

static const char *own_name(const hone_node *n) {
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] && *n->in[i]->name) return n->in[i]->name;
    return "";
}

static bool makes_embeddings(const hone_node *n) {
    return n->out && !strcmp(n->out->name, HONE_EMBEDDINGS);
}

/* The operations of a step over the first rows, last one first. */
static int64_t list_sites(fixture *f, site *out, int64_t room) {
    hone_train_data data = {
        .store = &f->store, .texts = &f->texts, .n = f->texts.rows, .score = f->score, .group = f->label.of};
    hone_arena *arena = hone_arena_new("step", 0);
    hone_graph *g = hone_graph_new(arena);
    hone_token_batch b = {0};
    hone_pass *p;
    int64_t rows[8], n = 0;
    double loss = 0;
    bool in_loss = true;
    for (int64_t i = 0; i < 8; i++) rows[i] = i;
    CHECK_OK(hone_token_batch_fill(&b, &f->store, rows, 8));
    CHECK_OK(hone_pass_new(f->model, g, &data, f->options.loss, &f->options.loss_options, 0, &p));
    CHECK_OK(hone_pass_run(p, &b, 1, 1, 0, 1, &loss));
    for (const hone_node *x = hone_graph_last(g); x; x = x->previous) {
        in_loss &= !makes_embeddings(x);
        CHECK(n < room);
        out[n] = (site){.op = x->op->name, .site = x->site, .in_loss = in_loss};
        snprintf(out[n++].name, sizeof out[0].name, "%s", own_name(x));
    }
    hone_params_clear_grads(hone_model_params(f->model));
    hone_token_batch_free(&b);
    hone_pass_free(p);
    hone_graph_free(g);
    hone_arena_free(arena);
    return n;
}

/* ---- one run ---- */

static size_t copy_weights(fixture *f, char *to) {
    hone_params *ps = hone_model_params(f->model);
    size_t n = 0;
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_tensor *t = hone_params_at(ps, i)->tensor;
        size_t bytes = (size_t)hone_count(t) * hone_dtype_size(t->dtype);
        if (to) memcpy(to + n, t->data, bytes);
        n += bytes;
    }
    return n;
}

static void set_weights(fixture *f, const char *from) {
    hone_params *ps = hone_model_params(f->model);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_tensor *t = hone_params_at(ps, i)->tensor;
        size_t bytes = (size_t)hone_count(t) * hone_dtype_size(t->dtype);
        memcpy(t->data, from, bytes);
        from += bytes;
    }
}

static void watch(void *ctx, const hone_train_report *r) {
    trial *t = ctx;
    if (r->note && strstr(r->note, "warning: ") == r->note) return;
    if (r->note) {
        if (!t->notes++) snprintf(t->note, sizeof t->note, "%s", r->note);
        return;
    }
    if (r->step == 1) copy_weights(t->f, t->before);
    if (r->step > 3) return;
    copy_weights(t->f, t->after);
    bool same = !memcmp(t->before, t->after, t->bytes);
    if (r->step == 2) t->unchanged = same, t->skipped = r->skipped;
    if (r->step == 3) t->moved = !same && !r->skipped;
}

/* One of the published tensors that share the parameter, or "the loss NAME". */
static bool names_place(fixture *f, const site *s, const char *text) {
    char loss[64];
    hone_params *ps = hone_model_params(f->model);
    snprintf(loss, sizeof loss, "in the loss %s, in %s:", f->options.loss->name, s->op);
    if (s->in_loss) return strstr(text, loss);
    for (int64_t i = 0; i < hone_params_count(ps); i++) {
        const hone_param *p = hone_params_at(ps, i);
        for (int k = 0; k < p->n_names; k++) {
            char place[400];
            snprintf(place, sizeof place, "in %s %s %s:", s->op, *s->name ? "of" : "after", p->name[k]);
            bool of_it = !strcmp(p->name[0], s->name), of_op = !strncmp(p->name[0], s->name, 20);
            if (strstr(text, place))
                return !*s->name || of_it || of_op; /* a gradient may be another one's of the layer */
        }
    }
    return false;
}

/* What is wrong with how `s` was told; NULL: nothing. */
static const char *judge(trial *t, const site *s, bool backward, hone_status status, const hone_train_result *r) {
    const hone_error *e = hone_last_error();
    char file[HONE_PATH_MAX], first[32];
    snprintf(first, sizeof first, "in the %s pass", backward ? "backward" : "forward");
    CHECK_OK(hone_io_join(file, t->f->options.out, "final_model"));
    if (status != HONE_E_NUMERIC) return "the run does not end with exit 6";
    if (!t->skipped || r->skipped != 6 || r->steps != 8) return "not caught in the same step";
    if (!t->unchanged) return "the skipped step changed a weight";
    if (!t->moved) return "training does not go on";
    if (!strstr(t->note, "step 2: NaN first appears") || !strstr(t->note, first))
        return "the note has another step or direction";
    if (!names_place(t->f, s, t->note)) return "the note has another operation or parameter";
    if (!strstr(e->message, "step 8: NaN first appears") || !strstr(e->message, first) ||
        !names_place(t->f, s, e->message) || !strstr(e->message, "5 updates in a row were skipped; no checkpoint"))
        return "the last sentence does not say it";
    if (hone_io_exists(file)) return "a model was written";
    return NULL;
}

static bool try_site(fixture *f, const site *s, bool backward, bool all, const char *out, const char *what) {
    char rules[256];
    trial t = {.f = f, .bytes = copy_weights(f, NULL)};
    hone_train_result r = {0};
    t.before = malloc(t.bytes), t.after = malloc(t.bytes);
    char *start = malloc(t.bytes);
    copy_weights(f, start);
    const char *dir = backward ? "bwd" : "fwd", *at = all ? ":at=all" : "";
    snprintf(rules, sizeof rules, "nan:op=%s:site=%d:dir=%s:step=2%s,nan:op=%s:site=%d:dir=%s:step=4+%s", s->op,
             (int)s->site, dir, at, s->op, (int)s->site, dir, at);
    CHECK(hone_poison_set(rules));
    CHECK_OK(hone_io_remove_tree(out));
    f->options.out = out, f->options.steps = 9, f->options.report = watch, f->options.ctx = &t;
    hone_status status = fixture_train(f, &r);
    const char *wrong = judge(&t, s, backward, status, &r);
    if (wrong)
        printf("  %s: %s site %d %s (%s): %s\n    %s\n    %s\n", what, s->op, (int)s->site, dir, s->name, wrong, t.note,
               status ? hone_last_error()->message : "");
    hone_poison_set(NULL);
    set_weights(f, start);
    free(start), free(t.before), free(t.after);
    return !wrong;
}

typedef struct tally {
    int64_t tried, passed, seen, stride;
    bool op[64][2]; /* by place in hone_ops */
} tally;

static void mark(tally *t, const char *op, bool backward) {
    for (int i = 0; hone_ops[i]; i++)
        if (!strcmp(hone_ops[i]->name, op)) t->op[i][backward] = true;
}

/* Every operation of a case; with loss_alone only those behind the embeddings. */
static void try_case(tally *t, const char *text, bool loss_alone, double dropout, int64_t chunk, int64_t accumulate) {
    json_t *c = json_loads(text, 0, NULL);
    CHECK_MSG(c, "%s", text);
    fixture f = fixture_open(c);
    /* One value that was dropped, or a token that pooling passes over, is read by nobody. */
    bool all = dropout > 0 || strstr(text, "pool_last");
    char dir[HONE_PATH_MAX], out[HONE_PATH_MAX];
    site sites[128];
    if (dropout > 0) {
        hone_model_close(f.model);
        CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), json_string_value(json_object_get(c, "model"))));
        CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dropout = dropout}, &f.model));
    }
    json_decref(c);
    CHECK_OK(hone_io_join(out, test_dir(), "nan"));
    int64_t n = list_sites(&f, sites, 128);
    f.options.chunk = chunk, f.options.accumulate = accumulate;
    for (int64_t i = 0; i < n; i++) {
        if (loss_alone && !sites[i].in_loss) continue;
        for (int backward = 0; backward < 2; backward++) {
            if (t->seen++ % t->stride) continue;
            t->tried++;
            t->passed += try_site(&f, &sites[i], backward, all, out, text);
            mark(t, sites[i].op, backward);
        }
    }
    fixture_close(&f);
}

#define CASE(model, data, loss, more)                                                                                  \
    "{\"model\":\"" model "\",\"data\":\"" data ".jsonl\",\"loss\":\"" loss "\",\"batch_size\":8,\"lr\":1e-3" more "}"

static const char *const models[] = {"mean",          "pool_all",       "pool_cls", "pool_max",  "pool_last",
                                     "pool_weighted", "pool_mean_sqrt", "dense",    "dense_two", "gelu_new",
                                     "relu",          "silu",           "cased"};

static const char *const losses[] = {
    CASE("mean", "pairs", "mnr", ""),
    CASE("mean", "negatives", "mnr", ""),
    CASE("mean", "pairs", "mnr-symmetric", ""),
    CASE("mean", "grouped", "mnr-symmetric", ",\"group\":true"),
    CASE("mean", "pairs", "gte", ""),
    CASE("mean", "grouped", "gte", ",\"group\":true"),
    CASE("mean", "triplets", "triplet", ""),
    CASE("mean", "triplets", "triplet", ",\"distance\":\"cosine\""),
    CASE("mean", "negatives", "triplet", ",\"distance\":\"manhattan\""),
    CASE("mean", "labelled", "batch-hard", ""),
    CASE("mean", "labelled", "batch-hard", ",\"distance\":\"cosine\""),
    CASE("mean", "labelled", "batch-hard-soft-margin", ""),
    CASE("mean", "labelled", "semi-hard", ""),
    CASE("mean", "labelled", "batch-all", ",\"distance\":\"manhattan\""),
    CASE("mean", "scored", "cosent", ""),
    CASE("mean", "scored", "angle", ""),
    CASE("mean", "scored", "cosine", ""),
    CASE("mean", "scored", "contrastive", ""),
    CASE("mean", "scored", "contrastive", ",\"distance\":\"euclidean\""),
    CASE("mean", "scored", "online-contrastive", ",\"distance\":\"manhattan\""),
    CASE("mean", "pairs", "mnr", ",\"matryoshka\":[16,7]"),
    CASE("mean", "scored", "cosent", ",\"matryoshka\":[16,8]"),
};

TEST(nan, a_nan_behind_any_operation_is_caught_in_its_step_and_named) {
    const char *stride = getenv("HONE_NAN_STRIDE");
    int threads = hone_threads();
    tally t = {.stride = stride && atoi(stride) > 0 ? atoi(stride) : 7};
    char text[256];
    hone_set_threads(1); /* of work this small, more would mostly wait */
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        snprintf(text, sizeof text, CASE("%s", "pairs", "mnr", ""), models[i]);
        try_case(&t, text, false, 0, 0, 1);
    }
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) try_case(&t, losses[i], true, 0, 0, 1);
    try_case(&t, losses[0], false, 0.1, 0, 1);
    try_case(&t, losses[0], false, 0, 3, 1);
    try_case(&t, losses[0], false, 0, 0, 2);
    int64_t ops = 0, met = 0;
    for (int i = 0; hone_ops[i]; i++, ops += 2)
        for (int k = 0; k < 2; k++) {
            met += t.op[i][k];
            if (!t.op[i][k] && t.stride == 1)
                printf("  never met: %s %s\n", hone_ops[i]->name, k ? "backward" : "forward");
        }
    printf("nan: %d/%d %s (%d of %d operations and directions that there are)\n", (int)t.passed, (int)t.tried,
           t.passed == t.tried ? "PASS" : "FAIL", (int)met, (int)ops);
    hone_set_threads(threads);
    CHECK_INT(t.passed, t.tried);
}
