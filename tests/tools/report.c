/* hone report, and the page that hone train leaves. */
#include "base/io.h"
#include "base/json.h"
#include "tests/tools/command.h"

#include <math.h>
#include <unistd.h>

#define MODEL "tests/golden/models/mean"
#define TRIPLETS "tests/golden/train/triplets.jsonl"
#define PAIRS "tests/golden/train/pairs.jsonl"
#define ROW "{\"anchor\":\"a\",\"positive\":\"b\"}\n"

static const char *in_dir(const char *dir, const char *name) {
    static char paths[8][600];
    static int next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s%s%s", test_dir(), dir, *name ? "/" : "", name);
    return p;
}

/* The file's text, valid until the next call. */
static const char *page(const char *path) {
    static char *text;
    size_t n;
    hone_free(text);
    text = NULL;
    CHECK_OK(hone_io_read_file(path, 1 << 26, &text, &n));
    CHECK_INT(strlen(text), n);
    return text;
}

static int count(const char *s, const char *word) {
    int n = 0;
    for (; (s = strstr(s, word)); s += strlen(word)) n++;
    return n;
}

/* Every element that is opened is closed, in order; attributes are quoted; nothing is loaded from anywhere. */
static void check_html(const char *s) {
    static const char *const alone[] = {"meta", "br", "line", "path", "circle", "rect", "!DOCTYPE"};
    char stack[64][16];
    int depth = 0;
    CHECK(!strncmp(s, "<!DOCTYPE html>", 15));
    for (const char *p = strchr(s, '<'); p; p = strchr(p, '<')) {
        bool closing = p[1] == '/', single = false;
        char name[16] = "";
        size_t n = strspn(p + 1 + closing, "abcdefghijklmnopqrstuvwxyzDOCTYPE!0123456789");
        CHECK_MSG(n && n < sizeof name, "a stray < in: %.60s", p);
        memcpy(name, p + 1 + closing, n);
        const char *end = p;
        bool quoted = false;
        for (; *end && (quoted || *end != '>'); end++) quoted ^= *end == '"';
        CHECK_MSG(*end, "<%s has no end", name);
        for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) single |= !strcmp(name, alone[i]);
        if (closing) {
            CHECK_MSG(depth && !strcmp(stack[depth - 1], name), "</%s> closes <%s>: %.80s", name,
                      depth ? stack[depth - 1] : "nothing", p);
            depth--;
        } else if (!single) {
            CHECK(depth < 64);
            strcpy(stack[depth++], name);
        }
        CHECK_MSG(strcmp(name, "script") && strcmp(name, "img") && strcmp(name, "link") && strcmp(name, "iframe"),
                  "%.80s", p);
        p = end;
    }
    CHECK_INT(depth, 0);
    CHECK(!strstr(s, " src=") && !strstr(s, " href=") && !strstr(s, "url(") && !strstr(s, "@import"));
    CHECK(!strstr(s, "http://") && !strstr(s, "https://"));
}

/* The number that the log gives a metric in its evaluation of this index, as the page writes it. */
static const char *logged(const char *path, int which, const char *metric) {
    static char s[4][32];
    static int next;
    char *out = s[next++ % 4];
    const char *p = page(path);
    for (; (p = strstr(p, "\"eval\":")) && which--; p++) {
    }
    CHECK(p && (p = strstr(p, metric)) != NULL);
    double x;
    CHECK(sscanf(p + strlen(metric), "\":%lf", &x) == 1);
    snprintf(out, sizeof s[0], "%.4f", x);
    return out;
}

