#include "tools/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.1
#define LINE_SECONDS 60.0

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Asked at every redraw: windows change. */
static int terminal_width(void) {
    struct winsize w;
    if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col) return w.ws_col;
    const char *columns = getenv("COLUMNS");
    int n = columns ? atoi(columns) : 0;
    return n > 0 ? n : 80;
}

void hone_progress_start(hone_progress *p, const char *label, const char *unit, int64_t total, int64_t first,
                         bool quiet) {
    const char *term = getenv("TERM");
    memset(p, 0, sizeof *p);
    snprintf(p->label, sizeof p->label, "%s", label);
    snprintf(p->unit, sizeof p->unit, "%s", unit);
    p->total = total, p->done = p->first = p->rate_done = first;
    p->start = p->rate_time = p->shown = now();
    p->loss = (double)NAN;
    p->quiet = quiet;
    p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

/* "0:07", "12:30", "3:05:00" */
static void clock_text(double seconds, char *out, size_t n) {
    int64_t s = seconds < 0 ? 0 : seconds > 1e9 ? 1000000000 : (int64_t)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, n, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(out, n, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

/* Units per second over the last seconds rather than since the start: the first step warms caches, evaluations pause.
 */
static void update_rate(hone_progress *p, double t) {
    double dt = t - p->rate_time;
    if (dt < 0.5 || p->done == p->rate_done) return;
    double recent = (double)(p->done - p->rate_done) / dt;
    double weight = 1 - exp(-dt / 10); /* a memory of ten seconds */
    p->rate = p->rate > 0 ? p->rate + weight * (recent - p->rate) : recent;
    p->rate_time = t, p->rate_done = p->done;
}

/* " 412/900 steps  loss 0.8123  6.2 steps/s  1:19 left" */
static void figures(const hone_progress *p, double t, char *out, size_t n) {
    size_t k = 0;
    if (p->total)
        k += (size_t)snprintf(out, n, "%lld/%lld %s", (long long)p->done, (long long)p->total, p->unit);
    else
        k += (size_t)snprintf(out, n, "%lld %s", (long long)p->done, p->unit);
    if (k < n && isfinite(p->loss)) k += (size_t)snprintf(out + k, n - k, "  loss %.4f", p->loss);
    double rate = p->rate > 0 ? p->rate : t > p->start ? (double)(p->done - p->first) / (t - p->start) : 0;
    if (k < n && rate > 0)
        k += (size_t)snprintf(out + k, n - k, rate < 100 ? "  %.1f %s/s" : "  %.0f %s/s", rate, p->unit);
    char left[32];
    if (rate > 0 && p->total > p->done) {
        clock_text((double)(p->total - p->done) / rate, left, sizeof left);
        if (k < n) snprintf(out + k, n - k, "  %s left", left);
    } else if (p->total && p->done >= p->total) {
        clock_text(t - p->start, left, sizeof left);
        if (k < n) snprintf(out + k, n - k, "  %s", left);
    }
}

static void draw_bar(hone_progress *p, double t) {
    char text[256], bar[64] = "", line[512];
    int width = terminal_width() - 1; /* a full line would scroll on some terminals */
    figures(p, t, text, sizeof text);
    int room = width - (int)strlen(p->label) - (int)strlen(text) - 6;
    if (room > 30) room = 30;
    if (p->total && room >= 8) {
        int full = (int)((double)room * (double)p->done / (double)p->total);
        if (full > room) full = room;
        bar[0] = '[';
        for (int i = 0; i < room; i++) bar[i + 1] = i < full ? '=' : i == full ? '>' : ' ';
        memcpy(bar + room + 1, "] ", 3);
    }
    snprintf(line, sizeof line, "%s  %s%s", p->label, bar, text);
    fprintf(stderr, "\r%.*s\033[K", width, line);
    fflush(stderr);
    p->drawn = true;
}

static void draw_line(const hone_progress *p, double t) {
    char text[256];
    figures(p, t, text, sizeof text);
    fprintf(stderr, "%s  %s\n", p->label, text);
}

void hone_progress_update(hone_progress *p, int64_t done, double loss) {
    if (p->quiet) return;
    p->done = done, p->loss = loss;
    double t = now();
    update_rate(p, t);
    if (t - p->shown < (p->terminal ? REDRAW_SECONDS : LINE_SECONDS)) return;
    p->shown = t;
    if (p->terminal)
        draw_bar(p, t);
    else
        draw_line(p, t);
}

void hone_progress_note(hone_progress *p, const char *fmt, ...) {
    if (p->quiet) return;
    va_list ap;
    va_start(ap, fmt);
    if (p->drawn) fputs("\r\033[K", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    if (p->drawn) draw_bar(p, now());
    p->shown = now(); /* a note is sign of life enough: the next line in a minute */
}

void hone_progress_end(hone_progress *p) {
    if (p->quiet || !p->drawn) return;
    draw_bar(p, now());
    fputc('\n', stderr);
    p->drawn = false;
}
