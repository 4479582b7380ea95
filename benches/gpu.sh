#!/usr/bin/env bash
# Everything that needs a GPU, for whoever has one for ten seconds:
#
#   benches/gpu.sh OUTDIR [MNIST [CIFAR]]
#
# Is what the trainer computes right (one step's moments and scores against PyTorch in double precision, a resumed run),
# how fast is it beside PyTorch, eager and compiled, where does the time go, and what does it learn in some seconds?
# MNIST is its folder and CIFAR an archive or folder of CIFAR-10's images; without them the built-in images are trained.
#
# Each part has a time limit and writes what it finds at once: log.txt, results.jsonl (one object per measurement),
# kernels.txt, kernels-own.txt, *.png. A part that fails does not stop the others; the exit status is 1 if one did.
#
# Own kernels (`--kernels own`) are compiled, compared with double precision (own-check, own-moments) and timed beside
# torch's operators (bench, kernels-own.txt); with DEVICE=cpu they are emulated, whose times mean nothing.
#
# Needs python3 with torch 2.11.0, numpy and safetensors, and the trainer: NCSN_TRAINER, else
# target/release/ncsn-trainer. DEVICE=cpu SMALL=1 runs every part in miniature, to know that this script works.
# PARTS="devices moments" runs some only.
set -uo pipefail
out=${1:?usage: benches/gpu.sh OUTDIR [MNIST [CIFAR]]}
mnist=${2:-}
cifar=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
trainer=${NCSN_TRAINER:-$here/../target/release/ncsn-trainer}
device=${DEVICE:-cuda}
small=${SMALL:-0}
parts=${PARTS:-devices own-check moments own-moments resume bench kernels train sample scores convolutions compiled}
if [ "$device" != cpu ]; then
    # The trainer is one binary: beside a whole torch it has CUDA.
    torch_lib=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')
    export LD_LIBRARY_PATH="$torch_lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
else
    export NCSN_EMULATE_KERNELS=1
fi
export PYTHONUNBUFFERED=1 SMALL="$small" PYTHONPATH="$here"
mkdir -p "$out"
results=$out/results.jsonl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# part NAME SECONDS COMMAND… — unless it is left out
part() {
    local name=$1 limit=$2 began=$SECONDS
    shift 2
    case " $parts " in *" ${name%%:*} "*) ;; *) return ;; esac
    echo "== $name"
    timeout --kill-after 5 "$limit" "$@" 2>&1
    local status=$?
    if [ $status -ne 0 ]; then
        failed=1
        echo "== $name ended with $status after $((SECONDS - began)) s"
    fi
}