TEST(report, a_training_run_of_triplets_leaves_its_page) {
    const command_result *r = hone("train --quiet --task triplet --model " MODEL " --train " TRIPLETS
                                   " --eval-split 0.3 --epochs 4 --batch-size 4 --lr 1e-3 --out %s",
                                   in_dir("rt", ""));
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    const char *before = logged(in_dir("rt", "log.jsonl"), 0, "triplet_accuracy");
    const char *after = logged(in_dir("rt", "log.jsonl"), 4, "triplet_accuracy");
    const char *html = page(in_dir("rt", "report.html"));
    check_html(html);
    char row[256];
    snprintf(row, sizeof row, "<tr><th>triplet_accuracy</th><td class=\"n\">%s</td>", before);
    CHECK_MSG(strstr(html, row), "not on the page: %s", row);
    snprintf(row, sizeof row, "<td class=\"n\">%s</td><td class=\"n\"><span", after);
    CHECK_MSG(strstr(html, row), "not on the page: %s", row);
    /* The rows set aside were found again: judged once more, the figures are those of the log. */
    CHECK(strstr(html, "on all 11 evaluation rows (11 queries, 22 documents), with 95 % bootstrap intervals"));
    snprintf(row, sizeof row, "<tr><th>triplet_accuracy</th><td class=\"n\">%s<br>", before);
    CHECK_MSG(strstr(html, row), "not on the page: %s", row);
    const char *plots[] = {"Evaluation",
                           "Training loss",
                           "Learning rate",
                           "Gradient norm",
                           "Similarities before (base)",
                           "Similarities after (this run)",
                           "Lengths of the texts"};
    for (size_t i = 0; i < sizeof plots / sizeof *plots; i++) {
        snprintf(row, sizeof row, "<h3>%s</h3>", plots[i]);
        CHECK_MSG(strstr(html, row), "no plot %s", plots[i]);
    }
    CHECK(!strstr(html, "no values") && !strstr(html, "nan"));
    CHECK(strstr(html, "length in tokens") && strstr(html, "The model reads 32 tokens"));
    CHECK(strstr(html, "<tr><th>batch-size</th><td>4</td>") && strstr(html, "<tr><th>lr</th><td>0.001</td>"));
    CHECK(strstr(html, "<tr><th>cpu_row</th>") && !strstr(html, "To know"));
}

TEST(report, mistakes_of_pairs_are_shown_with_their_texts_and_hostile_texts_stay_text) {
    const char *eval = write_file("hostile.jsonl",
                                  "{\"anchor\":\"<script>alert('a')</script>\",\"positive\":\"</bdi><b>& \\\"x\\\"\"}\n"
                                  "{\"anchor\":\"see https://example.org/\\u0001\",\"positive\":\"<img src=x>\"}\n"
                                  "{\"anchor\":\"three\",\"positive\":\"\\u202eover\"}\n"
                                  "{\"anchor\":\"four\",\"positive\":\"quite another thing\"}\n"
                                  "{\"anchor\":\"the same words\",\"positive\":\"the same words\"}\n");
    const command_result *r = hone("train --quiet --task pairs --model " MODEL " --train " PAIRS
                                   " --eval %s --steps 2 --batch-size 4 --out %s",
                                   eval, in_dir("rp", ""));
    CHECK_MSG(r->status == 0, "%s", r->err);
    const char *html = page(in_dir("rp", "report.html"));
    CHECK(!strstr(html, "<script") && !strstr(html, "<img") && !strchr(html, 1));
    int wrong, all;
    const char *p = strstr(html, "<h2>Worst mistakes</h2>");
    CHECK(p && sscanf(p, "<h2>Worst mistakes</h2>\n<p>%d of %d queries", &wrong, &all) == 2);
    CHECK_INT(all, 5);
    CHECK_INT(count(html, "<div class=\"card\">"), wrong);
    CHECK_MSG(wrong > 0 && wrong < 5, "%d of 5", wrong); /* the sentence and the cards mean something */
    char share[32];
    snprintf(share, sizeof share, "%.4f", 1 - wrong / 5.0);
    CHECK_STR(logged(in_dir("rp", "log.jsonl"), 1, "accuracy@1"), share);
    /* Asked for fewer: the cards are cut, not the count. */
    CHECK_INT(hone("report --quiet --run %s --mistakes 1 --out %s", in_dir("rp", ""), in_dir("one.html", ""))->status,
              0);
    CHECK_INT(count(page(in_dir("one.html", "")), "<div class=\"card\">"), 1);
}

