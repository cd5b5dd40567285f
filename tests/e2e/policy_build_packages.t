#!/bin/bash
# policy build deb, deb-repo, rpm: the digests are those of the files that installing the
# package would put there, checked against what dpkg-deb and rpm unpack; a package that is
# not what the index says approves nothing.
. "${0%/*}/lib.sh"
files() { python3 "$here/policy_files.py" "$@"; }
same() { # same POLICY TREE DESCRIPTION
	files "$1" >"$tmp/got"; files --tree "$2" >"$tmp/want"
	[ -s "$tmp/want" ] && cmp -s "$tmp/got" "$tmp/want"; local r=$?
	ok $r "$3"; [ $r = 0 ] || diag "$(diff "$tmp/got" "$tmp/want" | head -20)"
}
packages() { python3 -c 'import json,sys
for l in json.load(open(sys.argv[1]))["layers"]:
    for p in l.get("packages", []): print(p["name"], p["version"], p["architecture"])' "$1"; }

# ---- .deb -------------------------------------------------------------------
make_deb() { # make_deb NAME VERSION COMPRESSION
	local d=$tmp/build/$1
	mkdir -p "$d/DEBIAN" "$d/usr/bin" "$d/etc" "$d/usr/share/odd"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n long\n' "$1" "$2" >"$d/DEBIAN/control"
	echo "$1 $2" >"$d/usr/bin/$1"; echo conf >"$d/etc/$1.conf"; : >"$d/usr/share/odd/empty"
	echo b >"$d/usr/share/odd/"$'byte\xff'; echo s >"$d/usr/share/odd/with space"
	mkdir -p "$d/usr/share/$(printf 'long%.0s' {1..50})"; echo l >"$d/usr/share/$(printf 'long%.0s' {1..50})/$(printf 'name%.0s' {1..40})"
	ln -f "$d/usr/bin/$1" "$d/usr/bin/$1-again"; ln -sf "$1" "$d/usr/bin/$1-soft"
	head -c 300000 /dev/zero >"$d/usr/share/$1.bin"
	find "$d" -exec touch -h -d @1700000000 {} +
	dpkg-deb --root-owner-group -Z"$3" -b "$d" "$tmp/debs/$1_$2_all.deb" >/dev/null
}
mkdir -p "$tmp/debs"
make_deb one 1.0-1 xz; make_deb two 2:3~rc1 gzip; make_deb three 3 zstd; make_deb four 4 none
for f in "$tmp"/debs/*.deb; do
	rm -rf "$tmp/x"; dpkg-deb -x "$f" "$tmp/x"
	run policy build --from "deb:$f" --no-cache -o "$tmp/p.json"
	same "$tmp/p.json" "$tmp/x" "${f##*/}: as dpkg-deb unpacks it"
done
rm -rf "$tmp/x"; for f in "$tmp"/debs/*.deb; do dpkg-deb -x "$f" "$tmp/x"; done
run policy build --from "deb:$tmp/debs" --cache "$tmp/cache" -o "$tmp/p.json"
same "$tmp/p.json" "$tmp/x" "a directory of packages"
is "$(packages "$tmp/p.json" | sort | tr '\n' ,)" "four 4 all,one 1.0-1 all,three 3 all,two 2:3~rc1 all," "name, version and architecture are recorded"
cp "$tmp/p.json" "$tmp/first.json"
run policy build --from "deb:$tmp/debs" --cache "$tmp/cache" -o "$tmp/p.json"
like "$err" 'from 4 archives \(4 known from the cache\)' "a second time they come from the cache"
is "$(files "$tmp/p.json")" "$(files "$tmp/first.json")" "with the same digests"
for f in "$tmp"/cache/*/*; do printf '\001' | dd of="$f" bs=1 seek=70 conv=notrunc 2>/dev/null; done
run policy build --from "deb:$tmp/debs" --cache "$tmp/cache" -o "$tmp/p.json"
is "$(files "$tmp/p.json")" "$(files "$tmp/first.json")" "a damaged cache is seen and replaced"
like "$err" 'from 4 archives,' "by opening the packages again"
chmod 777 "$tmp/cache"
run policy build --from "deb:$tmp/debs" --cache "$tmp/cache"
exits 3 "a cache that others may write is refused"
like "$err" 'could be changed by somebody else' "and it says why"
if have apt-get && (cd "$tmp" && timeout 60 apt-get download -qq hostname >/dev/null 2>&1); then
	rm -rf "$tmp/x"; dpkg-deb -x "$tmp"/hostname_*.deb "$tmp/x"
	run policy build --from "deb:$(echo "$tmp"/hostname_*.deb)" --no-cache -o "$tmp/p.json"
	same "$tmp/p.json" "$tmp/x" "a package of Debian's own"
