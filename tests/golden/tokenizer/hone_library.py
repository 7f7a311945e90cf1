"""Hone's tokenizer through libhone.so, for the maintainer's scripts beside this file."""
import ctypes as C
import numpy as np


class Options(C.Structure):
    _fields_ = [("max_length", C.c_int64), ("truncation", C.c_int), ("no_special_tokens", C.c_bool),
                ("split_special_tokens", C.c_bool), ("want_offsets", C.c_bool)]


class Encoding(C.Structure):
    _fields_ = [("n", C.c_int64), ("ids", C.POINTER(C.c_int32)), ("type_ids", C.POINTER(C.c_int32)),
                ("special", C.POINTER(C.c_uint8)), ("sequence", C.POINTER(C.c_int8)),
                ("offsets", C.POINTER(C.c_int32)), ("capacity", C.c_int64), ("work", C.c_void_p)]


class Error(C.Structure):
    _fields_ = [("code", C.c_int), ("os_error", C.c_int), ("line", C.c_int64), ("column", C.c_int64),
                ("file", C.c_char * 512), ("message", C.c_char * 1024), ("hint", C.c_char * 384)]


STRATEGY = {"longest_first": 0, "only_first": 1, "only_second": 2}


class HoneError(Exception):
    pass


class Library:
    def __init__(self, path):
        self.c = C.CDLL(path)
        self.c.hone_last_error.restype = C.POINTER(Error)
        self.c.hone_tokenizer_open.argtypes = [C.c_char_p, C.POINTER(C.c_void_p)]
        self.c.hone_tokenizer_free.argtypes = [C.c_void_p]
        self.c.hone_tokenizer_encode.argtypes = [C.c_void_p, C.c_char_p, C.c_size_t, C.c_char_p, C.c_size_t,
                                                 C.POINTER(Options), C.POINTER(Encoding)]
        self.c.hone_encoding_token.restype = C.c_void_p
        self.c.hone_encoding_token.argtypes = [C.c_void_p, C.POINTER(Encoding), C.c_int64, C.POINTER(C.c_size_t)]
        for name in ("vocab_size", "vocab_limit", "max_length"):
            f = getattr(self.c, "hone_tokenizer_" + name)
            f.restype, f.argtypes = C.c_int64, [C.c_void_p]
        self.c.hone_tokenizer_special_id.restype = C.c_int64
        self.c.hone_tokenizer_special_id.argtypes = [C.c_void_p, C.c_int]

    def fail(self):
        e = self.c.hone_last_error().contents
        raise HoneError("%s: %s (%s)" % (e.file.decode(), e.message.decode(), e.hint.decode()))


class Tokenizer:
    def __init__(self, library, folder):
        self.lib, self.t, self.e = library, C.c_void_p(), Encoding()
        if library.c.hone_tokenizer_open(str(folder).encode(), C.byref(self.t)):
            library.fail()

    def __del__(self):
        if self.t:
            self.lib.c.hone_encoding_free(C.byref(self.e))
            self.lib.c.hone_tokenizer_free(self.t)

    def encode(self, text, second=None, max_length=0, truncation="longest_first", specials=True, split=False,
               offsets=True):
        """(ids, type_ids, offsets) as lists"""
        a = text.encode()
        b = second.encode() if second is not None else None
        o = Options(max_length, STRATEGY[truncation], not specials, split, offsets)
        if self.lib.c.hone_tokenizer_encode(self.t, a, len(a), b, len(b) if b is not None else 0, C.byref(o),
                                            C.byref(self.e)):
            self.lib.fail()
        n = self.e.n
        return (self.e.ids[:n], self.e.type_ids[:n],
                list(zip(self.e.offsets[:2 * n:2], self.e.offsets[1:2 * n:2])) if offsets else None)

    def tokens(self):
        """of the last encoding"""
        out, n = [], C.c_size_t()
        for i in range(self.e.n):
            p = self.lib.c.hone_encoding_token(self.t, C.byref(self.e), i, C.byref(n))
            out.append(C.string_at(p, n.value).decode() if p else None)
        return out
