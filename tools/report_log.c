/* log.jsonl as columns of numbers. */
#include "tools/report_parts.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MOST_BYTES ((uint64_t)4 << 30)

static double number(const json_t *line, const char *name) {
    const json_t *x = json_object_get(line, name);
    return json_is_number(x) ? json_number_value(x) : (double)NAN; /* the log writes NaN as null */
}

static hone_status add_step(report_log *l, const json_t *line) {
    double **columns[] = {&l->step, &l->epoch, &l->loss, &l->lr, &l->norm, &l->tokens, &l->ms};
    static const char *const names[] = {"step", "epoch", "loss", "lr", "grad_norm", "tokens", "ms"};
    if (l->n == l->capacity) {
        int64_t more = l->capacity ? 2 * l->capacity : 1024;
        for (int k = 0; k < 7; k++) {
            double *p = hone_realloc(*columns[k], (size_t)more * sizeof(double));
            if (!p) return HONE_E_NOMEM;
            *columns[k] = p;
        }
        l->capacity = more;
    }
    for (int k = 0; k < 7; k++) (*columns[k])[l->n] = number(line, names[k]);
    l->n++;
    l->skipped += json_is_true(json_object_get(line, "skipped"));
    return HONE_OK;
}

static hone_status add_line(report_log *l, const char *path, int64_t at, const char *p, size_t n) {
    json_t *line = NULL;
    hone_status st = hone_json_parse(p, n, path, at, &line);
    if (st == HONE_E_NOMEM) return st;
    st = HONE_OK;
    if (!json_is_object(line) || !isfinite(number(line, "step")))
        l->bad_lines++;
    else if (json_is_object(json_object_get(line, "eval")))
        st = json_array_append(l->evaluations, line) ? hone_fail(HONE_E_NOMEM, "no memory for the log") : HONE_OK;
    else if (json_object_get(line, "loss"))
        st = add_step(l, line);
    else
        l->bad_lines++;
    json_decref(line);
    return st;
}

hone_status report_log_read(const char *path, report_log *l) {
    char *text;
    size_t n;
    int64_t at = 0;
    *l = (report_log){.evaluations = json_array()};
    if (!l->evaluations) return hone_fail(HONE_E_NOMEM, "no memory for the log");
    HONE_TRY(hone_io_read_file(path, MOST_BYTES, &text, &n));
    hone_status st = HONE_OK;
    for (size_t i = 0; i < n && st == HONE_OK;) {
        const char *end = memchr(text + i, '\n', n - i);
        size_t length = end ? (size_t)(end - text) - i : n - i;
        at++;
        if (length) st = add_line(l, path, at, text + i, length);
        i += length + 1;
    }
    hone_free(text);
    if (st == HONE_OK && !l->n && !json_array_size(l->evaluations)) {
        hone_fail_at(HONE_E_FORMAT, path, 0, 0, "no training step and no evaluation in %" PRId64 " lines", at);
        return hone_hint("--run is the folder that hone train --out wrote");
    }
    return st;
}

void report_log_free(report_log *l) {
    double *columns[] = {l->step, l->epoch, l->loss, l->lr, l->norm, l->tokens, l->ms};
    for (int k = 0; k < 7; k++) hone_free(columns[k]);
    json_decref(l->evaluations);
    *l = (report_log){0};
}

double report_log_metric(const report_log *l, size_t i, const char *name) {
    return number(json_object_get(json_array_get(l->evaluations, i), "eval"), name);
}

double report_log_step(const report_log *l, size_t i) {
    return number(json_array_get(l->evaluations, i), "step");
}
