/* assay ima-log show: what the kernel measured, as a table, plain lines or JSON. */
#include "base/file.h"
#include "base/limits.h"
#include "cmd/command.h"
#include "cmd/term.h"
#include "formats/ima_log.h"

static const struct option_spec options[] = {
	{ .name = "fields", .help = "print every field of every entry, one line each" },
	{ .name = NULL },
};

static void
print_row(const struct ima_entry *n)
{
	BUF_AUTO struct buf digest = buf_init(512);
	const char *what = n->violation ? "violation" : !n->known_template ? "unknown template" :
	    !n->well_formed ? "malformed" : "";

	buf_escape(&digest, n->file_alg_name);
	buf_u8(&digest, ':');
	buf_hex(&digest, span_head(n->file_digest, 6));
	printf("%6llu %3u  %-10.*s %-20s ", (unsigned long long)n->number, n->pcr,
	    (int)(n->template_name.n < 10 ? n->template_name.n : 10), (const char *)n->template_name.p,
	    n->well_formed ? buf_cstr(&digest) : "-");
	if (what[0] != '\0')
		printf("%s[%s]%s ", term_colour(stdout, COLOUR_WARN), what, term_reset(stdout));
	term_name(stdout, n->path, term_left(stdout, 45));
	if (n->sig.n > 0)
		printf(" %s+sig%s", term_colour(stdout, COLOUR_DIM), term_reset(stdout));
	putchar('\n');
}

static json_t *
entry_json(const struct ima_entry *n)
{
	json_t *j = json_pack("{s:I, s:i, s:o, s:o, s:b, s:b}", "entry", (json_int_t)n->number,
	    "pcr", (int)n->pcr, "template", json_escaped(n->template_name),
	    "template_digest", json_hex(n->template_digest), "violation", (int)n->violation,
	    "well_formed", (int)n->well_formed);
	json_t *fields = json_object();

	for (size_t i = 0; i < n->n_fields; i++)
		json_object_set_new(fields, ima_field_name(n->fields[i].id), json_base64(n->fields[i].bytes));
	if (n->well_formed) {
		json_object_set_new(j, "path", json_escaped(n->path));
		json_object_set_new(j, "path_b64", json_base64(n->path));
		json_object_set_new(j, "algorithm", json_escaped(n->file_alg_name));
		json_object_set_new(j, "digest", json_hex(n->file_digest));
	} else {
		json_object_set_new(j, "malformed", json_string(n->why));
	}
	json_object_set_new(j, "fields_b64", fields);
	return j;
}

/* One entry in the form asked for; JSON is gathered. */
static void
show_entry(const struct invocation *in, const struct ima_entry *n, struct buf *line, json_t *list)
{
	if (in->json) {
		json_array_append_new(list, entry_json(n));
		return;
	}
	if (!opt_has(in, "fields")) {
		print_row(n);
		return;
	}
	line->n = 0;
	ima_log_dump(n, line);
	fwrite(line->p, 1, line->n, stdout);
}

static enum exit_status
show(const struct invocation *in, struct err *e)
{
	const char *path = in->operands[0];
	FILE_AUTO struct file f = { 0 };
	BUF_AUTO struct buf line = buf_init(SIZE_MAX / 2);
	JSON_AUTO json_t *list = json_array(), *doc = NULL;
	struct ima_log log;
	struct ima_entry n;
	int rc;

	if ((rc = file_read(path, LIMIT_IMA_LOG, &f, e)) != 0)
		return cmd_error(in, e);
	if ((rc = ima_log_open(file_view(&f), &log, e)) == 0) {
		if (!in->json && !opt_has(in, "fields"))
			printf("%s entry pcr  template   digest               name%s\n",
			    term_colour(stdout, COLOUR_BOLD), term_reset(stdout));
		while ((rc = ima_log_next(&log, &n, e)) > 0)
			show_entry(in, &n, &line, list);
		ima_log_close(&log);
	}
	if (rc < 0) {
		fflush(stdout);
		err_file(e, rc, path);
		return cmd_error(in, e);
	}
	if (in->json) {
		doc = json_pack("{s:i, s:O}", "assay_ima_log", 1, "entries", list);
		if (cmd_print_json(doc, e) != 0)
			return cmd_error(in, e);
	}
	return EXIT_GOOD;
}

const struct command cmd_ima_log_show = {
	.noun = "ima-log", .verb = "show",
	.summary = "print the kernel's measurement list",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description =
	    "Reads a binary or ASCII measurement list (told apart by content; of any bank, byte order\n"
	    "and template) and prints an entry a line. Names are escaped, so that a newline or an\n"
	    "escape sequence in one cannot forge a line.",
	.example =
	    "  $ assay ima-log show binary_runtime_measurements | head -n 3\n"
	    "   entry pcr  template   digest               name\n"
	    "       1  10  ima-sig    sha256:945b1987c17b  boot_aggregate\n"
	    "       2  10  ima-sig    sha256:060ff11d8b8a  /init",
	.wants_json = true,
	.options = options,
	.run = show,
};
