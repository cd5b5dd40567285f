#!/bin/bash
# policy build initramfs, tar: what the kernel, tar or a container engine would unpack, with
# the digests of what they would write; nothing is unpacked, and hostile archives are refused.
. "${0%/*}/lib.sh"
files() { python3 "$here/policy_files.py" "$@"; }
same() { # same POLICY TREE DESCRIPTION
	files "$1" >"$tmp/got"; files --tree "$2" >"$tmp/want"
	[ -s "$tmp/want" ] && cmp -s "$tmp/got" "$tmp/want"; local r=$?
	ok $r "$3"; [ $r = 0 ] || diag "$(diff "$tmp/got" "$tmp/want" | head -20)"
}
pack() { (cd "$1" && find . -mindepth 1 -printf '%P\0' | sort -z | cpio --quiet -0 -o -H newc); }

# ---- initramfs --------------------------------------------------------------
main=$tmp/main early=$tmp/early all=$tmp/all
mkdir -p "$main/usr/bin" "$main/etc" "$main/dev" "$early/kernel/x86/microcode"
head -c 400000 /dev/urandom >"$early/kernel/x86/microcode/AuthenticAMD.bin"
echo '#!/bin/sh' >"$main/init"; head -c 100000 /dev/urandom >"$main/usr/bin/busybox"; : >"$main/etc/empty"
for n in sh ls cat; do ln "$main/usr/bin/busybox" "$main/usr/bin/$n"; done
ln -s usr/bin "$main/bin"; mkfifo "$main/dev/initctl"; echo n >"$main/etc/"$'new\nline'; echo b >"$main/etc/"$'by\xff'
cp -a "$early" "$all"; cp -a "$main/." "$all"
pack "$early" >"$tmp/early.cpio"; pack "$main" >"$tmp/main.cpio"
cat "$tmp/early.cpio" "$tmp/main.cpio" >"$tmp/plain"
run policy build --from "initramfs:$tmp/plain" -o "$tmp/p.json"
same "$tmp/p.json" "$all" "two plain archives"
like "$err" 'from 2 archives.*1 symbolic links, 1 others' "parts, links and devices are counted"
try() { # try NAME COMMAND...: the early part plain, the main part compressed
	local name=$1; shift
	if ! have "$1"; then skip "$name" "$1 is not here"; return; fi
	{ cat "$tmp/early.cpio"; head -c 1000 /dev/zero; "$@" <"$tmp/main.cpio"; } >"$tmp/$name"
	run policy build --from "initramfs:$tmp/$name" -o "$tmp/p.json"
	same "$tmp/p.json" "$all" "early archive and $name"
}
try gzip gzip -9; try xz xz --check=crc32; try lzma lzma; try bzip2 bzip2; try zstd zstd -q -19
try lz4-legacy lz4 -l -q; try lz4-frame lz4 -q; try lzop lzop
# Compressed parts one after the other, a plain one behind them.
mkdir -p "$tmp/extra/etc"; echo extra >"$tmp/extra/etc/extra"; echo replaced >"$tmp/extra/init"
pack "$tmp/extra" >"$tmp/extra.cpio"; cp -a "$tmp/extra/." "$all"
for c in "gzip" "xz --check=crc32" "zstd -q" "bzip2" "lzop"; do
	have "${c%% *}" || { skip "$c, then a plain archive" "not here"; continue; }
	{ $c <"$tmp/early.cpio"; $c <"$tmp/main.cpio"; } >"$tmp/multi"
	while [ $(($(stat -c %s "$tmp/multi") % 4)) != 0 ]; do printf '\0' >>"$tmp/multi"; done
	cat "$tmp/extra.cpio" >>"$tmp/multi"
	run policy build --from "initramfs:$tmp/multi" -o "$tmp/p.json"
	same "$tmp/p.json" "$all" "two $c parts, then a plain archive that replaces a file"
done
{ cat "$tmp/main.cpio" "$tmp/extra.cpio"; } | gzip >"$tmp/inside"
run policy build --from "initramfs:$tmp/early.cpio" --from "initramfs:$tmp/inside" -o "$tmp/p.json"
is "$(files "$tmp/p.json" | grep -c ' /init$')" 1 "archives inside one compressed part: the last file counts"
for n in gzip xz zstd bzip2 lz4-legacy plain lzop; do
	[ -e "$tmp/$n" ] || continue
	head -c -500 "$tmp/$n" >"$tmp/cut"
	run policy build --from "initramfs:$tmp/cut"
	is "$status" 3 "$n, cut"
	python3 -c 'import sys; d=bytearray(open(sys.argv[1],"rb").read()); d[-30000]^=1; d[-29990]^=255; open(sys.argv[2],"wb").write(d)' "$tmp/$n" "$tmp/flip"
	run policy build --from "initramfs:$tmp/flip" -o "$tmp/q.json"
	[ "$n" = plain ] || [ "$n" = lz4-legacy ] || is "$status" 3 "$n, damaged"	# these two have no checksum
