#!/bin/bash
# The promise of assay ima-policy lint: what it refuses, Debian's kernels 6.1 and 6.12
# refuse, and what it takes they take.  Hundreds of generated policies and every sample
# are given to real kernels and to lint; the verdicts must be equal, and equal to the
# recorded ones that the unit tests use.
# shellcheck source-path=SCRIPTDIR source=../e2e/lib.sh
. "${0%/*}/../e2e/lib.sh"
export ASSAY_LAB_CACHE=${ASSAY_LAB_CACHE:-${ASSAY_BUILD:-$source_dir/build}/lab}
# Thousands of rules in one boot, perhaps on a busy machine.
export ASSAY_LAB_TIMEOUT=${ASSAY_LAB_TIMEOUT:-600}
sets=$golden/ima_policy/sets

if ! have qemu-system-x86_64 busybox cpio xz gcc; then
	skip "IMA policies in real kernels" "no QEMU or busybox (tools/bootstrap lab)"
	finish
fi
if ! "$here/kernels.sh" >"$tmp/kernels" 2>"$tmp/err"; then
	skip "IMA policies in real kernels" "Debian's kernels cannot be downloaded here"
	finish
fi

"$here/gen-ima-policies" --samples "$source_dir/data/ima-policy" "$tmp/one"
"$here/gen-ima-policies" --samples "$source_dir/data/ima-policy" "$tmp/two"
diff -r "$tmp/one" "$tmp/two" >/dev/null
ok $? "the generator gives the same candidates for the same seed"
is "$(($(wc -l <"$tmp/one/line") >= 300))" 1 "$(wc -l <"$tmp/one/line") rules and $(find "$tmp/one/write" -type f | wc -l) policies"

for kernel in 6.1 6.12; do
	python3 "$here/ima_policy_verdicts.py" record $kernel "$tmp/one" "$sets" "$tmp/verdicts" >"$tmp/log" 2>&1
	rc=$?
	ok $rc "kernel $kernel was asked"
	[ $rc = 0 ] || { diag "$(grep -v '^ ' "$tmp/log")"; continue; }
	python3 "$here/ima_policy_verdicts.py" same "$golden/ima_policy/kernel-$kernel.tsv" "$tmp/verdicts" >"$tmp/log"
	ok $? "kernel $kernel says what it said when the golden data was recorded"
	diag "$(head -n 20 "$tmp/log")"
	# The points of the comparison are counted here, with the others.
	while IFS= read -r line; do
		case $line in
		'ok - '*) ok 0 "${line#ok - }" ;;
		'not ok - '*) ok 1 "${line#not ok - }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done < <(python3 "$here/ima_policy_verdicts.py" check $kernel "$assay" "$sets" "$tmp/verdicts")
done
finish
