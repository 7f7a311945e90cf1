#include "tools/svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Places in the viewBox. */
enum { WIDTH = 440, HEIGHT = 280, LEFT = 58, RIGHT = 428, TOP = 30, BOTTOM = 232 };

const char hone_svg_style[] =
    ":root{--c0:#2563c9;--c1:#c2410c;--c2:#0f7b55;--c3:#7c3aed;--grid:#d9dde3;--axis:#59636f}\n"
    "@media(prefers-color-scheme:dark){:root{--c0:#7fb0ff;--c1:#ff9d66;--c2:#5fd3a4;--c3:#c2a2ff;--grid:#353c46;"
    "--axis:#a3adb9}}\n"
    "figure{margin:0;min-width:0}figure svg{display:block;width:100%;height:auto;max-width:640px}\n"
    "figure text{font:13px system-ui,sans-serif;fill:var(--axis)}figure h3{margin:0 0 .2rem}\n"
    ".g{stroke:var(--grid);stroke-width:1}.a{stroke:var(--axis);stroke-width:1}\n"
    ".l{fill:none;stroke-width:2;stroke-linejoin:round}.t{text-anchor:middle}.e{text-anchor:end}.f{opacity:.35}\n"
    ".l0{stroke:var(--c0)}.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.l3{stroke:var(--c3)}\n"
    ".b{fill-opacity:.45}.b0{fill:var(--c0)}.b1{fill:var(--c1)}.b2{fill:var(--c2)}.b3{fill:var(--c3)}\n"
    ".key{display:inline-block!important;width:16px!important;height:12px!important}\n"
    "figcaption{font-size:.85rem;color:var(--axis);max-width:640px}\n";

/* ---- ticks ---- */

int hone_svg_ticks(double low, double high, int want, bool whole, double tick[HONE_TICKS]) {
    if (!isfinite(low) || !isfinite(high) || !isfinite(high - low) || low > high) return 0;
    tick[0] = low;
    if (low == high) return 1;
    double raw = (high - low) / (want < 2 ? 2 : want > 10 ? 10 : want);
    double power = pow(10, floor(log10(raw)));
    /* The nearest of 1, 2, 5, 10 in ratio: the borders are sqrt(2), sqrt(10), sqrt(50). */
    double ratio = raw / power;
    double step = power * (ratio < 1.4142 ? 1 : ratio < 3.1623 ? 2 : ratio < 7.0711 ? 5 : 10);
    if (whole && step < 1) step = 1;
    if (!(step > 0) || !(fabs(low) / step < 1e15) || !(fabs(high) / step < 1e15)) return 1;
    int n = 0;
    /* k * step rather than a running sum: 0 is 0, and 0.3 is not 0.30000000000000004 + more. */
    for (double k = ceil(low / step - 1e-9); k <= floor(high / step + 1e-9) && n < HONE_TICKS; k++)
        tick[n++] = k == 0 ? 0 : k * step;
    return n;
}

static void take(char *s, size_t at, size_t n) {
    memmove(s + at, s + at + n, strlen(s + at + n) + 1);
}

char *hone_svg_number(double x, double step, char out[32]) {
    double size = fmax(fabs(x), fabs(step));
    if (!isfinite(x)) {
        snprintf(out, 32, "%s", isnan(x) ? "not a number" : x > 0 ? "infinity" : "-infinity");
    } else if (x == 0) {
        snprintf(out, 32, "0");
    } else if (size >= 1e7 || size < 1e-3) {
        snprintf(out, 32, "%.3g", x); /* 2e-05 -> 2e-5 */
        char *e = strchr(out, 'e');
        if (e && e[1] == '+') take(out, (size_t)(e + 1 - out), 1);
        if (e && e[1] == '-') e++;
        while (e && e[1] == '0' && e[2]) take(out, (size_t)(e + 1 - out), 1);
    } else {
        int decimals = step > 0 && step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
        snprintf(out, 32, "%.*f", decimals > 6 ? 6 : decimals, x);
        size_t digits = strspn(out + (*out == '-'), "0123456789"), from = *out == '-';
        for (size_t i = digits; i > 3 && !decimals; i -= 3) { /* 12,500 */
            memmove(out + from + i - 2, out + from + i - 3, strlen(out + from + i - 3) + 1);
            out[from + i - 3] = ',';
        }
    }
    return out;
}

