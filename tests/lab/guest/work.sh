# shellcheck shell=sh
# The work of the recording guests: each function makes the kernel write some
# kind of entry.  /job of a case calls them in its order, then save.  The tools
# run from the initramfs (tmpfs), which no policy here measures; what is to be
# measured lies on the ext4 disk under /mnt.

# The controllers are probed behind our back and in no fixed order: the first
# disk is the one whose serial number is 1; $spare is the other, empty one.
disk()
{
	i=0
	while [ $i -lt 100 ]; do
		[ ! -b /dev/nvme0n1 ] || [ ! -b /dev/nvme1n1 ] || break
		i=$((i + 1))
		usleep 100000
	done
	first=/dev/nvme0n1 spare=/dev/nvme1n1
	read -r n </sys/class/nvme/nvme0/serial
	# shellcheck disable=SC2034 # the jobs use $spare
	[ "$n" = 1 ] || { first=/dev/nvme1n1 spare=/dev/nvme0n1; }
	mount -t ext4 $first /mnt
}

# A program, a script, and files root reads.
files()
{
	/mnt/bin/tool true
	/mnt/bin/script
	cat /mnt/etc/plain '/mnt/etc/with space' /mnt/etc/empty \
	    /mnt/long/*/*/* >/dev/null
}

# Names that are no text; after the line end the ASCII list is of no use.
odd_names()
{
	cat /mnt/etc/bytes* /mnt/etc/line*feed >/dev/null
}

# Files with security.ima, security.evm and other attributes, other owners.
labelled()
{
	/mnt/signed/rsa true
	/mnt/signed/ec true
	cat /mnt/signed/hash /mnt/signed/evm /mnt/signed/caps \
	    /mnt/signed/user /mnt/signed/ima+evm >/dev/null
}

# A file changed between two runs of it, and a module.
changes()
{
	/mnt/bin/script
	echo '# changed' >>/mnt/bin/script
	/mnt/bin/script
	insmod /mnt/lib/dm-mod.ko 2>/dev/null
}

violations()
{
	# ToMToU: opened for writing while a measured reader has it open.
	exec 5</mnt/etc/plain
	echo more >>/mnt/etc/plain
	exec 5<&-
	# open_writers: measured while a writer has it open.
	exec 6>>/mnt/etc/log
	cat /mnt/etc/log >/dev/null
	echo line >&6
	cat /mnt/etc/log >/dev/null
	exec 6>&-
	cat /mnt/etc/log >/dev/null
}

verity()
{
	/poke verity /mnt/bin/verity
	/mnt/bin/verity true
	/mnt/bin/tool true
}

# All lines through one descriptor, one rule a write(): what the kernel wants.
policy()
{
	while read -r l; do
		echo "$l"
	done >/sys/kernel/security/ima/policy <<END
$1
END
}

# PCRs of all banks, the lists, then the PCRs again: nothing may be in between.
pcrs()
{
	for b in /sys/class/tpm/tpm0/pcr-*; do
		[ -d "$b" ] || continue
		for i in 0 1 2 3 4 5 6 7 8 9 10 11 12; do
			echo "${b##*-} $i $(cat "$b/$i")"
		done
	done
}

save()
{
	cd /sys/kernel/security/ima || return
	pcrs >"$1/pcrs.before"
	cat binary_runtime_measurements >"$1/list.bin"
	cat ascii_runtime_measurements >"$1/list.ascii"
	for f in binary_runtime_measurements_*; do
		[ -e "$f" ] || continue
		cat "$f" >"$1/list_${f##*_}.bin"
		cat "ascii_runtime_measurements_${f##*_}" \
		    >"$1/list_${f##*_}.ascii"
	done
	cat violations >"$1/violations"
	cat runtime_measurements_count >"$1/count"
	pcrs >"$1/pcrs.after"
	cd /
}

# The same kernel and initramfs once more, with another command line.
again()
{
	# Loading measures the two files, so it comes before the list is saved;
	# $late: more work, after the list was saved.
	/poke kexec-load /mnt/boot/vmlinuz /mnt/boot/initrd \
	    "$(cat /proc/cmdline) assay_again" &&
	    mkdir /mnt/first && save /mnt/first && ${late:-true} && /poke kexec
}
