#!/bin/sh
# Proves one certificate that `ncsn certify --verify` wrote into the template: ./verify.sh FOLDER/stated.v
#
# It is compiled, no axiom beside those of axioms.txt is used, and coqchk checks it again, which has no fast evaluation and
# takes many times as long; with COQCHK=no that is left out, and said. Exit status 1 when there is no proof, 2 when that
# could not be found out.
set -u
cd "$(dirname "$0")"
file=$1
folder=$(dirname "$file")
flags="-Q theories Ncsn -Q $folder Verified"

for target in CoqMakefile "-f CoqMakefile theories/Certificate.vo"; do
    # shellcheck disable=SC2086
    make --no-print-directory $target >"$folder/log" 2>&1 || { cat "$folder/log" && exit 2; }
done
./form.sh "$file" || exit 1
# shellcheck disable=SC2086
coqc $flags -w none "$file" >"$folder/printed" || exit 1
./assumptions.sh 1 "$folder/printed" >"$folder/axioms" || exit 1
! grep -vxF -f axioms.txt "$folder/axioms" || exit 1
if [ "${COQCHK:-yes}" = no ]; then
    echo "verify: compiled; not checked again by coqchk"
    exit 0
fi
# shellcheck disable=SC2086
coqchk -silent -o $flags -norec Verified.stated >"$folder/checked" 2>&1 || { cat "$folder/checked" && exit 1; }
[ "$(grep -c ': <none>$' "$folder/checked")" = 3 ] || { cat "$folder/checked" && exit 1; }
