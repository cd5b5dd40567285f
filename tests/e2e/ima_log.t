#!/bin/bash
# assay ima-log: shows real lists, says exactly what is wrong with bad ones.
. "${0%/*}/lib.sh"

run ima-log show "$golden/debian12-vm/list3.bin"
exits 0 "a real list"
is "$(wc -l <"$tmp/out")" 559 "one line an entry, whatever the names hold"
like "$out" '428 .*n-ng=/root/evil\\x0anew_line.sh' "a newline in a name is escaped"

run ima-log show "$tmp/none"
exits 3 "a missing file: could not decide"
like "$err" "none: cannot open: No such file" "and says why"

head -c 1000 "$golden/debian12-vm/list3.bin" >"$tmp/cut"
run ima-log show "$tmp/cut"
exits 3 "a list that is cut"
like "$err" 'cut: byte [0-9]+: entry 10 .*ends inside it' "names file, byte and entry"

run ima-log show
exits 2 "no operand: usage"
run ima-log nothing
exits 2 "no such verb: usage"
finish
