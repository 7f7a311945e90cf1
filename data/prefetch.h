/* Prefetch: a thread that prepares the next item while this one is used. Two slots take turns, so the order is the
 * producer's order and the memory is two items.
 *
 *     consumer:  next -> slot 0 … next -> slot 1 … next -> slot 0 …      (next gives the previous slot back)
 *     producer:        fill(slot 1)    fill(slot 0)
 *
 * A failing fill ends production: the items before it are still delivered, then hone_prefetch_next returns its status
 * with its error record restored in the consumer's thread, every time it is asked. The thread blocks all signals
 * (handlers run in the program's own threads). If no thread can be started, fills run inside hone_prefetch_next:
 * slower, the same result. */
#ifndef HONE_DATA_PREFETCH_H
#define HONE_DATA_PREFETCH_H

#include "base/status.h"

/* Fill `slot` with the next item, or set *end when there is none. Called by one thread at a time, in order. */
typedef hone_status (*hone_fill)(void *ctx, void *slot, bool *end);

typedef struct hone_prefetch hone_prefetch;

/* Starts at once. slots[0], slots[1] belong to the caller and outlive the prefetch. HONE_E_NOMEM. */
hone_status hone_prefetch_start(hone_fill fill, void *ctx, void *slots[2], hone_prefetch **out);
/* Wait for the next item; *slot = NULL at the end. The slot given by the previous call goes back to the producer. */
hone_status hone_prefetch_next(hone_prefetch *p, void **slot);
/* Stop at any time: waits for a fill that is running, joins, frees. Accepts NULL. */
void hone_prefetch_stop(hone_prefetch *p);

#endif
