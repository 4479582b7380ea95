#!/bin/sh
# A certificate with a changed number must be rejected, for each of its numbers and in both directions.
#
# Run in proofs/ once the libraries are compiled, with the compiler's flags as arguments.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

./tamper.py template.v certificates/mnist.v >"$folder/changed.v"
# Each changed schedule and its statement are read outside Fail: only the proof may fail.
coqc "$@" -w none "$folder/changed.v" || { echo "tamper: a changed certificate is accepted" >&2 && exit 1; }
echo "tamper: $(tail -n 1 "$folder/changed.v" | sed 's/(\* \(.*\) \*)/\1/'), all rejected"
