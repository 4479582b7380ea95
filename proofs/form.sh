#!/bin/sh
# Refuses a certificate that is anything but the template with numbers in its holes: ./form.sh FILE.v...
#
# The program reads them by the same rule, `ncsn certify --verify`; this one guards the files in certificates/.
set -eu
expected=$(sed 's/@[a-z_.]*@/@/g' "$(dirname "$0")/template.v" && echo end)
for file in "$@"; do
    found=$(sed -E -e '1s/for [A-Za-z0-9 ._\/-]+, written/for @, written/' \
        -e '/:=/s/0x[01](\.[0-9a-f]+)?p[+-][0-9]+/@/g' -e 's/:= [0-9]+;/:= @;/' \
        -e 's/:= (ceil_plus_one|floor_plus_one|ceil|floor|round_plus_one);/:= @;/' "$file" && echo end)
    if grep -q @ "$file" || [ "$found" != "$expected" ]; then
        echo "$file: not a certificate: more than the template with numbers in its holes" >&2
        exit 1
    fi
done
