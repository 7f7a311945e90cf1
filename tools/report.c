/* hone report: what a training run did, as one page. */
#include "tools/report.h"
#include "tools/commands.h"
#include "tools/outfile.h"
#include "tools/precision.h"
#include "tools/report_parts.h"
#include "tools/terminal.h"

#include "base/memory.h"

#include <string.h>

/* After training fewer rows: two models embed them, and nobody asked for the time. */
enum { ROWS_AFTER_TRAINING = 200, MISTAKES = 20, RESAMPLES = 2000 };

static const hone_option options[] = {
    {.group = "What is reported",
     .name = "run",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "the folder that hone train --out wrote",
     .aka = "output-dir|dir",
     .required = true},
    {.name = "base",
     .kind = HONE_OPTION_FILE,
     .value = "M",
     .help = "the model to compare with: a folder, or a name in the local Hugging Face cache",
     .aka = "compare|baseline|model",
     .shown = "the model that the run started from"},
    {.name = "data",
     .kind = HONE_OPTION_FILE,
     .value = "FILE",
     .help = "rows to judge on, with the run's column names",
     .aka = "eval|test|dataset",
     .shown = "the run's evaluation rows"},
    {.name = "out",
     .kind = HONE_OPTION_FILE,
     .value = "FILE.html",
     .help = "where the page goes; - is standard output",
     .aka = "page|output|output-file|html",
     .shown = "DIR/report.html"},
    {.group = "How much",
     .name = "rows",
     .kind = HONE_OPTION_INT,
     .fallback = "1000",
     .unit = "rows",
     .help = "most evaluation rows to embed, a seeded sample of them; 0: the page comes from the log alone",
     .range = {0, 10000000}},
    {.name = "mistakes",
     .kind = HONE_OPTION_INT,
     .fallback = "20",
     .unit = "mistakes",
     .help = "most mistakes to show with their text",
     .range = {0, 10000}},
    {.name = "bootstrap",
     .kind = HONE_OPTION_INT,
     .fallback = "2000",
     .unit = "resamples",
     .help = "for the 95 % intervals",
     .range = {100, 1000000}},
    {.name = "precision",
     .kind = HONE_OPTION_CHOICE,
     .allowed = "f32|bf16|int8",
     .shown = "the run's, in which its own evaluations were made",
     .help = "number format of the models' matrix products"},
    {.name = NULL}};

static hone_status load(report_data *r, const hone_report_options *o) {
    char path[HONE_PATH_MAX];
    r->o = o;
    HONE_TRY(hone_io_join(r->dir, o->run, ""));
    size_t n = strlen(r->dir);
    while (n > 1 && r->dir[n - 1] == '/') r->dir[--n] = 0;
    if (!(r->notes = json_array())) return hone_fail(HONE_E_NOMEM, "no memory for the report");
    HONE_TRY(hone_io_join(path, r->dir, "log.jsonl"));
    hone_status st = report_log_read(path, &r->log);
    if (st == HONE_E_IO) return hone_hint("--run is the folder that hone train --out wrote");
    HONE_TRY(st);
    if (r->log.bad_lines)
        report_note(r, "%" PRId64 " lines of log.jsonl are torn or foreign and are left out", r->log.bad_lines);
    if (r->log.skipped)
        report_note(r,
                    "%" PRId64 " of %" PRId64 " logged steps had a loss or gradient that is not finite, or is too "
                    "large: their updates were skipped",
                    r->log.skipped, r->log.n);
    HONE_TRY(hone_io_join(path, r->dir, "run.json"));
    st = hone_json_load(path, &r->run);
    if (st == HONE_E_NOMEM) return st;
    if (st != HONE_OK) report_note_error(r, "the run's settings cannot be read, so the page comes from the log alone");
    return HONE_OK;
}

static hone_status write(report_data *r, const hone_report_options *o, char path[HONE_PATH_MAX]) {
    hone_text_buffer b = {0};
    hone_status st = HONE_OK;
    if (o->out)
        snprintf(path, HONE_PATH_MAX, "%s", o->out);
    else
        st = hone_io_join(path, r->dir, "report.html");
    if (st == HONE_OK) report_page(r, &b);
    if (st == HONE_OK && b.failed) st = hone_fail(HONE_E_NOMEM, "no memory for the report");
    if (st == HONE_OK) st = hone_io_write_file(path, b.p, b.n);
    hone_text_buffer_free(&b);
    return st;
}

