"""Writes small TFRecord files into tfrecord/, and what they hold into tfrecord.json.

Needs numpy, Pillow and tfrecord (1.14). Run in this folder; the order of the features in an example may differ from run to run.
"""
import gzip
import io
import json
import pathlib

import numpy
from PIL import Image
from tfrecord.writer import TFRecordWriter

FILES = pathlib.Path("tfrecord")
FILES.mkdir(exist_ok=True)
random = numpy.random.default_rng(7)
expected = {}


def png(array):
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def write(name, examples, rows, array=None):
    """Examples as the package takes them; rows in the order in which they are to be read, as planes for images."""
    writer = TFRecordWriter(str(FILES / name))
    for example in examples:
        writer.write(example)
    writer.close()
    rows = numpy.stack(rows)
    expected[name] = {"array": array, "shape": list(rows.shape[1:]), "type": str(rows.dtype), "rows": rows.ravel().tolist()}


images = random.integers(0, 256, (3, 4, 5, 3), dtype=numpy.uint8)
planes = list(images.transpose(0, 3, 1, 2))
for name, feature in [("encoded.tfrecord", "image/encoded"), ("other-00000-of-00001", "picture")]:
    write(name, [{"image/class/label": (7, "int"), "name": (b"wolf", "byte"), feature: (png(image), "byte")}
                 for image in images], planes)
write("two.tfrecord", [{"left": (png(image), "byte"), "right": (png(image[::-1].copy()), "byte")} for image in images],
      [image[:, ::-1] for image in planes], "right")
write("stylegan.tfrecords", [{"shape": ([3, 4, 5], "int"), "data": (plane.tobytes(), "byte")} for plane in planes], planes)
bands = random.integers(0, 256, (2, 5, 2, 3), dtype=numpy.uint8)
write("bands.tfrecords", [{"shape": ([5, 2, 3], "int"), "data": (band.tobytes(), "byte")} for band in bands], list(bands))
single = random.standard_normal((2, 3, 2, 2)).astype("float32")
write("single.tfrecords", [{"shape": ([3, 2, 2], "int"), "data": (band.tobytes(), "byte")} for band in single],
      list(single))
vectors = random.standard_normal((4, 6)).astype("float32")
write("floats.tfrecord", [{"x": (vector.tolist(), "float"), "weight": ([0.5], "float"), "label": (1, "int")}
                          for vector in vectors], list(vectors))
(FILES / "floats.tfrecord.gz").write_bytes(gzip.compress((FILES / "floats.tfrecord").read_bytes(), mtime=0))
expected["floats.tfrecord.gz"] = expected["floats.tfrecord"]

pathlib.Path("tfrecord.json").write_text(json.dumps(expected) + "\n")