TEST(report, a_run_that_ended_before_its_first_evaluation_has_no_best_step) {
    const char *run = in_dir("early", "");
    CHECK_OK(hone_io_mkdirs(run));
    write_file("early/log.jsonl",
               "{\"step\":0,\"epoch\":0,\"eval\":{\"accuracy@1\":0.25}}\n"
               "{\"step\":1,\"epoch\":0.1,\"loss\":2.5,\"lr\":1e-05,\"grad_norm\":1,\"tokens\":10,\"ms\":1}\n"
               "{\"step\":2,\"epoch\":0.2,\"loss\":null,\"lr\":2e-05,\"grad_norm\":null,\"tokens\":10,\"ms\":1,"
               "\"skipped\":true}\n");
    CHECK_INT(hone("report --json --run %s", run)->status, 0);
    const char *html = page(in_dir("early", "report.html"));
    check_html(html);
    CHECK(strstr(html, "<tr><th>accuracy@1</th><td class=\"n\">0.2500</td></tr>"));
    CHECK(strstr(html, "No trained model has been evaluated yet.") && !strstr(html, "of best_model"));
    CHECK(strstr(html, "1 of 2 logged steps had a loss or gradient that is not finite"));
}

TEST(report, a_run_that_was_stopped_has_a_page_from_its_log) {
    const char *run = in_dir("stopped", "");
    CHECK_OK(hone_io_mkdirs(run));
    write_file("stopped/log.jsonl",
               "{\"step\":0,\"epoch\":0,\"eval\":{\"accuracy@1\":0.25,\"odd\":null}}\n"
               "{\"step\":1,\"epoch\":0.1,\"loss\":2.5,\"lr\":1e-05,\"grad_norm\":1,\"tokens\":10,\"ms\":1}\n"
               "{\"step\":2,\"epoch\":2857.143,\"loss\":null,\"lr\":2e-05,\"grad_norm\":null,\"tokens\":10,\"ms\":1}\n"
               "{\"step\":3,\"epoch\":0.3,\"lo");
    const command_result *r = hone("report --json --run %s/", run);
    CHECK_MSG(r->status == 0, "%s", r->err);
    CHECK_MSG(strstr(r->out, "stopped/report.html"), "%s", r->out);
    const char *html = page(in_dir("stopped", "report.html"));
    check_html(html);
    CHECK(strstr(html, "1 lines of log.jsonl are torn") && strstr(html, "run.json"));
    CHECK(strstr(html, "<tr><th>accuracy@1</th><td class=\"n\">0.2500</td>"));
    CHECK(strstr(html, "<tr><th>odd</th><td class=\"n\">&mdash;</td>"));
    CHECK(strstr(html, "<small>passes over the data</small><b>2,857</b>"));
    CHECK(strstr(html, "<b>not a number</b>") && strstr(html, "1 value is not a finite number"));
    CHECK(!strstr(html, "nan"));
}

TEST(report, a_changed_file_of_rows_is_named_and_not_judged) {
    char rows[8192] = "";
    for (int i = 0; i < 12; i++)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows),
                 "{\"anchor\":\"word %d\",\"positive\":\"thing %d\"}\n", i, i);
    const char *path = write_file("mine.jsonl", rows);
    CHECK_INT(hone("train --quiet --task pairs --model " MODEL " --train %s --eval-split 0.3 --steps 1 --out %s", path,
                   in_dir("changed", ""))
                  ->status,
              0);
    CHECK(strstr(page(in_dir("changed", "report.html")), "Judged once more"));
    strcat(rows, "{\"anchor\":\"one\",\"positive\":\"more\"}\n");
    write_file("mine.jsonl", rows);
    CHECK_INT(hone("report --quiet --run %s", in_dir("changed", ""))->status, 0);
    const char *html = page(in_dir("changed", "report.html"));
    check_html(html);
    CHECK(strstr(html, "is not what it was when the run read it") && !strstr(html, "Judged once more"));
}

