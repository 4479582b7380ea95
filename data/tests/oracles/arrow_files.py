"""Writes Arrow files into arrow/, and arrow.json: what a reader should make of them.

Needs pyarrow, numpy and Pillow. The digests are as in parquet_files.py, of the values that pyarrow reads back.
"""
import hashlib
import io
import json
import pathlib

import numpy
import PIL
import pyarrow
from PIL import Image

HERE = pathlib.Path(__file__).parent
OUT = HERE / "arrow"
# As the library `datasets` types its images.
IMAGE = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
rng = numpy.random.default_rng(0)


def encoded(seed, kind="PNG"):
    pixels = numpy.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=numpy.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def images(seeds):
    return pyarrow.array([{"bytes": encoded(seed), "path": f"{seed}.png"} for seed in seeds], IMAGE)


def save(name, table, rows=4, packing=None, file=False, offset=0):
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    options = pyarrow.ipc.IpcWriteOptions(compression=packing)
    new = pyarrow.ipc.new_file if file else pyarrow.ipc.new_stream
    with pyarrow.OSFile(str(path), "wb") as sink, new(sink, table.schema, options=options) as writer:
        for batch in table.to_batches(max_chunksize=rows):
            writer.write_batch(batch.slice(offset) if len(batch) > offset else batch)
    return path


def read(path):
    with pyarrow.OSFile(str(path), "rb") as source:
        whole = source.read()
    new = pyarrow.ipc.open_file if whole.startswith(b"ARROW1") else pyarrow.ipc.open_stream
    return new(pyarrow.BufferReader(whole)).read_all()


document = {"generator": f"arrow_files.py with pyarrow {pyarrow.__version__}, Pillow {PIL.__version__}"}


def add(name, paths, columns, kept):
    rows = []
    for path in paths:
        lists = list(read(path).select(columns).to_pydict().values())
        rows += lists[0] if len(lists) == 1 else list(zip(*lists))
    if kept is None:
        rows = [value["bytes"] if isinstance(value, dict) else value for value in rows]
        array = numpy.array([numpy.asarray(Image.open(io.BytesIO(row))).transpose(2, 0, 1) for row in rows])
        kept = "u1"
    else:
        array = numpy.array(rows, dtype=kept)
    if array.ndim == 1:
        array = array[:, None]
    names = {"u1": "u8", "<f4": "f32", "<f8": "f64"}
    digest = hashlib.sha256(array.tobytes() + f"{names[kept]} {'x'.join(map(str, array.shape))}\n".encode())
    document[name] = {"rows": len(array), "shape": list(array.shape[1:]), "digest": digest.hexdigest()}


def both(name, columns, wanted, kept, **options):
    add(name, [save(f"{name}.arrow", pyarrow.table(columns), **options)], wanted, kept)


def described(columns):
    """A table with what `datasets` writes into its schema, of hundreds of bytes."""
    features = {name: {"_type": "Image" if name == "image" else "Value"} for name in columns}
    info = {"info": {"description": "what the rows are. " * 30, "features": features}}
    return pyarrow.table(columns).replace_schema_metadata({"huggingface": json.dumps(info)})


# What save_to_disk makes: folders of splits, with the order of the files, which is not that of their names.
label = pyarrow.array(range(5))
dataset = OUT / "saved"
for split, seeds in {"train": [range(5), range(5, 10)], "test": [range(10, 13)]}.items():
    names = [f"data-{i:05}-of-{len(seeds):05}.arrow" for i in range(len(seeds))]
    for name, part in zip(names, seeds):
        columns = {"image": images(part), "label": pyarrow.array(list(part))}
        save(f"saved/{split}/{name}", described(columns), 3)
    state = {"_data_files": [{"filename": name} for name in reversed(names)], "_fingerprint": "0", "_split": split}
    (dataset / split / "state.json").write_text(json.dumps(state))
    (dataset / split / "dataset_info.json").write_text(json.dumps({"features": {"image": {"_type": "Image"}}}))
    add(f"saved/{split}", [dataset / split / name for name in reversed(names)], ["image"], None)
