/* Early stopping, frozen parameters, rates of their own, labels: over stops and resumes, too. */
#include "base/io.h"
#include "tests/test.h"
#include "tests/train/fixture.h"

#include <math.h>

/* An evaluation that reads its answers from a list. */
typedef struct answers {
    const double *value;
    int n, asked;
} answers;

static hone_status answer(void *ctx, hone_model *m, hone_graph *g, json_t **metrics, double *primary) {
    answers *a = ctx;
    (void)m, (void)g;
    *primary = a->value[a->asked < a->n ? a->asked : a->n - 1];
    a->asked++;
    *metrics = json_pack("{s:i}", "asked", a->asked);
    return HONE_OK;
}

static const char *fresh_dir(const char *name) {
    static char dirs[4][HONE_PATH_MAX];
    static int next;
    char *d = dirs[next++ % 4];
    CHECK_OK(hone_io_join(d, test_dir(), name));
    CHECK_OK(hone_io_remove_tree(d));
    return d;
}

static fixture open_case(const char *text, const char *out) {
    json_t *c = json_loads(text, 0, NULL);
    CHECK_MSG(c, "%s", text);
    fixture f = fixture_open(c);
    json_decref(c);
    f.options.out = out;
    return f;
}

static const char PAIRS[] =
    "{\"model\":\"mean\",\"data\":\"pairs.jsonl\",\"loss\":\"mnr\",\"batch_size\":8,\"epochs\":3,\"lr\":1e-3}";

/* Five steps an epoch, an evaluation every second step and before the first; best_step and the step it ends at. */
static void check_stop(const double *value, int n, int64_t patience, int64_t best, int64_t end) {
    fixture f = open_case(PAIRS, fresh_dir("patience"));
    answers a = {value, n, 0};
    hone_evaluation e = {answer, &a};
    hone_train_result r;
    f.options.evaluation = &e, f.options.eval_every = 2, f.options.patience = patience;
    CHECK_OK(fixture_train(&f, &r));
    CHECK_INT(r.best_step, best);
    CHECK_INT(r.steps, end);
    fixture_close(&f);
}

TEST(train, patience_counts_evaluations_since_the_best_and_the_one_before_training_is_none) {
    static const double rising[] = {9, 1, 2, 3, 4, 5, 6, 7, 8}, falling[] = {0, 5, 4, 3, 2, 1, 0, 0, 0},
                        wave[] = {0, 1, 0, 2, 2, 1, 3, 0, 0},
                        undefined[] = {(double)NAN, (double)NAN, 1, (double)NAN, 0, 0, 0, 0, 0};
    check_stop(rising, 9, 1, 15, 15);
    check_stop(falling, 9, 1, 2, 4);
    check_stop(falling, 9, 3, 2, 8);
    check_stop(falling, 9, 0, 2, 15);
    check_stop(wave, 9, 2, 6, 10); /* an equal value is no new best */
    check_stop(wave, 9, 3, 12, 15);
    check_stop(undefined, 9, 2, 4, 8);
}

typedef struct epochs {
    double step[8], eval[8];
    int steps, evals;
} epochs;

static void keep_epochs(void *ctx, const hone_train_report *r) {
    epochs *e = ctx;
    if (r->note) return;
    CHECK(e->steps < 8 && e->evals < 8);
    if (r->metrics)
        e->eval[e->evals++] = r->epoch;
    else
        e->step[e->steps++] = r->epoch;
}

/* As transformers' trainer logs it: the share of the epoch's batches, however few of them its last step has. */
TEST(train, epochs_are_counted_in_batches_and_end_at_whole_numbers) {
    static const double steps[] = {.4, .8, 1, 1.4, 1.8, 2}, evals[] = {0, 1, 2}, some[] = {1, 2, 3};
    fixture f = open_case(
        "{\"model\":\"mean\",\"data\":\"pairs.jsonl\",\"loss\":\"mnr\",\"batch_size\":8,\"epochs\":2,\"accumulate\":2,"
        "\"lr\":1e-3}",
        fresh_dir("epochs"));
    answers a = {some, 3, 0};
    epochs e = {.steps = 0};
    hone_train_result r;
    f.options.evaluation = &(hone_evaluation){answer, &a};
    f.options.eval_every = 0;
    f.options.report = keep_epochs, f.options.ctx = &e;
    CHECK_OK(fixture_train(&f, &r));
    CHECK_INT(e.steps, 6);
    CHECK_INT(e.evals, 3);
    for (int i = 0; i < 6; i++) CHECK_MSG(fabs(e.step[i] - steps[i]) < 1e-12, "step %d: epoch %.17g", i + 1, e.step[i]);
    for (int i = 0; i < 3; i++) CHECK_MSG(e.eval[i] == evals[i], "evaluation %d: epoch %.17g", i, e.eval[i]);
    fixture_close(&f);
}

