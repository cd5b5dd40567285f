/* assay evidence show: what is in an evidence bundle. */
#include "cmd/bundle_file.h"
#include "cmd/command.h"

static json_t *
sections_json(const struct evidence_bundle *b)
{
	json_t *list = json_array();

	for (enum evidence_section s = EVIDENCE_MANIFEST; s < EVIDENCE_SECTIONS; s++)
		if (b->parts[s].present)
			json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:o}",
			    "name", evidence_section_name(s), "offset", (json_int_t)b->parts[s].offset,
			    "size", (json_int_t)b->parts[s].bytes.n,
			    "sha256", json_hex(digest_view(&b->parts[s].sha256))));
	return list;
}

/* The manifest as it is: it was parsed before, so it parses. */
static int
print_json(const struct evidence_bundle *b, struct err *e)
{
	JSON_AUTO json_t *manifest = NULL, *j = NULL;
	int rc = json_parse(b->parts[EVIDENCE_MANIFEST].bytes, LIMIT_SMALL_FILE, &manifest, e);

	if (rc != 0)
		return rc;
	j = json_pack("{s:i, s:O, s:o}", "assay_evidence_show", 1, "manifest", manifest,
	    "sections", sections_json(b));
	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return cmd_print_json(j, e);
}

static enum exit_status
show(const struct invocation *in, struct err *e)
{
	LOADED_BUNDLE_AUTO struct loaded_bundle lb = { 0 };
	BUF_AUTO struct buf text = buf_init(MIB(16));

	if (bundle_load(in->operands[0], &lb, e) != 0)
		return cmd_error(in, e);
	if (in->json)
		return print_json(&lb.bundle, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
	evidence_bundle_dump(&lb.bundle, &text);
	if (buf_done(&text, e) != 0 || cmd_output(NULL, buf_view(&text), e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

const struct command cmd_evidence_show = {
	.noun = "evidence", .verb = "show",
	.summary = "list what is in an evidence bundle",
	.operands = "BUNDLE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Checks the bundle's hashes and prints its manifest and its sections. A verdict in it is what\n"
	    "somebody recorded; assay evidence verify --bundle judges anew.",
	.example =
	    "  $ assay evidence show web1.bundle\n"
	    "  version      1\n"
	    "  created      2026-07-01T12:00:00Z\n"
	    "  ...",
	.wants_json = true,
	.run = show,
};
