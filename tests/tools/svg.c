/* Ticks, numbers, histograms and whole plots (tools/svg.h). */
#include "tools/svg.h"
#include "tests/test.h"

#include <math.h>

static hone_text_buffer text;

/* The plot as text, valid until the next call. */
static const char *draw(const hone_plot *p) {
    hone_text_buffer_free(&text);
    hone_svg_plot(&text, p);
    hone_text_add(&text, "", 1);
    CHECK(!text.failed);
    return text.p;
}

static int count(const char *s, const char *word) {
    int n = 0;
    for (; (s = strstr(s, word)); s += strlen(word)) n++;
    return n;
}

static const char *shown(double x, double step) {
    static char s[4][32];
    static int next;
    return hone_svg_number(x, step, s[next++ % 4]);
}

TEST(svg, ticks_are_round_numbers_inside_the_range) {
    double t[HONE_TICKS];
    CHECK_INT(hone_svg_ticks(0, 1, 5, false, t), 6);
    for (int i = 0; i < 6; i++) CHECK_NEAR(t[i], 0.2 * i, 1e-12);
    CHECK_INT(hone_svg_ticks(0.13, 0.87, 5, false, t), 4); /* 0.2 0.4 0.6 0.8 */
    CHECK_NEAR(t[0], 0.2, 1e-12);
    CHECK_NEAR(t[3], 0.8, 1e-12);
    CHECK_INT(hone_svg_ticks(-1, 1, 4, false, t), 5);
    CHECK(t[2] == 0 && !signbit(t[2]));
    CHECK_INT(hone_svg_ticks(0, 2e-5, 5, false, t), 5);
    CHECK_NEAR(t[1], 5e-6, 1e-18);
    CHECK_INT(hone_svg_ticks(0, 123456, 5, false, t), 7); /* 0 20000 … 120000 */
    CHECK_NEAR(t[6], 120000, 1e-6);
    for (int k = 0; k < 1000; k++) { /* any range: a few of them, evenly spaced, inside */
        double low = 100 * test_uniform(2, (uint64_t)k), high = low + pow(10, 6 * test_uniform(3, (uint64_t)k));
        int n = hone_svg_ticks(low, high, 5, false, t);
        CHECK_MSG(n >= 3 && n <= 8, "%d ticks from %g to %g", n, low, high);
        for (int i = 0; i < n; i++) CHECK(t[i] >= low - 1e-6 * (high - low) && t[i] <= high + 1e-6 * (high - low));
        for (int i = 2; i < n; i++) CHECK_NEAR(t[i] - t[i - 1], t[1] - t[0], 1e-9 * (t[1] - t[0]) + 1e-11);
    }
}

TEST(svg, ticks_between_whole_numbers_are_left_out_where_asked) {
    double t[HONE_TICKS];
    CHECK_INT(hone_svg_ticks(0, 2, 5, true, t), 3);
    CHECK_NEAR(t[1], 1, 0);
    CHECK_INT(hone_svg_ticks(0, 2, 5, false, t), 5);
}

TEST(svg, ticks_of_a_single_value_or_of_nothing) {
    double t[HONE_TICKS];
    CHECK_INT(hone_svg_ticks(3, 3, 5, false, t), 1);
    CHECK_NEAR(t[0], 3, 0);
    CHECK_INT(hone_svg_ticks(2, 1, 5, false, t), 0);
    CHECK_INT(hone_svg_ticks((double)NAN, 1, 5, false, t), 0);
    CHECK_INT(hone_svg_ticks(0, INFINITY, 5, false, t), 0);
    CHECK_INT(hone_svg_ticks(-1.7e308, 1.7e308, 5, false, t), 0);            /* their distance is not finite */
    CHECK(hone_svg_ticks(1e300, nextafter(1e300, 2e300), 5, false, t) <= 2); /* closer than doubles can count */
}

TEST(svg, numbers_are_as_long_as_their_ticks_need) {
    CHECK_STR(shown(0.2 * 3, 0.2), "0.6");
    CHECK_STR(shown(0.25, 0.05), "0.25");
    CHECK_STR(shown(2e-5, 5e-6), "2e-5");
    CHECK_STR(shown(1.5e-5, 5e-6), "1.5e-5");
    CHECK_STR(shown(12500, 500), "12,500");
    CHECK_STR(shown(-1234567, 1), "-1,234,567");
    CHECK_STR(shown(999, 1), "999");
    CHECK_STR(shown(3e7, 1e7), "3e7");
    CHECK_STR(shown(1e-10, 1e-10), "1e-10");
    CHECK_STR(shown(0, 0.1), "0");
    CHECK_STR(shown((double)NAN, 1), "not a number");
    CHECK_STR(shown(-INFINITY, 1), "-infinity");
}

TEST(svg, a_histogram_holds_every_finite_number_once) {
    double x[] = {0, 0.5, 1, 1.5, 2, (double)NAN, INFINITY}, edge[2], share[2];
    CHECK_NEAR(hone_histogram(x, 7, 0, 0, 2, edge, share), 1, 0);
    CHECK_NEAR(edge[1], 1, 0);
    CHECK_NEAR(share[0], 40, 1e-9);
    CHECK_NEAR(share[1], 60, 1e-9); /* the largest belongs to the last */
    double same[] = {7, 7};
    CHECK_NEAR(hone_histogram(same, 2, 0, 0, 2, edge, share), 0.5, 0);
    CHECK_NEAR(share[0] + share[1], 100, 1e-9);
    CHECK_NEAR(hone_histogram(x + 5, 2, 0, 0, 2, edge, share), 0, 0); /* none is finite */
    CHECK_NEAR(hone_histogram(x, 0, 0, 1, 2, edge, share), 0, 0);
}

