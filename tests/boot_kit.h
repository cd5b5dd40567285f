/* boot_kit.h: recorded boots, changed as an attacker or a firmware would change them.
 *
 * kit_open reads a recorded log with its PCRs and boot_aggregate.  kit_rewrite writes the
 * log again, each event through a callback that may alter it; kit_append adds one and
 * extends the PCR values with it, as somebody who is root can do after the boot.
 */
#ifndef BOOT_KIT_H
#define BOOT_KIT_H

#include "crypto/digest.h"
#include "engine/boot.h"
#include "formats/ima_log.h"
#include "tests/golden.h"

struct kit {
	struct file log_file, list_file;
	struct buf log;			/* what is judged; at first a copy of log_file */
	struct tpm_pcrs pcrs;		/* all that the TPM held */
	struct digest aggregate;
	struct boot_input in;
};

static struct file
kit_file(const char *name, const char *what)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", name, what);
	return golden(path);
}

static void
kit_aggregate(struct kit *k)
{
	struct ima_log list;
	struct ima_entry n;
	struct err e = { 0 };

	if (ima_log_open(file_view(&k->list_file), &list, &e) != 0 || ima_log_next(&list, &n, &e) != 1 ||
	    !ima_entry_is_boot_aggregate(&n) ||
	    !digest_make(n.file_alg == DIGEST_NONE ? DIGEST_SHA1 : n.file_alg, n.file_digest, &k->aggregate)) {
		printf("Bail out! no boot_aggregate\n");
		exit(99);
	}
	ima_log_close(&list);
}

__attribute__((unused)) static void
kit_open(const char *name, struct kit *k)
{
	bool vm = strcmp(name, "debian12-vm") == 0;
	struct err e = { 0 };

	*k = (struct kit){ .log = buf_init(MIB(16)) };
	k->log_file = kit_file(name, "eventlog.bin");
	k->list_file = kit_file(name, vm ? "list1.bin" : "list.bin");
	struct file pcrs = kit_file(name, vm ? "pcrs1.txt" : "pcrs.txt");
	if (tpm_pcrs_parse(file_view(&pcrs), &k->pcrs, &e) != 0) {
		printf("Bail out! %s: %s\n", name, e.message);
		exit(99);
	}
	file_free(&pcrs);
	kit_aggregate(k);
	buf_span(&k->log, file_view(&k->log_file));
	k->in = (struct boot_input){ .aggregates_authenticated = true };
}

__attribute__((unused)) static void
kit_close(struct kit *k)
{
	buf_free(&k->log);
	file_free(&k->log_file);
	file_free(&k->list_file);
}

/* An event to be written; digests of ${cover} are made where ${remake} is set. */
struct kit_event {
	struct tcg_event ev;
	bool remake, drop;
	struct span cover;
};

static void
kit_put(const struct tcg_log *log, const struct kit_event *x, struct buf *b)
{
	const struct tcg_event *ev = &x->ev;
	bool legacy = ev->number == 1 || log->kind == TCG_LOG_SHA1;

	buf_le32(b, ev->pcr);
	buf_le32(b, ev->type);
	if (!legacy)
		buf_le32(b, (uint32_t)ev->n_digests);
	for (size_t i = 0; i < ev->n_digests; i++) {
		struct digest d;
		struct span bytes = ev->digests[i].bytes;

		if (x->remake && digest_of(ev->digests[i].alg, x->cover, &d, NULL) == 0)
			bytes = digest_view(&d);
		if (!legacy)
			buf_le16(b, ev->digests[i].id);
		buf_span(b, bytes);
	}
	buf_le32(b, (uint32_t)ev->data.n);
	buf_span(b, ev->data);
}

typedef void kit_change(struct kit_event *x, void *cookie);

__attribute__((unused)) static void
kit_rewrite(struct kit *k, kit_change *change, void *cookie)
{
	struct buf out = buf_init(MIB(16));
	struct tcg_log log;
	struct tcg_event ev;

	if (tcg_log_open(buf_view(&k->log), &log, NULL) != 0)
		abort();
	while (tcg_log_next(&log, &ev, NULL) > 0) {
		struct kit_event x = { .ev = ev };

		change(&x, cookie);
		if (!x.drop)
			kit_put(&log, &x, &out);
	}
	buf_free(&k->log);
	k->log = out;
}

/* The PCR values, all banks, as if ${cover}'s digest had been extended. */
__attribute__((unused)) static void
kit_extend(struct kit *k, unsigned pcr, struct span cover)
{
	for (size_t i = 0; i < k->pcrs.n_banks; i++) {
		struct tpm_pcr_bank *bank = &k->pcrs.banks[i];
		HASHER_AUTO struct hasher *h = NULL;
		struct digest d;

		if (hasher_new(bank->alg, &h, NULL) != 0 || digest_of(bank->alg, cover, &d, NULL) != 0 ||
		    !hasher_run(h, span_of(bank->v[pcr], d.size), digest_view(&d), bank->v[pcr]))
			abort();
	}
}

__attribute__((unused)) static void
kit_append(struct kit *k, unsigned pcr, uint32_t type, struct span data, struct span cover)
{
	struct kit_event x = { .remake = true, .cover = cover };
	struct tcg_log log;

	if (tcg_log_open(buf_view(&k->log), &log, NULL) != 0)
		abort();
	x.ev = (struct tcg_event){ .number = 2, .pcr = pcr, .type = type, .data = data,
	    .n_digests = log.n_algs };
	for (size_t i = 0; i < log.n_algs; i++) {
		x.ev.digests[i].id = log.algs[i].id;
		x.ev.digests[i].alg = log.algs[i].alg;
	}
	kit_put(&log, &x, &k->log);
	kit_extend(k, pcr, cover);
}

/* Only these PCRs are quoted. */
__attribute__((unused)) static void
kit_quote_only(struct kit *k, uint32_t mask)
{
	for (size_t i = 0; i < k->pcrs.n_banks; i++)
		k->pcrs.banks[i].mask &= mask;
}

/* Judge what the kit holds now. */
__attribute__((unused)) static int
kit_judge(struct kit *k, struct boot_report *report, struct result *r, struct err *e)
{
	k->in.event_log = buf_view(&k->log);
	k->in.pcrs = k->pcrs.banks;
	k->in.n_pcrs = k->pcrs.n_banks;
	k->in.aggregates = &k->aggregate;
	k->in.n_aggregates = !k->in.log_alone;
	return boot_appraise(&k->in, report, r, e);
}

__attribute__((unused)) static bool
kit_has(const struct result *r, enum reason reason, const char *words)
{
	for (size_t i = 0; i < r->n_findings; i++)
		if (r->findings[i].reason == reason && strstr(r->findings[i].text, words) != NULL)
			return true;
	return false;
}

__attribute__((unused)) static bool
kit_warns(const struct result *r, const char *words)
{
	for (size_t i = 0; i < r->n_warnings; i++)
		if (strstr(r->warnings[i], words) != NULL)
			return true;
	return false;
}

__attribute__((unused)) static void
kit_show(const struct result *r)
{
	for (size_t i = 0; i < r->n_findings; i++)
		diag("%s: %s", reason_code(r->findings[i].reason), r->findings[i].text);
	for (size_t i = 0; i < r->n_warnings; i++)
		diag("warning: %s", r->warnings[i]);
}

/* Judges ${k}: declares report, r, e and rc. */
#define RUN(k)								\
	BOOT_REPORT_AUTO struct boot_report report = { 0 };		\
	RESULT_AUTO struct result r = result_init();			\
	struct err e = { 0 };						\
	int rc = kit_judge(&(k), &report, &r, &e)

#endif
