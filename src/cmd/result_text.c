#include "cmd/result_text.h"

#include "cmd/term.h"

static enum colour
verdict_colour(enum verdict v)
{
	return v == VERDICT_TRUSTED ? COLOUR_GOOD : v == VERDICT_UNTRUSTED ? COLOUR_BAD : COLOUR_WARN;
}

static void
coloured(FILE *f, enum colour c, const char *text)
{
	fprintf(f, "%s%s%s", term_colour(f, c), text, term_reset(f));
}

/* A sentence of ours, with what it quotes from the evidence: nothing in it may steer the
 * terminal.  Names in it are escaped already, so that a backslash stands for itself. */
static void
print_text(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;

		if (c >= 0x20 && c <= 0x7e)
			fputc(c, f);
		else
			fprintf(f, "\\x%02x", c);
	}
}

static void
print_headline(FILE *f, const struct result *r, const struct evidence_report *report)
{
	static const char *const words[] = {
		[VERDICT_TRUSTED] = "TRUSTED", [VERDICT_UNTRUSTED] = "UNTRUSTED",
		[VERDICT_UNDECIDED] = "UNDECIDED",
	};

	fputs(term_colour(f, COLOUR_BOLD), f);
	coloured(f, verdict_colour(r->verdict), words[r->verdict]);
	fprintf(f, "  %llu of %llu entries authenticated",
	    (unsigned long long)report->authenticated, (unsigned long long)report->total);
	if (r->integrity_only)
		fprintf(f, "; integrity only, no policy was asked (%llu violation%s counted)",
		    (unsigned long long)report->violations, report->violations == 1 ? "" : "s");
	else
		fprintf(f, ", %llu approved, %llu finding%s", (unsigned long long)report->trusted,
		    (unsigned long long)report->findings, report->findings == 1 ? "" : "s");
	fputc('\n', f);
}

static void
print_ima_policies(FILE *f, const struct evidence_report *report)
{
	for (size_t i = 0; i < report->n_ima_policies; i++) {
		const struct ima_policy_seen *p = &report->ima_policies[i];
		BUF_AUTO struct buf b = buf_init(KIB(8));

		buf_escape(&b, p->path);
		buf_printf(&b, " %s:", digest_alg_name(p->digest.alg));
		buf_hex(&b, digest_view(&p->digest));
		fprintf(f, "%s  %s%s\n", i == 0 ? "\nIMA policies that were measured\n" : "", buf_cstr(&b),
		    p->approved ? ", allowed" : p->authenticated ? "" : ", not authenticated yet");
	}
}

static void
print_checks(FILE *f, const struct result *r)
{
	fputs("\nChecks\n", f);
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		const struct check *c = &r->checks[i];
		enum colour colour = c->state == CHECK_PASS ? COLOUR_GOOD :
		    c->state == CHECK_FAIL ? COLOUR_BAD : c->required ? COLOUR_WARN : COLOUR_DIM;

		if (c->state == CHECK_NOT_RUN && !c->required)
			continue;
		fputs("  ", f);
		fprintf(f, "%s%-7s%s", term_colour(f, colour), check_state_token(c->state), term_reset(f));
		fprintf(f, " %-17s %s\n", check_token((enum check_id)i), check_text((enum check_id)i));
		if (c->detail != NULL && c->state != CHECK_PASS) {
			fprintf(f, "%26s ", "");
			print_text(f, c->detail);
			fputc('\n', f);
		}
	}
}

/* Whether it stands beside its check already: check_fail gives both the same text. */
static bool
beside_check(const struct result *r, const struct finding *x)
{
	for (size_t i = 0; x->entry == 0 && i < CHECK_COUNT; i++)
		if (r->checks[i].state == CHECK_FAIL && r->checks[i].detail == x->text)
			return true;
	return false;
}

/* Width of the longest code that is listed, so that the table is no wider than it must be. */
static int
code_width(const struct result *r)
{
	size_t w = 4;

	for (size_t i = 0; i < r->n_findings; i++)
		if (!beside_check(r, &r->findings[i]) && strlen(reason_code(r->findings[i].reason)) > w)
			w = strlen(reason_code(r->findings[i].reason));
	return (int)w;
}

static void
print_digest(FILE *f, const char *what, const struct digest *d)
{
	BUF_AUTO struct buf b = buf_init(256);

	buf_hex(&b, digest_view(d));
	fprintf(f, "           %s %s:%s\n", what, digest_alg_name(d->alg), buf_cstr(&b));
}

static void
print_finding(FILE *f, const struct finding *x, int width)
{
	if (x->entry == 0)
		fprintf(f, "  %6s  ", "-");
	else
		fprintf(f, "  %6llu  ", (unsigned long long)x->entry);
	fprintf(f, "%s%-*s%s", term_colour(f, x->decides ? COLOUR_BAD : COLOUR_DIM),
	    x->path.n > 0 ? width : 0, reason_code(x->reason), term_reset(f));
	/* Whole, whatever the terminal's width: the name is what the finding is about. */
	if (x->path.n > 0) {
		fputs("  ", f);
		term_name(f, x->path, 0);
	}
	if (x->partition.n > 0) {
		fputs("  on ", f);
		term_name(f, x->partition, 0);
	}
	fputc('\n', f);
	fprintf(f, "           %s", term_colour(f, COLOUR_DIM));
	print_text(f, x->text);
	fprintf(f, "%s\n", term_reset(f));
	/* Two digests to compare belong side by side; one alone is in --json. */
	if (x->n_wanted == 0)
		return;
	if (x->seen.alg != DIGEST_NONE)
		print_digest(f, "seen  ", &x->seen);
	for (size_t i = 0; i < x->n_wanted; i++)
		print_digest(f, "wanted", &x->wanted[i]);
}

/* One part of the list of findings: those that decide, or those of the tail. */
static void
print_findings(FILE *f, const struct result *r, bool decides, const char *title)
{
	int width = code_width(r);
	bool any = false;

	for (size_t i = 0; i < r->n_findings; i++) {
		const struct finding *x = &r->findings[i];

		if (x->decides != decides || beside_check(r, x))
			continue;
		if (!any)
			fprintf(f, "\n%s\n", title);
		any = true;
		print_finding(f, x, width);
	}
}

void
result_print_findings(FILE *f, const struct result *r)
{
	print_findings(f, r, true, "Findings");
	print_findings(f, r, false, "Not authenticated yet (these do not decide)");
	for (size_t i = 0; i < r->n_warnings; i++) {
		fputs(i == 0 ? "\nWarnings\n" : "", f);
		fprintf(f, "  %s", term_colour(f, COLOUR_WARN));
		print_text(f, r->warnings[i]);
		fprintf(f, "%s\n", term_reset(f));
	}
}

void
result_print(FILE *f, const struct result *r, const struct evidence_report *report)
{
	print_headline(f, r, report);
	print_checks(f, r);
	print_ima_policies(f, report);
	result_print_findings(f, r);
}
