#include "tools/bench_embed.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "data/batch.h"
#include "kernels/kernels.h"
#include "models/model.h"
#include "tools/bench_serve.h"
#include "tools/embed.h"
#include "tools/precision.h"
#include "tools/roof.h"
#include "tools/rows.h"
#include "tools/terminal.h"
#include "tools/text_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SERVED_QUERIES = 25 };

typedef struct bench {
    const hone_options *o;
    hone_table *table;
    hone_roles roles;
    hone_model *model;
    hone_arena *arena;
    hone_graph *graph;
    hone_text *texts;
    float *vectors;
    int64_t n, next;            /* texts; the one that the next query takes */
    int64_t tokens;             /* that are computed: equal texts once */
    double flops;               /* of one pass over the file */
    double *first;              /* ms, [starts] */
    double *query;              /* ms, [queries] */
    double *pass;               /* ms, [passes] */
    double first_rss, file_rss; /* MiB; NaN where it could not be told */
    double roof;
} bench;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- fresh processes ---- */

typedef struct child {
    int in;         /* its standard input, -1: nothing to read */
    bool line;      /* wait for its first line of output; else the output goes nowhere */
    double ms, rss; /* until that line, or until its end; NaN: not known */
    int status;     /* its exit status, 128 + n for a signal */
} child;

/* Until the first newline, then the rest so that the child can end. */
static bool read_line(int fd, double *at) {
    char part[4096];
    ssize_t got;
    bool line = false;
    while ((got = read(fd, part, sizeof part)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0 && !line && memchr(part, '\n', (size_t)got)) *at = now(), line = true;
    return line;
}

static hone_status run_child(char **argv, child *c) {
    int to_us[2] = {-1, -1}, wait_status = 0;
    pid_t pid;
    posix_spawn_file_actions_t files;
    struct rusage usage;
    if (c->line && pipe2(to_us, O_CLOEXEC)) return hone_fail_os("", "cannot make a pipe");
    posix_spawn_file_actions_init(&files);
    if (c->in >= 0)
        posix_spawn_file_actions_adddup2(&files, c->in, 0);
    else
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (c->line)
        posix_spawn_file_actions_adddup2(&files, to_us[1], 1);
    else
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    double own = hone_bench_peak_mb(), start = now(), end = start;
    int failed = posix_spawn(&pid, "/proc/self/exe", &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (c->line) close(to_us[1]);
    bool line = !failed && c->line && read_line(to_us[0], &end);
    if (c->line) close(to_us[0]);
    if (failed) {
        errno = failed;
        return hone_fail_os("", "cannot start a process of its own");
    }
    while (wait4(pid, &wait_status, 0, &usage) < 0 && errno == EINTR) continue;
    if (!line) end = now();
    c->ms = 1e3 * (end - start);
    /* Linux counts what the parent held while the child was being made; below that nothing can be told. */
    c->rss = (double)usage.ru_maxrss / 1024 > own ? (double)usage.ru_maxrss / 1024 : (double)NAN;
    c->status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
    if (c->status == 0 && c->line && !line) c->status = -1;
    return HONE_OK;
}

/* `hone embed` of `input` with our options; free with hone_free. The strings of the numbers lie behind the pointers. */
static char **embed_arguments(const hone_options *o, const char *input) {
    enum { MOST = 32, ROOM = 32 };
    int64_t columns = strcmp(input, "-") ? hone_options_count(o, "columns") : 0;
    size_t texts = 0, n = 0;
    for (int64_t i = 0; i < columns; i++)
        texts += strlen(hone_options_item(o, "columns", i)) + strlen(hone_options_right(o, "columns", i)) + 2;
    size_t pointers = (size_t)(MOST + 2 * columns) * sizeof(char *);
    char **argv = hone_alloc(pointers + texts + 3 * ROOM);
    if (!argv) return NULL;
    char *room = (char *)argv + pointers;
    static const char *const numbers[] = {"threads", "batch-size", "max-length"};
    const char *words[] = {"hone",
                           "embed",
                           "--quiet",
                           "--out",
                           "-",
                           "--input",
                           input,
                           "--model",
                           hone_options_string(o, "model"),
                           "--precision",
                           hone_options_string(o, "precision")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) argv[n++] = (char *)(uintptr_t)words[i];
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"--threads", "--batch-size", "--max-length"};
        if (!hone_options_has(o, numbers[i])) continue;
        argv[n++] = (char *)(uintptr_t)names[i];
        argv[n++] = room;
        room += snprintf(room, ROOM, "%" PRId64, hone_options_int(o, numbers[i])) + 1;
    }
    for (int64_t i = 0; i < columns; i++) {
        argv[n++] = (char *)(uintptr_t) "--columns";
        argv[n++] = room;
        room += sprintf(room, "%s=%s", hone_options_item(o, "columns", i), hone_options_right(o, "columns", i)) + 1;
    }
    argv[n] = NULL;
    return argv;
}

