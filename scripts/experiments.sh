#!/usr/bin/env bash
# Every experiment of the paper's appendices, small enough for two CPU cores: runs, pages and numbers in OUT.
#
#   scripts/experiments.sh mnist DATA OUT        DATA: folder of MNIST's files
#   scripts/experiments.sh cifar10 DATA OUT      DATA: CIFAR-10 as images or in any format that is read
#
# What is there already is not done again. TRAINER names the program, else it is built.
set -euo pipefail
preset=$1 data=$2 out=$3
trainer=${TRAINER:-}
if [ -z "$trainer" ]; then
    cd "$(dirname "$0")/.."
    cargo build --release -p ncsn-trainer
    trainer=target/release/ncsn-trainer
fi
case $preset in
mnist) settings="--filters 24 --batch 32" ;;
cifar10) settings="--filters 24 --batch 16 --lr 3e-4" ;;
*) echo "no settings for $preset, only mnist and cifar10" >&2; exit 2 ;;
esac
settings="$settings --ema-rate 0.99 --samples 0"
# Fewer Langevin steps, of Technique 4's size for them, and few images: distances for comparison among themselves. With less than
# three steps a level the noise of NCSNv2 grows instead of falling.
few="--steps-per-level 3"
mkdir -p "$out"

say() { printf '\n$ ncsn-trainer %s\n' "$*"; "$trainer" "$@"; }
once() { [ -e "$1" ] || say "${@:2}"; }

once "$out/run" train --preset "$preset" --data "$data" $settings --iterations 600 \
    --checkpoint-every 200 --keep 9 --run "$out/run"
say select "$out/run" --num 48 $few
once "$out/samples.npy" sample --checkpoint "$out/run/best" --num 48 $few --output "$out/samples.npy" --grid "$out/samples.png"
once "$out/run/sheets" sheets "$out/run" --num 36 --pairs 3 --count 6 --images 4 $few
say neighbours --samples "$out/samples.npy" --data "$data" --num 8 --flip --grid "$out/neighbours.png"
say evaluate --samples "$out/samples.npy" --data "$data"
say likelihood --checkpoint "$out/run" --num 16
say ablate --preset "$preset" --data "$data" $settings --iterations 200 --checkpoint-every 100 --num 24 --images 16 \
    $few --run "$out/ablation"
once "$out/hype.html" hype make --samples "$out/samples.npy" --data "$data" --num 40 -o "$out/hype.html" ||
    echo "no page: after so short a training samples may be no pixels yet"
say report "$out/run"
