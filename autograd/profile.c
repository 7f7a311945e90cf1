#include "autograd/profile.h"

#include "autograd/graph.h"

#include <stdlib.h>
#include <time.h>

struct hone_profile {
    hone_profile_row *row;
    int64_t n, cap;
};

hone_profile *hone_profile_new(void) {
    return hone_zalloc(sizeof(hone_profile));
}

void hone_profile_free(hone_profile *p) {
    if (!p) return;
    hone_free(p->row);
    hone_free(p);
}

void hone_profile_clear(hone_profile *p) {
    p->n = 0;
}

double hone_profile_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A model has a few dozen kinds of operations: a linear search costs less than what it measures by far. */
static hone_profile_row *find(hone_profile *p, const hone_profile_row *like) {
    for (int64_t i = 0; i < p->n; i++) {
        hone_profile_row *r = &p->row[i];
        if (r->op == like->op && hone_shape_equal(&r->in, &like->in) && hone_shape_equal(&r->weight, &like->weight) &&
            hone_shape_equal(&r->out, &like->out))
            return r;
    }
    if (p->n == p->cap) {
        int64_t cap = p->cap ? 2 * p->cap : 32;
        hone_profile_row *more = hone_realloc(p->row, (size_t)cap * sizeof *more);
        if (!more) return NULL;
        p->row = more, p->cap = cap;
    }
    p->row[p->n] = *like;
    return &p->row[p->n++];
}

void hone_profile_add(hone_profile *p, const hone_node *n, bool backward, double start) {
    double seconds = hone_profile_now() - start;
    hone_profile_row like = {.op = n->op->name, .out = n->out->shape};
    if (n->n_in > 0 && n->in[0]) like.in = n->in[0]->shape;
    if (n->n_in > 1 && n->in[1] && n->in[1]->shape.rank == 2 && !n->in[1]->node) like.weight = n->in[1]->shape;
    hone_profile_row *r = find(p, &like);
    if (!r) return;
    *(backward ? &r->backward : &r->forward) += seconds;
    r->calls += !backward;
}

static int slowest_first(const void *a, const void *b) {
    const hone_profile_row *x = a, *y = b;
    double tx = x->forward + x->backward, ty = y->forward + y->backward;
    return tx > ty ? -1 : tx < ty;
}

int64_t hone_profile_rows(hone_profile *p, const hone_profile_row **rows) {
    if (p->n) qsort(p->row, (size_t)p->n, sizeof *p->row, slowest_first);
    *rows = p->row;
    return p->n;
}
