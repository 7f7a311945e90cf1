/* gzip: headers, damaged streams, what stands behind them, bombs. Sizes of a bomb count unpacked, up to where it is
 * refused: that is what its memory is measured by. */
#include "tests/reliability/malformed.h"

#include "tests/reliability/common.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Pack a text; header fields as in RFC 1952 when `extra` is set. */
static unsigned char *pack(const void *p, size_t n, int level, bool extra, size_t *packed) {
    z_stream z = {0};
    gz_header h = {.extra = (Bytef *)(uintptr_t) "AB\2\0xy",
                   .extra_len = 6,
                   .name = (Bytef *)(uintptr_t) "rows.jsonl",
                   .comment = (Bytef *)(uintptr_t) "made by a test",
                   .hcrc = 1};
    size_t room = n + n / 100 + 256;
    unsigned char *out = malloc(room);
    if (!out || deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) die("zlib");
    if (extra) deflateSetHeader(&z, &h);
    z.next_in = (Bytef *)(uintptr_t)p, z.avail_in = (unsigned)n, z.next_out = out, z.avail_out = (unsigned)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) die("zlib");
    *packed = z.total_out;
    deflateEnd(&z);
    return out;
}

static const char rows[] =
    "{\"a\": \"the city\", \"b\": \"cold water\"}\n{\"a\": \"cold water\", \"b\": \"the city and the water\"}\n";

/* A byte of the good file is changed: at `at`, from the end when negative. */
static const struct {
    const char *name;
    int at;
    unsigned char xor ;
    const char *says;
} flips[] = {
    {"an unknown method", 2, 0x01,
     "fuzz.jsonl.gz: unknown compression method; download or copy incomplete? gzip -t tests the file"},
    {"reserved flags", 3, 0xE0, "fuzz.jsonl.gz: unknown header flags set"},
    {"a name that is not there", 3, 0x08, "fuzz.jsonl.gz: "},
    {"an extra field that is not there", 3, 0x04, "fuzz.jsonl.gz: "},
    {"a header checksum that is not there", 3, 0x02, "fuzz.jsonl.gz: header crc mismatch"},
    {"a block of a type that is none", 10, 0x06, "fuzz.jsonl.gz: "},
    {"a damaged checksum", -8, 0x10, "fuzz.jsonl.gz: incorrect data check"},
    {"a damaged length", -4, 0x01, "fuzz.jsonl.gz: incorrect length check"},
    {"a damaged length, its highest byte", -1, 0x80, "fuzz.jsonl.gz: incorrect length check"},
    {"a flipped bit in the stream", 30, 0x04, "fuzz.jsonl.gz: "},
    {"the first magic byte wrong", 0, 0x01, "fuzz.jsonl.gz: is called .gz but does not begin like gzip"},
    {"the second magic byte wrong", 1, 0x01, "fuzz.jsonl.gz: is called .gz but does not begin like gzip"},
};

