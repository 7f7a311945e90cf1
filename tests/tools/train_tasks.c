/* The tasks and options of hone train and hone eval beyond pairs and triplets, through the command. */
#include "base/io.h"
#include "base/json.h"
#include "tests/tools/command.h"
#include "tools/train_setup.h"

#include <stdlib.h>

#define MODEL "tests/golden/models/mean"
#define DATA "tests/golden/train/"

static json_t *read_json(const char *format, const char *dir) {
    char path[600];
    json_t *j;
    snprintf(path, sizeof path, format, dir);
    CHECK_OK(hone_json_load(path, &j));
    return j;
}

TEST(tools, every_loss_of_the_library_goes_with_a_task) {
    static const char *const tasks[] = {"pairs", "triplet", "scored"};
    for (int i = 0; hone_losses[i]; i++) {
        const hone_loss *found = NULL;
        for (int t = 0; t < 3 && !found; t++) hone_train_loss_of(tasks[t], hone_losses[i]->name, &found);
        CHECK_MSG(found == hone_losses[i], "--loss %s goes with no task", hone_losses[i]->name);
        CHECK_MSG(strstr("|" HONE_TRAIN_LOSSES "|", hone_losses[i]->name), "--loss %s is not known",
                  hone_losses[i]->name);
    }
}

