#include "losses/loss.h"

#include <string.h>

const hone_loss *const hone_losses[] = {&hone_loss_mnr, &hone_loss_mnr_symmetric, &hone_loss_triplet, NULL};

const hone_loss *hone_loss_find(const char *name) {
    for (int i = 0; hone_losses[i]; i++)
        if (!strcmp(hone_losses[i]->name, name)) return hone_losses[i];
    return NULL;
}
