#include "train/log.h"

#include "base/io.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

struct hone_train_log {
    hone_append *file;
};

hone_status hone_train_log_open(const char *path, int64_t offset, hone_train_log **out) {
    hone_train_log *l = hone_zalloc(sizeof *l);
    if (!l) return hone_last_error()->code;
    hone_status s = hone_append_open(path, offset, &l->file);
    if (s != HONE_OK) {
        hone_free(l);
        return s;
    }
    *out = l;
    return HONE_OK;
}

/* Loss and learning rate as f32 values would be exact for the loss; f64 text is exact for both. */
hone_status hone_train_log_step(hone_train_log *l, const hone_train_report *r) {
    char text[512], epoch[32], loss[32], lr[32], norm[32];
    hone_format_f64(epoch, r->epoch);
    hone_format_f64(loss, r->loss);
    hone_format_f64(lr, r->lr);
    hone_format_f64(norm, r->grad_norm);
    int n = snprintf(text, sizeof text,
                     "{\"step\":%" PRId64 ",\"epoch\":%s,\"loss\":%s,\"lr\":%s,\"grad_norm\":%s,\"tokens\":%" PRId64
                     ",\"ms\":%.2f%s}\n",
                     r->step, epoch, loss, lr, norm, r->tokens, r->ms, r->skipped ? ",\"skipped\":true" : "");
    return hone_append_write(l->file, text, (size_t)n);
}

hone_status hone_train_log_evaluation(hone_train_log *l, const hone_train_report *r) {
    char epoch[32];
    hone_format_f64(epoch, r->epoch);
    HONE_TRY(hone_json_whole());
    char *metrics = json_dumps(r->metrics, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (!metrics) return hone_fail(HONE_E_NOMEM, "no memory for the metrics");
    size_t room = strlen(metrics) + 128;
    char *text = hone_alloc(room);
    int n =
        text ? snprintf(text, room, "{\"step\":%" PRId64 ",\"epoch\":%s,\"eval\":%s}\n", r->step, epoch, metrics) : 0;
    hone_status s = text ? hone_append_write(l->file, text, (size_t)n) : hone_last_error()->code;
    hone_free(text);
    hone_free(metrics);
    return s;
}

hone_status hone_train_log_sync(hone_train_log *l, int64_t *offset) {
    *offset = hone_append_offset(l->file);
    return hone_append_sync(l->file);
}

bool hone_train_log_is_there(const hone_train_log *l) {
    return hone_append_is_there(l->file);
}

void hone_train_log_close(hone_train_log *l) {
    if (!l) return;
    hone_append_close(l->file);
    hone_free(l);
}