TEST(tools, scored_pairs_are_trained_and_judged_by_their_correlations) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/scored", test_dir());
    const command_result *r =
        hone("train --quiet --json --task scored --model " MODEL " --train " DATA "scored.jsonl --eval-split 0.3 "
             "--batch-size 8 --epochs 2 --lr 1e-3 --matryoshka 16,6 --out %s",
             dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    json_t *j = read_json("%s/run.json", dir);
    CHECK_STR(json_string_value(json_object_get(json_object_get(j, "options"), "loss")), "cosent");
    json_decref(j);
    r = hone("eval --quiet --json --task scored --model " MODEL " --data " DATA "scored.jsonl --compare %s/best_model",
             dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    j = json_loads(r->out, 0, NULL);
    CHECK_INT(json_integer_value(json_object_get(j, "rows")), 50);
    /* EmbeddingSimilarityEvaluator of sentence-transformers 6.2 on the same rows */
    json_t *before = json_object_get(j, "metrics");
    CHECK_NEAR(json_number_value(json_object_get(json_object_get(before, "pearson"), "value")), -0.15667467159961065,
               1e-6);
    CHECK_NEAR(json_number_value(json_object_get(json_object_get(before, "spearman"), "value")), -0.19224447717378618,
               1e-6);
    CHECK(json_number_value(json_object_get(json_object_get(json_object_get(j, "difference"), "spearman"), "value")) >
          0);
    CHECK(json_number_value(json_object_get(json_object_get(json_object_get(j, "difference"), "pearson"), "p")) < 1);
    json_decref(j);
    /* A prefix of the trained embeddings. */
    r = hone("embed --quiet --model %s/final_model --input " DATA "labelled.jsonl --truncate 6 --out %s/x.npy", dir,
             dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
}

TEST(tools, labelled_texts_are_trained_and_judged_by_their_neighbours) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/labelled", test_dir());
    const command_result *r =
        hone("train --quiet --task triplet --loss batch-hard --model " MODEL " --train " DATA "labelled.jsonl "
             "--eval-split 0.3 --batch-size 8 --epochs 1 --lr 1e-3 --out %s",
             dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    r = hone("eval --quiet --json --task triplet --labels --model " MODEL " --data " DATA
             "labelled.jsonl --compare %s/best_model",
             dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL);
    CHECK_INT(json_integer_value(json_object_get(j, "queries")), 54); /* two labels stand at one text each */
    CHECK_INT(json_object_size(json_object_get(j, "metrics")), 7);
    json_decref(j);
}

/* As data validate and data split count them. */
TEST(tools, white_space_around_a_label_is_none_of_its_own) {
    const char *in = write_file("spaced.csv", "text,label\na,x\nb,x \nc,\"\ty\"\nd,y\n");
    const command_result *r = hone("train --quiet --task triplet --loss batch-hard --model " MODEL
                                   " --train %s --dry-run --json --out %s/never",
                                   in, test_dir());
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *j = json_loads(r->out, 0, NULL), *classes = json_object_get(json_object_get(j, "labels"), "classes");
    CHECK_INT(json_integer_value(json_object_get(classes, "count")), 2);
    json_decref(j);
    r = hone("data validate %s --task triplet --loss batch-hard --json", in);
    j = json_loads(r->out, 0, NULL);
    CHECK_MSG(r->status == 0 && strstr(r->out, "\"different\":2"), "%s", r->out);
    json_decref(j);
}

TEST(tools, train_stops_when_its_patience_ends_and_says_so) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/patience", test_dir());
    const command_result *r = hone("train --task pairs --model " MODEL " --train " DATA
                                   "pairs.jsonl --eval-split 0.3 --batch-size 8 --epochs 30 "
                                   "--lr 1e-9 --metric accuracy@10 --patience 2 --out %s",
                                   dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    CHECK_MSG(strstr(r->err, "stopped early: no new best in 2 evaluations"), "%s", r->err);
}

TEST(tools, a_frozen_model_and_rates_of_its_own_are_taken_by_pattern) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/frozen", test_dir());
    const char *rest = "--quiet --task pairs --model " MODEL " --train " DATA
                       "grouped.jsonl --loss gte --group group --epochs 1 --batch-size 8";
    const command_result *r =
        hone("train %s --freeze 'embeddings.*' --freeze '*.key.*' --lr-scale 'encoder.layer.0.*=0.5,*.bias=2' --out %s",
             rest, dir);
    CHECK_MSG(r->status == 0 && !*r->err, "%s", r->err);
    CHECK_INT(hone("train %s --freeze 'embeddings.*' --resume --out %s", rest, dir)->status, 2); /* another run */
    static const char *const wrong[][2] = {
        {"--freeze nonsense", "--freeze: no parameter matches \"nonsense\""},
        {"--freeze '*'", "every parameter is frozen"},
        {"--lr-scale 'embeddings.*=fast'", "\"fast\" is not a number of 0 or more"},
        {"--lr-scale 'embeddings.*=-1'", "\"-1\" is not a number of 0 or more"},
        {"--lr-scale 'x*=1'", "--lr-scale: no parameter matches \"x*\""},
        {"--matryoshka 16,17", "17 is out of range, the model's embeddings have 16 dimensions"},
        {"--matryoshka 8,8", "8 is given twice"},
        {"--group nothing", "--group: no field \"nothing\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        r = hone("train %s --out %s-wrong %s", rest, dir, wrong[i][0]);
        CHECK_MSG(r->status == 2 && strstr(r->err, wrong[i][1]), "%s: exit %d, %s", wrong[i][0], r->status, r->err);
    }
}

TEST(tools, eval_shows_whole_texts_to_machines_and_resamples_differences_as_often_as_asked) {
    char rows[20000] = "";
    for (int i = 0; i < 12; i++) {
        sprintf(rows + strlen(rows), "{\"anchor\":\"%c\",\"positive\":\"%c ", 'a' + i, 'z' - i);
        for (int k = 0; k < 300; k++) strcat(rows, "\xC3\xA9"); /* 602 bytes: the 400th is in the middle of one */
        strcat(rows, "\\tx\"}\n");
    }
    const char *file = write_file("long.jsonl", rows),
               *line =
                   "eval --quiet --task pairs --model tests/golden/models/mean --compare tests/golden/models/pool_max "
                   "--changed 3 --max-length 6 --data";
    const command_result *r = hone("%s %s --json --bootstrap 100", line, file);
    CHECK_MSG(r->status == 0, "%s", r->err);
    json_t *few = json_loads(r->out, 0, NULL), *x = json_array_get(json_object_get(few, "changed"), 0);
    CHECK_MSG(x, "%s", r->out);
    CHECK_INT(strlen(json_string_value(json_object_get(x, "right"))), 604);
    CHECK(!strcmp(json_string_value(json_object_get(x, "right")) + 602, "\tx"));
    r = hone("%s %s --json --bootstrap 1000", line, file);
    json_t *many = json_loads(r->out, 0, NULL), *a, *b = json_object_get(many, "difference");
    const char *name;
    int differ = 0;
    json_object_foreach(json_object_get(few, "difference"), name, a) {
        const json_t *c = json_object_get(b, name);
        differ += json_number_value(json_object_get(a, "low")) != json_number_value(json_object_get(c, "low")) ||
                  json_number_value(json_object_get(a, "high")) != json_number_value(json_object_get(c, "high"));
    }
    CHECK(differ > 0);
    json_decref(few);
    json_decref(many);
    r = hone("%s %s", line, file);
    CHECK_MSG(strstr(r->out, "\xC3\xA9 ...\n") && !strstr(r->out, "\\xC3"), "%s", r->out);
}

TEST(tools, rows_that_a_loss_cannot_use_are_named) {
    char dir[512];
    snprintf(dir, sizeof dir, "%s/unusable", test_dir());
    const command_result *r = hone("train --task scored --model " MODEL " --train " DATA "pairs.jsonl --out %s", dir);
    CHECK_MSG(r->status == 3 && strstr(r->err, "no field \"score\""), "%s", r->err);
    r = hone("train --task scored --loss online-contrastive --columns label=score --model " MODEL " --train " DATA
             "scored.jsonl --out %s",
             dir);
    CHECK_MSG(strstr(r->err, "expected 0 or 1"), "%s", r->err);
    r = hone("train --task triplet --loss semi-hard --model " MODEL " --train " DATA "pairs.jsonl --out %s", dir);
    CHECK_MSG(r->status == 3 && strstr(r->err, "no field \"label\""), "%s", r->err);
    r = hone("train --task triplet --loss semi-hard --batch-size 9 --model " MODEL " --train " DATA
             "labelled.jsonl --out %s-odd",
             dir);
    CHECK_MSG(r->status == 2 && strstr(r->err, "batch size is 9, batches by class need an even one"), "%s", r->err);
    CHECK_INT(hone("eval --task scored --model " MODEL " --data " DATA "scored.jsonl --compare " MODEL " --changed 3")
                  ->status,
              2);
    CHECK_INT(hone("eval --task scored --labels --model " MODEL " --data " DATA "scored.jsonl")->status, 2);
}

TEST(tools, labels_that_give_no_triplet_name_their_file) {
    char one[512], same[512];
    snprintf(one, sizeof one, "%s/one.csv", test_dir());
    snprintf(same, sizeof same, "%s/same.csv", test_dir());
    FILE *f = fopen(one, "wb"), *g = fopen(same, "wb");
    CHECK(f && g);
    fprintf(f, "text,label\n"), fprintf(g, "text,label\n");
    for (int i = 0; i < 60; i++) fprintf(f, "city %d,l%d\n", i, i), fprintf(g, "city %d,l\n", i);
    CHECK(!fclose(f) && !fclose(g));
    for (int dry = 0; dry < 2; dry++) {
        const command_result *r =
            hone("train --task triplet --loss batch-all --model " MODEL " --train %s --out %s/none %s", one, test_dir(),
                 dry ? "--dry-run" : "");
        CHECK_INT(r->status, 3);
        CHECK_MSG(strstr(r->err, "one.csv: 0 of 60 labels have two rows or more"), "%s", r->err);
    }
    const command_result *r = hone("eval --task triplet --labels --model " MODEL " --data %s", same);
    CHECK_INT(r->status, 3);
    CHECK_MSG(strstr(r->err, "same.csv: no label stands at two texts"), "%s", r->err);
}