TEST(report, a_page_never_replaces_what_it_is_made_from_and_goes_to_standard_output_alone) {
    const char *run = in_dir("sources", ""), *data = in_dir("sources", "rows.jsonl");
    CHECK_INT(
        hone("train --quiet --task pairs --model " MODEL " --train " PAIRS " --steps 2 --eval-split 0.3 --out %s", run)
            ->status,
        0);
    CHECK_OK(hone_io_write_file(data, ROW, strlen(ROW)));
    const char *sources[] = {in_dir("sources", "log.jsonl"),
                             in_dir("sources", "run.json"),
                             data,
                             in_dir("sources", "final_model/config.json"),
                             in_dir("sources", "link.html"),
                             in_dir("sources", "checkpoint_epoch_1/state.json")};
    CHECK(!symlink("final_model/config.json", sources[4]));
    CHECK_OK(hone_io_mkdirs(in_dir("sources", "checkpoint_epoch_1")));
    if (!hone_io_exists(sources[5])) CHECK_OK(hone_io_write_file(sources[5], "{}", 2));
    for (int i = 0; i < 6; i++) {
        char before[4096];
        snprintf(before, sizeof before, "%.4000s", page(sources[i]));
        const command_result *r = hone("report --run %s --data %s --out %s", run, data, sources[i]);
        CHECK_MSG(r->status == 2 && strstr(r->err, "would be lost") && r->err_lines <= 3, "%d %s", r->status, r->err);
        CHECK(!strncmp(page(sources[i]), before, strlen(before)));
    }
    const command_result *r = hone("report --run %s --rows 0 --json --out -", run);
    CHECK_MSG(r->status == 0 && !strncmp(r->out, "<!DOCTYPE html>", 15) && !strstr(r->out, "{\"report\""), "%.60s %s",
              r->out, r->err);
}

TEST(report, a_page_judges_in_the_precision_that_is_asked_for) {
    const char *run = in_dir("precision", ""), *first = in_dir("precision", "f32.html"),
               *second = in_dir("precision", "int8.html");
    CHECK_INT(
        hone("train --quiet --task pairs --model " MODEL " --train " PAIRS " --steps 2 --eval-split 0.3 --out %s", run)
            ->status,
        0);
    static char f32[1 << 20];
    CHECK_INT(hone("report --quiet --run %s --out %s", run, first)->status, 0);
    CHECK_INT(hone("report --quiet --run %s --precision int8 --out %s", run, second)->status, 0);
    snprintf(f32, sizeof f32, "%s", page(first));
    CHECK_MSG(strcmp(f32, page(second)), "%s", "int8 gives the page of f32");
}

/* run.json says what a run computed in; the page that hone train wrote is judged in it, too. */
TEST(report, a_page_judges_in_the_precision_of_its_run) {
    const char *run = in_dir("half", ""), *own = in_dir("half", "report.html"), *again = in_dir("half", "again.html"),
               *bf16 = in_dir("half", "bf16.html"), *f32 = in_dir("half", "f32.html");
    CHECK_INT(hone("train --quiet --task pairs --model " MODEL " --train " PAIRS
                   " --steps 2 --eval-split 0.3 --precision bf16 --out %s",
                   run)
                  ->status,
              0);
    static char want[1 << 20];
    snprintf(want, sizeof want, "%s", page(own));
    CHECK_INT(hone("report --quiet --run %s --out %s --rows 200", run, again)->status, 0);
    CHECK_MSG(!strcmp(want, page(again)), "%s", "not the page that the run wrote");
    CHECK_INT(hone("report --quiet --run %s --precision bf16 --out %s --rows 200", run, bf16)->status, 0);
    CHECK_MSG(!strcmp(want, page(bf16)), "%s", "not judged in the run's bf16");
    CHECK_INT(hone("report --quiet --run %s --precision f32 --out %s --rows 200", run, f32)->status, 0);
    CHECK_MSG(strcmp(want, page(f32)), "%s", "f32 gives the page of bf16");
}

TEST(report, a_page_that_cannot_be_written_is_said_before_the_models_are_read) {
    const char *run = in_dir("early", "");
    CHECK_OK(hone_io_mkdirs(run));
    const command_result *r = hone("report --run %s --out %s/no/page.html", run, run);
    CHECK_MSG(r->status == 4 && strstr(r->err, "its folder does not exist"), "%d: %s", r->status, r->err);
    CHECK_OK(hone_io_mkdirs(in_dir("early", "report.html")));
    r = hone("report --run %s", run);
    CHECK_MSG(r->status == 4 && strstr(r->err, "report.html: cannot write: it is a folder"), "%d: %s", r->status,
              r->err);
}

