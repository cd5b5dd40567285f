#!/bin/bash
# The laboratory's promise: run-policies reports what the kernels do, whatever
# bytes a rule is made of, and installs nothing.  Each line here was looked up in
# the kernel's source first, so a wrong tool is noticed.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "${0%/*}/../e2e/lib.sh"
export ASSAY_LAB_CACHE=${ASSAY_LAB_CACHE:-${ASSAY_BUILD:-$source_dir/build}/lab}

# verdicts KERNEL OPTION...: the first column only, of $tmp/candidates.
verdicts() {
	local kernel=$1
	shift
	"$here/run-policies" "$@" "$kernel" "$tmp/candidates" |
	    cut -f 1 | paste -s -d ' '
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
for kernel in 6.1 6.12; do
	printf '%s\n' 'measure func=BPRM_CHECK' $'measure\tuid=0' 'path=/bin/sh' \
	    'uid=0' $'audit\r' $'measure fsname=ext4\r' '# text' '' \
	    $' \t # indented' 'measure # trailing' "measure ${blanks}uid=0" \
	    "#${blanks:0:4095}measure" >"$tmp/candidates"
	is "$(verdicts $kernel)" \
	    "accept accept refuse refuse refuse accept ignore ignore ignore refuse refuse accept" \
	    "$kernel: odd bytes, comments, lines over 4095 bytes"
	is "$(verdicts $kernel -p)" \
	    "accept accept refuse refuse refuse accept ignore ignore ignore refuse accept ignore" \
	    "$kernel: the same, read by the kernel itself"
	printf 'measure\0audit\nmeasure\0foo\nmeasure' >"$tmp/candidates"
	is "$(verdicts $kernel)" "accept refuse accept" "$kernel: a NUL ends the line"
	is "$(verdicts $kernel -p)" "refuse refuse refuse" \
	    "$kernel: a file with a NUL or without its last line end is refused"
	printf '%s\n' 'measure' 'audit' --- '# nothing' --- 'measure' 'foo' --- \
	    'audit' >"$tmp/candidates"
	is "$(verdicts $kernel -w)" "accept refuse refuse accept" "$kernel: whole policies"
	seq -f 'measure func=FILE_CHECK uid=%.0f' 0 499 >"$tmp/candidates"
	is "$("$here/run-policies" $kernel "$tmp/candidates" | sort | uniq -c | wc -l)" \
	    500 "$kernel: hundreds of rules in one boot"
done

echo 'measure func=MMAP_CHECK_REQPROT' >"$tmp/candidates"
is "$(verdicts 6.1) $(verdicts 6.12)" "refuse accept" "the two kernels are not one"
finish
