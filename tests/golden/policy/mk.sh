#!/bin/bash
# Makes what ORIGIN says is made.  Frozen files (version 1) are made only if absent.
#	tests/golden/policy/mk.sh BUILD
set -euo pipefail
here=$(cd "${0%/*}" && pwd)
build=$(cd "${1:-$here/../../../build}" && pwd)
vm=$here/../debian12-vm
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
# want FILE OUT: only a whole file takes its place
want() { "$build/tests/unit/t_runtime_policy" --want "$1" >"$tmp/want"; mv "$tmp/want" "$2"; }

# The lists, by the real tools, with names that need their escapes.
mkdir "$tmp/files"
cd "$tmp/files"
printf one >plain; printf two >'with space'; printf three >$'new\nline'; printf four >'back\slash'
printf five >$'\xff\xfe'; printf six >$'return\rend'; printf seven >'paren) = x'
LC_ALL=C sha256sum -- * >"$here/sums-sha256.txt"
find . -type f -print0 | LC_ALL=C sort -z | LC_ALL=C xargs -0 sha1sum -b >"$here/sums-binary.txt"
LC_ALL=C sha512sum --tag -- plain 'with space' 'back\slash' 'paren) = x' >"$here/sums-tag.txt"
sha256sum plain 'with space' | sed 's/$/\r/' >"$here/sums-crlf.txt"
cd "$here"

python3 - "$vm" 3>"$tmp/source.json" <<'PY'
import base64, json, subprocess, sys
vm = sys.argv[1]
cert = base64.b64encode(open(vm + "/ima-rsa.der", "rb").read()).decode()
spki = base64.b64encode(subprocess.run(["openssl", "pkey", "-pubin", "-in", vm + "/akecc.pem", "-outform", "DER"],
    check=True, capture_output=True).stdout).decode()
text = open("keylime-v1.json", encoding="utf-8").read()
if "@KEYS@" in text:
    keys = json.dumps(json.dumps({"meta": {"version": 1}, "keyids": [1], "pubkeys": [spki]}))
    open("keylime-v1.json", "w", encoding="utf-8").write(text.replace('"@KEYS@"', keys))
def d(c, alg="sha256", n=64): return alg + ":" + c * n
policy = {
    "assay_policy": 1, "name": "every member \u00fc", "created": "2026-01-31T12:00:00Z", "generator": "by hand",
    "min_digest": "sha256", "aliases": [["/bin", "/usr/bin"], ["/lib", "/usr/lib"]],
    "layers": [
        {"name": "debian", "source": "deb-repo", "packages": [
            {"name": "bash", "version": "5.2.15-2+b7", "architecture": "amd64",
             "files": {"/usr/bin/bash": [d("a")], "/usr/bin/a b": [d("b"), d("c")]},
             "files_b64": {base64.b64encode(b"/usr/lib/\xff\xfe").decode(): [d("d")]}},
            {"name": "empty", "version": "1"}],
         "files": {"/etc/new\nline": [d("e")], "/usr/bin/bash": [d("f", "sha512", 128)]}},
        {"name": "oem", "files": {"/oem/start.sh": [d("1")], "/usr/bin/bash": [d("a")]}}],
    "scopes": [{"name": "oem", "paths": ["/oem", "/mnt/with space/"], "partition": "COS_OEM", "layers": ["oem"]}],
    "excludes": ["/tmp/.*", {"regex": "/var/log/[^/]+\\.log", "match": "full"}],
    "keys": [
        {"name": "vendor", "certificate": cert, "scope": {"paths": ["/opt/vendor"], "filesystems": ["COS_OEM"],
         "keyrings": [".ima"], "kinds": ["module", "file"], "not_before": "2026-01-01T00:00:00Z",
         "not_after": "2027-01-01T01:00:00+01:00"}},
        {"public_key": spki}],
    "revoked": {"keys": [d("2")], "digests": [d("3"), d("4", "sha1", 40)]},
    "closed_directories": ["/etc/cron.d", "/etc/sudoers.d/"],
    "violations": [{"path": "/var/log/.*", "action": "ignore"}, {"path": "/etc/x", "match": "full", "action": "finding"}],
    "buffers": {"kernel_version": [d("5")], "kexec-cmdline": "ignore"},
    "keyrings": {".ima": {"digests": [d("6")], "trust": True}, ".builtin": {"digests": []}, "_evm": "ignore"},
    "boot": {"secure_boot": True, "cmdline": ["root=/dev/vda1 ro", {"regex": "root=/dev/vd[ab]1 ro( quiet)?"}],
             "pcrs": {"sha256": {"7": ["ab" * 32]}}, "event_log": True},
}
json.dump(policy, open(3, "w", encoding="utf-8"), ensure_ascii=False)
PY

[ -e policy-v1.json ] || want "$tmp/source.json" policy-v1.json
[ -e policy-v1.tbl ] || "$build/assay" policy compile policy-v1.json -o policy-v1.tbl
if [ ! -e policy.dsse ]; then
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out signer.key
	openssl pkey -in signer.key -pubout -out signer.pem
	"$build/assay" policy sign --key signer.key policy-v1.json -o policy.dsse
fi
if [ ! -e keylime.dsse ]; then
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$tmp/k.key"
	openssl pkey -in "$tmp/k.key" -pubout -out keylime-signer.pem
	{ printf 'DSSEv1 28 application/vnd.keylime+json %d ' "$(stat -c %s keylime-v1.json)"; cat keylime-v1.json; } >"$tmp/pae"
	openssl dgst -sha256 -sign "$tmp/k.key" -out "$tmp/sig" "$tmp/pae"
	printf '{"payload": "%s", "payloadType": "application/vnd.keylime+json", "signatures": [{"keyid": "%s", "sig": "%s"}]}' \
		"$(base64 -w0 keylime-v1.json)" "$(sha256sum keylime-signer.pem | cut -c 1-64)" "$(base64 -w0 "$tmp/sig")" >keylime.dsse
fi
for f in policy-v1.json policy-v1.tbl keylime-*.json keylime-*.txt sums-*.txt; do
	case $f in policy-v1.*) continue ;; esac
	want "$f" "$f.want"
done
