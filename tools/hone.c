/* The command `hone`: finds the subcommand, applies the options that all have, prints what went wrong. */
#include "tools/commands.h"
#include "tools/lost_bytes.h"
#include "tools/terminal.h"

#include "base/io.h"
#include "base/parallel.h"
#include "kernels/kernel.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utf8proc.h>
#include <zlib.h>

#ifndef HONE_CONFIG
#define HONE_CONFIG "release"
#endif

static const hone_command *const commands[] = {
    &hone_command_train,      &hone_command_embed,          &hone_command_eval,          &hone_command_report,
    &hone_command_inspect,    &hone_command_tokenize,       &hone_command_data_validate, &hone_command_data_split,
    &hone_command_data_stats, &hone_command_data_negatives, &hone_command_data_sample,   &hone_command_bench_kernels,
    &hone_command_bench_step, &hone_command_bench_embed,
};
#define N_COMMANDS ((int)(sizeof commands / sizeof *commands))

/* Commands of releases to come: known words, refused as such. */
static const char planned[] = "score|rerank|index|search|calibrate|prototypes|data mismatch|data triplets|"
                              "convert|preprocess|verify|fetch";

/* "report", or "data" and "mismatch"; second may be NULL. */
static bool is_planned(const char *first, const char *second) {
    char word[128];
    size_t n;
    snprintf(word, sizeof word, second ? "%s %s" : "%s", first, second);
    const char *near = hone_nearest_word(word, planned, &n);
    return near && n == strlen(word) && !strncmp(near, word, n);
}

/* The command that argv starts with, its number of words in *used; NULL if there is none. */
static const hone_command *find_command(int argc, char **argv, int *used) {
    for (int i = 0; i < N_COMMANDS; i++) {
        const char *name = commands[i]->name;
        size_t n = strcspn(name, " ");
        if (argc < 1 || strlen(argv[0]) != n || strncmp(argv[0], name, n)) continue;
        *used = 1;
        if (!name[n]) return commands[i];
        *used = 2;
        if (argc > 1 && !strcmp(argv[1], name + n + 1)) return commands[i];
    }
    return NULL;
}

/* "a|b" of the second words of a two-word command ("bench"), or of all first words; "" if there are none. */
static char *known_words(const char *first, char *out, size_t size) {
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < N_COMMANDS; i++) {
        const char *name = commands[i]->name;
        size_t n = strcspn(name, " ");
        const char *word = name;
        if (first) {
            if (strlen(first) != n || strncmp(first, name, n) || !name[n]) continue;
            word = name + n + 1, n = strlen(word);
        } else if (i && !strncmp(name, commands[i - 1]->name, n + 1)) {
            continue; /* "bench" once */
        }
        used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? "|" : "", (int)n, word);
    }
    return out;
}

static hone_status unknown_command(int argc, char **argv) {
    char words[512], list[600];
    size_t n;
    if (argv[0][0] == '-') {
        hone_fail(HONE_E_ARG, "unknown option \"%s\", a command comes first", hone_quote(argv[0]));
        return hone_hint("hone COMMAND [options]; \"hone help\" lists the commands");
    }
    if (argc > 1 && is_planned(argv[0], argv[1])) {
        hone_fail(HONE_E_ARG, "%s %s: not available yet", argv[0], argv[1]);
        return hone_hint("\"hone help\" lists what is");
    }
    if (*known_words(argv[0], words, sizeof words)) {
        hone_words_list(words, list, sizeof list);
        const char *near = argc > 1 ? hone_nearest_word(argv[1], words, &n) : NULL;
        if (argc > 1)
            hone_fail(HONE_E_ARG, "%s: unknown word \"%s\", allowed: %s", argv[0], hone_quote(argv[1]), list);
        else
            hone_fail(HONE_E_ARG, "%s: needs one of %s behind it", argv[0], list);
        if (near) return hone_hint("did you mean hone %s %.*s?", argv[0], (int)n, near);
        return hone_hint("\"hone help\" lists the commands");
    }
    if (is_planned(argv[0], NULL)) {
        hone_fail(HONE_E_ARG, "%s: not available yet", argv[0]);
        return hone_hint("\"hone help\" lists what is");
    }
    known_words(NULL, words, sizeof words - 8);
    strcat(words, "|help");
    hone_words_list(words, list, sizeof list);
    const char *near = hone_nearest_word(argv[0], words, &n);
    hone_fail(HONE_E_ARG, "unknown command \"%s\", allowed: %s", hone_quote(argv[0]), list);
    if (near) return hone_hint("did you mean hone %.*s?", (int)n, near);
    return hone_hint("\"hone help\" says what each does");
}

