#!/bin/sh
# Certificates with one digit changed must be rejected: one change for each number that a certificate states.
#
# Run in proofs/, after the libraries are compiled; takes the compiler's flags as arguments.
set -eu
original=certificates/Mnist.v
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
rejected=0
while read -r name change; do
    changed=$folder/Changed.v
    sed "s/$change/" "$original" >"$changed"
    if cmp -s "$original" "$changed"; then
        echo "tamper: $change does not apply to $original: the change of $name is out of date" >&2
        exit 1
    fi
    if coqc "$@" -w none "$changed" >"$folder/log" 2>&1; then
        echo "tamper: accepted although $name was changed by s/$change/" >&2
        exit 1
    fi
    grep -q 'Error' "$folder/log"
    rejected=$((rejected + 1))
done <<'CHANGES'
dim dim := 784/dim := 785
sigma_max sigma_max := 0x1.0/sigma_max := 0x1.1
sigma_min sigma_min := 0x1.4/sigma_min := 0x1.5
overlap_target overlap_target := 0x1p-1/overlap_target := 0x1p-2
rounded_by rounded_by := ceil_plus_one/rounded_by := floor_plus_one
num_levels num_levels := 96/num_levels := 97
steps_per_level steps_per_level := 5/steps_per_level := 6
epsilon epsilon := 0x1.72c304d7/epsilon := 0x1.72c304d8
gamma_root_lo gamma_root_in := (0x1.14fc198d0f5bc/gamma_root_in := (0x1.14fc198d0f5be
gamma_root_hi 0x1.14fc198d0f5bdp+0)/0x1.14fc198d0f5bcp+0)
gamma gamma_in := (0x1.14d42796f809ap+0, 0x1.14d42796f809cp+0)/gamma_in := (0x1.14d42796f809cp+0, 0x1.14d42796f809dp+0)
overlap overlap_in := (0x1.048e57277b4b4p-1, 0x1.048e57277b4efp-1)/overlap_in := (0x1.048e57277b4b4p-1, 0x1.048e57277b4bfp-1)
epsilon_in epsilon_in := (0x1.72c304d715d13p-17/epsilon_in := (0x1.72c304d715d23p-17
variance_ratio variance_ratio_in := (0x1.17c5700072be8p+0, 0x1.17c5700072becp+0)/variance_ratio_in := (0x1.17c5700072be8p+0, 0x1.17c5700072be9p+0)
CHANGES
echo "tamper: $rejected changed certificates, all rejected"