double hone_histogram(const double *x, int64_t count, double low, double high, int n, double *edge, double *share) {
    int64_t good = 0;
    if (!(low < high)) {
        low = INFINITY, high = -INFINITY;
        for (int64_t i = 0; i < count; i++)
            if (isfinite(x[i])) low = fmin(low, x[i]), high = fmax(high, x[i]);
        if (low == high) low -= 0.5, high += 0.5;
    }
    double width = (high - low) / n;
    for (int k = 0; k < n; k++) edge[k] = low + k * width, share[k] = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) continue;
        double k = floor((x[i] - low) / width);
        share[k < 0 ? 0 : k > n - 1 ? n - 1 : (int)k]++;
        good++;
    }
    for (int k = 0; k < n && good; k++) share[k] *= 100.0 / (double)good;
    return good ? width : 0;
}

/* ---- scales ---- */

typedef struct scale {
    double low, high; /* of the data, widened */
    double from, to;  /* in the viewBox */
} scale;

static double place(const scale *s, double x) {
    return s->from + (x - s->low) / (s->high - s->low) * (s->to - s->from);
}

static void widen(scale *s) {
    if (s->low == s->high) {
        double d = s->low == 0 ? 1 : fabs(s->low) * 0.1;
        s->low -= d, s->high += d;
    }
}

static bool finite_point(const hone_series *s, int64_t i) {
    return isfinite(s->x[i]) && isfinite(s->y[i]);
}

static bool is_bars(const hone_series *s) {
    return s->kind == HONE_SERIES_BARS || s->kind == HONE_SERIES_STEPS;
}

/* Extent of all finite points; false when there is none. *bad: how many points are not finite. */
static bool extents(const hone_plot *p, scale *x, scale *y, int64_t *bad) {
    *x = (scale){INFINITY, -INFINITY, LEFT, RIGHT}, *y = (scale){INFINITY, -INFINITY, BOTTOM, TOP};
    *bad = 0;
    for (int k = 0; k < p->n_series; k++) {
        const hone_series *s = &p->series[k];
        for (int64_t i = 0; i < s->n; i++) {
            if (!finite_point(s, i)) {
                ++*bad;
                continue;
            }
            x->low = fmin(x->low, s->x[i]), x->high = fmax(x->high, s->x[i] + (is_bars(s) ? s->width : 0));
            y->low = fmin(y->low, s->y[i]), y->high = fmax(y->high, s->y[i]);
            if (is_bars(s) || p->y_zero) y->low = fmin(y->low, 0), y->high = fmax(y->high, 0);
        }
    }
    return x->low <= x->high && isfinite(x->high - x->low) && isfinite(y->high - y->low);
}

/* ---- pieces ---- */

static void text_at(hone_text_buffer *b, double x, double y, const char *class, const char *text) {
    hone_text_printf(b, "<text x=\"%.1f\" y=\"%.1f\"%s%s%s>", x, y, *class ? " class=\"" : "", class,
                     *class ? "\"" : "");
    hone_text_html(b, text, strlen(text));
    hone_text_puts(b, "</text>\n");
}

