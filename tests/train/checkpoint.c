/* Checkpoints by themselves: what is written comes back, and what was changed since is named, also when its checksums
 * were made good again. */
#include "train/checkpoint.h"

#include "base/fault.h"
#include "base/io.h"
#include "tests/test.h"
#include "tests/train/fixture.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

/* A small model, three updates made, and a checkpoint of it. */
typedef struct saved {
    hone_model *m;
    hone_optim *o;
    json_t *identity;
    hone_train_state state;
    char run[HONE_PATH_MAX], dir[HONE_PATH_MAX];
} saved;

static hone_model *open_folder(const char *name, const char *freeze) {
    char dir[HONE_PATH_MAX], all[PATH_MAX];
    hone_model *m;
    /* its files are read again when it is saved, maybe from elsewhere */
    CHECK(realpath(test_path("tests/golden/models"), all));
    CHECK_OK(hone_io_join(dir, all, name));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dropout = -1}, &m));
    if (freeze) CHECK(hone_params_freeze(hone_model_params(m), freeze) > 0);
    return m;
}

static hone_model *open_model(const char *freeze) {
    return open_folder("mean", freeze);
}

static hone_optim *open_optim(hone_model *m) {
    hone_optim *o;
    CHECK_OK(hone_optim_new(hone_model_params(m), &(hone_optim_config){0.9, 0.999, 1e-8, 0.01, 1}, &o));
    return o;
}

static saved save(const char *name, const char *freeze) {
    saved s = {.m = open_model(freeze), .identity = json_pack("{s:f, s:s}", "lr", 0.5, "loss", "mnr")};
    s.o = open_optim(s.m);
    for (int i = 0; i < 3; i++) CHECK_OK(hone_optim_step(s.o, 1e-3, 1));
    s.state = (hone_train_state){.step = 5,
                                 .epoch = 1,
                                 .batch = 2,
                                 .best_step = -1,
                                 .best_metric = 0.25,
                                 .first_metric = 0.125,
                                 .skipped = 2,
                                 .stale = 1,
                                 .log_offset = 77,
                                 .last_loss = 0.75};
    CHECK_OK(hone_io_join(s.run, test_dir(), name));
    CHECK_OK(hone_io_remove_tree(s.run));
    CHECK_OK(hone_io_mkdirs(s.run));
    CHECK_OK(hone_io_join(s.dir, s.run, "checkpoint_step_5"));
    CHECK_OK(hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity));
    return s;
}

static void done(saved *s) {
    hone_optim_free(s->o);
    hone_model_close(s->m);
    json_decref(s->identity);
    CHECK_OK(hone_io_remove_tree(s->run));
}

static void write_text(const char *dir, const char *name, const void *text, size_t n) {
    char file[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(file, dir, name));
    CHECK_OK(hone_io_write_file(file, text, n));
}

static hone_status load_again(const saved *s, hone_train_state *state) {
    hone_model *m = open_model(NULL);
    hone_optim *o = open_optim(m);
    hone_status status = hone_checkpoint_load(s->dir, m, o, state, s->identity);
    hone_optim_free(o);
    hone_model_close(m);
    return status;
}

TEST(checkpoint, everything_comes_back) {
    saved s = save("whole", NULL);
    hone_train_state t = {.step = -7};
    hone_model *m = open_model(NULL);
    hone_optim *o = open_optim(m);
    CHECK_OK(hone_checkpoint_load(s.dir, m, o, &t, s.identity));
    CHECK_INT(t.step, 5);
    CHECK_INT(t.epoch, 1);
    CHECK_INT(t.batch, 2);
    CHECK_INT(t.best_step, -1);
    CHECK_NEAR(t.best_metric, 0.25, 0);
    CHECK_NEAR(t.first_metric, 0.125, 0);
    CHECK_INT(t.skipped, 2);
    CHECK_INT(t.stale, 1);
    CHECK_INT(t.log_offset, 77);
    CHECK_NEAR(t.last_loss, 0.75, 0);
    CHECK_INT(hone_optim_steps(o), 3);
    int64_t n, k;
    const float *was = hone_optim_decays(s.o, &n), *is = hone_optim_decays(o, &k);
    CHECK(n == k && n > 0 && !memcmp(was, is, (size_t)n * sizeof *was));
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

TEST(checkpoint, a_last_step_that_was_skipped_has_no_loss) {
    saved s = save("skipped", NULL);
    hone_train_state t = {.last_loss = 1};
    s.state.last_loss = (double)NAN;
    CHECK_OK(hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity));
    CHECK_OK(load_again(&s, &t));
    CHECK(t.step == 5 && isnan(t.last_loss));
    fixture_edit_state(s.dir, "\"last_loss\": null", "\"last_loss\": \"0\"", true);
    CHECK_FAILS(load_again(&s, &t), HONE_E_FORMAT, "\"last_loss\" is \"0\", expected a number");
    done(&s);
}

