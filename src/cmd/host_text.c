#include "cmd/host_text.h"

#include <time.h>

#include "base/rfc3339.h"
#include "cmd/api_client.h"

#define LABEL_WIDTH 13
#define FACT_WIDTH 16	/* "tpm.manufacturer" */

enum colour
verdict_colour_of(const char *verdict)
{
	return strcmp(verdict, "trusted") == 0 ? COLOUR_GOOD : strcmp(verdict, "untrusted") == 0 ? COLOUR_BAD :
	    COLOUR_WARN;
}

enum exit_status
host_status(const json_t *j)
{
	const char *v = api_str(j, "verdict");

	return strcmp(v, "trusted") == 0 ? EXIT_GOOD : strcmp(v, "untrusted") == 0 ? EXIT_FINDING : EXIT_UNDECIDED;
}

void
time_ago(const char *text, char *out, size_t n)
{
	int64_t then, s;
	const char *way;

	out[0] = '\0';
	if (!rfc3339_parse(span_str(text), &then))
		return;
	s = (int64_t)time(NULL) - then;
	way = s < 0 ? "in " : "";
	s = s < 0 ? -s : s;
	if (s < 120)
		(void)snprintf(out, n, "%s%lld s%s", way, (long long)s, way[0] == '\0' ? " ago" : "");
	else if (s < 7200)
		(void)snprintf(out, n, "%s%lld min%s", way, (long long)s / 60, way[0] == '\0' ? " ago" : "");
	else if (s < 2 * 86400)
		(void)snprintf(out, n, "%s%lld h%s", way, (long long)s / 3600, way[0] == '\0' ? " ago" : "");
	else
		(void)snprintf(out, n, "%s%lld d%s", way, (long long)s / 86400, way[0] == '\0' ? " ago" : "");
}

/* The words of a server, which quote those of hosts: nothing in them may steer the terminal. */
static void
print_safe(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;

		if (c >= 0x20 && c <= 0x7e)
			(void)fputc(c, f);
		else
			(void)fprintf(f, "\\x%02x", c);
	}
}

void
field_print(FILE *f, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	(void)fprintf(f, "  %s%-*s%s ", term_colour(f, COLOUR_DIM), LABEL_WIDTH, name, term_reset(f));
	print_safe(f, text);
	(void)fputc('\n', f);
}

static void
print_time(FILE *f, const json_t *j, const char *name, const char *member)
{
	BUF_AUTO struct buf b = buf_init(256);
	char ago[64];

	if (api_str(j, member)[0] == '\0')
		return;
	time_ago(api_str(j, member), ago, sizeof(ago));
	buf_printf(&b, "%s, %s", api_str(j, member), ago);
	field_print(f, name, buf_cstr(&b));
}

static void
print_headline(FILE *f, const json_t *j)
{
	const char *verdict = api_str(j, "verdict"), *registration = api_str(j, "registration");

	(void)fprintf(f, "%s%s", term_colour(f, COLOUR_BOLD), term_colour(f, verdict_colour_of(verdict)));
	for (const char *p = verdict; *p != '\0'; p++)
		(void)fputc(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p, f);
	(void)fprintf(f, "%s  ", term_reset(f));
	print_safe(f, api_str(j, "name"));
	if (strcmp(registration, "pending") == 0)
		(void)fputs("  waits for an operator (assay host approve)", f);
	else if (strcmp(registration, "enrolled") != 0) {
		(void)fputs("  ", f);
		print_safe(f, registration);
	}
	(void)fputc('\n', f);
}

static void
print_labels(FILE *f, json_t *labels)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));

	for (void *i = json_object_iter(labels); i != NULL; i = json_object_iter_next(labels, i)) {
		const char *v = json_string_value(json_object_iter_value(i));

		buf_printf(&b, "%s%s=%s", b.n == 0 ? "" : ", ", json_object_iter_key(i), v != NULL ? v : "");
	}
	field_print(f, "labels", buf_cstr(&b));
}

/* Which IMA policies its list shows, and what its boot parameters name. */
static void
print_ima(FILE *f, const json_t *j)
{
	const json_t *ima = json_object_get(j, "ima_policy"), *list = json_object_get(ima, "measured");
	const char *builtin = api_str(ima, "builtin");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i), *approved = json_object_get(p, "approved");
		BUF_AUTO struct buf b = buf_init(MIB(1));

		buf_printf(&b, "%s %s%s", api_str(p, "path"), json_is_true(json_object_get(p, "violation")) ? "(violation)" :
		    api_str(p, "digest"), json_is_true(approved) ? ", allowed" : json_is_false(approved) ? ", NOT allowed" : "");
		field_print(f, i == 0 ? "IMA policy" : "", buf_cstr(&b));
	}
	if (json_array_size(list) == 0 && json_is_true(json_object_get(ima, "demanded")))
		field_print(f, "IMA policy", "none was measured, and one is demanded");
	if (builtin[0] != '\0') {
		BUF_AUTO struct buf b = buf_init(MIB(1));

		buf_printf(&b, "%s, %s", builtin, json_is_true(json_object_get(ima, "builtin_proven")) ?
		    "as the firmware's event log proves" : "as the host says of itself");
		field_print(f, "built-in", buf_cstr(&b));
	}
}

