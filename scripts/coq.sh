#!/usr/bin/env bash
# Runs a command in proofs/ where Coq 8.20, Coquelicot, Interval and mathcomp-analysis 1.9 are at hand.
#
#   scripts/coq.sh make -j2
#
# The system's own Coq is taken where it is that version. Elsewhere a Debian-like machine with root gets a Debian 13 root
# in the user's cache directory, once, and the command runs in there; proofs/ is mounted at its own place.
set -euo pipefail
cd "$(dirname "$0")/../proofs"

packages=(make python3-minimal coq libcoq-coquelicot libcoq-interval libcoq-mathcomp-analysis libcoq-mathcomp-algebra-tactics)
say() { echo "coq: $*" >&2; }

is_ready() {
    command -v coqc >/dev/null && [[ "$(coqc -print-version)" == 8.20.* ]] &&
        for library in Coquelicot Interval mathcomp/analysis mathcomp/algebra_tactics; do
            [ -d "$(coqc -where)/user-contrib/$library" ] || return 1
        done
}

if is_ready; then
    exec "$@"
fi

if [ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" = trixie ] && [ "$(id -u)" -eq 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    exec "$@"
fi

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    say "the proofs need Coq 8.20 with Coquelicot 3.4, Interval 4.11 and mathcomp-analysis 1.9. With opam:"
    say "opam install coq.8.20.1 coq-coquelicot.3.4.3 coq-interval.4.11.1 coq-mathcomp-analysis.1.9.0 coq-mathcomp-algebra-tactics"
    exit 2
fi

if ! unshare --mount true 2>/dev/null; then
    say "this machine is a container that may not mount anything: run in one of Debian 13, or allow it CAP_SYS_ADMIN"
    exit 2
fi

root=${XDG_CACHE_HOME:-$HOME/.cache}/ncsn/coq-8.20
if [ ! -e "$root/complete" ]; then
    say "making a Debian 13 root with Coq (about 500 MB to fetch, three minutes) in $root"
    export DEBIAN_FRONTEND=noninteractive
    if ! command -v debootstrap >/dev/null; then
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
    fi
    # The mirror that this machine already uses.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    rm -rf "$root"
    mkdir -p "$root"
    log=$root.log
    {
        debootstrap --variant=minbase trixie "$root" "$mirror"
        # A root has no name service of its own.
        cp /etc/resolv.conf "$root/etc/resolv.conf"
        for file in /etc/apt/apt.conf.d/*proxy*; do
            [ ! -e "$file" ] || cp "$file" "$root/etc/apt/apt.conf.d/"
        done
        chroot "$root" apt-get update -qq
        chroot "$root" apt-get install -y -qq --no-install-recommends "${packages[@]}"
        chroot "$root" apt-get clean
    } >"$log" 2>&1 || {
        say "could not make the root; the last lines of $log:"
        tail -n 5 "$log" >&2
        exit 2
    }
    touch "$root/complete"
fi

# The mount is private to this command and goes with it.
mkdir -p "$root$PWD"
exec unshare --mount --propagation private sh -c \
    'root=$1 && shift && mount --bind "$PWD" "$root$PWD" && mount -t proc proc "$root/proc" &&
     exec chroot "$root" sh -c "cd \"\$0\" && exec \"\$@\"" "$PWD" "$@"' sh "$root" "$@"
