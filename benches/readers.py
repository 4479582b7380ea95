#!/usr/bin/env python3
"""Time and memory of every reader, beside the Python package that people read the same file with.

usage: readers.py ROWS FOLDER [NAME...]

ROWS is the example of ncsn-data (cargo build --release -p ncsn-data --example rows), FOLDER a new one for the files, NAME limits the
formats. Needs numpy, pillow, pyarrow, h5py, scipy, lmdb, torch, safetensors. Each format is written with 5,000 and with 20,000 images of
3 x 32 x 32 (4,000 and 16,000 photos of 128 x 128 for the first three). ROWS reads all values of a
file; what must be decoded it hashes and writes to a temporary file, on all cores. The package reads all of it into memory in one thread.
Each is a process of its own, the best of three; seconds of Python are without its imports. The table is Markdown.
"""

import gzip
import io
import os
import pathlib
import pickle
import subprocess
import sys
import tarfile
import time
import zipfile

if sys.argv[1:2] in (["--write"], ["--read"]):
    # Not in the process that measures: a child's peak is at least its parent's memory.
    import numpy

SMALL, LARGE, REPEATS = 5_000, 20_000, 3


def images(count, side=32):
    """Smooth shapes with noise, as bytes [count, 3, side, side]."""
    random = numpy.random.default_rng(0)
    y, x = numpy.mgrid[0:side, 0:side] / side
    made = numpy.empty((count, 3, side, side), "u1")
    for image in made:
        waves = random.uniform(1, 9, (3, 2, 1, 1))
        values = 128 + 80 * numpy.sin(waves[:, 0] * x + waves[:, 1] * y)
        image[:] = (values + random.normal(0, 6, values.shape)).clip(0, 255)
    return made


def encoded(image, form):
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(held, form, quality=90)
    return held.getvalue()


def photos(count):
    return images(count * 4 // 5, 128)


def write_folder(path, count):
    path.mkdir()
    for number, image in enumerate(photos(count)):
        (path / f"{number:06}.png").write_bytes(encoded(image, "PNG"))


def write_tar(path, count):
    with tarfile.open(path, "w") as archive:
        for number, image in enumerate(photos(count)):
            content = encoded(image, "JPEG")
            entry = tarfile.TarInfo(f"{number:06}.jpg")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def write_zip(path, count):
    with zipfile.ZipFile(path, "w") as archive:
        for number, image in enumerate(photos(count)):
            archive.writestr(f"{number:06}.png", encoded(image, "PNG"))


def read_images(contents):
    from PIL import Image

    return sum(numpy.asarray(Image.open(io.BytesIO(content))).nbytes for content in contents)


def read_tar(path):
    with tarfile.open(path) as archive:
        return read_images(archive.extractfile(entry).read() for entry in archive)


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        return read_images(archive.read(name) for name in archive.namelist())


def write_idx(path, count):
    values = images(count)
    with gzip.open(path, "wb", 6) as file:
        file.write(bytes([0, 0, 8, 4]) + b"".join(d.to_bytes(4, "big") for d in values.shape) + values.tobytes())


def write_batches(path, count):
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        for number, part in enumerate(numpy.array_split(images(count), 5), 1):
            content = pickle.dumps({b"data": part.reshape(len(part), -1), b"labels": [0] * len(part)}, 2)
            entry = tarfile.TarInfo(f"cifar-10-batches-py/data_batch_{number}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def read_batches(path):
    with tarfile.open(path) as archive:
        return sum(pickle.load(archive.extractfile(entry), encoding="bytes")[b"data"].nbytes for entry in archive)


def floats(count):
    return images(count).reshape(count, -1).astype("f4") / 255


def write_parquet(path, count):
    import pyarrow
    import pyarrow.parquet

    values = floats(count)
    lists = pyarrow.FixedSizeListArray.from_arrays(values.reshape(-1), values.shape[1])
    pyarrow.parquet.write_table(pyarrow.table({"x": lists}), path, row_group_size=1000)


def read_parquet(path):
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path, use_threads=False).nbytes


def write_arrow(path, count):
    import pyarrow

    table = pyarrow.table({"image": [{"bytes": encoded(image, "PNG"), "path": None} for image in images(count)]})
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table, 1000)


def read_arrow(path):
    import pyarrow

    with pyarrow.memory_map(str(path)) as file:
        table = pyarrow.ipc.open_stream(file).read_all()
    return read_images(image["bytes"] for image in table["image"].to_pylist())


def write_hdf5(path, count):
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=images(count), chunks=(100, 3, 32, 32), compression="gzip")


def read_hdf5(path):
    import h5py

    with h5py.File(path) as file:
        return file["images"][:].nbytes


def write_mat(path, count):
    import scipy.io

    scipy.io.savemat(path, {"X": images(count).transpose(2, 3, 1, 0), "y": numpy.zeros((count, 1))}, do_compression=True)


def read_mat(path):
    import scipy.io

    return numpy.ascontiguousarray(scipy.io.loadmat(path)["X"].transpose(3, 2, 0, 1)).nbytes


def write_lmdb(path, count):
    import lmdb

    with lmdb.open(str(path), map_size=1 << 32) as base, base.begin(write=True) as change:
        for number, image in enumerate(images(count)):
            change.put(b"%09d" % number, encoded(image, "WEBP"))


