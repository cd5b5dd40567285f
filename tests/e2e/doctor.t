#!/bin/bash
# shellcheck source=tests/e2e/lib.sh
# assay doctor: recorded machines give the report they gave when they were recorded, the
# JSON keeps its schema, a real TPM is asked without being changed, and trying file systems
# out leaves nothing behind.
. "${0%/*}/lib.sh"
trees=$golden/doctor
schema() { python3 -c '
import json, sys, jsonschema
jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' \
	"$source_dir/docs/schema/doctor.schema.json" "$tmp/out" 2>"$tmp/schema"; }

cd "$trees" || exit 3
for t in plain debian12-vm; do
	run doctor --root $t
	exits 0 "$t: a report, whatever it says"
	cmp -s "$tmp/out" $t.txt; ok $? "$t: the recorded report"
	cmp -s "$tmp/out" $t.txt || diag "$(diff $t.txt "$tmp/out")"
	run doctor --root $t --json
	exits 0 "$t: as JSON"
	schema; ok $? "$t: the JSON keeps its schema"; [ -s "$tmp/schema" ] && diag "$(cat "$tmp/schema")"
done
is "$(json 'j["recorded"] and j["tpm"] is None and j["kernel"]')" "6.1.0-50-amd64" "a recorded machine is called so"
is "$(json '[a["weight"] for a in j["advice"]] == sorted([a["weight"] for a in j["advice"]], reverse=True)')" True "advice by weight"
is "$(json '{i["code"]: i["value"] for i in j["items"]}["CONFIG_INTEGRITY_TRUSTED_KEYRING"]')" no "Debian's kernel option"
run doctor --root plain --json
is "$(json '[i["path"] for i in j["items"] if i["code"] == "mount" and "my" in i["path"]]')" "['/srv/my data']" "a blank in a mount point"
is "$(json '[i["mark"] for i in j["items"] if i["code"] == "CONFIG_IMA"]')" "['bad']" "a packed configuration is read"

# --- what cannot be read.
mkdir "$tmp/empty"
run doctor --root "$tmp/empty"
exits 3 "a tree with nothing in it: could not decide"
like "$err" "nothing about the machine could be read" "and says so"
run doctor --root "$tmp/empty" --json
exits 3 "the same as JSON"
is "$(json 'j["error"]["code"]')" io "with a code"
run doctor --root ""
exits 2 "an empty root is a usage error"
run doctor something
exits 2 "an operand is a usage error"
cp -r plain "$tmp/bad"; echo 'not a mount' >>"$tmp/bad/proc/self/mountinfo"
run doctor --root "$tmp/bad"
exits 3 "a file that cannot be understood is an error"
like "$err" 'mountinfo: line 11: ' "that names the file and the line"
cp -r plain "$tmp/cut"; head -c 100 plain/proc/config.gz >"$tmp/cut/proc/config.gz"
run doctor --root "$tmp/cut"
exits 3 "so is a cut configuration"
like "$err" 'config.gz' "named, too"

# --- this machine.
cd "$tmp" || exit 3
run doctor --json
exits 0 "this machine"
schema; ok $? "its JSON keeps the schema"; [ -s "$tmp/schema" ] && diag "$(cat "$tmp/schema")"
is "$(json 'j["kernel"]')" "$(uname -r)" "its kernel"
is "$(json 'j["recorded"]')" False "it is not recorded"
# In a chroot "/" is no mount point of its own that the kernel would list.
point=$(stat -c %m "$tmp")
if awk -v p="$point" '$5 == p { found = 1 } END { exit !found }' /proc/self/mountinfo; then
	is "$(json "any(i.get('path') == '$point' for i in j['items'])")" True "the file system of this folder is there"
else skip "the file system of this folder" "a chroot, whose root is no mount point"; fi
# A file system to ourselves, where we may have one: what was tried must leave nothing.
if [ "$(id -u)" = 0 ] && mkdir mnt && mount -t tmpfs tmpfs mnt 2>/dev/null; then
	run doctor --json
	is "$(json "[i['value'] for i in j['items'] if i.get('path') == '$tmp/mnt' and i['code'] == 'mount-xattr']")" "['yes']" "xattr room is tried out"
	is "$(find mnt -mindepth 1 | wc -l)" 0 "and nothing is left behind"
	run doctor --no-write --json
	is "$(json "[i['value'] for i in j['items'] if i.get('path') == '$tmp/mnt' and i['code'] == 'mount-xattr']")" "['should be']" "--no-write leaves it out"
	mkdir mnt/$'new\nline'; mount -t tmpfs tmpfs mnt/$'new\nline'
	run doctor
	like "$out" 'mnt/new\\x0aline' "a newline in a mount point is escaped"
	umount mnt/$'new\nline' mnt
else
	skip "trying a file system out" "mounting one is not allowed here"
fi

# --- a TPM that answers.
if have swtpm tpm2_pcrread; then
	mkdir "$tmp/tpm"
	background swtpm socket --tpm2 --tpmstate dir="$tmp/tpm" --server type=unixio,path="$tmp/tpm/sock" \
		--flags not-need-init,startup-clear >/dev/null 2>&1
	for _ in 1 2 3 4 5 6 7 8 9 10; do [ -S "$tmp/tpm/sock" ] && break; sleep 0.2; done
	# TPM2_PCR_Read of sha256:0 tells how often PCRs were changed.
	updates() { python3 -c '
import socket, struct, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.send(bytes.fromhex("8001" "00000014" "0000017e" "00000001" "000b" "03" "010000"))
print(struct.unpack(">II", s.recv(4096)[6:14]))' "$tmp/tpm/sock"; }
	before=$(updates)
	like "$before" '^\(0, [0-9]+\)$' "the TPM tells how often its PCRs were changed"
	run doctor --tpm "$tmp/tpm/sock" --json
	exits 0 "a TPM behind a socket"
	schema; ok $? "its JSON keeps the schema"; [ -s "$tmp/schema" ] && diag "$(cat "$tmp/schema")"
	is "$(json 'j["tpm"]["family"], j["tpm"]["manufacturer"], j["tpm"]["vendor"]')" "('2.0', 'IBM', 'SW TPM')" "who it is"
	is "$(json '"sha256" in j["tpm"]["algorithms"] and "rsapss" in j["tpm"]["algorithms"]')" True "its algorithms"
	like "$(json 'j["tpm"]["pcrs"]')" 'sha256:0,1,2.*23' "its banks"
	is "$(json '[i["mark"] for i in j["items"] if i["code"] == "tpm-maker"]')" "['warn']" "a software TPM is called one"
	run doctor --tpm "$tmp/tpm/sock"
	like "$out" 'software TPM' "also in words"
	is "$(updates)" "$before" "no PCR was touched: the TPM's count of updates stands still"
else
	skip "a TPM that answers" "swtpm is missing"
fi

# --- TPMs that do not.
run doctor --tpm "$tmp/none" --json
exits 0 "a TPM that is not there is a finding of the report"
is "$(json 'j["tpm"]')" None "without an answer"
: >"$tmp/file"
run doctor --tpm "$tmp/file"
exits 0 "a file is no TPM"
python3 - "$tmp/liar" <<'EOF' &
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
c, _ = s.accept()
c.recv(100)
c.send(bytes.fromhex("8001" "ffffffff" "00000000"))
c.recv(1)
EOF
pids="$pids $!"
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -S "$tmp/liar" ] && break; sleep 0.2; done
run doctor --tpm "$tmp/liar" --json
exits 0 "a TPM that lies about a length"
is "$(json 'j["tpm"]')" None "is not believed"
finish
