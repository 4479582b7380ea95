"""Pixels of the JPEG seeds of fuzz/seeds/picture as Pillow decodes them; CMYK converted to RGB by Pillow.

Writes jpeg.json beside itself: for each file the planes. Versions are in the file.
"""
import json
import pathlib

import numpy
import PIL
from PIL import Image, features

here = pathlib.Path(__file__).parent
images = {}
for path in sorted((here / "../../../fuzz/seeds/picture").glob("*.jpeg")):
    image = Image.open(path)
    image = image if image.mode == "L" else image.convert("RGB")
    planes = numpy.atleast_3d(numpy.asarray(image)).transpose(2, 0, 1)
    images[path.name] = planes.flatten().tolist()
versions = f"jpeg.py with Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"
document = {"generator": versions, "images": images}
(here / "jpeg.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