else
	skip "a package of Debian's own" "no network"
fi

# Packages that are not in order.
head -c -200 "$tmp/debs/one_1.0-1_all.deb" >"$tmp/cut.deb"
run policy build --from "deb:$tmp/cut.deb" --no-cache
exits 3 "a package that is cut"
like "$err" 'cut.deb: .*end' "is reported"
mkdir -p "$tmp/evil"; echo x >"$tmp/evil/file"
(cd "$tmp/evil" && tar -cf data.tar --transform 's,file,../../etc/passwd,' -P file && gzip -k data.tar &&
	printf 'Package: e\nVersion: 1\nArchitecture: all\n' >control && tar -czf control.tar.gz ./control &&
	echo 2.0 >debian-binary && ar rc ../evil.deb debian-binary control.tar.gz data.tar.gz)
run policy build --from "deb:$tmp/evil.deb" --no-cache
exits 3 "a member that leaves its directory"
like "$err" 'evil.deb: .*\.\./\.\./etc/passwd.* leaves its directory' "is named"
(cd "$tmp/evil" && ar rc ../order.deb debian-binary data.tar.gz control.tar.gz)
run policy build --from "deb:$tmp/order.deb" --no-cache
like "$err" 'order.deb: .*data.tar.gz stands where control.tar is expected' "members in another order than dpkg's"
(cd "$tmp/evil" && head -c 300000000 /dev/zero | gzip -9 >data.tar.gz && rm -f ../bomb.deb && ar rc ../bomb.deb debian-binary control.tar.gz data.tar.gz)
run policy build --from "deb:$tmp/bomb.deb" --no-cache
exits 3 "a bomb"
rm -f "$tmp/bomb.deb" "$tmp/evil/data.tar.gz"