static void overview(FILE *f) {
    char list[600];
    fputs("hone fine-tunes the models that search runs on, on your own data, without Python.\n\n"
          "usage: hone COMMAND [options]\n       hone help COMMAND    every option, with two examples\n       hone "
          "--version\n\n",
          f);
    for (int i = 0; i < N_COMMANDS; i++) fprintf(f, "  %-14s  %s\n", commands[i]->name, commands[i]->summary);
    fprintf(f, "\nNot available yet: %s.\n", hone_words_list(planned, list, sizeof list));
    fputs("\nA first run:\n  hone train --task pairs --model sentence-transformers/all-MiniLM-L6-v2 --train "
          "pairs.jsonl --eval-split 0.2 --out run\n  hone eval --task pairs --model "
          "sentence-transformers/all-MiniLM-L6-v2 --data test.jsonl --compare run/best_model\n",
          f);
}

static void overview_man(FILE *f) {
    fprintf(f,
            ".TH \"hone\" 1 \"" HONE_DATE
            "\" \"hone %s\" \"Hone\"\n.SH NAME\nhone \\- fine\\-tune the models that search runs on\n",
            HONE_VERSION);
    fputs(".SH SYNOPSIS\n\\fBhone\\fR \\fICOMMAND\\fR [options]\n.SH COMMANDS\n", f);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(f, ".TP\n\\fBhone %s\\fR\n%s\n", commands[i]->name, commands[i]->summary);
    fputs(".SH EXIT STATUS\n0 done; 2 wrong use; 3 bad input file; 4 cannot write or read; 5 out of memory; 6 training "
          "diverged; "
          "7 device missing or failed; 128+n ended by signal n.\n.SH SEE ALSO\n",
          f);
    for (int i = 0; i < N_COMMANDS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", commands[i]->name);
        for (char *p = name; *p; p++)
            if (*p == ' ') *p = '-';
        fprintf(f, "\\fBhone\\-%s\\fR(1)%s\n", name, i + 1 < N_COMMANDS ? "," : "");
    }
}

/* hone help [--man] [COMMAND]; --list prints the commands' names, one a line (the Makefile makes man pages from it). */
static hone_status help(int argc, char **argv) {
    bool man = false;
    char *words[2];
    int n = 0, used = 0;
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--list")) {
            for (int k = 0; k < N_COMMANDS; k++) puts(commands[k]->name);
            return HONE_OK;
        }
        if (!strcmp(argv[i], "--man")) {
            man = true;
        } else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h") || !strcmp(argv[i], "--json")) {
            continue;
        } else if (argv[i][0] == '-' || n == 2) {
            hone_fail(HONE_E_ARG, "help: unexpected \"%s\"", hone_quote(argv[i]));
            return hone_hint("hone help [--man] [COMMAND]");
        } else {
            words[n++] = argv[i];
        }
    }
    if (!n || (n == 1 && !strcmp(words[0], "help"))) {
        (man ? overview_man : overview)(stdout);
        return HONE_OK;
    }
    const hone_command *c = find_command(n, words, &used);
    char second[256];
    if (!c && n == 1 && *known_words(words[0], second, sizeof second)) {
        for (int i = 0; i < N_COMMANDS; i++)
            if (!strncmp(commands[i]->name, words[0], strlen(words[0])))
                printf("hone %-14s  %s\n", commands[i]->name, commands[i]->summary);
        return HONE_OK;
    }
    if (!c || used != n) return c ? unknown_command(n - used, words + used) : unknown_command(n, words);
    (man ? hone_options_man : hone_options_help)(c, stdout);
    return HONE_OK;
}