TEST(svg, a_plot_has_axes_units_a_caption_and_a_legend) {
    double x[] = {0, 1, 2}, y[] = {1, 3, 2};
    hone_series s = {.name = "a & b", .x = x, .y = y, .n = 3};
    hone_plot p = {.title = "T",
                   .x_label = "step",
                   .y_label = "loss (nats)",
                   .caption = "what it is",
                   .series = &s,
                   .n_series = 1};
    const char *got = draw(&p);
    CHECK(strstr(got, ">step</text>") && strstr(got, ">loss (nats)</text>") && strstr(got, "what it is"));
    CHECK(strstr(got, "a &amp; b") && !strstr(got, "a & b"));
    CHECK(strstr(got, "M58.0,232.0 L243.0,30.0 L428.0,131.0")); /* the corners of the axes are those of the data */
    CHECK(strstr(got, ">1.5</text>") && strstr(got, ">2.5</text>"));
    CHECK_INT(count(got, "<svg"), count(got, "</svg>"));
    CHECK_INT(count(got, "<figcaption"), count(got, "</figcaption>"));
    CHECK(!strstr(got, "nan") && !strstr(got, "inf") && !strstr(got, "http"));
}

TEST(svg, hostile_words_stay_words) {
    double x[] = {0, 1};
    hone_series s = {.name = "<script>alert(1)</script>", .x = x, .y = x, .n = 2};
    hone_plot p = {.title = "\"><img src=x>",
                   .x_label = "</svg>",
                   .y_label = "'",
                   .caption = "</figure>\x01",
                   .series = &s,
                   .n_series = 1};
    const char *got = draw(&p);
    CHECK(!strstr(got, "<script") && !strstr(got, "<img") && !strchr(got, 1));
    CHECK_INT(count(got, "</figure>"), 1);
    CHECK(strstr(got, "aria-label=\"&quot;&gt;&lt;img src=x&gt;\"") && strstr(got, "&#39;"));
}

TEST(svg, an_empty_plot_says_so) {
    hone_plot p = {.title = "T"};
    CHECK(strstr(draw(&p), "no values"));
    double x[] = {0, 1}, y[] = {(double)NAN, INFINITY};
    hone_series s = {.x = x, .y = y, .n = 2};
    p.series = &s, p.n_series = 1;
    const char *got = draw(&p);
    CHECK(strstr(got, "no values") && strstr(got, " 2 values are not finite"));
}

TEST(svg, a_constant_series_and_a_single_point_are_drawn) {
    double x[] = {0, 1, 2}, y[] = {5, 5, 5};
    hone_series s = {.x = x, .y = y, .n = 3};
    hone_plot p = {.series = &s, .n_series = 1};
    CHECK(strstr(draw(&p), "M58.0,131.0 L243.0,131.0 L428.0,131.0")); /* in the middle */
    s.n = 1;
    const char *got = draw(&p);
    CHECK(strstr(got, "<circle") && !strstr(got, "nan") && !strstr(got, "inf,"));
}

TEST(svg, a_value_that_is_not_a_number_breaks_the_line_and_is_counted) {
    double x[] = {0, 1, 2, 3, 4}, y[] = {0, 1, (double)NAN, 1, 0};
    hone_series s = {.x = x, .y = y, .n = 5};
    hone_plot p = {.series = &s, .n_series = 1};
    const char *got = draw(&p);
    CHECK(strstr(got, "M58.0,232.0 L150.5,30.0 M335.5,30.0 L428.0,232.0"));
    CHECK(strstr(got, " 1 value is not a finite number") && !strstr(got, "nan"));
}

TEST(svg, a_long_series_keeps_its_spikes) {
    enum { N = 100000 };
    static double x[N], y[N];
    for (int i = 0; i < N; i++) x[i] = i, y[i] = 0.5 + 0.1 * test_uniform(1, (uint64_t)i);
    y[77777] = 9;
    hone_series s = {.x = x, .y = y, .n = N};
    hone_plot p = {.series = &s, .n_series = 1};
    const char *got = draw(&p);
    CHECK(strstr(got, ",30.0 ")); /* the spike reaches the top */
    CHECK_MSG(strlen(got) < 40000, "%zu bytes", strlen(got));
    hone_text_buffer_free(&text);
}

TEST(svg, bars_stand_on_zero) {
    double x[] = {0, 1}, y[] = {10, 20};
    hone_series s = {.kind = HONE_SERIES_BARS, .x = x, .y = y, .n = 2, .width = 1};
    hone_plot p = {.series = &s, .n_series = 1};
    const char *got = draw(&p);
    CHECK(strstr(got, "x=\"58.0\" y=\"131.0\" width=\"185.0\" height=\"101.0\""));
    CHECK(strstr(got, "x=\"243.0\" y=\"30.0\" width=\"185.0\" height=\"202.0\""));
    hone_text_buffer_free(&text);
}
