"""Files of statistics and features as other programs write them, for the tests of `--data`: statistics/* beside this file.

Of 40 items of 6 features, numbers of a formula (`hashed` of make_measures.py), which the test computes too. Needs numpy.

    python3 trainer/tests/oracles/make_statistics.py
"""
import pathlib
import pickle

import numpy


def hashed(shape, salt):
    z = numpy.arange(numpy.prod(shape), dtype=numpy.uint64) + numpy.uint64(salt << 32)
    z = (z + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z = z ^ (z >> numpy.uint64(31))
    return ((z >> numpy.uint64(40)).astype("f8") / 2**24 - 0.5).reshape(shape)


def main():
    folder = pathlib.Path(__file__).resolve().parent / "statistics"
    folder.mkdir(exist_ok=True)
    data = hashed((40, 6), 71)
    law = {"mu": data.mean(0), "sigma": numpy.cov(data, rowvar=False)}
    other = {"mu": numpy.zeros(4), "sigma": numpy.eye(4)}
    broken = {**law, "sigma": numpy.where(numpy.eye(6) > 0, numpy.nan, law["sigma"])}
    files = {
        "edm2": {"fid": law, "fd_dinov2": other, "num_images": 40},
        "networks": {"fd_dinov2": other, "fd_clip": law},
        "plain": law,
        "lonely": {"fid": {"mu": law["mu"]}},
        "nan": {"fid": broken},
        "text": {"fid": {"mu": "here", "sigma": law["sigma"]}},
        "wide": {"fid": {"mu": law["mu"], "sigma": law["sigma"][:5]}},
        "items": {"data": (data * 255).astype("u1")},
    }
    for name, value in files.items():
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(value, protocol=4))
    numpy.savez_compressed(folder / "cleanfid.npz", **law)
    numpy.savez(folder / "pytorch-fid.npz", **law)
    numpy.savez(folder / "adm.npz", arr_0=numpy.zeros((2, 4, 4, 3), "u1"), **law, mu_s=other["mu"], sigma_s=other["sigma"])
    numpy.savez(folder / "lonely.npz", mu=law["mu"])
    numpy.savez_compressed(folder / "score_sde.npz", pool_3=data.astype("f4"))


if __name__ == "__main__":
    main()
