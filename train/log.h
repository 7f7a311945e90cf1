/* log.jsonl: one object a step and an evaluation, in the form that cli.md section 6 fixes. Numbers read back to the
 * same values. */
#ifndef HONE_TRAIN_LOG_H
#define HONE_TRAIN_LOG_H

#include "train/train.h"

typedef struct hone_train_log hone_train_log;

/* Appends; whatever lies behind `offset` bytes (written after the checkpoint that is taken up) is cut off. */
hone_status hone_train_log_open(const char *path, int64_t offset, hone_train_log **out);
/* {"step":1,"epoch":0.01,"loss":2.31,"lr":1e-06,"grad_norm":4.2,"tokens":812,"ms":41}; a skipped step has null for what
 * was NaN or infinite, and "skipped":true at the end */
hone_status hone_train_log_step(hone_train_log *l, const hone_train_report *r);
/* {"step":100,"epoch":1,"eval":{"accuracy@1":0.61}} */
hone_status hone_train_log_evaluation(hone_train_log *l, const hone_train_report *r);
/* To the disk; *offset: bytes so far. */
hone_status hone_train_log_sync(hone_train_log *l, int64_t *offset);
bool hone_train_log_is_there(const hone_train_log *l); /* not removed or renamed since it was opened */
void hone_train_log_close(hone_train_log *l);          /* accepts NULL */

#endif
