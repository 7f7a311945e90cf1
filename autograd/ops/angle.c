/* AnglE similarity of unit rows. With x = (a, b) and y = (c, d) cut in halves, an odd length filled up with one zero:
 *     t = x . y + sum_i (b_i c_i - a_i d_i),  s = |t|
 *     da = sign(t) (c - d), db = sign(t) (d + c), dc = sign(t) (a + b), dd = sign(t) (b - a)      (0 where t = 0)
 * In double whatever the type. */
#include "autograd/ops.h"
#include "autograd/ops/common.h"
#include "autograd/ops/element.h"

#include <math.h>

static hone_status angle_shape(const hone_node *n, hone_shape *shape, hone_dtype *dtype) {
    const hone_tensor *x = n->in[0], *y = n->in[1];
    if (x->shape.rank != 2 || !hone_shape_equal(&x->shape, &y->shape))
        return hone_fail(HONE_E_SHAPE, "angle: x \"%s\" is %s, y \"%s\" is %s, both want [rows, D]", x->name,
                         hone_shape_str(&x->shape), y->name, hone_shape_str(&y->shape));
    *shape = hone_shape_of(1, hone_dim(x, 0));
    *dtype = x->dtype;
    return HONE_OK;
}

/* Element i of row r, 0 behind the end. */
static double at(const hone_tensor *x, int64_t r, int64_t i) {
    int64_t D = hone_dim(x, 1);
    return i < D ? op_get(x->dtype, x->data, r * D + i) : 0;
}

static double angle_of(const hone_node *n, int64_t r) {
    const hone_tensor *x = n->in[0], *y = n->in[1];
    int64_t half = (hone_dim(x, 1) + 1) / 2;
    double t = 0;
    for (int64_t i = 0; i < half; i++) {
        double a = at(x, r, i), b = at(x, r, half + i), c = at(y, r, i), d = at(y, r, half + i);
        t += a * c + b * d + b * c - a * d;
    }
    return t;
}

static hone_status angle_forward(hone_graph *g, hone_node *n) {
    (void)g;
    for (int64_t r = 0; r < hone_dim(n->out, 0); r++)
        op_put(n->out->dtype, n->out->data, r, fabs(angle_of(n, r)), false);
    return HONE_OK;
}

/* Row r of the gradient of x (side 0) or y. */
static void put_row(const hone_node *n, int side, int64_t r, double slope, void *grad, bool add) {
    const hone_tensor *other = n->in[1 - side];
    int64_t D = hone_dim(other, 1), half = (D + 1) / 2;
    for (int64_t i = 0; i < half; i++) {
        double first = at(other, r, i), last = at(other, r, half + i);
        double low = side ? first + last : first - last, high = side ? last - first : last + first;
        op_put(other->dtype, grad, r * D + i, slope * low, add);
        if (half + i < D) op_put(other->dtype, grad, r * D + half + i, slope * high, add);
    }
}

static hone_status angle_backward(hone_graph *g, hone_node *n) {
    for (int side = 0; side < 2; side++) {
        bool add;
        void *grad = hone_graph_grad(g, n->in[side], &add);
        for (int64_t r = 0; grad && r < hone_dim(n->out, 0); r++) {
            double t = angle_of(n, r), dout = op_get(n->out->dtype, n->out->grad, r);
            put_row(n, side, r, t > 0 ? dout : t < 0 ? -dout : 0, grad, add);
        }
    }
    return hone_graph_status(g);
}

const hone_op hone_op_angle = {.name = "angle",
                               .min_in = 2,
                               .max_in = 2,
                               .shape = angle_shape,
                               .forward = angle_forward,
                               .backward = angle_backward};

hone_tensor *hone_angle(hone_graph *g, hone_tensor *x, hone_tensor *y) {
    return hone_graph_apply(g, &hone_op_angle, 2, (hone_tensor *[]){x, y}, NULL, 0);
}