/* Bytes of every parameter and of the optimiser's state; layers that model.safetensors does not hold (Dense) among
 * them. */
TEST(checkpoint, every_weight_and_moment_of_each_sort_of_model_comes_back) {
    static const char *const folders[] = {"mean", "dense", "dense_two", "pool_cls"};
    for (int f = 0; f < 4; f++) {
        saved s = {
            .m = open_folder(folders[f], NULL), .identity = json_object(), .state = {.step = 3, .best_step = -1}};
        s.o = open_optim(s.m);
        hone_params *ps = hone_model_params(s.m);
        for (int i = 0; i < 3; i++) CHECK_OK(hone_optim_step(s.o, 1e-3, 1));
        for (int64_t i = 0; i < hone_params_count(ps); i++) {
            int64_t n = hone_count(hone_params_at(ps, i)->tensor);
            float *part[] = {hone_params_at(ps, i)->tensor->data, hone_optim_m(s.o, i), hone_optim_v(s.o, i)};
            for (int64_t k = 0; k < 3; k++)
                for (int64_t j = 0; j < n; j++) part[k][j] = (float)test_uniform((uint64_t)(100 * i + k), (uint64_t)j);
        }
        CHECK_OK(hone_io_join(s.run, test_dir(), folders[f]));
        CHECK_OK(hone_io_mkdirs(s.run));
        CHECK_OK(hone_io_join(s.dir, s.run, "checkpoint_step_3"));
        CHECK_OK(hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity));
        hone_model *m = open_folder(folders[f], NULL);
        hone_optim *o = open_optim(m);
        hone_train_state t;
        CHECK_OK(hone_checkpoint_load(s.dir, m, o, &t, s.identity));
        for (int64_t i = 0; i < hone_params_count(ps); i++) {
            size_t n = (size_t)hone_count(hone_params_at(ps, i)->tensor) * sizeof(float);
            const hone_tensor *was = hone_params_at(ps, i)->tensor,
                              *is = hone_params_at(hone_model_params(m), i)->tensor;
            CHECK_MSG(!memcmp(was->data, is->data, n), "%s: %s", folders[f], was->name);
            CHECK_MSG(!memcmp(hone_optim_m(s.o, i), hone_optim_m(o, i), n), "%s: m of %s", folders[f], was->name);
            CHECK_MSG(!memcmp(hone_optim_v(s.o, i), hone_optim_v(o, i), n), "%s: v of %s", folders[f], was->name);
        }
        hone_optim_free(o);
        hone_model_close(m);
        done(&s);
    }
}

/* The bias correction of the next update needs the number of those made: not of the steps, some of which were
 * skipped. */
