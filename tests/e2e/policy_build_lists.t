#!/bin/bash
# policy build digests, keylime, sbom, ima-log: what somebody else listed, neither more nor
# less; and create_whitelist.sh, the old script's name, makes such a list.
. "${0%/*}/lib.sh"
files() { python3 "$here/policy_files.py" "$@"; }
hex() { printf %s "$1" | "${2:-sha256sum}" | cut -d' ' -f1; }

# ---- digests ----------------------------------------------------------------
mkdir "$tmp/d"; echo a >"$tmp/d/a"; echo b >"$tmp/d/with space"; echo c >"$tmp/d/"$'new\nline'
for s in sha1sum sha256sum sha512sum; do
	$s "$tmp"/d/* >"$tmp/list.$s"
	run policy build --from "digests:$tmp/list.$s" -o "$tmp/p.json"
	exits 0 "a list of $s"
	is "$(files "$tmp/p.json")" "$(files --tree "$tmp/d" "${s%sum}" | sed "s, /, $tmp/d/,")" "has its digests"
done
run policy build --from "digests:$tmp/list.sha1sum" --from "digests:$tmp/list.sha256sum" --min-digest sha256 -o "$tmp/p.json"
is "$(files "$tmp/p.json" | grep -c '^sha1:')" 0 "--min-digest leaves weaker ones out"
like "$err" '3 digests weaker than sha256 left out' "and says so"
echo nonsense >"$tmp/bad"
run policy build --from "digests:$tmp/bad"
exits 3 "what is no list"
run policy build --from "digests:$tmp/p.json"
exits 3 "a policy is none"
like "$err" 'assay policy merge' "but says what joins policies"

# ---- keylime ----------------------------------------------------------------
cat >"$tmp/keylime.json" <<J
{"meta": {"version": 1, "generator": 3}, "release": 0,
 "digests": {"/usr/bin/x": ["$(hex x)", "$(hex y)"], "/etc/my file": ["$(hex z sha1sum)"]},
 "excludes": ["/tmp/.*"], "keyrings": {".ima": ["$(hex k)"]},
 "ima": {"ignored_keyrings": [], "log_hash_alg": "sha1", "dm_policy": null},
 "ima-buf": {}, "verification-keys": ""}
J
run policy build --from "keylime:$tmp/keylime.json" -o "$tmp/p.json"
exits 0 "a Keylime policy"
is "$(files "$tmp/p.json" | wc -l)" 3 "gives its digests"
like "$err" 'only its files are taken; 1 excludes, 0 keys, 1 keyrings' "and says what is not taken"

# ---- sbom -------------------------------------------------------------------
cat >"$tmp/spdx.json" <<J
{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": [{"name": "p"}], "files": [
 {"fileName": "./usr/bin/x", "checksums": [{"algorithm": "SHA1", "checksumValue": "$(hex x sha1sum)"},
  {"algorithm": "SHA256", "checksumValue": "$(hex x)"}, {"algorithm": "MD5", "checksumValue": "$(hex x md5sum)"}]},
 {"fileName": "/usr/bin/weak", "checksums": [{"algorithm": "SHA1", "checksumValue": "$(hex w sha1sum)"}]},
 {"fileName": "none", "checksums": []}]}
J
run policy build --from "sbom:$tmp/spdx.json" -o "$tmp/p.json"
exits 0 "an SPDX document"
is "$(files "$tmp/p.json")" "sha1:$(hex w sha1sum) /usr/bin/weak
sha256:$(hex x) /usr/bin/x" "strong digests count, SHA-1 where there is no other"
like "$err" '1 of 2 files have no digest but SHA-1' "which is said"
cat >"$tmp/spdx.tag" <<T
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
PackageName: p
PackageChecksum: SHA256: $(hex no)
##### File
FileName: ./usr/bin/x
FileChecksum: SHA1: $(hex x sha1sum)
FileChecksum: SHA256: $(hex x)
FileComment: <text>
FileName: ./not/a/file
FileChecksum: SHA256: $(hex no)
</text>
FileName: ./usr/bin/y
FileChecksum: SHA512: $(hex y sha512sum)
T
run policy build --from "sbom:$tmp/spdx.tag" -o "$tmp/p.json"
is "$(files "$tmp/p.json")" "sha256:$(hex x) /usr/bin/x
sha512:$(hex y sha512sum) /usr/bin/y" "SPDX tag-value; text blocks are no tags"
cat >"$tmp/cdx.json" <<J
{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
 {"type": "library", "name": "libx", "hashes": [{"alg": "SHA-256", "content": "$(hex lib)"}], "components": [
  {"type": "file", "name": "usr/lib/libx.so", "hashes": [{"alg": "SHA-256", "content": "$(hex so)"}, {"alg": "SHA3-256", "content": "$(hex so3)"}]}]},
 {"type": "file", "name": "/etc/x", "hashes": [{"alg": "BLAKE2b-256", "content": "$(hex b)"}]}]}
J
run policy build --from "sbom:$tmp/cdx.json" -o "$tmp/p.json"
is "$(files "$tmp/p.json")" "sha256:$(hex so) /usr/lib/libx.so
sha3-256:$(hex so3) /usr/lib/libx.so" "CycloneDX: components of type file, nested or not"
echo '{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}' >"$tmp/spdx3.json"
run policy build --from "sbom:$tmp/spdx3.json"
like "$err" 'export SPDX 2.3' "SPDX 3 says what to do"
sed 's/"\.\/usr/"..\/usr/' "$tmp/spdx.json" >"$tmp/leave.json"
run policy build --from "sbom:$tmp/leave.json"
exits 3 "a name that leaves the tree"

# ---- ima-log ----------------------------------------------------------------
run policy build --from "ima-log:$golden/debian12-vm/list3.bin" -o "$tmp/p.json"
exits 0 "a measurement list"
like "$err" 'trust on first use' "is trust on first use, which is said"
like "$err" '[0-9]+ violations left out' "violations are counted"
run ima-log show "$golden/debian12-vm/list3.bin"
is "$(files "$tmp/p.json" | grep -c ' /usr/bin/dash$')" 1 "a program of it is in the policy"
is "$(files "$tmp/p.json" | cut -d' ' -f2 | grep -cv '^/')" 0 "nothing without a path is"
# ---- several sources --------------------------------------------------------
run policy build --from "digests:$tmp/list.sha256sum" --from "mine=sbom:$tmp/cdx.json" --from "mine=sbom:$tmp/spdx.json" \
	--key "$golden/debian12-vm/ima-rsa.der" --closed-directory /etc/cron.d/ --name both -o "$tmp/p.json"
exits 0 "several sources, a key, a closed directory"
python3 - "$tmp/p.json" >"$tmp/facts" <<'PY'
import json, sys
p = json.load(open(sys.argv[1]))
print([l["name"] for l in p["layers"]], p["name"], len(p["keys"]), p["closed_directories"])
PY
is "$(cat "$tmp/facts")" "['digests:list.sha256sum', 'mine'] both 1 ['/etc/cron.d']" "make layers by name, and the rest"
run policy show "$tmp/p.json"
exits 0 "policy show reads it"

# ---- create_whitelist.sh ----------------------------------------------------
ln -s "$assay" "$tmp/create_whitelist.sh"
"$tmp/create_whitelist.sh" >/dev/null 2>"$tmp/err"; is "$? $(cat "$tmp/err")" "2 Usage:  create_whitelist.sh list.txt [hash-algo]" "usage as the script's"
"$tmp/create_whitelist.sh" "$tmp/x" frobsum 2>/dev/null; is $? 2 "an unknown sum program"
root=$tmp/root
if [ "$(id -u)" = 0 ] && have chroot ldd cpio && mkdir -p "$root/boot" "$root/usr/bin" "$root/mnt" "$root/home" "$root/tmp"; then
	cp -L "$assay" "$root/create_whitelist.sh"
	ldd "$assay" | grep -oE '/[^ ]+' | while read -r l; do mkdir -p "$root${l%/*}"; cp -L "$l" "$root$l"; done
	if chroot "$root" /create_whitelist.sh 2>&1 | grep -q Usage; then
		echo one >"$root/usr/bin/one"; echo no >"$root/mnt/no"; echo his >"$root/home/his"; chown 1000 "$root/home/his"
		echo odd >"$root/usr/bin/"$'new\nline'
		mkdir "$tmp/ram"; echo init >"$tmp/ram/init"; (cd "$tmp/ram" && echo init | cpio --quiet -o -H newc) | gzip >"$root/boot/initrd.img-1"
		chroot "$root" /create_whitelist.sh /tmp/list sha256sum >"$tmp/out" 2>"$tmp/err"; is $? 0 "on a small system"
		like "$(cat "$tmp/out")" '^Writing whitelist to /tmp/list with sha256sum' "it says what the script says"
		(cd "$root" && find / -xdev -maxdepth 0 >/dev/null; LC_ALL=C sort -k2 tmp/list) >"$tmp/sorted"
		is "$(grep -c . "$tmp/sorted")" "$(($(find "$root" -type f -uid 0 ! -path "$root/mnt/*" ! -path "$root/tmp/list" -printf . | wc -c) + 1))" "every file of root's but below /mnt, and the RAM disk's"
		(cd "$root" && grep -v ' /init$' tmp/list | sed 's,  /,  ./,' | sha256sum --quiet -c -); ok $? "sha256sum agrees"
		like "$(cat "$tmp/sorted")" "^$(hex 'init
') +/init\$" "the RAM disk's file has its path there"
		chroot "$root" /create_whitelist.sh /tmp/list1 initramfs sha1sum >/dev/null 2>&1; is $? 0 "the oldest form of its arguments"
		run policy build --from "digests:$root/tmp/list" -o "$tmp/p.json"
		exits 0 "the list is a source for policy build"
	else
		skip "create_whitelist.sh on a small system" "the program does not run in a chroot here"
	fi
else
	skip "create_whitelist.sh on a small system" "needs root, chroot, ldd and cpio"
fi
finish
