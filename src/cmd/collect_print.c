/* What policy build says about its work. */
#include "cmd/collect.h"

static void
print_layer(const struct collect_layer *l, FILE *f)
{
	const struct source_stats *s = &l->stats;

	fputs("  ", f);
	term_name(f, span_str(l->name), 40);
	fprintf(f, ": %llu files", (unsigned long long)s->files);
	if (s->archives + s->cached > 0)
		fprintf(f, " from %llu archive%s", (unsigned long long)(s->archives + s->cached),
		    s->archives + s->cached == 1 ? "" : "s");
	if (s->cached > 0)
		fprintf(f, " (%llu known from the cache)", (unsigned long long)s->cached);
	if (s->bytes > 0)
		fprintf(f, ", %.1f MiB hashed", (double)s->bytes / 1048576);
	fprintf(f, ", %.1f s", l->seconds);
	if (s->excluded > 0)
		fprintf(f, "; %llu excluded", (unsigned long long)s->excluded);
	if (s->symlinks + s->special > 0)
		fprintf(f, "; not files: %llu symbolic links, %llu others",
		    (unsigned long long)s->symlinks, (unsigned long long)s->special);
	fputc('\n', f);
}

static void
print_escaped(FILE *f, struct span s)
{
	BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);

	buf_escape(&b, s);
	fwrite(b.p, 1, b.n, f);
}

void
collect_print(const struct collect *c, FILE *f)
{
	for (size_t i = 0; i < c->excludes->n_warnings; i++)
		fprintf(f, "%swarning:%s %s\n", term_colour(f, COLOUR_WARN), term_reset(f),
		    c->excludes->warnings[i]);
	for (size_t i = 0; i < c->n_warnings; i++) {
		fprintf(f, "%swarning:%s ", term_colour(f, COLOUR_WARN), term_reset(f));
		print_escaped(f, span_str(c->warnings[i]));
		fputc('\n', f);
	}
	fprintf(f, "%llu path%s in %zu layer%s\n", (unsigned long long)policy_builder_paths(c->builder),
	    policy_builder_paths(c->builder) == 1 ? "" : "s",
	    c->policy->n_layers, c->policy->n_layers == 1 ? "" : "s");
	for (size_t i = 0; i < c->n_from; i++)
		print_layer(&c->from[i], f);
	if (c->n_unreadable == 0)
		return;
	fprintf(f, "%s%zu could not be read:%s\n", term_colour(f, COLOUR_BAD), c->n_unreadable,
	    term_reset(f));
	for (size_t i = 0; i < c->n_unreadable; i++) {
		fputs("  ", f);
		print_escaped(f, c->unreadable[i].path);
		fputs(": ", f);
		print_escaped(f, span_str(c->unreadable[i].why));
		fputc('\n', f);
	}
}

static json_t *
layer_json(const struct collect_layer *l)
{
	const struct source_stats *s = &l->stats;

	return json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}",
	    "name", json_escaped(span_str(l->name)), "kind", source_kind_name(l->kind),
	    "source", json_escaped(span_str(l->where)), "files", (json_int_t)s->files,
	    "bytes", (json_int_t)s->bytes, "excluded", (json_int_t)s->excluded,
	    "symlinks", (json_int_t)s->symlinks, "special", (json_int_t)s->special,
	    "vanished", (json_int_t)s->vanished, "archives", (json_int_t)s->archives,
	    "cached", (json_int_t)s->cached, "seconds", l->seconds);
}

json_t *
collect_json(const struct collect *c)
{
	json_t *layers = json_array(), *warnings = json_array(), *bad = json_array();

	for (size_t i = 0; i < c->n_from; i++)
		json_array_append_new(layers, layer_json(&c->from[i]));
	for (size_t i = 0; i < c->excludes->n_warnings; i++)
		json_array_append_new(warnings, json_escaped(span_str(c->excludes->warnings[i])));
	for (size_t i = 0; i < c->n_warnings; i++)
		json_array_append_new(warnings, json_escaped(span_str(c->warnings[i])));
	for (size_t i = 0; i < c->n_unreadable; i++)
		json_array_append_new(bad, json_pack("{s:o, s:o, s:o}",
		    "path", json_escaped(c->unreadable[i].path),
		    "path_b64", json_base64(c->unreadable[i].path),
		    "reason", json_escaped(span_str(c->unreadable[i].why))));
	return json_pack("{s:i, s:I, s:o, s:o, s:o}", "assay_policy_build", 1,
	    "paths", (json_int_t)policy_builder_paths(c->builder), "layers", layers,
	    "warnings", warnings, "unreadable", bad);
}
