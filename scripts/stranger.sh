#!/usr/bin/env bash
# Plays somebody who has found this project: a fresh clone, an empty cache, a folder of photos of mixed sizes.
#
#   scripts/stranger.sh [FOLDER]     everything happens in FOLDER (default: a new temporary one), which is left for looking
#
# Installs as the README says, derives a schedule, trains with its output in a file, interrupts, resumes, samples, moves the
# clone away and samples again. Ends with 0 if all of it went as it should.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$folder"
say() { echo "== $*"; }
fail() { echo "== FAILED: $*" >&2; exit 1; }

# Toolchain as it is; everything that cargo and the scripts fetch or build is new.
export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
export HOME=$folder/home CARGO_HOME=$folder/home/.cargo XDG_CACHE_HOME=$folder/home/.cache
mkdir -p "$HOME"
export PATH=$folder/installed/bin:$PATH

say "clone and install"
git clone --quiet "$repository" clone
(
    cd clone
    cargo install --quiet --locked --root "$folder/installed" --path .
    scripts/setup-libtorch.sh
    cargo install --quiet --locked --root "$folder/installed" --path trainer
)
schedule --dataset ffhq | head -n 3
ncsn-trainer devices

say "120 photos of mixed sizes"
python3 - <<'PYTHON'
import os, struct, zlib

def png(path, width, height, pixel):
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in pixel(x, y)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

os.mkdir("photos")
for k in range(120):
    width, height = 40 + k % 7 * 9, 36 + k % 5 * 11
    png(f"photos/{k:03}.png", width, height,
        lambda x, y: ((k * 37 + 3 * x) % 256, (k * 91 + 2 * y) % 256, (k * 53 + x + y) % 256))
PYTHON

say "schedule, and 40 seconds of training with its output in a file"
ncsn schedule --data photos --size 32 --format toml -o photos.toml
nohup ncsn-trainer train --preset own --data photos --size 32 --schedule photos.toml --filters 16 --batch 8 \
    --run runs/photos > training.log 2>&1 &
training=$!
sleep 40
kill -INT $training
status=0
wait $training || status=$?
[ $status -eq 130 ] || fail "the training ended with $status instead of 130"
grep -q 'step [0-9]* of [0-9]*, loss' training.log || fail "training.log says nothing on the way"
tail -n 4 training.log

say "resume"
line=$(sed -n 's/^to go on: //p' training.log)
[ -n "$line" ] || fail "training.log does not say how to go on"
step=$(sed -n 's/^stopped after step \([0-9]*\).*/\1/p' training.log)
$line --iterations $((step + 20)) > resumed.log 2>&1
grep "going on after step $step" resumed.log
tail -n 2 resumed.log

say "sample, then once more without the clone"
ncsn-trainer sample --checkpoint runs/photos --num 4 --sampler ode --steps 30 --grid before.png
mv clone elsewhere
ncsn-trainer sample --checkpoint runs/photos --num 4 --sampler ode --steps 30 --grid after.png
cmp before.png after.png
say "all went as it should, in $folder"
