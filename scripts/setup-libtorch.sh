#!/usr/bin/env bash
# Makes .libtorch, a link to the view of libtorch 2.11.0 that the trainer is compiled and linked against.
#
#   scripts/setup-libtorch.sh                 from PyPI's wheel, kept in the user's cache directory
#   scripts/setup-libtorch.sh --cuda          with NVIDIA's libraries, as it does by itself where there is a driver
#   scripts/setup-libtorch.sh SITE_PACKAGES   from an installed torch 2.11.0
#
# The wheel is the CUDA one: the same build runs on the CPU, and on a GPU where NVIDIA's libraries are there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=2.11.0
site=
cuda=
if [ -e /dev/nvidiactl ]; then cuda=yes; fi
case ${1:-} in
--cuda) cuda=yes ;;
*) site=${1:-} ;;
esac
say() { echo "setup-libtorch: $*" >&2; }

if [ -z "$site" ] && command -v python3 >/dev/null; then
    # A torch that is installed already saves the download.
    site=$(python3 -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.origin.rsplit("/", 2)[0] if s else "")' \
        2>/dev/null || true)
    if [ -n "$site" ] && ! ls -d "$site"/torch-$version*.dist-info >/dev/null 2>&1; then
        site=
    fi
    if [ -n "$cuda" ] && [ ! -e "$site/torch/lib/libtorch_cuda.so" ]; then
        site=
    fi
fi

if [ -z "$site" ]; then
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/ncsn/libtorch-$version${cuda:+-cuda}
    if [ ! -e "$cache/complete" ]; then
        if ! python3 -c 'import ensurepip' 2>/dev/null; then
            if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
                export DEBIAN_FRONTEND=noninteractive
                apt-get update -qq
                apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
            else
                say "install Python 3 with its venv module (Debian: python3-venv)"
                exit 2
            fi
        fi
        size="550 MB"
        if [ -n "$cuda" ]; then size="$size and NVIDIA's libraries"; fi
        say "downloading torch $version (about $size) into $cache"
        rm -rf "$cache"
        mkdir -p "$cache"
        python3 -m venv "$cache/venv"
        pip() { "$cache/venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir "$@"; }
        if [ -n "$cuda" ]; then
            pip torch==$version
        else
            # torch's own rpath finds the last two; nothing else is needed without a GPU.
            pip --no-deps torch==$version nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
        fi
        touch "$cache/complete"
    fi
    site=$("$cache/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
fi

site=$(cd "$site" && pwd)
if ! ls -d "$site"/torch-$version*.dist-info >/dev/null 2>&1; then
    found=$(ls -d "$site"/torch-*.dist-info 2>/dev/null | head -n 1)
    say "expected torch $version in $site, found $(basename "${found:-none}")"
    exit 2
fi

# The view lies outside the clone: a trainer that is installed looks for its libraries there.
view=${XDG_CACHE_HOME:-$HOME/.cache}/ncsn/libtorch-$version-links-$(printf %s "$site" | cksum | cut -d ' ' -f 1)
rm -rf .libtorch
if [ ! -e "$view/build-version" ]; then
    rm -rf "$view"
    mkdir -p "$view/lib"
    ln -s "$site/torch/include" "$view/include"
    for library in libtorch_cpu.so libc10.so libgomp.so.1; do
        ln -s "$site/torch/lib/$library" "$view/lib/"
    done
    # torch-sys links the name "torch"; the real libtorch.so would pull in CUDA.
    ln -s libtorch_cpu.so "$view/lib/libtorch.so"
    for library in libcudart.so.13 libcupti.so.13; do
        if [ -e "$site/nvidia/cu13/lib/$library" ]; then
            ln -s "$site/nvidia/cu13/lib/$library" "$view/lib/"
        fi
    done
    echo "$version" > "$view/build-version"
fi
ln -s "$view" .libtorch
say "ready: .libtorch -> $site/torch"
