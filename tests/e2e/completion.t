#!/bin/bash
# shellcheck source=tests/e2e/lib.sh disable=SC2016 # what the shells under test expand
# Completion in the shells themselves: what a person types and presses TAB behind
# becomes the right words, in bash, zsh and fish, and names only what the table has.
. "${0%/*}/lib.sh"
sample=${ASSAY_BUILD:-$source_dir/build}/tests/e2e/completion_sample
mkdir "$tmp/home" && cd "$tmp/home" || exit 3
mkdir 'a dir' adir; touch 'one file' two.json adir/inner

for s in bash zsh fish; do
	run completion $s
	exits 0 "assay completion $s"
	cp "$tmp/out" "$tmp/assay.$s"
	"$sample" $s >"$tmp/sample.$s"; ok $? "the sample table for $s"
done
run completion tcsh
exits 2 "another shell is a usage error"
run completion
exits 2 "no shell is a usage error"

# --- bash, by its own interface: complete -p, COMP_LINE, COMPREPLY.
# comp LINE: the replies for LINE, the cursor at its end, sorted.
comp() {
	bash --norc -c '
		source "$1"; line=$2
		compopt() { echo "compopt:$*"; }
		COMP_LINE=$line COMP_POINT=${#line}
		# Cut as Readline does, at blanks, ":" and "=".
		mapfile -t COMP_WORDS < <(printf "%s" "$line" | grep -oE "[^][:space:]=:[]+|[=:]+")
		[[ $line != *" " && $line != *[=:] ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_assay; printf "%s\n" "${COMPREPLY[@]}"' bash "${script:-$tmp/sample.bash}" "$1" | LC_ALL=C sort | paste -sd' ' | sed 's/^ //; s/ $//'
}
if have bash; then
	is "$(bash --norc -c 'source "$1"; complete -p assay' bash "$tmp/assay.bash")" \
		"complete -F _assay assay" "bash: the function is registered"
	bash -n "$tmp/assay.bash"; ok $? "bash: the real script is sound"
	is "$(script=$tmp/assay.bash comp 'assay ima-l')" "ima-log" "bash: a noun of the real table"
	is "$(script=$tmp/assay.bash comp 'assay completion ')" "bash fish zsh" "bash: words of the real table"
	is "$(script=$tmp/assay.bash comp 'assay ima-policy sample ')" "$("$assay" ima-policy sample | cut -d' ' -f1 | paste -sd' ')" \
		"bash: each sample policy, and no other"
	is "$(comp 'assay ')" "--help --version digest policy sample scan serve" "bash: nouns"
	is "$(comp 'assay policy ')" "--help build show" "bash: verbs"
	is "$(comp 'assay policy b')" "build" "bash: one verb"
	is "$(comp 'assay policy build --')" "--bank --from --help --json --nonce --output --quiet --root" "bash: options"
	is "$(comp 'assay policy build -q --output x --from dir:/ --')" "--bank --from --help --json --nonce --root" "bash: only what may repeat is offered again"
	is "$(comp 'assay policy build --bank ')" "sha1 sha256 sha384" "bash: a word list"
	is "$(comp 'assay policy build -b sha2')" "sha256" "bash: a word list behind the short option"
	is "$(comp 'assay policy build --bank=sha3')" "sha384" "bash: a word list behind ="
	is "$(comp 'assay policy build --from d')" "compopt:-o nospace deb: dir:" "bash: a kind, no blank behind it"
	is "$(comp 'assay policy build --from dir:/u')" "compopt:-o default" "bash: a file behind the kind"
	is "$(comp 'assay policy build --from=dir:/u')" "compopt:-o default" "bash: the same behind ="
	is "$(comp 'assay policy build --output ')" "compopt:-o default" "bash: a file"
	is "$(comp 'assay policy build --root ')" "compopt:-o dirnames" "bash: a directory"
	is "$(comp 'assay policy build --nonce ')" "" "bash: nothing where nothing can be known"
	is "$(comp 'assay policy build ')" "" "bash: no operand where none is taken"
	is "$(comp 'assay policy show ')" "compopt:-o default" "bash: an operand"
	is "$(comp 'assay policy show x ')" "" "bash: no second operand where one is taken"
	is "$(comp 'assay scan all x y ')" "compopt:-o dirnames" "bash: any number of operands"
	is "$(comp 'assay sample t')" "tcb tcb-strict" "bash: a noun without verbs"
	is "$(comp 'assay sample --json a')" "audit" "bash: an operand behind a flag"
	is "$(comp 'assay sample -- --')" "" "bash: no options behind --"
	is "$(comp 'assay serve ')" "move" "bash: the verb of a noun that is a command too"
	is "$(comp 'assay serve --')" "--help --listen" "bash: that command's options"
	is "$(comp 'assay serve --listen x --')" "--help" "bash: and no more of them"
	is "$(comp 'assay serve move --')" "--help --to" "bash: its verb's options"
	is "$(comp 'assay serve move --to ')" "compopt:-o default" "bash: its verb's files"
	is "$(comp 'assay nothing x')" "" "bash: nothing for an unknown noun"
fi

# --- bash and zsh, at the keyboard.
for s in bash zsh; do
	have $s python3 || { skip "$s at the keyboard" "$s or python3 is missing"; continue; }
	printf '%s\n' \
		$'assay pol\tbu\t--ba\tsha25\t' \
		$'assay policy build --out\ttwo\t' \
		$'assay policy build --output one\t' \
		$'assay policy build --from di\t/us\tbi\t' \
		$'assay policy build --from=di\tadir/in\t' \
		$'assay policy build --bank=sha38\t' \
		$'assay policy show tw\t' \
		$'assay scan all adi\t two\t' \
		$'assay sample au\t' \
		$'assay digest tw\t' \
		$'assay serve mo\t--t\ttwo\t' $'assay serve --lis\tx' \
		'?assay policy ' '?assay policy build --' '?assay sample ' |
		python3 "$here/complete.py" $s "$tmp/sample.$s" >"$tmp/typed" 2>&1
	# Zsh takes the slash of a directory away again, and joins option and word by "=".
	sep='><' slash=/
	[ $s = bash ] || { sep='=' slash=''; }
	mapfile -t typed <"$tmp/typed"
	is "${typed[0]}" "<policy><build><--bank${sep}sha256>" "$s: nouns, verbs, options and words"
	is "${typed[1]}" "<policy><build><--output${sep}two.json>" "$s: a file"
	is "${typed[2]}" "<policy><build><--output><one file>" "$s: a file with a blank in its name"
	is "${typed[3]}" "<policy><build><--from><dir:/usr/bin$slash>" "$s: a kind, then a file"
	is "${typed[4]}" "<policy><build><--from=dir:adir/inner>" "$s: the same behind ="
	is "${typed[5]}" "<policy><build><--bank=sha384>" "$s: a word behind ="
	is "${typed[6]}" "<policy><show><two.json>" "$s: an operand"
	is "${typed[7]}" "<scan><all><adir$slash><two>" "$s: directories only"
	is "${typed[8]}" "<sample><audit>" "$s: a word as operand"
	is "${typed[9]}" "<digest><tw>" "$s: no file where a digest is wanted"
	is "${typed[10]}" "<serve><move><--to${sep}two.json>" "$s: the verb of a noun that is a command too"
	is "${typed[11]}" "<serve><--listen${sep}x>" "$s: that command's option"
	like "${typed[12]}" 'build.*show' "$s: the verbs are listed"
	like "${typed[13]}" '--bank.*--from.*--help.*--json.*--nonce' "$s: the options are listed"
	like "${typed[14]}" 'audit.*tcb.*tcb-strict' "$s: the words are listed"
	[ "${#typed[@]}" = 15 ] || diag "$(cat "$tmp/typed")"
done

# --- zsh finds the file by its first line, as an autoloaded function.
if have zsh; then
	mkdir "$tmp/fpath"; cp "$tmp/assay.zsh" "$tmp/fpath/_assay"
	is "$(zsh -f -c 'fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[assay]' zsh "$tmp/fpath")" \
		"_assay" "zsh: compinit knows the function"
	zsh -n "$tmp/assay.zsh"; ok $? "zsh: the real script is sound"
fi

# --- fish, by its own interface.
# fishc LINE: the completions of LINE, without their descriptions.
fishc() {
	HOME=$tmp/home fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "${script:-$tmp/sample.fish}" "$1" 2>&1 |
		cut -f1 | LC_ALL=C sort | paste -sd' '
}
if have fish; then
	fish --no-execute "$tmp/assay.fish"; ok $? "fish: the real script is sound"
	like "$(script=$tmp/assay.fish fishc 'assay ima-log ')" "(^| )show( |$)" "fish: a verb of the real table"
	is "$(fishc 'assay ')" "digest policy sample scan serve" "fish: nouns"
	is "$(fishc 'assay policy ')" "build show" "fish: verbs"
	is "$(fishc 'assay policy build --')" "--bank --from --help --json --nonce --output --quiet --root" "fish: options"
	is "$(fishc 'assay policy build --bank ')" "sha1 sha256 sha384" "fish: a word list"
	is "$(fishc 'assay policy build --bank=sha2')" "--bank=sha256" "fish: a word list behind ="
	is "$(fishc 'assay policy build -b sha3')" "sha384" "fish: a word list behind the short option"
	is "$(fishc 'assay policy build --from d')" "deb: dir:" "fish: a kind"
	is "$(fishc 'assay policy build --from dir:adir/')" "dir:adir/inner" "fish: a file behind the kind"
	is "$(fishc 'assay policy build --output two')" "two.json" "fish: a file"
	is "$(fishc 'assay policy build --root a')" "a dir/ adir/" "fish: directories only"
	is "$(fishc 'assay policy build --nonce ')" "" "fish: nothing where nothing can be known"
	is "$(fishc 'assay policy show tw')" "two.json" "fish: an operand"
	is "$(fishc 'assay policy build tw')" "" "fish: no file where no operand is taken"
	is "$(fishc 'assay sample t')" "tcb tcb-strict" "fish: a noun without verbs"
	is "$(fishc 'assay serve ')" "move" "fish: the verb of a noun that is a command too"
	is "$(fishc 'assay serve --')" "--help --listen" "fish: that command's options"
	is "$(fishc 'assay serve move --')" "--help --to" "fish: its verb's options"
	like "$(HOME=$tmp/home fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "$tmp/sample.fish" 'assay policy build --fr')" \
		"it's \[not\] a:b \\\\ only" "fish: descriptions come through unharmed"
else
	skip "fish" "fish is not installed"
fi
finish