hone_status hone_report_write(const hone_report_options *o, char written[HONE_PATH_MAX]) {
    char path[HONE_PATH_MAX];
    report_data *r = hone_zalloc(sizeof *r);
    if (!r) return HONE_E_NOMEM;
    hone_status st = load(r, o);
    if (st == HONE_OK) st = report_judge(r);
    if (st == HONE_OK) st = write(r, o, written ? written : path);
    report_data_free(r);
    hone_free(r);
    return st;
}

void hone_report_after_training(const char *run, bool quiet) {
    hone_report_options o = {.run = run,
                             .rows = ROWS_AFTER_TRAINING,
                             .mistakes = MISTAKES,
                             .resamples = RESAMPLES,
                             .seed = 42,
                             .precision = -1};
    if (hone_report_write(&o, NULL) == HONE_OK) return;
    const hone_error *e = hone_last_error();
    hone_print_note(quiet, "no report.html: %s%s%s", e->file, *e->file ? ": " : "", e->message);
    hone_error_clear();
}

/* What the page is made from would be lost; and a page that cannot be written is said before the models are read. */
/* The page is no file of the run but its report, and none of what it is made from. */
static hone_status check_out(const hone_options *o) {
    const char *out = hone_options_string(o, "out"), *run = hone_options_string(o, "run");
    char path[HONE_PATH_MAX], what[64], **names;
    size_t n;
    if (out && strcmp(out, "-") && hone_io_is_dir(run)) {
        HONE_TRY(hone_io_list(run, &names, &n));
        hone_status st = HONE_OK;
        for (size_t i = 0; i < n && st == HONE_OK; i++) {
            bool page = !strcmp(names[i], "report.html");
            if (page || hone_io_join(path, run, names[i]) != HONE_OK) continue;
            snprintf(what, sizeof what, "%sthe run's %.40s", hone_io_is_dir(path) ? "a file of " : "",
                     hone_quote(names[i]));
            st = hone_outfile_check_folder(out, what, path);
        }
        hone_free(names);
        HONE_TRY(st);
    }
    HONE_TRY(hone_outfile_check(out, "--data", hone_options_string(o, "data")));
    HONE_TRY(hone_outfile_check_folder(out, "a file of --base", hone_options_string(o, "base")));
    if (!out && !hone_io_is_dir(run)) return HONE_OK; /* said by who reads it */
    if (!out) HONE_TRY(hone_io_join(path, run, "report.html"));
    return out && !strcmp(out, "-") ? HONE_OK : hone_writer_check(out ? out : path);
}

static hone_status run(const hone_options *o) {
    char path[HONE_PATH_MAX], plain[HONE_PATH_MAX];
    hone_precision precision = HONE_PRECISION_F32;
    const bool given = hone_options_has(o, "precision");
    if (given) HONE_TRY(hone_precision_option(o, false, &precision));
    HONE_TRY(check_out(o));
    hone_report_options how = {.run = hone_options_string(o, "run"),
                               .base = hone_options_string(o, "base"),
                               .data = hone_options_string(o, "data"),
                               .out = hone_options_string(o, "out"),
                               .rows = hone_options_int(o, "rows"),
                               .mistakes = hone_options_int(o, "mistakes"),
                               .resamples = hone_options_int(o, "bootstrap"),
                               .seed = (uint64_t)hone_options_int(o, "seed"),
                               .precision = given ? (int)precision : -1};
    HONE_TRY(hone_report_write(&how, path));
    if (hone_options_is(o, "out", "-")) return HONE_OK; /* the page alone */
    if (hone_options_flag(o, "json"))
        return hone_print_json(json_pack("{s:s}", "report", hone_plain_text(path, plain, sizeof plain)));
    hone_print_note(hone_options_flag(o, "quiet"), "the report is %s", path);
    return HONE_OK;
}

const hone_command hone_command_report = {
    .name = "report",
    .summary = "one page about a training run: curves, before and after, mistakes",
    .synopsis = "--run DIR [--base M] [options]",
    .about =
        "Writes DIR/report.html, one page that needs nothing beside it and no network: metrics before training and of "
        "final_model with 95 % intervals, curves of loss, learning rate and metrics, similarities of right and wrong "
        "pairs, "
        "lengths of the texts, the worst mistakes with their text, every setting. hone train writes it at its "
        "end; a run that was stopped has one from its log.",
    .options = options,
    .example = {"hone report --run run", "hone report --run run --base sentence-transformers/all-MiniLM-L6-v2 --data "
                                         "test.jsonl --out test.html"},
    .example_note = {"the page of the run, once more", "judged on other rows, against a model of your choice"},
    .exits = "3 a folder without a log; --base or --data cannot be read|6 a vector of --base is NaN or infinite",
    .run = run,
};
