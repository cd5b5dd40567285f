#!/bin/sh
# Makes small.deb, small.rpm, cache.bin and the corpora that begin with them.  Needs
# dpkg-deb, rpmbuild, cpio, xz, zstd, lz4, lzop, python3 and a built assay.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
d=$tmp/d
mkdir -p "$d/DEBIAN" "$d/usr/bin"
printf 'Package: small\nVersion: 1:2.3-4\nArchitecture: all\nMaintainer: t <t@t>\nDescription: t\n' >"$d/DEBIAN/control"
echo one >"$d/usr/bin/one"; ln "$d/usr/bin/one" "$d/usr/bin/two"; ln -s one "$d/usr/bin/three"
find "$d" -exec touch -h -d @1700000000 {} +
SOURCE_DATE_EPOCH=1700000000 dpkg-deb --root-owner-group -Zgzip -b "$d" small.deb >/dev/null
cat >"$tmp/small.spec" <<'SPEC'
Name: small
Epoch: 1
Version: 2.3
Release: 4
Summary: t
License: none
%description
t
%install
mkdir -p %{buildroot}/usr/bin
echo one > %{buildroot}/usr/bin/one
ln -s one %{buildroot}/usr/bin/three
touch %{buildroot}/usr/bin/ghost
%files
/usr/bin/one
/usr/bin/three
%ghost /usr/bin/ghost
SPEC
rpmbuild -bb --quiet --target noarch --define "_topdir $tmp/rpm" --define "_rpmdir $tmp" \
	--define '_build_name_fmt %%{NAME}.rpm' --define '_binary_filedigest_algorithm 8' \
	--define '_binary_payload w9.gzdio' --define '_buildhost localhost' "$tmp/small.spec" >/dev/null
cp "$tmp/small.rpm" small.rpm
assay=${ASSAY:-../../../build/assay}
"$assay" policy build --from deb:small.deb --cache "$tmp/cache" -o "$tmp/policy.json" 2>/dev/null
cp "$tmp"/cache/*/* cache.bin