static hone_status answer_or_stop(void *ctx, hone_model *m, hone_graph *g, json_t **metrics, double *primary) {
    answers *a = ctx;
    if (a->asked == a->n) return hone_fail(HONE_E_STOPPED, "stopped");
    return answer(ctx, m, g, metrics, primary);
}

/* Five steps an epoch, seven in all. A signal in the last evaluation changes nothing of it. */
TEST(train, a_run_that_ends_inside_an_epoch_says_so) {
    static const double some[] = {1, 2, 3}, evals[] = {0, 1, 1.4};
    for (int stopped = 0; stopped < 2; stopped++) {
        const char *out = fresh_dir(stopped ? "inside_stopped" : "inside");
        char path[HONE_PATH_MAX];
        epochs e = {.steps = 0};
        json_t *state;
        for (int round = 1 - stopped; round < 2; round++) {
            fixture f = open_case(PAIRS, out);
            answers a = {some, round ? 3 : 2, stopped && round ? 2 : 0};
            hone_train_result r;
            f.options.steps = 7, f.options.resume = stopped && round, f.options.save_every = 0;
            f.options.evaluation = &(hone_evaluation){round ? answer : answer_or_stop, &a}, f.options.eval_every = 0;
            f.options.report = keep_epochs, f.options.ctx = &e;
            CHECK_INT(fixture_train(&f, &r), round ? HONE_OK : HONE_E_STOPPED);
            CHECK_INT(r.best_step, round ? 7 : 5);
            fixture_close(&f);
        }
        CHECK_INT(e.steps, 7);
        CHECK_INT(e.evals, 3);
        CHECK_MSG(fabs(e.step[6] - 1.4) < 1e-12, "last step: epoch %.17g", e.step[6]);
        for (int i = 0; i < 3; i++) CHECK_MSG(fabs(e.eval[i] - evals[i]) < 1e-12, "%d: epoch %.17g", i, e.eval[i]);
        CHECK_OK(hone_io_join(path, out, "checkpoint_epoch_2")); /* the second epoch was not done */
        CHECK(!hone_io_exists(path));
        CHECK_OK(hone_io_join(path, out, "checkpoint_step_7/state.json"));
        CHECK_OK(hone_json_load(path, &state));
        CHECK_INT(json_integer_value(json_object_get(state, "judged")), 7);
        CHECK_INT(json_integer_value(json_object_get(state, "epoch")), 1);
        CHECK_INT(json_integer_value(json_object_get(state, "batch")), 2);
        json_decref(state);
    }
}

typedef struct stopper {
    volatile sig_atomic_t flag;
    int64_t at;
} stopper;

static void watch(void *ctx, const hone_train_report *r) {
    stopper *s = ctx;
    if (!r->metrics && !r->note && r->step == s->at) s->flag = 1;
}

TEST(train, a_resumed_run_remembers_how_long_it_has_been_patient) {
    static const double falling[] = {0, 5, 4, 3, 2, 1};
    const char *out = fresh_dir("patient");
    stopper s = {.at = 5};
    answers a = {falling, 6, 0};
    hone_evaluation e = {answer, &a};
    hone_train_result r;
    for (int round = 0; round < 3; round++) { /* stopped; resumed to its end; resumed when there is nothing left */
        fixture f = open_case(PAIRS, out);
        f.options.evaluation = &e, f.options.eval_every = 2, f.options.patience = 3, f.options.resume = round > 0;
        if (round == 0) f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
        hone_status status = fixture_train(&f, &r);
        CHECK_INT(status, round ? HONE_OK : HONE_E_STOPPED);
        CHECK_INT(r.steps, round ? 8 : 5);
        CHECK_INT(r.best_step, 2);
        fixture_close(&f);
    }
    CHECK_INT(a.asked, 5);
}

static void read_model(const char *out, char **text, size_t *n) {
    char file[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(file, out, "final_model/model.safetensors"));
    CHECK_OK(hone_io_read_file(file, 1 << 28, text, n));
}

