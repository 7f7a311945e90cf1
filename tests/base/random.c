#include "base/random.h"
#include "tests/test.h"

#include <math.h>

/* kat_vectors of the Random123 library, philox4x32 10. Our counter words: index low, high, stream low, high. */
TEST(random, philox_gives_the_published_vectors) {
    static const struct {
        uint64_t seed, stream, index;
        uint32_t want[4];
    } kat[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int k = 0; k < 3; k++) {
        uint32_t got[4];
        hone_philox(kat[k].seed, kat[k].stream, kat[k].index, got);
        for (int i = 0; i < 4; i++) CHECK_INT(got[i], kat[k].want[i]);
    }
    CHECK_INT(hone_random_u64(0, 0, 0), 0xe169c58d6627e8d5);
}

TEST(random, uniform_and_normal_have_their_moments) {
    enum { N = 200000 };
    double u1 = 0, u2 = 0, n1 = 0, n2 = 0, n4 = 0, low = 1, high = 0;
    for (uint64_t i = 0; i < N; i++) {
        double u = hone_random_uniform(7, 1, i), x = hone_random_normal(7, 2, i);
        CHECK(u >= 0 && u < 1 && isfinite(x));
        if (u < low) low = u;
        if (u > high) high = u;
        u1 += u, u2 += u * u, n1 += x, n2 += x * x, n4 += x * x * x * x;
    }
    /* Four standard errors. */
    CHECK_NEAR(u1 / N, 0.5, 4 * sqrt(1.0 / 12 / N));
    CHECK_NEAR(u2 / N, 1.0 / 3, 4 * sqrt(4.0 / 45 / N));
    CHECK_NEAR(n1 / N, 0, 4 / sqrt(N));
    CHECK_NEAR(n2 / N, 1, 4 * sqrt(2.0 / N));
    CHECK_NEAR(n4 / N, 3, 4 * sqrt(96.0 / N));
    CHECK(low < 1e-4 && high > 1 - 1e-4);
}

TEST(random, below_stays_below_and_reaches_all) {
    int64_t seen[7] = {0};
    for (uint64_t i = 0; i < 70000; i++) {
        uint64_t v = hone_random_below(1, 2, i, 7);
        CHECK(v < 7);
        seen[v]++;
    }
    for (int i = 0; i < 7; i++) CHECK_NEAR(seen[i], 10000, 4 * sqrt(70000.0 / 7 * 6 / 7));
    for (uint64_t i = 0; i < 100; i++) {
        CHECK_INT(hone_random_below(1, 2, i, 1), 0);
        CHECK(hone_random_below(1, 2, i, UINT64_MAX) < UINT64_MAX);
    }
}

TEST(random, a_permutation_is_a_permutation) {
    static int64_t p[10007];
    static bool seen[10007];
    for (int64_t n = 0; n <= 10007; n = n < 20 ? n + 1 : n + 9987 / 3) {
        memset(seen, 0, sizeof seen);
        hone_random_permutation(42, hone_stream_id(HONE_STREAM_SHUFFLE, 3), n, p);
        for (int64_t i = 0; i < n; i++) {
            CHECK(p[i] >= 0 && p[i] < n && !seen[p[i]]);
            seen[p[i]] = true;
        }
    }
}

TEST(random, every_order_of_four_is_equally_likely) {
    int count[256] = {0};
    enum { N = 48000 };
    for (uint64_t i = 0; i < N; i++) {
        int64_t p[4];
        hone_random_permutation(i, 9, 4, p);
        count[p[0] * 64 + p[1] * 16 + p[2] * 4 + p[3]]++;
    }
    int orders = 0;
    for (int i = 0; i < 256; i++) {
        if (!count[i]) continue;
        orders++;
        CHECK_NEAR(count[i], N / 24, 4.5 * sqrt(N / 24.0));
    }
    CHECK_INT(orders, 24);
}

TEST(random, seeds_streams_and_users_are_apart) {
    CHECK(hone_random_u64(1, 1, 5) != hone_random_u64(2, 1, 5));
    CHECK(hone_random_u64(1, 1, 5) != hone_random_u64(1, 2, 5));
    CHECK(hone_random_u64(1, 1, 5) != hone_random_u64(1, 1, 6));
    CHECK(hone_stream_id(HONE_STREAM_INIT, 5) != hone_stream_id(HONE_STREAM_DROPOUT, 5));
    CHECK(hone_stream_id(HONE_STREAM_INIT, UINT64_MAX) >> 48 == HONE_STREAM_INIT);
}