TEST(checkpoint, skipped_updates_are_not_counted_as_made_when_no_table_is_trained) {
    saved s = save("frozen", "embeddings.*");
    hone_train_state t;
    hone_model *m = open_model("embeddings.*");
    hone_optim *o = open_optim(m);
    CHECK_INT(hone_optim_decay_columns(o), 0);
    CHECK_OK(hone_checkpoint_load(s.dir, m, o, &t, s.identity));
    CHECK_INT(hone_optim_steps(o), hone_optim_steps(s.o));
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

TEST(checkpoint, counters_that_cannot_be_are_refused_even_with_the_right_checksum) {
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"\"step\": 5", "\"step\": 4611686018427387904", "decay factors"},
        {"\"step\": 5", "\"step\": 9223372036854775807", "decay factors"},
        {"\"step\": 5", "\"step\": 6", "decay factors"},
        {"\"step\": 5", "\"step\": 4", "decay factors"},
        {"\"step\": 5", "\"step\": 2", "decay factors"}, /* all skipped: that can be */
        {"\"step\": 5", "\"step\": 1", "2 of 1 steps skipped"},
        {"\"step\": 5", "\"step\": -1", "\"step\" is -1"},
        {"\"epoch\": 1", "\"epoch\": -1", "\"epoch\" is -1"},
        {"\"batch\": 2", "\"batch\": -1", "\"batch\" is -1"},
        {"\"best_step\": -1", "\"best_step\": -2", "\"best_step\" is -2"},
        {"\"skipped\": 2", "\"skipped\": -1", "\"skipped\" is -1"},
        {"\"log_offset\": 77", "\"log_offset\": -1", "\"log_offset\" is -1"},
        {"\"stale\": 1", "\"stale\": -1", "\"stale\" is -1"},
        {"\"step\": 5", "\"step\": 5.0", "no whole number \"step\""},
        {"\"epoch\": 1,", "", "no whole number \"epoch\""},
        {"\"batch\": 2", "\"batch\": null", "no whole number \"batch\""},
        {"\"best_step\": -1", "\"best_step\": \"-1\"", "no whole number \"best_step\""},
        {"\"skipped\"", "\"skipper\"", "no whole number \"skipped\""},
        {"\"log_offset\"", "\"log_onset\"", "no whole number \"log_offset\""},
        {"\"best_metric\": 0.25", "\"best_metric\": \"0.25\"", "\"best_metric\" is \"0.25\", expected a number"},
        {"\"first_metric\": 0.125", "\"first_metric\": []", "\"first_metric\" is an array, expected a number"},
        {"\"stale\": 1", "\"stale\": true", "\"stale\" is true"},
        {"\"bad\": 0", "\"bad\": -1", "\"bad\" is -1"},
        {"\"judged\": 0", "\"judged\": -2", "\"judged\" is -2"},
        {"\"format\": 2", "\"format\": 1", "is of format 1, this version reads 2"},
        {"\"format\": 2", "\"format\": \"2\"", "no whole number \"format\""},
    };
    saved s = save("counters", NULL);
    hone_train_state t = {.step = -7};
    hone_model *m = open_model(NULL);
    hone_optim *o = open_optim(m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_edit_state(s.dir, cases[i].from, cases[i].to, true);
        hone_status want = strstr(cases[i].says, "this version") ? HONE_E_UNSUPPORTED : HONE_E_FORMAT;
        CHECK_FAILS(hone_checkpoint_load(s.dir, m, o, &t, s.identity), want, cases[i].says);
        CHECK_INT(t.step, -7);
        CHECK_OK(hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity));
    }
    CHECK_OK(hone_checkpoint_load(s.dir, m, o, &t, s.identity));
    CHECK_STR(t.version, HONE_VERSION);
    fixture_edit_state(s.dir, "\"hone\": \"" HONE_VERSION, "\"hone\": \"0.0.9", true);
    CHECK_OK(hone_checkpoint_load(s.dir, m, o, &t, s.identity));
    CHECK_STR(t.version, "0.0.9");
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

TEST(checkpoint, a_changed_state_is_found_by_its_own_checksum) {
    saved s = save("state", NULL);
    hone_train_state t;
    fixture_edit_state(s.dir, "\"step\": 5", "\"step\": 6", false);
    CHECK_FAILS(load_again(&s, &t), HONE_E_FORMAT, "is damaged: checksum");
    CHECK_OK(hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity));
    fixture_edit_state(s.dir, "\"state_crc32\"", "\"state_crc64\"", false);
    CHECK_FAILS(load_again(&s, &t), HONE_E_FORMAT, "does not end in its checksum");
    write_text(s.dir, "state.json", "{\"format\": 2}\n", 14);
    CHECK_FAILS(load_again(&s, &t), HONE_E_FORMAT, "does not end in its checksum");
    write_text(s.dir, "state.json", "{\"format\": 2", 12);
    CHECK_FAILS(load_again(&s, &t), HONE_E_FORMAT, "expected ',' or '}', found the end");
    done(&s);
}

