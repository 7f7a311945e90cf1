#include "base/machine.h"

#include "base/status.h"
#include "tests/test.h"

#include <stdlib.h>
#include <sys/resource.h>

TEST(machine, this_process_is_smaller_than_what_it_may_have) {
    hone_machine_memory m;
    hone_fail(HONE_E_IO, "before");
    hone_machine_get_memory(&m);
    CHECK_STR(hone_last_error()->message, "before");
    CHECK(m.resident > 100 << 10 && m.peak >= m.resident && m.mapped >= m.resident);
    CHECK(m.available >= m.resident);
}

TEST(machine, memory_that_is_touched_becomes_resident) {
    hone_machine_memory a, b;
    hone_machine_get_memory(&a);
    volatile char *p = malloc(32 << 20);
    for (int i = 0; i < 32 << 20; i += 1024) p[i] = 1;
    hone_machine_get_memory(&b);
    free((void *)(uintptr_t)p);
    CHECK(b.resident >= a.resident + (30 << 20) && b.peak >= b.resident);
}

TEST(machine, the_environment_lowers_what_is_available) {
    hone_machine_memory m;
    const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {{"1000000", 1000000}, {"3K", 3 << 10}, {"5M", 5 << 20}, {"1G", 1 << 30}};
    for (int i = 0; i < 4; i++) {
        setenv("HONE_MEMORY_LIMIT", cases[i].text, 1);
        hone_machine_get_memory(&m);
        CHECK_INT(m.available, cases[i].bytes);
    }
    static const char *const wrong[] = {"x", "-1", "1e9", "1.5G", "10 M", "M", "5MB"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("HONE_MEMORY_LIMIT", wrong[i], 1);
        CHECK_FAILS(hone_machine_check_limit(), HONE_E_ARG, wrong[i]);
        hone_machine_get_memory(&m);
        CHECK(m.available > (uint64_t)1 << 20);
    }
    static const char *const right[] = {"", "0", "2T", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        setenv("HONE_MEMORY_LIMIT", right[i], 1);
        CHECK_OK(hone_machine_check_limit());
        hone_machine_get_memory(&m);
        CHECK((m.available > (uint64_t)1 << 20) == (i != 1));
    }
    unsetenv("HONE_MEMORY_LIMIT");
    CHECK_OK(hone_machine_check_limit());
    hone_machine_get_memory(&m);
    CHECK(m.available > (uint64_t)1 << 20);
}

TEST(machine, a_line_of_meminfo_is_found_by_its_whole_name) {
    const char *text = "MemTotal:  9 kB\nMemAvailable:     24 kB\nMem: 1 kB\n";
    CHECK_INT(hone_machine_kib_line(text, "MemAvailable"), 24 * 1024);
    CHECK_INT(hone_machine_kib_line(text, "Mem"), 1024);
    CHECK(hone_machine_kib_line(text, "Available") == UINT64_MAX);
}

TEST(machine, the_memory_cgroup_is_found_in_both_versions) {
    char path[64] = "";
    CHECK_INT(hone_machine_cgroup("0::/user.slice/a b\n", path, sizeof path), 2);
    CHECK_STR(path, "/user.slice/a b");
    CHECK_INT(hone_machine_cgroup("9:cpu,cpuacct:/x\n4:hugetlb,memory:/box/7\n0::/\n", path, sizeof path), 1);
    CHECK_STR(path, "/box/7");
    CHECK_INT(hone_machine_cgroup("0::/y\n4:memory:/z\n", path, sizeof path), 1);
    CHECK_STR(path, "/z");
    CHECK_INT(hone_machine_cgroup("3:cpuset:/\n", path, sizeof path), 0);
    CHECK_INT(hone_machine_cgroup("", path, sizeof path), 0);
}

TEST(machine, uptime_moves_forward) {
    double a = hone_machine_uptime();
    CHECK(a > 0 && a < 86400);
    CHECK(hone_machine_uptime() >= a);
}
