#include "base/machine.h"

#include "base/io.h"
#include "tests/test.h"

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
    CHECK_INT(hone_machine_cgroup("0::/user.slice/a b\n", path, sizeof path), 2);
    CHECK_STR(path, "/user.slice/a b");
    CHECK_INT(hone_machine_cgroup("9:cpu,cpuacct:/x\n4:hugetlb,memory:/box/7\n0::/\n", path, sizeof path), 1);
    CHECK_STR(path, "/box/7");
    CHECK_INT(hone_machine_cgroup("0::/y\n4:memory:/z\n", path, sizeof path), 1);
    CHECK_STR(path, "/z");
    CHECK_INT(hone_machine_cgroup("3:cpuset:/\n", path, sizeof path), 0);
    CHECK_INT(hone_machine_cgroup("", path, sizeof path), 0);
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
    CHECK_INT(room_of("v2/slice", 2, "/container/that/is/not/there"), 450000); /* the mount's root is ours */
    CHECK(room_of("v2", 2, "/") == UINT64_MAX && room_of("none", 2, "/x") == UINT64_MAX);
    group_file("v1/docker/ab", "memory.limit_in_bytes", "2000000\n");
    group_file("v1/docker/ab", "memory.usage_in_bytes", "1500000\n");
    group_file("v1/docker/ab", "memory.stat", "cache 1\ninactive_file 9\ntotal_cache 1\ntotal_inactive_file 300000\n");
    CHECK_INT(room_of("v1", 1, "/docker/ab"), 800000);
    group_file("v1/docker/ab", "memory.limit_in_bytes", "9223372036854771712\n"); /* none, as version 1 says it */
    CHECK(room_of("v1", 1, "/docker/ab") == UINT64_MAX);
}

TEST(machine, uptime_moves_forward) {
    double a = hone_machine_uptime();
    CHECK(a > 0 && a < 86400);
    CHECK(hone_machine_uptime() >= a);
}
