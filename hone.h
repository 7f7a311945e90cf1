/* Hone: tensors, autograd, models, losses and training in C. One header for experiments and programs outside the tree:
 *
 *     #include <hone.h>
 *     int main(void) {
 *         const char *why;
 *         if (!hone_kernels_init(&why)) …                       // choose the kernel rows of this machine, once
 *         hone_model *m;
 *         if (hone_model_open("all-MiniLM-L6-v2", NULL, &m) != HONE_OK)
 *             fprintf(stderr, "%s\n", hone_last_error()->message);
 *     }
 *
 * Build: cc experiment.c $(pkg-config --cflags --libs hone). Each header below is a page of the manual; the floors they stand on are
 * drawn in docs/house.md. Nothing inside the tree includes this file: there, arrows are drawn one by one. */
#ifndef HONE_H
#define HONE_H

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
#include "eval/mining.h"
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
#include "train/train.h"

#endif
