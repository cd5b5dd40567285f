#!/bin/bash
# What every command promises whoever types it: help where it is looked for, a usage error that
# names what is wrong, and never a silent success of output that did not arrive.
. "${0%/*}/lib.sh"
vm=$golden/debian12-vm
verify() { # verify MOMENT ARG...
	local n=$1; shift
	run evidence verify --integrity-only --ima-log "$vm/list$n.bin" --quote "$vm/quote$n.msg" \
		--signature "$vm/quote$n.sig" --ak "$vm/ak.pub" --pcrs "$vm/quote$n.pcrs" \
		--nonce "00112233445566778899aabbccddeeff001122330$n" "$@"
}

run help evidence verify; exits 0 "assay help NOUN VERB"
is "$out" "$("$assay" evidence verify --help)" "is that command's --help"
run help policy; is "$out" "$("$assay" policy --help)" "assay help NOUN is that noun's"
run help; is "$out" "$("$assay" --help)" "assay help alone lists all"
run help evidence frob; exits 2 "help on what is not there"
like "$err" 'no command "evidence frob"' "names it"
run evidence verify --ima-log "$vm/list1.bin" --policy=; exits 2 "an empty argument"
like "$err" 'option --policy has an empty argument' "is named by its option"

# Output that does not arrive.
for args in --help --version 'help policy' 'evidence verify --help' "ima-log show $vm/list1.bin" \
	"event-log show $vm/eventlog.bin" "policy show $vm/whitelist.txt" 'ima-policy sample' \
	"evidence verify --integrity-only --ima-log $vm/list1.bin" "event-log verify $vm/eventlog.bin --json"; do
	# shellcheck disable=SC2086
	"$assay" $args >/dev/full 2>"$tmp/err"; status=$?; err=$(cat "$tmp/err")
	exits 3 "${args//"$vm/"/} on a full disk"
	is "$(grep -c 'No space left on device' "$tmp/err")" 1 "which is said, once"
done
# A megabyte, so that no pipe takes it all.
"$assay" policy import "$vm/whitelist.txt" 2>"$tmp/err" | head -n 1 >"$tmp/out"
is "${PIPESTATUS[0]} $(cat "$tmp/err")" "3 " "a reader that goes away gets no message"

# What decides is shown, whole, beside its check or below.
verify 3 --resume "$tmp/state"; exits 0 "a state"
verify 1 --resume "$tmp/state"; exits 1 "an older quote behind it"
like "$out" 'quote-clock' "the finding that no entry and no check is behind"
like "$out" "counters are behind those of the resume state" "is shown as well"
if have script; then
	printf 'stty cols 40; "%s" policy test "%s" --ima-log "%s"\n' "$assay" "$vm/ima-list-of-none" "$vm/list3.bin" >"$tmp/narrow"
	printf '{"assay_policy":1}' >"$tmp/none"; sed -i "s|$vm/ima-list-of-none|$tmp/none|" "$tmp/narrow"
	script -qec "bash $tmp/narrow" "$tmp/seen" >/dev/null
	like "$(cat "$tmp/seen")" '/root/evil_script_with_space\.sh' "a name is not cut on a narrow terminal"
else
	skip "a narrow terminal" "script is missing"
fi

# The wrong file for an option: what it should have been.
run evidence verify --integrity-only --ima-log "$vm/list1.bin" --quote "$vm/quote1.sig" --signature "$vm/quote1.msg" \
	--ak "$vm/ak.pub" --nonce 00
exits 3 "quote and signature swapped"; like "$err" 'tpm2_quote -m' "the quote's own file is named"
run policy show "$vm/list1.bin"; exits 3 "a list for a policy"
like "$err" "JSON, plain, compiled or signed" "what a policy can be"
verify 1 --resume "$vm/quote1.msg"; exits 3 "a quote for a state"
like "$err" 'resume state is what' "what a state is"
finish
