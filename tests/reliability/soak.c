/* A long run that must not grow: STEPS (5,000) steps of the tiny model with dropout, an evaluation and a checkpoint
 * every EVERY (50) of them, in this process. From step 100 on, when everything has happened once or twice, are watched
 * at each step:
 *
 *     resident memory (VmRSS)                                             grows by less than 1 MiB
 *     bytes that the allocator has handed out, those of arenas with them  grow by less than 64 KiB and 8 bytes a step
 *     open file descriptors                                               do not grow
 *
 * The optimiser keeps one factor of decay for each step, in an array that doubles: at most 8 bytes a step. What the
 * allocator keeps for each thread to hand out again counts as handed out, 20 to 40 KiB of it, in the first hundreds of
 * steps. */
#include "tests/reliability/common.h"

#include "base/io.h"
#include "base/machine.h"
#include "data/batch.h"
#include "losses/loss.h"
#include "tools/judge.h"
#include "train/train.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum { FROM = 100 };

typedef struct state {
    int64_t resident, held, files;
} state;

typedef struct watch {
    state first, most;
    int64_t evaluations, steps;
} watch;

static state look(void) {
    hone_machine_memory m;
    char **names;
    size_t n = 0;
    hone_machine_get_memory(&m);
    if (hone_io_list("/proc/self/fd", &names, &n) == HONE_OK) hone_free(names);
    struct mallinfo2 i = mallinfo2();
    return (state){(int64_t)m.resident, (int64_t)(i.uordblks + i.hblkhd), (int64_t)n};
}

static void raise_to(int64_t *most, int64_t x) {
    if (x > *most) *most = x;
}

static void report(void *ctx, const hone_train_report *r) {
    watch *w = ctx;
    if (r->note) printf("step %d: %s\n", (int)r->step, r->note);
    w->evaluations += r->metrics != NULL;
    if (r->note || r->metrics || r->step < FROM) return;
    state s = look();
    w->steps = r->step;
    if (r->step == FROM) w->first = w->most = s;
    raise_to(&w->most.resident, s.resident);
    raise_to(&w->most.held, s.held);
    raise_to(&w->most.files, s.files);
}

static void must(hone_status s) {
    if (s != HONE_OK) die("%s", hone_last_error()->message);
}

int main(void) {
    hone_model *m;
    hone_table *table;
    hone_roles roles;
    hone_texts texts;
    hone_token_store store;
    hone_judge *judge;
    watch w = {0};
    double start = clock_seconds();
    int64_t steps = setting("STEPS", 5000), every = setting("EVERY", 50);
    if (!hone_kernels_init(NULL)) die("no kernels");
    must(hone_model_open(MODEL, &(hone_model_options){.train = true, .dropout = 0.1}, &m));
    must(hone_table_read(PAIRS, NULL, &table));
    must(hone_roles_apply(table, HONE_ROWS_PAIRS, NULL, 0, &roles));
    must(hone_texts_from_table(table, roles.columns, roles.n_texts, &texts));
    hone_tokenizer_encoder tokenizer = {hone_model_tokenizer(m), hone_model_get_info(m)->max_length};
    hone_encoder encoder = hone_encoder_of_tokenizer(&tokenizer);
    must(hone_token_store_build(&texts, NULL, &encoder, &store));
    must(hone_judge_new(&texts, NULL, texts.rows, &(hone_judge_options){0}, &judge));
    hone_evaluation evaluation = {hone_judge_run, judge};
    hone_train_data data = {.store = &store, .texts = &texts, .n = texts.rows};
    hone_train_options o = {.out = in_dir("run"),
                            .loss = &hone_loss_mnr,
                            .loss_options = {.scale = 20},
                            .steps = steps,
                            .batch_size = 8,
                            .accumulate = 1,
                            .lr = 1e-4,
                            .warmup = 0.1,
                            .optim = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.01, .clip = 1},
                            .seed = 42,
                            .no_duplicates = true,
                            .eval_every = every,
                            .save_every = every,
                            .keep = 2,
                            .evaluation = &evaluation,
                            .report = report,
                            .ctx = &w};
    hone_train_result result;
    must(hone_train_run(m, &data, &o, &result));
    int64_t resident = w.most.resident - w.first.resident, held = w.most.held - w.first.held,
            files = w.most.files - w.first.files;
    if (resident >= 1 << 20) printf("resident memory: %d bytes more than at step %d\n", (int)resident, FROM);
    const int64_t room = (64 << 10) + 8 * steps;
    if (held >= room) printf("memory handed out: %d bytes more than at step %d\n", (int)held, FROM);
    if (files > 0) printf("open files: %d more than at step %d\n", (int)files, FROM);
    if (w.steps != steps) printf("%d steps of %d\n", (int)w.steps, (int)steps);
    int64_t good = (resident < 1 << 20) + (held < room) + (files <= 0) + (w.steps == steps);
    hone_judge_free(judge);
    hone_token_store_free(&store);
    hone_texts_free(&texts);
    hone_table_free(table);
    hone_model_close(m);
    return verdict("soak", good, 4,
                   "%d steps, %d evaluations; since step %d resident +%d KiB of %d, handed out %+d bytes of %d, open "
                   "files %+d of %d; %.0f s",
                   (int)w.steps, (int)w.evaluations, FROM, (int)(resident >> 10), (int)(w.first.resident >> 10),
                   (int)held, (int)w.first.held, (int)files, (int)w.first.files, clock_seconds() - start);
}
