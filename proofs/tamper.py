#!/usr/bin/env python3
"""Changes each number of a certificate in both directions, so that what it states is false: ./tamper.py TEMPLATE FILE.v

Prints the lines of a Coq file in which the checker must fail at every change. Numbers of a certificate move by
 - 1, where they count;
 - a 4096th of themselves, where they were asked for;
 - twice the width that is stated, where they belong to an enclosure: printed numbers leave it, ends pass the number
   enclosed or make the enclosure wider than stated;
 - to half of it, and beyond the widest allowed, where they are the width.
Each enclosure is also moved as a whole past the number that it encloses, and the rounding rule is changed.
"""
import re
import sys

template, original = (open(path).read() for path in sys.argv[1:3])
keys = re.findall("@(.*?)@", template)
pattern = re.sub(r"@.*?@", r"([^,;\\n]*?)", re.sub(r"([][(){}|*.+])", r"\\\1", template))
stated = dict(zip(keys, re.fullmatch(pattern, original).groups()))

COUNTS = ["dim", "num_levels", "steps_per_level"]
ASKED = ["sigma_max", "sigma_min", "overlap_target"]
ENCLOSED = ["gamma_root", "gamma", "overlap", "epsilon", "variance_ratio"]
value = {key: float.fromhex(stated[key]) for key in keys if key not in [*COUNTS, "name", "rounding"]}
step = 2 * value["width"]

changes = [("rounding", {"rounding": "floor_plus_one"})]
for sign in [-1, 1]:
    for key in COUNTS:
        changes.append((key, {key: str(int(stated[key]) + sign)}))
    for key in ASKED:
        changes.append((key, {key: (value[key] * (1 + sign / 4096)).hex()}))
    changes.append(("width", {"width": (value["width"] / 2 if sign < 0 else 1 / 999).hex()}))
    for key in ENCLOSED:
        parts = [key, key + ".lower", key + ".upper"]
        moved = {part: (value[part] * (1 + sign * step)).hex() for part in parts}
        changes += [(part, {part: moved[part]}) for part in parts]
        changes.append((key + ", whole", moved))
numbers = {key for change in changes for key in change[1]} - {"rounding"}
assert numbers == set(keys) - {"name", "rounding"}, "a number is not changed"

head, record = template.split("Definition stated : schedule := ")
record = record.split("\n\nTheorem")[0].rstrip(".")
print(head.replace("@name@", "nothing"))
for number, (what, change) in enumerate(changes):
    text = record
    for key, constant in {**stated, **change}.items():
        text = text.replace(f"@{key}@", constant)
    print(f"(* {what}: {change} *)\nDefinition changed_{number} : schedule := {text}.")
    print(f"Goal is_certified changed_{number}. Fail certify. Abort.\n")
print(f"(* {len(changes)} changes of {len(numbers)} numbers and the rounding rule *)")
