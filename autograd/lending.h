/* Memory of a step that went out of use and is lent out again: a list of free pieces, by address.
 *
 *     given back:   [ q k v ........ ]      [ h ........ ][ sum ]        neighbours become one piece
 *     taken:        |low |                                |high |        from either end of the smallest that holds it
 *
 * What is wanted for a while comes from the low end of a piece, what stays until the end of the step from the high one:
 * a walk back frees memory from high addresses to low ones, so what was freed last and what is freed next then meet.
 * The list says where memory is and never touches it. Used by one thread at a time. */
#ifndef HONE_AUTOGRAD_LENDING_H
#define HONE_AUTOGRAD_LENDING_H

#include "base/memory.h"

/* A free piece, and the list of them. */
typedef struct hone_loan {
    char *p;
    size_t bytes;
    struct hone_loan *next;
} hone_loan;

/* {.structs = an arena}: nothing to lend yet. The list's own nodes lie in `structs` (borrowed), apart from the memory
 * that is lent, whose neighbours they would keep from each other. Zero the rest when that arena is reset. */
typedef struct hone_lending {
    hone_arena *structs;
    hone_loan *first, *spare;
} hone_lending;

/* `bytes` rounded up to 64: what is taken and given back for them, and what the first owner has to ask for. */
size_t hone_lending_room(size_t bytes);
/* p and the room of `bytes` behind it are free. NULL is ignored; without memory for a node the piece is lost until the
 * step ends. */
void hone_lending_give(hone_lending *l, void *p, size_t bytes);
/* Room for `bytes`, 64-byte aligned, or NULL when no piece holds them. */
void *hone_lending_take(hone_lending *l, size_t bytes, bool stays);

#endif
