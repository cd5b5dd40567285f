#!/bin/bash
# shellcheck source=tests/e2e/lib.sh
# The HTTPS server and client: only TLS 1.3, only certificates that are good now, each request
# within its ceilings and deadlines whatever the client does, and an end that loses no answer.
# Real peers: curl, openssl, Python's ssl; and raw sockets for what those would not send.
. "${0%/*}/lib.sh"
tool=${ASSAY_BUILD:-$source_dir/build}/tests/e2e/http-tool
cd "$tmp" || exit 3
for p in openssl curl python3; do
	have $p || { echo "1..0 # SKIP $p is missing"; exit 0; }
done

# --- certificates: authority NAME; certificate NAME CN AUTHORITY USAGE [SECONDS]
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" \
		-subj "/CN=$1" -days 30 2>/dev/null
	: >"$1.db"; echo 01 >"$1.serial"
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s.db\nserial=%s.serial\nnew_certs_dir=.\nprivate_key=%s.key\ncertificate=%s.pem\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' \
		"$1" "$1" "$1" "$1" >"$1.conf"
}
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>/dev/null
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=%s\n' "$4" >"$1.ext"
	openssl ca -batch -notext -config "$3.conf" -in "$1.csr" -out "$1.pem" -extfile "$1.ext" \
		-startdate "$(date -u -d '-2 days' +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d "${5:-86400} seconds" +%Y%m%d%H%M%SZ)" 2>/dev/null
}
authority ca; authority other
certificate server localhost ca serverAuth
certificate server2 localhost ca serverAuth
certificate host host-1 ca clientAuth
certificate admin admin-1 ca clientAuth
certificate wrong host-2 other clientAuth
certificate old host-3 ca clientAuth -60
certificate purpose host-4 ca serverAuth

# start NAME=VALUE...: the server; $port and $server (its process id).
start() {
	: >server.out	# the one before said its port there
	"$tool" serve "$@" >server.out 2>server.err & server=$!
	pids="$pids $server"
	for _ in $(seq 100); do
		port=$(sed -n 's/^port //p' server.out)
		[ -n "$port" ] && return 0
		kill -0 "$server" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}
# stop: asks the server to end; $status is its exit status.
stop() { kill -TERM "$server"; wait "$server"; status=$?; }
tls_files="cert=server.pem key=server.key ca=ca.pem"
# shellcheck disable=SC2086
start $tls_files; ok $? "the server starts"
url=https://localhost:$port

# fetch CURL-ARGUMENT...: $code, the body in $body.
fetch() { code=$(curl -sS -m 10 --cacert ca.pem -o body -w '%{http_code}' "$@" 2>curl.err); body=$(cat body 2>/dev/null); }
as() { fetch --cert "$1.pem" --key "$1.key" "${@:2}"; }

# --- who: by certificate and by token.
fetch "$url/v1/agent"; is "$code" 401 "no certificate: 401"
as host "$url/v1/agent"; is "$code" 200 "a host's certificate"
like "$body" '"id":"host-1"' "names the host"
as host "$url/v1/whoami"; is "$code" 403 "a host may not what viewers may"
as admin "$url/v1/whoami"; is "$code" 200 "an administrator may"
as admin "$url/v1/agent"; is "$code" 403 "an administrator is no host"
for bad in wrong old purpose; do
	as $bad "$url/v1/hello"; is "$code" 000 "a certificate that does not verify ($bad) ends the handshake, even for what is public"
done
like "$(cat curl.err)" 'alert' "by an alert"
fetch -H 'Authorization: Bearer viewer' "$url/v1/whoami"; is "$code" 200 "a token"
fetch -H 'Authorization: Bearer viewer' -X DELETE "$url/v1/echo"; is "$code" 403 "a viewer is no operator"
fetch -H 'Authorization: Bearer nobody' "$url/v1/whoami"; is "$code" 401 "an unknown token"
fetch -H 'Authorization: Basic abc' "$url/v1/whoami"; is "$code" 401 "another scheme"
fetch -H 'Authorization: Basic abc' "$url/v1/hello"; is "$code" 200 "bad credentials do not matter where none are needed"

