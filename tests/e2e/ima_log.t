#!/bin/bash
# assay ima-log: shows real lists, says exactly what is wrong with bad ones.
. "${0%/*}/lib.sh"

run ima-log show "$golden/debian12-vm/list3.bin"
exits 0 "a real list"
is "$(wc -l <"$tmp/out")" 560 "a heading and one line an entry, whatever the names hold"
like "$out" '^ +428 .*/root/evil\\x0anew_line.sh$' "a newline in a name is escaped"
run ima-log show --fields "$golden/debian12-vm/list3.bin"
like "$out" '^428 pcr=10 template=ima-sig .*n-ng=/root/evil\\x0anew_line.sh sig=$' "every field"
run ima-log show --json "$golden/debian12-vm/list3.bin"
is "$(json 'len(j["entries"]), j["entries"][427]["path"], j["entries"][328]["violation"]')" \
	"(559, '/root/evil\\\\x0anew_line.sh', True)" "JSON"

run ima-log verify "$golden/debian12-vm/list3.bin"
exits 0 "a real list agrees with itself"
like "$out" 'consistent +559 entries, 2 violations, 0 wrong digests' "and is counted"
run ima-log verify --json --bank sha1 "$golden/debian12-vm/list3.bin"
is "$(json 'list(j["pcr"])[0], j["wrong_digests"]')" "('sha1', [])" "another bank, as JSON"
python3 - "$golden/debian12-vm/list3.bin" "$tmp/altered" <<'PY'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[b.index(b"/usr/bin/sh")] ^= 1
open(sys.argv[2], "wb").write(b)
PY
run ima-log verify "$tmp/altered"
exits 1 "a changed name is a finding"
like "$out" "entry 3: the list's digest is not that of its data" "and named"

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
