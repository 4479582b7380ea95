"""Writes parquet files of images into parquet/, and parquet.json: what a reader should make of them.

Needs pyarrow, numpy and Pillow. The digests are those of Pillow's pixels in the order in which pyarrow reads the rows:
SHA-256 of the planes [channels, height, width] of all images, then "u8 COUNTxCHANNELSxHEIGHTxWIDTH\n"; of numbers, those
of numpy's array of pyarrow's values in the type that the reader keeps.
"""
import hashlib
import io
import json
import pathlib

import numpy
import PIL
import pyarrow
import pyarrow.parquet
from PIL import Image

HERE = pathlib.Path(__file__).parent
OUT = HERE / "parquet"
# As the library `datasets` types its images.
IMAGE = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])


def encoded(seed, kind="PNG"):
    pixels = numpy.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=numpy.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def struct(seeds, kind="PNG"):
    return pyarrow.array([{"bytes": encoded(seed, kind), "path": f"{seed}.png"} for seed in seeds], IMAGE)


def save(name, table, **options):
    path = OUT / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path, **options)
    return path


def expected(paths, column="image"):
    digest, count, shape = hashlib.sha256(), 0, None
    for path in paths:
        for value in pyarrow.parquet.read_table(path)[column].to_pylist():
            content = value["bytes"] if isinstance(value, dict) else value
            planes = numpy.asarray(Image.open(io.BytesIO(content))).transpose(2, 0, 1)
            digest.update(planes.tobytes())
            count, shape = count + 1, planes.shape
    digest.update(f"u8 {count}x{'x'.join(map(str, shape))}\n".encode())
    return {"rows": count, "digest": digest.hexdigest()}


document = {"generator": f"parquet_files.py with pyarrow {pyarrow.__version__}, Pillow {PIL.__version__}"}


def add(name, table, column="image", **options):
    document[name] = expected([save(name, table, **options)], column)


# A repository of Hugging Face: shards of two splits, with columns of other kinds before and after the images.
def shard(name, seeds, **options):
    boxes = pyarrow.array([[{"x": 1, "y": [seed, 2]}] * (seed % 3) for seed in seeds])
    columns = {"boxes": boxes, "image": struct(seeds, "JPEG"), "label": pyarrow.array(list(seeds))}
    return save(f"hub/data/{name}", pyarrow.table(columns), row_group_size=4, **options)


train = [shard("train-00000-of-00002", range(10)), shard("train-00001-of-00002", range(10, 15))]
document["hub/train"] = expected(train)
document["hub/test"] = expected([shard("test-00000-of-00001", range(20, 23))])
(OUT / "hub/README.md").write_text("# Not an image\n")

for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    add(codec, pyarrow.table({"image": struct(range(6))}), compression=codec, write_page_checksum=codec == "none")

many = pyarrow.table({"image": struct([seed % 5 for seed in range(300)])})
add("dictionary", many, data_page_size=64, write_batch_size=40)
add("plain", pyarrow.table({"image": struct(range(9))}), use_dictionary=False, data_page_size=500, write_batch_size=2)
# The dictionary grows too long, and plain pages follow.
add("fallback", pyarrow.table({"image": struct(range(12))}), dictionary_pagesize_limit=1000, write_batch_size=3)
for name, options in [("version2", {}), ("version2-plain", {"compression": "none", "use_dictionary": False})]:
    table = pyarrow.table({"image": struct(range(9))})
    add(name, table, data_page_version="2.0", data_page_size=500, write_batch_size=2, **options)

schema = pyarrow.schema([("text", pyarrow.string()), pyarrow.field("jpeg", pyarrow.binary(), nullable=False)])
values = {"text": [str(seed) for seed in range(5)], "jpeg": [encoded(seed, "JPEG") for seed in range(5)]}
add("binary", pyarrow.table(values, schema), "jpeg", write_page_index=True)
two = pyarrow.table({"image": struct(range(3)), "raw": [b"x"] * 3, "mask": struct(range(3, 6))})
add("two", two, "mask")
save("text", pyarrow.table({"text": ["a", "b"], "number": [1, 2]}))
nulls = [{"bytes": encoded(0), "path": None}, None, {"bytes": None, "path": "elsewhere.png"}]
save("nulls", pyarrow.table({"image": pyarrow.array(nulls, IMAGE)}))
save("empty", pyarrow.table({"image": struct([])}))


# Numbers.
def add_numbers(name, columns, kept, paths=None, wanted=None, **options):
    paths = paths or [save(name, pyarrow.table(columns), **options)]
    rows = []
    for path in paths:
        lists = pyarrow.parquet.read_table(path).select(wanted or list(columns)).to_pydict().values()
        rows += list(next(iter(lists))) if len(lists) == 1 else list(zip(*lists))
    array = numpy.array(rows, dtype=kept)
    if array.ndim == 1:
        array = array[:, None]
    names = {"u1": "u8", "<f4": "f32", "<f8": "f64"}
    digest = hashlib.sha256(array.tobytes() + f"{names[kept]} {'x'.join(map(str, array.shape))}\n".encode())
    document[name] = {"rows": len(array), "shape": list(array.shape[1:]), "digest": digest.hexdigest()}


