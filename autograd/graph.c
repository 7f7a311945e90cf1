/* The tape, whose memory it is lent, and the walk back. */
#include "autograd/graph.h"

#include "autograd/lending.h"
#include "autograd/ops.h"
#include "autograd/poison.h"
#include "base/random.h"

#include <string.h>

struct hone_graph {
    hone_arena *arena; /* the step's: results, gradients, what is kept for the walk back */
    hone_arena *tape;  /* nodes, tensors, all that is small: apart, so that neighbours in the step's memory can merge */
    hone_graph_mode mode;
    hone_node *last;
    int64_t n_sites;
    hone_lending lending;
    hone_status failed;
    hone_error error; /* the first failure's record */
    hone_tensor **kept;
    int64_t n_kept, cap_kept;
    hone_profile *profile;
    hone_finite *finite;
};

static hone_tensor absent_tensor = {.name = "absent"};
hone_tensor *const HONE_ABSENT = &absent_tensor;

#define HONE_OP(name) extern const hone_op hone_op_##name;
#include "autograd/ops.def"
#undef HONE_OP
const hone_op *const hone_ops[] = {
#define HONE_OP(name) &hone_op_##name,
#include "autograd/ops.def"
#undef HONE_OP
    NULL};

hone_graph *hone_graph_new(hone_arena *step) {
    hone_graph *g = step ? hone_zalloc(sizeof *g) : NULL;
    if (!g) return NULL;
    g->arena = step, g->tape = hone_arena_new("tape", 0);
    g->lending.structs = g->tape;
    if (g->tape) return g;
    hone_free(g);
    return NULL;
}

void hone_graph_free(hone_graph *g) {
    if (!g) return;
    hone_free(g->kept);
    hone_arena_free(g->tape);
    hone_free(g);
}

void hone_graph_begin(hone_graph *g, const hone_graph_mode *mode) {
    hone_arena_reset(g->arena);
    hone_arena_reset(g->tape);
    g->mode = *mode;
    g->last = NULL;
    g->n_sites = 0;
    g->lending = (hone_lending){.structs = g->tape};
    g->failed = HONE_OK;
    g->n_kept = 0;
}

hone_arena *hone_graph_arena(hone_graph *g) {
    return g->arena;
}
const hone_graph_mode *hone_graph_get_mode(const hone_graph *g) {
    return &g->mode;
}
void hone_graph_set_profile(hone_graph *g, hone_profile *p) {
    g->profile = p;
}
void hone_graph_set_finite(hone_graph *g, hone_finite *f) {
    g->finite = f;
}
hone_node *hone_graph_last(const hone_graph *g) {
    return g->last;
}

static bool arena_failed(const hone_graph *g) {
    return hone_arena_failed(g->arena) || hone_arena_failed(g->tape);
}

hone_status hone_graph_status(hone_graph *g) {
    if (g->failed == HONE_OK && arena_failed(g))
        hone_graph_refuse(
            g, hone_fail(HONE_E_NOMEM, "no memory left for this step after %zu bytes", hone_arena_used(g->arena)));
    if (g->failed != HONE_OK) hone_error_restore(&g->error);
    return g->failed;
}

hone_tensor *hone_graph_refuse(hone_graph *g, hone_status failed) {
    if (g->failed == HONE_OK && failed != HONE_OK) {
        if (hone_last_error()->code != failed) hone_fail(failed, "refused without a word by whoever found it");
        g->failed = failed;
        g->error = *hone_last_error();
    }
    return NULL;
}

hone_tensor *hone_graph_input(hone_graph *g, const char *name, hone_dtype dtype, hone_shape shape, const void *data) {
    hone_tensor *t = hone_tensor_wrap(g->tape, dtype, shape, (void *)(uintptr_t)data);
    if (t) t->name = name;
    return t;
}

hone_tensor *hone_graph_hold(hone_graph *g, const hone_tensor *x) {
    return x && !g->mode.record ? hone_tensor_new(g->arena, x->dtype, x->shape) : NULL;
}