# ---- repositories -----------------------------------------------------------
repo=$tmp/repo
mkdir -p "$repo/pool" "$repo/dists/stable/main/binary-amd64" "$repo/dists/stable/main/debian-installer/binary-amd64"
cp "$tmp"/debs/*.deb "$repo/pool"
index() { # index: Packages and Release anew
	(cd "$repo" && dpkg-scanpackages -h sha256 -m pool >dists/stable/main/binary-amd64/Packages 2>/dev/null
	cd dists/stable && rm -f main/binary-amd64/Packages.xz Release InRelease && xz -k main/binary-amd64/Packages
	echo garbage >main/debian-installer/binary-amd64/Packages
	{ printf 'Origin: t\nSuite: stable\nArchitectures: amd64 arm64\nComponents: main\nSHA256:\n'
	for f in main/binary-amd64/Packages main/binary-amd64/Packages.xz main/debian-installer/binary-amd64/Packages; do
		printf ' %s %16d %s\n' "$(sha256sum <"$f" | cut -c1-64)" "$(stat -c %s "$f")" "$f"; done
	printf ' %064d 100 main/binary-arm64/Packages\n' 1; } >Release)
}
index
run policy build --from "deb-repo:$repo" --cache "$tmp/rcache" -o "$tmp/p.json"
exits 0 "a repository"
is "$(files "$tmp/p.json")" "$(files "$tmp/first.json")" "has the files of its packages"
like "$err" 'warning: .*no --keyring was given' "without a keyring its maker is not known, which is said"
like "$err" '1 Packages files that its Release files list are not there' "indexes that were not mirrored are counted"
make_deb five 5 xz; cp "$tmp"/debs/five*.deb "$repo/pool"; index
run policy build --from "deb-repo:$repo/dists/stable" --cache "$tmp/rcache" -o "$tmp/p.json"
like "$err" 'from 5 archives \(4 known from the cache\)' "later only new packages are opened"
run policy build --from "deb-repo:$repo" --arch arm64 --no-cache
exits 3 "an architecture that is not there"
cp -r "$repo" "$tmp/bad"
printf x >>"$tmp/bad/pool/one_1.0-1_all.deb"
run policy build --from "deb-repo:$tmp/bad" --no-cache -o "$tmp/no.json"
exits 3 "a package with another size than the index says"
like "$err" 'pool/one_1.0-1_all.deb: has [0-9]+ bytes, but the index says' "is named"
cp "$repo/pool/one_1.0-1_all.deb" "$tmp/bad/pool/"
printf '\377' | dd of="$tmp/bad/pool/one_1.0-1_all.deb" bs=1 seek=9 conv=notrunc 2>/dev/null
run policy build --from "deb-repo:$tmp/bad" --no-cache -o "$tmp/no.json"
like "$err" 'pool/one_1.0-1_all.deb: its SHA-256 is not the one in the index' "one with other bytes, too"
cp "$repo/pool/one_1.0-1_all.deb" "$tmp/bad/pool/"
echo >>"$tmp/bad/dists/stable/main/binary-amd64/Packages"
run policy build --from "deb-repo:$tmp/bad" --no-cache
exits 3 "an index that the Release file does not know"
like "$err" 'Packages: its size or SHA-256 is not what the Release file says' "is refused"
mkdir "$tmp/flat"; cp "$tmp"/debs/one*.deb "$tmp/flat"; (cd "$tmp/flat" && dpkg-scanpackages -h sha256 . >Packages 2>/dev/null)
run policy build --from "deb-repo:$tmp/flat" --no-cache -o "$tmp/p.json"
exits 0 "a flat repository without a Release file"
like "$err" 'the list of packages was not checked' "which is said"

# Signatures.
if have gpg gpgv; then
	export GNUPGHOME=$tmp/gpg; mkdir -m 700 "$GNUPGHOME"
	gpg -q --batch --passphrase '' --quick-gen-key good ed25519 sign never 2>/dev/null
	gpg -q --batch --passphrase '' --quick-gen-key other ed25519 sign never 2>/dev/null
	gpg -q --export good >"$tmp/good.gpg"; gpg -q --export other >"$tmp/other.gpg"; gpg -q --armor --export good >"$tmp/good.asc"
	suite=$repo/dists/stable
	gpg -q --batch -u good --clearsign -o "$suite/InRelease" "$suite/Release"
	run policy build --from "deb-repo:$repo" --keyring "$tmp/good.gpg" --cache "$tmp/rcache" -o "$tmp/p.json"
	exits 0 "a signed repository"
	is "$(printf '%s' "$err" | grep -c keyring)" 0 "gives no warning"
	run policy build --from "deb-repo:$repo" --keyring "$tmp/other.gpg" --cache "$tmp/rcache"
	exits 3 "signed by another key"
	like "$err" 'no key of the keyring made a valid signature' "is refused"
	run policy build --from "deb-repo:$repo" --keyring "$tmp/good.asc" --cache "$tmp/rcache"
	like "$err" 'gpg --dearmor' "an armored keyring: says how to convert it"
	run policy build --from "deb-repo:$repo" --cache "$tmp/rcache" -o "$tmp/q.json"
	is "$(files "$tmp/q.json")" "$(files "$tmp/p.json")" "without a keyring InRelease is still read"
	sed 's/^Suite: stable/&\nValid-Until: Sat, 01 Jan 2022 00:00:00 UTC/' "$suite/Release" >"$tmp/old"
	gpg -q --batch -u good --clearsign -o - "$tmp/old" >"$suite/InRelease"
	run policy build --from "deb-repo:$repo" --keyring "$tmp/good.gpg" --cache "$tmp/rcache" -o "$tmp/q.json"
	like "$err" 'out of date since Sat, 01 Jan 2022' "an index past its Valid-Until is warned about"
	sed -i 's/^Suite: stable/Suite: forged/' "$suite/InRelease"
	run policy build --from "deb-repo:$repo" --keyring "$tmp/good.gpg" --cache "$tmp/rcache"
	like "$err" 'a signature is bad' "an altered InRelease is refused"
	{ printf 'SHA256:\n'; cat "$suite/InRelease"; } >"$tmp/i"; mv "$tmp/i" "$suite/InRelease"
	run policy build --from "deb-repo:$repo" --cache "$tmp/rcache"
	like "$err" 'text outside its signed part' "text in front of the signed part, too"
	rm "$suite/InRelease"; gpg -q --batch -u good --detach-sign --armor -o "$suite/Release.gpg" "$suite/Release"
	run policy build --from "deb-repo:$repo" --keyring "$tmp/good.gpg" --cache "$tmp/rcache" -o "$tmp/p.json"
	exits 0 "a detached signature"
	echo >>"$suite/Release"
	run policy build --from "deb-repo:$repo" --keyring "$tmp/good.gpg" --cache "$tmp/rcache"
	exits 3 "that is for another text"
	rm "$suite/Release.gpg"
	run policy build --from "deb-repo:$repo" --keyring "$tmp/good.gpg" --cache "$tmp/rcache"
	like "$err" 'is not signed' "no signature where one is wanted"
	index
	gpgconf --kill all 2>/dev/null
else
	skip "signed repositories" "no gpg here"
fi

# Over HTTP.
background python3 -c 'import http.server, os, sys
os.chdir(sys.argv[1])
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
open(sys.argv[2], "w").write(str(s.server_port))
s.serve_forever()' "$repo" "$tmp/port"
for _ in $(seq 100); do [ -s "$tmp/port" ] && break; sleep 0.1; done
url=http://127.0.0.1:$(cat "$tmp/port")
run policy build --from "deb-repo:$url/dists/stable" --no-cache
exits 2 "a URL with several architectures needs --arch"
run policy build --from "deb-repo:$url/dists/stable" --arch amd64 --no-cache -o "$tmp/q.json"
exits 0 "a repository over HTTP"
run policy build --from "deb-repo:$repo" --no-cache -o "$tmp/p.json"
is "$(files "$tmp/q.json")" "$(files "$tmp/p.json")" "gives the same files as the directory"
run policy build --from "deb-repo:$url/dists/none" --arch amd64 --no-cache
exits 3 "a suite that is not there"
run policy build --from "deb-repo:http://127.0.0.1:1/dists/stable" --arch amd64 --no-cache
exits 3 "a server that is not there"
like "$err" 'onnect' "which is said"

# ---- .rpm -------------------------------------------------------------------
make_rpm() { # make_rpm NAME MACRO...
	local name=$1; shift
	cat >"$tmp/$name.spec" <<-SPEC
	Name: $name
	Version: 1.2
	Release: 3
	Summary: t
	License: none
	Epoch: 4
	%description
	t
	%install
	mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/$name/dir
	echo $name > %{buildroot}/usr/bin/$name
	head -c 200000 /dev/zero > %{buildroot}/usr/share/$name/zeros
	: > %{buildroot}/usr/share/$name/empty
	ln %{buildroot}/usr/bin/$name %{buildroot}/usr/bin/$name-again
	ln -s $name %{buildroot}/usr/bin/$name-soft
	echo c > %{buildroot}/etc/$name.conf
	touch %{buildroot}/usr/share/$name/ghost
	%files
	/usr/bin/*
	%config /etc/$name.conf
	%dir /usr/share/$name/dir
	/usr/share/$name/zeros
	/usr/share/$name/empty
	%ghost /usr/share/$name/ghost
	SPEC
	rpmbuild -bb --quiet --define "_topdir $tmp/rpmbuild" --define "_rpmdir $tmp/rpms" --define "__gpg /bin/true" \
		--define '_build_name_fmt %%{NAME}.rpm' --target noarch "$@" "$tmp/$name.spec" >/dev/null 2>"$tmp/rpm.log" || diag "$(cat "$tmp/rpm.log")"
}
unrpm() { rm -rf "$tmp/x"; mkdir "$tmp/x"; (cd "$tmp/x" && rpm2cpio "$1" | cpio -idm --quiet 2>/dev/null); }
if have rpmbuild rpm2cpio cpio; then
	mkdir -p "$tmp/rpms"
	make_rpm strong --define '_binary_filedigest_algorithm 8'
	make_rpm md5 --define '_binary_filedigest_algorithm 1'
	make_rpm sha512 --define '_binary_filedigest_algorithm 10'
	make_rpm gz --define '_binary_payload w9.gzdio' --define '_binary_filedigest_algorithm 2'
	make_rpm zst --define '_binary_payload w3.zstdio' --define '_binary_filedigest_algorithm 1'
	make_rpm bz --define '_binary_payload w9.bzdio' --define '_binary_filedigest_algorithm 1'
	for n in strong md5 sha512 gz zst bz; do
		unrpm "$tmp/rpms/$n.rpm"
		run policy build --from "rpm:$tmp/rpms/$n.rpm" -o "$tmp/p.json"
		same "$tmp/p.json" "$tmp/x" "$n.rpm: as rpm2cpio unpacks it"
	done
	run policy build --from "rpm:$tmp/rpms/strong.rpm" -o "$tmp/p.json"
	is "$(printf '%s' "$err" | grep -c hashed)" 0 "strong digests come from the header"
	is "$(packages "$tmp/p.json")" "strong 4:1.2-3 noarch" "name, epoch, version, release and architecture"
	run policy build --from "rpm:$tmp/rpms" -o "$tmp/p.json"
	like "$err" 'from 6 archives' "a directory of packages"
	python3 - "$tmp/rpms/strong.rpm" "$tmp/altered.rpm" <<-'PY'
	import sys
	d = bytearray(open(sys.argv[1], "rb").read())
	at = d.index(b"/usr/share/strong/\0", 200)
	d[at + 12:at + 18] = b"strunk"
	open(sys.argv[2], "wb").write(d)
	PY
	run policy build --from "rpm:$tmp/altered.rpm"
	exits 3 "a header that was altered"
	like "$err" 'altered.rpm: its header is not the one its SHA-256 belongs to' "is noticed"
else
	skip "RPM packages" "no rpmbuild here"
fi
finish
