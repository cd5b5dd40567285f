#!/bin/sh
# Makes each show.txt anew from its eventlog.bin: look at the difference before keeping it.
# The logs themselves are recorded by tests/lab/record-boot.
set -eu
cd "$(dirname "$0")"
for d in */; do
	"${ASSAY_BUILD:-../../../build}/assay" event-log show "$d/eventlog.bin" >"$d/show.txt"
done