hone_tensor *hone_graph_settle(hone_graph *g, hone_arena_mark mark, hone_tensor *x, hone_tensor *hold) {
    if (!x || !hold) return x;
    memcpy(hold->data, x->data, (size_t)hone_count(x) * hone_dtype_size(x->dtype));
    hone_arena_release(g->arena, mark);
    g->lending = (hone_lending){.structs = g->tape}; /* what was given back may lie behind the mark */
    return hold;
}

bool hone_wants_grad(const hone_tensor *t) {
    return t && t->needs_grad;
}

hone_dropout hone_graph_dropout(const hone_graph *g, const hone_node *n, float p) {
    hone_dropout d = {.seed = g->mode.seed, .scale = 1};
    if (!g->mode.train || !(p > 0)) return d;
    uint32_t threshold = p < 1 ? (uint32_t)((double)p * 65536 + 0.5) : 65535;
    if (threshold > 65535) threshold = 65535;
    d.threshold = threshold;
    d.scale = 65536.0f / (float)(65536 - threshold);
    /* 48 user bits of the stream: 20 of the step, 16 of its part, 12 of the site. What is beyond them goes into the
     * seed. */
    uint64_t step = g->mode.step >> 20, part = g->mode.part >> 16, site = (uint64_t)n->site >> 12;
    if (step || part || site)
        d.seed = hone_random_u64(d.seed, hone_stream_id(HONE_STREAM_DROPOUT, step << 24 | part), site);
    d.stream = hone_stream_id(HONE_STREAM_DROPOUT, (g->mode.step & 0xFFFFF) << 28 | (g->mode.part & 0xFFFF) << 12 |
                                                       ((uint64_t)n->site & 0xFFF));
    return d;
}

int64_t hone_task_rows(int64_t rows, int64_t cols) {
    int64_t per = cols > 0 ? 16384 / cols : rows;
    return per < 1 ? 1 : per;
}

/* ---- memory that is lent out again ---- */

static size_t tensor_bytes(const hone_tensor *t) {
    return (size_t)hone_count(t) * hone_dtype_size(t->dtype);
}

enum { SMALL = 1024 }; /* bytes that are not worth lending */

static void *borrow(hone_graph *g, size_t bytes, bool stays) {
    if (bytes < SMALL) return hone_arena_alloc(g->tape, bytes);
    void *p = hone_lending_take(&g->lending, bytes, stays);
    return p ? p : hone_arena_alloc(g->arena, hone_lending_room(bytes));
}

void *hone_graph_save(hone_graph *g, size_t bytes) {
    return borrow(g, bytes, false);
}

void hone_graph_done(hone_graph *g, void *p, size_t bytes) {
    if (bytes >= SMALL) hone_lending_give(&g->lending, p, bytes);
}

size_t hone_graph_idle(const hone_graph *g) {
    size_t bytes = 0;
    for (const hone_loan *l = g->lending.first; l; l = l->next) bytes += l->bytes;
    return bytes;
}

/* Whether t's memory is read through `view`: itself, or what it looks into, through other views, too. */
static bool looks_into(const hone_tensor *view, const hone_tensor *t) {
    while (view != t && view->node && view->node->op->view) view = view->node->in[0];
    return view == t;
}

static bool is_kept(const hone_graph *g, const hone_tensor *t) {
    for (int64_t i = 0; i < g->n_kept; i++)
        if (looks_into(g->kept[i], t)) return true;
    return false;
}

/* ---- forward ---- */

/* The value is no longer there: forgotten, or its memory was given back by a backward that has come by. */
static bool is_gone(const hone_graph *g, const hone_tensor *t) {
    return t->node && hone_count(t) > 0 && (!t->data || (t->node->walked && !is_kept(g, t)));
}