everything() {
    part devices 30 "$trainer" devices
    # Before anything is computed with them they are compared, in all kinds of tensors.
    part own-check 30 "$trainer" bench --preset shapes --filters 8 --batch 2 --repeats 1 --device "$device" \
        --precision bf16 --kernels own
    part moments 110 python3 "$here/gpu_parity.py" moments "$trainer" "$device" "$results"
    part own-moments 110 python3 "$here/gpu_parity.py" moments "$trainer" "$device" "$results" own
    part resume 40 python3 "$here/gpu_parity.py" resume "$trainer" "$device" "$results"

    # Ours and PyTorch by turns; the precisions that people train with twice.
    local widths=${WIDTHS:-128 32} batch=128 repeats=20 filters precision
    if [ "$small" = 1 ]; then widths=4 batch=2 repeats=1; fi
    for filters in $widths; do
        for precision in ${PRECISIONS:-bf16 tf32 bf16 tf32 f32}; do
            local order=--channels-last
            if [ $precision = f32 ]; then order=; fi
            part "bench: n = $filters, ncsn-trainer $precision" 60 python3 "$here/gpu_report.py" bench "$results" \
                "ncsn-trainer $precision" -- "$trainer" bench --preset cifar10 --filters "$filters" --batch $batch \
                --repeats $repeats --device "$device" --precision $precision --format json
            part "bench: n = $filters, ncsn-trainer $precision, own kernels" 60 python3 "$here/gpu_report.py" bench \
                "$results" "ncsn-trainer $precision, own kernels" -- "$trainer" bench --preset cifar10 \
                --filters "$filters" --batch $batch --repeats $repeats --device "$device" --precision $precision \
                --kernels own --format json
            part "bench: n = $filters, eager PyTorch $precision $order" 60 python3 "$here/gpu_report.py" bench \
                "$results" "eager $precision $order" -- python3 "$here/pytorch_baseline.py" --filters "$filters" \
                --batch $batch --repeats $repeats --device "$device" --precision $precision $order
        done
    done

    local whose table
    for whose in torch own; do
        table=$out/kernels.txt
        if [ $whose = own ]; then table=$out/kernels-own.txt; fi
        rm -f "$work/trace.json"
        part kernels 60 "$trainer" bench --preset cifar10 --filters "${widths%% *}" --batch $batch --repeats 2 \
            --device "$device" --precision bf16 --kernels $whose --trace "$work/trace.json"
        if [ -s "$work/trace.json" ]; then
            part kernels 60 python3 "$here/gpu_report.py" kernels "$work/trace.json" "$table" "$results"
        fi
    done

    # Training, and what it learnt.
    local seconds=${TRAIN_SECONDS:-60} flags images=64
    if [ "$small" = 1 ]; then images=2; fi
    flags=(--preset shapes --iterations 100000)
    if [ -n "$mnist" ]; then flags=(--preset mnist --data "$mnist" --filters 64 --batch 128 --iterations 100000); fi
    if [ "$small" = 1 ]; then flags+=(--filters 4 --batch 4); fi
    part train:first "$((seconds + 60))" python3 "$here/gpu_report.py" train "$results" first "$seconds" "$trainer" \
        "$work/first" --device "$device" --precision bf16 "${flags[@]}"
    part sample 90 "$trainer" sample --checkpoint "$work/first" --num $images \
        --grid "$out/first.png" --device "$device"
    if [ -n "$cifar" ] || [ "$small" = 1 ]; then
        flags=(--preset cifar10 --data "$cifar")
        if [ "$small" = 1 ]; then flags=(--preset shapes --filters 4 --batch 4 --seed 2); fi
        for precision in ${TRAIN_PRECISIONS:-bf16 f32}; do
            part "train:second $precision" "$((seconds + 60))" python3 "$here/gpu_report.py" train "$results" \
                "second $precision" "$seconds" "$trainer" "$work/$precision" --device "$device" \
                --precision $precision --iterations 100000 "${flags[@]}"
        done
        part scores 60 python3 "$here/gpu_parity.py" scores "$trainer" "$device" "$results" "$work/bf16"
        part sample 90 "$trainer" sample --checkpoint "$work/bf16" --grid "$out/second.png" --device "$device" \
            --num $images
        part sample 60 "$trainer" sample --checkpoint "$work/bf16" --grid "$out/second-ode.png" --device "$device" \
            --sampler ode --num $images
    else
        part scores 60 python3 "$here/gpu_parity.py" scores "$trainer" "$device" "$results" "$work/first"
    fi

    part convolutions 40 python3 "$here/gpu_report.py" convolutions "$device" "$results"
    for filters in ${COMPILED:-$widths}; do
        part "compiled:$filters" 120 python3 "$here/gpu_report.py" bench "$results" "compiled bf16 --channels-last" -- \
            python3 "$here/pytorch_baseline.py" --filters "$filters" --batch $batch --repeats $repeats --channels-last \
            --device "$device" --precision bf16 --compile "$([ "$device" = cpu ] && echo default || echo reduce-overhead)"
    done
    python3 "$here/gpu_report.py" table "$results"
    echo "results in $out"
    return $failed
}
everything > >(tee "$out/log.txt") 2>&1
status=$?
wait
exit $status