# --- every route of the table without credentials: only the public ones answer.
fetch "$url/v1/openapi.json"; is "$code" 200 "OpenAPI"
python3 - body >routes <<'END'
import json, sys
for path, methods in json.load(open(sys.argv[1]))["paths"].items():
    for method, op in methods.items():
        print(method.upper(), path.replace("{id}", "x"), op["x-principal"])
END
open=0 wrong=
while read -r method path principal; do
	fetch -X "$method" "$url$path?"
	case $principal:$code in
	public:401|public:403) wrong="$wrong $path" ;;
	public:*) open=$((open + 1)) ;;
	*:401) ;;
	*) wrong="$wrong $path:$code" ;;
	esac
done <routes
is "$wrong" "" "without credentials no route answers that is not public ($(wc -l <routes) routes, $open public)"

# --- methods, conditions, types.
is "$(curl -sS -m 10 --cacert ca.pem -I "$url/v1/hello" | tr -d '\r' | grep -ci 'content-length: 6')" 1 "HEAD has the length"
is "$(curl -sS -m 10 --cacert ca.pem -i -X OPTIONS "$url/v1/echo" | tr -d '\r' | sed -n 's/^Allow: //p')" "POST, PUT, DELETE, OPTIONS" "OPTIONS says what there is"
is "$(curl -sS -m 10 --cacert ca.pem -i -X PATCH "$url/v1/hello" | tr -d '\r' | sed -n 's/^Allow: //p')" "GET, HEAD, OPTIONS" "405 says it, too"
fetch -X BREW "$url/v1/hello"; is "$code" 405 "an unknown method"
fetch "$url/v1/nowhere"; is "$code" 404 "an unknown path"
fetch "$url/v1/hello?x=1"; is "$code" 400 "a query parameter the route does not have"
fetch -H 'If-None-Match: "x", W/"v1"' "$url/v1/items/a"; is "$code" 304 "If-None-Match"
as admin -X PUT -H 'If-Match: "v0"' -H 'Content-Type: application/json' -d '{}' "$url/v1/items/a"; is "$code" 412 "If-Match that fails"
as admin -X PUT -H 'If-Match: "v1"' -H 'Content-Type: application/json; charset=utf-8' -d '{"a":1}' "$url/v1/items/a"; is "$code$body" '200{"a":1}' "one that holds"
as admin -X PUT -d '{}' "$url/v1/items/a"; is "$code" 415 "another media type"
as admin -X PUT -H 'Content-Type: application/json' -d '{"a":1,"a":2}' "$url/v1/items/a"; is "$code" 400 "JSON that is not"
fetch "$url/v1/items/%7Bx%7D%20%C3%A9?like=a%0Ab%FF+c"; is "$body" '{x} \xc3\xa9 like a\x0ab\xff c' "escapes are undone once"
fetch "$url/v1/bad-answer"; is "$code" 500 "an answer that would split the head is none"
is "$(python3 -c 'import json; j=json.load(open("body")); print(j["status"], j["code"])')" "500 internal" "and says so"
head -c 700000 /dev/urandom >random
fetch --data-binary @random "$url/v1/echo"; cmp -s body random; ok $? "a body comes back"
fetch -H 'Transfer-Encoding: chunked' --data-binary @random "$url/v1/echo"; cmp -s body random; ok $? "in chunks"
head -c 30000000 /dev/urandom >large
fetch --data-binary @large "$url/v1/length"; is "$body" 30000000 "a large one"
fetch "$url/v1/big?bytes=30000000"; is "$(wc -c <body)" 30000000 "a large answer"
fetch "$url/v1/later?ms=200"; is "$body" later "an answer from another thread"

# --- TLS.
out=$(openssl s_client -connect "127.0.0.1:$port" -tls1_2 -CAfile ca.pem </dev/null 2>&1)
like "$out" 'alert protocol version' "TLS 1.2 is refused"
out=$(openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem -groups P-521 </dev/null 2>&1)
like "$out" 'alert handshake failure' "so is a group that is not ours"
request() { printf 'GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n' "$1"; sleep "${2:-0.5}"; }
request /v1/agent | openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" -CAfile ca.pem -cert host.pem -key host.key -sess_out session >answer 2>/dev/null
out=$(request /v1/agent | openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem -sess_in session 2>/dev/null)
like "$out" '^Reused, TLSv1.3' "a session is resumed"
like "$out" 'host-1' "and is still the host's"
# Its handshake is forgotten by then, but not its keys: they go on.
out=$({ request /v1/agent; printf 'K\n'; sleep 0.5; request /v1/agent; } |
	openssl s_client -no_ign_eof -connect "127.0.0.1:$port" -CAfile ca.pem -cert host.pem -key host.key 2>&1)
