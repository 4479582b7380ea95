#!/bin/sh
# Refuses Coq files with words that leave something unproved, switch a check of the kernel off, write files, load code, or
# trust machine code: ./lint.sh FILE.v...
#
# Words, because a comment or a line break may stand between them; in comments they are refused too.
unproved='Admitted|admit|Axioms?|Parameters?|Conjectures?'
unchecked='Checking|bypass_check|type_in_type|native_compute|native_cast_no_check|Redirect|ML|Load|Drop|Extraction'
if grep -nwE "$unproved|$unchecked" "$@" ||
    grep -nE '^ *(Check|Search|SearchPattern|About|Compute|Eval|Locate|Fail|Print [^A])\b' "$@"; then
    echo "lint: these words are refused" >&2
    exit 1
fi