TEST(report, a_folder_without_a_log_is_refused_and_leaves_nothing) {
    CHECK_OK(hone_io_mkdirs(in_dir("no_log", "")));
    const command_result *r = hone("report --run %s", in_dir("no_log", ""));
    CHECK_MSG(r->status == 3 && strstr(r->err, "log.jsonl"), "%d %s", r->status, r->err);
    CHECK(!hone_io_exists(in_dir("no_log", "report.html")));
    write_file("no_log/log.jsonl", "nothing of the kind\n");
    r = hone("report --run %s", in_dir("no_log", ""));
    CHECK_MSG(r->status == 3 && strstr(r->err, "no training step"), "%d %s", r->status, r->err);
}

TEST(report, a_page_that_cannot_be_written_does_not_fail_the_training) {
    /* A folder stands where the page should go. */
    CHECK_OK(hone_io_mkdirs(in_dir("blocked", "report.html/x")));
    const command_result *r =
        hone("train --task pairs --model " MODEL " --train " PAIRS " --steps 1 --out %s", in_dir("blocked", ""));
    CHECK_INT(r->status, 0);
    CHECK_MSG(strstr(r->err, "no report.html"), "%s", r->err);
    CHECK(hone_io_exists(in_dir("blocked", "final_model/model.safetensors")));
}

/* The value of a metric that the page judged, the run's own (the second cell when there is a base). */
static double judged(const char *html, const char *metric, int cell) {
    char row[128];
    snprintf(row, sizeof row, "<tr><th>%s</th>", metric);
    const char *p = strstr(html, "Judged once more");
    CHECK_MSG(p && (p = strstr(p, row)), "%s is not judged", metric);
    for (int i = 0; i <= cell; i++) CHECK((p = strstr(p + 1, "<td class=\"n\">")) != NULL);
    return strtod(p + strlen("<td class=\"n\">"), NULL);
}

TEST(report, a_base_and_rows_that_the_user_names_are_judged_as_eval_judges_them_and_must_be_there) {
    const command_result *r = hone("train --task pairs --model " MODEL " --train " PAIRS " --eval " PAIRS
                                   " --steps 3 --max-length 8 --out %s",
                                   in_dir("report-base", ""));
    CHECK_MSG(r->status == 0, "%s", r->err);
    /* The base reads all of its own length, though the run read 8 tokens. */
    const char *base = "tests/golden/models/pool_cls", *rows = "tests/golden/train/triplets.jsonl";
    r = hone("eval --task pairs --model %s --data %s --compare %s --json", base, rows,
             in_dir("report-base", "final_model"));
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL);
    r = hone("report --run %s --base %s --data %s --out %s", in_dir("report-base", ""), base, rows,
             in_dir("report-base", "on-rows.html"));
    CHECK_MSG(r->status == 0, "%s", r->err);
    const char *s = page(in_dir("report-base", "on-rows.html"));
    CHECK(strstr(s, "for this report: the run's final_model, on all "));
    const char *metric[] = {"accuracy@10", "mrr@10", "ndcg@10", "map@100"};
    for (int i = 0; i < 4; i++) {
        double want =
            json_number_value(json_object_get(json_object_get(json_object_get(j, "metrics"), metric[i]), "value"));
        CHECK_MSG(want > 0 && fabs(judged(s, metric[i], 0) - want) <= 5.1e-5, "%s: %g, eval says %g", metric[i],
                  judged(s, metric[i], 0), want);
    }
    json_decref(j);
    for (int i = 0; i < 2; i++) {
        r = hone("report --run %s %s no/such --out %s", in_dir("report-base", ""), i ? "--data" : "--base",
                 in_dir("report-base", "none.html"));
        CHECK_MSG(r->status == 3 && strstr(r->err, "no/such"), "%d %s", r->status, r->err);
        CHECK(!hone_io_exists(in_dir("report-base", "none.html")));
    }
}

/* "12 of 40 ": how many mistakes, of how many. */
static void mistakes_of(const char *html, int *wrong, int *all) {
    const char *p = strstr(html, "<h2>Worst mistakes</h2>");
    CHECK(p && sscanf(p, "<h2>Worst mistakes</h2>\n<p>%d of %d ", wrong, all) == 2);
    CHECK_INT(count(html, "<div class=\"card\">"), *wrong < 20 ? *wrong : 20);
}