is "$(grep -ao 'KEYUPDATE\|"id":"host-1"' <<<"$out" | wc -l)" 3 "a kept connection gets other keys, and is the same host's"
# How long records may be was agreed in the handshake as well (RFC 6066 4).
request '/v1/big?bytes=5000' | openssl s_client -quiet -no_ign_eof -maxfraglen 512 -connect "127.0.0.1:$port" -CAfile ca.pem >answer 2>/dev/null
ok "$(($(wc -c <answer) < 5000))" "a client that takes short records only gets short ones"
certificate brief host-5 ca clientAuth 4
{ request /v1/agent 0; sleep 5; request /v1/agent; } |
	openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" -CAfile ca.pem -cert brief.pem -key brief.key -sess_out session >answer 2>/dev/null
is "$(grep -ao 'HTTP/1.1 [0-9]*' answer | tr '\n' ' ')" "HTTP/1.1 200 HTTP/1.1 401 " "a certificate that expires on a kept connection counts no more"
like "$(cat answer)" 'has expired' "and the answer says so"
out=$(request /v1/agent | openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem -sess_in session 2>/dev/null)
like "$out" 'HTTP/1.1 401' "nor in a resumed session"

# --- another certificate while connections stand.
serial() { openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem </dev/null 2>/dev/null | openssl x509 -noout -serial; }
before=$(serial)
{ request /v1/hello 0; sleep 1.5; request /v1/items/kept; } | openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" -CAfile ca.pem >answer 2>/dev/null & kept=$!
sleep 0.5
cp server.pem first.pem; cp server.key first.key; cp server2.pem server.pem; cp server2.key server.key
kill -HUP "$server"; sleep 0.3
is "$(serial)" "$(openssl x509 -in server2.pem -noout -serial)" "a new certificate is used after a reload"
[ "$before" != "$(serial)" ]; ok $? "which is another one"
wait $kept; like "$(cat answer)" 'kept$' "a connection from before goes on"
cp first.key server.key; kill -HUP "$server"; sleep 0.3
like "$(cat server.err)" 'reload: .*not the certificate' "a key that does not fit changes nothing"
is "$(serial)" "$(openssl x509 -in server2.pem -noout -serial)" "and the certificate stays"
cp first.pem server.pem

# --- our client.
call() { out=$(timeout 30 "$tool" call "$url" "$@" 2>&1); }
# (Where localhost has two addresses, the first of which refuses, the session must not be lost to it.)
call GET /v1/hello ca=ca.pem times=3; is "$out" "$(printf '200 text/plain 6 full\n%.0s' 1 2 3)" "three calls"
# The ticket comes behind the answer: who closes too early has none.
for _ in 1 2 3 4 5; do call GET /v1/hello ca=ca.pem times=4 fresh=1; [[ $out == *resumed* ]] && break; done
like "$out" resumed "a second connection resumes"
call POST /v1/echo ca=ca.pem body=random out=back; cmp -s back random; ok $? "a body there and back"
call GET '/v1/big?bytes=3000000' ca=ca.pem; is "$out" "200 application/octet-stream 3000000 full" "a large answer"
call GET '/v1/big?bytes=3000000' ca=ca.pem most=1000; like "$out" '^error limit: .*too large' "one over the ceiling"
call GET '/v1/later?ms=3000' ca=ca.pem answer_ms=300; like "$out" '^error network: .*no answer in time' "one that does not come"
call GET /v1/agent ca=ca.pem cert=host.pem key=host.key; like "$out" '^200 ' "with a certificate"
call GET /v1/agent ca=ca.pem cert=wrong.pem key=wrong.key; like "$out" '^error network: .*unknown ca' "a wrong one is said"
call GET /v1/agent ca=ca.pem cert=old.pem key=old.key; like "$out" '^error network: .*expired' "so is an expired one"
call GET /v1/whoami ca=ca.pem; like "$out" 'key: the server says: this needs credentials' "the server's words"
call GET /v1/whoami ca=ca.pem bearer=viewer; like "$out" '^200 ' "with a token"
call GET /v1/hello ca=other.pem; like "$out" "the server's certificate is not trusted" "another authority is not believed"
call GET /v1/hello ca=ca.pem name=else.example; like "$out" 'hostname mismatch' "nor another name"
call GET /v1/items/a ca=ca.pem if_none_match=v1; like "$out" '^304 ' "If-None-Match"
call GET '/v1/stream?n=3' ca=ca.pem stream=1; is "$out" "$(printf 'tick %d xxxxx\n' 0 1 2)" "an event stream"
call GET '/v1/stream?n=1000000' ca=ca.pem stream=1 events=2; is "$(printf '%s\n' "$out" | wc -l)" 2 "left early"
call GET '/v1/stream?zzz=1' ca=ca.pem stream=1; like "$out" '^error usage: the server says' "refused"
like "$("$tool" call https://localhost:1 GET / ca=ca.pem)" 'Connection refused' "nobody listens"
like "$("$tool" call http://10.0.0.1:1 GET / 2>&1)" 'without TLS to another machine' "no plain HTTP but to loopback"

