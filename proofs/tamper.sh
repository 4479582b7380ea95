#!/bin/sh
# Certificates with one digit changed must be rejected: one change for each number that a certificate states.
#
# Run in proofs/ once the libraries are compiled, with the compiler's flags as arguments.
set -eu
original=certificates/mnist.v
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

rejects() {
    name=$1 change=$2
    shift 2
    changed=$folder/$name.v
    sed "s/$change/" "$original" >"$changed"
    if cmp -s "$original" "$changed"; then
        echo "tamper: s/$change/ no longer applies to $original" >&2
        return 1
    fi
    if coqc "$@" -w none "$changed" >"$folder/$name.log" 2>&1; then
        echo "tamper: accepted although $name was changed by s/$change/" >&2
        return 1
    fi
    # A proof that fails, and not a file that cannot be read.
    grep -q 'Unable to unify\|Numerical evaluation failed\|No matching clauses\|Tactic failure\|No applicable tactic' \
        "$folder/$name.log" || { cat "$folder/$name.log" >&2 && return 1; }
    echo "$name" >>"$folder/rejected"
}

changes='dim dim := 784/dim := 785
sigma_max sigma_max := 0x1.0/sigma_max := 0x1.1
sigma_min sigma_min := 0x1.4/sigma_min := 0x1.5
overlap_target overlap_target := 0x1p-1/overlap_target := 0x1p-2
rounded_by rounded_by := ceil_plus_one/rounded_by := floor_plus_one
num_levels num_levels := 96/num_levels := 97
steps_per_level steps_per_level := 5/steps_per_level := 6
epsilon epsilon := 0x1.72c304d7/epsilon := 0x1.72c304d8
gamma_root_lo gamma_root_in := (0x1.14fc198d0f5bc/gamma_root_in := (0x1.14fc198d0f5be
gamma_root_hi 0x1.14fc198d0f5bdp+0)/0x1.14fc198d0f5bcp+0)
gamma_root_not_neighbours 0x1.14fc198d0f5bdp+0)/0x1.14fc198d0f5bep+0)
gamma_hi 0x1.14d42796f809cp/0x1.14d42796f809ap
overlap_hi 0x1.048e57277b4efp/0x1.048e57277b4bfp
epsilon_lo (0x1.72c304d715d13p/(0x1.72c304d715d24p
variance_ratio_hi 0x1.17c5700072becp/0x1.17c5700072be8p'
count=$(echo "$changes" | wc -l)

# Two at a time.
echo "$changes" | {
    while read -r first change; do
        rejects "$first" "$change" "$@" &
        one=$!
        if read -r second change; then
            rejects "$second" "$change" "$@"
        fi
        wait $one
    done
}
[ "$(wc -l <"$folder/rejected")" -eq "$count" ]
echo "tamper: $count changed certificates, all rejected"
