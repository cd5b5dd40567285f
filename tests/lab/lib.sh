# shellcheck shell=bash
# What the laboratory scripts share: where Debian's kernels are unpacked, how
# the initramfs is made, and how one virtual machine is run from start to end.
#
# The machines that lab_boot runs have no network.  What goes in is part of the initramfs or of a
# disk image, what comes out is one tar stream on the second serial port: no
# driver has to be loaded before a result can be returned, and a guest that
# hangs leaves nothing half-written on the host.

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_TOP=$(cd "$LAB_DIR/../.." && pwd)
LAB_CACHE=${ASSAY_LAB_CACHE:-$LAB_TOP/build/lab}
# Software emulation works everywhere, nested KVM does not: it must be asked for.
LAB_ACCEL=${ASSAY_LAB_ACCEL:-tcg}
# Seconds after which a guest is taken for hung.
LAB_TIMEOUT=${ASSAY_LAB_TIMEOUT:-120}

lab_die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 3
}

# lab_need(tool...): the tools must be there; 3 ("could not decide") if not.
lab_need()
{
	local t

	for t; do
		command -v "$t" >/dev/null ||
		    lab_die "the program '$t' is not installed"
	done
}

# lab_lock([what]): hold the cache, or that part of it, until this process, or the subshell that calls it, ends:
# two tests that start together must not fill the same folder.  Who comes second
# waits, and then finds what the first one left.
lab_lock()
{
	lab_need flock
	mkdir -p "$LAB_CACHE"
	exec 9>"$LAB_CACHE/lock${1:+-$1}"
	flock 9
}

# lab_kernel(version): print the folder of an unpacked kernel: vmlinuz, config,
# release (a file with its full release name) and lib/modules.  "own" is built
# from source, the others are Debian's.
lab_kernel()
{
	local d=$LAB_CACHE/kernel-$1

	if [ "$1" = own ]; then
		"$LAB_DIR/own-kernel.sh" >&2 || exit 3
	elif [ ! -f "$d/release" ]; then
		"$LAB_DIR/kernels.sh" "$1" >/dev/null || exit 3
	fi
	[ -f "$d/release" ] || lab_die "no kernel $1 in $LAB_CACHE"
	printf '%s\n' "$d"
}

# lab_guest_tool(name): build guest/NAME.c statically, print the path.
lab_guest_tool()
{
	local src=$LAB_DIR/guest/$1.c out=$LAB_CACHE/guest/$1

	if [ ! -x "$out" ] || [ "$src" -nt "$out" ]; then
		mkdir -p "$LAB_CACHE/guest"
		${CC:-gcc} -std=gnu17 -O1 -Wall -Wextra -Werror -static \
		    -o "$out.$$" "$src" || lab_die "cannot build $src"
		mv "$out.$$" "$out"
	fi
	printf '%s\n' "$out"
}

# lab_modules(kernel folder, initramfs folder, module...): put modules into an
# initramfs, unpacked, so that the guest's modprobe finds them and the kernel
# can ask for them by itself.  A module the kernel does not have is left out:
# what is a module in one release is built in or gone in the next.
lab_modules()
{
	local kernel=$1 root=$2 rel dir m f
	shift 2

	rel=$(cat "$kernel/release")
	dir=$root/lib/modules/$rel
	mkdir -p "$dir"
	cp "$kernel/lib/modules/$rel/"modules.{builtin,order} "$dir/"
	for m; do
		f=$(find "$kernel/lib/modules/$rel" -name "$m.ko*" -print -quit)
		case $f in
		*.xz) xz -dc "$f" >"$dir/$m.ko" ;;
		*.ko) cp "$f" "$dir/" ;;
		esac
	done
	busybox depmod -b "$root" "$rel"
}

# lab_initramfs(folder, output): pack a folder as an initramfs, with busybox,
# its applets and, if it has no /init of its own, the common one.
lab_initramfs()
{
	local root=$1 out=$2 bb

	bb=$(command -v busybox) || lab_die "busybox is not installed"
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,out,mnt}
	cp "$bb" "$root/bin/busybox"
	ln -sf bin "$root/sbin"
	[ -e "$root/init" ] || cp "$LAB_DIR/guest/init" "$root/init"
	chmod 755 "$root/init"
	(cd "$root" && find . -print0 | LC_ALL=C sort -z |
	    cpio --null -o -H newc --quiet -R 0:0) >"$out"
}