# A server that takes a request on a kept connection and closes: what may be repeated is.
cat >closing.py <<'END'
import socket, sys
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True)
n = 0
while True:
    c, _ = s.accept()
    for i in range(2):
        data = b""
        while not data.endswith(b"\r\n\r\n") and not data.endswith(b"{}"):
            b = c.recv(4096)
            if not b: break
            data += b
        if i == 0 and data:
            n += 1
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % n)
    c.close()
END
python3 closing.py >closing.port & pids="$pids $!"
for _ in $(seq 50); do [ -s closing.port ] && break; sleep 0.1; done
echo -n '{}' >json; plain=http://127.0.0.1:$(cat closing.port)
is "$(timeout 20 "$tool" call "$plain" GET / times=2 | cut -c1-3 | tr '\n' ' ')" "200 200 " "a GET over a stale connection is sent again"
is "$(timeout 20 "$tool" call "$plain" POST / body=json times=2 | cut -c1-9 | tr '\n' ' ')" "200  1 fu error net " "a POST is not"
is "$(timeout 20 "$tool" call "$plain" POST / body=json times=2 repeatable=1 | cut -c1-3 | tr '\n' ' ')" "200 200 " "unless it may be repeated"

# --- the end: what runs is answered, streams end, nothing is left.
request '/v1/later?ms=1000' 3 | openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" -CAfile ca.pem >later 2>/dev/null & a=$!
request '/v1/stream?n=1000&ms=20' 3 | openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" -CAfile ca.pem >streamed 2>/dev/null & b=$!
sleep 0.5
stop; is "$status" 0 "the server ends when asked"
wait $a $b
like "$(cat later)" '^later$' "a request that ran is answered"
is "$(tail -n 2 streamed | tr -d '\r')" "0" "a stream is ended"
like "$(cat server.out)" '^open 0 streams 0$' "and nothing is left open"
fetch "$url/v1/hello"; is "$code" 000 "nobody answers any more"

# --- where it may listen.
"$tool" serve address=0.0.0.0 plain=1 2>err; like "$(cat err)" 'loopback only' "no plain HTTP but on loopback"
"$tool" serve plain=0 cert=server.pem key=host.key 2>err; like "$(cat err)" "not the certificate's" "a key that does not fit"
"$tool" serve address=localhost plain=1 2>err; like "$(cat err)" 'not an IP address' "a name is no address"
start plain=1; fetch "http://127.0.0.1:$port/v1/hello"; is "$body" hello "plain HTTP on loopback, when asked for"
"$tool" serve plain=1 port="$port" 2>err; like "$(cat err)" 'in use' "a second server does not share the port"
stop

# --- an end that cannot wait: what runs too long is cut, and its handler's answer goes nowhere.
start plain=1 grace_ms=300
fetch "http://127.0.0.1:$port/v1/later?ms=2500" & waiting=$!
curl -sS -N "http://127.0.0.1:$port/v1/stream?n=1000&ms=100&size=10" >ended 2>&1 & streaming=$!
sleep 0.7
stop; is "$status" 0 "a server whose grace is over ends"
wait $waiting $streaming
like "$(cat server.out)" '^open 0 streams 0$' "with nothing left open"

