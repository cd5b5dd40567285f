#!/bin/bash
# assay ima-policy: lint, explain, sample, simulate and cost as a person uses them.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"

# fits SCHEMA DESCRIPTION: the JSON of the last run keeps its promise.
fits() {
	python3 - "$source_dir/docs/schema/ima-policy-$1.schema.json" "$tmp/out" <<'END'
import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))
END
	ok $? "$2"
}

# ---- lint
printf 'measure func=BPRM_CHECK\nmeasure func=MMAP_CHECK\nmeasure func=PATH obj=/path/to/file\n' >"$tmp/blog"
run ima-policy lint "$tmp/blog"
exits 1 "a policy from a blog: the kernel would refuse"
like "$out" "blog:3:9: error L01 \(unknown-token\)" "file, line and column"
like "$out" '\^\^\^\^\^\^\^\^\^$' "the token is underlined"
like "$out" "no IMA rule can name a path" "says that no path rules exist"
like "$out" "fix: .*fsuuid=.*obj_type=" "and what to use instead"
like "$out" "^refused by kernel 6\.1 .*3 rules, 2 errors" "the verdict"
run ima-policy lint --json "$tmp/blog"
exits 1 "the same as JSON"
fits lint "fits its schema"
is "$(json '[(f["id"], f["line"], f["column"], f["token"]) for f in j["findings"] if f["severity"] == "error"]')" \
    "[('L01', 3, 9, 'func=PATH'), ('L01', 3, 19, 'obj=/path/to/file')]" "ids, lines, columns, tokens"

printf 'measure func=MODULE_CHECK\n' >"$tmp/good"
run ima-policy lint "$tmp/good"
exits 0 "a policy without findings"
printf 'measure func=MMAP_CHECK fsmagic=0xef53\n' >"$tmp/warn"
run ima-policy lint "$tmp/warn"
exits 0 "warnings only"
like "$out" "warning L38" "a warning is told"
run ima-policy lint --strict "$tmp/warn"
exits 1 "with --strict a warning counts"

printf 'measure func=MMAP_CHECK_REQPROT\n' >"$tmp/new"
run ima-policy lint --kernel 6.1.0-50-cloud-amd64 "$tmp/new"
exits 1 "a word that 6.1 does not know"
run ima-policy lint --kernel 6.12.43+deb12-amd64 "$tmp/new"
exits 0 "and 6.12 does"
printf 'appraise func=MODULE_CHECK appraise_type=imasig|modsig\n' >"$tmp/modsig"
run ima-policy lint "$tmp/modsig"
exits 1 "Debian's kernels have no appended signatures"
run ima-policy lint --config "$golden/ima_policy/config-tiny" "$tmp/modsig"
exits 0 "a configuration that has them"
run ima-policy lint --config "$tmp/good" "$tmp/good"
exits 3 "something else is not a configuration"
like "$err" "good: is not a kernel configuration" "and is named"
printf 'measure obj_type=etc_t\n' >"$tmp/label"
run ima-policy lint --cmdline "security=selinux" "$tmp/label"
exits 0 "a label that may exist"
like "$out" "^depends on labels" "depends"
echo var_t >"$tmp/labels"
run ima-policy lint --cmdline "security=selinux" --labels "$tmp/labels" "$tmp/label"
exits 1 "a label that does not exist"
printf 'audit' >"$tmp/cut"
run ima-policy lint "$tmp/cut"
exits 0 "no last line end: written it is taken"
run ima-policy lint --load path "$tmp/cut"
exits 1 "read by the kernel it is refused"
run ima-policy lint - <"$tmp/good"
exits 0 "standard input"

run ima-policy lint --cmdline "quiet ima_policy=/etc/ima/ima-policy ima_appraise modules-load=ima_measure"
exits 1 "boot parameters alone"
like "$out" "column 18: error B01" "a path in ima_policy="
is "$(grep -c 'error B03' "$tmp/out")" 2 "modules that do not exist"
echo "BOOT_IMAGE=/vmlinuz ro ima_policy=tcb" >"$tmp/cmdline"
run ima-policy lint --cmdline "$tmp/cmdline" --json "$tmp/good"
exits 0 "boot parameters from a file"
fits lint "fits its schema"
is "$(json '[f["id"] for f in j["findings"]]')" "['L47']" "the built-in policy is replaced"
run ima-policy lint
exits 2 "neither policy nor parameters: usage"
run ima-policy lint --kernel six "$tmp/good"
exits 2 "not a version: usage"
run ima-policy lint "$tmp/none"
exits 3 "no such file: could not decide"