TEST(checkpoint, tensors_and_files_that_are_not_those_that_were_written_are_named) {
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"\"config.json\": \"", "\"config.json\": 7, \"x\": \"", "config.json is damaged"},
        {"\"config.json\": \"", "\"config.json\": \"ffffffff\", \"x\": \"", "config.json is damaged"},
        {"\"files\": {", "\"files\": {\"gone.txt\": \"00000000\",", "gone.txt"},
        {"\"model.safetensors\": {", "\"model.safetensors\": {\"more\": \"00000000\",", "tensors,"},
        {"\"m.embeddings.word_embeddings.weight\": \"", "\"n.embeddings.word_embeddings.weight\": \"",
         "written as none"},
        {"\"decays\": \"", "\"decays\": \"z", "tensor \"decays\" is damaged"},
        {"\"checksums\"", "\"checksum\"", "tensors,"},
    };
    saved s = save("files", NULL);
    hone_train_state t;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_edit_state(s.dir, cases[i].from, cases[i].to, true);
        hone_error_clear();
        hone_status status = load_again(&s, &t);
        const hone_error *e = hone_last_error();
        CHECK_MSG(status == HONE_E_FORMAT || status == HONE_E_IO, "%s: status %d", cases[i].to, status);
        CHECK_MSG(strstr(e->message, cases[i].says) || strstr(e->file, cases[i].says), "%s: \"%s\"", cases[i].to,
                  e->message);
        CHECK_OK(hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity));
    }
    done(&s);
}

TEST(checkpoint, another_run_s_options_are_named) {
    saved s = save("identity", NULL);
    hone_train_state t;
    json_object_set_new(s.identity, "lr", json_real(0.25));
    CHECK_FAILS(load_again(&s, &t), HONE_E_ARG, "this run has 0.25");
    json_object_set_new(s.identity, "lr", json_real(0.5));
    json_object_set_new(s.identity, "new", json_integer(3));
    CHECK_FAILS(load_again(&s, &t), HONE_E_ARG, "new (none), this run has 3");
    done(&s);
}

TEST(checkpoint, a_path_too_long_for_its_files_is_refused_and_leaves_nothing) {
    saved s = save("long", NULL);
    char deep[HONE_PATH_MAX + 32];
    memset(deep, 'd', sizeof deep);
    for (size_t i = 0; i < sizeof deep; i += 200) deep[i] = '/';
    memcpy(deep, s.run, strlen(s.run));
    for (size_t n = HONE_PATH_MAX - 40; n < HONE_PATH_MAX; n++) {
        char cut[sizeof deep];
        snprintf(cut, sizeof cut, "%.*s", (int)n, deep);
        hone_error_clear();
        CHECK(hone_checkpoint_save(cut, s.m, s.o, &s.state, s.identity) != HONE_OK);
        CHECK(hone_last_error()->message[0]);
    }
    done(&s);
}

