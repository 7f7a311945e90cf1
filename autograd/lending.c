#include "autograd/lending.h"

size_t hone_lending_room(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

static hone_loan *new_loan(hone_lending *l) {
    hone_loan *n = l->spare;
    if (!n) return hone_arena_alloc(l->structs, sizeof *n);
    l->spare = n->next;
    return n;
}

static void drop(hone_lending *l, hone_loan **at) {
    hone_loan *n = *at;
    *at = n->next;
    n->next = l->spare, l->spare = n;
}

void hone_lending_give(hone_lending *l, void *p, size_t bytes) {
    if (!p || !bytes) return;
    char *begin = p, *end = begin + hone_lending_room(bytes);
    hone_loan **at = &l->first;
    while (*at && (*at)->p + (*at)->bytes < begin) at = &(*at)->next;
    hone_loan *n = *at;
    if (n && n->p + n->bytes == begin) {
        n->bytes += (size_t)(end - begin);
        if (!n->next || n->next->p != end) return;
        n->bytes += n->next->bytes;
        drop(l, &n->next);
    } else if (n && n->p == end) {
        n->p = begin, n->bytes += (size_t)(end - begin);
    } else if ((n = new_loan(l))) {
        *n = (hone_loan){begin, (size_t)(end - begin), *at};
        *at = n;
    }
}

void *hone_lending_take(hone_lending *l, size_t bytes, bool stays) {
    size_t room = hone_lending_room(bytes);
    hone_loan **best = NULL;
    for (hone_loan **at = &l->first; *at; at = &(*at)->next)
        if ((*at)->bytes >= room && (!best || (*at)->bytes < (*best)->bytes)) best = at;
    if (!best || !room) return NULL;
    hone_loan *n = *best;
    char *p = stays ? n->p + n->bytes - room : n->p;
    if (!stays) n->p += room;
    n->bytes -= room;
    if (!n->bytes) drop(l, best);
    return p;
}
