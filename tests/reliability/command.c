#include "tests/reliability/command.h"

#include "tests/reliability/common.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(char *line, const char *limit) {
    char *argv[64], *rest = NULL;
    int n = 0, fds[3] = {open("/dev/null", O_RDONLY), open(in_dir("stdout"), O_WRONLY | O_CREAT | O_TRUNC, 0666),
                         open(in_dir("stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0666)};
    argv[n++] = getenv("HONE_BIN");
    for (char *w = strtok_r(line, " ", &rest); w && n < 63; w = strtok_r(NULL, " ", &rest)) argv[n++] = w;
    argv[n] = NULL;
    for (int i = 0; i < 3; i++)
        if (fds[i] < 0 || dup2(fds[i], i) < 0) _exit(127);
    if (limit) setenv("HONE_MEMORY_LIMIT", limit, 1);
    if (argv[0]) execv(argv[0], argv);
    _exit(127);
}

finished run_command(const char *words, const char *limit, const char *until) {
    finished f = {0};
    char line[2048];
    struct rusage usage;
    int status;
    size_t n;
    snprintf(line, sizeof line, "%s", words);
    double start = clock_seconds();
    pid_t pid = fork();
    if (pid < 0) die("cannot fork");
    if (!pid) become(line, limit);
    while (wait4(pid, &status, until ? WNOHANG : 0, &usage) != pid) {
        char *text = slurp(until, &n);
        if (text && n) kill(pid, SIGKILL);
        free(text);
        usleep(20000);
    }
    f.wall = clock_seconds() - start;
    f.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    f.cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
            1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    f.peak = (double)usage.ru_maxrss / 1024;
    f.out = slurp(in_dir("stdout"), &n);
    char *err = slurp(in_dir("stderr"), &n);
    snprintf(f.err, sizeof f.err, "%s", err ? err : "");
    free(err);
    if (f.status == 127) die("cannot run HONE_BIN");
    return f;
}

static int by_number(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double median_of(double *x, size_t n) {
    qsort(x, n, sizeof *x, by_number);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}