/* What was declared and never given memory; a weight laid out for the products can be read by them alone. */
static hone_status check_values(const hone_node *n, int i) {
    const hone_tensor *t = n->in[i];
    if (t->data || t->node || !hone_count(t)) return HONE_OK;
    if (t->prepared && n->op->prepared & 1u << i) return HONE_OK;
    if (t->prepared)
        return hone_fail(HONE_E_ARG,
                         "%s: input %d \"%s\" is laid out for inference, its values are not there: open "
                         "the model for training",
                         n->op->name, i, t->name);
    hone_fail(HONE_E_ARG, "%s: input %d \"%s\" has no values", n->op->name, i, t->name);
    return hone_hint("parameters get theirs from hone_params_allocate");
}

static hone_status check_inputs(const hone_graph *g, const hone_node *n) {
    const hone_tensor *first = NULL;
    for (int i = 0; i < n->n_in; i++) {
        const hone_tensor *t = n->in[i];
        if (!t) continue;
        if (!first) first = t;
        if (is_gone(g, t)) {
            hone_fail(HONE_E_ARG, "%s: the value of input %d, which %s made, was %s", n->op->name, i, t->node->op->name,
                      t->data ? "given back by a backward pass" : "forgotten");
            return t->data ? hone_hint("hone_graph_keep before the backward pass keeps it") : HONE_E_ARG;
        }
        if (t->device != HONE_CPU)
            return hone_fail(HONE_E_DEVICE, "%s: input %d \"%s\" is not on the CPU", n->op->name, i, t->name);
        if (t->dtype != HONE_F32 && t->dtype != HONE_F64)
            return hone_fail(HONE_E_DTYPE, "%s: input %d \"%s\" is %s, kernels take F32 or F64", n->op->name, i,
                             t->name, hone_dtype_name(t->dtype));
        if (t->dtype != first->dtype)
            return hone_fail(HONE_E_DTYPE, "%s: input %d \"%s\" is %s, \"%s\" before it is %s", n->op->name, i, t->name,
                             hone_dtype_name(t->dtype), first->name, hone_dtype_name(first->dtype));
        HONE_TRY(check_values(n, i));
    }
    return HONE_OK;
}

static hone_status run_forward(hone_graph *g, hone_node *n) {
    hone_shape shape = {0};
    hone_dtype dtype = HONE_F32;
    HONE_TRY(check_inputs(g, n));
    HONE_TRY(n->op->shape(n, &shape, &dtype));
    n->out = hone_tensor_wrap(g->tape, dtype, shape, NULL);
    if (n->out && !n->op->view) n->out->data = hone_graph_save(g, tensor_bytes(n->out));
    if (!n->out || (!n->op->view && !n->out->data))
        return hone_fail(HONE_E_NOMEM, "%s: no memory for its result %s", n->op->name, hone_shape_str(&shape));
    double start = g->profile ? hone_profile_now() : 0;
    HONE_TRY(n->op->forward(g, n));
    if (g->profile) hone_profile_add(g->profile, n, false, start);
    if (arena_failed(g)) return hone_fail(HONE_E_NOMEM, "%s: no memory for what it keeps", n->op->name);
    hone_poison_forward(g, n);
    return g->finite ? hone_finite_forward(g->finite, n) : HONE_OK;
}

