#!/bin/bash
# Makes what ORIGIN says is made; a frozen file is made only if absent.
#	tests/golden/evidence/mk.sh BUILD
set -euo pipefail
here=$(cd "${0%/*}" && pwd)
build=$(cd "${1:-$here/../../../build}" && pwd)
vm=$here/../debian12-vm
cd "$here"
[ -e bundle-v1.bin ] || "$build/assay" evidence pack --ima-log "$vm/list1.bin" --quote "$vm/quote1.msg" \
	--signature "$vm/quote1.sig" --ak "$vm/ak.pub" --nonce 00112233445566778899aabbccddeeff0011223301 \
	--pcrs "$vm/quote1.pcrs" --event-log "$vm/eventlog.bin" --created 2026-07-01T12:00:00Z \
	--verdict untrusted --policy "$here/../policy/policy-v1.json" -o bundle-v1.bin
"$build/assay" evidence show bundle-v1.bin >bundle-v1.want