TEST(report, labelled_texts_are_judged_by_their_neighbours_before_and_after) {
    const command_result *r =
        hone("train --task triplet --loss batch-hard --quiet --batch-size 8 --epochs 1 --model " MODEL
             " --train tests/golden/train/labelled.jsonl --eval-split 0.3 --out %s",
             in_dir("report-labels", ""));
    CHECK_MSG(r->status == 0, "%s", r->err);
    const char *before = logged(in_dir("report-labels", "log.jsonl"), 0, "triplet_accuracy");
    const char *s = page(in_dir("report-labels", "report.html"));
    check_html(s);
    const char *of = strstr(s, " labels, the largest of ");
    CHECK(strstr(s, "Rows of a label") && of);
    double labels = 0, mean = 0;
    CHECK(sscanf(strstr(of, "the mean is "), "the mean is %lf", &mean) == 1);
    while (of[-1] >= '0' && of[-1] <= '9') of--;
    labels = atof(of);
    json_t *settings = NULL;
    CHECK_OK(hone_json_load(in_dir("report-labels", "run.json"), &settings));
    double used =
        json_number_value(json_object_get(json_object_get(json_object_get(settings, "data"), "train"), "used"));
    CHECK_MSG(fabs(labels * mean - used) <= labels * 0.05 + 1e-9, "%g labels of %g rows, %g rows used", labels, mean,
              used);
    json_decref(settings);
    CHECK(strstr(s, "Lengths of the texts") && !strstr(s, "cannot be read") && !strstr(s, "To know") &&
          !strstr(s, "nan"));
    /* The rows set aside, once more: the log's own figure. */
    CHECK_MSG(fabs(judged(s, "triplet_accuracy", 0) - atof(before)) < 1e-9, "%s", before);
    CHECK(strstr(s, "have another of their label and search for it"));
    CHECK(strstr(s, "<h3>Similarities before (base)</h3>") && strstr(s, "<h3>Similarities after (this run)</h3>"));
    CHECK(strstr(s, "texts of one label") && strstr(s, "texts of two labels"));
    int wrong, all;
    mistakes_of(s, &wrong, &all);
    CHECK_MSG(wrong > 0 && wrong < all, "%d of %d", wrong, all);
    CHECK(fabs(judged(s, "accuracy@1", 1) - (1 - wrong / (double)all)) < 5e-5);
    CHECK(strstr(s, "<b>nearest of its label</b>") && strstr(s, "<small>label <bdi dir=\"auto\">class "));
}

/* A sample of ten rows out of forty labels of two rows would hardly hold two of one label. */
TEST(report, a_sample_of_labelled_rows_keeps_labels_together) {
    static char rows[16384];
    size_t n = 0;
    for (int i = 0; i < 80; i++)
        n += (size_t)snprintf(rows + n, sizeof rows - n, "{\"text\":\"thing %d of %d\",\"label\":%d}\n", i, i % 40,
                              i % 40);
    const char *path = write_file("forty.jsonl", rows);
    CHECK_INT(hone("train --quiet --task triplet --loss semi-hard --model " MODEL
                   " --train %s --batch-size 8 --steps 1 --out %s",
                   path, in_dir("forty", ""))
                  ->status,
              0);
    CHECK_INT(hone("report --quiet --rows 10 --run %s --data %s", in_dir("forty", ""), path)->status, 0);
    const char *s = page(in_dir("forty", "report.html"));
    check_html(s);
    CHECK(strstr(s, "on a sample, spread over the labels, of 10 evaluation rows (10 of them have another"));
}

/* With a rate of 0 all evaluations are equal: best_model is the first of the trained ones, not the model before
 * training. */
TEST(tools, the_reports_best_step_is_that_of_best_model) {
    const command_result *r =
        hone("train --task pairs --quiet --json --batch-size 8 --lr 0 --eval-every 2 --epochs 1 --model " MODEL
             " --train " PAIRS " --eval " PAIRS " --out %s",
             in_dir("report-best", ""));
    CHECK_MSG(r->status == 0 && strstr(r->out, "\"best_step\":2,"), "%s%s", r->err, r->out);
    CHECK(strstr(page(in_dir("report-best", "report.html")), "best<br><small>step 2</small>"));
}