TEST(checkpoint, a_path_too_long_to_load_from_is_refused) {
    saved s = save("longload", NULL);
    hone_model *m = open_model(NULL);
    hone_optim *o = open_optim(m);
    hone_train_state t;
    char path[HONE_PATH_MAX + 8];
    size_t n = strlen(s.dir), loaded = 0, refused = 0;
    snprintf(path, sizeof path, "%s/", s.dir);
    for (size_t k = n + 1; k + 2 < HONE_PATH_MAX; k += 2) memcpy(path + k, "./", 3);
    for (size_t cut = n + 1 + (HONE_PATH_MAX - n - 50) / 2 * 2; cut < HONE_PATH_MAX - 3; cut += 2) {
        char shorter[HONE_PATH_MAX];
        snprintf(shorter, sizeof shorter, "%.*s", (int)cut, path);
        hone_error_clear();
        hone_status status = hone_checkpoint_load(shorter, m, o, &t, s.identity);
        CHECK(status == HONE_OK || hone_last_error()->message[0]);
        status == HONE_OK ? loaded++ : refused++;
    }
    CHECK(loaded && refused);
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

/* Another model's tensors under the right checksums: names, types and shapes are compared before a byte is copied. */
TEST(checkpoint, the_tensors_of_another_model_are_refused) {
    saved s = save("other", NULL);
    hone_model *m = open_folder("relu", NULL);
    hone_train_state t = {.step = -7};
    hone_optim *o = open_optim(m);
    CHECK_FAILS(hone_checkpoint_load(s.dir, m, o, &t, s.identity), HONE_E_FORMAT, "missing or of another kind");
    CHECK_INT(t.step, -7);
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

/* A folder named as if it were one half of an exchange is the run's own, and stays. */
TEST(checkpoint, what_a_killed_run_left_is_tidied_up_and_nothing_else) {
    static const struct {
        const char *name;
        bool stays;
    } cases[] = {
        {"checkpoint_step_3.tmp", false},
        {"best_model.tmp", false},
        {"run.json.tmp-812", false},
        {"best_model.old-812", false},
        {"checkpoint_step_4", true},
        {"notes.tmp", true},
        {"checkpoint_step_4.tmp-", true},
        {"checkpoint_step_4.tmp-1x", true},
        {"checkpoint_step_4.old", true},
        {"checkpoint_step_4.tmx-12", true},
        {"final_model.temporary", true},
        {"checkpoint_step_4.tmpx", true},
        {"best_model", true},
    };
    char run[HONE_PATH_MAX], file[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(run, test_dir(), "runs.old-5"));
    CHECK_OK(hone_checkpoint_tidy(run)); /* not there */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_OK(hone_io_join(file, run, cases[i].name));
        CHECK_OK(hone_io_mkdirs(file));
        write_text(file, "x", "left", 4);
    }
    CHECK_OK(hone_io_join(file, run, "final_model.old-7"));
    CHECK_OK(hone_io_mkdirs(file));
    CHECK_OK(hone_checkpoint_tidy(run));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_OK(hone_io_join(file, run, cases[i].name));
        CHECK_MSG(hone_io_exists(file) == cases[i].stays, "%s", cases[i].name);
    }
    CHECK_OK(hone_io_join(file, run, "final_model")); /* gone: the old one has its name back */
    CHECK(hone_io_is_dir(file));
    CHECK_OK(hone_io_join(file, test_dir(), "runs"));
    CHECK(!hone_io_exists(file));
}

/* The same run under a longer and longer name: what does not fit is an error, never a thing left undone without a
 * word. */
TEST(checkpoint, tidying_and_pruning_under_a_path_too_long_say_so) {
    saved s = save("longer", NULL);
    char run[HONE_PATH_MAX + 8], half[HONE_PATH_MAX], state[HONE_PATH_MAX];
    size_t n = strlen(s.run), done_so = 0, refused = 0;
    snprintf(run, sizeof run, "%s/", s.run);
    CHECK_OK(hone_io_join(half, s.run, "checkpoint_step_3.tmp"));
    CHECK_OK(hone_io_join(state, s.dir, "state.json"));
    for (size_t k = n + 1; k + 2 < HONE_PATH_MAX; k += 2) memcpy(run + k, "./", 3);
    for (size_t cut = n + 1 + (HONE_PATH_MAX - n - 60) / 2 * 2; cut < HONE_PATH_MAX - 3; cut += 2) {
        char longer[HONE_PATH_MAX];
        snprintf(longer, sizeof longer, "%.*s", (int)cut, run);
        for (int prune = 0; prune < 2; prune++) {
            CHECK_OK(hone_io_mkdirs(prune ? s.dir : half));
            if (prune) CHECK_OK(hone_io_write_file(state, "{}", 2)); /* else it is none of ours */
            hone_status status = prune ? hone_checkpoint_prune(longer, 0, 5) : hone_checkpoint_tidy(longer);
            CHECK_MSG(status == HONE_OK || status == HONE_E_LIMIT, "%d", status);
            CHECK_MSG(hone_io_exists(prune ? s.dir : half) == (status != HONE_OK), "%zu bytes: status %d", cut, status);
            status == HONE_OK ? done_so++ : refused++;
        }
    }
    CHECK(done_so && refused);
    done(&s);
}

