"""Crops and antialiased bilinear resizes by Pillow, in the steps of torchvision's CenterCrop and Resize.

Writes resize.json beside itself: for each case the size of the input, crop, size, and the output as planes.
The input is pixel(x, y, channel) = (37 x + 91 y + 53 channel + x y) mod 256. Versions are in the file.
"""
import json
import pathlib

import numpy
import PIL
from PIL import Image

# width, height, channels, crop, size
CASES = [
    (45, 55, 3, 35, 16),  # CelebA's 178×218, crop 140, size 64, at a quarter
    (32, 38, 3, None, 16),  # LSUN bedroom's portrait, at an eighth
    (43, 32, 3, None, 12),  # LSUN church's landscape, at an eighth
    (10, 7, 1, None, 16),  # enlarged
    (11, 8, 1, 5, None),  # crop alone, odd margins
    (16, 13, 1, None, 13),  # no resize, odd margin
    (90, 3, 1, None, 2),  # long and thin
    (1, 1, 1, None, 3),
    (200, 150, 1, 149, 5),  # strong reduction
]


def pattern(width, height, channels):
    y, x, c = numpy.mgrid[0:height, 0:width, 0:channels]
    pixels = ((37 * x + 91 * y + 53 * c + x * y) % 256).astype(numpy.uint8)
    return Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])


def centre(image, side):
    left, top = (int(round((length - side) / 2.0)) for length in image.size)
    return image.crop((left, top, left + side, top + side))


def resize(image, side):
    width, height = image.size
    size = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    return centre(image.resize(size, Image.Resampling.BILINEAR), side)


cases = []
for width, height, channels, crop, size in CASES:
    image = pattern(width, height, channels)
    if crop is not None:
        image = centre(image, crop)
    if size is not None:
        image = resize(image, size)
    planes = numpy.asarray(image).reshape(image.height, image.width, channels).transpose(2, 0, 1)
    cases.append({"width": width, "height": height, "channels": channels, "crop": crop, "size": size,
                  "planes": planes.flatten().tolist()})
document = {"generator": f"resize.py with Pillow {PIL.__version__}, numpy {numpy.__version__}", "cases": cases}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
