#!/bin/bash
# Build the laboratory's own kernel, "own", from Debian's linux-source-6.12 and
# own-kernel.config: what Debian's binary kernels leave out of IMA (IMA_KEXEC,
# modsig, trusted keyrings, trusted keys).  Minutes of work, again only when
# own-kernel.config has changed; needs gcc, make, flex, bison, bc, libelf-dev,
# libssl-dev.
#
# Ends as $ASSAY_LAB_CACHE/kernel-own/{vmlinuz,config,wanted,release,lib/modules/},
# sign-file and signing_key.pem, the key (made by the build) whose certificate is built in.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
lab_need apt-get dpkg-deb gcc make flex bison bc xz tar

lab_lock own	# for minutes; who wants another kernel need not wait
out=$LAB_CACHE/kernel-own
if [ -f "$out/release" ] && cmp -s "$LAB_DIR/own-kernel.config" "$out/wanted"; then
	exit 0
fi
src=$LAB_CACHE/src
mkdir -p "$src"
cd "$src"
if [ ! -d linux-source-6.12 ]; then
	[ -n "$(compgen -G 'linux-source-6.12_*.deb')" ] ||
	    apt-get download linux-source-6.12
	dpkg-deb --fsys-tarfile linux-source-6.12_*.deb |
	    tar -xO ./usr/src/linux-source-6.12.tar.xz | tar -xJ
fi
cd linux-source-6.12
make -s tinyconfig
scripts/kconfig/merge_config.sh -m .config "$LAB_DIR/own-kernel.config" >/dev/null
make -s olddefconfig
# A line that did not survive (a missing dependency) would go unnoticed.
grep '^CONFIG_' "$LAB_DIR/own-kernel.config" | while read -r line; do
	grep -qxF -- "$line" .config || echo "own-kernel.config: no effect: $line" >&2
done
nice make -s -j"$(nproc)" bzImage modules
rm -rf "$out"
mkdir -p "$out"
make -s INSTALL_MOD_PATH="$out" modules_install
cp arch/x86/boot/bzImage "$out/vmlinuz"
cp .config "$out/config"
cp "$LAB_DIR/own-kernel.config" "$out/wanted"
cp certs/signing_key.pem "$out/"
cp scripts/sign-file "$out/"
make -s kernelrelease >"$out/release"
rm -rf "$src"
