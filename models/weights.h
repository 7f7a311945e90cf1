/* Weights between files and parameters: names in every spelling that is in use, shapes and types checked. */
#ifndef HONE_MODELS_WEIGHTS_H
#define HONE_MODELS_WEIGHTS_H

#include "nn/param.h"
#include "tensor/prepared.h"
#include "tensor/safetensors.h"

/* The file's tensor for a classic name: as it is, or behind the family's prefix, and with LayerNorm.gamma / beta for
 * weight / bias. NULL: not there. */
const hone_safetensors_entry *hone_weights_find(const hone_safetensors *st, const char *prefix, const char *name);

/* Where parameters without memory of their own go (nn/param.h, HONE_PARAMS_INFERENCE). */
typedef struct hone_weights_place {
    hone_arena *arena;
    hone_precision precision; /* of the matrices */
} hone_weights_place;

/* Fill the first `count` parameters. Tables without memory borrow it from the mapping where the file has F32 at an
 * aligned place, else get memory from the place's arena. Matrices that prepare are laid out there, from the mapping
 * itself where it can be read so, and what was read of the file is let go. HONE_E_FORMAT for a missing tensor,
 * HONE_E_SHAPE for one that does not fit: file, name, both shapes. */
hone_status hone_weights_load(const hone_safetensors *st, hone_params *ps, int64_t count, const char *prefix,
                              const hone_weights_place *place, const char *dir);
/* Fill "<name>.weight" and "<name>.bias" (if declared) from "<there>.weight" and "<there>.bias". */
hone_status hone_weights_load_layer(const hone_safetensors *st, hone_params *ps, const char *name, const char *there,
                                    const hone_weights_place *place, const char *dir);

/* Write every published tensor except those of modules with folders of their own ("N_Dense."), as F32. */
hone_status hone_weights_save(const hone_params *ps, const char *file);

#endif
