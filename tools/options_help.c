/* The help page and the man page of a command, both from its table. */
#include "tools/options.h"

#include <stdarg.h>
#include <string.h>

#define PAGE_WIDTH 100
#define HELP_COLUMN 30

static const char *value_name(const hone_option *o) {
    if (o->value) return o->value;
    switch (o->kind) {
    case HONE_OPTION_FLAG: return "";
    case HONE_OPTION_INT: return "N";
    case HONE_OPTION_REAL: return "X";
    case HONE_OPTION_STRING: return "TEXT";
    case HONE_OPTION_FILE: return "FILE";
    case HONE_OPTION_CHOICE: return "WORD";
    case HONE_OPTION_WORD_OR_INT: return "WORD|N";
    case HONE_OPTION_SHARE: return "X";
    case HONE_OPTION_STRINGS: return "A,B,...";
    case HONE_OPTION_INTS: return "N,N,...";
    case HONE_OPTION_REALS: return "X,X,...";
    case HONE_OPTION_PAIRS: return "A=B,...";
    }
    return "";
}

typedef struct text {
    char s[2048];
    size_t n;
} text;

static __attribute__((format(printf, 2, 3))) void add(text *t, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int wrote = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
    va_end(ap);
    if (wrote > 0) t->n = t->n + (size_t)wrote < sizeof t->s ? t->n + (size_t)wrote : sizeof t->s - 1;
}

/* "how long to train; one of a, b (passes over the data, 0 or more, default 3)" */
static void describe(const hone_option *o, text *t) {
    char list[512], range[128];
    t->n = 0, t->s[0] = 0;
    add(t, "%s", o->help);
    bool words = o->allowed && o->kind != HONE_OPTION_PAIRS && o->kind != HONE_OPTION_WORD_OR_INT;
    if (words) add(t, ": %s", hone_words_list(o->allowed, list, sizeof list));
    if (o->allowed && o->kind == HONE_OPTION_PAIRS)
        add(t, "; names: %s", hone_words_list(o->allowed, list, sizeof list));
    if (o->later) add(t, "; not available yet: %s", hone_words_list(o->later, list, sizeof list));
    add(t, " (");
    if (o->unit) add(t, "%s; ", o->unit);
    if (*hone_range_text(o, range, sizeof range)) add(t, "%s; ", range);
    if (o->repeat) add(t, "may be repeated; ");
    if (o->required)
        add(t, "required");
    else if (o->shown)
        add(t, "default: %s", o->shown);
    else if (o->kind == HONE_OPTION_FLAG)
        add(t, "default: off");
    else if (o->fallback)
        add(t, *o->fallback ? "default: %s" : "default: empty%s", o->fallback);
    else
        add(t, "default: none");
    add(t, ")%s", o->not_yet ? " -- not available yet" : "");
}

/* Words of s wrapped between columns; `at` is where the cursor stands. */
static void wrap(FILE *f, const char *s, size_t indent, size_t at) {
    bool first = true;
    while (*s) {
        size_t n = strcspn(s, " \n");
        bool paragraph = false;
        if (n && !first && at + 1 + n > PAGE_WIDTH) {
            fprintf(f, "\n%*s", (int)indent, "");
            at = indent, first = true;
        }
        if (n) fprintf(f, "%s%.*s", first ? "" : " ", (int)n, s), at += n + !first, first = false;
        s += n;
        while (*s == ' ' || *s == '\n') {
            if (s[0] == '\n' && s[1] == '\n') paragraph = true;
            s++;
        }
        if (paragraph && *s) fprintf(f, "\n\n%*s", (int)indent, ""), at = indent, first = true;
    }
    fputc('\n', f);
}

static void help_option(const hone_option *o, FILE *f) {
    text left = {.n = 0}, right;
    if (o->group) fprintf(f, "\n%s\n", o->group);
    add(&left, "  --%s%s%s", o->name, *value_name(o) ? " " : "", value_name(o));
    describe(o, &right);
    if (left.n + 2 > HELP_COLUMN)
        fprintf(f, "%s\n%*s", left.s, HELP_COLUMN, "");
    else
        fprintf(f, "%-*s", HELP_COLUMN, left.s);
    wrap(f, right.s, HELP_COLUMN, HELP_COLUMN);
}

