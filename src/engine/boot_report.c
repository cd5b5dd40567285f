/* The boot as JSON: docs/schema/boot-report.schema.json. */
#include "engine/boot.h"
#include "formats/uefi_devpath.h"

static json_t *
switch_or_null(bool have, json_t *j)
{
	if (have)
		return j;
	json_decref(j);
	return json_null();
}

json_t *
boot_log_json(const struct boot_log *log)
{
	json_t *banks = json_array();

	for (size_t i = 0; i < log->log.n_algs; i++) {
		const struct tcg_log_alg *a = &log->log.algs[i];
		char name[16];

		(void)snprintf(name, sizeof(name), "0x%04x", a->id);
		json_array_append_new(banks,
		    json_string(a->alg == DIGEST_NONE ? name : digest_alg_name(a->alg)));
	}
	return json_pack("{s:s, s:I, s:o, s:I, s:o, s:o}",
	    "format", log->log.kind == TCG_LOG_AGILE ? "crypto-agile" : "sha1",
	    "events", (json_int_t)log->n_events, "banks", banks,
	    "padding", (json_int_t)log->log.padding,
	    "startup_locality", switch_or_null(log->has_locality, json_integer(log->locality)),
	    "ends_badly_at", switch_or_null(log->tail.code != 0,
	    json_integer((json_int_t)log->tail.offset)));
}

static json_t *
pcrs_json(const struct boot_report *report)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		const struct boot_pcr *p = &report->pcr[i];
		char key[8];

		/* 10 and 16 up are not the boot's. */
		if (i == 10 || i > 15 || !p->has_value)
			continue;
		(void)snprintf(key, sizeof(key), "%u", i);
		json_object_set_new(all, key, json_pack("{s:o, s:b, s:s}",
		    "value", json_hex(span_of(p->v, digest_alg_size(report->bank))),
		    "quoted", (int)p->quoted, "log", boot_pcr_state_token(p->state)));
	}
	return all;
}

static json_t *
authorities_json(const struct boot_report *report, const struct boot_authority *list, size_t n)
{
	json_t *all = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct boot_authority *a = &list[i];
		bool known = a->fingerprint.alg != DIGEST_NONE;

		json_array_append_new(all, json_pack("{s:I, s:o, s:s, s:o, s:o, s:b}",
		    "event", (json_int_t)a->event, "source", json_escaped(a->source),
		    "kind", boot_authority_token(a->kind),
		    "sha256", switch_or_null(known, json_hex(digest_view(&a->fingerprint))),
		    "subject", switch_or_null(a->subject.n > 0, json_escaped(a->subject)),
		    "authentic", (int)boot_pcr_authentic(report, 7)));
	}
	return all;
}

static json_t *
path_json(struct span path)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_EVENT_LOG * 8);

	if (path.n == 0)
		return json_null();
	(void)uefi_devpath_put(path, &b);
	return json_escaped(buf_view(&b));
}

static json_t *
images_json(const struct boot_report *report)
{
	json_t *all = json_array();

	for (size_t i = 0; i < report->facts.n_images; i++) {
		const struct boot_image *m = &report->facts.images[i];

		json_array_append_new(all, json_pack("{s:I, s:i, s:o, s:b, s:o, s:b}",
		    "event", (json_int_t)m->event, "pcr", (int)m->pcr, "digest", json_hex(m->digest),
		    "authentic", (int)boot_pcr_authentic(report, m->pcr), "path", path_json(m->path),
		    "path_authentic", 0));
	}
	return all;
}

static json_t *
cmdlines_json(const struct boot_report *report)
{
	json_t *all = json_array();

	for (size_t i = 0; i < report->facts.n_cmdlines; i++) {
		const struct boot_cmdline *c = &report->facts.cmdlines[i];

		json_array_append_new(all, json_pack("{s:I, s:i, s:s, s:o, s:o, s:b}",
		    "event", (json_int_t)c->event, "pcr", (int)c->pcr,
		    "source", boot_cmdline_token(c->source),
		    "text", switch_or_null(c->has_text, json_escaped(c->text)),
		    "digest", json_hex(c->digest),
		    "authentic", (int)boot_pcr_authentic(report, c->pcr)));
	}
	return all;
}

static void
add_facts(const struct boot_report *report, json_t *j)
{
	const struct boot_facts *f = &report->facts;
	bool authentic = boot_pcr_authentic(report, 7);

	json_object_set_new(j, "secure_boot", json_pack("{s:s, s:b, s:o, s:b, s:b, s:b}",
	    "state", boot_switch_token(f->secure_boot), "authentic", (int)authentic,
	    "why", switch_or_null(f->secure_boot_why != NULL,
	    json_string(f->secure_boot_why == NULL ? "" : f->secure_boot_why)),
	    "shim_insecure", (int)f->shim_insecure, "debug_mode", (int)f->debug_mode,
	    "dma_protection_off", (int)f->dma_protection_off));
	json_object_set_new(j, "signers", authorities_json(report, f->authorities, f->n_authorities));
	json_object_set_new(j, "db", authorities_json(report, f->db, f->n_db));
	json_object_set_new(j, "images", images_json(report));
	json_object_set_new(j, "cmdline", cmdlines_json(report));
	if (f->sbat_level.n > 0)
		json_object_set_new(j, "sbat_level", json_escaped(f->sbat_level));
}

json_t *
boot_report_json(const struct boot_report *report)
{
	json_t *j = json_object();

	json_object_set_new(j, "event_log", switch_or_null(report->has_log,
	    report->has_log ? boot_log_json(&report->log) : json_null()));
	json_object_set_new(j, "bank", switch_or_null(report->bank != DIGEST_NONE,
	    json_string(digest_alg_name(report->bank))));
	json_object_set_new(j, "pcrs", pcrs_json(report));
	if (report->has_log)
		add_facts(report, j);
	return j;
}
