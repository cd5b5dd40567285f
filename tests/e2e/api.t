#!/usr/bin/env python3
"""The API: nobody gets in without credentials, each role may do what the table of routes says and
no more, bad input is refused as a problem, pages have everything once, nobody overwrites what
somebody else changed, and every answer is what its schema says."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_kit import *

HOSTS = 1500


def events(server, last=None, count=1, then=lambda: None):
    """So many server-sent events; ${then} is done once the stream is open."""
    q = urllib.request.Request(server.url + "/v1/events", headers={"Authorization": "Bearer " + server.token})
    if last is not None:
        q.add_header("Last-Event-ID", str(last))
    got, one = [], {}
    with urllib.request.urlopen(q, context=ssl.create_default_context(cafile=server.ca), timeout=20) as r:
        then()
        for line in r:
            line = line.decode().rstrip("\n")
            if line == "" and "data" in one:
                got.append(dict(one, data=json.loads(one["data"])))
                one = {}
                if len(got) == count:
                    return got
            elif ":" in line and not line.startswith(":"):
                k, v = line.split(":", 1)
                one[k] = one.get(k, "") + v.lstrip(" ")
    return got


def example(path, known):
    return re.sub(r"\{(\w+)\}", lambda m: known[m.group(1)], path)


try:
    store = os.environ.get("ASSAY_API_STORE", f"sqlite:{tmp}/data/assay.db")
    s = Server(tmp + "/data", "--store", store)
    fleet(store, HOSTS)
    hosts = s.call("GET", "/v1/hosts?limit=1000")["hosts"]
    one = next(h for h in hosts if h["name"] == "host-00010")
    known = {"id": one["id"], "name": "base", "version": "latest", "number": "1"}

    # ---- nobody, and anybody ----
    public = {"POST /v1/agent/enrol", "POST /v1/agent/activate", "GET /v1/health", "GET /v1/openapi.json"}
    is_({f"{m} {p}" for m, p, op in s.routes if op["x-principal"] == "public"}, public, "these routes are public, and no others")
    ok(len(s.routes) >= 30, f"{len(s.routes)} routes are in the description")
    for token, who in (("", "without credentials"), ("0" * 64, "with another token"), ("x", "with a word")):
        got = {f"{m} {p}": s.call(m, example(p, known), b"{}" if "requestBody" in op else None, token=token).status
            for m, p, op in s.routes if f"{m} {p}" not in public}
        is_({k: v for k, v in got.items() if v != 401}, {}, f"{who} every route but those is 401 ({len(got)})")
    is_({p: s.call("GET", p, token="").status for p in ("/v1/health", "/v1/openapi.json")},
        {"/v1/health": 200, "/v1/openapi.json": 200}, "public ones answer anybody")
    is_(s.call("POST", "/v1/agent/enrol", b"junk", token="", type="application/vnd.assay.message").status, 400, "and refuse junk")
    a = s.call("GET", "/v1/hosts", token="", headers={"Authorization": "Basic YTpi"})
    is_((a.status, a.headers.get("WWW-Authenticate")), (401, "Bearer"), "another scheme is not known")
    for m, p in (("GET", "/"), ("GET", "/v2/hosts"), ("GET", "/v1/nothing")):
        is_(s.call(m, p, token="").status, 404, f"{m} {p} is nowhere")
    is_(s.call("PUT", "/v1/hosts", b"x").status, 405, "a method that a path lacks")

    # ---- roles ----
    tokens = {}
    for role in ("viewer", "operator", "admin"):
        a = s.call("POST", "/v1/principals", {"name": "the-" + role, "role": role})
        is_((a.status, a["role"], len(a["token"])), (201, role, 64), f"a token for a {role}")
        tokens[role] = a["token"]
    order = ["viewer", "operator", "admin"]
    for role in order:
        wrong = {}
        for m, p, op in s.routes:
            need = op["x-principal"]
            if need == "public" or p == "/v1/events":
                continue
            may = need in order and order.index(role) >= order.index(need)
            if may and m != "GET":
                continue        # it would be done
            status = s.call(m, example(p, known), b"{}" if "requestBody" in op else None, token=tokens[role]).status
            if (status == 403) == may or (may and status not in (200, 400, 404)):
                wrong[f"{m} {p}"] = status
        is_(wrong, {}, f"a {role} may what its role says, and gets 403 for the rest")
    a = s.call("POST", "/v1/principals", {"name": "the-viewer", "role": "admin"}, token=tokens["admin"])
    is_((a.status, a.code), (409, "conflict"), "a name twice is a conflict")
    mine = {p["name"]: p for p in s.call("GET", "/v1/principals")["principals"]}
    is_([(mine[n]["role"], mine[n]["who"], "token" in mine[n]) for n in ("first", "the-viewer")],
        [("admin", "assay server", False), ("viewer", "first", False)], "the list says who made whom, and no token")
    is_(s.call("DELETE", f"/v1/principals/{mine['the-viewer']['number']}").status, 204, "one is revoked")
    is_(s.call("GET", "/v1/status", token=tokens["viewer"]).status, 401, "and is nobody at once")
    is_(s.call("DELETE", f"/v1/principals/{mine['the-viewer']['number']}").status, 404, "once")
    is_(s.call("DELETE", f"/v1/principals/{mine['first']['number']}", token=tokens["admin"]).status, 204,
        "an administrator takes another's token away")
    a = s.call("DELETE", f"/v1/principals/{mine['the-admin']['number']}", token=tokens["admin"])
    is_((a.status, a.code), (409, "conflict"), "but the last one stays")
    is_(s.call("GET", "/v1/status").status, 401, "the first token is gone")
    s.token = tokens["admin"]
    for body, what in (({}, "nothing"), ({"name": "a b", "role": "viewer"}, "a name with a blank"),
            ({"name": "x", "role": "root"}, "another role"), ({"name": "f" * 32, "role": "viewer"}, "a host's id as name"),
            ({"name": "x", "role": "viewer", "kind": "password"}, "another kind"), ({"name": "x", "role": "viewer", "days": 0}, "no days"),
            ({"name": "x", "role": "viewer", "days": 10 ** 9}, "too many days"), ({"name": "x", "role": "viewer", "more": 1}, "an unknown member"),
            ({"name": "x", "role": "viewer", "kind": "certificate"}, "a certificate without a request"),
            ({"name": "x", "role": "viewer", "csr": "x"}, "a request for a token"),
            ({"name": "x", "role": "viewer", "kind": "certificate", "csr": "x"}, "a request that is none"), ([], "a list"),
            ({"name": 1, "role": "viewer"}, "a number as name")):
        is_(s.call("POST", "/v1/principals", body).status, 400, f"a principal: {what}")

    # ---- a certificate instead ----
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
        tmp + "/ann.key", "-subj", "/CN=root", "-out", tmp + "/ann.csr"], check=True, capture_output=True)
    a = s.call("POST", "/v1/principals", {"name": "ann", "role": "operator", "kind": "certificate", "csr": open(tmp + "/ann.csr").read(), "days": 7})
    is_((a.status, a["kind"], "token" in a.json), (201, "certificate", False), "a certificate for a request")
    open(tmp + "/ann.pem", "w").write(a["certificate_pem"])
    subject = subprocess.run(["openssl", "x509", "-in", tmp + "/ann.pem", "-noout", "-subject"], capture_output=True, text=True).stdout
    like(subject, r"CN ?= ?ann", "its name is the one that was given, not the one that was asked for")
    ann = (tmp + "/ann.pem", tmp + "/ann.key")
    is_(s.call("GET", "/v1/status", token="", cert=ann).status, 200, "who has its key gets in")
    is_(s.call("GET", "/v1/principals", token="", cert=ann).status, 403, "with the role it was given")
    is_(s.call("POST", "/v1/agent/attest", b"", token="", cert=ann, type="application/vnd.assay.message").status, 403, "and is no host")
    is_(s.call("GET", "/v1/status", token="0" * 64, cert=ann).status, 401, "a wrong token beside it counts")
    is_(s.call("DELETE", f"/v1/principals/{a['number']}").status, 204, "it is revoked")
    is_(s.call("GET", "/v1/status", token="", cert=ann).status, 401, "and opens nothing")

    # ---- pages ----
    for limit in (1000, 333, 7):
        names, after, pages = [], None, 0
        while pages < 300:
            a = s.call("GET", f"/v1/hosts?limit={limit}" + (f"&after={urllib.parse.quote(after)}" if after else ""))
            names += [h["name"] for h in a["hosts"]]
            pages, after = pages + 1, a["next"]
            if after is None:
                break
        want = sorted(f"host-{i:05}" if i != 7 else "odd\\x0aname\\xff" for i in range(1, HOSTS + 1))
        is_((len(names), sorted(set(names)) == want, pages), (HOSTS, True, -(-HOSTS // limit)), f"pages of {limit}: every host once")
    is_([h["name"] for h in s.call("GET", "/v1/hosts?name=host-0001")["hosts"]], [f"host-{i:05}" for i in range(10, 20)], "by the beginning of a name")
    is_(len(s.call("GET", "/v1/hosts?verdict=untrusted&limit=1000")["hosts"]), HOSTS // 10, "by verdict")
    is_(len(s.call("GET", "/v1/hosts?label=role%3Dweb&limit=1000")["hosts"]), HOSTS // 2, "by label")
    is_(len(s.call("GET", "/v1/hosts?pending=true")["hosts"]), 10, "those that wait")
    a = s.call("GET", "/v1/status").json
    is_((sum(a[k] for k in ("trusted", "untrusted", "undecided", "unknown")), a["pending"], a["untrusted"]),
        (HOSTS - 10, 10, HOSTS // 10), "the counts")
    for q, code in (("limit=1001", "parameter"), ("limit=-1", "parameter"), ("limit=x", "parameter"), ("after=junk", "after"),
            ("after=1.%2F%2F", "after"), ("verdict=good", "verdict"), ("frob=1", "unknown-parameter"), ("limit=1&limit=2", None)):
        a = s.call("GET", "/v1/hosts?" + q)
        ok(a.status == 400, f"/v1/hosts?{q} is refused") or print("#", a.status, a.body)

    # ---- one host ----
    a = s.call("GET", f"/v1/hosts/{one['id']}")
    h = a.json
    is_([h[k] for k in ("name", "verdict", "reachability", "trust_mode", "policy", "entries", "findings_total")],
        ["host-00010", "untrusted", "fresh", "ek-list", "base", 3, 2], "a host and how it stands")
    is_([(f["path"], f.get("seen")) for f in h["findings"]], [("/opt/only-10", "sha256:00"), ("/opt/10\\x0a", None)], "with what speaks against it")
    like(h["reason"], "^/opt/only-10: the path is not in the policy", "and why")
    is_(s.call("GET", f"/v1/hosts/{one['id']}", headers={"If-None-Match": a.etag}).status, 304, "unchanged: 304")
    is_((one["findings"], one["reason"]), (h["findings"], h["reason"]), "the list of hosts says so too")
    is_({x["verdict"] for x in hosts if x["name"] == "host-00002"}, {"undecided"}, "a verdict that ran out reads undecided")
    for id in ("0" * 32, "x", one["id"].upper(), one["id"] + "0", "..", "%00" * 8):
        is_(s.call("GET", f"/v1/hosts/{id}").status in (400, 404), True, f"/v1/hosts/{id} is no host")
    a = s.call("GET", f"/v1/hosts/{one['id']}/history")
    is_([(v["verdict"], v["to"]) for v in a["history"]], [("untrusted", None)], "its history")
    b = s.call("GET", f"/v1/bundles/{a['history'][0]['bundle']}")
    is_((b.type, b.body), ("application/octet-stream", b"evidence of host 10"), "and the evidence behind it")
    for n in ("0", "99999999", "-1", "x", "1" * 30):
        is_(s.call("GET", f"/v1/bundles/{n}").status, 404, f"no bundle {n}")
    is_([x["number"] for x in s.call("GET", f"/v1/hosts/{one['id']}/bundles")["bundles"]], [a["history"][0]["bundle"]], "its bundles")
    a = s.call("GET", f"/v1/hosts/{one['id']}/boots")
    is_([(x["boot"], x["entries"], x["current"]) for x in a["boots"]], [("00000001:boot", 3, True)], "its boots")
    big = next(h for h in hosts if h["name"] == "host-00009")
    a = s.call("GET", f"/v1/hosts/{big['id']}/entries")
    is_(([x["number"] for x in a["entries"]], a["total"], a["next"]), ([1, 2, 3, 4, 5, 6, 7], 7, None), "its list")
    odd = a["entries"][5]
    import base64, hashlib
    is_((odd["path"], base64.b64decode(odd["path_b64"]), odd["digest"]), ("/usr/bin/odd\\x0aname\\xff", b"/usr/bin/odd\nname\xff",
        "sha256:" + hashlib.sha256(b"/usr/bin/odd\nname\xff").hexdigest()), "any path is told exactly")
    a = s.call("GET", f"/v1/hosts/{big['id']}/entries?from=3&limit=2")
    is_(([x["number"] for x in a["entries"]], a["next"]), ([3, 4], 5), "a page of it")
    is_(s.call("GET", f"/v1/hosts/{big['id']}/entries?from=99")["entries"], [], "behind its end there is nothing")
    is_(s.call("GET", f"/v1/hosts/{big['id']}/entries?boot=1").status, 404, "another host's boot is not its own")
    pend = next(h for h in hosts if h["registration"] == "pending")
    is_(s.call("GET", f"/v1/hosts/{pend['id']}/entries").status, 404, "who has shown nothing has no list")
    a = s.call("GET", f"/v1/hosts/{one['id']}/identities")["identities"]
    is_([(x["current"], x["trust_mode"], base64.b64decode(x["ak_public_b64"]) == open(GOLDEN + "/ak.pub", "rb").read()) for x in a],
        [(True, "ek-list", True)], "its keys")
    pem = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=a[0]["ak_pem"].encode(), capture_output=True).stdout
    want = subprocess.run(["openssl", "pkey", "-pubin", "-in", GOLDEN + "/ak.pem", "-outform", "DER"], capture_output=True).stdout
    ok(pem == want != b"", "in a form that openssl reads")

    # ---- search ----
    digest = hashlib.sha256(b"/opt/only-10").hexdigest()
    a = s.call("GET", f"/v1/search?digest=sha256:{digest}")
    is_(([x["name"] for x in a["hosts"]], a["total"], a["entries"], a["hosts"][0]["now"]), (["host-00010"], 1, 1, True), "who ran this digest")
    a = s.call("GET", "/v1/search?path=/usr/bin/odd%0Aname%FF&limit=1000")
    is_((len(a["hosts"]), a["total"], a["next"]), (HOSTS // 5 - 0, HOSTS // 5, None), "who ran this path, whatever its bytes")
    got, after = [], 0
    while True:
        a = s.call("GET", f"/v1/search?path=/usr/bin/bash&limit=400&after={after}")
        got += [x["id"] for x in a["hosts"]]
        if a["next"] is None:
            break
        after = a["next"]
    is_((len(got), len(set(got)), a["total"]), (HOSTS - 10, HOSTS - 10, HOSTS - 10), "in pages, each once")
    is_(s.call("GET", "/v1/search?key=01020304")["hosts"], [], "a key that signed nothing")
    for q in ("", "?digest=sha256", "?digest=sha256:00", "?digest=md17:00", "?digest=sha256:" + "g" * 64, "?key=1", "?key=0102030405", "?path=/a&key=01020304"):
        is_(s.call("GET", "/v1/search" + q).status, 400, f"/v1/search{q} asks nothing")
    a = s.call("GET", "/v1/entries?path=/opt/only-10")
    is_([(x["path"], x["digest"], x["first_host"]) for x in a["entries"]], [("/opt/only-10", "sha256:" + digest, one["id"])], "the measurement itself")
    n, after = 0, 0
    while after is not None:
        a = s.call("GET", f"/v1/entries?limit=1000&after={after}")
        n, after = n + len(a["entries"]), a["next"]
    is_(n, HOSTS - 10 + 6, "all measurements of the fleet, each once")

    # ---- changes ----
    a = s.call("PATCH", f"/v1/hosts/{one['id']}", {"labels": {"canary": "yes", "role": None}})
    is_((a.status, a["labels"]), (200, {"canary": "yes"}), "labels are merged, null removes")
    a = s.call("PATCH", f"/v1/hosts/{one['id']}", {"name": "db \u00e9"})
    is_((a["name"], a["labels"]), ("db \\xc3\\xa9", {"canary": "yes"}), "another name")
    for body, what in (({"labels": []}, "labels as a list"), ({"labels": {"a": 1}}, "a number"), ({"labels": {"": "x"}}, "no key"),
            ({"labels": {"a=b": "x"}}, "a key with ="), ({"labels": {"a": "x,y"}}, "a value with a comma"), ({"name": ""}, "no name"),
            ({"name": "a\nb"}, "a name of two lines"), ({"name": 1}, "a number as name"), ({"verdict": "trusted"}, "a verdict"),
            ({"labels": {f"k{i}": "v" for i in range(99)}}, "too many labels"), (b"{", "half an object"), (b"", "nothing"),
            (b'{"name":"a","name":"b"}', "a member twice"), (b'{"name":"\xff"}', "bytes that are no UTF-8")):
        is_(s.call("PATCH", f"/v1/hosts/{one['id']}", body).status, 400, f"a change: {what}")
    is_(s.call("PATCH", f"/v1/hosts/{one['id']}", b'{"labels":' + b"[" * 10000).status, 413, "a change: too deep")
    is_(s.call("PATCH", f"/v1/hosts/{one['id']}", b"name=x", type="application/x-www-form-urlencoded").status, 415, "a form is not JSON")
    is_(s.call("PATCH", f"/v1/hosts/{one['id']}", b"{" + b" " * (1 << 20) + b"}").status, 413, "a body that is too large")
    a = s.call("POST", f"/v1/hosts/{pend['id']}/approve")
    is_((a.status, a["registration"]), (200, "enrolled"), "an operator approves")
    is_(s.call("DELETE", f"/v1/hosts/{pend['id']}")["registration"], "removed", "and removes")
    a = s.call("POST", f"/v1/hosts/{pend['id']}/approve")
    is_((a.status, a.code), (409, "removed"), "who was removed is not approved")

    # ---- policies ----
    p1, p2 = policy("one", **{"/a": "00" * 32}), policy("two", **{"/a": "11" * 32})
    put = lambda body, **h: s.call("PUT", "/v1/policies/base", body, headers={k.replace("_", "-"): v for k, v in h.items()})
    is_(put(p1, If_Match='"' + "0" * 64 + '"').status, 412, "If-Match on a policy that is not there")
    a = put(p1, If_None_Match="*")
    is_((a.status, a.etag), (201, '"' + hashlib.sha256(p1).hexdigest() + '"'), "a new policy has its digest as its tag")
    v1 = a["version"]
    is_((put(p1).status, put(p1, If_None_Match="*").status), (200, 412), "the same again is 200, or refused where a new one is demanded")
    is_(put(p2, If_Match=f'"{v1}"').status, 201, "the next version, knowing the last")
    a = put(policy("three"), If_Match=f'"{v1}"')
    is_((a.status, a.code), (412, "changed"), "somebody who does not know it is refused")
    a = s.call("GET", "/v1/policies")
    is_([p["name"] for p in a["policies"]], ["base", "base"], "two versions are listed")
    is_(s.call("GET", "/v1/policies", headers={"If-None-Match": a.etag}).status, 304, "unchanged: 304")
    is_(s.call("GET", "/v1/policies?name=other")["policies"], [], "by name")
    a = s.call("GET", f"/v1/policies/base/{v1}")
    is_((a.body, a.etag), (p1, f'"{v1}"'), "a version as it came")
    is_(s.call("GET", f"/v1/policies/base/{v1}", headers={"If-None-Match": f'"{v1}"'}).status, 304, "who has it")
    is_(s.call("GET", "/v1/policies/base/latest").body, p2, "the newest")
    is_([s.call("GET", f"/v1/policies/{x}").status for x in ("base/" + "0" * 64, "no/latest", "base/x")], [404] * 3, "others are not there")
    for name, body, what in (("a%2Fb", p1, "a name with a slash"), ("a%20b", p1, "with a blank"), ("x" * 129, p1, "too long"),
            ("ok", b"", "nothing"), ("ok", b"junk", "junk"), ("ok", b'{"assay_policy":99}', "a newer format"),
            ("ok", b'{"assay_policy":1,"layers":[{"name":"x","files":{"/a":["sha256:0"]}}]}', "a digest that is short")):
        is_(s.call("PUT", f"/v1/policies/{name}", body).status, 400, f"a policy: {what}")

    tag = s.call("GET", "/v1/assignments").etag
    a = s.call("POST", "/v1/assignments", {"policies": ["base"], "labels": "role=web", "rank": 5}, headers={"If-Match": tag})
    is_((a.status, a["set"], a["labels"], a["rank"], a["who"]), (201, "base", "role=web", 5, "the-admin"), "an assignment")
    b = s.call("POST", "/v1/assignments", {"policies": ["base"]}, headers={"If-Match": tag})
    is_((b.status, b.code), (412, "changed"), "whoever knows an older list is refused")
    number = a["number"]
    a = s.call("POST", "/v1/assignments", {"policies": [{"policy": "base", "version": v1}], "labels": "role=web", "rank": 5, "overlap_s": 60})
    listed = s.call("GET", "/v1/assignments")["assignments"]
    is_([(x["number"], x["ended"] is None, x["holds_until"] is None) for x in listed],
        [(a["number"], True, True), (number, False, False)], "the next ends it, and both hold for the overlap")
    is_(s.call("DELETE", f"/v1/assignments/{a['number']}").status, 204, "one is ended")
    is_(s.call("DELETE", f"/v1/assignments/{a['number']}").status, 404, "once")
    is_(len(s.call("GET", "/v1/assignments?all=true")["assignments"]), 2, "the record keeps them")
    for body, what in (({}, "nothing"), ({"policies": []}, "no policy"), ({"policies": "base"}, "a word"), ({"policies": [1]}, "a number"),
            ({"policies": ["base"], "labels": "x"}, "a label without a value"), ({"policies": ["base"], "labels": "a=b,"}, "a comma at the end"),
            ({"policies": ["base"], "labels": {"a": "b"}}, "labels as an object"), ({"policies": ["base"], "overlap_s": -1}, "an overlap before"),
            ({"policies": ["base"], "overlap_s": 10 ** 9}, "an overlap for ever"), ({"policies": ["base"], "rank": "1"}, "a rank in words"),
            ({"policies": ["nothing"]}, "a policy that is not there"), ({"policies": [{"policy": "base", "version": "0"}]}, "a version that is not there")):
        is_(s.call("POST", "/v1/assignments", body).status in (400, 404), True, f"an assignment: {what}")

    # ---- events ----
    got = events(s, count=1, then=lambda: s.call("PATCH", f"/v1/hosts/{one['id']}", {"labels": {"live": "1"}}))
    is_([(e["event"], e["data"]["id"], e["data"]["who"]) for e in got], [("changed", one["id"], "the-admin")], "an event as it happens")
    like(got[0]["data"]["at"], r"^\d{4}-\d\d-\d\dT.*Z$", "with its moment")
    again = events(s, last=int(got[0]["id"]) - 1, count=1)
    is_([(e["event"], e["id"]) for e in again], [("changed", got[0]["id"])], "and again, for who asks from before it")
    got = events(s, last=0, count=300)
    ids = [int(e["id"]) for e in got]
    is_(ids, sorted(set(ids)), "all there ever were, in order, each once")

    t = s.call("POST", "/v1/principals", {"name": "ear", "role": "viewer"}).json
    heard = subprocess.Popen(["curl", "-sN", "--cacert", s.ca, "-H", "Authorization: Bearer " + t["token"], s.url + "/v1/events"],
        stdout=subprocess.PIPE)
    time.sleep(0.5)
    is_((heard.poll(), s.call("DELETE", f"/v1/principals/{t['number']}").status), (None, 204), "somebody who listens is revoked")
    try:
        heard.wait(5)
    except subprocess.TimeoutExpired:
        heard.kill()
    is_(heard.returncode, 0, "and hears no more")

    # ---- many at once ----
    from concurrent.futures import ThreadPoolExecutor
    now = s.call("GET", "/v1/policies?name=base")["policies"][0]["version"]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda i: put(policy(f"race {i}"), If_Match=f'"{now}"').status, range(16)))
        is_(sorted(got), [201] + [412] * 15, "of many who push behind the same version one does")
        tag = s.call("GET", "/v1/assignments").etag
        got = list(pool.map(lambda i: s.call("POST", "/v1/assignments", {"policies": ["base"], "rank": i}, headers={"If-Match": tag}).status, range(16)))
        is_(sorted(got), [201] + [412] * 15, "of many who assign to the same list one does")
        other = next(h for h in hosts if h["name"] == "host-00030")
        got = list(pool.map(lambda i: s.call("PATCH", f"/v1/hosts/{other['id']}", {"labels": {f"k{i}": "v"}}).status, range(32)))
        labels = s.call("GET", f"/v1/hosts/{other['id']}")["labels"]
        is_((set(got), len(labels)), ({200}, 33), "of many who label a host each does")

    # ---- the documentation ----
    is_([f"{m} {p}" for m, p, op in s.routes for r in [next(v for k, v in op["responses"].items() if k != "default")]
        if "application/json" in r.get("content", {}) and "schema" not in r["content"]["application/json"]],
        ["GET /v1/openapi.json"], "every JSON answer has a schema")
    is_(json.loads(open_api(["--openapi"]).stdout), s.openapi, "assay --openapi prints what the server serves")
    page = subprocess.run([SOURCE + "/tools/gen-api-doc"], input=json.dumps(s.openapi), capture_output=True, text=True).stdout
    ok(page == open(SOURCE + "/docs/api.md").read(), "docs/api.md is of this table (assay --openapi | tools/gen-api-doc)")
    is_(s.mismatches[:10], [], "every answer was of its schema, every refusal a problem")
    is_(s.process.poll(), None, "and the server lives")
except Exception:
    import traceback
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    print("# " + open(tmp + "/data.log").read()[-2000:].replace("\n", "\n# ") if os.path.exists(tmp + "/data.log") else "")
finally:
    close()
done()
