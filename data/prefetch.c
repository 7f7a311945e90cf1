#include "data/prefetch.h"

#include "base/memory.h"

#include <pthread.h>
#include <signal.h>

/* Three counters tell everything: items filled (produced), items given out (handed), items given back (released), with
 * released <= handed <= produced <= released + 2. */
struct hone_prefetch {
    hone_fill fill;
    void *ctx;
    void *slots[2];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool threaded;
    int64_t produced, handed, released;
    bool ended, stopping;
    hone_status status; /* of the fill that failed */
    hone_error error;
};

/* One fill outside the lock; its result is stored under it. True while there is more to do. */
static bool produce(hone_prefetch *p) {
    bool end = false;
    hone_status st = p->fill(p->ctx, p->slots[p->produced % 2], &end);
    pthread_mutex_lock(&p->lock);
    if (st != HONE_OK) {
        p->status = st;
        p->error = *hone_last_error();
    } else if (end) {
        p->ended = true;
    } else {
        p->produced++;
    }
    pthread_cond_broadcast(&p->changed);
    bool more = !p->ended && p->status == HONE_OK;
    pthread_mutex_unlock(&p->lock);
    return more;
}

static void *producer(void *arg) {
    hone_prefetch *p = arg;
    for (;;) {
        pthread_mutex_lock(&p->lock);
        while (!p->stopping && p->produced - p->released == 2) pthread_cond_wait(&p->changed, &p->lock);
        bool stopping = p->stopping;
        pthread_mutex_unlock(&p->lock);
        if (stopping || !produce(p)) return NULL;
    }
}

hone_status hone_prefetch_start(hone_fill fill, void *ctx, void *slots[2], hone_prefetch **out) {
    hone_prefetch *p = hone_zalloc(sizeof *p);
    if (!p) return HONE_E_NOMEM;
    p->fill = fill;
    p->ctx = ctx;
    p->slots[0] = slots[0];
    p->slots[1] = slots[1];
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the new thread */
    p->threaded = !pthread_create(&p->thread, NULL, producer, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out = p;
    return HONE_OK;
}

hone_status hone_prefetch_next(hone_prefetch *p, void **slot) {
    hone_status st = HONE_OK;
    pthread_mutex_lock(&p->lock);
    p->released = p->handed;
    pthread_cond_broadcast(&p->changed);
    if (!p->threaded && p->handed == p->produced && !p->ended && p->status == HONE_OK) {
        pthread_mutex_unlock(&p->lock);
        produce(p);
        pthread_mutex_lock(&p->lock);
    }
    while (p->handed == p->produced && !p->ended && p->status == HONE_OK) pthread_cond_wait(&p->changed, &p->lock);
    if (p->handed < p->produced) {
        *slot = p->slots[p->handed++ % 2];
    } else if (p->status != HONE_OK) {
        st = p->status;
        hone_error_restore(&p->error);
    } else {
        *slot = NULL;
    }
    pthread_mutex_unlock(&p->lock);
    return st;
}

void hone_prefetch_stop(hone_prefetch *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (p->threaded) pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    hone_free(p);
}