# --- ceilings of connections, and no descriptors left.
open_many() {	# COUNT: how many of so many connections are served, held open together
	python3 - "$port" "$1" <<'END'
import socket, sys
served, held = 0, []
for _ in range(int(sys.argv[2])):
    try:
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)
        held.append(s)
        s.sendall(b"GET /v1/hello HTTP/1.1\r\nHost: a\r\n\r\n")
        served += b"200 OK" in s.recv(4096)
    except OSError:
        pass
print(served)
END
}
start plain=1 max=10
is "$(open_many 14)" 10 "a ceiling for all connections"
sleep 0.3; is "$(open_many 5)" 5 "they are free again afterwards"
stop
: >server.out
( ulimit -n 60; exec "$tool" serve plain=1 ) >server.out 2>server.err & server=$!; pids="$pids $server"
for _ in $(seq 100); do port=$(sed -n 's/^port //p' server.out); [ -n "$port" ] && break; sleep 0.05; done
served=$(open_many 70)
[ "$served" -gt 20 ] && [ "$served" -lt 60 ]; ok $? "without descriptors it serves those it has ($served of 70)"
like "$(cat server.err)" 'cannot be accepted' "says so"
ticks=$(awk '{ print $14 + $15 }' "/proc/$server/stat"); sleep 0.5
is "$(open_many 5)" 5 "goes on when there are some"
[ $(($(awk '{ print $14 + $15 }' "/proc/$server/stat") - ticks)) -lt 20 ]; ok $? "and does not spin"
stop; is "$status" 0 "and ends"

# --- a ceiling for all bodies together, of strangers for a quarter: counted when promised, free when answered.
start plain=1 bodies=12000000
python3 - "$port" >bodies <<'END'
import select, socket, sys, time
def post(n):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
    s.sendall(b"POST /v1/length HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % n)
    return s
def answer(s):
    out = b""
    while b := s.recv(65536): out += b
    return out.split(b" ")[1].decode() + (" later" if b"Retry-After: 5" in out else "")
# Which of the two is looked at first is the server's affair.
both = [post(2000000), post(2000000)]
refused = select.select(both, [], [], 20)[0][0]; print(answer(refused))
both.remove(refused); both[0].sendall(bytes(2000000)); print(answer(both[0]))
third = post(2000000); third.close()
for _ in range(50):	# until the server has seen that it left
    third = post(2000000)
    try: third.sendall(bytes(2000000))
    except OSError: pass
    last = answer(third)
    if last == "200": break
    time.sleep(0.1)
print(last)
END
is "$(tr '\n' ',' <bodies)" "503 later,200,200," "bodies have a ceiling together"
stop

# --- a fleet that comes back at one moment: what waits for its turn is not late.  The clients answer at
# once, as a fleet's do: on the server's processor, before it.
cpu=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
plain_tool=$tool
# shellcheck disable=SC2317
last_in_line() { exec nice -n 19 taskset -c "$cpu" "$plain_tool" "$@"; }
tool=last_in_line
# shellcheck disable=SC2086
start $tls_files handshake_ms=1000 workers=1 per_address=5000
is "$(taskset -c "$cpu" python3 "$here/http_herd.py" "$port" ca.pem host.pem host.key 1500)" 1500 \
	"1,500 clients at once: each shakes hands in time"
stop
tool=$plain_tool

# --- clients that mean harm.
# shellcheck disable=SC2086
start $tls_files handshake_ms=1000 head_ms=1000 body_ms=1000 idle_ms=2000 write_ms=1000 heartbeat_ms=600 per_address=60
python3 "$here/http_client.py" "$port" ca.pem host.pem host.key >raw 2>raw.err
while IFS= read -r line; do
	case $line in
	ok*) ok 0 "${line#ok * - }" ;;
	'not ok'*) ok 1 "${line#not ok * - }" ;;
	'#'*) echo "$line" ;;
	esac
done <raw
grep -q '^1\.\.' raw; ok $? "they all ran"; [ -s raw.err ] && diag "$(cat raw.err)"
stop; is "$status" 0 "the server survived them"
like "$(cat server.out)" '^open 0 streams 0$' "with nothing left open"
grep -qE 'Sanitizer|disagree' server.err; is $? 1 "and without a fault"
finish