TEST(report, scored_pairs_are_judged_before_and_after) {
    static const char *const losses[] = {"cosent", "contrastive"};
    for (int i = 0; i < 2; i++) {
        const command_result *r = hone("train --task scored --loss %s --quiet --batch-size 8 --epochs 1 --model " MODEL
                                       " --train tests/golden/train/scored.jsonl --eval-split 0.4 --out %s%s",
                                       losses[i], in_dir(losses[i], ""), i ? " --columns label=label" : "");
        CHECK_MSG(r->status == 0, "%s", r->err);
        const char *before = logged(in_dir(losses[i], "log.jsonl"), 0, "spearman");
        const char *s = page(in_dir(losses[i], "report.html"));
        check_html(s);
        /* 50 rows, of which 20 are set aside */
        CHECK(strstr(s, "Scores of the rows") && strstr(s, "<figcaption>30 training rows; the mean is 0.") &&
              strstr(s, "Lengths of the texts"));
        CHECK_MSG(!strstr(s, "To know") && !strstr(s, "nan"), "%s", losses[i]);
        CHECK_MSG(fabs(judged(s, "spearman", 0) - atof(before)) < 1e-9, "%s: %s", losses[i], before);
        CHECK(strstr(s, "<h3>Similarities before (base)</h3>") && strstr(s, "<h3>Similarities after (this run)</h3>"));
        CHECK(!strstr(s, i ? "score of the row" : "rows of score 1") &&
              strstr(s, i ? "rows of score 1" : "score of the row"));
        int wrong, all;
        mistakes_of(s, &wrong, &all);
        CHECK_INT(all, 20);
        CHECK_MSG(!i || wrong < all / 2, "%d of %d", wrong, all); /* a border leaves less than half on its wrong side */
        CHECK(strstr(s, i ? "stand on the wrong side of" : "more than a quarter of all rows away"));
        if (wrong) CHECK(strstr(s, "<b>sentence2</b> <small>"));
    }
}

/* Two rows stand for all that can be wrong: equal texts of score 0 and texts without a common word of score 1. */
TEST(report, the_mistakes_of_scored_pairs_are_those_far_from_their_place) {
    static char rows[4096];
    size_t n = 0;
    for (int i = 0; i < 12; i++)
        n += (size_t)snprintf(rows + n, sizeof rows - n,
                              "{\"sentence1\":\"word %d\",\"sentence2\":\"%s %d\",\"score\":%d}\n", i,
                              i == 3  ? "word"
                              : i % 2 ? "something else altogether"
                                      : "word",
                              i % 2 && i != 3 ? 99 : i, i % 2 == 0);
    const char *path = write_file("far.jsonl", rows);
    CHECK_INT(hone("train --quiet --task scored --model " MODEL
                   " --train %s --steps 1 --lr 0 --batch-size 4 --eval %s --out %s",
                   path, path, in_dir("far", ""))
                  ->status,
              0);
    const char *s = page(in_dir("far", "report.html"));
    check_html(s);
    int wrong, all;
    mistakes_of(s, &wrong, &all);
    CHECK_INT(wrong, 1);
    CHECK_INT(all, 12);
    const char *card = strstr(s, "<div class=\"card\">");
    CHECK(card && strstr(card, "<bdi dir=\"auto\">word 3</bdi>") && strstr(card, "score 0; the similarity is "));
    /* All scores equal: no correlation, no mistake, and no "nan". */
    path = write_file("equal.jsonl", "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"score\":0.5}\n{\"sentence1\":\"c\","
                                     "\"sentence2\":\"d\",\"score\":0.5}\n");
    CHECK_INT(hone("report --quiet --run %s --data %s", in_dir("far", ""), path)->status, 0);
    s = page(in_dir("far", "report.html"));
    check_html(s);
    CHECK(strstr(s, "<tr><th>spearman</th><td class=\"n\">&mdash;</td>") && !strstr(s, "nan") &&
          !strstr(s, "Worst mistakes"));
}

