#!/bin/bash
# Fetch Debian's cloud kernels for the laboratory and unpack them, without
# installing them:  kernels.sh [VERSION...]   (default: 6.1 6.12)
#
# The packages come from the sources apt already knows on this machine (Debian
# 12 with its security archive has both).  Each version ends as
# $ASSAY_LAB_CACHE/kernel-VERSION/{vmlinuz,config,release,lib/modules/}.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
lab_need apt-get apt-cache dpkg-deb

# candidates(version): package names, newest first; a signed image before the
# unsigned one of the same release (same code, the signature is not used here).
candidates()
{
	apt-cache pkgnames "linux-image-$1." |
	    grep -E "^linux-image-${1//./\\.}\.[0-9][^-]*(-[0-9]+)?-cloud-amd64(-unsigned)?$" |
	    awk '{ u = sub(/-unsigned$/, ""); print $0, u }' |
	    sort -k1,1Vr -k2,2n |
	    awk '{ print $1 ($2 ? "-unsigned" : "") }'
}

# fetch(version): leave the package in the cache, print its file name.  Names
# that apt knows only from old lists cannot be downloaded: try the next one.
fetch()
{
	local p dir=$LAB_CACHE/deb-$1

	rm -rf "$dir"
	mkdir -p "$dir"
	for p in $(candidates "$1"); do
		if (cd "$dir" && apt-get download "$p") >&2; then
			echo "$dir"/*.deb
			return 0
		fi
	done
	lab_die "apt knows no linux-image-$1.*-cloud-amd64 that can be downloaded (apt-get update?)"
}

unpack()
{
	local v=$1 deb=$2 dir=$LAB_CACHE/kernel-$1 tmp=$LAB_CACHE/kernel-$1.new rel

	rm -rf "$tmp" "$dir"
	dpkg-deb -x "$deb" "$tmp"
	rel=$(basename "$tmp"/boot/vmlinuz-*)
	rel=${rel#vmlinuz-}
	mv "$tmp/boot/vmlinuz-$rel" "$tmp/vmlinuz"
	mv "$tmp/boot/config-$rel" "$tmp/config"
	rm -rf "${tmp:?}/boot" "${tmp:?}/usr"
	printf '%s\n' "$rel" >"$tmp/release"
	mv "$tmp" "$dir"
}

[ $# -gt 0 ] || set -- 6.1 6.12
# shellcheck disable=SC2119 # the whole cache, whatever was asked for
lab_lock
for v; do
	if [ ! -f "$LAB_CACHE/kernel-$v/release" ]; then
		deb=$(fetch "$v")
		unpack "$v" "$deb"
		rm -rf "$LAB_CACHE/deb-$v"
	fi
	printf '%s\t%s\n' "$v" "$(cat "$LAB_CACHE/kernel-$v/release")"
done
