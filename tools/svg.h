/* Plots as inline SVG: axes, ticks at round numbers, units, a caption; the one way that Hone's pages draw.
 *
 *     hone_series s = {.name = "loss", .x = step, .y = loss, .n = n};
 *     hone_plot p = {.title = "Loss", .x_label = "optimiser step", .y_label = "loss", .series = &s, .n_series = 1};
 *     hone_svg_plot(&text, &p);      // <figure><svg>…</svg><figcaption>…</figcaption></figure>
 *
 * A plot is drawn for its page: colours come from the classes of hone_svg_style, so it is light or dark with the page,
 * and it is as wide as the column it stands in (viewBox 440 by 280, readable from 320 pixels on). Names, labels and
 * captions are escaped.
 *
 * A point whose x or y is not a finite number is left out, breaks the line, and is counted below the plot; a plot
 * without a single finite point says "no values". A constant series gets an axis of some width around it. More than
 * 1,000 points of a line are drawn as the least and the largest of each of 500 stretches: spikes stay. */
#ifndef HONE_TOOLS_SVG_H
#define HONE_TOOLS_SVG_H

#include "tools/text_buffer.h"

typedef enum hone_series_kind {
    HONE_SERIES_LINE = 0,
    HONE_SERIES_POINTS, /* a line with a dot at each point */
    HONE_SERIES_BARS,   /* a bar from 0 to y over [x, x + width] */
    HONE_SERIES_STEPS,  /* the outline of such bars */
    HONE_SERIES_DOTS,   /* a dot at each point, in any order of x; of more than 2,000 points every second, third, … */
} hone_series_kind;

typedef struct hone_series {
    const char *name; /* for the legend; NULL: none */
    hone_series_kind kind;
    int colour; /* 0 .. 3 of the style's colours */
    bool faint;
    const double *x, *y; /* [n], borrowed; x ascending, but for DOTS */
    int64_t n;
    double width; /* BARS and STEPS */
} hone_series;

typedef struct hone_plot {
    const char *title, *x_label, *y_label; /* labels with their unit */
    const char *caption;                   /* one or two sentences below; NULL: none */
    const hone_series *series;
    int n_series;
    bool x_whole, y_whole; /* ticks at whole numbers alone */
    bool y_zero;           /* the axis of y begins at 0 */
} hone_plot;

void hone_svg_plot(hone_text_buffer *b, const hone_plot *p);

/* Round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten, about `want` (2 to 10) of them, ascending
 * into tick[0..HONE_TICKS). Returns how many. low > high or not finite: 0; low = high: that number. */
#define HONE_TICKS 16
int hone_svg_ticks(double low, double high, int want, bool whole, double tick[HONE_TICKS]);
/* A tick's text: "0.25", "1,500", "2e-5"; `step` is the distance to its neighbour. Returns out. */
char *hone_svg_number(double x, double step, char out[32]);

/* n equal bins over the finite ones of x[0..count): edge[i] is the left edge of bin i, share[i] the percentage of all
 * of them that it holds (the last bin is closed on the right). low = high: the range of x itself. Returns a bin's
 * width, 0 when x has no finite number. */
double hone_histogram(const double *x, int64_t count, double low, double high, int n, double *edge, double *share);

/* CSS that the page must carry once, in a <style>. */
extern const char hone_svg_style[];

#endif
