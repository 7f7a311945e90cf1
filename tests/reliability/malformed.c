/* Broken files by name: each is read by its parser, which must refuse it in the words expected, with the exit status of
 * a bad input, having asked for less memory than 16 times the file and 1 MiB. And every prefix of a good file of each
 * sort is refused, or means what the whole one means.
 *
 *     VERBOSE=1   print every kind and what was said       SEEDS=DIR   write every kind's bytes to DIR/TARGET/
 *
 * Prints the figure of JSONTestSuite, then that of kinds and prefixes together. */
#include "tests/reliability/malformed.h"

#include "base/fault.h"
#include "tests/reliability/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int64_t kinds, passed, cuts, cuts_good, seed_number;
static double most; /* of memory asked for, as a part of what is allowed */
static char most_name[200];

/* ---- bytes of a kind ---- */

typedef struct text {
    char *p;
    size_t n, room;
} text;

static void add(text *t, const void *p, size_t n) {
    if (n > t->room - t->n || !t->p) {
        t->room = 2 * (t->n + n) + 64;
        t->p = realloc(t->p, t->room);
        if (!t->p) die("no memory");
    }
    memcpy(t->p + t->n, p, n);
    t->n += n;
}

static void add_text(text *t, const char *p, const kind *k) {
    while (*p) {
        if (!strncmp(p, "\u2400", 3)) {
            add(t, "", 1), p += 3;
        } else if (k && k->unit && !strncmp(p, "\u2026", 3)) {
            for (int64_t i = 0; i < k->times; i++) add_text(t, k->unit, NULL);
            p += 3;
        } else {
            add(t, p++, 1);
        }
    }
}

static void add_put(text *t, const kind *k) {
    add_text(t, k->put, k);
}

void *bytes_of(const kind *k, size_t before, size_t after, size_t *n) {
    text t = {0};
    for (size_t i = 0; i < before; i++) add(&t, "", 1);
    add_put(&t, k);
    *n = t.n;
    for (size_t i = 0; i < after; i++) add(&t, "\xFF", 1);
    return t.p;
}

static void edit(text *t, const char *base, size_t n, const kind *k) {
    if (!k->find) {
        add_put(t, k);
    } else if (!strcmp(k->find, "^")) {
        add_put(t, k), add(t, base, n);
    } else if (!strcmp(k->find, "$")) {
        add(t, base, n), add_put(t, k);
    } else {
        const char *at = memmem(base, n, k->find, strlen(k->find));
        if (!at) die("%s: \"%s\" is not in the good file", k->name, k->find);
        size_t head = (size_t)(at - base), tail = head + strlen(k->find);
        add(t, base, head), add_put(t, k), add(t, base + tail, n - tail);
    }
}

static void head(text *t, const char *file, char how) {
    add(t, "%%% ", 4), add(t, file, strlen(file));
    if (how) add(t, " ", 1), add(t, &how, 1);
    add(t, "\n", 1);
}

static bool is_folder(const fuzz_target *t) {
    static const char *const folders[] = {"shards",    "tokenizer", "vocab",      "model",
                                          "old_model", "hub",       "checkpoint", "newest"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!strcmp(folders[i], t->name)) return true;
    return false;
}

/* ---- running ---- */

/* As the command prints it, without the folder. */
static void sentence(char out[2048]) {
    const hone_error *e = hone_last_error();
    const char *slash = strrchr(e->file, '/');
    int n = snprintf(out, 2048, "%s", slash ? slash + 1 : e->file);
    if (e->line) n += snprintf(out + n, 2048 - (size_t)n, ":%lld", (long long)e->line);
    if (e->line && e->column) n += snprintf(out + n, 2048 - (size_t)n, ":%lld", (long long)e->column);
    snprintf(out + n, 2048 - (size_t)n, ": %.1100s%s%.400s", e->message, *e->hint ? "; " : "", e->hint);
}

static hone_status read_it(const fuzz_target *t, const void *p, size_t n, uint64_t *meaning, double *part) {
    /* A copy that ends where the bytes end, for the sanitizers. */
    void *copy = malloc(n ? n : 1);
    if (!copy) die("no memory");
    memcpy(copy, p, n);
    hone_error_clear();
    hone_fault_set(NULL);
    hone_status s = t->read(copy, n, meaning);
    *part = (double)hone_fault_bytes() / (16.0 * (double)fuzz_size() + (1 << 20));
    free(copy);
    return s;
}

static void seed(const fuzz_target *t, const void *p, size_t n) {
    const char *dir = getenv("SEEDS");
    char path[600];
    if (!dir || n > 20000) return;
    snprintf(path, sizeof path, "%s/%s", dir, t->name);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/kind-%04d", dir, t->name, (int)seed_number++);
    spill(path, p, n);
}

static bool is_exit(hone_status code, int status) {
    if (code == HONE_E_ARG) return status == 2;
    if (code == HONE_E_IO) return status == 3 || status == 4;
    return status == 3;
}