static hone_status version(bool json, int argc, char **argv) {
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--json")) {
            hone_fail(HONE_E_ARG, "--version: unexpected \"%s\"", hone_quote(argv[i]));
            return hone_hint("hone --version [--json]");
        }
    const char *isa = hone_isa_name(hone_kernels_isa());
#ifdef __clang__
    const char *compiler = "clang " __clang_version__;
#else
    const char *compiler = "gcc " __VERSION__;
#endif
    if (json)
        return hone_print_json(json_pack("{s:s,s:s,s:s,s:s,s:b}", "version", HONE_VERSION, "compiler", compiler,
                                         "config", HONE_CONFIG, "cpu_row", isa, "cuda", 0));
    printf("hone %s\nbuilt with %s, %s; jansson %s, utf8proc %s, zlib %s\nCPU row in use: %s\nCUDA: no\n", HONE_VERSION,
           compiler, HONE_CONFIG, jansson_version_str(), utf8proc_version(), zlibVersion(), isa);
    return HONE_OK;
}

/* --threads, --device, --precision: the options that the process as a whole obeys. */
static hone_status apply_global(const hone_options *o) {
    if (hone_options_has(o, "threads")) hone_set_threads((int)hone_options_int(o, "threads"));
    const char *device = hone_options_string(o, "device");
    int64_t number;
    if (!strcmp(device, "cuda") ||
        (!strncmp(device, "cuda:", 5) && hone_parse_int(device + 5, &number) && number >= 0)) {
        hone_fail(HONE_E_DEVICE, "--device %s: this build of hone has no CUDA", device);
        return hone_hint("leave the option out to compute on the CPU");
    }
    if (strcmp(device, "auto") && strcmp(device, "cpu")) {
        size_t n;
        const char *near = hone_nearest_word(device, "auto|cpu|cuda", &n);
        hone_fail(HONE_E_ARG, "--device: unknown value \"%s\", allowed: auto, cpu, cuda, cuda:N", hone_quote(device));
        return near ? hone_hint("did you mean %.*s?", (int)n, near) : HONE_E_ARG;
    }
    return HONE_OK;
}

static hone_status run_command(int argc, char **argv, bool *json) {
    int used;
    const hone_command *c = find_command(argc, argv, &used);
    if (!c) {
        if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) && !is_planned(argv[0], NULL))
            return help(1, argv);
        return unknown_command(argc, argv);
    }
    hone_options *o = NULL;
    HONE_TRY(hone_options_parse(c, argc - used, argv + used, &o));
    hone_status st = HONE_OK;
    *json = hone_options_flag(o, "json");
    hone_catch_lost_bytes(*json);
    if (hone_options_flag(o, "help"))
        hone_options_help(c, stdout);
    else
        st = apply_global(o);
    if (st == HONE_OK && !hone_options_flag(o, "help")) st = c->run(o);
    hone_options_free(o);
    return st;
}

static bool has_word(int argc, char **argv, const char *word) {
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], word)) return true;
    return false;
}

/* A caller may have closed standard input, output or error; the next file opened would get that number, and progress
 * meant for the terminal would end up in log.jsonl. The numbers are taken, in the mode in which using them fails as
 * before. */
static void hold_standard_files(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0) (void)!open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

static void on_signal(int number) {
    hone_writer_remove_temporaries();
    _exit(128 + number);
}

/* What was being written is not there afterwards, not even under its temporary name. hone train does more (train.c).
 * SIGXCPU is the limit of processor time (ulimit -St). */
static void catch_signals(void) {
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old, s = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        if (!sigaction(numbers[i], NULL, &old) && old.sa_handler == SIG_DFL) sigaction(numbers[i], &s, NULL);
    }
}

