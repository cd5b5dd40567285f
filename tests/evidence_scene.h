/* evidence_scene.h: the recorded machine as the input of one appraisal: list, quote, event log
 * and policy of one of its three moments, and its findings approved as an owner would. */
#ifndef EVIDENCE_SCENE_H
#define EVIDENCE_SCENE_H

#include "base/json.h"
#include "engine/evidence.h"
#include "engine/verdict.h"
#include "tests/golden.h"

/* A recorded moment of debian12-vm and its policy. */
struct scene {
	struct file list, quote, signature, ak, pcrs_file, event_log;
	struct tpm_pcrs *pcrs;
	uint8_t nonce[21];
	struct runtime_policy policy, approvals;
	const struct runtime_policy *policies[2];
	struct evidence_input in;
};

static json_t *
lines_to_files(const struct file *f)
{
	json_t *files = json_object();
	struct rd r = rd_init(file_view(f));
	struct span line;

	while (rd_line(&r, 4096, &line)) {
		char digest[80], path[4096];
		if (line.n < 68)
			continue;
		bool escaped = line.n > 66 && line.p[0] == '\\';	/* coreutils: backslashes in the name are doubled */

		line = span_from(line, escaped);
		(void)snprintf(digest, sizeof(digest), "sha256:%.64s", (const char *)line.p);
		(void)snprintf(path, sizeof(path), "%.*s", (int)line.n - 66, (const char *)line.p + 66);
		for (char *c = path; escaped && (c = strchr(c, '\\')) != NULL; c++)
			memmove(c, c + 1, strlen(c));
		if (json_object_get(files, path) == NULL)
			json_object_set_new(files, path, json_array());
		json_array_append_new(json_object_get(files, path), json_string(digest));
	}
	return files;
}

static json_t *
key_json(const char *name)
{
	struct file f = golden(name);
	json_t *j = json_pack("{s:s, s:o}", "name", name, "certificate", json_base64(file_view(&f)));

	file_free(&f);
	return j;
}

static json_t *
base_policy(void)
{
	struct file list = golden("debian12-vm/whitelist.txt"), ex = golden("debian12-vm/excludes.txt");
	json_t *excludes = json_array(), *j;
	struct rd r = rd_init(file_view(&ex));
	struct span line;

	while (rd_line(&r, 4096, &line))
		json_array_append_new(excludes, json_new_string(line));
	j = json_pack("{s:i, s:s, s:[{s:s, s:o}], s:o, s:[o, o, o]}", "assay_policy", 1, "name", "vm",
	    "layers", "name", "base", "files", lines_to_files(&list), "excludes", excludes,
	    "keys", key_json("debian12-vm/ima-rsa.der"), key_json("debian12-vm/ima-ec.der"),
	    key_json("debian12-vm/ima-p384.der"));
	file_free(&list);
	file_free(&ex);
	return j;
}

static void
load(json_t *j, struct runtime_policy *p)
{
	struct buf text = buf_init((size_t)1 << 26);
	struct err e = { 0 };

	json_write(j, &text);
	if (runtime_policy_parse(buf_view(&text), p, &e) != 0 || runtime_policy_merged_usr(p, &e) != 0) {
		printf("Bail out! policy: %s\n", e.message);
		exit(99);
	}
	buf_free(&text);
	json_decref(j);
}

static void
scene_open(struct scene *s, int nr)
{
	char name[64];
	struct err e = { 0 };
	const struct { struct file *f; const char *kind, *end; } files[] = {
		{ &s->list, "list", "bin" }, { &s->quote, "quote", "msg" },
		{ &s->signature, "quote", "sig" }, { &s->pcrs_file, "quote", "pcrs" },
	};

	*s = (struct scene){ .nonce = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
	    0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33, (uint8_t)nr } };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(name, sizeof(name), "debian12-vm/%s%d.%s", files[i].kind, nr, files[i].end);
		*files[i].f = golden(name);
	}
	s->ak = golden("debian12-vm/ak.pub");
	s->event_log = golden("debian12-vm/eventlog.bin");
	s->pcrs = calloc(1, sizeof(*s->pcrs));
	if (tpm_pcrs_parse(file_view(&s->pcrs_file), s->pcrs, &e) != 0)
		printf("Bail out! %s\n", e.message);
	load(base_policy(), &s->policy);
	s->policies[0] = &s->policy;
	s->in = (struct evidence_input){ .ima_log = file_view(&s->list), .has_quote = true,
	    .quote = file_view(&s->quote), .signature = file_view(&s->signature), .ak = file_view(&s->ak),
	    .nonce = span_of(s->nonce, sizeof(s->nonce)), .pcrs = s->pcrs, .has_event_log = true,
	    .event_log = file_view(&s->event_log), .bank = DIGEST_SHA256, .policies = s->policies,
	    .n_policies = 1, .ctx = { .now = 1790000000 } };
	ok(digest_make(DIGEST_SHA256, span_of("a name for these policies, 32 by", 32), &s->in.policy_id),
	    "moment %d of the machine", nr);
}

__attribute__((unused)) static void
scene_close(struct scene *s)
{
	struct file *files[] = { &s->list, &s->quote, &s->signature, &s->ak, &s->pcrs_file, &s->event_log };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		file_free(files[i]);
	free(s->pcrs);
	runtime_policy_free(&s->policy);
	runtime_policy_free(&s->approvals);
}

/* The verdict alone; an error counts as undecided, which it is. */
__attribute__((unused)) static enum verdict
verdict_of(const struct evidence_input *in)
{
	struct result r = result_init();
	struct evidence_report report;
	struct err e = { 0 };
	enum verdict v = evidence_appraise(in, &r, &report, &e) == 0 ? r.verdict : VERDICT_UNDECIDED;

	evidence_report_free(&report);
	result_free(&r);
	return v;
}

/* Approve what was found, as an owner would. */
__attribute__((unused)) static void
approve(struct scene *s)
{
	struct result r = result_init();
	struct evidence_report report;
	struct err e = { 0 };
	json_t *b64 = json_object();

	if (evidence_appraise(&s->in, &r, &report, &e) != 0)
		printf("Bail out! %s\n", e.message);
	for (size_t i = 0; i < r.n_findings; i++) {
		struct buf path = buf_init(8192), digest = buf_init(256);

		if (r.findings[i].seen.alg == DIGEST_SHA256) {
			buf_base64(&path, r.findings[i].path);
			buf_str(&digest, "sha256:");
			buf_hex(&digest, digest_view(&r.findings[i].seen));
			json_object_set_new(b64, buf_cstr(&path), json_pack("[s]", buf_cstr(&digest)));
		}
		buf_free(&path);
		buf_free(&digest);
	}
	load(json_pack("{s:i, s:s, s:[{s:s, s:o}], s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}]}",
	    "assay_policy", 1, "name", "approvals", "layers", "name", "owner", "files_b64", b64,
	    "violations", "path", "/var/log/audit/audit\\.log", "match", "full", "action", "ignore",
	    "path", "/root/viol", "match", "full", "action", "ignore"), &s->approvals);
	s->policies[1] = &s->approvals;
	s->in.n_policies = 2;
	evidence_report_free(&report);
	result_free(&r);
}

#endif
