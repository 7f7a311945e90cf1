/* Status codes and the one-sentence error record.
 *
 * A function that can fail because of the outside world (files, shapes, configs, memory) returns a hone_status and
 * leaves one sentence in the calling thread's error record; the caller passes both up with HONE_TRY. Only tools print.
 *
 *     if (n != want)
 *         return hone_fail_at(HONE_E_FORMAT, path, 0, 0, "tensor \"%s\" needs %" PRIu64 " bytes, range holds %" PRIu64,
 *                             hone_quote(name), want, n);
 *
 * The record is a fixed buffer: the error path never allocates. hone_fail* overwrite the record; hone_hint adds the
 * next step to it. A message is one sentence without a full stop, without the file's name (that is `file`), without
 * "error:". Both numbers of a disagreement stand in it. */
#ifndef HONE_BASE_STATUS_H
#define HONE_BASE_STATUS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What went wrong, by kind; the program's exit status follows from it (hone_exit_status). */
typedef enum hone_status {
    HONE_OK = 0,        /* done */
    HONE_E_ARG,         /* the caller's options make no sense             -> exit 2 */
    HONE_E_SHAPE,       /* shapes that do not fit together                -> exit 3 */
    HONE_E_DTYPE,       /* element types that do not fit together         -> exit 3 */
    HONE_E_IO,          /* the system refused: disk full, no permission   -> exit 4 (a missing input file: 3) */
    HONE_E_NOMEM,       /* an allocation failed                           -> exit 5 */
    HONE_E_FORMAT,      /* a file breaks its format                       -> exit 3 */
    HONE_E_LIMIT,       /* legal, but larger than we accept               -> exit 3 */
    HONE_E_UNSUPPORTED, /* legal, but not written yet                     -> exit 3 */
    HONE_E_NUMERIC,     /* NaN or infinity while training                 -> exit 6 */
    HONE_E_DEVICE,      /* the device is missing or failed                -> exit 7 */
    HONE_E_STOPPED,     /* a signal asked the run to stop                 -> exit 128+n */
} hone_status;

/* The record of the last failure: one for each thread. */
typedef struct hone_error {
    hone_status code;
    int os_error;         /* errno when the system refused (HONE_E_STOPPED: the signal's number), else 0 */
    int64_t line, column; /* 1-based place in `file`; 0 = not known */
    char file[512];       /* "" = no file is to blame */
    char message[1024];
    char hint[384]; /* "" = none */
} hone_error;

/* Store a message and return `code`, so that it can be returned in one line. */
hone_status hone_fail(hone_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
hone_status hone_fail_at(hone_status code, const char *file, int64_t line, int64_t column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* As hone_fail_at with HONE_E_IO; keeps errno and appends ": strerror(errno)". */
hone_status hone_fail_os(const char *file, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Add the next step to the last error; returns its code. */
hone_status hone_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Fill file (and line, if it is not known yet) of the last error when a lower floor could not know it. */
hone_status hone_blame(const char *file, int64_t line);

/* The calling thread's record; code HONE_OK when nothing failed. Never NULL. */
const hone_error *hone_last_error(void);
/* Forget the failure: the code is HONE_OK, the texts are empty. */
void hone_error_clear(void);
/* Copy another thread's record into this one (a prefetch thread hands over its failure). */
void hone_error_restore(const hone_error *e);

/* The record as one text for people, without a line end: "FILE:LINE:COLUMN: MESSAGE", what is not known left out, and a
 * second line "  hint: HINT" where there is one. In a buffer of the calling thread, valid until its next call. */
const char *hone_error_text(const hone_error *e);
/* The exit status for a program that ends with this error: 0 to 7 and 128 + n, as listed above. */
int hone_exit_status(const hone_error *e);

/* Hostile text for a message: control and non-UTF-8 bytes as \xNN, cut at 80 bytes. Eight rotating thread-local
 * buffers: valid until the ninth call. NULL gives "(null)". */
const char *hone_quote(const char *s);
const char *hone_quote_n(const char *s, size_t n);

/* Pass a failure up: return the status of `call` from the function that stands around it, unless it is HONE_OK. */
#define HONE_TRY(call)                                                                                                 \
    do {                                                                                                               \
        hone_status try_status_ = (call);                                                                              \
        if (try_status_ != HONE_OK) return try_status_;                                                                \
    } while (0)

/* Overflow-checked size arithmetic for numbers that come from files; false on overflow. */
static inline bool hone_mul_size(uint64_t a, uint64_t b, uint64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool hone_add_size(uint64_t a, uint64_t b, uint64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

#endif