/* The good file with something behind it. */
static const struct {
    const char *name;
    const char *more;
    size_t n;
    const char *says;
} tails[] = {
    {"one byte behind the end", "x", 1, "fuzz.jsonl.gz: the gzip stream is followed by bytes that are not gzip"},
    {"a line behind the end", "\n", 1, "the gzip stream is followed by bytes that are not gzip"},
    {"half a magic number behind the end", "\x1F", 1, "gzip stream is cut short"},
    {"a header without a stream behind the end", "\x1F\x8B\x08\0\0\0\0\0\0\x03", 10, "gzip stream is cut short"},
    {"a header that is none behind the end", "\x1F\x8C\x08\0\0\0\0\0\0\x03", 10,
     "fuzz.jsonl.gz: incorrect header check"},
    {"padding with zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, SAME},
    {"zeros and then something else", "\0\0\0\0x", 5, "the gzip stream is followed by bytes that are not gzip"},
};

static void judge(const char *name, const char *says, hone_status code, const void *p, size_t n, const void *good,
                  size_t n_good) {
    kind k = {.name = name, .says = says, .code = code};
    run_kind("gzip", "table_gz", "fuzz.jsonl.gz", &k, p, n, good, n_good);
}

/* A text of one byte `times` over, packed once or twice. */
static void bomb(const char *name, const char *says, hone_status code, char byte, size_t times, const char *end,
                 bool twice) {
    char *text = malloc(times + 8);
    if (!text) die("no memory");
    memset(text, byte, times);
    memcpy(text + times, end, strlen(end));
    size_t n, n2;
    unsigned char *p = pack(text, times + strlen(end), 9, false, &n), *q = NULL;
    free(text);
    if (twice) q = pack(p, n, 9, false, &n2);
    judge(name, says, code, twice ? q : p, twice ? n2 : n, NULL, 0);
    free(p), free(q);
}

void malformed_gzip(void) {
    size_t n, n_full, n_stored, n_empty, n_bad;
    unsigned char *good = pack(rows, sizeof rows - 1, 6, false, &n),
                  *full = pack(rows, sizeof rows - 1, 6, true, &n_full);
    unsigned char *stored = pack(rows, sizeof rows - 1, 0, false, &n_stored), *empty = pack("", 0, 6, false, &n_empty);
    unsigned char *bad = pack("{\"a\": \"x\" \xFF}\n", 13, 6, false, &n_bad), *both = malloc(2 * n + n_empty);
    if (!both) die("no memory");
    for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
        memcpy(both, good, n);
        both[flips[i].at < 0 ? n - (size_t)-flips[i].at : (size_t)flips[i].at] ^= flips[i].xor ;
        judge(flips[i].name, flips[i].says, 0, both, n, good, n);
    }
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        memcpy(both, good, n), memcpy(both + n, tails[i].more, tails[i].n);
        judge(tails[i].name, tails[i].says, 0, both, n + tails[i].n, good, n);
    }
    memcpy(both, good, n), memcpy(both + n, empty, n_empty), memcpy(both + n + n_empty, good, n);
    judge("three members, one of them empty", TAKEN, 0, both, 2 * n + n_empty, NULL, 0);
    memcpy(both, empty, n_empty), memcpy(both + n_empty, good, n);
    judge("an empty member first", SAME, 0, both, n_empty + n, good, n);
    judge("an empty member alone", "fuzz.jsonl.gz: is empty", 0, empty, n_empty, NULL, 0);
    judge("every field of the header", SAME, 0, full, n_full, good, n);
    full[16] ^= 1;
    judge("a header whose checksum does not hold", "fuzz.jsonl.gz: header crc mismatch", 0, full, n_full, NULL, 0);
    judge("stored blocks", SAME, 0, stored, n_stored, good, n);
    stored[12] ^= 1;
    judge("a stored block with two lengths", "fuzz.jsonl.gz: invalid stored block lengths", 0, stored, n_stored, NULL,
          0);
    judge("bad rows inside", "fuzz.jsonl.gz:1:11: expected ',' or '}', found '\\xff' (none of its 1 rows can be used)",
          0, bad, n_bad, NULL, 0);
    judge("an empty file", "fuzz.jsonl.gz: is empty", 0, "", 0, NULL, 0);
    judge("one byte", "fuzz.jsonl.gz: is called .gz but does not begin like gzip", 0, "\x1F", 1, NULL, 0);
    judge("plain text", "fuzz.jsonl.gz: is called .gz but does not begin like gzip", 0, rows, sizeof rows - 1, NULL, 0);
    judge("bzip2", "fuzz.jsonl.gz: is called .gz but does not begin like gzip", 0, "BZh91AY&SY", 10, NULL, 0);
    judge("zlib without gzip's header", "fuzz.jsonl.gz: is called .gz but does not begin like gzip", 0,
          "\x78\x9C\x03\0\0\0\0\x01", 8, NULL, 0);
    bomb("a bomb: 100 MiB of one line", "fuzz.jsonl.gz:1:1: line is longer than the limit of 16 MiB", 0, 'x', 100 << 20,
         "\n", false);
    bomb("a bomb: 100 MiB of line ends", "fuzz.jsonl.gz: has no rows", 0, '\n', 100 << 20, "", false);
    bomb("a bomb: 100 MiB of zeros", "fuzz.jsonl.gz:1:1: line is longer than the limit of 16 MiB", 0, 0, 100 << 20, "",
         false);
    bomb("a bomb in a bomb", "NUL byte (none of its", 0, 'x', 100 << 20, "", true);
    bomb("a bomb: 100 MiB inside a string", "fuzz.jsonl.gz:1:1: line is longer than the limit of 16 MiB", 0, '"',
         100 << 20, "\n", false);
    run_cuts("table_gz", "fuzz.jsonl.gz", good, n, NULL);
    free(good), free(full), free(stored), free(empty), free(bad), free(both);
}
