/* Whole training runs against PyTorch: loss, learning rate and gradient norm of every step, and the final weights. The
 * runs come from tests/golden/train/make_train.py, on the folders of tests/golden/models. */
#include "base/io.h"
#include "base/json.h"
#include "tensor/safetensors.h"
#include "tests/test.h"
#include "tests/train/fixture.h"

#include <math.h>
#include <stdlib.h>

static double relative(double got, double want) {
    return fabs(got - want) / fmax(1e-12, fabs(want));
}

static json_t *log_line(FILE *f) {
    char text[4096];
    if (!fgets(text, sizeof text, f)) return NULL;
    return json_loads(text, 0, NULL);
}

/* Largest relative difference of the losses. */
static double compare_log(const char *name, const char *out, const json_t *steps) {
    char file[HONE_PATH_MAX];
    CHECK_OK(hone_io_join(file, out, "log.jsonl"));
    FILE *f = fopen(file, "r");
    CHECK(f);
    double worst = 0;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        json_t *got = log_line(f);
        const json_t *want = json_array_get(steps, i);
        CHECK_MSG(got, "%s: the log ends before step %zu", name, i + 1);
        double loss = json_number_value(json_object_get(got, "loss")),
               expected = json_number_value(json_object_get(want, "loss"));
        CHECK_INT(json_integer_value(json_object_get(got, "step")), json_integer_value(json_object_get(want, "step")));
        CHECK_NEAR(json_number_value(json_object_get(got, "lr")), json_number_value(json_object_get(want, "lr")),
                   1e-12);
        CHECK_MSG(relative(loss, expected) <= 1e-5, "%s: step %zu: loss %.9g, PyTorch %.9g", name, i + 1, loss,
                  expected);
        double norm = json_number_value(json_object_get(got, "grad_norm")),
               wanted = json_number_value(json_object_get(want, "grad_norm_f64"));
        CHECK_MSG(relative(norm, wanted) <= 1e-5, "%s: step %zu: gradient norm %.9g, PyTorch %.9g", name, i + 1, norm,
                  wanted);
        if (relative(loss, expected) > worst) worst = relative(loss, expected);
        json_decref(got);
    }
    CHECK_MSG(!log_line(f), "%s: the log goes on after the last step", name);
    fclose(f);
    return worst;
}

/* A parameter whose exact gradient is zero (every key bias: softmax ignores a constant) moves by rounding noise that
 * Adam blows up to steps of size lr; PyTorch in f32 and in f64 disagree there by as much. */
static bool is_noise(const json_t *expected, const char *tensor) {
    const json_t *w = json_object_get(json_object_get(expected, "weights"), tensor);
    return json_number_value(json_object_get(w, "f32_f64_max_abs")) > 1e-5;
}

/* Largest difference of a weight, relative to the largest weight of its tensor (at least 1). */
static double compare_weights(const char *name, const char *dir, const char *out, const json_t *expected) {
    char file[HONE_PATH_MAX];
    hone_safetensors *want;
    double worst = 0;
    CHECK_OK(hone_io_join(file, dir, "final.safetensors"));
    if (!hone_io_exists(file)) return 0; /* this case states losses only */
    CHECK_OK(hone_safetensors_open(file, &want));
    hone_model *m;
    CHECK_OK(hone_io_join(file, out, "final_model"));
    CHECK_OK(hone_model_open(file, &(hone_model_options){.train = true}, &m));
    int compared = 0;
    for (int64_t i = 0; i < hone_safetensors_count(want); i++) {
        const hone_safetensors_entry *e = hone_safetensors_at(want, i);
        hone_named got;
        char mine[320];
        if (is_noise(expected, e->name)) continue;
        snprintf(mine, sizeof mine, "%s", e->name);
        if (strstr(e->name, ".linear.")) snprintf(mine, sizeof mine, "%c_Dense%s", e->name[0], e->name + 1);
        CHECK_MSG(hone_params_find(hone_model_params(m), mine, &got), "%s: no weight \"%s\"", name, mine);
        int64_t n = hone_shape_count(&e->shape);
        float *w = malloc((size_t)n * sizeof *w);
        CHECK_OK(hone_safetensors_read_f32(want, e, w));
        double largest = 1e-3, err = 0;
        for (int64_t k = 0; k < n; k++) {
            largest = fmax(largest, fabs((double)w[k]));
            err = test_worse(err, fabs((double)w[k] - (double)((float *)got.data)[k]));
        }
        CHECK_MSG(err <= 1e-5 * fmax(1, largest), "%s: \"%s\" differs by %.3g (largest weight %.3g)", name, e->name,
                  err, largest);
        worst = test_worse(worst, err / fmax(1, largest));
        free(w);
        compared++;
    }
    CHECK(compared > 10);
    hone_safetensors_close(want);
    hone_model_close(m);
    return worst;
}

