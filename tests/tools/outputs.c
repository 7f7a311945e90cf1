/* What the commands refuse to write over, and where they write as it stands. */
#include "base/io.h"
#include "base/memory.h"
#include "tests/tools/command.h"

#include <stdlib.h>
#include <unistd.h>

#define MODEL "tests/golden/models/mean"
#define TRIPLETS "tests/golden/train/triplets.jsonl"

/* Runs hone; formatted arguments. */
TEST(tools, an_output_that_is_the_input_is_refused_by_whatever_name) {
    const char *in = write_file("own.jsonl", "{\"text\": \"a\", \"price\": 3}\n{\"text\": \"b\"}\n");
    const char *pairs = write_file(
        "mine.jsonl", "{\"anchor\": \"a\", \"positive\": \"b\"}\n{\"anchor\": \"c\", \"positive\": \"d\"}\n");
    const char *other = out_path("own-link.jsonl");
    CHECK(!symlink("own.jsonl", other));
    const command_result *r = hone("embed --model " MODEL " --input %s --out %s", in, other);
    CHECK_MSG(r->status == 2 && strstr(r->err, "is the same file as --input"), "%d: %s", r->status, r->err);
    r = hone("data negatives %s --model " MODEL " --out %s/./mine.jsonl", pairs, test_dir());
    CHECK_MSG(r->status == 2 && strstr(r->err, "is the same file as FILE"), "%d: %s", r->status, r->err);
    r = hone("data negatives %s --corpus %s --model " MODEL " --out %s", pairs, in, in);
    CHECK_MSG(r->status == 2 && strstr(r->err, "is the same file as --corpus"), "%d: %s", r->status, r->err);
    char *text;
    size_t n;
    CHECK_OK(hone_io_read_file(in, 1000, &text, &n));
    CHECK(strstr(text, "price"));
    hone_free(text);
    char model[600], weights[700];
    snprintf(model, sizeof model, "%s", out_path("own-model"));
    CHECK_OK(hone_io_mkdirs(model));
    snprintf(weights, sizeof weights, "cp -r " MODEL "/. %s", model);
    CHECK_INT(system(weights), 0);
    snprintf(weights, sizeof weights, "%s/model.safetensors", model);
    r = hone("embed --model %s --input %s --out %s", model, in, weights);
    CHECK_MSG(r->status == 2 && strstr(r->err, "is the same file as a file of the model"), "%d: %s", r->status, r->err);
    CHECK(!symlink("own-model/1_Pooling/config.json", out_path("own-pooling.jsonl")));
    r = hone("data negatives %s --model %s --out %s", pairs, model, out_path("own-pooling.jsonl"));
    CHECK_MSG(r->status == 2 && strstr(r->err, "is the same file as a file of the model"), "%d: %s", r->status, r->err);
    CHECK_INT(hone("embed --model %s --input %s --out %s/new.npy", model, in, model)->status, 0);
    snprintf(weights, sizeof weights, "mv %s %s/run.json", pairs, test_dir());
    CHECK_INT(system(weights), 0);
    r = hone("train --task pairs --model " MODEL " --train %s/run.json --out %s --steps 1", test_dir(), test_dir());
    CHECK_MSG(r->status == 2 && strstr(r->err, "run.json is the same file as --train"), "%d: %s", r->status, r->err);
}

TEST(tools, a_run_does_not_begin_where_models_or_checkpoints_lie_without_a_log) {
    static const char *const held[] = {"best_model", "final_model", "checkpoint_step_9"};
    char dir[600], path[700];
    snprintf(dir, sizeof dir, "%s", out_path("held"));
    for (int i = 0; i < 6; i++) {
        CHECK_OK(hone_io_remove_tree(dir));
        snprintf(path, sizeof path, "%s/%s", dir, held[i % 3]);
        CHECK_OK(hone_io_mkdirs(path));
        const command_result *r =
            hone("train --task triplet --model " MODEL " --train " TRIPLETS " --out %s --steps 2%s", dir,
                 i < 3 ? "" : " --resume");
        if (i == 5) { /* a folder without state.json is no checkpoint of ours: none is whole */
            CHECK_MSG(r->status == 3 && strstr(r->err, "none of its checkpoints is whole"), "%d: %s", r->status,
                      r->err);
        } else
            CHECK_MSG(r->status == 2 && strstr(r->err, "already holds") && strstr(r->err, held[i % 3]), "%d: %s",
                      r->status, r->err);
        CHECK(hone_io_is_dir(path));
    }
    CHECK_OK(hone_io_remove_tree(dir));
    const command_result *r =
        hone("train --task triplet --model " MODEL " --train " TRIPLETS " --out %s --steps 3 --save-every 1", dir);
    CHECK_MSG(r->status == 0, "%s", r->err);
    snprintf(path, sizeof path, "%s/checkpoint_step_9", dir); /* somebody's, beside ours */
    CHECK_OK(hone_io_mkdirs(path));
    char line[1400];
    snprintf(line, sizeof line, "rm -r %s/final_model %s/checkpoint_step_3", dir, dir);
    CHECK_INT(system(line), 0);
    r = hone("train --task triplet --model " MODEL " --train " TRIPLETS " --out %s --steps 3 --save-every 1 --resume",
             dir);
    CHECK_MSG(r->status == 0 && hone_io_is_dir(path), "%d: %s", r->status, r->err);
}

TEST(tools, devices_are_written_to_and_an_empty_operand_is_named) {
    const char *in = write_file("device.jsonl", "{\"text\": \"a b\"}\n");
    const command_result *r = hone("embed --quiet --model " MODEL " --input %s --out /dev/stdout", in);
    CHECK_MSG(r->status == 0 && !strncmp(r->out, "{\"row\":0", 8), "%d: %s", r->status, r->err);
    r = hone("data validate '' --task pairs");
    CHECK_MSG(r->status == 2 && strstr(r->err, "FILE: the name is empty"), "%d: %s", r->status, r->err);
}
