#!/usr/bin/env bash
# Everything that needs CUDA, for whoever has a CUDA machine for ten minutes:
#
#   benches/gpu.sh OUTDIR [DATA]
#
# compares scores with the CPU's in f32, tf32 and bf16, resumes a run, times every step beside the PyTorch baseline, and
# trains for a while (MNIST when DATA is its folder, else the built-in shapes). Leaves JSON and PNG in OUTDIR and prints
# a table. Needs python3 with torch 2.11.0, and the trainer: NCSN_TRAINER, else target/release/ncsn-trainer.
set -euo pipefail
out=${1:?usage: benches/gpu.sh OUTDIR [DATA]}
data=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
trainer=${NCSN_TRAINER:-$here/../target/release/ncsn-trainer}
minutes=${TRAIN_MINUTES:-4}
torch_lib=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')
export LD_LIBRARY_PATH="$torch_lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== devices"
"$trainer" devices | tee "$out/devices.txt"
"$trainer" devices --format json > "$out/devices.json"

echo "== scores on CUDA against the CPU"
"$trainer" train --preset shapes --run "$work/parity" --iterations 20 --samples 0 --device cpu > "$work/parity.txt"
python3 "$here/gpu_report.py" items "$work/items.safetensors"
for where in cpu.f32 cuda.f32 cuda.tf32 cuda.bf16; do
    "$trainer" score --checkpoint "$work/parity" --input "$work/items.safetensors" --output "$work/$where.safetensors" \
        --device "${where%.*}" --precision "${where#*.}" > /dev/null
done
python3 "$here/gpu_report.py" parity "$work" "$out/parity.json"

echo "== a run that is resumed against one that is not"
flags=(--preset shapes --samples 0 --log-every 1 --device cuda --precision f32)
"$trainer" train "${flags[@]}" --run "$work/whole" --iterations 60 > /dev/null
"$trainer" train "${flags[@]}" --run "$work/parts" --iterations 30 > /dev/null
"$trainer" train --run "$work/parts" --resume --iterations 60 --device cuda --precision f32 > /dev/null
python3 "$here/gpu_report.py" resume "$work" "$out/resume.json"

echo "== times, CIFAR-10 network, 128 filters, batch 128"
for precision in f32 tf32 bf16; do
    "$trainer" bench --preset cifar10 --batch 128 --repeats 20 --device cuda --precision $precision --format json \
        > "$out/bench.ncsn.$precision.json"
    python3 "$here/pytorch_baseline.py" --batch 128 --repeats 20 --device cuda --precision $precision \
        > "$out/bench.pytorch.$precision.json"
done
python3 "$here/pytorch_baseline.py" --batch 128 --repeats 20 --device cuda --precision bf16 --channels-last \
    > "$out/bench.pytorch.bf16-channels-last.json"
python3 "$here/gpu_report.py" bench "$out"

echo "== training for $minutes minutes"
if [ -n "$data" ]; then
    flags=(--preset mnist --data "$data" --filters 64 --batch 128)
else
    flags=(--preset shapes --iterations 100000)
fi
timeout --signal INT $((minutes * 60)) "$trainer" train "${flags[@]}" --run "$work/run" --device cuda \
    --checkpoint-every 1000000 | tee "$out/train.txt" || true
cp "$work/run/log.jsonl" "$work/run/config.toml" "$out/"
"$trainer" sample --checkpoint "$work/run" --num 64 --grid "$out/samples.png" --device cuda | tee "$out/sample.txt"
echo "results in $out"
