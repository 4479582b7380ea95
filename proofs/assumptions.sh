#!/bin/sh
# The axioms among what Print Assumptions printed: ./assumptions.sh COUNT FILE...
#
# Fails on a line that it does not understand, such as "f is assumed to be guarded.", and unless there are COUNT answers.
set -eu
count=$1
shift
awk -v count="$count" '
    /^Axioms:$/ || /^Closed under the global context$/ { answers++; name = 0; next }
    /^ / && name { next }
    /^[A-Za-z_][A-Za-z0-9_.]*( *:.*)?$/ { name = 1; sub(/ *:.*/, ""); print; next }
    { print FILENAME ": not understood: " $0 >"/dev/stderr"; bad = 1 }
    END {
        if (answers != count) { print "assumptions: " answers + 0 " answers, expected " count >"/dev/stderr"; bad = 1 }
        exit bad
    }' "$@"
