"""Writes parquet files of images into parquet/, and parquet.json: what a reader should make of them.

Needs pyarrow, numpy and Pillow. The digests are those of Pillow's pixels in the order in which pyarrow reads the rows:
SHA-256 of the planes [channels, height, width] of all images, then "u8 COUNTxCHANNELSxHEIGHTxWIDTH\n".
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

for codec in ["none", "snappy", "gzip", "zstd"]:
    add(codec, pyarrow.table({"image": struct(range(6))}), compression=codec, write_page_checksum=codec == "none")
save("brotli", pyarrow.table({"image": struct(range(2))}), compression="brotli")

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
(HERE / "parquet.json").write_text(json.dumps(document, indent=1) + "\n")
