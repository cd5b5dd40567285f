#!/bin/sh
# mk.sh ASSAY: write the reports of the recorded trees anew.
set -eu
cd "$(dirname "$0")"
for t in plain debian12-vm; do
	NO_COLOR=1 LC_ALL=C.UTF-8 "$1" doctor --root "$t" </dev/null >"$t.txt"
done