static hone_status run_embed(const bench *b, const char *input, child *c) {
    char **argv = embed_arguments(b->o, input);
    if (!argv) return HONE_E_NOMEM;
    hone_status s = run_child(argv, c);
    hone_free(argv);
    return s;
}

static hone_status child_failed(const child *c) {
    if (c->status < 0) return hone_fail(HONE_E_IO, "hone embed in a process of its own printed no vector");
    hone_fail(HONE_E_IO, "hone embed in a process of its own ended with status %d", c->status);
    return c->status == 5 || c->status == 137 ? hone_hint("is there memory for a second process?") : HONE_E_IO;
}

/* The first text as a line of JSON in a file that exists in memory only. */
static hone_status first_text(const bench *b, int *fd) {
    hone_text_buffer line = {0};
    hone_text_puts(&line, "{\"text\":");
    hone_text_json(&line, b->texts[0].p, b->texts[0].n);
    hone_text_puts(&line, "}\n");
    *fd = line.failed ? -1 : memfd_create("text", MFD_CLOEXEC);
    hone_status s = line.failed ? hone_fail(HONE_E_NOMEM, "no memory for a text")
                    : *fd < 0   ? hone_fail_os("", "no file in memory")
                                : HONE_OK;
    for (size_t done = 0; s == HONE_OK && done < line.n;) {
        ssize_t wrote = write(*fd, line.p + done, line.n - done);
        if (wrote < 0 && errno != EINTR) s = hone_fail_os("", "cannot write a text into memory");
        if (wrote > 0) done += (size_t)wrote;
    }
    hone_text_buffer_free(&line);
    return s;
}

static hone_status start_ups(bench *b) {
    int fd = -1;
    int64_t starts = hone_options_int(b->o, "starts");
    hone_status s = first_text(b, &fd);
    b->first_rss = 0;
    for (int64_t i = 0; s == HONE_OK && i < starts; i++) {
        child c = {.in = fd, .line = true};
        if (lseek(fd, 0, SEEK_SET) < 0) s = hone_fail_os("", "cannot rewind a text in memory");
        if (s == HONE_OK) s = run_embed(b, "-", &c);
        if (s == HONE_OK && c.status) s = child_failed(&c);
        b->first[i] = c.ms;
        b->first_rss = isnan(c.rss) || isnan(b->first_rss) ? (double)NAN : fmax(b->first_rss, c.rss);
    }
    if (fd >= 0) close(fd);
    return s;
}

/* ---- in this process ---- */

static hone_status open_model(bench *b) {
    hone_precision precision;
    HONE_TRY(hone_precision_option(b->o, false, &precision));
    hone_model_options how = {.precision = precision,
                              .max_length =
                                  hone_options_has(b->o, "max-length") ? hone_options_int(b->o, "max-length") : 0};
    HONE_TRY(hone_model_open(hone_options_string(b->o, "model"), &how, &b->model));
    b->arena = hone_arena_new("step", 0);
    b->graph = b->arena ? hone_graph_new(b->arena) : NULL;
    b->vectors = hone_alloc((size_t)b->n * (size_t)hone_model_get_info(b->model)->kept * sizeof *b->vectors);
    return b->graph && b->vectors ? HONE_OK : hone_last_error()->code;
}

static hone_status read_texts(bench *b) {
    HONE_TRY(hone_rows_read(b->o, "input", HONE_ROWS_TEXT, &b->table, &b->roles));
    b->n = hone_table_rows(b->table);
    b->texts = hone_alloc((size_t)b->n * sizeof *b->texts);
    b->first = hone_alloc((size_t)hone_options_int(b->o, "starts") * sizeof *b->first);
    b->query = hone_alloc((size_t)hone_options_int(b->o, "queries") * sizeof *b->query);
    b->pass = hone_alloc((size_t)hone_options_int(b->o, "passes") * sizeof *b->pass);
    if (!b->texts || !b->first || !b->query || !b->pass) return hone_last_error()->code;
    for (int64_t i = 0; i < b->n; i++) {
        hone_cell c = hone_table_cell(b->table, i, b->roles.columns[0]);
        b->texts[i] = (hone_text){c.p, c.n};
    }
    return HONE_OK;
}

