#!/usr/bin/env python3
"""What `policy simulate` predicts is what happens: real evidence of software TPMs, pending policies
simulated, then assigned, and the verdicts compared; and simulating itself changes nothing."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import *
from api_kit import *

for tool in ("swtpm", "swtpm_setup", "tpm2_createek", "openssl"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")


def sha(b):
    return hashlib.sha256(b).hexdigest()


def files(*names):
    return policy("test", **{f"/usr/bin/{n}": sha(n.encode()) for n in names})


def push(name, body):
    a = s.call("PUT", f"/v1/policies/{name}", body)
    assert a.status in (200, 201), a.body
    return a["version"]


def simulate(*args, status=None):
    r = open_api(["policy", "simulate", *args, "--json", "--data", s.data])
    j = json.loads(r.stdout)
    bad = s.check(j, {"$ref": "#/components/schemas/Simulation"})
    if bad:
        s.mismatches.append(("simulate", bad))
    if status is not None:
        is_(r.returncode, status, f"policy simulate {' '.join(args)}: exit {status}")
    return j


def changes(j):
    return {x["name"]: (x["before"], x["after"]) for x in j["changes"]}


def verdicts():
    return {h["name"]: h["verdict"] for h in s.call("GET", "/v1/hosts")["hosts"]}


def assign(*names, **more):
    a = s.call("POST", "/v1/assignments", dict(policies=list(names), **more))
    assert a.status == 201, a.body
    return a


try:
    s = Server(tmp + "/data", "--first-use", "--interval", "3600")
    agents = {}
    for name in ("alpha", "beta", "gamma"):
        t = Tpm(f"{tmp}/{name}").start()
        closing.append(t.stop)
        t.keys()
        agents[name] = Agent(t, s.url, s.ca, name).enrol()
        s.call("POST", f"/v1/hosts/{agents[name].id}/approve")
        s.call("PATCH", f"/v1/hosts/{agents[name].id}", {"labels": {"role": "web" if name == "alpha" else "db"}})
    a, b, g = (agents[n] for n in ("alpha", "beta", "gamma"))
    push("base", files("one", "two", "three"))
    assign("base")
    for x in (a, b):
        x.kernel.boot()
        x.kernel.measure("/usr/bin/one", b"one")
        x.attest()
    a.kernel.measure("/usr/bin/two", b"two")    # behind the bundle: the verdict did not change
    a.attest()
    is_(verdicts(), {"alpha": "trusted", "beta": "trusted", "gamma": "unknown"}, "two hosts are trusted, one has shown nothing")
    is_(s.call("GET", f"/v1/hosts/{a.id}")["entries"], 3, "with an entry that is in no bundle")
    before = (s.call("GET", "/v1/assignments").body, verdicts(), s.call("GET", f"/v1/hosts/{a.id}/history").body)

    # ---- what would turn red ----
    j = simulate("base", status=0)
    is_((changes(j), j["trusted"], j["unchanged"], j["without_evidence"], j["hosts"], j["done"]), ({}, 2, 2, 1, 3, 3), "the same policy changes nothing")
    push("base", files("one", "three"))
    j = simulate("base", status=1)
    is_(changes(j), {"alpha": ("trusted", "untrusted")}, "without what one host ran: that one")
    x = j["changes"][0]
    is_([(f["code"], f["path"], f["entry"]) for f in x["findings"]], [("not-in-policy", "/usr/bin/two", 3)], "because of an entry that only later quotes covered")
    is_([(c["path"], c["hosts"], c["seen"]) for c in j["causes"]], [("/usr/bin/two", 1, "sha256:" + sha(b"two"))], "which is named as the cause")
    push("empty", policy("empty"))
    j = simulate("empty", status=1)
    is_((changes(j), {c["path"]: c["hosts"] for c in j["causes"]}), ({"alpha": ("trusted", "untrusted"), "beta": ("trusted", "untrusted")},
        {"/usr/bin/one": 2, "/usr/bin/two": 1}), "a policy that approves nothing: all, with how many of each")
    is_(changes(simulate("empty", "--label", "role=db", status=1)), {"beta": ("trusted", "untrusted")}, "of those with a label")
    is_(changes(simulate("empty", "--label", "role=none", status=0)), {}, "of none")
    is_(changes(simulate("empty", "base", status=1)), {"alpha": ("trusted", "untrusted")}, "two policies in layers")
    v1 = s.call("GET", "/v1/policies?name=base")["policies"][1]["version"]
    is_(changes(simulate("base@" + v1, status=0)), {}, "an older version by its name")
    is_((s.call("GET", "/v1/assignments").body, verdicts(), s.call("GET", f"/v1/hosts/{a.id}/history").body), before, "nothing was changed by all this")

    # ---- and it comes true ----
    assign("base")
    a.attest()
    b.attest()
    is_(verdicts(), {"alpha": "untrusted", "beta": "trusted", "gamma": "unknown"}, "assigned, it happens as predicted")

    # ---- what would turn green ----
    a.kernel.measure("/usr/bin/odd\nname", b"odd")
    a.attest()
    push("base", policy("test", **{"/usr/bin/one": sha(b"one"), "/usr/bin/two": sha(b"two"), "/usr/bin/odd\nname": sha(b"odd")}))
    j = simulate("base", status=0)
    is_(changes(j), {"alpha": ("untrusted", "trusted")}, "approved, one would be trusted again")
    assign("base")
    a.attest()
    is_(verdicts()["alpha"], "trusted", "assigned, it is")
    a.kernel.measure("/usr/bin/hidden", b"hidden")
    a.kernel.records.pop()
    a.attest()
    is_(verdicts()["alpha"], "untrusted", "an entry is withheld")
    push("all", files("one", "two", "three", "hidden"))
    is_(changes(simulate("base", "all", status=0)), {}, "which no policy can turn green")
    a.tpm.reboot()
    a.kernel = Kernel(a.tpm)
    a.kernel.boot()
    a.kernel.measure("/usr/bin/three", b"three")
    a.nonce = None
    a.hello()
    a.attest(start=0)
    is_(verdicts()["alpha"], "untrusted", "after a reboot another program is not approved")
    is_(changes(simulate("all", status=0)), {"alpha": ("untrusted", "trusted")}, "a policy for this boot would turn it green")

    # ---- ranks, and what cannot be simulated ----
    assign("base", labels="role=web", rank=10)
    j = simulate("all")
    is_((changes(j), j["overruled"]), ({}, 1), "who is held by a higher rank is left out, and counted")
    is_(changes(simulate("all", "--rank", "10", status=0)), {"alpha": ("untrusted", "trusted")}, "at the same rank the newer one holds")
    r = open_api(["policy", "simulate", "nothing", "--data", s.data])
    is_((r.returncode, "no policy" in r.stderr), (2, True), "a policy that is not there: exit 2")
    r = open_api(["policy", "simulate", "empty", "--data", s.data])
    like(r.stdout, "^of 1 host 0 would be trusted, 1 untrusted, 0 undecided; 1 would change\n1 more are held by an assignment of higher rank\n"
        "1 more have shown no evidence that is kept\n\nWOULD BE .*\nuntrusted +trusted +beta +/usr/bin/one: ", "for people")
    is_((r.returncode, r.stdout.count("What would turn most hosts untrusted")), (1, 1), "with the causes")
    viewer = s.call("POST", "/v1/principals", {"name": "v", "role": "viewer"})["token"]
    is_(s.call("POST", "/v1/policies/simulate", {"policies": ["base"]}, token=viewer).status, 403, "it is no viewer's to begin")
    for body in ({}, {"policies": []}, {"policies": ["base"], "overlap_s": 1}, {"policies": ["base"], "labels": "x"}):
        is_(s.call("POST", "/v1/policies/simulate", body).status, 400, f"refused: {body}")
    n = s.call("POST", "/v1/policies/simulate", {"policies": ["base"]})["number"]
    is_(s.call("DELETE", f"/v1/simulations/{n}").status, 204, "one is stopped")
    for _ in range(100):
        j = s.call("GET", f"/v1/simulations/{n}").json
        if j["state"] not in ("waiting", "running"):
            break
        time.sleep(0.05)
    ok(j["state"] in ("cancelled", "done"), "and ends")
    for n in (0, 999, "x"):
        is_(s.call("GET", f"/v1/simulations/{n}").status, 404, f"no simulation {n}")
    first = s.call("POST", "/v1/policies/simulate", {"policies": ["base"]})["number"]
    for _ in range(20):
        s.call("POST", "/v1/policies/simulate", {"policies": ["base"]})
    ok(s.call("GET", f"/v1/simulations/{first}").status in (200, 404), "old ones are let go")

    # ---- the evidence behind it, offline ----
    is_(open_api(["evidence", "fetch", "beta", "-o", tmp + "/bundle", "--ak", tmp + "/ak.pem", "--data", s.data]).returncode, 0, "evidence fetch")
    open(tmp + "/policy.json", "wb").write(files("one"))
    verify = ["evidence", "verify", "--bundle", tmp + "/bundle", "--expect-ak", tmp + "/ak.pem", "--expect-nonce", "recorded", "--policy"]
    is_(open_api([*verify, tmp + "/policy.json"]).returncode, 0, "proves the verdict again")
    open(tmp + "/policy.json", "wb").write(policy("empty"))
    is_(open_api([*verify, tmp + "/policy.json"]).returncode, 1, "and another under another policy")
    is_(s.mismatches[:10], [], "every answer was of its schema, every refusal a problem")
except Exception:
    import traceback
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    print("# " + open(tmp + "/data.log").read()[-2000:].replace("\n", "\n# ") if os.path.exists(tmp + "/data.log") else "")
finally:
    close()
done()