rng = numpy.random.default_rng(0)
label = pyarrow.array(range(12))


def lists(values, kind):
    return pyarrow.array(values.tolist(), kind)


numbers = rng.integers(0, 256, (12, 2, 3, 2))
small = dict(row_group_size=5, data_page_size=32, write_batch_size=2)
bytes_list = {"pixels": lists(numbers.reshape(12, -1), pyarrow.list_(pyarrow.uint8())), "label": label}
add_numbers("list-u8", bytes_list, "u1", wanted=["pixels"], **small)
deep = pyarrow.list_(pyarrow.list_(pyarrow.list_(pyarrow.uint8())))
add_numbers("array3d", {"image": lists(numbers, deep), "label": label}, "u1", wanted=["image"], **small)
add_numbers("array3d-v2", {"image": lists(numbers, deep)}, "u1", data_page_version="2.0", compression="zstd", **small)
real = rng.normal(size=(12, 3))
single = pyarrow.list_(pyarrow.float32())
add_numbers("list-f32", {"embedding": lists(real, single)}, "<f4", data_page_version="2.0", use_dictionary=False, **small)
split = {"use_dictionary": False, "use_byte_stream_split": True}
add_numbers("split", {"embedding": lists(real, single)}, "<f4", **split)
steep = lists(rng.integers(-(2**52), 2**52, (12, 40)) >> numpy.arange(40), pyarrow.list_(pyarrow.int64()))
delta = {"use_dictionary": False, "column_encoding": {"x.list.element": "DELTA_BINARY_PACKED"}}
add_numbers("delta", {"x": steep}, "<f8", **delta)
add_numbers("fixed-f64", {"x": lists(real, pyarrow.list_(pyarrow.float64(), 3))}, "<f8", compression="lz4")
whole = lists(rng.integers(-9, 9, (12, 3)), pyarrow.large_list(pyarrow.int16()))
add_numbers("list-i16", {"x": whole, "one": lists(numpy.ones((12, 1)), single)}, "<f4", wanted=["x"])
half = pyarrow.array([numpy.float16(row).tolist() for row in real], pyarrow.list_(pyarrow.float16()))
add_numbers("list-f16", {"x": half}, "<f4")
mixed = {
    "a": pyarrow.array(rng.integers(0, 256, 12), pyarrow.uint8()),
    "text": pyarrow.array([str(i) for i in range(12)]),
    "b": pyarrow.array(real[:, 0], pyarrow.float32()),
    "Label": label,
    "c": pyarrow.array([i % 3 == 0 for i in range(12)]),
    "d": pyarrow.array(rng.integers(-500, 500, 12), pyarrow.int16()),
}
add_numbers("columns-f32", mixed, "<f4", wanted=["a", "b", "c", "d"], **small)
add_numbers("columns-v2", mixed, "<f4", wanted=["a", "b", "c", "d"], data_page_version="2.0", **small)
wide = {"a": mixed["a"], "b": mixed["b"], "e": pyarrow.array(rng.integers(-(2**50), 2**50, 12))}
add_numbers("columns-f64", wide, "<f8", **small)
add_numbers("columns-u8", {"a": mixed["a"], "b": pyarrow.array(rng.integers(0, 256, 12), pyarrow.uint8())}, "u1")
shards = [save(f"numbers/train-{i}", pyarrow.table({"x": lists(real[6 * i : 6 * i + 6], single)})) for i in range(2)]
save("numbers/test", pyarrow.table({"x": lists(real[:2], single)}))
add_numbers("numbers", {"x": None}, "<f4", paths=shards)
for name, rows in {
    "ragged": [[1, 2], [3, 4], [5, 6, 7]],
    "null-list": [[1, 2], None],
    "null-entry": [[1, 2], [3, None]],
    "empty-list": [[1, 2], []],
}.items():
    save(name, pyarrow.table({"x": pyarrow.array(rows, pyarrow.list_(pyarrow.int32()))}))
save("uneven", pyarrow.table({"x": pyarrow.array([[[1, 2], [3]]], pyarrow.list_(pyarrow.list_(pyarrow.int32())))}))
save("null-number", pyarrow.table({"x": [1.0, 2.0, None], "y2": [1, 2, 3]}))
save("two-lists", pyarrow.table({"x": lists(real, single), "z": lists(real, single)}))
save("strings", pyarrow.table({"text": ["a", "b"], "label": [1, 2]}))
(HERE / "parquet.json").write_text(json.dumps(document, indent=1) + "\n")