/* Tokens and useful work of the distinct texts, prompts and special tokens included. */
static hone_status count_work(bench *b) {
    const hone_model_info *info = hone_model_get_info(b->model);
    const char **p = hone_alloc((size_t)b->n * sizeof *p);
    size_t *bytes = hone_alloc((size_t)b->n * sizeof *bytes);
    const char *prompt = hone_model_prompt(b->model, NULL);
    hone_tokenizer_encoder encoder = {hone_model_tokenizer(b->model), info->max_length};
    hone_encoder encode = hone_encoder_of_tokenizer(&encoder);
    hone_texts texts = {0};
    hone_token_store store = {0};
    hone_status s = p && bytes ? HONE_OK : hone_last_error()->code;
    for (int64_t i = 0; s == HONE_OK && i < b->n; i++) p[i] = b->texts[i].p, bytes[i] = b->texts[i].n;
    if (s == HONE_OK) s = hone_texts_from_array(p, bytes, b->n, 1, &texts);
    if (s == HONE_OK) s = hone_token_store_build(&texts, &prompt, &encode, &store);
    double attention = 0, h = (double)info->hidden, f = (double)info->intermediate;
    for (int64_t u = 0; s == HONE_OK && u < store.n_units; u++) {
        double length = (double)(store.offset[u + 1] - store.offset[u]);
        attention += length * length;
    }
    if (s == HONE_OK) b->tokens = store.offset[store.n_units];
    b->flops = (double)info->layers * (2 * (double)b->tokens * (4 * h * h + 2 * h * f) + 4 * attention * h);
    hone_token_store_free(&store);
    hone_texts_free(&texts);
    hone_free(bytes);
    hone_free(p);
    return s;
}

static hone_status embed(bench *b, const hone_text *texts, int64_t n) {
    hone_embed_options how = {.batch_tokens = hone_options_int(b->o, "batch-size") * HONE_EMBED_ROW_TOKENS};
    return hone_model_embed(b->model, b->graph, texts, n, &how, b->vectors, NULL);
}

static hone_status one_query(bench *b, double *ms) {
    double start = now();
    HONE_TRY(embed(b, b->texts + b->next, 1));
    *ms = 1e3 * (now() - start);
    b->next = (b->next + 1) % b->n;
    return HONE_OK;
}

static hone_status warm_up(bench *b) {
    double ms;
    for (int i = 0; i < 5; i++) HONE_TRY(one_query(b, &ms));
    b->next = 0;
    return embed(b, b->texts, b->n < 64 ? b->n : 64);
}

static hone_status measure(bench *b) {
    b->roof = hone_roof_gflops(hone_threads());
    for (int64_t i = 0; i < hone_options_int(b->o, "queries"); i++) HONE_TRY(one_query(b, &b->query[i]));
    for (int64_t i = 0; i < hone_options_int(b->o, "passes"); i++) {
        double start = now();
        HONE_TRY(embed(b, b->texts, b->n));
        b->pass[i] = 1e3 * (now() - start);
    }
    b->roof = fmax(b->roof, hone_roof_gflops(hone_threads()));
    return HONE_OK;
}

/* ---- printing ---- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The smallest value that at least a share q of the sorted values do not exceed (nearest rank). */
static double quantile(const double *sorted, int64_t n, double q) {
    int64_t rank = (int64_t)ceil(q * (double)n);
    return sorted[rank < 1 ? 0 : rank > n ? n - 1 : rank - 1];
}

/* null where the number could not be told: NaN is no JSON. */
static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *facts(const bench *b) {
    char model[2 * HONE_PATH_MAX]; /* a name need not be UTF-8 */
    json_t *j = json_object();
    if (!j) return NULL;
    json_object_set_new(j, "model",
                        json_string(hone_plain_text(hone_options_string(b->o, "model"), model, sizeof model)));
    json_object_set_new(j, "rows", json_integer(b->n));
    json_object_set_new(j, "tokens", json_integer(b->tokens));
    json_object_set_new(j, "threads", json_integer(hone_threads()));
    json_object_set_new(j, "isa", json_string(hone_isa_name(hone_kernels_isa())));
    json_object_set_new(j, "precision", json_string(hone_options_string(b->o, "precision")));
    return j;
}

