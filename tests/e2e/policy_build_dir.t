#!/bin/bash
# policy build dir: every regular file of a tree, whatever it is called and however deep
# it lies, with the digest sha256sum gives; what cannot be read is never left out silently.
. "${0%/*}/lib.sh"
files() { python3 "$here/policy_files.py" "$@"; }
same() { # same POLICY TREE DESCRIPTION [ALG]
	files "$1" >"$tmp/got"; files --tree "$2" ${4+"$4"} >"$tmp/want"
	[ -s "$tmp/want" ] && cmp -s "$tmp/got" "$tmp/want"; local r=$?
	ok $r "$3"; [ $r = 0 ] || diag "$(diff "$tmp/got" "$tmp/want" | head -20)"
}

t=$tmp/tree
mkdir -p "$t/bin" "$t/etc/a b" "$t/empty"
printf 'one' >"$t/bin/one"; printf 'two' >"$t/bin/two"; : >"$t/bin/nothing"
head -c 3000000 /dev/urandom >"$t/bin/large"
head -c 262144 /dev/zero >"$t/bin/exactly"          # the size of the read buffer
printf 'x' >"$t/etc/a b/with space"
printf 'n' >"$t/etc/"$'new\nline'; printf 'b' >"$t/etc/"$'byte\xff\xfe'; printf 'q' >"$t/etc/quote\"back\\slash"
printf 'u' >"$t/etc/grün"
ln "$t/bin/one" "$t/etc/link-of-one"; ln "$t/bin/large" "$t/etc/link-of-large"
ln -s ../bin/one "$t/etc/soft"; ln -s /nonexistent "$t/etc/dangling"; ln -s . "$t/loop"
mkfifo "$t/etc/pipe"
run policy build --from "dir:$t" --strip "$t" -o "$tmp/p.json"
exits 0 "a tree"
same "$tmp/p.json" "$t" "every regular file, by the digest that hashlib computes"
like "$err" '12 files.*not files: 3 symbolic links, 1 others' "and what was left out is counted"
run policy build --from "dir:$t" -o "$tmp/q.json"
like "$(files "$tmp/q.json")" " $t/bin/one\$" "without --strip the paths are those here"
for alg in sha1 sha384 sha512; do
	run policy build --from "dir:$t" --strip "$t" --hash $alg -o "$tmp/p.json"
	same "$tmp/p.json" "$t" "the same in $alg" $alg
done

run policy build --from "dir:$t" --strip "$t/bin"
exits 2 "a prefix to strip that no source has is a mistake"

# Directories below each other until the path is far beyond PATH_MAX, deeper than
# descriptors are held.
mkdir "$tmp/deep"
python3 - "$tmp/deep" <<'PY'
import os, sys
os.chdir(sys.argv[1])
for i in range(400):
    name = "d%03d" % i + "x" * 60
    os.mkdir(name); os.chdir(name)
    if i % 100 == 99: open("file%d" % i, "w").write(str(i))
for i in range(200): os.chdir("..")
open("half-way", "w").write("up again")
PY
run policy build --from "dir:$tmp/deep" --strip "$tmp/deep" -o "$tmp/p.json"
exits 0 "400 directories deep, paths of 25,000 bytes"
is "$(files "$tmp/p.json" | wc -l)" 5 "all five files are found"
like "$(files "$tmp/p.json" | awk '{ print length($2) }' | sort -n | tail -1)" '^2[56][0-9]{3}$' "the deepest, too"
like "$(files "$tmp/p.json")" "$(printf 'up again' | sha256sum | cut -c1-64).*half-way" "and one passed on the way back"
rm -rf "$tmp/deep"

# Excludes: out of the policy's files, in among its excludes, in the kernel's form.
printf '# a comment\n\n/bin/two$\n/etc/a_b/\n' >"$tmp/list"
run policy build --from "dir:$t" --strip "$t" --exclude '/bin/l' --excludes "$tmp/list" -o "$tmp/p.json"
exits 0 "with excludes"
is "$(files "$tmp/p.json" | grep -cE ' /bin/(large|two)$|with')" 0 "what they cover is left out"
like "$err" '3 excluded' "and counted"
is "$(python3 -c 'import json,sys; print(len(json.load(open(sys.argv[1]))["excludes"]))' "$tmp/p.json")" 3 "the excludes themselves are in the policy"
printf '/ok/\n\n# x\n/bad(\n' >"$tmp/list"
run policy build --from "dir:$t" --excludes "$tmp/list"
exits 3 "an exclude that does not compile"
like "$err" 'list: line 4, column 6: ' "is named by file, line and column"
run policy build --from "dir:$t" --exclude '/tmp/*' -o "$tmp/p.json"
like "$err" 'warning: .*/tmp/\*.*covers "/tmpevil" as well' "a shell's glob is warned about"