/* "0 done|2 …": the lines of all lists in the order of their codes; "128+n" comes last. */
static void each_exit(const hone_command *c, const char *before, const char *between, FILE *f) {
    const char *lists[] = {"0 done|2 wrong use: option, value, --config file",
                           "4 cannot read or write|5 out of memory|7 device missing or failed",
                           c->exits && strstr(c->exits, "128+n") ? NULL : "128+n ended by signal n", c->exits};
    for (int code = 0; code <= 128; code++)
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
            for (const char *w = lists[i]; w && *w;) {
                size_t n = strcspn(w, "|"), digits = strcspn(w, " |");
                int this_code = 0;
                for (const char *d = w; *d >= '0' && *d <= '9'; d++) this_code = 10 * this_code + (*d - '0');
                if (this_code == code && digits < n)
                    fprintf(f, "%s%.*s%s%.*s\n", before, (int)digits, w, between, (int)(n - digits - 1),
                            w + digits + 1);
                w += n + (w[n] == '|');
            }
}

void hone_options_help(const hone_command *c, FILE *f) {
    fprintf(f, "hone %s: %s\n\nusage: hone %s %s\n", c->name, c->summary, c->name, c->synopsis);
    if (c->about) {
        fputs("\n", f);
        wrap(f, c->about, 0, 0);
    }
    const hone_option *o;
    for (int i = 0; (o = hone_command_option(c, i)); i++) help_option(o, f);
    fputs("\nExamples\n", f);
    for (int i = 0; i < 2; i++)
        if (c->example[i]) fprintf(f, "  # %s\n  %s\n", c->example_note[i], c->example[i]);
    fputs("\nExit codes\n", f);
    each_exit(c, "  ", "  ", f);
}

/* troff reads '\' everywhere, '.' and ''' at the start of a line, and turns '-' into a hyphen. */
static void troff(FILE *f, const char *s) {
    bool start = true;
    for (; *s; s++) {
        if (start && (*s == '.' || *s == '\'')) fputs("\\&", f);
        if (*s == '\\')
            fputs("\\e", f);
        else if (*s == '-')
            fputs("\\-", f);
        else if (*s == '\n' && s[1] == '\n')
            fputs("\n.PP", f);
        else
            fputc(*s, f);
        start = *s == '\n';
    }
}

static void man_option(const hone_option *o, FILE *f) {
    text t;
    if (o->group) {
        fputs(".SS ", f);
        troff(f, o->group);
        fputc('\n', f);
    }
    fputs(".TP\n\\fB\\-\\-", f);
    troff(f, o->name);
    fputs("\\fR", f);
    if (*value_name(o)) {
        fputs(" \\fI", f);
        troff(f, value_name(o));
        fputs("\\fR", f);
    }
    fputc('\n', f);
    describe(o, &t);
    troff(f, t.s);
    fputc('\n', f);
}

void hone_options_man(const hone_command *c, FILE *f) {
    char name[64];
    snprintf(name, sizeof name, "hone-%s", c->name);
    for (char *p = name; *p; p++)
        if (*p == ' ') *p = '-';
    fprintf(f, ".TH \"%s\" 1 \"" HONE_DATE "\" \"hone %s\" \"Hone\"\n.SH NAME\n", name, HONE_VERSION);
    troff(f, name);
    fputs(" \\- ", f);
    troff(f, c->summary);
    /* The page is ragged from here on: beside a word as long as {"row":0,...} no line can be stretched. */
    fprintf(f, "\n.SH SYNOPSIS\n.ad l\n\\fBhone %s\\fR ", c->name);
    troff(f, c->synopsis);
    fputc('\n', f);
    if (c->about) {
        fputs(".SH DESCRIPTION\n", f);
        troff(f, c->about);
        fputc('\n', f);
    }
    fputs(".SH OPTIONS\n", f);
    const hone_option *o;
    for (int i = 0; (o = hone_command_option(c, i)); i++) man_option(o, f);
    fputs(".SH EXAMPLES\n", f);
    for (int i = 0; i < 2; i++) {
        if (!c->example[i]) continue;
        troff(f, c->example_note[i]);
        fputs(":\n.PP\n.nf\n.RS\n", f);
        troff(f, c->example[i]);
        fputs("\n.RE\n.fi\n", f);
        if (!i && c->example[1]) fputs(".PP\n", f);
    }
    fputs(".SH EXIT STATUS\n", f);
    each_exit(c, ".TP\n.B ", "\n", f);
    fputs(".SH SEE ALSO\n\\fBhone\\fR(1)\n", f);
}
