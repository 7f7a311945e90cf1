#include "autograd/poison.h"

#ifdef HONE_TEST_HOOKS

#include "autograd/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_RULES = 8 };

typedef struct poison_rule {
    char op[48];
    double value;
    bool backward, onwards, all;
    int64_t step, site, part; /* -1: every one */
} poison_rule;

static poison_rule rules[MAX_RULES];
static int n_rules;
static int64_t fired;

static bool known_op(const char *name) {
    for (int i = 0; hone_ops[i]; i++)
        if (!strcmp(hone_ops[i]->name, name)) return true;
    return false;
}

static bool parse_number(const char *text, int64_t least, bool *onwards, int64_t *out) {
    char *end;
    *out = strtoll(text, &end, 10);
    if (onwards && *end == '+') *onwards = true, end++;
    return end != text && !*end && *out >= least;
}

/* One KEY=VALUE. */
static bool parse_word(char *word, poison_rule *r) {
    char *value = strchr(word, '=');
    if (!value) return false;
    *value++ = 0;
    if (!strcmp(word, "op")) return snprintf(r->op, sizeof r->op, "%s", value) < (int)sizeof r->op && known_op(value);
    if (!strcmp(word, "step")) return parse_number(value, 1, &r->onwards, &r->step);
    if (!strcmp(word, "site")) return parse_number(value, 0, NULL, &r->site);
    if (!strcmp(word, "part")) return parse_number(value, 0, NULL, &r->part);
    if (!strcmp(word, "at")) return r->all = !strcmp(value, "all");
    r->backward = !strcmp(value, "bwd");
    return !strcmp(word, "dir") && (r->backward || !strcmp(value, "fwd"));
}

static bool parse_rule(const char *s, size_t n, poison_rule *r) {
    char text[160], *state;
    if (n >= sizeof text) return false;
    memcpy(text, s, n);
    text[n] = 0;
    *r = (poison_rule){.value = !strncmp(text, "nan", 3) ? (double)NAN : HUGE_VAL, .step = -1, .site = -1, .part = -1};
    for (char *word = strtok_r(text + 4, ":", &state); word; word = strtok_r(NULL, ":", &state))
        if (!parse_word(word, r)) return false;
    return *r->op;
}

bool hone_poison_set(const char *text) {
    int n = 0;
    n_rules = 0, fired = 0;
    for (const char *s = text ? text : ""; *s;) {
        size_t length = strcspn(s, ",");
        if (!strncmp(s, "nan:", 4) || !strncmp(s, "inf:", 4)) {
            if (n == MAX_RULES || !parse_rule(s, length, &rules[n])) return false;
            n++;
        }
        s += length + (s[length] == ',');
    }
    n_rules = n;
    return true;
}

int64_t hone_poison_fired(void) {
    return fired;
}

static const poison_rule *rule_for(const hone_graph *g, const hone_node *n, bool backward) {
    const hone_graph_mode *mode = hone_graph_get_mode(g);
    int64_t step = (int64_t)mode->step + 1;
    for (int i = 0; i < n_rules && mode->train; i++) {
        const poison_rule *r = &rules[i];
        if (r->backward != backward || strcmp(r->op, n->op->name)) continue;
        if (r->step >= 0 && (r->onwards ? step < r->step : step != r->step)) continue;
        if ((r->site < 0 || r->site == n->site) && (r->part < 0 || r->part == (int64_t)mode->part)) return r;
    }
    return NULL;
}

static double magnitude(hone_dtype dtype, const void *p, int64_t i) {
    return fabs(dtype == HONE_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i]);
}

static void replace(const poison_rule *r, hone_dtype dtype, void *p, int64_t n) {
    int64_t best = 0;
    if (n < 1) return;
    for (int64_t i = 1; i < n; i++)
        if (magnitude(dtype, p, i) > magnitude(dtype, p, best)) best = i;
    for (int64_t i = r->all ? 0 : best; i < (r->all ? n : best + 1); i++)
        if (dtype == HONE_F64)
            ((double *)p)[i] = r->value;
        else
            ((float *)p)[i] = (float)r->value;
    fired++;
}

void hone_poison_forward(const hone_graph *g, const hone_node *n) {
    const poison_rule *r = n_rules ? rule_for(g, n, false) : NULL;
    if (r) replace(r, n->out->dtype, n->out->data, hone_count(n->out));
}

void hone_poison_backward(const hone_graph *g, const hone_node *n) {
    const poison_rule *r = n_rules ? rule_for(g, n, true) : NULL;
    for (int i = 0; r && i < n->n_in; i++) {
        hone_tensor *t = n->in[i];
        if (!hone_wants_grad(t) || !t->grad || !t->grad_set) continue;
        int64_t C = hone_cols(t);
        if (!t->rows)
            replace(r, t->dtype, t->grad, hone_count(t));
        else if (t->rows->n) /* of a table, the first row that was touched */
            replace(r, t->dtype, (char *)t->grad + (size_t)(t->rows->list[0] * C) * hone_dtype_size(t->dtype), C);
        else
            continue;
        return;
    }
}

__attribute__((constructor)) static void read_environment(void) {
    const char *text = getenv("HONE_FAULT");
    if (text && !hone_poison_set(text)) {
        /* A mistyped rule must not look like a run that met no fault. Test builds only. */
        fprintf(stderr, "HONE_FAULT=%s is not understood\n", text);
        _exit(2);
    }
}

#else
typedef int hone_poison_is_absent; /* an empty translation unit is not C */
#endif