/* A run of `text`, stopped after each of its first steps and resumed, against one that was left alone. */
static void check_resume(const char *text, int64_t stops) {
    char *want, *got;
    size_t n, m;
    const char *whole = fresh_dir("whole");
    fixture f = open_case(text, whole);
    f.options.no_shuffle = false;
    CHECK_OK(fixture_train(&f, NULL));
    fixture_close(&f);
    read_model(whole, &want, &n);
    for (int64_t at = 1; at <= stops; at++) {
        const char *out = fresh_dir("stopped");
        stopper s = {.at = at};
        for (int round = 0; round < 2; round++) {
            f = open_case(text, out);
            f.options.no_shuffle = false, f.options.resume = round;
            if (!round) f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
            CHECK_INT(fixture_train(&f, NULL), round ? HONE_OK : HONE_E_STOPPED);
            fixture_close(&f);
        }
        read_model(out, &got, &m);
        CHECK_MSG(n == m && !memcmp(want, got, n), "stopped after step %d: other bits", (int)at);
        hone_free(got);
    }
    hone_free(want);
}

TEST(resume, frozen_parts_and_rates_of_tables_give_the_same_bits) {
    check_resume("{\"model\":\"mean\",\"data\":\"pairs.jsonl\",\"loss\":\"mnr\",\"batch_size\":8,\"epochs\":2,\"lr\":"
                 "1e-3,\"weight_decay\":0.1,\"freeze\":[\"*.key.*\",\"encoder.layer.1.output.*\"],\"lr_scale\":{"
                 "\"embeddings.*\":0.3,\"embeddings.position*\":2}}",
                 9);
}

TEST(resume, batches_by_class_give_the_same_bits) {
    check_resume("{\"model\":\"mean\",\"data\":\"labelled.jsonl\",\"loss\":\"semi-hard\",\"batch_size\":8,\"epochs\":2,"
                 "\"lr\":1e-3,"
                 "\"margin\":0.5,\"matryoshka\":[16,5]}",
                 7);
}

TEST(resume, whatever_else_would_change_the_result_is_refused_by_name) {
    static const struct {
        const char *more, *says;
    } changes[] = {{"\"freeze\":[\"embeddings.*\"]", "frozen"},
                   {"\"lr_scale\":{\"*.query.*\":0.5}", "rates"},
                   {"\"matryoshka\":[16,8]", "matryoshka"},
                   {"\"group\":true", "labels"},
                   {"\"distance\":\"manhattan\"", "distance"}};
    static const char head[] =
        "{\"model\":\"mean\",\"data\":\"grouped.jsonl\",\"loss\":\"mnr\",\"batch_size\":8,\"epochs\":1,\"lr\":1e-3";
    const char *out = fresh_dir("other");
    char text[512];
    stopper s = {.at = 2};
    snprintf(text, sizeof text, "%s}", head);
    fixture f = open_case(text, out);
    f.options.stop = &s.flag, f.options.report = watch, f.options.ctx = &s;
    CHECK_FAILS(fixture_train(&f, NULL), HONE_E_STOPPED, "stopped");
    fixture_close(&f);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        snprintf(text, sizeof text, "%s,%s}", head, changes[i].more);
        f = open_case(text, out);
        f.options.resume = true;
        CHECK_FAILS(fixture_train(&f, NULL), HONE_E_ARG, changes[i].says);
        fixture_close(&f);
    }
    f = open_case(PAIRS, fresh_dir("nothing"));
    f.options.loss = &hone_loss_cosent;
    CHECK_FAILS(fixture_train(&f, NULL), HONE_E_ARG, "loss cosent needs a score for every row");
    f.options.loss = &hone_loss_batch_all;
    CHECK_FAILS(fixture_train(&f, NULL), HONE_E_ARG, "loss batch-all needs a class for every row");
    fixture_close(&f);
}

