#include "tests/reliability/common.h"

#include "base/io.h"
#include "base/io_log.h"
#include "base/json.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[512];

void die(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(2);
}

double clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int64_t setting(const char *name, int64_t fallback) {
    const char *text = getenv(name);
    return text && *text ? strtoll(text, NULL, 10) : fallback;
}

const char *work_dir(void) {
    if (!*folder) {
        const char *in = getenv("PROOF_DIR");
        if (!in) in = access("/dev/shm", W_OK) ? "build" : "/dev/shm";
        snprintf(folder, sizeof folder, "%.400s/hone-proof-%d", in, (int)getpid());
        if (hone_io_mkdirs(folder) != HONE_OK) die("cannot make %s", folder);
    }
    return folder;
}

static struct told *told_by_child;

void work_as(int64_t job) {
    char mine[600];
    snprintf(mine, sizeof mine, "%s/job-%d", work_dir(), (int)job);
    snprintf(folder, sizeof folder, "%.500s", mine);
    if (hone_io_mkdirs(folder) != HONE_OK) die("cannot make %s", folder);
    told_by_child = NULL; /* the other processes have theirs */
}

const char *in_dir(const char *name) {
    static char paths[8][512];
    static int next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof paths[0], "%.400s/%.100s", work_dir(), name);
    return p;
}

/* ---- processes ---- */

const char *run_log;
int run_signal = SIGKILL;
bool compare_checkpoints = true;

/* What a run tells its parent. */
typedef struct told {
    int64_t live, fired, count[HONE_FAULT_OPS];
} told;

static _Noreturn void become_hone(char *line, const char *fault, const char *out, const char *err, told *t) {
    char *argv[64];
    int n = 0;
    argv[n++] = (char *)(uintptr_t) "hone";
    for (char *word = strtok(line, " "); word && n < 63; word = strtok(NULL, " ")) argv[n++] = word;
    argv[n] = NULL;
    int fds[3] = {open("/dev/null", O_RDONLY), open(out, O_WRONLY | O_CREAT | O_TRUNC, 0666),
                  open(err, O_WRONLY | O_CREAT | O_TRUNC, 0666)};
    for (int i = 0; i < 3; i++)
        if (fds[i] < 0 || dup2(fds[i], i) < 0) _exit(127);
    for (int i = 0; i < 3; i++) close(fds[i]);
    /* ignored when a shell's & or nohup started us; hone would leave it so */
    signal(SIGINT, SIG_DFL), signal(SIGHUP, SIG_DFL);
    if (!hone_fault_set(fault) || (run_log && !hone_io_log_to(run_log))) _exit(127);
    int64_t held = hone_fault_live(); /* by the parent, before the fork */
    int status = hone_main(n, argv);
    fflush(NULL);
    t->live = hone_fault_live() - held, t->fired = hone_fault_fired();
    for (int i = 0; i < HONE_FAULT_OPS; i++) t->count[i] = hone_fault_count((hone_fault_op)i);
    _exit(status);
}

/* Polls with short sleeps: the waits are bounded and a signal handler would be one more thing to get wrong. */
static int wait_until(pid_t pid, double kill_at, double give_up, double *sent) {
    int status;
    for (double before = clock_seconds();;) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (got == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (got < 0 && errno != EINTR) die("waitpid fails");
        double now = clock_seconds();
        if (now - before > 0.5) give_up += now - before; /* the machine, or we, stood still: that is no hang */
        before = now;
        if (now >= give_up) kill(pid, SIGKILL);
        if (now >= kill_at && *sent < 0) {
            kill(pid, run_signal);
            *sent = now;
        }
        usleep(200);
    }
}

outcome run_hone(const char *fault, double kill_after, const char *fmt, ...) {
    outcome o = {0};
    char line[4096], out[256], err[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    snprintf(out, sizeof out, "%s/stdout", work_dir());
    snprintf(err, sizeof err, "%s/stderr", work_dir());
    if (!told_by_child)
        told_by_child = mmap(NULL, sizeof(told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    told *t = told_by_child;
    if (t == MAP_FAILED) die("no shared memory");
    *t = (told){.live = -1};
    fflush(NULL);
    double start = clock_seconds();
    pid_t pid = fork();
    if (pid < 0) die("cannot fork");
    if (!pid) become_hone(line, fault, out, err, t);
    double sent = -1;
    o.status = wait_until(pid, kill_after >= 0 ? start + kill_after : 1e300, start + 60, &sent);
    o.seconds = clock_seconds() - start;
    o.lingered = sent < 0 ? -1 : start + o.seconds - sent;
    if (o.status == 127) die("cannot run: %s", fault ? fault : "no files");
    o.live = t->live, o.fired = t->fired;
    memcpy(o.count, t->count, sizeof o.count);
    size_t n;
    char *text = slurp(err, &n);
    snprintf(o.err, sizeof o.err, "%s", text ? text : "");
    free(text);
    return o;
}

bool clean_message(const char *err) {
    int lines = 0;
    bool named = false;
    for (const char *p = err; *p; lines++) {
        named |= !strncmp(p, "hone", 4) || !strncmp(p, "{\"error\":\"", 10); /* --json */
        const char *end = strchr(p, '\n');
        if (!end) return false;
        p = end + 1;
    }
    return named && lines <= 4;
}

/* ---- files ---- */

char *slurp(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    size_t room = 1 << 16;
    char *p = malloc(room);
    *n = 0;
    for (size_t got; p && (got = fread(p + *n, 1, room - *n - 1, f)) > 0;) {
        *n += got;
        if (*n + 1 == room) p = realloc(p, room *= 2);
    }
    fclose(f);
    if (!p) die("no memory");
    p[*n] = 0;
    return p;
}

void spill(const char *path, const void *p, size_t n) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f)) die("cannot write %s", path);
}

