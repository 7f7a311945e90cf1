#include "base/machine.h"

#include "base/io.h"
#include "base/memory.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
    /* Not malloc: a room that ran before may have left it a heap whose pages are resident already. */
    void *fresh = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fresh != MAP_FAILED);
    for (volatile char *p = fresh; p < (char *)fresh + (32 << 20); p += 1024) *p = 1;
    hone_machine_get_memory(&b);
    munmap(fresh, 32 << 20);
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
    CHECK_INT(hone_machine_cgroup("0::/user.slice/a b\n", "memory", path, sizeof path), 2);
    CHECK_STR(path, "/user.slice/a b");
    CHECK_INT(hone_machine_cgroup("9:cpu,cpuacct:/x\n4:hugetlb,memory:/box/7\n0::/\n", "memory", path, sizeof path), 1);
    CHECK_STR(path, "/box/7");
    CHECK_INT(hone_machine_cgroup("0::/y\n4:memory:/z\n", "memory", path, sizeof path), 1);
    CHECK_STR(path, "/z");
    CHECK_INT(hone_machine_cgroup("3:cpuset:/\n", "memory", path, sizeof path), 0);
    CHECK_INT(hone_machine_cgroup("3:cpuset:/a\n9:cpu,cpuacct:/x\n4:memory:/b\n0::/\n", "cpu", path, sizeof path), 1);
    CHECK_STR(path, "/x");
    CHECK_INT(hone_machine_cgroup("", "memory", path, sizeof path), 0);
}

static void group_file(const char *group, const char *name, const char *text) {
    char path[HONE_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", test_dir(), group);
    CHECK_OK(hone_io_mkdirs(path));
    snprintf(path, sizeof path, "%s/%s/%s", test_dir(), group, name);
    CHECK_OK(hone_io_write_file(path, text, strlen(text)));
}

static uint64_t room_of(const char *mount, int version, const char *group) {
    char root[HONE_PATH_MAX], path[256];
    snprintf(root, sizeof root, "%s/%s", test_dir(), mount);
    snprintf(path, sizeof path, "%s", group);
    return hone_machine_cgroup_room(root, version, path);
}

/* Files as the kernel writes them; the group above has less to give. */
TEST(machine, the_room_of_a_group_is_the_least_of_its_own_and_those_above) {
    group_file("v2/slice", "memory.max", "1000000\n");
    group_file("v2/slice", "memory.current", "600000\n");
    group_file("v2/slice", "memory.stat",
               "anon 500000\nfile 90000\ninactive_anon 7\nactive_file 2\ninactive_file 50000\n");
    group_file("v2/slice/job", "memory.max", "max\n");
    group_file("v2/slice/job", "memory.current", "590000\n");
    CHECK_INT(room_of("v2", 2, "/slice/job"), 450000);
    group_file("v2/slice/job", "memory.max", "600000\n");
    CHECK_INT(room_of("v2", 2, "/slice/job"), 10000); /* without memory.stat all of it is used */
    group_file("v2/slice/job", "memory.current", "700000\n");
    CHECK_INT(room_of("v2", 2, "/slice/job"), 0);
    CHECK_INT(room_of("v2", 2, "/slice/gone/below"), 450000);
    group_file("v2/slice", "memory.high", "max\n");
    CHECK_INT(room_of("v2", 2, "/slice/gone/below"), 450000);
    group_file("v2/slice", "memory.high", "900000\n");
    CHECK_INT(room_of("v2", 2, "/slice/gone/below"), 350000);
    group_file("v2/slice", "memory.high", "1200000\n");
    CHECK_INT(room_of("v2", 2, "/slice/gone/below"), 450000);
    CHECK_INT(room_of("v2/slice", 2, "/container/that/is/not/there"), 450000); /* the mount's root is ours */
    CHECK(room_of("v2", 2, "/") == UINT64_MAX && room_of("none", 2, "/x") == UINT64_MAX);
    group_file("v1/docker/ab", "memory.limit_in_bytes", "2000000\n");
    group_file("v1/docker/ab", "memory.usage_in_bytes", "1500000\n");
    group_file("v1/docker/ab", "memory.stat", "cache 1\ninactive_file 9\ntotal_cache 1\ntotal_inactive_file 300000\n");
    CHECK_INT(room_of("v1", 1, "/docker/ab"), 800000);
    group_file("v1/docker/ab", "memory.limit_in_bytes", "9223372036854771712\n"); /* none, as version 1 says it */
    CHECK(room_of("v1", 1, "/docker/ab") == UINT64_MAX);
}

static double cpus_of(const char *mount, int version, const char *group) {
    char root[HONE_PATH_MAX], path[256];
    snprintf(root, sizeof root, "%s/%s", test_dir(), mount);
    snprintf(path, sizeof path, "%s", group);
    return hone_machine_cgroup_cpus(root, version, path);
}

TEST(machine, the_processors_of_a_group_are_the_least_of_its_own_and_those_above) {
    group_file("c2/slice", "cpu.max", "200000 100000\n");
    group_file("c2/slice/job", "cpu.max", "max 100000\n");
    CHECK(cpus_of("c2", 2, "/slice/job") == 2 && cpus_of("c2", 2, "/slice/gone") == 2);
    group_file("c2/slice/job", "cpu.max", "75000 50000\n");
    CHECK(cpus_of("c2", 2, "/slice/job") == 1.5);
    CHECK(cpus_of("c2/slice", 2, "/a/name/of/the/host") == 2);
    CHECK(isinf(cpus_of("c2", 2, "/")) && isinf(cpus_of("none", 2, "/x")));
    group_file("c1/docker/ab", "cpu.cfs_quota_us", "400000\n");
    group_file("c1/docker/ab", "cpu.cfs_period_us", "100000\n");
    CHECK(cpus_of("c1", 1, "/docker/ab") == 4);
    group_file("c1/docker/ab", "cpu.cfs_quota_us", "-1\n");
    CHECK(isinf(cpus_of("c1", 1, "/docker/ab")));
    CHECK(hone_machine_cpus() > 0);
}

/* Longer than one reading of it, longer than any that is read, not there. */
TEST(machine, files_of_the_system_are_read_whole_or_not_at_all) {
    static char text[(2 << 20) + 1];
    char path[HONE_PATH_MAX];
    memset(text, 'x', sizeof text - 1);
    snprintf(path, sizeof path, "%s/system/file", test_dir());
    hone_fail(HONE_E_IO, "before");
    for (size_t n = 0; n < sizeof text; n = n ? n * 8 : 512) {
        text[n] = 0;
        group_file("system", "file", text);
        char *got = hone_machine_text(path);
        CHECK(!got == (n > 1 << 20) && (!got || !strcmp(got, text)));
        hone_free(got);
        text[n] = 'x';
    }
    hone_fail(HONE_E_IO, "before");
    CHECK(!hone_machine_text("/proc/no such file") && !strcmp(hone_last_error()->message, "before"));
}

TEST(machine, uptime_moves_forward) {
    double a = hone_machine_uptime();
    CHECK(a > 0 && a < 86400);
    CHECK(hone_machine_uptime() >= a);
}