hone_tensor *hone_graph_apply(hone_graph *g, const hone_op *op, int n_in, hone_tensor *const *in, const void *params,
                              size_t params_bytes) {
    if (g->failed != HONE_OK) return NULL;
    if (!op->shape || !op->forward || !op->backward) {
        hone_fail(HONE_E_ARG, "%s: the table has no %s", op->name,
                  !op->shape     ? "shape rule"
                  : !op->forward ? "forward"
                                 : "backward");
        return hone_graph_refuse(g, hone_hint("an operation without a derivative has .backward = hone_no_gradient"));
    }
    if (n_in < op->min_in || n_in > op->max_in || n_in > HONE_MAX_INPUTS)
        return hone_graph_refuse(g, hone_fail(HONE_E_ARG, "%s: %d inputs, takes %d to %d", op->name, n_in, op->min_in,
                                              op->max_in < HONE_MAX_INPUTS ? op->max_in : HONE_MAX_INPUTS));
    hone_node *n = hone_arena_zalloc(g->tape, sizeof *n);
    void *copy = params_bytes ? hone_arena_alloc(g->tape, params_bytes) : NULL;
    if (!n || (params_bytes && !copy)) {
        hone_graph_status(g);
        return NULL;
    }
    if (params_bytes) memcpy(copy, params, params_bytes);
    bool wanted = false;
    n->op = op, n->n_in = n_in, n->params = copy, n->site = g->n_sites++;
    for (int i = 0; i < n_in; i++) {
        if (!in[i]) return hone_graph_refuse(g, hone_fail(HONE_E_ARG, "%s: input %d is missing", op->name, i));
        if (in[i] == HONE_ABSENT && i < op->min_in)
            return hone_graph_refuse(g, hone_fail(HONE_E_ARG, "%s: input %d is absent, and not optional", op->name, i));
        n->in[i] = in[i] == HONE_ABSENT ? NULL : in[i];
        wanted |= hone_wants_grad(n->in[i]);
    }
    hone_status s = run_forward(g, n);
    if (s != HONE_OK) return hone_graph_refuse(g, s);
    if (g->mode.record && wanted) {
        n->out->needs_grad = true;
        n->out->node = n;
        n->previous = g->last;
        g->last = n;
    }
    return n->out;
}

void hone_graph_keep(hone_graph *g, hone_tensor *t) {
    if (!t) return;
    if (g->n_kept == g->cap_kept) {
        int64_t cap = g->cap_kept ? 2 * g->cap_kept : 8;
        hone_tensor **more = hone_realloc(g->kept, (size_t)cap * sizeof *more);
        if (!more) {
            hone_graph_refuse(g, HONE_E_NOMEM);
            return;
        }
        g->kept = more, g->cap_kept = cap;
    }
    g->kept[g->n_kept++] = t;
}

/* ---- backward ---- */

void *hone_graph_grad(hone_graph *g, hone_tensor *t, bool *add) {
    *add = false;
    if (!hone_wants_grad(t)) return NULL;
    if (!t->grad) {
        t->grad = borrow(g, tensor_bytes(t), !t->node);
        t->grad_set = false;
        if (!t->grad) {
            hone_graph_status(g);
            return NULL;
        }
    }
    *add = t->grad_set;
    t->grad_set = true;
    return t->grad;
}

/* A tensor's value has been read for the last time once its own node has run backward: all its readers came later on
 * the tape and so ran earlier. Exempt: views, and what a view looks into (the view's base is released by its own node,
 * after the view's). */
static void release(hone_graph *g, hone_node *n) {
    hone_tensor *t = n->out;
    size_t bytes = tensor_bytes(t);
    hone_graph_done(g, t->grad, bytes);
    t->grad = NULL;
    t->grad_set = false;
    if (!n->op->view && !is_kept(g, t)) hone_graph_done(g, t->data, bytes);
}

void hone_graph_forget(hone_graph *g, hone_tensor *t) {
    if (!t || !g->mode.record || !t->node || !t->node->op->rebuild || !t->data || is_kept(g, t)) return;
    for (const hone_node *n = g->last; n && n != t->node; n = n->previous) /* a view's backward reads where t lay */
        if (n->op->view && looks_into(n->out, t)) return;
    hone_graph_done(g, t->data, tensor_bytes(t));
    t->data = NULL;
}

/* What was forgotten and n's backward may read is computed again. */
static hone_status remember_inputs(hone_graph *g, hone_node *n) {
    for (int i = 0; i < n->n_in; i++) {
        hone_tensor *t = n->in[i];
        if (!t || t->data || !t->node) continue;
        t->data = hone_graph_save(g, tensor_bytes(t));
        if (!t->data) return hone_graph_status(g);
        HONE_TRY(t->node->op->rebuild(g, t->node));
    }
    return HONE_OK;
}

