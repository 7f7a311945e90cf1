/* A value made NaN or infinite on purpose, compiled into test builds only (HONE_TEST_HOOKS).
 *
 * HONE_FAULT (base/fault.h), or hone_poison_set in a test, may hold rules
 *
 *     nan:op=NAME[:step=N[+]][:dir=fwd|bwd][:site=K][:part=P][:at=all]        inf: likewise
 *
 * In training steps (hone_graph_mode.train), behind each operation NAME: fwd (the default) one value of its result, bwd
 * one value of the gradient that it hands to its first input that wants one, is replaced. step counts from 1, as the
 * log does; N+: from there on; without it, every step. site: only the operation's K-th application in its graph
 * (hone_node.site, from 0, all operations counted); part: only in slice P of the step (hone_graph_mode.part). The value
 * is the largest one by magnitude, for a 0 is often where something was masked or dropped; still it may be one that
 * nobody reads (the next operation drops it), and at=all replaces every one. */
#ifndef HONE_AUTOGRAD_POISON_H
#define HONE_AUTOGRAD_POISON_H

#include "autograd/graph.h"

#ifdef HONE_TEST_HOOKS
/* Replace all rules; NULL or "": none. Rules of other floors are passed over. False: not understood, no rules are set.
 */
bool hone_poison_set(const char *rules);
/* How many values were replaced since then. */
int64_t hone_poison_fired(void);

void hone_poison_forward(const hone_graph *g, const hone_node *n);
void hone_poison_backward(const hone_graph *g, const hone_node *n);
#else
static inline void hone_poison_forward(const hone_graph *g, const hone_node *n) {
    (void)g, (void)n;
}
static inline void hone_poison_backward(const hone_graph *g, const hone_node *n) {
    (void)g, (void)n;
}
#endif

#endif
