#!/usr/bin/env bash
# Builds the proofs and refuses gaps in them: what 'make proofs' runs.
#
#   1. no Admitted, admit, Axiom, Parameter or leftover query in any file
#   2. everything compiles (certificates too)
#   3. each theorem of Main.v rests on the axioms in proofs/assumptions.txt, no more and no less
#   4. coqchk, Coq's independent checker, accepts every file of the project
set -euo pipefail
cd "$(dirname "$0")/.."
coq=$PWD/scripts/coq.sh
cd proofs
say() { echo "proofs: $*"; }

gaps='\b(Admitted|admit|Axioms?|Parameters?|Conjecture|Abort)\b|^ *(Check|Print|Search|SearchPattern|About|Compute|Eval|Locate)\b'
mapfile -t files < <(sed -n 's/^\([a-zA-Z].*\.v\)$/\1/p' _CoqProject)
if found=$(grep -nE "$gaps" "${files[@]}" | grep -vE '^[^:]*Main\.v:[0-9]+:Print Assumptions '); then
    echo "$found" >&2
    say "the lines above leave a proof open, add an axiom or are a query left over" >&2
    exit 1
fi

started=$SECONDS
"$coq" make -j"$(nproc)" --no-print-directory
say "${#files[@]} files compiled ($((SECONDS - started)) s)"

# One line a theorem: its name and its axioms, from the answers to Print Assumptions in the order of Main.v.
printed=$(mktemp)
trap 'rm -f "$printed"' EXIT
mapfile -t flags < <(sed -n 's/^\(-[QR]\) \(.*\) \(.*\)$/\1\n\2\n\3/p' _CoqProject)
"$coq" coqc "${flags[@]}" -w none Main.v | awk '
    FNR == NR { if (/^Print Assumptions /) { sub(/\.$/, "", $3); name[++theorems] = $3 } next }
    /^(Axioms:|Closed under the global context)/ { block++; next }
    /^[A-Za-z_][A-Za-z0-9_.'"'"']*( :|$)/ { axioms[block] = axioms[block] " " $1 }
    END {
        if (block != theorems) { print "answers: " block ", theorems: " theorems > "/dev/stderr"; exit 1 }
        for (k = 1; k <= theorems; k++) print name[k] ":" axioms[k]
    }' Main.v - >"$printed"
theorems=$(grep -c '^Theorem ' Main.v)
if [ "$(wc -l <"$printed")" -ne "$theorems" ]; then
    say "Main.v has $theorems theorems, but prints the assumptions of $(wc -l <"$printed")" >&2
    exit 1
fi
if ! diff assumptions.txt "$printed"; then
    say "the axioms differ from proofs/assumptions.txt (< committed, > found)" >&2
    exit 1
fi

started=$SECONDS
mapfile -t modules < <(sed -n 's/^-[QR] \(.*\) \(.*\)$/\1 \2/p' _CoqProject | while read -r folder name; do
    printf '%s\n' "${files[@]}" | sed -n "s|^${folder#.}/*\([A-Za-z0-9]*\)\.v$|-norec\n$name.\1|p"
done)
"$coq" coqchk -silent "${flags[@]}" "${modules[@]}"
say "coqchk accepts them ($((SECONDS - started)) s)"
say "$theorems theorems on the axioms of proofs/assumptions.txt, no gaps"
echo "proofs: $theorems passed, 0 failed"
