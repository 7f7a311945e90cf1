/* Hone: tensors, autograd, models, losses and training in C. One header for experiments and programs outside the tree:
 *
 *     #include <hone.h>
 *     int main(void) {
 *         const char *why;
 *         if (!hone_kernels_init(&why)) …                       // choose the kernel rows of this machine, once
 *         hone_model *m;
 *         if (hone_model_open("all-MiniLM-L6-v2", NULL, &m) != HONE_OK)
 *             fprintf(stderr, "%s\n", hone_error_text(hone_last_error()));
 *     }
 *
 * Build: cc program.c $(pkg-config --cflags --libs hone); C++ takes it, too. docs/library.md is the introduction, each
 * header below a page of the reference; the floors they stand on are drawn in docs/house.md. Nothing inside the tree
 * includes this file: there, arrows are drawn one by one.
 *
 * What holds for all of them
 *   errors     a function that can fail returns a hone_status, and hone_last_error() has the sentence (base/status.h);
 *              builders of tensors return NULL, and hone_graph_status(g) has it. On failure *out is untouched unless
 *              the page says otherwise
 *   ownership  what _new, _open, _read and _build made goes back through the _free or _close beside it, which accepts
 *              NULL or {0}; what an arena or a graph made is gone when it is reset (hone_graph_begin); other pointers
 *              handed out are borrowed
 *   arguments  what a page does not call optional must be there: a NULL object, path or array to read is the caller's
 *              mistake and is not caught everywhere. Numbers, names, shapes, files and what is in them are always
 *              checked
 *   threads    one object, one thread at a time; different objects, any threads. Work inside a call is spread over
 *              hone_threads() threads, and its result does not depend on how many those are
 *   counts     int64_t; bytes are size_t; tensors are row-major, the last dimension contiguous */
#ifndef HONE_H
#define HONE_H

#ifdef __cplusplus /* system headers bring their own linkage */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
extern "C" {
#endif

#include "autograd/gradcheck.h"
#include "autograd/graph.h"
#include "autograd/ops.h"
#include "base/io.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/status.h"
#include "data/batches.h"
#include "data/duplicates.h"
#include "data/split.h"
#include "data/table.h"
#include "data/tokenizer/tokenizer.h"
#include "eval/bootstrap.h"
#include "eval/correlation.h"
#include "eval/mining.h"
#include "eval/neighbours.h"
#include "eval/pair_metrics.h"
#include "eval/retrieval.h"
#include "eval/similarity.h"
#include "kernels/kernels.h"
#include "losses/loss.h"
#include "models/model.h"
#include "nn/layers.h"
#include "nn/optim.h"
#include "nn/param.h"
#include "nn/schedule.h"
#include "tensor/matmul.h"
#include "tensor/matmul_bf16.h"
#include "tensor/matmul_int8.h"
#include "tensor/safetensors.h"
#include "tensor/tensor.h"
#include "train/checkpoint.h"
#include "train/pass.h"
#include "train/train.h"

#ifdef __cplusplus
}
#endif

#endif