static hone_status walk(hone_graph *g) {
    for (hone_node *n = g->last; n; n = n->previous) {
        if (!n->out->grad_set) continue; /* nobody's loss depends on it */
        n->walked = true;
        HONE_TRY(remember_inputs(g, n));
        double start = g->profile ? hone_profile_now() : 0;
        hone_status s = n->op->backward(g, n);
        if (g->profile) hone_profile_add(g->profile, n, true, start);
        if (s == HONE_OK) hone_poison_backward(g, n);
        if (s == HONE_OK && g->finite) s = hone_finite_backward(g->finite, n);
        if (s != HONE_OK) hone_graph_refuse(g, s);
        HONE_TRY(hone_graph_status(g));
        release(g, n);
    }
    return HONE_OK;
}

/* A leaf's gradient outlives the graph: memory lent from it is somebody else's at the next step, and only an owner who
 * says that he knows gets it. */
static hone_status check_leaf(const hone_graph *g, const hone_tensor *t) {
    if (!hone_wants_grad(t) || t->node || t->grad || g->mode.lend_grads) return HONE_OK;
    hone_fail(HONE_E_ARG, "backward: \"%s\" %s wants a gradient and has no memory for one", t->name,
              hone_shape_str(&t->shape));
    return hone_hint(
        "point its grad at as much memory as its data take (hone_params_allocate does that for parameters), or begin "
        "the graph with .lend_grads");
}

/* What a backward pass has come by has given back what it kept; before anything is added to a leaf's gradient. */
static hone_status check_reached(hone_graph *g, const hone_tensor *out) {
    out->node->reached = true;
    for (hone_node *n = g->last; n; n = n->previous) {
        if (!n->reached) continue;
        n->reached = false;
        if (n->walked) {
            hone_fail(HONE_E_ARG, "backward: %s has had its backward pass, and what it kept is gone", n->op->name);
            return hone_hint("one pass from the sum of both, or the operations once more");
        }
        for (int i = 0; i < n->n_in; i++) {
            HONE_TRY(check_leaf(g, n->in[i]));
            if (n->in[i] && n->in[i]->node) n->in[i]->node->reached = true;
        }
    }
    return HONE_OK;
}

hone_status hone_graph_backward_from(hone_graph *g, hone_tensor *out, const void *dout) {
    HONE_TRY(hone_graph_status(g));
    if (!out || !out->node) {
        hone_fail(HONE_E_ARG, "backward: the result was made by no operation on a parameter");
        return g->mode.record ? HONE_E_ARG : hone_hint("nothing was recorded: hone_graph_begin with .record = true");
    }
    hone_status unready = check_reached(g, out);
    if (unready != HONE_OK) {
        hone_graph_refuse(g, unready);
        return unready;
    }
    bool add;
    void *grad = hone_graph_grad(g, out, &add);
    if (!grad) return hone_graph_status(g);
    memcpy(grad, dout, tensor_bytes(out));
    return walk(g);
}

hone_status hone_graph_backward(hone_graph *g, hone_tensor *loss, double scale) {
    HONE_TRY(hone_graph_status(g));
    if (loss && hone_count(loss) != 1)
        return hone_fail(HONE_E_SHAPE, "backward: the loss is %s, wants one element", hone_shape_str(&loss->shape));
    float one_f32 = (float)scale;
    hone_graph_keep(g, loss);
    return hone_graph_backward_from(g, loss,
                                    loss && loss->dtype == HONE_F64 ? (const void *)&scale : (const void *)&one_f32);
}

hone_status hone_no_gradient(hone_graph *g, hone_node *n) {
    (void)g;
    return hone_fail(HONE_E_UNSUPPORTED, "%s has no derivative", n->op->name);
}
