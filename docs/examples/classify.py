#!/usr/bin/env python3
"""Which of your words fits a picture, through the installed libclipcls and nothing else:

    python3 classify.py photo.jpg cat dog "red panda"

prints one line a label, best first: score, cosine similarity, label.

The structures below are those of clipcls.h, field by field; a field that is missing or out of place
here is read from the wrong place in memory."""

import ctypes
import os
import sys
from ctypes import POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int, c_size_t, c_void_p

OK = 0
NEXT_END, NEXT_GIVEN = 0, 1


class clipcls_error(Structure):
    _fields_ = [("status", c_int), ("message", c_char * 1024)]


class clipcls_model_options(Structure):
    _fields_ = [("threads", c_size_t), ("batch", c_size_t), ("layout", c_char_p),
                ("cache_directory", c_char_p), ("precision", c_char_p), ("sandbox", c_char_p),
                ("decode_seconds", c_double), ("decode_pixels", c_size_t)]


class clipcls_input(Structure):
    _fields_ = [("path", c_char_p), ("bytes", c_void_p), ("size", c_size_t)]


class clipcls_result(Structure):
    _fields_ = [("index", c_size_t), ("similarity", c_double), ("score", c_double)]


class clipcls_record(Structure):
    _fields_ = [("index", c_size_t), ("path", c_char_p), ("status", c_int), ("message", c_char_p),
                ("embedding", POINTER(c_float)), ("results", POINTER(clipcls_result)),
                ("thumbnail", c_void_p), ("thumbnail_bytes", c_size_t), ("thumbnail_width", c_size_t),
                ("thumbnail_height", c_size_t)]


NEXT = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(clipcls_input))
RECORD = ctypes.CFUNCTYPE(c_int, c_void_p, POINTER(clipcls_record))


class ClipclsError(Exception):
    pass


class Library:
    """The functions that are used here. Those that can fail raise ClipclsError."""

    def __init__(self, name="libclipcls.so.0"):
        self.lib = ctypes.CDLL(name)
        error = POINTER(clipcls_error)
        opaque = POINTER(c_void_p)  # where a function puts an object
        self.can_fail("clipcls_model_open", opaque, c_char_p, POINTER(clipcls_model_options), error)
        self.can_fail("clipcls_labels_new", opaque, error)
        self.can_fail("clipcls_labels_add", c_void_p, c_char_p, POINTER(c_char_p), c_size_t, error)
        self.can_fail("clipcls_classifier_new", opaque, c_void_p, c_void_p, c_void_p, error)
        # What stands for clipcls_image_options is NULL: the defaults.
        self.can_fail("clipcls_classify_files", c_void_p, c_void_p, NEXT, RECORD, c_void_p, error)
        for name in ("clipcls_classifier_free", "clipcls_labels_free", "clipcls_model_free"):
            function = getattr(self.lib, name)
            function.argtypes, function.restype = [c_void_p], None

    def can_fail(self, name, *argtypes):
        function = getattr(self.lib, name)
        function.argtypes, function.restype = argtypes, c_int

    def __call__(self, name, *arguments):
        error = clipcls_error()
        if getattr(self.lib, name)(*arguments, ctypes.byref(error)) != OK:
            raise ClipclsError(error.message.decode(errors="replace"))


def rank(path, labels):
    """[(score, similarity, label), ...], best first, by the built-in model."""
    clipcls = Library()
    model, names, classifier = c_void_p(), c_void_p(), c_void_p()
    pictures = iter([os.fsencode(path)])
    outcome = []  # the ranking, or a reason why there is none

    @NEXT
    def next_picture(_, out):
        given = next(pictures, None)
        if given is None:
            return NEXT_END
        next_picture.given = given  # what it points to must live until its record has come
        out.contents.path, out.contents.bytes, out.contents.size = given, None, 0
        return NEXT_GIVEN

    @RECORD
    def take_record(_, record):
        record = record.contents
        if record.status != OK:
            outcome.append(ClipclsError(f"{path}: {record.message.decode(errors='replace')}"))
            return 0
        results = record.results[:len(labels)]
        outcome.append([(result.score, result.similarity, labels[result.index]) for result in results])
        return 0

    try:
        # The processes of a sandbox are forked; Python programs with threads do without.
        options = clipcls_model_options(sandbox=b"auto")
        clipcls("clipcls_model_open", ctypes.byref(model), None, ctypes.byref(options))
        clipcls("clipcls_labels_new", ctypes.byref(names))
        for label in labels:
            clipcls("clipcls_labels_add", names, label.encode(), None, 0)
        clipcls("clipcls_classifier_new", ctypes.byref(classifier), model, names, None)
        clipcls("clipcls_classify_files", classifier, None, next_picture, take_record, None)
    finally:
        clipcls.lib.clipcls_classifier_free(classifier)
        clipcls.lib.clipcls_labels_free(names)
        clipcls.lib.clipcls_model_free(model)
    [ranking] = outcome
    if isinstance(ranking, ClipclsError):
        raise ranking
    return ranking


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: classify.py PICTURE LABEL...")
    try:
        for score, similarity, label in rank(sys.argv[1], sys.argv[2:]):
            print(f"{score:.6f}\t{similarity:.6f}\t{label}")
    except ClipclsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
