#!/bin/sh
# Makes the seeds of the archive readers.  Needs cpio, tar, gzip, bzip2, xz, lzma, zstd,
# lz4, lzop and python3, and tests/golden/packages.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
mkdir -p initramfs tar deb "$tmp/t/bin" "$tmp/t/etc"
echo one >"$tmp/t/bin/one"; ln "$tmp/t/bin/one" "$tmp/t/bin/two"; ln -s bin "$tmp/t/sbin"; : >"$tmp/t/etc/empty"
find "$tmp/t" -exec touch -h -d @1700000000 {} +
(cd "$tmp/t" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc) | head -c 1400 >"$tmp/all"
(cd "$tmp/t" && printf 'bin\nbin/one\nbin/two\nsbin\n' | cpio --quiet --reproducible -o -H newc) >"$tmp/cpio"
cp "$tmp/cpio" initramfs/plain
for c in "gzip -n" bzip2 "xz --check=crc32" lzma "zstd -q" "lz4 -q" "lz4 -l -q" lzop; do
	$c <"$tmp/cpio" >"initramfs/$(echo "$c" | tr -d ' =-')"
done
{ cat "$tmp/cpio"; head -c 8 /dev/zero; gzip -n <"$tmp/cpio"; } >initramfs/two
for f in gnu pax ustar; do
	{ printf '\000'; tar -C "$tmp/t" --sort=name --owner=0 --group=0 --mtime=@1700000000 --format=$f -b 1 -cf - bin sbin; } >"tar/$f"
done
mkdir "$tmp/l"; : >"$tmp/l/.wh.one"; : >"$tmp/l/.wh..wh..opq"
{ printf '\001'; tar -C "$tmp" --sort=name --owner=0 --group=0 --mtime=@1700000000 -b 1 -cf - l; } >tar/layer
cp ../../golden/packages/small.deb deb/small.deb
cp ../../golden/packages/cache.bin deb/cache.bin
python3 - <<'PY'
import struct
d = open("../../golden/packages/small.rpm", "rb").read()
def size(at): n, s = struct.unpack(">II", d[at + 8:at + 16]); return 16 + 16 * n + s
sig = size(96); at = 96 + (sig + 7) // 8 * 8
open("deb/rpm-main", "wb").write(d[at:at + size(at)])
PY
