#include "train/identity.h"

#include "base/fault.h"
#include "tests/test.h"
#include "tests/train/fixture.h"

#include <stdio.h>

TEST(identity, no_failing_allocation_leaves_something_out) {
    json_t *c = json_loads("{\"model\":\"mean\",\"data\":\"pairs.jsonl\",\"loss\":\"mnr\",\"batch_size\":8,\"lr\":1e-3,"
                           "\"matryoshka\":[16,7]}",
                           0, NULL);
    fixture f = fixture_open(c);
    hone_train_data data = {.store = &f.store, .texts = &f.texts, .n = f.texts.rows};
    json_t *whole = NULL, *id;
    json_decref(c);
    CHECK_OK(hone_train_identity(f.model, &data, &f.options, 5, 1, &whole));
    bool fired = true;
    int k;
    for (k = 1; fired; k++) {
        char rule[32];
        snprintf(rule, sizeof rule, "alloc:%d", k);
        CHECK(hone_fault_set(rule));
        id = NULL;
        hone_status s = hone_train_identity(f.model, &data, &f.options, 5, 1, &id);
        fired = hone_fault_fired() > 0;
        hone_fault_set(NULL);
        hone_json_whole();
        CHECK_MSG(s == HONE_E_NOMEM || (s == HONE_OK && json_equal(id, whole)), "%s: %d", rule, s);
        if (s == HONE_OK) json_decref(id);
    }
    CHECK(k > 50);
    json_decref(whole);
    fixture_close(&f);
}