void run_kind(const char *group, const char *target, const char *file, const kind *k, const void *p, size_t n,
              const void *good, size_t n_good) {
    const fuzz_target *t = fuzz_find(target);
    uint64_t meaning = 0, want = 0;
    double part, ignored;
    char said[2048] = "", why[200] = "";
    if (!t) die("no target %s", target);
    seed(t, p, n);
    if (!strcmp(k->says, SAME) && read_it(t, good, n_good, &want, &ignored) != HONE_OK)
        die("%s: the good file is refused: %s", group, hone_last_error()->message);
    hone_status s = read_it(t, p, n, &meaning, &part);
    hone_status code = k->code ? k->code : HONE_E_FORMAT;
    bool taken = !strcmp(k->says, SAME) || !strcmp(k->says, TAKEN);
    if (s != HONE_OK) sentence(said);
    const char *begins = strrchr(file, '/');
    begins = begins ? begins + 1 : file;
    if (taken && s != HONE_OK)
        snprintf(why, sizeof why, "is refused");
    else if (!strcmp(k->says, SAME) && meaning != want)
        snprintf(why, sizeof why, "is taken for something else");
    else if (!taken && s == HONE_OK)
        snprintf(why, sizeof why, "is taken");
    else if (!taken && s != code)
        snprintf(why, sizeof why, "gives status %d, not %d", s, code);
    else if (!taken && !is_exit(s, hone_exit_status(hone_last_error())))
        snprintf(why, sizeof why, "would end with exit status %d", hone_exit_status(hone_last_error()));
    else if (!taken && (!strstr(said, k->says) || (k->elsewhere && strncmp(said, k->says, strlen(k->says)))))
        snprintf(why, sizeof why, "says something else");
    else if (!taken && !k->elsewhere && strncmp(said, begins, strlen(begins)))
        snprintf(why, sizeof why, "blames another file");
    else if (!taken && !(part < 1))
        snprintf(why, sizeof why, "asks for %.1f times the memory that is allowed", part);
    if (!taken && part > most) most = part, snprintf(most_name, sizeof most_name, "%s: %s", group, k->name);
    kinds++, passed += !*why;
    if (*why)
        printf("%s: %s: %s\n    wanted: %s\n    said:   %s\n", group, k->name, why, k->says, said);
    else if (getenv("VERBOSE"))
        printf("%s: %s\n    %s\n", group, k->name, s == HONE_OK ? "(taken)" : said);
}

void run_group(const kind_group *g) {
    size_t n = g->text ? strlen(g->text) : 0;
    char *read = g->text ? NULL : slurp(g->path, &n);
    const char *base = g->text ? g->text : read;
    bool folder = is_folder(fuzz_find(g->target));
    if (!base) die("%s is not there", g->path);
    for (int i = 0; i < g->n; i++) {
        const kind *k = &g->kind[i];
        text t = {0}, good = {0};
        for (int j = 0; j < i; j++)
            if (!strcmp(g->kind[j].name, k->name)) die("%s: two kinds are called \"%s\"", g->name, k->name);
        if (folder) head(&good, g->file, g->how);
        add(&good, base, n);
        if (folder && (k->find || strncmp(k->put, "%%% ", 4))) head(&t, g->file, g->how);
        edit(&t, base, n, k);
        run_kind(g->name, g->target, g->file, k, t.p ? t.p : "", t.n, good.p, good.n);
        free(t.p), free(good.p);
    }
    free(read);
}

void run_cuts(const char *target, const char *file, const void *p, size_t n,
              bool (*other)(const unsigned char *p, size_t cut, size_t n)) {
    const fuzz_target *f = fuzz_find(target);
    uint64_t want = 0, meaning;
    double part;
    text t = {0};
    if (is_folder(f)) head(&t, file, 0);
    size_t from = t.n;
    add(&t, p, n);
    if (read_it(f, t.p, t.n, &want, &part) != HONE_OK)
        die("%s: the whole file is refused: %s", file, hone_last_error()->message);
    for (size_t cut = 0; cut < n; cut++) {
        hone_status s = read_it(f, t.p, from + cut, &meaning, &part);
        bool good = s != HONE_OK ? hone_exit_status(hone_last_error()) == 3 && *hone_last_error()->file &&
                                       *hone_last_error()->message && part < 1
                                 : meaning == want || (other && other(p, cut, n));
        cuts++, cuts_good += good;
        if (!good)
            printf("%s cut to %zu of %zu bytes: %s%s\n", file, cut, n, s ? "" : "is taken for something else ",
                   hone_last_error()->message);
    }
    free(t.p);
}

void run_cuts_of(const char *target, const char *file, const char *path,
                 bool (*other)(const unsigned char *p, size_t cut, size_t n)) {
    size_t n = 0;
    char *p = slurp(path, &n);
    if (!p) die("%s is not there", path);
    run_cuts(target, file, p, n, other);
    free(p);
}

int main(void) {
    double start = clock_seconds();
    malformed_json();
    malformed_safetensors();
    malformed_shards();
    malformed_model();
    malformed_tokenizer();
    malformed_tokenizer_config();
    malformed_tables();
    malformed_gzip();
    malformed_checkpoint();
    bool enough = kinds >= 400;
    return verdict(
        "malformed", passed + cuts_good, kinds + cuts + !enough,
        "%lld of %lld kinds, %lld of %lld prefixes; most memory asked for: %.0f %% of what is allowed (%s); %.0f s",
        (long long)passed, (long long)kinds, (long long)cuts_good, (long long)cuts, 100 * most, most_name,
        clock_seconds() - start);
}
