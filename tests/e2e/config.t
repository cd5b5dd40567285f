#!/bin/bash
# Configuration files: a line is an option; what is typed wins over the file and the file over
# what is built in; whatever is wrong is refused with file, line and column, before anything.
. "${0%/*}/lib.sh"
agent=${assay%/*}/assay-agent
conf=$tmp/server.conf
umask 022

# refuses LINE COLUMN WHAT: the file in $conf.
refuses() {
	run server --config "$conf" --check-config
	exits 2 "$3: refused"
	like "$err" "server.conf: line $1, column $2: " "  with its place"
}

printf '# a server\ninterval = 12\nname = a.example\nname = b.example\nfirst_use = yes\n' >"$conf"
run server --config "$conf" --check-config
exits 0 "a good file"
like "$out" "^interval = 12 .*server.conf, line 2$" "the file wins over what is built in"
like "$out" "^keep_days = 90 .*built in$" "what is built in is told too"
like "$out" "^first_use = yes .*line 5$" "a flag is yes or no"
is "$(grep -c '^name = ' <<<"$out")" 2 "an option that repeats has a line for each value"
run server --config "$conf" --check-config --interval 5 --name c.example
like "$out" "^interval = 5 .*command line$" "what is typed wins over the file"
is "$(grep '^name = ' <<<"$out" | tr -s ' ')" "name = c.example command line" "an option that repeats is taken from one place whole"
run server --config "$conf" --check-config --json
is "$(json 'j["interval"], j["name"][1], j["keep_days"], j["store"]')" \
	"([{'value': '12', 'from': '$conf, line 2'}], {'value': 'b.example', 'from': '$conf, line 4'}, [{'value': '90', 'from': 'built in'}], [])" "the same as JSON"
ASSAY_INTERVAL=7 INTERVAL=7 run server --config "$conf" --check-config
like "$out" "^interval = 12 " "the environment is not read"

# Every option is a key and every key an option: the help is of the same table.
keys=$("$assay" server --config /dev/null --check-config | sed '1d; s/ .*//' | sort)
opts=$("$assay" server --help | sed -n '/^Options:/,/^$/s/^  *\(-[a-z], \)\?--\([a-z-]*\).*/\2/p' | grep -vE '^(config|check-config|json|help)$' | tr - _ | sort)
is "$keys" "$opts" "every option has its key"

printf 'interval = 12\nlissten = 1\n' >"$conf"; refuses 2 1 "an unknown key"
printf 'interval = 12\n\ninterval = 12\n' >"$conf"; refuses 3 1 "a key given twice"
like "$err" "stands in line 1 already" "  which is said"
printf 'interval = soon\n' >"$conf"; refuses 1 12 "a word for a number"
printf 'interval = 0\n' >"$conf"; refuses 1 12 "a number out of its range"
printf 'interval = 12 # seconds\n' >"$conf"; refuses 1 12 "a comment behind a value"
printf 'first_use = true\n' >"$conf"; refuses 1 13 "a flag that is neither yes nor no"
printf 'trust_mode = some\n' >"$conf"; refuses 1 14 "a word that is none of the list"
printf '[server]\n' >"$conf"; refuses 1 1 "a section"
printf 'check_config = yes\n' >"$conf"; refuses 1 1 "what is only for the command line"

printf 'interval = 12\nlisten = nowhere\n' >"$conf"; refuses 2 10 "a value that only the command understands"
printf 'store = other://assay:geheim@db/assay\n' >"$conf"; chmod 640 "$conf"; refuses 1 9 "a store of no kind"
like "$err" 'other://\.\.\."' "  which is named"
! grep -q geheim "$tmp/err"; ok $? "  without its password"
rm -f "$conf"
run server --config /dev/null --check-config --listen nowhere
exits 2 "the same on the command line"
like "$err" "^assay: --listen wants ADDRESS:PORT" "  is named so"
printf 'roots = /nonexistent/roots\n' >"$conf"
run server --config "$conf" --check-config
exits 3 "a file it names that is not there"
like "$err" "/nonexistent/roots: cannot open" "  which is named"
like "$err" '"roots" names it: .*server.conf, line 1' "  and what named it"
printf 'require_signed_policies = yes\n' >"$conf"
run server --config "$conf" --check-config
exits 2 "signed policies are required, and no key is given"
printf 'trust_mode = idevid\n' >"$conf"
run server --config "$conf" --check-config
exits 2 "a way of trust for which nothing is given"
printf 'default_excludes = /tmp/(\n' >"$conf"
run server --config "$conf" --check-config
[ "$status" != 0 ]; ok $? "an exclude that does not compile"

# ---- whose file it is ----
printf 'store = postgresql://assay:geheim@db/assay\n' >"$conf"; chmod 644 "$conf"
refuses 1 1 "a password in a file that everybody may read"
chmod 640 "$conf"
run server --config "$conf" --check-config
exits 0 "in one that only some may read it does"
like "$out" "^store = postgresql:" "  and is shown"
! grep -qr geheim "$tmp/out" "$tmp/err"; ok $? "  without its password"
chmod 660 "$conf"
run server --config "$conf" --check-config
exits 2 "a file that its group may write"
if [ "$(id -u)" = 0 ]; then
	chmod 600 "$conf"; chown nobody "$conf"
	run server --config "$conf" --check-config
	exits 2 "a file that is somebody else's"
	rm -f "$conf"
else
	skip "a file that is somebody else's" "not root"
fi
mkdir "$conf"; run server --config "$conf" --check-config; exits 2 "a directory"; rmdir "$conf"
run server --config "$conf" --check-config
exits 3 "a file that was named must be there"
run server --config /dev/null --check-config
exits 0 "/dev/null is no file"

# ---- who is trusted, said at the start ----
# starts OPTIONS...: what a server says of it.
starts() {
	: >"$tmp/log"
	"$assay" server --config /dev/null --data "$tmp/data" --listen 127.0.0.1:0 "$@" 2>"$tmp/log" &
	local p=$!
	for _ in $(seq 600); do grep -q 'trust in machines' "$tmp/log" && break; sleep 0.1; done
	kill "$p"; wait "$p"
	grep 'trust in machines' "$tmp/log"
}
like "$(starts)" "ca; [1-9][0-9]* roots of TPM vendors, those that come with the program: edition [0-9]+ of 20[0-9-]+$" "nothing given: the roots that come with the program, and their date"
printf '%064d\n' 7 >"$tmp/list"
like "$(starts --ek-list "$tmp/list")" "machines: ek-list$" "a list of machines is not widened by them"
like "$(starts --first-use)" "machines: operator$" "nor is an operator's word"
like "$(starts --ek-list "$tmp/list" --trust-mode ca --trust-mode ek-list)" "machines: ca, ek-list; " "but where it is asked for"
like "$(starts --roots none)" "no host can enrol" "and they can be left out"

# ---- the agent ----
assay=$agent conf=$tmp/agent.conf
printf 'server = https://assay.example:4433\nserver_ca = %s\ntcti = swtpm:path=/x\nmonitor_pcr = 14\n' "$tmp/ca.pem" >"$conf"
run run --config "$conf" --check-config
exits 0 "the agent's processes share one file"
like "$out" "^server = https://assay.example:4433 .*line 1$" "each takes its own options"
! grep -q tcti "$tmp/out"; ok $? "  and only those"
run priv --config "$conf" --check-config
like "$out" "^monitor_pcr = 14 .*line 4$" "the other takes the rest"
printf 'server = https://a\nmonitor_pcr = 24\n' >"$conf"
run run --config "$conf" --check-config
exits 2 "what is wrong for one is refused by the other too"
printf 'listen = 0.0.0.0:1\n' >"$conf"
run run --config "$conf" --check-config
exits 2 "a key of another program"
finish
