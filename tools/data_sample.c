/* hone data sample: a small made-up set to try the commands on, from which a model really learns something.
 *
 * Things (a colour, a size, a kind) are kept in places. Every question asks for one thing, its answer names the thing
 * in other words; a wrong answer names another thing of the same colour. Row i is a function of (seed, i). The things
 * that eval asks for or names are none of train's. */
#include "tools/commands.h"
#include "tools/data.h"
#include "tools/outfile.h"
#include "tools/terminal.h"
#include "tools/text_buffer.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/random.h"

#include <string.h>

static const hone_option options[] = {
    {.group = "What is made",
     .name = "task",
     .kind = HONE_OPTION_CHOICE,
     .value = "TASK",
     .fallback = "pairs",
     .allowed = "pairs|triplet|scored|rerank",
     .later = "match|image-text|image-label|distill",
     .help = "what the rows mean; tasks with pictures come with the picture models"},
    {.name = "rows",
     .kind = HONE_OPTION_INT,
     .fallback = "1000",
     .unit = "rows",
     .help = "of train and eval together; a fifth is for eval",
     .aka = "count|n|num-rows",
     .range = {5, 100000}},
    {.name = "out",
     .kind = HONE_OPTION_FILE,
     .value = "DIR",
     .help = "folder for train.jsonl and eval.jsonl",
     .aka = "output|output-dir|out-dir",
     .required = true},
    {.name = "force", .kind = HONE_OPTION_FLAG, .help = "replace files that are there", .aka = "overwrite"},
    {.name = NULL}};

static const char *const colours[][2] = {
    {"red", "scarlet"}, {"green", "emerald"}, {"blue", "azure"},  {"yellow", "golden"}, {"black", "dark"},
    {"white", "pale"},  {"brown", "bronze"},  {"grey", "silver"}, {"purple", "violet"}, {"pink", "rosy"}};
static const char *const sizes[][2] = {{"small", "little"}, {"big", "large"},     {"old", "ancient"},
                                       {"new", "modern"},   {"heavy", "massive"}, {"broken", "damaged"},
                                       {"empty", "hollow"}, {"clean", "tidy"}};
static const char *const kinds[][2] = {
    {"car", "automobile"}, {"boat", "vessel"},     {"bicycle", "bike"},     {"sofa", "couch"},
    {"lamp", "light"},     {"stone", "rock"},      {"cup", "mug"},          {"coat", "jacket"},
    {"bag", "sack"},       {"book", "volume"},     {"picture", "painting"}, {"rug", "carpet"},
    {"engine", "motor"},   {"shop", "store"},      {"hound", "dog"},        {"ship", "freighter"},
    {"box", "crate"},      {"phone", "telephone"}, {"gift", "present"},     {"gun", "rifle"},
    {"house", "home"},     {"street", "road"},     {"child", "kid"},        {"doctor", "physician"},
    {"plane", "aircraft"}};
static const char *const places[] = {"harbour", "market", "attic",  "garden",  "station",
                                     "museum",  "cellar", "forest", "library", "workshop"};
/* What stands before and behind the thing. */
static const char *const questions[][2] = {
    {"where is the ", "?"}, {"who knows where the ", " went?"}, {"looking for a ", ""}, {"can you find my ", "?"}};
static const char *const answers[][2] = {
    {"the ", " stands in the "}, {"a ", " was seen in the "}, {"you will find the ", " at the "}};
#define COUNT(x) ((int64_t)(sizeof(x) / sizeof *(x)))
#define THINGS (COUNT(colours) * COUNT(sizes) * COUNT(kinds))
enum { TEXT = 192, DOCUMENTS = 4 };

typedef struct maker {
    const char *task;
    uint64_t seed;
    int64_t order[COUNT(colours) * COUNT(sizes) * COUNT(kinds)]; /* the things, shuffled; the last fifth are eval's */
    bool of_eval[COUNT(colours) * COUNT(sizes) * COUNT(kinds)];
    hone_text_buffer line;
} maker;

