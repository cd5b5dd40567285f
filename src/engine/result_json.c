#include "engine/result_json.h"

static json_t *
digest_json(const struct digest *d)
{
	BUF_AUTO struct buf b = buf_init(256);

	buf_printf(&b, "%s:", digest_alg_name(d->alg));
	buf_hex(&b, digest_view(d));
	return json_string(buf_cstr(&b));
}

static json_t *
checks_json(const struct result *r)
{
	json_t *checks = json_object();

	for (size_t i = 0; i < CHECK_COUNT; i++) {
		const struct check *c = &r->checks[i];
		json_t *j = json_pack("{s:s, s:s}", "need", c->required ? "required" : "not-required",
		    "state", check_state_token(c->state));

		if (c->detail != NULL)
			json_object_set_new(j, "detail", json_escaped(span_str(c->detail)));
		json_object_set_new(checks, check_token((enum check_id)i), j);
	}
	return checks;
}

json_t *
finding_json(const struct finding *f)
{
	json_t *j = json_pack("{s:s}", "code", reason_code(f->reason));

	json_object_set_new(j, "entry", f->entry == 0 ? json_null() : json_integer((json_int_t)f->entry));
	if (f->path.n > 0) {
		json_object_set_new(j, "path", json_escaped(f->path));
		json_object_set_new(j, "path_b64", json_base64(f->path));
	} else {
		json_object_set_new(j, "path", json_null());
		json_object_set_new(j, "path_b64", json_null());
	}
	if (f->partition.n > 0)
		json_object_set_new(j, "partition", json_escaped(f->partition));
	json_object_set_new(j, "authenticated", json_boolean(f->authenticated));
	json_object_set_new(j, "decides", json_boolean(f->decides));
	if (f->entry != 0)
		json_object_set_new(j, "path_authenticated",
		    json_boolean(f->authenticated && f->path_authenticated));
	if (f->seen.alg != DIGEST_NONE)
		json_object_set_new(j, "seen", digest_json(&f->seen));
	if (f->n_wanted > 0) {
		json_t *wanted = json_array();

		for (size_t i = 0; i < f->n_wanted; i++)
			json_array_append_new(wanted, digest_json(&f->wanted[i]));
		json_object_set_new(j, "wanted", wanted);
	}
	if (f->keyid != 0)
		json_object_set_new(j, "keyid", json_sprintf("%08x", f->keyid));
	json_object_set_new(j, "message", json_escaped(span_str(f->text)));
	return j;
}

static json_t *
findings_json(const struct result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_findings; i++)
		json_array_append_new(list, finding_json(&r->findings[i]));
	return list;
}

/* The replayed values, by bank, each with the entry behind which the quote has it. */
static json_t *
pcr_json(const struct match *m)
{
	json_t *bank = json_object(), *all = json_object();
	const struct pcr_values *v = m->kind == MATCH_NONE || m->kind == MATCH_TOO_SHORT ?
	    &m->at_end : &m->at_match;

	for (unsigned i = 0; i < REPLAY_PCRS; i++) {
		char name[8];

		if (((v->used >> i) & 1) == 0)
			continue;
		(void)snprintf(name, sizeof(name), "%u", i);
		json_object_set_new(bank, name, json_pack("{s:o, s:b, s:I}",
		    "value", json_hex(pcr_value(v, i)), "quoted", m->authenticated[i] > 0,
		    "entries", (json_int_t)m->authenticated[i]));
	}
	json_object_set_new(all, digest_alg_name(v->bank), bank);
	return all;
}

static json_t *
ima_policies_json(const struct evidence_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->n_ima_policies; i++) {
		const struct ima_policy_seen *p = &report->ima_policies[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:b, s:b}", "path", json_escaped(p->path),
		    "path_b64", json_base64(p->path), "digest", digest_json(&p->digest),
		    "entry", p->entry == 0 ? json_null() : json_integer((json_int_t)p->entry),
		    "authenticated", (int)p->authenticated, "approved", (int)p->approved));
	}
	return list;
}

json_t *
result_json(const struct result *r, const struct evidence_report *report)
{
	json_t *j = json_pack("{s:i, s:s, s:s}", "assay_result", 1,
	    "scope", r->integrity_only ? "integrity" : "policy", "verdict", verdict_token(r->verdict));
	json_t *warnings = json_array();

	json_object_set_new(j, "checks", checks_json(r));
	json_object_set_new(j, "entries", json_pack("{s:I, s:I, s:I, s:I, s:I}",
	    "total", (json_int_t)report->total, "authenticated", (json_int_t)report->authenticated,
	    "trusted", (json_int_t)report->trusted, "findings", (json_int_t)report->findings,
	    "violations", (json_int_t)report->violations));
	json_object_set_new(j, "findings", findings_json(r));
	json_object_set_new(j, "pcr", pcr_json(&report->match));
	json_object_set_new(j, "ima_policies", ima_policies_json(report));
	json_object_set_new(j, "boot", report->boot == NULL ? json_null() : json_incref(report->boot));
	for (size_t i = 0; i < r->n_warnings; i++)
		json_array_append_new(warnings, json_escaped(span_str(r->warnings[i])));
	json_object_set_new(j, "warnings", warnings);
	return j;
}
