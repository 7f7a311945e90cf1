#include "tools/precision.h"

#include "tensor/matmul_bf16.h"
#include "tools/terminal.h"

#include <stdio.h>
#include <string.h>

hone_status hone_precision_option(const hone_options *o, bool training, hone_precision *out) {
    const char *word = hone_options_string(o, "precision");
    *out = HONE_PRECISION_F32;
    for (int p = 0; p < HONE_PRECISION_COUNT; p++)
        if (!strcmp(word, hone_precision_name((hone_precision)p))) *out = (hone_precision)p;
    if (training && *out == HONE_PRECISION_INT8) {
        hone_fail(HONE_E_ARG, "--precision int8 computes embeddings and does not train");
        return hone_hint("allowed here: f32, bf16");
    }
    if (*out == HONE_PRECISION_BF16 && !hone_matmul_bf16_is_native() && !hone_options_flag(o, "quiet"))
        fprintf(stderr, "note: this CPU has no bf16 dot products; the results are those of bf16, the speed is not\n");
    return HONE_OK;
}

void hone_precision_note(const hone_options *o, const hone_model *m) {
    const hone_model_info *info = hone_model_get_info(m);
    if (info->precision != HONE_PRECISION_F32 || (strcmp(info->stated, "bfloat16") && strcmp(info->stated, "float16")))
        return;
    hone_print_note(hone_options_flag(o, "quiet"),
                    "the folder states %s, in which transformers computes; these are the more exact results of f32",
                    info->stated);
}
