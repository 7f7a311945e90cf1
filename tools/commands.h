/* The subcommands of `hone`: each is one file in tools/ that reads like its manual page and publishes one table. */
#ifndef HONE_TOOLS_COMMANDS_H
#define HONE_TOOLS_COMMANDS_H

#include "tools/options.h"

extern const hone_command hone_command_train;
extern const hone_command hone_command_embed;
extern const hone_command hone_command_eval;
extern const hone_command hone_command_tokenize;
extern const hone_command hone_command_inspect;
extern const hone_command hone_command_report;
extern const hone_command hone_command_data_validate;
extern const hone_command hone_command_data_split;
extern const hone_command hone_command_data_stats;
extern const hone_command hone_command_data_negatives;
extern const hone_command hone_command_data_sample;
extern const hone_command hone_command_bench_kernels;
extern const hone_command hone_command_bench_step;
extern const hone_command hone_command_bench_embed;

#endif