void remove_tree(const char *path) {
    if (hone_io_remove_tree(path) != HONE_OK) die("cannot remove %s", path);
}

void copy_tree(const char *from, const char *to) {
    char **names, a[HONE_PATH_MAX], b[HONE_PATH_MAX];
    size_t n, bytes;
    if (hone_io_mkdirs(to) != HONE_OK || hone_io_list(from, &names, &n) != HONE_OK) die("cannot copy %s", from);
    for (size_t i = 0; i < n; i++) {
        hone_io_join(a, from, names[i]);
        hone_io_join(b, to, names[i]);
        if (hone_io_is_dir(a)) {
            copy_tree(a, b);
            continue;
        }
        char *text = slurp(a, &bytes);
        if (!text) die("cannot read %s", a);
        spill(b, text, bytes);
        free(text);
    }
    hone_free(names);
}

/* ---- comparisons ---- */

static bool same_bytes(const char *a, const char *b, char why[600]) {
    size_t m = 0, n = 0;
    char *x = slurp(a, &m), *y = slurp(b, &n);
    bool same = x && y && m == n && !memcmp(x, y, m);
    if (!same) snprintf(why, 600, "%.200s and %.200s differ (%zu and %zu bytes)", a, b, m, n);
    free(x), free(y);
    return same;
}

/* Cuts ,"ms":… out of every line, in place. */
static void cut_times(char *text) {
    char *to = text;
    for (const char *p = text; *p;) {
        if (!strncmp(p, ",\"ms\":", 6))
            p += strcspn(p, "}\n");
        else
            *to++ = *p++;
    }
    *to = 0;
}

static bool same_log(const char *a, const char *b, char why[600]) {
    size_t m, n;
    char *x = slurp(a, &m), *y = slurp(b, &n);
    if (x) cut_times(x);
    if (y) cut_times(y);
    bool same = x && y && strlen(x) > 100 && !strcmp(x, y);
    if (!same) snprintf(why, 600, "%.200s and %.200s differ", a, b);
    free(x), free(y);
    return same;
}

static bool same_state(const char *a, const char *b, char why[600]) {
    json_t *x = json_load_file(a, 0, NULL), *y = json_load_file(b, 0, NULL);
    const char *own[] = {"log_offset", "state_crc32"};
    for (int i = 0; i < 2; i++) json_object_del(x, own[i]), json_object_del(y, own[i]);
    bool same = x && y && json_equal(x, y);
    if (!same) snprintf(why, 600, "%.200s and %.200s differ", a, b);
    json_decref(x), json_decref(y);
    return same;
}

/* A whole one: half a checkpoint, or one under a temporary name, has another name. */
static bool is_checkpoint(const char *name) {
    const char *number = strrchr(name, '_');
    return !strncmp(name, "checkpoint_", 11) && number[1] && strspn(number + 1, "0123456789") == strlen(number + 1);
}

/* Names the folder, or has times in it; checkpoints where they do not matter. */
static bool is_own(const char *name) {
    return (!compare_checkpoints && !strncmp(name, "checkpoint_", 11)) || !strcmp(name, "run.json") ||
           !strncmp(name, "report.html", 11);
}

static bool same_tree(const char *a, const char *b, char why[600]) {
    char **x, **y, p[HONE_PATH_MAX], q[HONE_PATH_MAX];
    size_t m, n;
    if (hone_io_list(a, &x, &m) != HONE_OK || hone_io_list(b, &y, &n) != HONE_OK) {
        snprintf(why, 600, "%.200s or %.200s is missing", a, b);
        return false;
    }
    bool same = true;
    for (size_t i = 0, k = 0; same; i++, k++) {
        while (k < n && is_own(y[k])) k++;
        while (i < m && (is_own(x[i]) || ((k == n || strcmp(x[i], y[k]) < 0) && is_checkpoint(x[i])))) i++;
        if (k == n && i == m) break;
        same = i < m && k < n && !strcmp(x[i], y[k]);
        if (!same) {
            snprintf(why, 600, "%.150s has %.100s where %.150s has %.100s", a, i < m ? x[i] : "nothing", b,
                     k < n ? y[k] : "nothing");
            break;
        }
        hone_io_join(p, a, x[i]);
        hone_io_join(q, b, x[i]);
        if (hone_io_is_dir(p))
            same = same_tree(p, q, why);
        else if (!strcmp(x[i], "log.jsonl"))
            same = same_log(p, q, why);
        else if (!strcmp(x[i], "state.json"))
            same = same_state(p, q, why);
        else
            same = same_bytes(p, q, why);
    }
    hone_free(x), hone_free(y);
    return same;
}

bool same_run(const char *a, const char *b, char why[600]) {
    return same_tree(a, b, why);
}

int verdict(const char *name, int64_t figure, int64_t target, const char *fmt, ...) {
    bool pass = figure == target && target > 0;
    printf("%s: %lld/%lld %s (", name, (long long)figure, (long long)target, pass ? "PASS" : "FAIL");
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf(")\n");
    if (*folder) remove_tree(folder);
    return pass ? 0 : 1;
}
