/* `hone bench embed`: start-up, latency, throughput and memory of embedding, on a user's model and texts.
 *
 *   first vector  a fresh process, `hone embed` of one text: from its start until the vector has come, and its peak
 *   one text      the warm process embeds the file's texts one by one: tokenizer, model, vector
 *   all texts     the warm process embeds the whole file, sorted and batched as `hone embed` does
 *   memory        peak of a fresh process, `hone embed` of the whole file
 *
 * Equal texts are computed once, as `hone embed` does: tokens counts what is computed. */
#ifndef HONE_TOOLS_BENCH_EMBED_H
#define HONE_TOOLS_BENCH_EMBED_H

#include "tools/options.h"

/* The options are those of hone_command_bench_embed. Prints on standard output.
 *   errors  those of `hone embed`; HONE_E_ARG for "-" as input, which could be read only once */
hone_status hone_bench_embed(const hone_options *o);

#endif
