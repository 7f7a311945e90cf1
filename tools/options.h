/* Command lines: one table per command makes parsing, the help page, the man page, --config files and run.json.
 *
 * A command is a hone_command with a table of hone_option that ends with an entry without a name; the options that
 * every command has (--threads --device --seed --precision --quiet --json --config --help) are added by the parser.
 *
 *     static const hone_option options[] = {
 *         {.group = "Training", .name = "epochs", .kind = HONE_OPTION_REAL, .value = "N", .fallback = "3",
 *          .unit = "passes over the data", .help = "how long to train", .range = {0, 1e6}},
 *         {.name = "schedule", .kind = HONE_OPTION_CHOICE, .fallback = "linear", .allowed = "linear|cosine|constant",
 * …},
 *         {.name = NULL}};
 *
 * On the command line an option is `--name value` or `--name=value`; names are never abbreviated; the last one wins, or
 * adds to a list where the table says `repeat`. In a --config file it is a key of the same name whose value has JSON's
 * own type (number, string, true/false, array, object for A=B lists); the command line wins over the file, the file
 * over the defaults; an option on the command line also displaces the file's that excludes it (`excludes`; two of the
 * same place are refused). Everything is checked before the command starts: an unknown word, a number with a tail, a
 * value out of range is HONE_E_ARG (exit 2) with what was given, what is allowed and the nearest known word. */
#ifndef HONE_TOOLS_OPTIONS_H
#define HONE_TOOLS_OPTIONS_H

#include "base/status.h"

#include <jansson.h>
#include <stdio.h>

typedef enum hone_option_kind {
    HONE_OPTION_FLAG = 0,    /* present or not; takes no value; true or false in a config file */
    HONE_OPTION_INT,         /* a whole number that fits int64 */
    HONE_OPTION_REAL,        /* a finite decimal number */
    HONE_OPTION_STRING,      /* any text, also empty */
    HONE_OPTION_FILE,        /* a file, folder or model name; not empty; "-" where the command says so */
    HONE_OPTION_CHOICE,      /* one word of `allowed` */
    HONE_OPTION_WORD_OR_INT, /* one word of `allowed`, or a whole number:  epoch|N */
    HONE_OPTION_SHARE,       /* below 1 a share, else a whole number of steps:  0.1, 100 */
    HONE_OPTION_STRINGS,     /* comma-separated texts; with `allowed`, each one of its words */
    HONE_OPTION_INTS,        /* comma-separated whole numbers */
    HONE_OPTION_REALS,       /* comma-separated numbers */
    HONE_OPTION_PAIRS,       /* comma-separated KEY=VALUE; with `allowed`, the keys are its words */
} hone_option_kind;

typedef struct hone_option {
    const char *name; /* without the dashes: "batch-size" */
    hone_option_kind kind;
    const char *group;    /* on the first option of a group: its heading on the help page */
    const char *value;    /* stands for the value on the help page: "N", "FILE"; NULL: from the kind */
    const char *fallback; /* the default as it would be typed; NULL: none */
    const char *shown;    /* what the help page says instead of the default ("physical cores") */
    const char *unit;     /* "rows", "seconds"; NULL: none */
    const char *help;     /* what it does, without capital and full stop */
    const char *allowed;  /* words, '|' between them */
    const char *later;    /* more words, of releases to come: known, but refused with "not available yet" */
    const char *excludes; /* an option that cannot stand beside this one; said at one of the two */
    const char *aka;      /* what other programs call it, '|' between: only for the hint after an unknown option */
    struct {
        double min, max; /* {0, 0}: anything; INFINITY: no upper limit. Also for the items of INTS and REALS */
    } range;
    bool above, below; /* min, max themselves are not allowed */
    int count;         /* INTS and REALS: so many items exactly; 0: one or more */
    bool required;
    bool repeat;  /* lists: a second --name adds to the first */
    bool not_yet; /* of a release to come: known, but refused with "not available yet" */
} hone_option;

typedef struct hone_options hone_options;

