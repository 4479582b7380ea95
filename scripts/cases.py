#!/usr/bin/env python3
"""Reads every file of the field that ../shared/cases makes, and compares with the value that numpy and Pillow find there.

usage: cases.py NCSN FOLDER [NAME...]

FOLDER is what make_cases.py wrote; NAME limits the cases to those whose names hold it. Status 1 where one is wrong.
"""

import json
import pathlib
import subprocess
import sys

# Where this program does otherwise on purpose, and why.
OTHERWISE = {
    ".npy complex64": "refused, as the case's own note says",
    "bmp_1": "black and white are one channel here, as in the 8-bit grey case, not three",
    "jp2": "JPEG 2000 is not read: the message names a converter",
    "avif": "AVIF is not read: the message names a converter",
}


def wrong(case, done):
    """What is wrong with an answer; nothing if it is right."""
    if case["expect"] == "refuse" or case["name"] in (".npy complex64", "jp2", "avif"):
        refused = done.returncode == 2 and done.stderr.count("\n") == 1
        return None if refused else f"expected one line and status 2, found {done.returncode}: {done.stderr}{done.stdout[:80]}"
    if done.returncode != 0:
        return done.stderr.strip()
    found = json.loads(done.stdout)
    if case["name"] == "bmp_1":
        return None if 3 * found["squared"] == case["value"] else f"squared {found['squared']}"
    if (found["count"], found["dim"]) != (case["n"], case["dim"]):
        return f"{found['count']} x {found['dim']}, expected {case['n']} x {case['dim']}"
    if case["kind"] == "bytes":
        return None if found["squared"] == case["value"] else f"squared {found['squared']}, expected {case['value']}"
    # Text that numpy printed of singles has six to nine digits.
    tolerance = 1e-7 if "CSV" in case["name"] else 1e-12
    close = abs(found["diameter"] - case["value"]) <= tolerance * case["value"]
    return None if close else f"diameter {found['diameter']}, expected {case['value']}"


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    cases = json.loads((folder / "manifest.json").read_text())
    cases = [case for case in cases if not sys.argv[3:] or any(name in case["name"] for name in sys.argv[3:])]
    right, failed = 0, []
    for case in cases:
        command = [program, "diameter", case["path"], "--format", "json", *case["args"]]
        fault = wrong(case, subprocess.run(command, capture_output=True, text=True, timeout=120))
        if fault is None:
            right += 1
        else:
            failed.append(f"{case['group']} {case['name']}: {fault}")
    for line in failed:
        print(line)
    otherwise = [name for name in OTHERWISE if any(case["name"] == name for case in cases)]
    print(f"{right} of {len(cases)} cases right, of which otherwise than stated: {len(otherwise)}")
    for name in otherwise:
        print(f"  {name}: {OTHERWISE[name]}")
    sys.exit(1 if failed else 0)


main()
