"""Which batch of the published networks fits a memory: peaks of training steps at two batches, and the line through them.

    benches/memory.py TRAINER [GB]

Each peak is that of a process of its own on the CPU in f32. On a GPU the program itself is not part of it, cuDNN's workspaces
come on top, and with bfloat16 many activations take half.
"""

import json
import subprocess
import sys

# Published batch, and the two that are measured: large enough that activations are most of the peak.
PRESETS = {
    "cifar10": (128, [32, 96]),
    "celeba": (128, [12, 36]),
    "church": (128, [6, 14]),
    "bedroom": (128, [3, 7]),
    "ffhq": (32, [2, 6]),
}


def peak(trainer, preset, batch, checkpointing):
    command = [trainer, "bench", "--preset", preset, "--batch", str(batch), "--repeats", "1", "--device", "cpu", "--format", "json"]
    report = subprocess.run(command + checkpointing, check=True, capture_output=True, text=True).stdout
    return json.loads(report)["peak_memory_bytes"]


def main():
    trainer, limit = sys.argv[1], float(sys.argv[2] if len(sys.argv) > 2 else 80) * 1e9
    print(f"| preset | batch | memory, GB | batch that fits {limit / 1e9:.0f} GB | with checkpointing: memory, GB | batch |")
    print("|---|---|---|---|---|---|")
    for preset, (batch, measured) in PRESETS.items():
        cells = []
        for checkpointing in [[], ["--gradient-checkpointing"]]:
            low, high = (peak(trainer, preset, items, checkpointing) for items in measured)
            each = (high - low) / (measured[1] - measured[0])
            fixed = low - measured[0] * each
            cells += [f"{(fixed + batch * each) / 1e9:.0f}", f"{int((limit - fixed) / each)}"]
        print(f"| {preset} | {batch} | " + " | ".join(cells) + " |", flush=True)


main()