# lab_boot(kernel folder, initramfs, command line, output folder, qemu
# argument...): run the machine until it stops; its /out is then in the output
# folder, beside console.log.  Fails if the guest did not reach its last line.
lab_boot()
{
	local kernel=$1 initrd=$2 cmdline=$3 out=$4
	shift 4

	mkdir -p "$out"
	timeout "$LAB_TIMEOUT" qemu-system-x86_64 -accel "$LAB_ACCEL" \
	    -m 512 -nodefaults -display none -no-reboot -rtc base=utc \
	    -kernel "$kernel/vmlinuz" -initrd "$initrd" \
	    -append "console=ttyS0 panic=-1 $cmdline" \
	    -serial "file:$out/console.log" -serial "file:$out/out.tar" \
	    "$@" </dev/null >"$out/qemu.log" 2>&1 ||
	    lab_die "the machine did not stop by itself; see $out/console.log"
	tar -xf "$out/out.tar" -C "$out" 2>/dev/null || :
	[ -f "$out/done" ] ||
	    lab_die "the guest did not finish; see $out/console.log"
}

# lab_loaders(): the folder with Debian's boot loaders, unpacked, not installed.
lab_loaders()
(
	loaders=$LAB_CACHE/loaders
	lab_need apt-get dpkg-deb
	lab_lock
	if [ ! -d "$loaders" ]; then
		rm -rf "$loaders.new"
		mkdir -p "$loaders.new"
		(cd "$loaders.new" && apt-get download -qq grub-efi-amd64-signed shim-signed systemd-boot-efi) >&2
		for p in "$loaders.new"/*.deb; do dpkg-deb -x "$p" "$loaders.new" && rm "$p"; done
		mv "$loaders.new" "$loaders"
	fi
	printf '%s\n' "$loaders"
)

# lab_sign(in, out): with Debian's test key, whose passphrase is no secret.
lab_sign()
{
	local dir=/usr/share/ovmf key

	lab_need sbsign openssl
	key=$(mktemp)
	openssl rsa -in "$dir/PkKek-1-snakeoil.key" -passin pass:snakeoil -out "$key" 2>/dev/null
	sbsign --key "$key" --cert "$dir/PkKek-1-snakeoil.pem" --output "$2" "$1" 2>/dev/null
	rm -f "$key"
}

# lab_uki(kernel, initrd, command line, output): one signed image that the firmware starts.
lab_uki()
{
	local tmp stub

	lab_need objcopy
	stub=$(lab_loaders)/usr/lib/systemd/boot/efi/linuxx64.efi.stub
	tmp=$(mktemp -d)
	printf '%s' "$3" >"$tmp/cmdline"
	printf 'ID=lab\n' >"$tmp/osrel"
	objcopy --add-section .osrel="$tmp/osrel" --change-section-vma .osrel=0x20000 \
	    --add-section .cmdline="$tmp/cmdline" --change-section-vma .cmdline=0x30000 \
	    --add-section .linux="$1" --change-section-vma .linux=0x2000000 \
	    --add-section .initrd="$2" --change-section-vma .initrd=0x4000000 \
	    "$stub" "$tmp/uki.efi"
	lab_sign "$tmp/uki.efi" "$4"
	rm -rf "$tmp"
}

# lab_esp_disk(tree, disk): the tree as a GPT disk with one partition; identifiers are fixed, so
# that the GPT event is the same each time.
lab_esp_disk()
{
	lab_need sfdisk mformat mcopy
	rm -f "$2"
	truncate -s 96M "$2"
	printf 'label: gpt\nlabel-id: 6B1A9E3C-77D2-4F57-9B52-0C1D2E3F4A5B\n%s\n' \
	    'start=2048, type=U, uuid=0F8E7D6C-5B4A-4938-A716-253443526170, name="lab esp"' |
	    sfdisk -q "$2"
	mformat -i "$2@@1M" -F -v LAB -N 12345678 ::
	(cd "$1" && mcopy -s -i "$2@@1M" ./* ::)
}
