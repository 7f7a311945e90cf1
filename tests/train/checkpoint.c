/* Checkpoints by themselves: what is written comes back, and what was changed since is named, also when its checksums were made
 * good again. */
#include "train/checkpoint.h"

#include "base/fault.h"
#include "base/io.h"
#include "tests/test.h"

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

static hone_model *open_model(const char *freeze) {
    char dir[HONE_PATH_MAX];
    hone_model *m;
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), "mean"));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dropout = -1}, &m));
    if (freeze) CHECK(hone_params_freeze(hone_model_params(m), freeze) > 0);
    return m;
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
    s.state = (hone_train_state){.step = 5, .epoch = 1, .batch = 2, .best_step = -1, .best_metric = 0.25, .first_metric = 0.125,
                                 .skipped = 2, .stale = 1, .log_offset = 77};
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

static char *read_text(const char *dir, const char *name, size_t *n) {
    char file[HONE_PATH_MAX], *text;
    CHECK_OK(hone_io_join(file, dir, name));
    CHECK_OK(hone_io_read_file(file, 1 << 28, &text, n));
    return text;
}

static void write_text(const char *dir, const char *name, const void *text, size_t n) {
    char file[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(file, dir, name));
    CHECK_OK(hone_io_write_file(file, text, n));
}

/* In state.json `from` (which is there) becomes `to`; its checksum is made good again when `seal`. */
static void edit_state(const char *dir, const char *from, const char *to, bool seal) {
    size_t n;
    char *text = read_text(dir, "state.json", &n), *at = strstr(text, from), *more = malloc(n + strlen(to) + 1);
    CHECK_MSG(at, "no %s in state.json", from);
    size_t head = (size_t)(at - text), rest = n - head - strlen(from);
    memcpy(more, text, head);
    memcpy(more + head, to, strlen(to));
    memcpy(more + head + strlen(to), at + strlen(from), rest + 1);
    n = head + strlen(to) + rest;
    char *sum = strstr(more, "\"state_crc32\": \"");
    if (seal) {
        char digits[16];
        sum += strlen("\"state_crc32\": \"");
        snprintf(digits, sizeof digits, "%08lx", crc32_z(0, (unsigned char *)more, (size_t)(sum - more)));
        memcpy(sum, digits, 8);
    }
    write_text(dir, "state.json", more, n);
    free(more);
    hone_free(text);
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
    CHECK_INT(hone_optim_steps(o), 3);
    int64_t n, k;
    const float *was = hone_optim_decays(s.o, &n), *is = hone_optim_decays(o, &k);
    CHECK(n == k && n > 0 && !memcmp(was, is, (size_t)n * sizeof *was));
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

/* The bias correction of the next update needs the number of those made: not of the steps, some of which were skipped. */
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
        {"\"format\": 2", "\"format\": 1", "is of format 1, this version reads 2"},
        {"\"format\": 2", "\"format\": \"2\"", "no whole number \"format\""},
    };
    saved s = save("counters", NULL);
    hone_train_state t = {.step = -7};
    hone_model *m = open_model(NULL);
    hone_optim *o = open_optim(m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        edit_state(s.dir, cases[i].from, cases[i].to, true);
        hone_status want = strstr(cases[i].says, "this version") ? HONE_E_UNSUPPORTED : HONE_E_FORMAT;
        CHECK_FAILS(hone_checkpoint_load(s.dir, m, o, &t, s.identity), want, cases[i].says);
        CHECK_INT(t.step, -7);
        CHECK_OK(hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity));
    }
    CHECK_OK(hone_checkpoint_load(s.dir, m, o, &t, s.identity));
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

TEST(checkpoint, a_changed_state_is_found_by_its_own_checksum) {
    saved s = save("state", NULL);
    hone_train_state t;
    edit_state(s.dir, "\"step\": 5", "\"step\": 6", false);
    CHECK_FAILS(load_again(&s, &t), HONE_E_FORMAT, "is damaged: checksum");
    CHECK_OK(hone_checkpoint_save(s.dir, s.m, s.o, &s.state, s.identity));
    edit_state(s.dir, "\"state_crc32\"", "\"state_crc64\"", false);
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
        {"\"m.embeddings.word_embeddings.weight\": \"", "\"n.embeddings.word_embeddings.weight\": \"", "written as none"},
        {"\"decays\": \"", "\"decays\": \"z", "tensor \"decays\" is damaged"},
        {"\"checksums\"", "\"checksum\"", "tensors,"},
    };
    saved s = save("files", NULL);
    hone_train_state t;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        edit_state(s.dir, cases[i].from, cases[i].to, true);
        hone_error_clear();
        hone_status status = load_again(&s, &t);
        const hone_error *e = hone_last_error();
        CHECK_MSG(status == HONE_E_FORMAT || status == HONE_E_IO, "%s: status %d", cases[i].to, status);
        CHECK_MSG(strstr(e->message, cases[i].says) || strstr(e->file, cases[i].says), "%s: \"%s\"", cases[i].to, e->message);
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
    char dir[HONE_PATH_MAX];
    hone_model *m;
    hone_train_state t = {.step = -7};
    CHECK_OK(hone_io_join(dir, test_path("tests/golden/models"), "relu"));
    CHECK_OK(hone_model_open(dir, &(hone_model_options){.train = true, .dropout = -1}, &m));
    hone_optim *o = open_optim(m);
    CHECK_FAILS(hone_checkpoint_load(s.dir, m, o, &t, s.identity), HONE_E_FORMAT, "missing or of another kind");
    CHECK_INT(t.step, -7);
    hone_optim_free(o);
    hone_model_close(m);
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
        CHECK_MSG(status == HONE_OK || (fired && hone_last_error()->code == status && hone_last_error()->message[0]), "%s: %d", fault, status);
        CHECK((t.step == 5) == (load && status == HONE_OK));
    }
    CHECK(k > 3);
    hone_train_state t;
    CHECK_OK(hone_checkpoint_load(s.dir, m, o, &t, s.identity)); /* the last one met no fault */
    hone_optim_free(o);
    hone_model_close(m);
    done(&s);
}

TEST(checkpoint, no_failing_allocation_or_read_passes_for_a_loaded_checkpoint) {
    sweep("alloc:%d", true);
    sweep("open:%d:EMFILE", true);
    sweep("read:%d:EIO", true);
    sweep("mmap:%d:ENOMEM", true);
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
