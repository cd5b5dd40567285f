#!/bin/bash
# shellcheck source=tests/e2e/lib.sh
# What "make install" promises: DESTDIR and PREFIX are obeyed to the letter, each
# command has a man page that the man readers have nothing against, and the shells
# find their completion where they look for it.
. "${0%/*}/lib.sh"
build=${ASSAY_BUILD:-$source_dir/build}
have meson || { skip "install" "meson is missing"; finish; }
prefix=$(meson introspect --buildoptions "$build" |
	python3 -c 'import json,sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')

# The marker is older than anything installed: what is newer and elsewhere is a leak.
touch "$tmp/marker"; sleep 0.01
meson install -C "$build" --no-rebuild --destdir "$tmp/root" >"$tmp/log" 2>&1
ok $? "meson install with DESTDIR"
[ -s "$tmp/log" ] || diag "no output"
dest=$tmp/root$prefix
for f in bin/assay share/man/man1/assay.1 share/bash-completion/completions/assay \
	share/zsh/site-functions/_assay share/fish/vendor_completions.d/assay.fish \
	share/doc/assay/LICENSE; do
	[ -s "$dest/$f" ]; ok $? "$f is installed"
done
is "$(find "$tmp/root" -mindepth 1 -maxdepth 1)" "$tmp/root/$(echo "$prefix" | cut -d/ -f2)" \
	"nothing but the prefix below DESTDIR"
is "$(find "$prefix" -newer "$tmp/marker" -name '*assay*' 2>/dev/null)" "" "nothing of it outside DESTDIR"
is "$(find "$tmp/root" -perm /022 -not -type l)" "" "nothing is writable by others"
is "$(find "$tmp/root" -type f -perm /111 | sed "s|$dest/||" | LC_ALL=C sort)" "$(printf 'bin/assay\nbin/assay-agent')" \
	"only the two programs are executable"
"$dest/bin/assay" --version >"$tmp/out"; ok $? "the installed program runs"

# Another mandir, and one that is not below the prefix.
(export MESON_INSTALL_DESTDIR_PREFIX=$tmp/r2/usr DESTDIR=$tmp/r2
	sh "$source_dir/tools/gen-man" "$assay" man && sh "$source_dir/tools/gen-man" "$assay" /opt/man) >/dev/null
[ -s "$tmp/r2/usr/man/man1/assay.1" ] && [ -s "$tmp/r2/opt/man/man1/assay.1" ]
ok $? "man pages follow mandir, relative and absolute"

# --- what is installed to be read leads nowhere else.
dead=$(cd "$dest/share/doc/assay" && find . -name '*.md' | while read -r page; do
	grep -oE '\]\([^)#]+' "$page" | sed 's/^](//' | grep -vE '^(https?|mailto):' | while read -r link; do
		[ -e "${page%/*}/$link" ] || echo "$page: $link"
	done
done)
is "$dead" "" "each link of the installed pages has its page"

# --- each command has its page, and no page is without its command.
{ "$assay" --commands | sed 's/ /-/; s/.*/assay-&.1/'
	"$ASSAY_BUILD/assay-agent" --commands | sed 's/ /-/; s/.*/assay-agent-&.1/'; echo assay-agent.1; } | LC_ALL=C sort >"$tmp/want"
(cd "$dest/share/man/man1" && ls) | grep -v '^assay\.1$' | LC_ALL=C sort >"$tmp/got"
is "$(cat "$tmp/got")" "$(cat "$tmp/want")" "a man page for each command, and no other"

# --- the readers' opinion: mandoc's errors and warnings, groff's warnings.
bad=
for f in "$dest"/share/man/man1/*.1; do
	if have mandoc; then
		# A macro that is not portable, a date that is missing: warnings count too.
		mandoc -T lint -W warning "$f" >>"$tmp/lint" 2>&1 || bad="$bad ${f##*/}"
	fi
	if have groff; then
		groff -man -Tutf8 -ww -z "$f" >>"$tmp/lint" 2>&1
	fi
	# A line that can be copied into a shell must be ASCII where UTF-8 is set.
	if have groff; then
		groff -man -Tutf8 -P-cbou "$f" | grep -E '^ +assay ' | LC_ALL=C grep -q '[^ -~]' &&
			bad="$bad ${f##*/}(typography)"
	fi
done
is "$bad" "" "mandoc has no error and no warning on any page"
is "$(cat "$tmp/lint" 2>/dev/null)" "" "nor has groff"
if have mandoc; then
	text=$(mandoc -T ascii "$dest/share/man/man1/assay-completion.1" | sed 's/.\x08//g')
	like "$text" '^NAME' "a page has its name"
	like "$text" 'assay completion zsh > ~/\.zfunc/_assay' "an example comes out as it is typed"
	like "$text" '-h, --help' "options have real dashes"
fi

# --- the completions are the program's own, and the shells find them there.
for s in bash zsh fish; do
	run completion $s
	case $s in
	bash) f=share/bash-completion/completions/assay ;;
	zsh) f=share/zsh/site-functions/_assay ;;
	fish) f=share/fish/vendor_completions.d/assay.fish ;;
	esac
	cmp -s "$tmp/out" "$dest/$f"; ok $? "the $s completion is what the program prints"
done
if have zsh; then
	# shellcheck disable=SC2016 # zsh expands
	is "$(zsh -f -c 'fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[assay]' zsh "$dest/share/zsh/site-functions")" \
		"_assay" "zsh finds it in site-functions"
fi
if have fish; then
	is "$(PATH=$dest/bin:$PATH XDG_DATA_DIRS=$dest/share HOME=$tmp fish -c 'complete -C "assay ima-log sh"' 2>/dev/null | cut -f1)" \
		"show" "fish finds it in vendor_completions.d"
fi
if have bash && [ -e /usr/share/bash-completion/bash_completion ]; then
	# shellcheck disable=SC2016 # the inner shell expands
	is "$(XDG_DATA_DIRS=$dest/share PATH=$dest/bin:$PATH bash --norc -c '
		. /usr/share/bash-completion/bash_completion
		_completion_loader assay; complete -p assay')" \
		"complete -F _assay assay" "bash-completion finds it in its folder"
fi
finish
