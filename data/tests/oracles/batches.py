"""Pickled batches as CIFAR's and ImageNet-32's makers write them, tuples of an array and a label, and files of torch.save, in
batches/; their values in batches.json as Python reads them back.

Needs numpy, torch 2.11. Run it to make both again.
"""

import json
import pathlib
import pickle

import numpy
import torch

HERE = pathlib.Path(__file__).parent
OUT = HERE / "batches"
values = {}


def rows(count, seed, width=3 * 4 * 4):
    return ((numpy.arange(count * width) * 89 + seed) % 251).astype(numpy.uint8).reshape(count, width)


def dump(name, content, protocol):
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=protocol))


for number in (1, 2, 10):
    data = rows(2, number)
    dump(f"cifar-10-batches-py/data_batch_{number}", {b"batch_label": b"x", b"labels": [1, 2], b"data": data}, 2)
dump("cifar-10-batches-py/test_batch", {b"labels": [3], b"data": rows(1, 77)}, 2)
dump("cifar-10-batches-py/batches.meta", {b"label_names": [b"cat"]}, 2)
values["cifar train"] = numpy.concatenate([rows(2, number) for number in (1, 2, 10)]).flatten().tolist()
values["cifar test"] = rows(1, 77).flatten().tolist()
dump("cifar-100-python/train", {b"fine_labels": [5, 6], b"coarse_labels": [1, 1], b"data": rows(2, 5)}, 2)
dump("cifar-100-python/test", {b"fine_labels": [5], b"data": rows(1, 6)}, 2)
for number in (1, 2):
    data = rows(2, 30 + number)
    dump(f"Imagenet4/train_data_batch_{number}", {"data": data, "labels": [1, 2], "mean": data.mean(0)}, 4)
values["imagenet"] = numpy.concatenate([rows(2, 31), rows(2, 32)]).flatten().tolist()
dump("unlabelled.pkl", {"data": rows(2, 3)}, 4)
for number in range(3):
    dump(f"tuples/{number}.pkl", (rows(1, number, 12).reshape(2, 2, 3), number), 4)
values["tuples"] = numpy.concatenate([rows(1, number, 12) for number in range(3)]).flatten().tolist()

(OUT / "torch").mkdir(parents=True, exist_ok=True)
halves = torch.arange(24, dtype=torch.bfloat16).reshape(2, 3, 4) / 8
torch.save({"latents": halves, "labels": torch.tensor([1, 2])}, OUT / "torch/labelled.pt")
torch.save({"nested": [{"x": halves.float().permute(2, 0, 1)}]}, OUT / "torch/strided.pt")
torch.save([halves[0].double(), halves[1].double()], OUT / "torch/list.pt")
torch.save((torch.zeros(2, 3), torch.ones(2, 3)), OUT / "torch/two.pt")
values["labelled"] = halves.float().flatten().tolist()
values["strided"] = halves.float().permute(2, 0, 1).flatten().tolist()
(HERE / "batches.json").write_text(json.dumps(values, separators=(",", ":")) + "\n")
