/* The execution monitor's list and sidecar: what an independent writer made of their document is
 * read as it was meant and written as the same bytes; what is cut or altered is refused or found. */
#include "crypto/digest.h"
#include "engine/appraise.h"
#include "engine/match.h"
#include "engine/monitor_chain.h"
#include "engine/replay.h"
#include "tests/golden.h"

static void
test_golden(void)
{
	struct file sidecar = golden("monitor/sidecar-v1.bin"), want = golden("monitor/sidecar-v1.want");
	BUF_AUTO struct buf dump = buf_init(KIB(64)), again = buf_init(KIB(64));
	struct rd r = rd_init(file_view(&sidecar));
	struct monitor_entry x;
	uint8_t boot_id[MONITOR_BOOT_ID];
	struct err e = { 0 };
	uint64_t before = 0;

	ok(monitor_header_parse(&r, boot_id, &e) == 0, "the header");
	monitor_header_write(boot_id, &again);
	while (monitor_entry_next(&r, before, &x, &e) > 0) {
		BUF_AUTO struct buf body = buf_init(LIMIT_MONITOR_BODY);

		before = x.body.number;
		monitor_entry_dump(&x, &dump);
		monitor_body_write(&x.body, &body);
		buf_le32(&again, (uint32_t)body.n);
		buf_span(&again, buf_view(&body));
		buf_span(&again, x.chain);
	}
	ok(r.off == sidecar.n, "every entry");
	if (!ok(span_eq(buf_view(&dump), file_view(&want)), "the dump is the recorded one"))
		diag("%s", buf_cstr(&dump));
	ok(span_eq(buf_view(&again), file_view(&sidecar)), "written again it is the same");
	file_free(&sidecar);
	file_free(&want);
}

/* Our writer makes the same records of the same facts. */
static void
test_records(void)
{
	struct file list = golden("monitor/list-v1.bin");
	BUF_AUTO struct buf again = buf_init(KIB(64));
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };
	size_t notes = 0;

	ok(ima_log_open(file_view(&list), &log, &e) == 0 && log.digest_size == 20, "it is a list of the kernel's kind");
	while (ima_log_next(&log, &n, &e) > 0) {
		BUF_AUTO struct buf data = buf_init(KIB(4)), text = buf_init(KIB(4));
		struct monitor_note note;
		struct digest column;
		enum monitor_note_kind kind = n.has_buf ? monitor_note_by_name(n.path) : MONITOR_NOTE_NONE;

		ok(n.well_formed && n.pcr == 13, "entry %llu is well formed", (unsigned long long)n.number);
		if (kind == MONITOR_NOTE_NONE) {
			monitor_data_file(&data, n.file_digest, n.path);
		} else {
			notes += monitor_note_parse(kind, n.buf, &note, &e) == 0;
			monitor_note_write(&note, &text);
			ok(span_eq(buf_view(&text), n.buf), "the note's text is the same again");
			monitor_data_note(&data, n.file_digest, n.path, buf_view(&text));
		}
		(void)!digest_of(DIGEST_SHA1, buf_view(&data), &column, &e);
		monitor_record(&again, n.pcr, column.v, kind == MONITOR_NOTE_NONE ? "ima-ng" : "ima-buf", buf_view(&data));
	}
	ima_log_close(&log);
	is_int((int64_t)notes, 4, "four notes");
	ok(span_eq(buf_view(&again), file_view(&list)), "written again it is the same");
	file_free(&list);
}

struct outcome { int rc; uint64_t entries, lacking, altered, tied; };

static struct outcome
walk(struct span list, struct span sidecar)
{
	MONITOR_CHAIN_AUTO struct monitor_chain c = { 0 };
	struct monitor_item x;
	struct err e = { 0 };
	int rc = monitor_chain_open(list, sidecar, &c, &e);

	while (rc == 0 && (rc = monitor_chain_next(&c, &x, &e)) > 0)
		rc = 0;
	return (struct outcome){ rc, c.entries, c.lacking, c.altered, c.tied };
}