TEST(checkpoint, the_newest_whole_one_is_found_and_the_others_named) {
    saved s = save("several", NULL);
    char dir[HONE_PATH_MAX], other[HONE_PATH_MAX], said[4096];
    hone_train_state t;
    CHECK_OK(hone_io_join(other, s.run, "checkpoint_epoch_1")); /* of the same step: the later name */
    CHECK_OK(hone_checkpoint_save(other, s.m, s.o, &s.state, s.identity));
    CHECK_OK(hone_checkpoint_newest(s.run, dir, said, sizeof said));
    CHECK_STR(dir, s.dir);
    CHECK_STR(said, "");
    s.state.step = 7, s.state.skipped = 4;
    CHECK_OK(hone_io_join(other, s.run, "checkpoint_step_7"));
    CHECK_OK(hone_checkpoint_save(other, s.m, s.o, &s.state, s.identity));
    fixture_edit_state(other, "\"step\": 7", "\"step\": 8", false);
    /* nothing in it: by its name, it may have been the newest */
    CHECK_OK(hone_io_join(other, s.run, "checkpoint_step_9"));
    CHECK_OK(hone_io_mkdirs(other));
    CHECK_OK(hone_checkpoint_newest(s.run, dir, said, sizeof said));
    CHECK_STR(dir, s.dir);
    CHECK_MSG(strstr(said, "passing over ") && strstr(said, "checkpoint_step_7: state.json is damaged") &&
                  strstr(said, "checkpoint_step_9: state.json cannot open"),
              "%s", said);
    CHECK_OK(hone_checkpoint_newest(s.run, dir, NULL, 0));
    CHECK_STR(dir, s.dir);
    fixture_edit_state(s.dir, "\"step\": 5", "\"step\": 6", false);
    CHECK_OK(hone_io_join(other, s.run, "checkpoint_epoch_1"));
    fixture_edit_state(other, "\"epoch\": 1", "\"epoch\": 2", false);
    CHECK_OK(hone_checkpoint_newest(s.run, dir, said, sizeof said)); /* none is whole */
    CHECK_STR(dir, "");
    int lines = 1;
    for (const char *p = said; *p; p++) lines += *p == '\n';
    CHECK_INT(lines, 4);
    char cut[64];
    memset(cut, 'x', sizeof cut);
    /* one that has no room for more than a part of the first */
    CHECK_OK(hone_checkpoint_newest(s.run, dir, cut, sizeof cut - 1));
    CHECK(strlen(cut) == sizeof cut - 2 && cut[sizeof cut - 1] == 'x' && !strncmp(cut, said, strlen(cut)));
    CHECK_OK(hone_checkpoint_peek(s.run, dir, &t));
    CHECK(!*dir && t.step == 0 && t.best_step == -1);
    CHECK_OK(hone_io_join(other, s.run, "not_there"));
    CHECK_OK(hone_checkpoint_newest(other, dir, said, sizeof said));
    CHECK(!*dir && !*said);
    done(&s);
}

TEST(checkpoint, a_state_that_its_optimiser_has_not_come_to_is_not_saved) {
    saved s = save("apart", NULL);
    char other[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(other, s.run, "checkpoint_step_6"));
    s.state.step = 6;
    CHECK_FAILS(hone_checkpoint_save(other, s.m, s.o, &s.state, s.identity), HONE_E_ARG,
                "6 steps, 2 of them skipped, and an optimiser of 3 updates");
    CHECK(!hone_io_exists(other));
    done(&s);
}

TEST(checkpoint, pruning_keeps_the_newest_and_none_of_later_steps) {
    saved s = save("prune", NULL);
    char dir[HONE_PATH_MAX], left[HONE_PATH_MAX];
    for (int64_t step = 6; step <= 9; step++) {
        snprintf(dir, sizeof dir, "%.4000s/checkpoint_step_%d", s.run, (int)step);
        s.state.step = step, s.state.skipped = step - 3;
        CHECK_OK(hone_checkpoint_save(dir, s.m, s.o, &s.state, s.identity));
    }
    CHECK_OK(hone_io_join(left, s.run, "checkpoint_step_6.tmp")); /* half of a pruning that was killed */
    CHECK_OK(hone_io_mkdirs(left));
    write_text(left, "half", "x", 1);
    write_text(s.run, "checkpoint_step_90", "a file of somebody's", 20); /* no folder, no checkpoint */
    CHECK_OK(hone_checkpoint_prune(s.run, 2, 8));
    CHECK_OK(hone_io_join(dir, s.run, "checkpoint_step_90"));
    CHECK(hone_io_exists(dir));
    for (int step = 5; step <= 9; step++) {
        snprintf(dir, sizeof dir, "%.4000s/checkpoint_step_%d", s.run, step);
        CHECK_MSG(hone_io_exists(dir) == (step == 7 || step == 8), "step %d", step);
    }
    CHECK(!hone_io_exists(left));
    done(&s);
}

