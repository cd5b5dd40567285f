#!/bin/bash
# Every measurement list in golden/ima_log leads to the PCRs recorded with it:
# the second opinion (replay.py) that the C code is tested against.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "${0%/*}/../e2e/lib.sh"

for d in "$golden"/ima_log/*/pcrs.json; do
	d=${d%/*}
	python3 "$here/replay.py" "$d" >"$tmp/out"
	ok $? "${d##*/}"
	tail -n +7 "$d/ORIGIN" | cmp -s - "$tmp/out"
	ok $? "${d##*/}: as its ORIGIN says"
done
finish