static int64_t draw(const maker *m, int64_t row, int64_t what, int64_t n) {
    return (int64_t)hone_random_below(m->seed, hone_stream_id(HONE_STREAM_SAMPLE, (uint64_t)row), (uint64_t)what,
                                      (uint64_t)n);
}

/* Thing t as it is asked for (words 0) or answered (words 1). */
static void name_thing(int64_t t, int words, char out[TEXT]) {
    snprintf(out, TEXT, "%s %s %s", sizes[t / COUNT(colours) % COUNT(sizes)][words], colours[t % COUNT(colours)][words],
             kinds[t / COUNT(colours) / COUNT(sizes)][words]);
}

static void ask(const maker *m, int64_t row, int64_t t, char out[TEXT]) {
    char thing[TEXT];
    const char *const *how = questions[draw(m, row, 1, COUNT(questions))];
    name_thing(t, 0, thing);
    snprintf(out, TEXT, "%s%s%s", how[0], thing, how[1]);
}

static void answer(const maker *m, int64_t row, int64_t t, int64_t what, char out[TEXT]) {
    char thing[TEXT];
    const char *const *how = answers[draw(m, row, what, COUNT(answers))];
    name_thing(t, 1, thing);
    snprintf(out, TEXT, "%s%s%s%s", how[0], thing, how[1], places[draw(m, row, what + 1, COUNT(places))]);
}

/* A thing of this colour that is not t and of t's side: from one that is drawn on, the first such. */
static int64_t other(const maker *m, int64_t row, int64_t t, int64_t what, int64_t colour) {
    int64_t in_colour = THINGS / COUNT(colours), k = t / COUNT(colours), found = t;
    k += 1 + draw(m, row, what, in_colour - 1);
    for (int64_t i = 0; i < in_colour && (found == t || m->of_eval[found] != m->of_eval[t]); i++)
        found = (k + i) % in_colour * COUNT(colours) + colour;
    return found;
}

static void add(maker *m, const char *name, const char *text) {
    hone_text_puts(&m->line, m->line.n ? "," : "{");
    hone_text_json(&m->line, name, strlen(name));
    hone_text_puts(&m->line, ":");
    hone_text_json(&m->line, text, strlen(text));
}

static void make_row(maker *m, int64_t row, int64_t t) {
    char q[TEXT], d[TEXT];
    m->line.n = 0;
    ask(m, row, t, q);
    answer(m, row, t, 10, d);
    if (!strcmp(m->task, "scored")) { /* 1: the same thing; 0.5: the same colour; 0: nothing in common */
        int64_t degree = draw(m, row, 2, 3);
        int64_t same = t % COUNT(colours), any = (same + 1 + draw(m, row, 4, COUNT(colours) - 1)) % COUNT(colours);
        int64_t o = degree == 2 ? t : other(m, row, t, 3, degree == 1 ? same : any);
        answer(m, row, o, 10, d);
        add(m, "sentence1", q), add(m, "sentence2", d);
        hone_text_puts(&m->line, degree == 2 ? ",\"score\":1.0" : degree ? ",\"score\":0.5" : ",\"score\":0.0");
    } else if (!strcmp(m->task, "rerank")) { /* one right document among others, its place drawn */
        int64_t right = draw(m, row, 2, DOCUMENTS);
        add(m, "query", q);
        hone_text_puts(&m->line, ",\"documents\":[");
        for (int64_t k = 0; k < DOCUMENTS; k++) {
            answer(m, row, k == right ? t : other(m, row, t, 20 + k, t % COUNT(colours)), 30 + 2 * k, d);
            if (k) hone_text_puts(&m->line, ",");
            hone_text_json(&m->line, d, strlen(d));
        }
        hone_text_puts(&m->line, "],\"labels\":[");
        for (int64_t k = 0; k < DOCUMENTS; k++)
            hone_text_puts(&m->line, k ? (k == right ? ",1" : ",0") : k == right ? "1" : "0");
        hone_text_puts(&m->line, "]");
    } else {
        add(m, "anchor", q), add(m, "positive", d);
        if (!strcmp(m->task, "triplet")) {
            answer(m, row, other(m, row, t, 3, t % COUNT(colours)), 12, d);
            add(m, "negative", d);
        }
    }
    hone_text_puts(&m->line, "}\n");
}

