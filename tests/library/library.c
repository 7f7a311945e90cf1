/* The library as others get it, and the pages that explain it: two shell scripts, each a test. */
#include "tests/test.h"

#include <stdlib.h>
#include <sys/wait.h>

/* Runs tests/library/<script> with a fresh folder; what it said is shown when it fails. */
static void run_script(const char *script) {
    char line[1024], path[512], text[8192];
    snprintf(path, sizeof path, "%s/%s.said", test_dir(), script);
    snprintf(line, sizeof line, "bash tests/library/%s %s/%s.d </dev/null >%s 2>&1", script, test_dir(), script, path);
    int status = system(line);
    FILE *f = fopen(path, "rb");
    CHECK(f);
    fseek(f, 0, SEEK_END);
    long n = ftell(f), from = n > (long)sizeof text - 1 ? n - (long)sizeof text + 1 : 0;
    fseek(f, from, SEEK_SET);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("%s", text);
    if (status) fputs(text, stderr);
    CHECK_MSG(status == 0, "tests/library/%s failed; what it said stands above", script);
    const char *skipped = text;
    while ((skipped = strstr(skipped, "skipped: ")))
        printf("  %.*s\n", (int)strcspn(skipped, "\n"), skipped), skipped += 9;
    size_t k = strlen(text);
    while (k && text[k - 1] == '\n') text[--k] = 0;
    const char *last = strrchr(text, '\n');
    printf("  %s\n", last ? last + 1 : text);
}

TEST(library, the_installed_copy_serves_programs_outside_the_tree_and_uninstall_leaves_nothing) {
    run_script("install.sh");
}

TEST(library, every_command_and_every_program_on_the_pages_works) {
    run_script("pages.sh");
}