typedef struct hone_command {
    const char *name;     /* "train", "bench step" */
    const char *summary;  /* one line, without capital and full stop */
    const char *synopsis; /* after "hone NAME ": "--model DIR --input FILE --out FILE [options]" */
    const char *about;    /* paragraphs for the help page, a blank line between them; NULL: none */
    const hone_option *options;
    const char *operand; /* "DIR", with min_operands and max_operands; NULL: takes none */
    int min_operands, max_operands;
    const char *example[2]; /* command lines that work as they stand, apart from file names */
    const char *example_note[2];
    /* Exit codes beyond 0, 2, 4, 5, 7 and 128+n are named on the page: words as in "3 bad data or weights", '|' between. */
    const char *exits;
    hone_status (*run)(const hone_options *o); /* failures: returned with the error record set; printed by main */
} hone_command;

/* The options of every command; ends with an entry without a name. */
extern const hone_option hone_global_options[];
/* The i-th option of a command, from 0: its own, then those of every command, less the ones that its own table has by
 * another default. NULL behind the last. */
const hone_option *hone_command_option(const hone_command *c, int i);

/* Parse argv[0..argc) (what stands after the command's name). HONE_OK: *out holds every option, free with
 * hone_options_free; *out has the flag "help" when the page was asked for, and then nothing is checked as missing.
 * Failure: HONE_E_ARG (also for an unreadable or broken --config file), HONE_E_NOMEM; *out is NULL. */
hone_status hone_options_parse(const hone_command *c, int argc, char **argv, hone_options **out);
void hone_options_free(hone_options *o); /* accepts NULL */

/* Reading values. The name must be in the table and of the kind: anything else is our bug and asserts. An option
 * without value and default reads as 0, 0.0, NULL, or an empty list; ask hone_options_has when that matters. */
const hone_command *hone_options_command(const hone_options *o);
bool hone_options_has(const hone_options *o, const char *name);   /* has a value, be it the default */
bool hone_options_given(const hone_options *o, const char *name); /* on the command line or in the config file */
bool hone_options_flag(const hone_options *o, const char *name);
int64_t hone_options_int(const hone_options *o, const char *name);        /* also WORD_OR_INT (see _word), SHARE >= 1 */
double hone_options_real(const hone_options *o, const char *name);        /* also SHARE and INT */
const char *hone_options_string(const hone_options *o, const char *name); /* STRING, FILE, CHOICE: as typed */
const char *hone_options_word(const hone_options *o, const char *name);   /* WORD_OR_INT: the word, NULL for a number */
bool hone_options_is(const hone_options *o, const char *name, const char *word);    /* the string or word equals this */
int64_t hone_options_count(const hone_options *o, const char *name);                /* items of a list */
const char *hone_options_item(const hone_options *o, const char *name, int64_t i);  /* STRINGS; the key of PAIRS */
const char *hone_options_right(const hone_options *o, const char *name, int64_t i); /* the value of PAIRS */
int64_t hone_options_item_int(const hone_options *o, const char *name, int64_t i);
double hone_options_item_real(const hone_options *o, const char *name, int64_t i);
int hone_options_operands(const hone_options *o);
const char *hone_options_operand(const hone_options *o, int i);

/* The resolved set, for run.json: every option in table order with its typed value, null where there is none. A
 * --config file may hold this object as it is, or a whole run.json {"command": …, "options": this object, …}. NULL when
 * memory is short. */
json_t *hone_options_json(const hone_options *o);

/* For messages and pages: "a, b, c" from "a|b|c"; "1 to 64", "more than 0", "" from a range. They return out. */
char *hone_words_list(const char *words, char *out, size_t n);
char *hone_range_text(const hone_option *o, char *out, size_t n);

/* The page of `hone help COMMAND`, wrapped at 100 columns, and the same as a man page (troff). Both to f; the caller
 * looks at ferror. */
void hone_options_help(const hone_command *c, FILE *f);
void hone_options_man(const hone_command *c, FILE *f);

/* The word of `words` ('|' between them) nearest to `word`: fewest edits, `-` and `_` alike, a prefix counts as near.
 * Returns a pointer into words and its length in *n; NULL when nothing is near enough to be meant. */
const char *hone_nearest_word(const char *word, const char *words, size_t *n);

/* Whole-text numbers: false for an empty text, a tail, an overflow, NaN or infinity. */
bool hone_parse_int(const char *text, int64_t *out);
bool hone_parse_real(const char *text, double *out);

#endif