#ifdef HONE_TEST_HOOKS
/* The folder whose step cannot be told just now may be the newest: nothing is deleted. One whose state is damaged goes
 * first. */
TEST(checkpoint, pruning_deletes_nothing_while_a_step_cannot_be_read) {
    saved s = save("unread", NULL);
    char dir[HONE_PATH_MAX], file[HONE_PATH_MAX];
    for (int64_t step = 6; step <= 7; step++) {
        snprintf(dir, sizeof dir, "%.4000s/checkpoint_step_%d", s.run, (int)step);
        s.state.step = step, s.state.skipped = step - 3;
        CHECK_OK(hone_checkpoint_save(dir, s.m, s.o, &s.state, s.identity));
    }
    static const char *const faults[] = {"read:1:EIO",    "read:2:EIO", "read:3:EIO", "open:1:EACCES",
                                         "open:3:EACCES", "alloc:3",    "alloc:9"};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        CHECK(hone_fault_set(faults[i]));
        hone_status status = hone_checkpoint_prune(s.run, 1, 7);
        hone_fault_set(NULL);
        hone_json_whole();
        CHECK_MSG(status != HONE_OK, "%s", faults[i]);
        /* Nor does one whose step cannot be told for a moment pass for the newest; one that cannot be read then is
         * named. */
        char newest[HONE_PATH_MAX], said[4096];
        CHECK(hone_fault_set(faults[i]));
        status = hone_checkpoint_newest(s.run, newest, said, sizeof said);
        hone_fault_set(NULL);
        hone_json_whole();
        CHECK_MSG(status != HONE_OK || !strcmp(newest, dir) || strstr(said, dir), "%s: %s, %s", faults[i], newest,
                  said);
        for (int step = 5; step <= 7; step++) {
            snprintf(dir, sizeof dir, "%.4000s/checkpoint_step_%d", s.run, step);
            CHECK_MSG(hone_io_exists(dir), "%s: step %d", faults[i], step);
        }
    }
    /* Damaged, it is told when a newer one is looked for, whatever its step was. */
    char said[4096], newest[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(file, dir, "state.json"));
    write_text(dir, "state.json", "{", 1);
    CHECK_OK(hone_checkpoint_newest(s.run, newest, said, sizeof said));
    CHECK_MSG(strstr(newest, "checkpoint_step_6") && strstr(said, "passing over") && strstr(said, "checkpoint_step_7"),
              "%s: %s", newest, said);
    CHECK_OK(hone_checkpoint_prune(s.run, 2, 7));
    CHECK(!hone_io_exists(dir));
    done(&s);
}
#endif

/* Without a folder before its name it lands in the one where the run stands. */
TEST(checkpoint, a_bare_name_is_a_folder_here) {
    saved s = save("bare", NULL);
    char was[HONE_PATH_MAX];
    CHECK(getcwd(was, sizeof was) && !chdir(s.run));
    hone_status status = hone_checkpoint_save("checkpoint_step_6", s.m, s.o, &s.state, s.identity);
    CHECK(!chdir(was));
    CHECK_OK(status);
    CHECK_OK(hone_io_join(s.dir, s.run, "checkpoint_step_6"));
    hone_train_state t;
    CHECK_OK(load_again(&s, &t));
    done(&s);
}

#ifdef HONE_TEST_HOOKS
/* Every allocation and every file operation fails once, one later each time (later on, some later). */
static void sweep(const char *rule, bool load) {
    saved s = save("faults", NULL);
    hone_model *m = open_model(NULL);
    hone_optim *o = open_optim(m);
    char fault[64];
    int64_t k = 1;
    for (bool fired = true; fired; k += 1 + k / 30) {
        hone_train_state t = {.step = -7};
        snprintf(fault, sizeof fault, rule, (int)k);
        CHECK(hone_fault_set(fault));
        hone_error_clear();
        hone_status status = load ? hone_checkpoint_load(s.dir, m, o, &t, s.identity)
                                  : hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity);
        fired = hone_fault_fired() > 0;
        hone_fault_set(NULL);
        hone_json_whole(); /* a value left out was reported already */
        CHECK_MSG(status == HONE_OK || (fired && hone_last_error()->code == status && hone_last_error()->message[0]),
                  "%s: %d", fault, status);
        CHECK((t.step == 5) == (load && status == HONE_OK));
    }
    CHECK(k > 3);
    hone_train_state t;
    CHECK_OK(hone_checkpoint_load(s.dir, m, o, &t, s.identity)); /* the last one met no fault */
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

