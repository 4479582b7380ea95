"""Small TIFF, GIF and PNM images in scans/, and their values as Pillow gives them in scans.json: planes, and sizes of 3.

Needs Pillow 13.0, numpy. Run it to make both again.
"""

import json
import pathlib

import numpy
from PIL import Image

HERE = pathlib.Path(__file__).parent
OUT = HERE / "scans"
OUT.mkdir(exist_ok=True)
HEIGHT, WIDTH = 5, 7
y, x = numpy.mgrid[:HEIGHT, :WIDTH]
grey = ((37 * x + 91 * y) % 256).astype(numpy.uint8)
colour = numpy.stack([grey, (53 * y + x) % 256, (11 * x * y) % 256], axis=2).astype(numpy.uint8)
words = (257 * 37 * x + 911 * y).astype(numpy.uint16)
floats = (x / 3 - y * 1000.5).astype(numpy.float32)
FILES = {
    "grey.tif": (grey, {}),
    "colour.tif": (colour, {}),
    "lzw.tif": (colour, {"compression": "tiff_lzw"}),
    "deflate.tif": (grey, {"compression": "tiff_adobe_deflate"}),
    "words.tif": (words, {}),
    "floats.tif": (floats, {}),
    "signed.tif": (floats.astype(numpy.int32), {}),
    "grey.pgm": (grey, {}),
    "colour.ppm": (colour, {}),
    "words.pgm": (words, {}),
}


def planes(array):
    array = array if array.ndim == 3 else array[:, :, None]
    return array.transpose(2, 0, 1).flatten().tolist()


def resized(array, size):
    """torchvision's Resize and CenterCrop of a float image, as Pillow makes them."""
    image = Image.fromarray(array).resize((size * WIDTH // HEIGHT, size), Image.BILINEAR)
    left = round((image.width - size) / 2)
    return planes(numpy.asarray(image.crop((left, 0, left + size, size))))


values = {}
for name, (array, options) in FILES.items():
    Image.fromarray(array).save(OUT / name, **options)
    values[name] = {"planes": planes(numpy.asarray(Image.open(OUT / name)))}
values["floats.tif"]["size 3"] = resized(floats, 3)
# A maximum of 15 stands for white.
(OUT / "fifteen.pgm").write_bytes(b"P5\n# a comment\n7 5\n15\n" + (grey % 16).tobytes())
values["fifteen.pgm"] = {"planes": planes(numpy.asarray(Image.open(OUT / "fifteen.pgm")))}
frames = [Image.fromarray(colour).quantize(8), Image.fromarray(colour[::-1].copy()).quantize(8)]
frames[0].save(OUT / "first.gif", save_all=True, append_images=frames[1:])
values["first.gif"] = {"planes": planes(numpy.asarray(Image.open(OUT / "first.gif").convert("RGB")))}
(HERE / "scans.json").write_text(json.dumps(values, separators=(",", ":")) + "\n")