static void
print_standing(FILE *f, const json_t *j)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));
	char ago[64];

	field_print(f, "why", api_str(j, "reason"));
	if (json_is_true(json_object_get(j, "expired")))
		field_print(f, "", "that verdict ran out: no evidence came in time");
	print_time(f, j, "since", "verdict_since");
	print_time(f, j, "valid until", "valid_until");
	time_ago(api_str(j, "last_seen"), ago, sizeof(ago));
	buf_printf(&b, "%s%s%s", api_str(j, "reachability"), ago[0] == '\0' ? "" : ", last evidence ", ago);
	field_print(f, "reachability", buf_cstr(&b));
	field_print(f, "trust mode", api_str(j, "trust_mode"));
	field_print(f, "policy", api_str(j, "policy")[0] != '\0' ? api_str(j, "policy") :
	    "none is assigned (assay policy assign)");
	b.n = 0;
	buf_printf(&b, "%lld", api_int(j, "entries"));
	if (api_str(j, "boot")[0] != '\0')
		buf_printf(&b, " in boot %s", api_str(j, "boot"));
	field_print(f, "entries", buf_cstr(&b));
	print_ima(f, j);
	print_labels(f, json_object_get(j, "labels"));
	field_print(f, "id", api_str(j, "id"));
	print_time(f, j, "enrolled", "enrolled");
	if (api_int(j, "bundle") != 0) {
		b.n = 0;
		buf_printf(&b, "bundle %lld (assay evidence fetch)", api_int(j, "bundle"));
		field_print(f, "evidence", buf_cstr(&b));
	}
}

/* Facts are an object of whatever an agent of any version says. */
static void
print_facts(FILE *f, const char *prefix, json_t *facts, unsigned depth)
{
	for (void *i = json_object_iter(facts); i != NULL; i = json_object_iter_next(facts, i)) {
		BUF_AUTO struct buf name = buf_init(KIB(4)), text = buf_init(MIB(1));
		json_t *v = json_object_iter_value(i);

		buf_printf(&name, "%s%s", prefix, json_object_iter_key(i));
		if (json_is_object(v) && depth > 0) {
			buf_u8(&name, '.');
			print_facts(f, buf_cstr(&name), v, depth - 1);
			continue;
		}
		if (json_is_string(v))
			buf_span(&text, json_string_span(v));
		else if (!json_is_null(v) && !(json_is_array(v) && json_array_size(v) == 0))
			json_write_compact(v, &text);
		(void)fputs("  ", f);
		print_safe(f, buf_cstr(&name));
		(void)fprintf(f, "%*s ", name.n < FACT_WIDTH ? (int)(FACT_WIDTH - name.n) : 0, "");
		print_safe(f, buf_cstr(&text));
		(void)fputc('\n', f);
	}
}

static void
print_finding(FILE *f, const json_t *x)
{
	const json_t *wanted = json_object_get(x, "wanted");

	if (json_is_integer(json_object_get(x, "entry")))
		(void)fprintf(f, "  %6lld  ", api_int(x, "entry"));
	else
		(void)fprintf(f, "  %6s  ", "-");
	(void)fputs(term_colour(f, COLOUR_BAD), f);
	print_safe(f, api_str(x, "code"));
	(void)fprintf(f, "%s  ", term_reset(f));
	print_safe(f, api_str(x, "path"));
	if (api_str(x, "partition")[0] != '\0') {
		(void)fputs("  on ", f);
		print_safe(f, api_str(x, "partition"));
	}
	(void)fprintf(f, "\n          %s", term_colour(f, COLOUR_DIM));
	print_safe(f, api_str(x, "message"));
	(void)fprintf(f, "%s\n", term_reset(f));
	if (api_str(x, "seen")[0] != '\0') {
		(void)fputs("          seen   ", f);
		print_safe(f, api_str(x, "seen"));
		(void)fputc('\n', f);
	}
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		const char *w = json_string_value(json_array_get(wanted, i));

		(void)fputs("          wanted ", f);
		print_safe(f, w != NULL ? w : "");
		(void)fputc('\n', f);
	}
}

/* Times in which a file could run unseen. */
static void
print_gaps(FILE *f, const json_t *j)
{
	const json_t *gaps = json_object_get(j, "gaps"), *g;
	size_t i;

	if (json_array_size(gaps) == 0)
		return;
	(void)fprintf(f, "\nIts list has %lld gap%s: what ran in them is not known\n", api_int(j, "gaps_total"),
	    api_int(j, "gaps_total") == 1 ? "" : "s");
	json_array_foreach(gaps, i, g) {
		BUF_AUTO struct buf b = buf_init(KIB(4));

		buf_str(&b, api_str(g, "why"));
		if (api_str(g, "from")[0] != '\0')
			buf_printf(&b, ", %s to %s", api_str(g, "from"), api_str(g, "to"));
		if (api_int(g, "lost") != 0)
			buf_printf(&b, ", %lld entries lost", api_int(g, "lost"));
		field_print(f, api_str(g, "code"), buf_cstr(&b));
	}
}

void
host_print(FILE *f, const json_t *j)
{
	const json_t *findings = json_object_get(j, "findings");
	json_t *facts = json_object_get(j, "facts");
	size_t n = json_array_size(findings);

	print_headline(f, j);
	print_standing(f, j);
	if (json_object_size(facts) > 0) {
		(void)fputs("\nIt says of itself\n", f);
		print_facts(f, "", facts, 2);
	}
	print_gaps(f, j);
	if (n == 0)
		return;
	(void)fputs("\nFindings", f);
	if ((long long)n < api_int(j, "findings_total"))
		(void)fprintf(f, " (%zu of %lld)", n, api_int(j, "findings_total"));
	(void)fputc('\n', f);
	for (size_t i = 0; i < n; i++)
		print_finding(f, json_array_get(findings, i));
}