/* Each byte of the sidecar's entries, and each one it could be cut behind. */
static void
test_tampering(void)
{
	struct file list = golden("monitor/list-v1.bin"), sidecar = golden("monitor/sidecar-v1.bin");
	struct outcome o = walk(file_view(&list), file_view(&sidecar));
	size_t found = 0, cut = 0, refused = 0;

	ok(o.rc == 0 && o.entries == 7 && o.lacking == 0 && o.altered == 0 && o.tied == 7, "list and sidecar agree");
	for (size_t i = 0; i < sidecar.n; i++) {
		sidecar.p[i] ^= 0x10;
		o = walk(file_view(&list), file_view(&sidecar));
		found += o.rc != 0 || o.lacking > 0 || o.altered > 0;
		sidecar.p[i] ^= 0x10;
	}
	is_int((int64_t)found, (int64_t)sidecar.n, "a change of any byte is found out");
	for (size_t i = 0; i < sidecar.n; i++) {
		o = walk(file_view(&list), span_of(sidecar.p, i));
		refused += o.rc != 0;
		cut += o.rc == 0 && o.lacking > 0;
	}
	is_int((int64_t)refused, MONITOR_HEADER, "a sidecar cut inside its header is refused");
	is_int((int64_t)(refused + cut), (int64_t)sidecar.n, "one cut behind it lacks entries");
	file_free(&list);
	file_free(&sidecar);
}

/* Two entries that change places, lengths and all, are found out too. */
static void
test_swap(void)
{
	struct file list = golden("monitor/list-v1.bin"), sidecar = golden("monitor/sidecar-v1.bin");
	BUF_AUTO struct buf swapped = buf_init(KIB(64));
	struct rd r = rd_init(file_view(&sidecar));
	struct monitor_entry a, b, c;
	uint8_t boot_id[MONITOR_BOOT_ID];
	struct outcome o;

	(void)!monitor_header_parse(&r, boot_id, NULL);
	(void)!monitor_entry_next(&r, 0, &a, NULL);
	(void)!monitor_entry_next(&r, 0, &b, NULL);
	(void)!monitor_entry_next(&r, 0, &c, NULL);
	monitor_header_write(boot_id, &swapped);
	for (unsigned i = 0; i < 3; i++) {
		const struct monitor_entry *from = i == 0 ? &b : i == 1 ? &a : &c, *place = i == 0 ? &a : i == 1 ? &b : &c;
		struct monitor_body body = from->body;
		BUF_AUTO struct buf raw = buf_init(LIMIT_MONITOR_BODY);

		body.number = place->body.number;
		monitor_body_write(&body, &raw);
		buf_le32(&swapped, (uint32_t)raw.n);
		buf_span(&swapped, buf_view(&raw));
		buf_span(&swapped, place->chain);
	}
	o = walk(file_view(&list), buf_view(&swapped));
	ok(o.rc == 0 && o.altered >= 2, "entries that change places");
	file_free(&list);
	file_free(&sidecar);
}

static void
test_notes(void)
{
	static const char good[] = "version=1;from=1;from_uptime=2;to=3;to_uptime=4;why=silent;count=5;";
	static const char *const bad[] = { "", "version=2;from=1;from_uptime=2;to=3;to_uptime=4;why=silent;count=5;",
	    "version=1;from=01;from_uptime=2;to=3;to_uptime=4;why=silent;count=5;",
	    "version=1;from=1;from_uptime=2;to=3;to_uptime=4;why=because;count=5;",
	    "version=1;from=1;from_uptime=2;to=3;to_uptime=4;why=none;count=5;",
	    "from=1;version=1;from_uptime=2;to=3;to_uptime=4;why=silent;count=5;",
	    "version=1;from=1;from_uptime=2;to=3;to_uptime=4;why=silent;count=5;x",
	    "version=1;from=1;from_uptime=2;to=3;to_uptime=4;why=silent;count=5",
	    "version=1;from=18446744073709551616;from_uptime=2;to=3;to_uptime=4;why=silent;count=5;" };
	struct monitor_note n;
	size_t refused = 0;

	ok(monitor_note_parse(MONITOR_NOTE_GAP, span_str(good), &n, NULL) == 0 && n.from == 1 && n.uptime == 4 &&
	    n.count == 5 && n.why == MONITOR_WHY_SILENT, "a gap");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!ok(monitor_note_parse(MONITOR_NOTE_GAP, span_str(bad[i]), &n, NULL) != 0, "not \"%s\"", bad[i]))
			diag("%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) - 1; i++)
		refused += monitor_note_parse(MONITOR_NOTE_GAP, span_of(good, i), &n, NULL) != 0;
	is_int((int64_t)refused, sizeof(good) - 1, "nor one that is cut anywhere");
	for (unsigned i = 1; i < MONITOR_WHY_COUNT; i++)
		ok(monitor_why_by_token(span_str(monitor_why_token((enum monitor_why)i))) == i &&
		    monitor_why_text((enum monitor_why)i)[0] != '\0', "a gap's reason: %s", monitor_why_token((enum monitor_why)i));
}