/* Rows [from, to) about the things order[first .. last). */
static hone_status write_side(maker *m, hone_outfile *s, int64_t from, int64_t to, int64_t first, int64_t last) {
    hone_status st = HONE_OK;
    for (int64_t i = from; i < to && st == HONE_OK; i++) {
        make_row(m, i, m->order[first + (i - from) % (last - first)]);
        st = m->line.failed ? hone_fail(HONE_E_NOMEM, "no memory for a row")
                            : hone_outfile_write(s, m->line.p, m->line.n);
    }
    return st;
}

static hone_status sample(const hone_options *o, maker *m) {
    static const char *const names[2] = {"train.jsonl", "eval.jsonl"};
    char path[2][HONE_PATH_MAX];
    const char *dir = hone_options_string(o, "out");
    const int64_t rows = hone_options_int(o, "rows"), train = rows - rows / 5, things = THINGS - THINGS / 5;
    for (int k = 0; k < 2; k++) {
        HONE_TRY(hone_io_join(path[k], dir, names[k]));
        if (!hone_io_is_taken(path[k]) || hone_options_flag(o, "force")) continue;
        hone_fail_at(HONE_E_ARG, path[k], 0, 0, "is there already");
        return hone_hint("--force replaces it; or give another --out");
    }
    hone_random_permutation(m->seed, hone_stream_id(HONE_STREAM_SHUFFLE, 0), THINGS, m->order);
    for (int64_t i = things; i < THINGS; i++) m->of_eval[m->order[i]] = true;
    HONE_TRY(hone_io_mkdirs(dir));
    hone_outfile *out[2] = {NULL, NULL};
    hone_status st = hone_outfile_open(path[0], &out[0]);
    if (st == HONE_OK) st = hone_outfile_open(path[1], &out[1]);
    if (st == HONE_OK) st = write_side(m, out[0], 0, train, 0, things);
    if (st == HONE_OK) st = write_side(m, out[1], train, rows, things, THINGS);
    if (st == HONE_OK) st = hone_outfile_commit_all(out, path, 2, !hone_options_flag(o, "force"));
    for (int k = 0; k < 2; k++) hone_outfile_abort(out[k]);
    HONE_TRY(st);
    if (hone_options_flag(o, "json"))
        return hone_print_json(json_pack("{s:s,s:I,s:I}", "task", m->task, "train", (json_int_t)train, "eval",
                                         (json_int_t)(rows - train)));
    return data_say("%s: %" PRId64 " rows\n%s: %" PRId64 " rows\n", hone_quote(path[0]), train, hone_quote(path[1]),
                    rows - train);
}

static hone_status run(const hone_options *o) {
    maker *m = hone_zalloc(sizeof *m);
    if (!m) return HONE_E_NOMEM;
    m->task = hone_options_string(o, "task");
    m->seed = (uint64_t)hone_options_int(o, "seed");
    hone_status st = sample(o, m);
    hone_text_buffer_free(&m->line);
    hone_free(m);
    return st;
}

const hone_command hone_command_data_sample = {
    .name = "data sample",
    .summary = "write a small made-up set to try the commands on",
    .synopsis = "--out DIR [--task TASK] [--rows N] [options]",
    .about = "Questions for things and answers that name them in other words, with wrong answers where the task wants "
             "them: enough for a model to learn something in a minute. The things that eval.jsonl asks for or names "
             "are none of train.jsonl's. The same seed gives the same files.",
    .options = options,
    .example = {"hone data sample --out sample", "hone data sample --task triplet --rows 5000 --out sample --force"},
    .example_note = {"800 pairs to train on, 200 to judge by",
                     "4,000 and 1,000 triplets, in the place of what was there"},
    .run = run,
};
