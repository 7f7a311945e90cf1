#include "tools/train_job.h"

#include "base/io.h"
#include "base/parallel.h"
#include "kernels/kernel.h"
#include "tools/terminal.h"

static json_t *describe_rows(const hone_train_rows *r, int64_t used) {
    char text[1024], sum[24];
    snprintf(sum, sizeof sum, "%016" PRIx64, hone_table_fingerprint(r->table));
    return json_pack("{s:s,s:I,s:I,s:I,s:s}", "file", hone_plain_text(hone_table_path(r->table), text, sizeof text),
                     "rows", (json_int_t)hone_table_rows(r->table), "bad_rows",
                     (json_int_t)hone_table_bad_count(r->table), "used", (json_int_t)used, "fnv1a64", sum);
}

json_t *hone_train_describe(const hone_options *o, const hone_loss *loss, const hone_train_job *j) {
    const hone_model_info *info = hone_model_get_info(j->model);
    char dir[HONE_PATH_MAX];
    json_t *resolved = hone_options_json(o), *data = json_object(), *all = json_object();
    /* The defaults that depend on the task, the model or the machine, as they came out. */
    static const char *const distances[] = {"cosine", "euclidean", "manhattan"};
    json_object_set_new(resolved, "loss", json_string(loss->name));
    /* Of a loss that has neither no value: as a --config of another loss it would be taken at its word. */
    bool distance =
        loss->default_margin > 0 || loss->default_metric != HONE_COSINE || hone_options_given(o, "distance");
    bool margin = loss->default_margin > 0 || hone_options_given(o, "margin");
    json_object_set_new(resolved, "margin", margin ? json_real(j->loss_options.margin) : json_null());
    json_object_set_new(resolved, "distance", distance ? json_string(distances[j->loss_options.metric]) : json_null());
    if (j->judge) json_object_set_new(resolved, "metric", json_string(hone_judge_deciding(j->judge)));
    if (hone_options_is(o, "device", "auto")) json_object_set_new(resolved, "device", json_string("cpu"));
    json_object_set_new(resolved, "max-length", json_integer(info->max_length));
    json_object_set_new(resolved, "threads", json_integer(hone_threads()));
    if (loss->in_batch && !hone_options_given(o, "no-duplicates"))
        json_object_set_new(resolved, "no-duplicates", json_boolean(!hone_options_flag(o, "allow-duplicates")));
    if (hone_options_has(o, "steps")) json_object_set_new(resolved, "epochs", json_null());
    if (hone_options_flag(o, "save-all-checkpoints")) json_object_set_new(resolved, "keep", json_null());
    if (!j->judge) json_object_set_new(resolved, "eval-every", json_null());
    json_object_set_new(
        data, "train", describe_rows(&j->train, j->split.n_train ? j->split.n_train : hone_table_rows(j->train.table)));
    if (j->eval.table) json_object_set_new(data, "eval", describe_rows(&j->eval, hone_table_rows(j->eval.table)));
    if (j->split.n_eval) json_object_set_new(data, "eval", describe_rows(&j->train, j->split.n_eval));
    json_object_set_new(all, "command", json_string("train"));
    json_object_set_new(all, "options", resolved);
    json_object_set_new(all, "model",
                        json_pack("{s:s,s:s,s:I,s:I}", "folder", hone_plain_text(info->dir, dir, sizeof dir), "family",
                                  info->family, "parameters", (json_int_t)info->parameters, "embedding",
                                  (json_int_t)info->embedding));
    json_object_set_new(all, "data", data);
    json_object_set_new(all, "versions",
                        json_pack("{s:s,s:s,s:s,s:s}", "hone", HONE_VERSION, "compiler", __VERSION__, "cpu_row",
                                  hone_isa_name(hone_kernels_isa()), "jansson", jansson_version_str()));
    return all;
}
