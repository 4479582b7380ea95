#!/usr/bin/env bash
# Installs OpenBLAS where it is missing and the system is Debian-like and the user is root; else says what to install.
set -euo pipefail

if pkg-config --exists openblas 2>/dev/null; then
    exit 0
fi
if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends libopenblas-dev pkg-config >/dev/null
else
    echo "install OpenBLAS and pkg-config (Debian: libopenblas-dev pkg-config; Fedora: openblas-devel pkgconf)" >&2
    exit 2
fi