static void draw_axes(hone_text_buffer *b, const hone_plot *p, const scale *x, const scale *y) {
    double tick[HONE_TICKS];
    char s[32];
    int n = hone_svg_ticks(y->low, y->high, 5, p->y_whole, tick);
    for (int i = 0; i < n; i++) {
        double at = place(y, tick[i]);
        hone_text_printf(b, "<line class=\"g\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, RIGHT, at, at);
        text_at(b, LEFT - 6, at + 4.5, "e", hone_svg_number(tick[i], n > 1 ? tick[1] - tick[0] : 0, s));
    }
    n = hone_svg_ticks(x->low, x->high, 5, p->x_whole, tick);
    for (int i = 0; i < n; i++) {
        double at = place(x, tick[i]);
        hone_text_printf(b, "<line class=\"a\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", at, at, BOTTOM,
                         BOTTOM + 4);
        text_at(b, fmin(at, RIGHT - 8), BOTTOM + 18, "t", hone_svg_number(tick[i], n > 1 ? tick[1] - tick[0] : 0, s));
    }
    hone_text_printf(b, "<path class=\"a\" fill=\"none\" d=\"M%d,%d V%d H%d\"/>\n", LEFT, TOP, BOTTOM, RIGHT);
    text_at(b, (LEFT + RIGHT) / 2.0, BOTTOM + 38, "t", p->x_label ? p->x_label : "");
    text_at(b, 2, 14, "", p->y_label ? p->y_label : "");
}

static void point(hone_text_buffer *b, const scale *x, const scale *y, const hone_series *s, int64_t i, bool *pen) {
    if (!finite_point(s, i)) {
        *pen = false;
        return;
    }
    hone_text_printf(b, "%s%.1f,%.1f", *pen ? " L" : " M", place(x, s->x[i]), place(y, s->y[i]));
    *pen = true;
}

/* Stretch of points [from, to): the least and the largest in their order; one that is not finite breaks the line. */
static void stretch(hone_text_buffer *b, const scale *x, const scale *y, const hone_series *s, int64_t from, int64_t to,
                    bool *pen) {
    int64_t low = -1, high = -1;
    bool broken = false;
    for (int64_t i = from; i < to; i++) {
        if (!finite_point(s, i)) {
            broken = true;
            continue;
        }
        if (low < 0 || s->y[i] < s->y[low]) low = i;
        if (high < 0 || s->y[i] > s->y[high]) high = i;
    }
    if (broken) *pen = false;
    if (low < 0) return;
    point(b, x, y, s, low < high ? low : high, pen);
    if (low != high) point(b, x, y, s, low < high ? high : low, pen);
}

static void draw_line(hone_text_buffer *b, const hone_series *s, const scale *x, const scale *y) {
    enum { MOST = 1000, STRETCHES = 500 };
    bool pen = false;
    hone_text_printf(b, "<path class=\"l l%d%s\" d=\"", s->colour, s->faint ? " f" : "");
    if (s->n <= MOST)
        for (int64_t i = 0; i < s->n; i++) point(b, x, y, s, i, &pen);
    else
        for (int64_t k = 0; k < STRETCHES; k++) {
            int64_t from = (int64_t)((double)s->n * (double)k / STRETCHES);
            stretch(b, x, y, s, from, (int64_t)((double)s->n * (double)(k + 1) / STRETCHES), &pen);
        }
    hone_text_puts(b, "\"/>\n");
    /* A point between two holes has no line: a dot shows it. */
    for (int64_t i = 0; i < s->n && s->n <= MOST; i++) {
        bool alone = (i == 0 || !finite_point(s, i - 1)) && (i + 1 == s->n || !finite_point(s, i + 1));
        if (finite_point(s, i) && (alone || (s->kind == HONE_SERIES_POINTS && s->n <= 60)))
            hone_text_printf(b, "<circle class=\"b%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", s->colour,
                             place(x, s->x[i]), place(y, s->y[i]));
    }
}

static void draw_dots(hone_text_buffer *b, const hone_series *s, const scale *x, const scale *y) {
    enum { MOST = 2000 };
    int64_t each = (s->n + MOST - 1) / MOST;
    for (int64_t i = 0; i < s->n; i += each)
        if (finite_point(s, i))
            hone_text_printf(b, "<circle class=\"b b%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", s->colour,
                             place(x, s->x[i]), place(y, s->y[i]));
}

static void draw_bars(hone_text_buffer *b, const hone_series *s, const scale *x, const scale *y) {
    for (int64_t i = 0; i < s->n; i++) {
        if (!finite_point(s, i) || s->y[i] == 0) continue;
        double from = place(x, s->x[i]), to = place(x, s->x[i] + s->width), top = place(y, s->y[i]), zero = place(y, 0);
        hone_text_printf(b, "<rect class=\"b b%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", s->colour,
                         from, fmin(top, zero), to - from, fabs(zero - top));
    }
}

static void draw_steps(hone_text_buffer *b, const hone_series *s, const scale *x, const scale *y) {
    bool pen = false;
    hone_text_printf(b, "<path class=\"l l%d\" d=\"", s->colour);
    for (int64_t i = 0; i < s->n; i++) {
        if (!finite_point(s, i)) continue;
        if (!pen) hone_text_printf(b, "M%.1f,%.1f", place(x, s->x[i]), place(y, 0));
        hone_text_printf(b, " L%.1f,%.1f H%.1f", place(x, s->x[i]), place(y, s->y[i]), place(x, s->x[i] + s->width));
        pen = true;
    }
    if (pen) hone_text_printf(b, " V%.1f", place(y, 0));
    hone_text_puts(b, "\"/>\n");
}

/* Names with their colours on a line of HTML above the picture: text that wraps on a phone. */
static void draw_legend(hone_text_buffer *b, const hone_plot *p) {
    bool any = false;
    for (int k = 0; k < p->n_series; k++) {
        const hone_series *s = &p->series[k];
        if (!s->name) continue;
        hone_text_puts(b, any ? "&ensp; " : "<figcaption>");
        hone_text_printf(b, "<svg class=\"key\" viewBox=\"0 0 16 12\" aria-hidden=\"true\">");
        if (s->kind == HONE_SERIES_BARS)
            hone_text_printf(b, "<rect class=\"b b%d\" width=\"16\" height=\"12\"/></svg> ", s->colour);
        else
            hone_text_printf(b, "<path class=\"l l%d%s\" d=\"M0,6 H16\"/></svg> ", s->colour, s->faint ? " f" : "");
        hone_text_html(b, s->name, strlen(s->name));
        any = true;
    }
    if (any) hone_text_puts(b, "</figcaption>\n");
}

void hone_svg_plot(hone_text_buffer *b, const hone_plot *p) {
    scale x, y;
    int64_t bad;
    const char *title = p->title ? p->title : "";
    hone_text_puts(b, "<figure><h3>");
    hone_text_html(b, title, strlen(title));
    hone_text_puts(b, "</h3>\n");
    draw_legend(b, p);
    hone_text_printf(b, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    hone_text_html(b, title, strlen(title));
    hone_text_puts(b, "\">\n");
    if (extents(p, &x, &y, &bad)) {
        widen(&x), widen(&y);
        draw_axes(b, p, &x, &y);
        for (int k = 0; k < p->n_series; k++) {
            const hone_series *s = &p->series[k];
            if (s->kind == HONE_SERIES_BARS)
                draw_bars(b, s, &x, &y);
            else if (s->kind == HONE_SERIES_STEPS)
                draw_steps(b, s, &x, &y);
            else if (s->kind == HONE_SERIES_DOTS)
                draw_dots(b, s, &x, &y);
            else
                draw_line(b, s, &x, &y);
        }
    } else {
        text_at(b, WIDTH / 2.0, HEIGHT / 2.0, "t", "no values");
    }
    hone_text_puts(b, "</svg>\n<figcaption>");
    if (p->caption) hone_text_html(b, p->caption, strlen(p->caption));
    if (bad == 1) hone_text_puts(b, " 1 value is not a finite number and is left out.");
    if (bad > 1) hone_text_printf(b, " %" PRId64 " values are not finite numbers and are left out.", bad);
    hone_text_puts(b, "</figcaption></figure>\n");
}
