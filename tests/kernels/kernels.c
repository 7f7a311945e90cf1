/* The choice of rows, and that every row gives the same bits whenever it is asked. */
#include "tests/kernels/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(isa, the_rows_in_use_are_those_that_were_asked_for) {
    if (test_emulates()) SKIP("the emulated rows are in use");
    const char *cap = getenv("HONE_ISA");
    hone_isa want = HONE_ISA_AVX512;
    while (!hone_isa_supported(want)) want--;
    if (cap && *cap)
        while (want > HONE_ISA_SCALAR && strcmp(cap, hone_isa_name(want)) != 0) want--;
    CHECK_STR(hone_isa_name(hone_kernels_isa()), hone_isa_name(want));
    int row = want == HONE_ISA_AVX512 ? ROW_AVX512 : want == HONE_ISA_AVX2 ? ROW_AVX2 : ROW_SCALAR;
#define HONE_KERNEL(name) CHECK(hone_##name == rows_##name[row]);
#include "kernels/kernels.def"
#undef HONE_KERNEL
    const char *why = NULL;
    CHECK(hone_kernels_init(&why)); /* again: nothing happens */
    CHECK_INT(hone_kernels_isa(), want);
}

/* This program once more, with HONE_ISA set: exit status, and what it says in `said`. */
static int run_with_isa(const char *isa, const char *room, char said[512]) {
    char self[1024], command[2048];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(n > 0);
    self[n] = 0;
    snprintf(command, sizeof command, "HONE_ISA='%s' '%s' %s 2>&1", isa, self, room);
    FILE *p = popen(command, "r");
    CHECK(p != NULL);
    size_t got = fread(said, 1, 511, p);
    said[got] = 0;
    while (getc(p) != EOF) {
    }
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(kernels, each_has_a_file_of_tests) {
    static const char *const names[] = {
#define HONE_KERNEL(name) #name,
#include "kernels/kernels.def"
#undef HONE_KERNEL
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        static const char *const types[] = {"_f32_", "_bf16_", "_f16_"};
        const char *type = NULL;
        char path[128];
        for (int k = 0; k < 3 && !type; k++) type = strstr(names[i], types[k]);
        CHECK_MSG(type, "%s: no type in its name", names[i]);
        snprintf(path, sizeof path, "tests/kernels/%.*s.c", (int)(type - names[i]), names[i]);
        CHECK_MSG(access(test_path(path), R_OK) == 0, "%s has no %s", names[i], path);
    }
}

TEST(kernels, hone_isa_caps_the_choice) {
    if (test_emulates()) SKIP("the emulated rows are in use");
    char said[512];
    for (int isa = 0; isa < 3; isa++) {
        int status = run_with_isa(hone_isa_name((hone_isa)isa), "isa", said);
        if (hone_isa_supported((hone_isa)isa)) {
            CHECK_MSG(status == 0, "%s: exit %d: %s", hone_isa_name((hone_isa)isa), status, said);
        } else {
            CHECK_INT(status, 2);
            CHECK_MSG(strstr(said, "does not have") && strstr(said, hone_isa_name((hone_isa)isa)), "said: %s", said);
        }
    }
    CHECK_INT(run_with_isa("", "isa", said), 0); /* empty counts as not set */
}

TEST(kernels, an_unknown_isa_is_refused_by_name) {
    char said[512];
    CHECK_INT(run_with_isa("avx9", "isa", said), 2);
    CHECK_MSG(strstr(said, "avx9") && strstr(said, "scalar, avx2 or avx512"), "said: %s", said);
    CHECK_INT(run_with_isa("AVX2", "isa", said), 2);
}

TEST(kernels, every_isa_has_a_name) {
    CHECK_STR(hone_isa_name(HONE_ISA_SCALAR), "scalar");
    CHECK_STR(hone_isa_name(HONE_ISA_AVX2), "avx2");
    CHECK_STR(hone_isa_name(HONE_ISA_AVX512), "avx512");
    CHECK(hone_isa_supported(HONE_ISA_SCALAR));
    CHECK(!hone_isa_supported(HONE_ISA_AVX512) || hone_isa_supported(HONE_ISA_AVX2));
}

TEST(kernels, the_avx512_rows_run_here) {
    if (!row_runs(ROW_AVX512)) SKIP("this machine has no AVX-512: its rows are compiled, their bodies run as emu512");
}

/* Results depend on sizes only: not on addresses, not on what the call before left behind. */
TEST(kernels, the_same_call_gives_the_same_bits_at_any_address) {
    enum { N = 1021 };
    static float a[N + 40], b[N + 40], y[2][N + 40], mean[2], rstd[2];
    FOR_ROWS(row, vector_f32_sum) {
        double sum[2], dot[2];
        for (int shift = 0; shift < 33; shift++) {
            int k = shift > 0;
            for (int i = 0; i < N; i++)
                a[i + shift] = (float)case_uniform(1, (uint64_t)i), b[i + shift] = (float)case_uniform(2, (uint64_t)i);
            sum[k] = rows_vector_f32_sum[row](N, a + shift), dot[k] = rows_vector_f32_dot[row](N, a + shift, b + shift);
            rows_layernorm_f32_fwd[row](1, N, 0, a + shift, NULL, NULL, b + shift, b + shift, 1e-5f, NULL, y[k] + shift,
                                        mean + k, rstd + k);
            if (!k) continue;
            CHECK(sum[0] == sum[1] && dot[0] == dot[1] && mean[0] == mean[1] && rstd[0] == rstd[1]);
            CHECK(!memcmp(y[0], y[1] + shift, N * sizeof(float)));
        }
    }
}