/* Looking for the newest one, tidying and pruning: a fault is reported or changes nothing; the newest stays. */
TEST(checkpoint, no_failing_allocation_or_file_operation_loses_the_newest_checkpoint) {
    static const char *const rules[] = {"alloc:%d", "open:%d:EMFILE", "rename:%d:EIO", "unlink:%d:EIO"};
    saved s = save("search", NULL);
    for (int r = 0; r < 4; r++)
        for (int what = 0; what < 3; what++) {
            bool fired = true;
            for (int k = 1; fired; k++) {
                char dir[HONE_PATH_MAX], other[HONE_PATH_MAX], said[4096], fault[64];
                CHECK_OK(hone_io_join(other, s.run, "checkpoint_step_4"));
                CHECK_OK(hone_io_mkdirs(other));
                CHECK_OK(hone_io_join(other, s.run, "checkpoint_step_3.tmp"));
                CHECK_OK(hone_io_mkdirs(other));
                CHECK_OK(hone_io_join(other, s.run, "best_model.old-3"));
                CHECK_OK(hone_io_mkdirs(other));
                snprintf(fault, sizeof fault, rules[r], k);
                CHECK(hone_fault_set(fault));
                hone_error_clear();
                hone_status status = what == 0   ? hone_checkpoint_newest(s.run, dir, said, sizeof said)
                                     : what == 1 ? hone_checkpoint_tidy(s.run)
                                                 : hone_checkpoint_prune(s.run, 1, 5);
                fired = hone_fault_fired() > 0;
                hone_fault_set(NULL);
                hone_json_whole();
                CHECK_MSG(status == HONE_OK ||
                              (fired && hone_last_error()->code == status && hone_last_error()->message[0]),
                          "%s of %d: %d", fault, what, status);
                if (what == 0 && status == HONE_OK && !fired) CHECK_STR(dir, s.dir);
                /* no memory says nothing about a checkpoint */
                if (what == 0 && status == HONE_OK && r == 0) CHECK_STR(dir, s.dir);
                CHECK_OK(hone_checkpoint_newest(s.run, dir, NULL, 0));
                CHECK_MSG(!strcmp(dir, s.dir), "%s of %d", fault, what);
                CHECK(k < 3000);
            }
        }
    done(&s);
}

TEST(checkpoint, no_failing_allocation_or_read_passes_for_a_loaded_checkpoint) {
    sweep("alloc:%d", true);
    sweep("open:%d:EMFILE", true);
    sweep("read:%d:EIO", true);
    sweep("mmap:%d:ENOMEM", true);
}

/* A disk that fills up while the checkpoint is written, and a quota, say how much is needed; another failure does
 * not. */
TEST(checkpoint, a_full_disk_says_how_much_is_needed) {
    static const struct {
        const char *fault, *says;
    } cases[] = {{"write:3:ENOSPC", "need "}, {"write:3:EDQUOT", "need "}, {"write:3:EIO", "Input/output error"}};
    saved s = save("full", NULL);
    hone_train_state t;
    for (int i = 0; i < 3; i++) {
        CHECK(hone_fault_set(cases[i].fault));
        hone_status status = hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity);
        hone_fault_set(NULL);
        CHECK_INT(status, HONE_E_IO);
        CHECK_MSG(strstr(hone_last_error()->message, cases[i].says) &&
                      (i < 2 || !strstr(hone_last_error()->message, "need ")),
                  "%s: %s", cases[i].fault, hone_last_error()->message);
        CHECK_OK(load_again(&s, &t)); /* the one before */
    }
    done(&s);
}

TEST(checkpoint, no_failing_allocation_or_write_passes_for_a_saved_checkpoint) {
    sweep("alloc:%d", false);
    sweep("open:%d:EMFILE", false);
    sweep("write:%d:ENOSPC", false);
    sweep("fsync:%d:EIO", false);
    sweep("rename:%d:EIO", false);
    sweep("mkdir:%d:EACCES", false);
}
#endif