done
{ cat "$tmp/main.cpio"; echo junk; } >"$tmp/junk"
run policy build --from "initramfs:$tmp/junk"
exits 3 "something else behind the archives"
like "$err" 'junk: byte [0-9]+: neither a cpio archive nor' "is named by its place"
sed 's,etc/empty,../x/leak,; s,usr/bin/sh,../../bin/x,' <"$tmp/main.cpio" >"$tmp/leave"
run policy build --from "initramfs:$tmp/leave"
like "$err" 'leaves its directory' "a name with .. is refused"
real=$(find /boot -name 'initrd.img-*' 2>/dev/null | head -1)
if [ -n "$real" ] && have unmkinitramfs; then
	unmkinitramfs "$real" "$tmp/real"; unpacked=$tmp/real; [ ! -d "$tmp/real/main" ] || unpacked=$tmp/real/main
	run policy build --from "initramfs:$real" -o "$tmp/p.json"
	files --tree "$unpacked" >"$tmp/want"; files "$tmp/p.json" >"$tmp/got"
	is "$(comm -13 <(sort "$tmp/got") <(sort "$tmp/want"))" "" "this machine's own, as unmkinitramfs unpacks it"
else
	skip "this machine's own" "it has none"
fi

# ---- tar --------------------------------------------------------------------
t=$tmp/tree
mkdir -p "$t/usr/bin" "$t/etc/d"; echo one >"$t/usr/bin/one"; ln "$t/usr/bin/one" "$t/etc/hard"; ln -s one "$t/usr/bin/soft"
echo n >"$t/etc/"$'new\nline'; echo b >"$t/etc/"$'by\xff'; echo g >"$t/etc/grün"; mkfifo "$t/etc/pipe"
mkdir "$t/$(printf 'x%.0s' {1..150})"; echo l >"$t/$(printf 'x%.0s' {1..150})/$(printf 'y%.0s' {1..120})"
truncate -s 5M "$t/sparse"; echo end >>"$t/sparse"
for f in gnu pax; do
	tar -C "$t" --format=$f --sparse -cf "$tmp/$f.tar" .
	run policy build --from "tar:$tmp/$f.tar" -o "$tmp/p.json"
	same "$tmp/p.json" "$t" "$f tar with sparse files, long and odd names"
done
for c in gzip xz bzip2 zstd lz4; do
	have $c || continue
	$c -q <"$tmp/pax.tar" >"$tmp/tar.$c"
	LC_ALL=C run policy build --from "tar:$tmp/tar.$c" -o "$tmp/p.json"
	same "$tmp/p.json" "$t" "the same in $c"
done
cat "$tmp/tar.gzip" "$tmp/tar.xz" >"$tmp/tar.two"
run policy build --from "tar:$tmp/tar.two"
exits 3 "other data behind the compressed ones"
head -c 300000000 /dev/zero | gzip -9 >"$tmp/bomb.gz"
run policy build --from "tar:$tmp/bomb.gz"
like "$err" 'bomb.gz: byte [0-9]+: the gzip data expand more than 1000 times' "a bomb"
python3 - "$tmp" <<'PY'
import io, sys, tarfile
def make(name, *entries):
    with tarfile.open(sys.argv[1] + "/" + name, "w") as t:
        for n, kind, link in entries:
            i = tarfile.TarInfo(n); i.type = kind; i.linkname = link; t.addfile(i)
R, S, H = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
make("dots.tar", ("a/../../b", R, ""))
make("loop.tar", ("a", S, "b"), ("b", S, "a"), ("a/x", R, ""))
make("nolink.tar", ("a", H, "missing"))
make("outside.tar", ("out", S, "../../../etc"), ("out/passwd", R, ""))
PY
run policy build --from "tar:$tmp/dots.tar"
like "$err" '"a/\.\./\.\./b" leaves its directory' "a name with .. is refused"
run policy build --from "tar:$tmp/loop.tar"
like "$err" '/a/x.*too many symbolic links' "links in a circle"
run policy build --from "tar:$tmp/nolink.tar"
like "$err" 'hard link to a file that did not come before' "a hard link to nothing"
run policy build --from "tar:$tmp/outside.tar" -o "$tmp/p.json"
like "$(files "$tmp/p.json")" ' /etc/passwd$' "a link out of the tree ends at its root"

# ---- container images -------------------------------------------------------
i=$tmp/image; mkdir "$i"; python3 "$here/make_image.py" "$i"
run policy build --from "tar:$i/layout" -o "$tmp/p.json"
same "$tmp/p.json" "$i/tree" "an OCI layout: layers in order, whiteouts, opaque directories, links"
like "$err" 'from 3 archives' "three layers"
tar -C "$i/layout" -cf "$i/layout.tar" .; tar -C "$i/layout" -czf "$i/layout.tar.gz" index.json oci-layout blobs
for f in layout.tar layout.tar.gz docker.tar; do
	run policy build --from "tar:$i/$f" -o "$tmp/p.json"
	same "$tmp/p.json" "$i/tree" "$f"
done
run policy build --from "tar:$i/two"
exits 2 "an image for two architectures"
like "$err" 'several architectures: say which with --arch' "asks which"
run policy build --from "tar:$i/two" --arch amd64 -o "$tmp/p.json"
same "$tmp/p.json" "$i/tree" "one of them"
run policy build --from "tar:$i/two" --arch arm64 -o "$tmp/p.json"
is "$(files "$tmp/p.json" | cut -d' ' -f2)" /other "the other"
big=$(find "$i/layout/blobs" -type f -size +1k -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
cp "$big" "$tmp/blob"; printf x >>"$big"
run policy build --from "tar:$i/layout"
exits 3 "a layer that is not what its name says"
rm "$big"
run policy build --from "tar:$i/layout"
exits 3 "a layer that is missing"
finish