save("saved/train/cache-0123.arrow", pyarrow.table({"indices": pyarrow.array(range(5), pyarrow.uint64())}))
(dataset / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
(OUT / "indices").mkdir(exist_ok=True)
save("indices/dataset.arrow", pyarrow.table({"image": images(range(2))}))
state = {"_data_files": [{"filename": "dataset.arrow"}], "_indices_files": [{"filename": "indices.arrow"}]}
(OUT / "indices/state.json").write_text(json.dumps(state))

both("images", {"boxes": [[[1, 2]]] * 5, "image": images(range(5)), "label": label}, ["image"], None)
both("lz4", {"image": images(range(5)), "label": label}, ["image"], None, packing="lz4")
both("zstd", {"image": images(range(5)), "label": label}, ["image"], None, packing="zstd")
both("file", {"image": images(range(5))}, ["image"], None, file=True)
both("sliced", {"text": list("abcdefghi"), "image": images(range(9))}, ["image"], None, offset=1)
jpeg = [encoded(seed, "JPEG") for seed in range(4)]
both("binary", {"jpg": pyarrow.array(jpeg, pyarrow.binary()), "text": list("abcd")}, ["jpg"], None)
both("large", {"jpg": pyarrow.array(jpeg, pyarrow.large_binary())}, ["jpg"], None)
# Types that are passed over before the images.
others = {
    "null": pyarrow.nulls(4),
    "view": pyarrow.array(["a", "much longer than twelve bytes", "c", None], pyarrow.string_view()),
    "decimal": pyarrow.array([1, 2, 3, 4], pyarrow.decimal128(9)),
    "day": pyarrow.array([1, 2, 3, None], pyarrow.date32()),
    "category": pyarrow.array(list("abab")).dictionary_encode(),
    "map": pyarrow.array([[("a", 1)]] * 4, pyarrow.map_(pyarrow.string(), pyarrow.int8())),
    "union": pyarrow.UnionArray.from_dense(
        pyarrow.array([0, 1, 0, 1], pyarrow.int8()),
        pyarrow.array([0, 0, 1, 1], pyarrow.int32()),
        [pyarrow.array([1, 2]), pyarrow.array(["x", "y"])],
    ),
    "lists": pyarrow.array([[1], [], None, [2, 3]], pyarrow.list_view(pyarrow.int8())),
    "runs": pyarrow.RunEndEncodedArray.from_arrays(pyarrow.array([2, 4], pyarrow.int32()), pyarrow.array(["a", "b"])),
    "image": images(range(4)),
}
both("others", others, ["image"], None)


def lists(values, kind):
    return pyarrow.array(values.tolist(), kind)


deep = pyarrow.list_(pyarrow.list_(pyarrow.list_(pyarrow.uint8())))
pixels = rng.integers(0, 256, (9, 2, 3, 2))
real = rng.normal(size=(9, 3))
single = pyarrow.list_(pyarrow.float32())
nine = pyarrow.array(range(9))
extension = {
    "ARROW:extension:name": "datasets.features.features.Array3DExtensionType",
    "ARROW:extension:metadata": json.dumps([[2, 3, 2], "uint8"]),
}
schema = pyarrow.schema([pyarrow.field("image", deep, metadata=extension), ("label", pyarrow.int64())])
typed = pyarrow.table({"image": lists(pixels, deep), "label": nine}, schema)
add("array3d", [save("array3d.arrow", typed)], ["image"], "u1")
both("array3d-zstd", {"image": lists(pixels, deep), "label": nine}, ["image"], "u1", packing="zstd")
both("array3d-sliced", {"image": lists(pixels, deep), "label": nine}, ["image"], "u1", offset=2)
both("list-f32", {"x": lists(real, single)}, ["x"], "<f4")
both("list-f64", {"x": lists(real, pyarrow.large_list(pyarrow.float64()))}, ["x"], "<f8", file=True, packing="lz4")
fixed = pyarrow.list_(pyarrow.list_(pyarrow.int16(), 2), 6)
both("fixed", {"x": lists(pixels.reshape(9, 6, 2), fixed), "one": lists(real[:, :1], pyarrow.list_(pyarrow.float32(), 1))}, ["x"], "<f4")
labelled = {"target": lists(real[:, :1], single), "x": lists(real, single)}
both("labelled", labelled, ["x"], "<f4")
save("two-lists.arrow", pyarrow.table({"x": lists(real, single), "z": lists(real, single)}))
flags = pyarrow.list_(pyarrow.bool_())
both("flags", {"x": lists(real > 0, flags)}, ["x"], "<f4", offset=1)
columns = {
    "a": pyarrow.array(rng.integers(0, 256, 9), pyarrow.uint8()),
    "text": list("abcdefghi"),
    "b": pyarrow.array(real[:, 0], pyarrow.float32()),
    "Label": nine,
    "c": pyarrow.array([i % 3 == 0 for i in range(9)]),
}
both("columns", columns, ["a", "b", "c"], "<f4")
both("columns-f64", {"a": columns["a"], "d": nine}, ["a", "d"], "<f8", packing="lz4")
for name, rows, kind in [
    ("ragged", [[1, 2], [3, 4], [5, 6, 7]], pyarrow.list_(pyarrow.int32())),
    ("uneven", [[[1, 2], [3, 4]], [[1, 2], [3]]], pyarrow.list_(pyarrow.list_(pyarrow.int32()))),
    ("null-list", [[1, 2], None], pyarrow.list_(pyarrow.int32())),
    ("null-entry", [[1, 2], [3, None]], pyarrow.list_(pyarrow.int32())),
    ("empty-list", [[1, 2], []], pyarrow.list_(pyarrow.int32())),
    ("null-number", [1, 2, None], pyarrow.float32()),
    ("nulls", [{"bytes": encoded(0), "path": None}, None, {"bytes": None, "path": "elsewhere.png"}], IMAGE),
    ("text", ["a", "b"], pyarrow.string()),
    ("none", [], IMAGE),
]:
    save(f"{name}.arrow", pyarrow.table({"x": pyarrow.array(rows, kind)}))
save("category.arrow", pyarrow.table({"x": pyarrow.array(list("abab")).dictionary_encode()}))
(HERE / "arrow.json").write_text(json.dumps(document, indent=1) + "\n")