# What cannot be read.
if [ "$(id -u)" = 0 ] && have setpriv; then
	chmod 711 "$tmp"; chmod 000 "$t/bin/two"; chmod 700 "$t/empty"
	as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$assay" "$@" >"$tmp/out" 2>"$tmp/err"; status=$?; err=$(cat "$tmp/err"); }
	as policy build --from "dir:$t" -o "$tmp/no.json"
	exits 3 "files that may not be read: no policy"
	like "$err" '/bin/two: cannot open: Permission denied' "the file is listed"
	like "$err" '/empty: cannot open the directory' "a directory, too"
	[ ! -e "$tmp/no.json" ]; ok $? "and nothing was written"
	as policy build --from "dir:$t" --allow-unreadable
	exits 0 "unless that is allowed"
	chmod 755 "$t/empty"; chmod 644 "$t/bin/two"
else
	skip "unreadable files" "needs root and setpriv"
fi

# A file that changes while it is read: always, or once.
busy() { # busy TIMES ARG...
	LD_PRELOAD=${assay%/*}/tests/e2e/busy-file.so BUSY_TIMES=$1 "$assay" "${@:2}" >"$tmp/out" 2>"$tmp/err"
	status=$?; err=$(cat "$tmp/err")
}
head -c 600000 /dev/zero >"$t/bin/busy"
busy 1000 policy build --from "dir:$t/bin" -o "$tmp/no.json"
exits 3 "a file that changes each time it is read"
like "$err" '/bin/busy: changed while it was read, 3 times' "is reported"
[ ! -e "$tmp/no.json" ]; ok $? "and not guessed at"
size=$(stat -c %s "$t/bin/busy"); [ "$size" -gt 600000 ]; ok $? "(it did change)"
busy 1 policy build --from "dir:$t/bin" --strip "$t" -o "$tmp/p.json"
exits 0 "one that changes once is read again"
is "$(files "$tmp/p.json" | grep busy)" "sha256:$(sha256sum <"$t/bin/busy" | cut -c1-64) /bin/busy" "and listed as it then is"
is "$(stat -c %s "$t/bin/busy")" $((size + 1)) "(it did)"
rm "$t/bin/busy"

run policy build --from "dir:/proc"
exits 3 "a pseudo file system is no source"
mkdir "$t/proc"
if unshare -m mount -t proc proc "$t/proc" 2>/dev/null; then
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount -t proc proc "$2/proc" && exec "$1" policy build --from "dir:$2"' sh \
		"$assay" "$t" >"$tmp/out" 2>"$tmp/err"; status=$?
	exits 0 "and is not entered from above"
	like "$(cat "$tmp/err")" "1 file system below $t was not entered: $t/proc" "which is said"
else
	skip "a pseudo file system below" "may not mount here"
fi
rmdir "$t/proc"
run policy build --from "dir:$t/none"
exits 3 "a directory that is not there"
run policy build --from "dirt:$t"
exits 2 "an unknown kind"
run policy build
exits 2 "no source"

# The same tree gives the same bytes.
export SOURCE_DATE_EPOCH=1700000000
run policy build --from "base=dir:$t" --strip "$t" -o "$tmp/a.json"
run policy build --from "base=dir:$t" --strip "$t" -o "$tmp/b.json"
cmp -s "$tmp/a.json" "$tmp/b.json"; ok $? "two builds are alike to the byte"
like "$(cat "$tmp/a.json")" '"created": "2023-11-14T22:13:20Z"' "with the time they are told"
run policy build --from "base=dir:$t" --strip "$t" --json -o "$tmp/a.json"
python3 -c '
import json, sys, jsonschema
jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' \
	"$source_dir/docs/schema/policy-build.schema.json" "$tmp/out"; ok $? "the summary as JSON keeps its schema"
is "$(json 'j["layers"][0]["files"], j["layers"][0]["name"], j["unreadable"]')" "(12, 'base', [])" "and says the same"
finish