/* Findings and warnings of the recorded list's notes under a policy. */
static void
judged(const char *policy, uint32_t pcr, size_t findings, size_t warnings, const char *what)
{
	static const struct sig_context ctx = { .now = 1790000000 };
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	APPRAISER_AUTO struct appraiser *a = NULL;
	RESULT_AUTO struct result r = result_init();
	const struct runtime_policy *all[] = { &p };
	struct file list = golden("monitor/list-v1.bin");
	struct ima_log log;
	struct ima_entry n;
	struct err e = { 0 };
	bool good = runtime_policy_parse(span_str(policy), &p, &e) == 0 && appraiser_new(all, 1, &ctx, &a, &e) == 0 &&
	    appraiser_begin(a, ctx.now, &r, &e) == 0 && ima_log_open(file_view(&list), &log, &e) == 0;

	while (good && ima_log_next(&log, &n, &e) > 0) {
		n.pcr = pcr;
		if (n.has_buf)
			good = appraise_entry(a, &n, true, &r, &e) == 0;
	}
	for (size_t i = 0; i < r.n_findings && pcr != 10; i++)
		good = good && r.findings[i].reason == REASON_MONITOR_GAP;
	if (!ok(good && r.n_findings == findings && r.n_warnings == warnings, "%s", what))
		diag("%s; %zu findings, %zu warnings", e.message, r.n_findings, r.n_warnings);
	ima_log_close(&log);
	file_free(&list);
}

static void
test_judged(void)
{
	judged("{\"assay_policy\": 1}", 13, 0, 1, "notes are taken for what they are, a gap is told of");
	judged("{\"assay_policy\": 1, \"buffers\": {\"monitor_gap\": \"ignore\"}}", 13, 0, 0, "a policy may not care");
	judged("{\"assay_policy\": 1, \"buffers\": {\"monitor_gap\": []}}", 13, 1, 0, "or not allow any");
	judged("{\"assay_policy\": 1}", 10, 4, 0, "on the kernel's PCR they are nobody's");
}

/* A list on another PCR than 10 matches there, and only if it is told so. */
static void
test_match(void)
{
	struct file list = golden("monitor/list-v1.bin");
	struct match_target t = { .covered = 1u << 13 | 1u << 10 };
	struct match_input in = { .list = file_view(&list), .bank = DIGEST_SHA256 };
	struct match m = { 0 };
	struct err e = { 0 };

	ok(match_list(&in, &m, &e) == 0 && m.total == 7 && m.begins_boot && m.n_wrong == 0, "the list replays");
	memcpy(t.v[13], m.at_end.v[13], 32);
	match_done(&m);
	in.target = &t;
	in.pcr = 13;
	ok(match_list(&in, &m, &e) == 0 && m.kind == MATCH_PREFIX && m.authenticated[13] == 7 && !m.untouched &&
	    m.count_at_match == 7, "on PCR 13 all of it is authenticated");
	match_done(&m);
	in.pcr = 0;
	ok(match_list(&in, &m, &e) == 0 && m.kind == MATCH_NONE, "but not as a list of PCR 10");
	match_done(&m);
	file_free(&list);
}

int
main(void)
{
	test_golden();
	test_records();
	test_tampering();
	test_swap();
	test_notes();
	test_judged();
	test_match();
	return done();
}
