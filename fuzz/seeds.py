"""Writes the seeds of the fuzz targets into seeds/TARGET/: small valid files, and some that lie.

Needs numpy and Pillow; those of databases and tables are files of data/tests/oracles. Run in this folder; the files are the same on every run of the same versions.
"""
import gzip
import io
import pathlib
import struct
import tarfile
import zipfile
import zlib

import numpy
from PIL import Image

SEEDS = pathlib.Path(__file__).parent / "seeds"
ORACLES = SEEDS.parent.parent / "data" / "tests" / "oracles"


def save(target, name, content):
    path = SEEDS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def pixels(shape):
    return (numpy.arange(numpy.prod(shape)) * 37 % 256).astype(numpy.uint8).reshape(shape)


def npy(array, **options):
    out = io.BytesIO()
    numpy.lib.format.write_array(out, array, **options)
    return out.getvalue()


def image(mode, kind, **options):
    out = io.BytesIO()
    base = Image.fromarray(pixels((9, 11, 3)))
    base.convert(mode).save(out, kind, **options)
    return out.getvalue()


def idx(kind, shape, values):
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


save("idx", "bytes", idx(8, (3, 2, 4), pixels(24).tobytes()))
save("idx", "float", idx(13, (2, 3), numpy.arange(6, dtype=">f4").tobytes()))
save("idx", "double", idx(14, (3,), numpy.arange(3, dtype=">f8").tobytes()))
save("idx", "short", idx(8, (2, 4), bytes(5)))
save("idx", "huge", idx(8, (2**32 - 1,) * 4, bytes(5)))

save("cifar", "ten", (b"\3" + pixels(3072).tobytes()))
save("cifar", "short", bytes(40))

save("npy", "bytes", npy(pixels((3, 2, 4))))
save("npy", "float", npy(numpy.arange(6, dtype="<f4").reshape(2, 3)))
save("npy", "big", npy(numpy.arange(6, dtype=">f8").reshape(2, 3)))
save("npy", "fortran", npy(numpy.asfortranarray(pixels((3, 2, 4)))))
save("npy", "version2", npy(pixels((3, 2)), version=(2, 0)))
save("npy", "integers", npy(numpy.arange(3)))
save("npy", "half", npy(numpy.arange(3, dtype=">f2")))
save("npy", "booleans", npy(pixels((3, 4)) > 99))
save("npy", "infinite", npy(numpy.array([1.0, numpy.inf])))

for name, write in [("stored", numpy.savez), ("deflated", numpy.savez_compressed)]:
    out = io.BytesIO()
    write(out, x=pixels((3, 4)))
    save("npz", name, out.getvalue())
out = io.BytesIO()
numpy.savez(out, a=pixels(3), b=pixels(4))
save("npz", "two", out.getvalue())

for mode, kind in [("RGB", "PNG"), ("L", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("RGB", "BMP"),
                   ("RGB", "WEBP"), ("RGBA", "WEBP"), ("RGB", "JPEG"), ("L", "JPEG"), ("CMYK", "JPEG")]:
    save("picture", f"{mode}.{kind.lower()}", image(mode, kind))
save("picture", "progressive.jpeg", image("RGB", "JPEG", progressive=True))
save("picture", "lossless.webp", image("RGB", "WEBP", lossless=True))
deep = io.BytesIO()
Image.fromarray(pixels((3, 4)).astype(numpy.uint16) * 257).save(deep, "PNG")
save("picture", "sixteen.png", deep.getvalue())


def palette_png(palette):
    """An image of two pixels whose palette need not be whole colours."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    header = struct.pack(">IIBBBBB", 2, 1, 8, 3, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"PLTE", palette)
            + chunk(b"IDAT", zlib.compress(b"\0\0\1")) + chunk(b"IEND", b""))


# The crate png (0.18.1) panics on both.
save("picture", "palette_of_4_bytes.png", palette_png(bytes(4)))
save("picture", "palette_of_5_bytes.png", palette_png(bytes(5)))

for name, form in [("gnu.tar", tarfile.GNU_FORMAT), ("pax.tar", tarfile.PAX_FORMAT), ("ustar.tar", tarfile.USTAR_FORMAT)]:
    out = io.BytesIO()
    long = "a" * 60 + "/" + "b" * (90 if form == tarfile.USTAR_FORMAT else 120) + ".png"
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for member in ["a.png", long]:
            info = tarfile.TarInfo(member)
            content = image("L", "PNG")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "a.png"
        tar.addfile(link)
    save("tar", name, out.getvalue().rstrip(b"\0") + bytes(1024 + -len(out.getvalue().rstrip(b"\0")) % 512))
for name, method in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for member, content in [("b/c.png", image("L", "PNG")), ("dataset.json", b"{}"), ("a.png", image("RGB", "PNG"))]:
            archive.writestr(zipfile.ZipInfo(member), content, method)
    save("zip", name, out.getvalue())
save("open", "images.tgz", gzip.compress((SEEDS / "tar" / "gnu.tar").read_bytes(), mtime=0))
save("open", "idx.gz", gzip.compress((SEEDS / "idx" / "bytes").read_bytes(), mtime=0))
save("open", "text", b"not a data set\n")

for name in ["others.mdb", "named.mdb", "ffhq.mdb"]:
    save("lmdb", name, (ORACLES / "lmdb" / name).read_bytes())
for name in ["images", "lz4", "fixed", "array3d-zstd", "list-f64", "flags", "columns", "others"]:
    save("arrow", f"{name}.arrow", (ORACLES / "arrow" / f"{name}.arrow").read_bytes())
tables = ["none", "snappy", "gzip", "zstd", "fallback", "version2", "binary", "nulls", "text"]
tables += ["lz4", "brotli", "array3d", "list-f32", "split", "delta", "columns-f64"]
for name in tables:
    save("parquet", f"{name}.parquet", (ORACLES / "parquet" / f"{name}.parquet").read_bytes())
for name in ["gzip_earliest", "lzf_latest", "plain_latest", "sparse_earliest", "longer_latest", "endless_latest", "many_latest"]:
    save("hdf5", f"{name}.h5", (ORACLES / "hdf5" / f"{name}.h5").read_bytes())
for name in ["svhn_compressed", "narrow", "big", "others"]:
    save("mat", f"{name}.mat", (ORACLES / "mat" / f"{name}.mat").read_bytes())
for name in ["encoded.tfrecord", "stylegan.tfrecords", "floats.tfrecord", "two.tfrecord"]:
    save("tfrecord", name, (ORACLES / "tfrecord" / name).read_bytes())
save("text", "pixels.csv", b"label,a,b\n3,0,255\n4,17,1\n")
save("text", "floats.tsv", b"# made by hand\n0.5\t-1e-3\n\n1e300\t7\n")
save("text", "spaces.txt", b"  1.5  2\n3 nan\n")
save("text", "quoted.csv", b'\xef\xbb\xbf"x";"y"\r\n"1";"2"\r\n')