TEST(train, numbers_and_rows_that_no_run_can_have_are_refused_before_anything_is_written) {
    const char *dir = fresh_dir("refused");
    fixture f = open_case(PAIRS, dir);
    const hone_train_options good = f.options;
    for (int i = 0; i < 20; i++) {
        hone_train_options *o = &f.options;
        *o = good;
        switch (i) {
        case 0: o->epochs = 0; break;
        case 1: o->epochs = NAN; break;
        case 2: o->steps = -1; break;
        case 3: o->lr = -1e-3; break;
        case 4: o->lr = INFINITY; break;
        case 5: o->warmup = -0.1; break;
        case 6: o->chunk = -4; break;
        case 7: o->keep = -1; break;
        case 8: o->eval_every = -2; break;
        case 9: o->patience = -1; break;
        case 10: o->schedule = (hone_schedule)9; break;
        case 11: o->batch_size = 0; break;
        case 12: o->epochs = 1e300; break;
        case 13: o->warmup = 1e300; break;
        case 14: o->optim.clip = NAN; break;
        case 15: o->optim.clip = INFINITY; break;
        case 16: o->loss_options.scale = NAN; break;
        case 17: o->loss_options.margin = INFINITY; break;
        case 18: o->optim.beta2 = 1; break;
        default: o->loss = &hone_loss_triplet; /* wants three texts a row */
        }
        CHECK_MSG(fixture_train(&f, NULL) == HONE_E_ARG, "case %d: %s", i, hone_last_error()->message);
        CHECK_MSG(!hone_io_exists(dir) || i >= 18, "case %d", i);
    }
    CHECK(strstr(hone_last_error()->message, "rows have 2 texts each, loss triplet wants at least 3"));
    fixture_close(&f);
}

TEST(train, scores_and_classes_that_no_loss_takes_are_refused) {
    static const struct {
        const hone_loss *loss;
        double score;
        int32_t group;
        const char *says;
    } cases[] = {
        {&hone_loss_cosent, NAN, 0, "row 3 has the score nan, loss cosent wants a number"},
        {&hone_loss_cosine, -INFINITY, 0, "row 3 has the score -inf, loss cosine wants a number"},
        {&hone_loss_online_contrastive, 0.5, 0, "row 3 has the label 0.5, loss online-contrastive wants 0 or 1"},
        {&hone_loss_batch_hard, 0, -1, "row 3 has the class -1, loss batch-hard wants 0 to 1"},
        {&hone_loss_semi_hard, 0, 2, "row 3 has the class 2, loss semi-hard wants 0 to 1"}};
    const char *dir = fresh_dir("labels");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f = open_case(PAIRS, dir);
        double score[64] = {0};
        int32_t group[64] = {0, 1, 0};
        score[3] = cases[i].score, group[3] = cases[i].group;
        hone_train_data data = {
            .store = &f.store, .texts = &f.texts, .n = f.texts.rows, .score = score, .group = group, .n_groups = 2};
        f.options.loss = cases[i].loss;
        if (cases[i].loss->max_groups == 1) f.store.groups = f.texts.width = 1;
        CHECK_FAILS(hone_train_run(f.model, &data, &f.options, NULL), HONE_E_ARG, cases[i].says);
        CHECK(!hone_io_exists(dir));
        fixture_close(&f);
    }
}

typedef struct thief {
    const char *path;
    int64_t step;
} thief;

static void take_away(void *ctx, const hone_train_report *r) {
    const thief *t = ctx;
    if (r->step == t->step && !r->metrics) CHECK_OK(hone_io_remove_tree(t->path));
}

TEST(train, what_was_removed_while_the_run_went_on_is_an_error_and_the_rest_is_written) {
    static const char *const parts[] = {"", "best_model", "log.jsonl", "final_model", "checkpoint_epoch_1"};
    static const double falling[] = {0, 5, 4, 3, 2, 1, 0, 0, 0};
    for (int i = 0; i < 5; i++) {
        char path[HONE_PATH_MAX], final[HONE_PATH_MAX];
        fixture f = open_case(PAIRS, fresh_dir("robbed"));
        CHECK_OK(hone_io_join(path, f.options.out, parts[i]));
        CHECK_OK(hone_io_join(final, f.options.out, "final_model"));
        answers a = {falling, 9, 0};
        hone_evaluation e = {answer, &a};
        thief t = {path, 9};
        hone_train_result r;
        f.options.evaluation = &e, f.options.eval_every = 2, f.options.report = take_away, f.options.ctx = &t;
        hone_status s = fixture_train(&f, &r);
        CHECK_MSG(s == (i < 3 ? HONE_E_IO : HONE_OK), "%s: %d, %s", parts[i], s, hone_last_error()->message);
        CHECK_MSG(s == HONE_OK || strstr(hone_last_error()->message, "is not there any more"), "%s",
                  hone_last_error()->message);
        CHECK_MSG(s == HONE_OK || strstr(hone_last_error()->file, i == 2 ? "log.jsonl" : "best_model"), "%s",
                  hone_last_error()->file);
        CHECK(hone_io_is_dir(final));
        fixture_close(&f);
    }
}
