"""Writes small MATLAB files into mat/, and what they hold into mat.json.

Needs numpy and scipy (1.17). Run in this folder. scipy writes little-endian files, and values in the type of their
class; the big-endian file and the one with narrow values are put together here as MATLAB's description of the format
has them, and read back by scipy.
"""
import json
import pathlib
import struct

import numpy
from scipy.io import loadmat, savemat

FILES = pathlib.Path("mat")
FILES.mkdir(exist_ok=True)
random = numpy.random.default_rng(7)
expected = {}
ELEMENTS = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]


def expect(name, array, rows, **more):
    """Rows as numpy has them; the array named, if one is to be named."""
    rows = numpy.asarray(rows)
    kept = "u8" if rows.dtype == numpy.uint8 else "float"
    expected[name] = {"array": array, "shape": list(rows.shape[1:]), "type": kept,
                      "rows": rows.astype(float).ravel().tolist(), **more}


images = random.integers(0, 256, (4, 5, 3, 7), dtype=numpy.uint8)
labels = random.integers(1, 11, (7, 1)).astype(numpy.uint8)
for name, compressed in [("svhn.mat", False), ("svhn_compressed.mat", True)]:
    savemat(FILES / name, {"X": images, "y": labels}, do_compression=compressed)
    expect(name, None, images.transpose(3, 0, 1, 2))
matrix = random.standard_normal((6, 4))
for name, compressed in [("matrix.mat", False), ("matrix_compressed.mat", True)]:
    savemat(FILES / name, {"data": matrix}, do_compression=compressed)
    expect(name, None, matrix)
savemat(FILES / "labelled.mat", {"fea": matrix, "gnd": numpy.arange(6.0).reshape(6, 1)})
expect("labelled.mat", None, matrix)
arrays = {kind: (random.integers(0, 100, (3, 2, 2)) - 50 * (kind[0] != "u")).astype(kind) for kind in ELEMENTS}
arrays["logical"] = random.integers(0, 2, (3, 2, 2)).astype(bool)
savemat(FILES / "types.mat", arrays, do_compression=True)
for kind, array in arrays.items():
    expect(f"types.mat {kind}", kind, array)
savemat(FILES / "others.mat", {
    "text": "words", "cells": numpy.array([[1], "a"], dtype=object), "record": {"x": 1.0}, "complex": matrix * 1j,
    "sparse": __import__("scipy.sparse").sparse.csc_matrix(matrix), "empty": numpy.zeros((0, 3)), "real": matrix})
expect("others.mat", None, matrix)


def element(order, kind, content):
    """An element, in its short form where that is possible."""
    if 0 < len(content) <= 4:
        return struct.pack(order + "I", len(content) << 16 | kind) + content.ljust(4, b"\0")
    return struct.pack(order + "II", kind, len(content)) + content + bytes(-len(content) % 8)


def array(order, flags, shape, name, kind, values):
    return element(order, 14, element(order, 6, struct.pack(order + "II", flags, 0))
                   + element(order, 5, struct.pack(f"{order}{len(shape)}i", *shape))
                   + element(order, 1, name.encode()) + element(order, kind, values))


def save(name, order, *arrays):
    head = b"MATLAB 5.0 MAT-file, by hand".ljust(124) + struct.pack(order + "H", 0x100) + {"<": b"IM", ">": b"MI"}[order]
    (FILES / name).write_bytes(head + b"".join(arrays))


whole = random.integers(-300, 300, (3, 4)).astype(">i2")
save("big.mat", ">", array(">", 6, (3, 4), "numbers", 3, whole.T.tobytes()))
assert (loadmat(FILES / "big.mat", mat_dtype=True)["numbers"] == whole).all()
expect("big.mat", None, whole.astype(float))
few = numpy.array([[1, 2], [250, 4]], dtype=numpy.uint8)
save("narrow.mat", "<", array("<", 6, (2, 2), "x", 2, few.T.tobytes()))
read = loadmat(FILES / "narrow.mat", mat_dtype=True)["x"]
assert read.dtype == float and (read == few).all()
expect("narrow.mat", None, few.astype(float))

pathlib.Path("mat.json").write_text(json.dumps(expected) + "\n")