TEST(report, one_row_or_one_class_has_nothing_to_be_held_against_and_the_page_says_so) {
    const char *row = write_file("row.jsonl", "{\"anchor\":\"one\",\"positive\":\"two\"}\n");
    const command_result *r = hone("train --quiet --task pairs --model " MODEL " --train " PAIRS
                                   " --eval %s --steps 1 --batch-size 4 --out %s",
                                   row, in_dir("one-row", ""));
    CHECK_MSG(r->status == 0, "%s", r->err);
    const char *s = page(in_dir("one-row", "report.html"));
    check_html(s);
    CHECK(!strstr(s, "nan") && strstr(s, "<figcaption>Mean: right pairs ") &&
          strstr(s, "There are no pairs of different rows."));
    for (int score = 0; score < 2; score++) {
        char rows[256];
        snprintf(rows, sizeof rows,
                 "{\"sentence1\":\"a\",\"sentence2\":\"b\",\"score\":%d}\n{\"sentence1\":\"c\",\"sentence2\":\"d\","
                 "\"score\":%d}\n",
                 score, score);
        r = hone("train --quiet --task scored --model " MODEL
                 " --train tests/golden/train/scored.jsonl --eval %s --steps 1 --batch-size 4 --out %s",
                 write_file("class.jsonl", rows), in_dir(score ? "class1" : "class0", ""));
        CHECK_MSG(r->status == 0, "%s", r->err);
        s = page(in_dir(score ? "class1" : "class0", "report.html"));
        check_html(s);
        CHECK(!strstr(s, "nan") &&
              strstr(s, score ? "<figcaption>Mean: rows of score 1 " : "<figcaption>Mean: rows of score 0 "));
        CHECK(strstr(s, score ? "There are no rows of score 0." : "There are no rows of score 1."));
    }
}

TEST(report, lengths_and_labels_are_those_of_the_rows_trained_on_with_their_prompts) {
    const char *rows = write_file("few.jsonl", "{\"anchor\":\"a\",\"positive\":\"e\"}\n"
                                               "{\"anchor\":\"b\",\"positive\":\"f\"}\n"
                                               "{\"anchor\":\"c\",\"positive\":\"g\"}\n"
                                               "{\"anchor\":\"d\",\"positive\":\"a\"}\n");
    const command_result *r = hone("train --quiet --task pairs --model " MODEL
                                   " --train %s --steps 1 --batch-size 4 --max-length 5 --prompt-query 'the of a ' "
                                   "--prompt-document 'the ' --out %s",
                                   rows, in_dir("prompted", ""));
    CHECK_MSG(r->status == 0, "%s", r->err);
    const char *s = page(in_dir("prompted", "report.html"));
    /* four anchors of 2 + 3 + 1 tokens, three other documents of 2 + 1 + 1 */
    CHECK(strstr(s, "7 different training texts; the mean is 5.1. The model reads 5 tokens: 4 of the texts (57.1 %) "
                    "are cut."));
    r = hone("train --quiet --task pairs --model " MODEL
             " --train %s --eval-split 0.25 --steps 1 --batch-size 4 --out %s",
             rows, in_dir("apart", ""));
    CHECK_MSG(r->status == 0, "%s", r->err);
    CHECK(strstr(page(in_dir("apart", "report.html")), " different training texts; the mean is 3.0."));
    /* the first and the last row share a text, so the row set aside is one of the others and takes two texts away */
    CHECK(strstr(page(in_dir("apart", "report.html")), "<figcaption>5 different training texts"));
    const char *labelled = write_file("labels.csv", "text,label\nthe,x\nof,x\na,x\nto,y\nin,y\nis,y\nfor,z\n");
    r = hone("train --quiet --task triplet --loss batch-hard --model " MODEL
             " --train %s --eval %s --steps 1 --batch-size 4 --out %s",
             labelled, labelled, in_dir("all-labels", ""));
    CHECK_MSG(r->status == 0, "%s", r->err);
    CHECK(strstr(page(in_dir("all-labels", "report.html")),
                 "3 labels, the largest of 3 rows, the smallest of 1; the mean is 2.3."));
}

TEST(report, a_folder_whose_name_is_no_text_leaves_a_page_that_is) {
    const command_result *r = hone("train --quiet --task pairs --model " MODEL " --train " PAIRS " --eval " PAIRS
                                   " --steps 1 --batch-size 4 --out %s",
                                   in_dir("odd\xFF\x1B", ""));
    CHECK_MSG(r->status == 0, "%s", r->err);
    const char *s = page(in_dir("odd\xFF\x1B", "report.html"));
    CHECK(strstr(s, "odd\\xFF\\x1B</title>") && !strchr(s, '\xFF') && !strchr(s, '\x1B'));
}