/* The reader of our output is gone: `hone tokenize ... | head` ends quietly by this signal, as if there were no handler,
 * whatever the parent process did about it. */
static void on_broken_pipe(int number) {
    hone_writer_remove_temporaries();
    raise(number); /* the handler is gone by now: SA_RESETHAND */
}

static void catch_broken_pipe(void) {
    struct sigaction s = {.sa_handler = on_broken_pipe, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    sigaction(SIGPIPE, &s, NULL);
}

/* Under ulimit -v the heaps of 64 MiB that the C library reserves for each thread would take the place of what is
 * needed. */
static rlim_t address_space(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) ? RLIM_INFINITY : limit.rlim_cur;
}

static void hint_address_space(void) {
    const hone_error *e = hone_last_error();
    if (e->code == HONE_E_NOMEM && !e->hint[0] && address_space() != RLIM_INFINITY)
        hone_hint("this process may have %" PRIu64 " MiB of address space; see ulimit -v",
                  (uint64_t)address_space() >> 20);
}

static int run_main(int argc, char **argv) {
    hold_standard_files();
    if (address_space() != RLIM_INFINITY) mallopt(M_ARENA_MAX, 1);
    catch_signals();
    bool json = has_word(argc, argv, "--json"); /* an error in the options themselves is JSON, too */
    hone_catch_lost_bytes(json);
    const char *first = argc > 1 ? argv[1] : "help", *why = NULL;
    hone_status st;
    catch_broken_pipe();
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit (ulimit -f) is a failed write with a sentence, not a death */
    if (!hone_kernels_init(&why)) {
        hone_fail(HONE_E_ARG, "%s", why);
        st = hone_hint("HONE_ISA is scalar, avx2 or avx512; leave it unset to use the best this machine has");
    } else if (!strcmp(first, "--version") || !strcmp(first, "-V")) {
        st = version(json, argc - 2, argv + 2);
    } else if (!strcmp(first, "help") || !strcmp(first, "--help") || !strcmp(first, "-h")) {
        st = help(argc > 2 ? argc - 2 : 0, argv + 2);
    } else {
        st = run_command(argc - 1, argv + 1, &json);
    }
    if (st == HONE_OK) st = hone_print_flush();
    if (st != HONE_OK) hint_address_space();
    return st == HONE_OK ? 0 : hone_print_error(hone_last_error(), json);
}

/* Saving a checkpoint is the deepest we go, with a path of 4 KiB in many a frame: about 100 KiB. Arguments and
 * environment lie on the same stack and may take 128 KiB of it, however small it is. */
enum { STACK_WANTED = 512 << 10, STACK_MADE = 1 << 20 };

static bool stack_is_small(void) {
    struct rlimit limit;
    return !getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur < STACK_WANTED;
}

typedef struct main_call {
    int argc, status;
    char **argv;
} main_call;

static void *call_main(void *p) {
    main_call *c = p;
    c->status = run_main(c->argc, c->argv);
    return NULL;
}

/* Under a small ulimit -s everything runs in a thread with a stack of its own, and so do the threads that compute. */
int main(int argc, char **argv) {
    main_call c = {argc, 0, argv};
    pthread_attr_t attributes;
    pthread_t thread;
    if (!stack_is_small()) return run_main(argc, argv);
    if (!pthread_attr_init(&attributes) && !pthread_attr_setstacksize(&attributes, STACK_MADE) &&
        !pthread_setattr_default_np(&attributes) && !pthread_create(&thread, &attributes, call_main, &c)) {
        pthread_join(thread, NULL);
        return c.status;
    }
    hone_fail(HONE_E_NOMEM, "the stack is too small: %d KiB are wanted, and no thread with that many can be started",
              STACK_WANTED >> 10);
    hone_hint("see ulimit -s and ulimit -u");
    return hone_print_error(hone_last_error(), has_word(argc, argv, "--json"));
}
