"""Writes small HDF5 files into hdf5/, and what their data sets hold into hdf5.json.

Needs numpy and h5py (3.16, with HDF5 2). Run in this folder; a few files hold the time at which they were written. Each kind of file is written as the oldest and as the
latest versions of the format have it. The MATLAB file is put together as MATLAB 7.3 writes them: axes in reverse, the
class of an array in an attribute, a head of 512 bytes.
"""
import gzip
import json
import pathlib

import h5py
import numpy

FILES = pathlib.Path("hdf5")
FILES.mkdir(exist_ok=True)
random = numpy.random.default_rng(7)
expected = {}
images = random.integers(0, 256, (7, 4, 5, 3), dtype=numpy.uint8)
matrix = random.standard_normal((10, 6)).astype("float32")


def expect(name, array, rows, choose=True):
    """Rows of a data set, which is chosen by its name if it is not the only one."""
    kept = "u8" if rows.dtype == numpy.uint8 else "float"
    expected[f"{name} {array}"] = {"array": array if choose else None, "shape": list(rows.shape[1:]) or [1],
                                   "type": kept, "rows": rows.astype(float).ravel().tolist()}


def write(name, fill, rows, array="x", **options):
    """Both versions of a file with one data set."""
    for version in ["earliest", "latest"]:
        with h5py.File(FILES / f"{name}_{version}.h5", "w", libver=version, **options) as file:
            fill(file)
        expect(f"{name}_{version}.h5", array, rows, choose=False)


def labelled(file):
    file["images"], file["labels"] = images, numpy.arange(7)


def grown(maxshape, chunks, **options):
    def fill(file):
        data = file.create_dataset("x", shape=(0, 0), maxshape=maxshape, chunks=chunks, dtype="f4", **options)
        data.resize(matrix.shape)
        data[:] = matrix
    return fill


def chunked(data, chunks, **options):
    return lambda file: file.create_dataset("x", data=data, chunks=chunks, **options)


def sparse(file):
    file.create_dataset("x", shape=(10, 6), chunks=(3, 4), dtype="f4", fillvalue=7)[4:6] = matrix[4:6]


def shrunk(file):
    data = file.create_dataset("x", data=numpy.zeros((20, 9), "f4"), chunks=(3, 4), maxshape=(30, 20))
    data.resize(matrix.shape)
    data[:] = matrix


write("plain", labelled, images, "images")
write("vector", lambda file: file.create_dataset("x", data=numpy.arange(9.0)), numpy.arange(9.0))
write("gzip", chunked(images, (3, 4, 2, 3), compression="gzip", shuffle=True), images)
write("lzf", chunked(matrix, (4, 4), compression="lzf", shuffle=True, fletcher32=True), matrix)
write("one", chunked(matrix, matrix.shape), matrix)
write("one_gzip", chunked(matrix, matrix.shape, compression="gzip"), matrix)
write("grown", grown((None, 6), (2, 6)), matrix)
write("grown_gzip", grown((12, None), (2, 2), compression="gzip"), matrix)
write("endless", grown((None, None), (2, 3), compression="gzip", fletcher32=True), matrix)
write("endless_plain", grown((None, None), (1, 1)), matrix)
write("shrunk", shrunk, matrix)
many = random.integers(0, 256, (1100, 1), dtype=numpy.uint8)
write("many", chunked(many, (1, 1)), many)
longer = numpy.tile(many[:300], (1, 2))
write("longer", chunked(longer, (1, 2), maxshape=(None, 2)), longer)
filled = numpy.full((10, 6), 7, "f4")
filled[4:6] = matrix[4:6]
write("sparse", sparse, filled)
write("user", lambda file: file.create_dataset("x", data=matrix), matrix, userblock_size=1024)


def compact(file):
    space, plist = h5py.h5s.create_simple(matrix.shape), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    data = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, space, plist)
    data.write(h5py.h5s.ALL, h5py.h5s.ALL, matrix)


write("compact", compact, matrix)
with h5py.File(FILES / "implicit_latest.h5", "w", libver="latest") as file:
    space, plist = h5py.h5s.create_simple(matrix.shape), h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((4, 4))
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, space, plist).write(h5py.h5s.ALL, h5py.h5s.ALL, matrix)
expect("implicit_latest.h5", "x", matrix, choose=False)

