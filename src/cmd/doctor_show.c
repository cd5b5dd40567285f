#include "cmd/doctor_show.h"

#include "cmd/term.h"

/* ---- text ------------------------------------------------------------------------ */

static const struct { const char *sign; enum colour colour; } marks[] = {
	[MARK_UNKNOWN] = { "?", COLOUR_DIM }, [MARK_INFO] = { " ", COLOUR_PLAIN },
	[MARK_GOOD] = { "+", COLOUR_GOOD }, [MARK_WARN] = { "!", COLOUR_WARN },
	[MARK_BAD] = { "x", COLOUR_BAD },
};

/* Words of ${text} in lines of at most ${width} columns, the second and further ones
 * indented by ${indent}; the cursor stands at ${indent} already. */
static void
wrapped(FILE *f, const char *text, unsigned indent, unsigned width)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);
	unsigned column = indent;
	struct span rest, word;

	buf_escape(&b, span_str(text));
	for (rest = buf_view(&b); rest.n > 0; rest = span_from(rest, word.n + 1)) {
		word = span_head(rest, span_find(rest, ' '));
		if (word.n == 0)
			continue;
		if (column > indent && column + 1 + word.n > width) {
			fprintf(f, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', f);
			column++;
		}
		fwrite(word.p, 1, word.n, f);
		column += (unsigned)word.n;
	}
	fputc('\n', f);
}

static void
item_text(FILE *f, const struct doctor_item *item, unsigned width)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);
	const unsigned indent = 6;

	fprintf(f, "  %s%s%s ", term_colour(f, marks[item->mark].colour), marks[item->mark].sign,
	    term_reset(f));
	fprintf(f, "%-36s ", item->name);
	buf_escape(&b, span_str(item->value));
	fprintf(f, "%s%s%s\n", term_colour(f, marks[item->mark].colour), buf_cstr(&b), term_reset(f));
	if (item->text[0] != '\0') {
		fprintf(f, "%*s%s", (int)indent, "", term_colour(f, COLOUR_DIM));
		wrapped(f, item->text, indent, width);
		fputs(term_reset(f), f);
	}
}

/* Options that are as they should be are only counted: forty lines of "yes" hide the
 * three that matter. */
static bool
folded(const struct doctor_item *item)
{
	return strncmp(item->code, "CONFIG_", 7) == 0 &&
	    (item->mark == MARK_GOOD || (item->mark == MARK_INFO && item->text[0] == '\0'));
}

static void
group_text(FILE *f, const struct diagnosis *d, enum doctor_group g, unsigned width)
{
	struct span mount = span_of(NULL, 0);
	size_t hidden = 0;
	bool title = false;

	for (size_t i = 0; i < d->n_items; i++) {
		const struct doctor_item *item = &d->items[i];

		if (item->group != g)
			continue;
		if (!title)
			fprintf(f, "%s%s%s\n", term_colour(f, COLOUR_BOLD), doctor_group_title(g), term_reset(f));
		title = true;
		if (folded(item)) {
			hidden++;
			continue;
		}
		if (item->mount.n > 0 && !span_eq(mount, item->mount)) {
			mount = item->mount;
			fputs("  ", f);
			fputs(term_colour(f, COLOUR_BOLD), f);
			term_name(f, mount, width - 2);
			fprintf(f, "%s\n", term_reset(f));
		}
		item_text(f, item, width);
	}
	if (hidden > 0)
		fprintf(f, "    %s%zu more kernel %s as %s should be (--json lists them)%s\n",
		    term_colour(f, COLOUR_DIM), hidden, hidden == 1 ? "option is" : "options are",
		    hidden == 1 ? "it" : "they", term_reset(f));
	if (title)
		fputc('\n', f);
}

void
doctor_text(FILE *f, const struct machine *m, const struct diagnosis *d)
{
	unsigned width = term_width(f) < 100 ? term_width(f) : 100;

	if (m->recorded)
		fputs("A recorded machine; what must be tried out is not known.\n\n", f);
	else if (!m->root)
		fputs("Not run as root: some of this is unknown for that reason only.\n\n", f);
	for (int g = 0; g < GROUP_COUNT; g++)
		group_text(f, d, (enum doctor_group)g, width);
	fprintf(f, "%sAdvice%s\n", term_colour(f, COLOUR_BOLD), term_reset(f));
	if (d->n_advice == 0)
		fputs("  None: this machine can be attested as it is.\n", f);
	for (size_t i = 0; i < d->n_advice; i++) {
		int n = fprintf(f, "  %zu. ", i + 1);

		wrapped(f, d->advice[i].text, (unsigned)n, width);
	}
}

/* ---- JSON ------------------------------------------------------------------------ */

static json_t *
item_json(const struct doctor_item *item)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "group",
	    doctor_group_token(item->group), "code", item->code, "name", item->name,
	    "mark", mark_token(item->mark), "value", json_escaped(span_str(item->value)),
	    "text", json_escaped(span_str(item->text)));

	if (item->group == GROUP_MOUNTS && item->mount.n > 0) {
		json_object_set_new(j, "path", json_escaped(item->mount));
		json_object_set_new(j, "path_b64", json_base64(item->mount));
	}
	return j;
}

static json_t *
tpm_json(const struct tpm_caps *t)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);
	json_t *algs;

	if (!t->have)
		return json_null();
	algs = json_array();
	for (size_t i = 0; i < t->n_algs; i++)
		json_array_append_new(algs, json_sprintf("%s", tpm_alg_name(t->algs[i])));
	tpm_selection_dump(&t->pcrs, &b);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "family", t->family,
	    "manufacturer", t->manufacturer, "vendor", t->vendor,
	    "firmware", json_sprintf("%u.%u.%u.%u", t->firmware[0], t->firmware[1], t->firmware[2],
	    t->firmware[3]), "revision", json_sprintf("%u.%02u", t->revision / 100, t->revision % 100),
	    "pcrs", json_string(buf_cstr(&b)), "command_ns", (json_int_t)t->command_ns, "algorithms", algs);
}

json_t *
doctor_json(const struct machine *m, const struct diagnosis *d)
{
	json_t *items = json_array(), *advice = json_array();

	for (size_t i = 0; i < d->n_items; i++)
		json_array_append_new(items, item_json(&d->items[i]));
	for (size_t i = 0; i < d->n_advice; i++)
		json_array_append_new(advice, json_pack("{s:i, s:s, s:o}", "weight",
		    (int)d->advice[i].weight, "code", d->advice[i].code,
		    "text", json_escaped(span_str(d->advice[i].text))));
	return json_pack("{s:s, s:i, s:b, s:b, s:o, s:o, s:o, s:o}", "format", "assay-doctor",
	    "version", 1, "recorded", m->recorded, "root", m->root,
	    "kernel", m->release.n == 0 ? json_null() : json_escaped(m->release),
	    "tpm", tpm_json(&m->tpm), "items", items, "advice", advice);
}