static hone_status print(bench *b) {
    int64_t starts = hone_options_int(b->o, "starts"), queries = hone_options_int(b->o, "queries"),
            passes = hone_options_int(b->o, "passes");
    qsort(b->first, (size_t)starts, sizeof *b->first, ascending);
    qsort(b->query, (size_t)queries, sizeof *b->query, ascending);
    qsort(b->pass, (size_t)passes, sizeof *b->pass, ascending);
    double first = quantile(b->first, starts, 0.5), pass = quantile(b->pass, passes, 0.5),
           gflops = b->flops / pass * 1e-6;
    double p50 = quantile(b->query, queries, 0.5), p99 = quantile(b->query, queries, 0.99);
    double texts = (double)b->n / pass * 1e3, tokens = (double)b->tokens / pass * 1e3;
    if (hone_options_flag(b->o, "json")) {
        json_t *j = facts(b);
        const struct {
            const char *name;
            double x;
        } results[] = {{"first_vector_ms", first},
                       {"first_vector_best_ms", b->first[0]},
                       {"first_vector_rss_mb", b->first_rss},
                       {"latency_p50_ms", p50},
                       {"latency_p99_ms", p99},
                       {"latency_best_ms", b->query[0]},
                       {"texts_per_s", texts},
                       {"tokens_per_s", tokens},
                       {"median_ms", pass},
                       {"best_ms", b->pass[0]},
                       {"gflops", gflops},
                       {"roof_gflops", b->roof},
                       {"share", gflops / b->roof},
                       {"peak_rss_mb", b->file_rss}};
        for (size_t i = 0; j && i < sizeof results / sizeof *results; i++)
            json_object_set_new(j, results[i].name, number(results[i].x));
        return hone_print_json(j);
    }
    char first_mb[32] = "not known", file_mb[32] = "not known";
    if (!isnan(b->first_rss)) snprintf(first_mb, sizeof first_mb, "%.0f MB", b->first_rss);
    if (!isnan(b->file_rss)) snprintf(file_mb, sizeof file_mb, "%.0f MB", b->file_rss);
    printf("%s, %" PRId64 " texts, %" PRId64 " tokens, %d threads, %s\n",
           hone_quote(hone_options_string(b->o, "model")), b->n, b->tokens, hone_threads(),
           hone_isa_name(hone_kernels_isa()));
    printf("  first vector  %10.1f ms median, %.1f ms best of %" PRId64 " fresh processes, %s peak\n", first,
           b->first[0], starts, first_mb);
    printf("  one text      %10.2f ms p50, %.2f ms p99, %.2f ms best of %" PRId64 "\n", p50, p99, b->query[0], queries);
    printf("  all texts     %10.0f texts/s, %.0f tokens/s, %.1f ms median, %.1f ms best of %" PRId64 "\n", texts,
           tokens, pass, b->pass[0], passes);
    printf("  work          %10.1f GF/s useful, %.1f %% of the roof of %.1f GF/s\n", gflops, 100 * gflops / b->roof,
           b->roof);
    printf("  memory        %10s peak of a fresh process that embeds the file\n", file_mb);
    return HONE_OK;
}

/* ---- served ---- */

static hone_status serve_queries(void *ctx, json_t *answer) {
    bench *b = ctx;
    json_t *each = json_array();
    double ms;
    for (int i = 0; i < SERVED_QUERIES; i++) {
        HONE_TRY(one_query(b, &ms));
        json_array_append_new(each, json_real(ms));
    }
    json_object_set_new(answer, "each_ms", each);
    return HONE_OK;
}

static hone_status serve_corpus(void *ctx, json_t *answer) {
    (void)answer;
    bench *b = ctx;
    return embed(b, b->texts, b->n);
}

static hone_status serve(bench *b) {
    static const hone_bench_verb verbs[] = {{"queries", serve_queries}, {"corpus", serve_corpus}, {NULL, NULL}};
    json_t *ready = facts(b);
    if (ready) json_object_set_new(ready, "gflop", json_real(b->flops * 1e-9));
    return hone_bench_serve(ready, verbs, b);
}

static hone_status run(bench *b) {
    bool served = hone_options_flag(b->o, "serve");
    const char *input = hone_options_string(b->o, "input");
    if (!strcmp(input, "-")) {
        hone_fail(HONE_E_ARG, "--input -: the texts are read several times, standard input only once");
        return hone_hint("write them to a file first");
    }
    /* First, while this process is small: see run_child. What is wrong with the model or the texts is not told by the
     * child, whose messages go nowhere, but by this process, which meets the same. */
    child whole = {.in = -1, .status = 0};
    if (!served) HONE_TRY(run_embed(b, input, &whole));
    b->file_rss = whole.rss;
    HONE_TRY(read_texts(b));
    hone_status s = served || whole.status ? HONE_OK : start_ups(b);
    HONE_TRY(s);
    HONE_TRY(open_model(b));
    HONE_TRY(count_work(b));
    HONE_TRY(warm_up(b));
    if (whole.status) return child_failed(&whole);
    if (served) return serve(b);
    HONE_TRY(measure(b));
    return print(b);
}

hone_status hone_bench_embed(const hone_options *o) {
    bench b = {.o = o};
    hone_status s = run(&b);
    hone_graph_free(b.graph);
    hone_arena_free(b.arena);
    hone_model_close(b.model);
    hone_free(b.vectors);
    hone_free(b.texts);
    hone_free(b.first);
    hone_free(b.query);
    hone_free(b.pass);
    hone_table_free(b.table);
    return s;
}