# ---- sample
run ima-policy sample
exits 0 "the list of samples"
is "$(wc -l <"$tmp/out")" 9 "nine of them"
names=$(awk '{ print $1 }' "$tmp/out")
for name in $names; do
	run ima-policy sample "$name"
	cp "$tmp/out" "$tmp/$name"
	for kernel in 6.1 6.12; do
		run ima-policy lint --kernel $kernel "$tmp/$name"
		exits 0 "sample $name has no error for $kernel"
	done
	run ima-policy explain --json "$tmp/$name"
	fits explain "sample $name is explained"
done
run ima-policy sample --json
fits sample "the list as JSON"
run ima-policy sample --json tcb
fits sample "one sample as JSON"
run ima-policy sample nothing
exits 2 "an unknown sample: usage"

# ---- explain
run ima-policy explain "$tmp/containers"
exits 0 "explain"
like "$out" "When a file is opened, on file systems of type overlay: it is not measured" "an exclusion in words"
like "$out" "When a program or script is executed: the file's hash goes into the measurement list" "a measure rule in words"
like "$out" "What is not measured:" "and what is not seen"
run ima-policy explain "$tmp/blog"
exits 1 "a policy with a refused rule"
like "$out" "The kernel refuses this rule. func= names a hook" "with the reason"

# ---- simulate
run ima-policy simulate "$tmp/containers" --uid 0 --fsname overlay
exits 0 "root reads a file in a container"
like "$out" "^measure +no" "which is not measured"
like "$out" "line [0-9]+: dont_measure fsname=overlay func=FILE_CHECK" "by the rule that says so"
run ima-policy simulate "$tmp/containers" --uid 0 --fsname ext4
like "$out" "^measure +yes" "on the host it is"
like "$out" "PCR 10, template ima-sig" "into PCR 10"
run ima-policy simulate "$tmp/containers" --uid 1000 --fsname overlay --func BPRM_CHECK --json
fits simulate "fits its schema"
is "$(json 'j["classes"]["measure"]["answer"]')" yes "programs in containers are measured"
run ima-policy simulate "$tmp/image-based" --uid 0 --fsname ext4
like "$out" "depends" "a fact that is missing"
like "$out" "on fsuuid=, which was not given" "is named"
run ima-policy simulate "$tmp/image-based" --uid 0 --fsname ext4 --fsuuid 11111111-2222-4333-8444-555555555555
like "$out" "^measure +no" "and decides when given"
run ima-policy simulate "$tmp/blog" --uid 0
exits 1 "a policy that no kernel takes is in force nowhere"
like "$err" "blog: line 3, column 9: kernel 6.1 would refuse" "and says where"
run ima-policy simulate "$tmp/good" --func PATH
exits 2 "no such hook: usage"
run ima-policy simulate "$tmp/good" --mask READ
exits 2 "no such mask: usage"

# ---- cost
mkdir -p "$tmp/tree/usr/bin" "$tmp/tree/usr/lib" "$tmp/tree/var/log"
cp /bin/true "$tmp/tree/usr/bin/true"
cp "$(ldd /bin/true | awk '/libc.so/ { print $3 }')" "$tmp/tree/usr/lib/libc.so.6"
printf '#!/bin/sh\n' >"$tmp/tree/usr/bin/script"; chmod 755 "$tmp/tree/usr/bin/script"
echo x >"$tmp/tree/var/log/messages.log"
run ima-policy cost "$tmp/executables" --tree "$tmp/tree" --as-root --json
exits 0 "the cost of a tree"
fits cost "fits its schema"
is "$(json '[j["kinds"][k]["measured"] for k in ("programs", "libraries", "scripts", "other files")]')" "[1, 1, 1, 0]" \
    "what is executed is measured"
is "$(json 'j["entries"], j["violations"], j["unseen"]')" "(3, 0, 0)" "entries and violations"
printf 'measure func=FILE_CHECK uid=0\n' >"$tmp/reads"
run ima-policy cost "$tmp/reads" --tree "$tmp/tree" --as-root --json
is "$(json 'j["kinds"]["other files"]["measured"], j["violations"], j["violating"][0]["path"]')" \
    "(1, 1, '/var/log/messages.log')" "a log that is read is a likely violation"
run ima-policy cost "$tmp/tcb" --list "$golden/debian12-vm/list3.bin"
exits 0 "the cost of a recorded list"
like "$out" "programs +83 +83" "its programs"
like "$out" "recorded list itself has 2 violations" "and violations"
printf 'audit func=BPRM_CHECK\n' >"$tmp/audits"
run ima-policy cost "$tmp/audits" --tree "$tmp/tree" --as-root
like "$out" "not measured: 3" "what is not seen"
like "$out" "/usr/bin/true" "is named"
like "$out" "The policy measures nothing" "and said"
run ima-policy cost "$tmp/tcb"
exits 2 "neither tree nor list: usage"
run ima-policy cost "$tmp/tcb" --tree "$tmp/none"
exits 3 "no such tree: could not decide"
finish