static const char *string(const json_t *c, const char *key) {
    return json_string_value(json_object_get(c, key));
}

/* What PyTorch did not move (frozen, or without gradient) is unmoved to the last bit. */
static void check_unmoved(const char *name, const char *model, const char *out, const json_t *expected) {
    char file[HONE_PATH_MAX];
    hone_model *start, *end;
    const char *tensor;
    json_t *w;
    CHECK_OK(hone_io_join(file, test_path("tests/golden/models"), model));
    CHECK_OK(hone_model_open(file, &(hone_model_options){.train = true}, &start));
    CHECK_OK(hone_io_join(file, out, "final_model"));
    CHECK_OK(hone_model_open(file, &(hone_model_options){.train = true}, &end));
    json_object_foreach(json_object_get(expected, "weights"), tensor, w) {
        hone_named a, b;
        if (json_number_value(json_object_get(w, "moved")) != 0 ||
            !hone_params_find(hone_model_params(start), tensor, &a))
            continue;
        CHECK(hone_params_find(hone_model_params(end), tensor, &b));
        CHECK_MSG(!memcmp(a.data, b.data, (size_t)hone_shape_count(&a.shape) * sizeof(float)), "%s: \"%s\" moved", name,
                  tensor);
    }
    hone_model_close(start);
    hone_model_close(end);
}

/* Every golden run, in chunks of that many rows (0: plain). */
static void compare_all(int64_t chunk) {
    char **names;
    size_t n;
    int runs = 0;
    double worst_loss = 0, worst_weight = 0;
    CHECK_OK(hone_io_list(test_path("tests/golden/train"), &names, &n));
    for (size_t i = 0; i < n; i++) {
        char dir[HONE_PATH_MAX], file[HONE_PATH_MAX], out[HONE_PATH_MAX];
        CHECK_OK(hone_io_join(dir, test_path("tests/golden/train"), names[i]));
        CHECK_OK(hone_io_join(file, dir, "expected.json"));
        if (!hone_io_exists(file)) continue;
        json_t *expected;
        CHECK_OK(hone_json_load(file, &expected));
        const json_t *c = json_object_get(expected, "case");
        const char *loss = json_string_value(json_object_get(c, "loss"));
        CHECK_MSG(hone_loss_find(loss), "%s needs loss %s", names[i], loss);
        snprintf(file, sizeof file, "%s-%d", names[i], (int)chunk);
        CHECK_OK(hone_io_join(out, test_dir(), file));
        fixture f = fixture_open(c);
        f.options.out = out;
        f.options.chunk = chunk;
        CHECK_OK(fixture_train(&f, NULL));
        fixture_close(&f);
        worst_loss = fmax(worst_loss, compare_log(names[i], out, json_object_get(expected, "steps")));
        worst_weight = fmax(worst_weight, compare_weights(names[i], dir, out, expected));
        check_unmoved(names[i], string(c, "model"), out, expected);
        json_decref(expected);
        runs++;
    }
    hone_free(names);
    CHECK(runs >= 45);
    printf("  %d runs; losses within %.2g, weights within %.2g (allowed 1e-5)\n", runs, worst_loss, worst_weight);
}

TEST(train, every_loss_and_loop_gives_pytorchs_losses_and_weights) {
    compare_all(0);
}
TEST(train, the_gradient_cache_gives_pytorchs_losses_and_weights_too) {
    compare_all(3);
}