def read_lmdb(path):
    import lmdb

    with lmdb.open(str(path), readonly=True, lock=False) as base, base.begin() as view:
        return read_images(value for _, value in view.cursor())


def crc32c(content, table=[]):
    """CRC-32C, which TFRecord stores rotated and with a constant added."""
    if not table:
        for value in range(256):
            for _ in range(8):
                value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
            table.append(value)
    crc = 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little")


def field(number, content):
    """A field of bytes of a protocol buffer."""
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def write_tfrecord(path, count):
    with open(path, "wb") as file:
        for image in images(count):
            value = field(1, field(1, encoded(image, "PNG")))
            record = field(1, field(1, field(1, b"image") + field(2, value)))
            length = len(record).to_bytes(8, "little")
            file.write(length + crc32c(length) + record + crc32c(record))


def write_torch(path, count):
    import torch

    torch.save({"x": torch.from_numpy(floats(count))}, path)


def read_torch(path):
    import torch

    return torch.load(path, weights_only=True)["x"].nbytes


def write_safetensors(path, count):
    import safetensors.numpy

    safetensors.numpy.save_file({"x": floats(count)}, path)


def read_safetensors(path):
    import safetensors.numpy

    return safetensors.numpy.load_file(path)["x"].nbytes


# Name, suffix, how it is written, how Python reads it.
FORMATS = [
    ("folder of PNG, 128²", "", write_folder, lambda path: read_images(file.read_bytes() for file in sorted(path.iterdir()))),
    ("tar of JPEG, 128²", ".tar", write_tar, read_tar),
    ("zip of PNG, 128²", ".zip", write_zip, read_zip),
    ("IDX, gzip", ".gz", write_idx, lambda path: numpy.frombuffer(gzip.open(path).read(), "u1").nbytes),
    ("CIFAR batches, tar.gz", ".tar.gz", write_batches, read_batches),
    ("npy, bytes", ".npy", lambda path, count: numpy.save(path, images(count)), lambda path: numpy.load(path).nbytes),
    ("npy, f64, by columns", ".npy", lambda path, count: numpy.save(path, numpy.asfortranarray(floats(count), "f8")), lambda path: numpy.ascontiguousarray(numpy.load(path)).nbytes),
    ("npz, deflated", ".npz", lambda path, count: numpy.savez_compressed(path, x=images(count)), lambda path: numpy.load(path)["x"].nbytes),
    ("torch.save, f32", ".pt", write_torch, read_torch),
    ("safetensors, f32", ".safetensors", write_safetensors, read_safetensors),
    ("parquet, lists of f32", ".parquet", write_parquet, read_parquet),
    ("Arrow, PNG", ".arrow", write_arrow, read_arrow),
    ("HDF5, gzip", ".h5", write_hdf5, read_hdf5),
    ("MATLAB 5, compressed", ".mat", write_mat, read_mat),
    ("LMDB, WebP", "", write_lmdb, read_lmdb),
    ("TFRecord, PNG", ".tfrecord", write_tfrecord, None),
    ("CSV", ".csv", lambda path, count: numpy.savetxt(path, images(count // 4).reshape(count // 4, -1), "%d", ","), lambda path: numpy.loadtxt(path, delimiter=",", dtype="u1").nbytes),
]


def child(command):
    """Seconds and peak memory in MB of a process, and what it printed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    return time.perf_counter() - started, used.ru_maxrss / 1024, said


def best(command):
    return min((child(command) for _ in range(REPEATS)), key=lambda run: run[0])


def main():
    if sys.argv[1] in ("--write", "--read"):
        name, path = sys.argv[2], pathlib.Path(sys.argv[3])
        write, read = next((write, read) for known, _, write, read in FORMATS if known == name)
        if sys.argv[1] == "--write":
            return write(path, int(sys.argv[4]))
        for module in ("PIL.Image", "pyarrow.parquet", "h5py", "scipy.io", "lmdb", "torch", "safetensors.numpy"):
            __import__(module)
        started = time.perf_counter()
        read(path)
        return print(time.perf_counter() - started)
    rows, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True)
    print("| format | file, MB | s | peak, MB | peak of a quarter, MB | Python, s | Python / ncsn |\n|---|---|---|---|---|---|---|")
    for name, suffix, write, read in FORMATS:
        if sys.argv[3:] and not any(wanted in name for wanted in sys.argv[3:]):
            continue
        paths = [folder / f"{name.split(',')[0].replace(' ', '-')}-{len(name)}-{count}{suffix}" for count in (SMALL, LARGE)]
        for path, count in zip(paths, (SMALL, LARGE)):
            child([sys.executable, __file__, "--write", name, str(path), str(count)])
        size = sum(file.stat().st_size for file in [paths[1], *paths[1].rglob("*")] if file.is_file()) / 1e6
        quarter, whole = (best([rows, str(path)]) for path in paths)
        line = f"| {name} | {size:.0f} | {whole[0]:.2f} | {whole[1]:.0f} | {quarter[1]:.0f} |"
        if read is None:
            print(line, "– | – |", flush=True)
            continue
        seconds = min(float(child([sys.executable, __file__, "--read", name, str(paths[1])])[2]) for _ in range(REPEATS))
        print(line, f"{seconds:.2f} | {seconds / whole[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
