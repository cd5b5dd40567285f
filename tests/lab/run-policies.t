#!/bin/bash
# The laboratory's promise: run-policies reports what the kernels do, whatever
# bytes a rule is made of, and installs nothing.  Each line here was looked up in
# the kernel's source first, so a wrong tool is noticed.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "${0%/*}/../e2e/lib.sh"
export ASSAY_LAB_CACHE=${ASSAY_LAB_CACHE:-${ASSAY_BUILD:-$source_dir/build}/lab}

# verdicts KERNEL FILE OPTION...: the first column only; equal ones in a row are
# written once, with their number.
verdicts() {
	local kernel=$1 file=$2
	shift 2
	"$here/run-policies" "$@" "$kernel" "$tmp/$file" | cut -f 1 | uniq -c |
	    awk '{ print ($1 > 1 ? $1 "*" : "") $2 }' | paste -s -d ' '
}

if ! have qemu-system-x86_64 busybox cpio xz gcc; then
	skip "run-policies" "no QEMU or busybox (tools/bootstrap lab)"
	finish
fi
if ! "$here/kernels.sh" >"$tmp/kernels" 2>"$tmp/err"; then
	skip "run-policies" "Debian's kernels cannot be downloaded here"
	finish
fi

blanks=$(printf '%5000s' '')
{
	# Odd bytes, comments, lines of more than 4095 bytes.
	printf '%s\n' 'measure func=BPRM_CHECK' $'measure\tuid=0' 'path=/bin/sh' \
	    'uid=0' $'audit\r' $'measure fsname=ext4\r' '# text' '' \
	    $' \t # indented' 'measure # trailing' "measure ${blanks}uid=0" \
	    "#${blanks:0:4095}measure"
	# Hundreds in one boot.
	seq -f 'measure func=FILE_CHECK uid=%.0f' 0 499
	# A NUL ends the line; at the end there is no line end.
	printf 'measure\0audit\nmeasure\0foo\nmeasure func=MMAP_CHECK_REQPROT'
} >"$tmp/rules"
printf '%s\n' 'measure' 'audit' --- '# nothing' --- 'measure' 'foo' --- \
    'audit' >"$tmp/policies"

odd='2*accept 3*refuse accept 3*ignore'
is "$(verdicts 6.1 rules)" "$odd 2*refuse 502*accept 2*refuse" \
    "6.1: rules as they are written"
is "$(verdicts 6.12 rules)" "$odd 2*refuse 502*accept refuse accept" \
    "6.12: rules as they are written, and one that 6.1 does not know"
for kernel in 6.1 6.12; do
	is "$(verdicts $kernel rules -p)" "$odd refuse accept ignore 500*accept 3*refuse" \
	    "$kernel: the same, read by the kernel: no limit, no NUL, a last line end"
	is "$(verdicts $kernel policies -w)" "accept 2*refuse accept" \
	    "$kernel: whole policies"
done
finish