types = {kind: (random.integers(0, 100, (4, 3)) - 50 * ("u" not in kind)).astype(kind)
         for kind in ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8", "u1", "i1", "<u2", "<i2", ">u2", ">i2", "<u4", "<i4", "<u8", ">i8"]}
types["bool"] = random.integers(0, 2, (4, 3)).astype(bool)
for version in ["earliest", "latest"]:
    name = f"types_{version}.h5"
    with h5py.File(FILES / name, "w", libver=version) as file:
        for kind, array in types.items():
            file[kind] = array
            expect(name, kind, array)
        file["named type"] = numpy.dtype("<i2")
        file.create_dataset("named", data=types["<i2"], dtype=file["named type"])
        expect(name, "named", types["<i2"])
        file["enumeration"] = numpy.zeros(3, h5py.enum_dtype({"cat": 0, "dog": 1}, basetype="u1"))
        file["texts"], file["text"], file["complex"] = ["a"] * 4, numpy.array([b"ab"] * 4), matrix.astype("c8")
        file["records"] = numpy.zeros(4, [("a", "f4"), ("b", "i4")])
        file["references"] = numpy.array([file["texts"].ref] * 4, h5py.ref_dtype)
        file["number"], file["nothing"] = 3.0, h5py.Empty("f4")
        file.create_dataset("lists", shape=(2,), dtype=h5py.vlen_dtype("i4"))
    name = f"groups_{version}.h5"
    with h5py.File(FILES / name, "w", libver=version) as file:
        for number in range(20):
            path = f"group{number}/below/set{number}"
            file[path] = matrix[number % 5:number % 5 + 2] + number
            expect(name, path, matrix[number % 5:number % 5 + 2] + number)
        for number in range(30):
            file[f"many/{number:02}"] = numpy.array([[number, 1]], "u1")
        expect(name, "many/17", numpy.array([[17, 1]], "u1"))
        file["again"], file["group3/circle"] = file["group2/below/set2"], file["/"]
        expect(name, "again", matrix[2:4] + 2)
        file["soft"], file["elsewhere"] = h5py.SoftLink("/again"), h5py.ExternalLink("other.h5", "/x")

# An index that grows has pages from its 131060th chunk on; row n of those that are set holds n modulo 251, and 1 more.
for version, maxshape in [("grown", (None, 1)), ("fixed", None)]:
    path = FILES / f"pages_{version}.h5"
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("x", shape=(150_000, 1), chunks=(1, 1), maxshape=maxshape, dtype="u1")
        for row in [0, 5, 70_000, 131_059, 131_060, 140_000, 149_999]:
            data[row] = row % 251 + 1
    path.with_suffix(".h5.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()

# Files that are refused.
with h5py.File(FILES / "scale.h5", "w") as file:
    file.create_dataset("x", data=numpy.arange(20).reshape(5, 4), scaleoffset=0)
with h5py.File(FILES / "huge.h5", "w") as file:
    file.create_dataset("x", shape=(1 << 30, 6), chunks=(1000, 6), dtype="f4", fillvalue=1)
with h5py.File(FILES / "elsewhere.h5", "w") as file:
    file.create_dataset("x", shape=(5, 4), dtype="f4", external="other.bin")
with h5py.File(FILES / "none.h5", "w") as file:
    file["text"], file["number"], file["empty"] = "words", 1.0, numpy.zeros((0, 3))
with h5py.File(FILES / "infinite.h5", "w") as file:
    file["x"] = numpy.array([[1, 2], [3, numpy.nan]])

with h5py.File(FILES / "matlab.mat", "w", userblock_size=512) as file:
    columns = random.integers(0, 256, (4, 5, 3, 7), dtype=numpy.uint8)
    for name, array, kind in [("X", columns, b"uint8"), ("y", numpy.arange(7.0).reshape(7, 1), b"double"),
                              ("M", matrix.astype(float), b"double"), ("L", matrix[:5] > 0, b"logical"),
                              ("T", numpy.array([[72, 105]], "u2"), b"char")]:
        data = file.create_dataset(name, data=numpy.ascontiguousarray(array.T).astype("u1" if kind == b"logical" else array.dtype))
        data.attrs["MATLAB_class"] = numpy.bytes_(kind)
    file["#refs#/a"] = numpy.arange(3.0)
with open(FILES / "matlab.mat", "r+b") as file:
    file.write(b"MATLAB 7.3 MAT-file, by hand".ljust(124) + b"\0\2IM")
expect("matlab.mat", "X", columns.transpose(3, 0, 1, 2))
expect("matlab.mat", "M", matrix.astype(float))
expect("matlab.mat", "L", (matrix[:5] > 0))

pathlib.Path("hdf5.json").write_text(json.dumps(expected) + "\n")
