"""Writes LMDB databases of images into lmdb/, and lmdb.json: what a reader should make of them.

Needs lmdb, numpy and Pillow. The digests are those of Pillow's pixels in the order of liblmdb's cursor:
SHA-256 of the planes [channels, height, width] of all images, then "u8 COUNTxCHANNELSxHEIGHTxWIDTH\n".
"""
import hashlib
import io
import json
import pathlib
import shutil
import tempfile

import lmdb
import numpy
import PIL
from PIL import Image, PngImagePlugin

HERE = pathlib.Path(__file__).parent
OUT = HERE / "lmdb"


def image(seed, width, height, kind, text=0, **options):
    """An encoded image of noise; `text` bytes of a comment make a PNG longer."""
    pixels = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    if text:
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("comment", "x" * text)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def write(name, transactions, compact=False, **options):
    """A database of several transactions of (key, value); a value of None deletes its key."""
    with tempfile.TemporaryDirectory() as folder:
        with lmdb.open(folder, map_size=1 << 24, **options) as env:
            for items in transactions:
                with env.begin(write=True) as transaction:
                    for key, value in items:
                        if value is None:
                            transaction.delete(key)
                        else:
                            transaction.put(key, value)
            source = folder
            if compact:
                source = pathlib.Path(folder) / "copy"
                source.mkdir()
                env.copy(str(source), compact=True)
            with env.begin() as transaction:
                stat = transaction.stat()
                items = [(bytes(key), bytes(value)) for key, value in transaction.cursor()]
        shutil.copy(pathlib.Path(source) / "data.mdb", OUT / f"{name}.mdb")
    return stat, items


def expected(stat, items, prefix=""):
    digest, names, shape = hashlib.sha256(), [], None
    for key, value in items:
        if not key.decode().startswith(prefix):
            continue
        try:
            planes = numpy.asarray(Image.open(io.BytesIO(value))).transpose(2, 0, 1)
        except PIL.UnidentifiedImageError:
            continue
        digest.update(planes.tobytes())
        names.append(key.decode())
        shape = planes.shape
    digest.update(f"u8 {len(names)}x{'x'.join(map(str, shape))}\n".encode())
    return {"depth": stat["depth"], "overflow_pages": stat["overflow_pages"], "names": names, "digest": digest.hexdigest()}


OUT.mkdir(exist_ok=True)
document = {"generator": f"lmdb_files.py with liblmdb {lmdb.version()}, py-lmdb {lmdb.__version__}, Pillow {PIL.__version__}"}

# As LSUN: keys are hashes, values WebP or JPEG; here with short values, and long ones of one to four pages.
kinds = [("WEBP", {"quality": 60}), ("JPEG", {}), ("PNG", {}), ("PNG", {"text": 9000}), ("WEBP", {"lossless": True})]
lsun = []
for seed in range(20):
    kind, options = kinds[seed % len(kinds)]
    key = hashlib.sha1(str(seed).encode()).hexdigest().encode()
    lsun.append((key, image(seed, 32, 24, kind, **options)))
document["lsun"] = expected(*write("lsun", [lsun[:5], lsun[5:]]))
document["compact"] = expected(*write("compact", [lsun[:5], lsun[5:]], compact=True))

# Long keys make a deep tree; deletions leave free pages, and empty leaves behind.
deep = [(f"{seed:03}".encode() + b"k" * 480, image(seed, 3, 3, "PNG")) for seed in range(60)]
transactions = [deep[:40], [(key, None) for key, _ in deep[10:25]], deep[40:]]
document["deep"] = expected(*write("deep", transactions))

# As the FFHQ databases of the authors' code: keys RESOLUTION-NUMBER, and the number of images.
ffhq = [(f"{side}-{seed:05}".encode(), image(seed, side, side, "PNG")) for side in (8, 16, 32) for seed in range(4)]
stat, items = write("ffhq", [ffhq + [(b"length", b"4")]])
document["ffhq"] = {str(side): expected(stat, items, f"{side}-") for side in (8, 16, 32)}

# Values that are no images, a database within the database, and no value at all.
write("others", [[(b"a", image(1, 3, 3, "PNG")), (b"b", b"text"), (b"c", b"x" * 5000), (b"d", b"")]])
with tempfile.TemporaryDirectory() as folder:
    with lmdb.open(folder, map_size=1 << 24, max_dbs=1) as env:
        with env.begin(write=True) as transaction:
            transaction.put(b"a", image(1, 3, 3, "PNG"))
            transaction.put(b"x", b"y", db=env.open_db(b"named", txn=transaction))
    shutil.copy(pathlib.Path(folder) / "data.mdb", OUT / "named.mdb")
write("empty", [])
(HERE / "lmdb.json").write_text(json.dumps(document, indent=1) + "\n")
