/* What holds and from where, for --check-config. */
#include "base/limits.h"
#include "cmd/config.h"

static void
from_where(const struct invocation *in, const struct given_option *g, struct buf *b)
{
	if (g->line == 0) {
		buf_str(b, "command line");
		return;
	}
	buf_escape(b, span_str(in->config));
	buf_printf(b, ", line %llu", (unsigned long long)g->line);
}

/* "postgresql://assay:secret@db/assay" without what may be a password in it. */
static void
put_value(struct buf *b, const struct option_spec *o, const char *value, bool by_hand)
{
	struct span s = span_str(value);

	/* Of the command line everybody on this machine knows the password already. */
	if (o->secret && !by_hand && span_find(s, ':') < s.n && strncmp(value, "sqlite:", 7) != 0) {
		buf_span(b, span_head(s, span_find(s, ':')));
		buf_str(b, ":... (not shown)");
		return;
	}
	buf_escape(b, s);
}

static void
line_text(struct buf *b, const struct option_spec *o, const char *value, const struct given_option *g,
    const struct invocation *in)
{
	char key[CONFIG_KEY_MAX];
	size_t at = b->n;

	config_key(o, key);
	buf_str(b, key);
	if (value != NULL) {
		buf_str(b, " = ");
		put_value(b, o, value, g != NULL && g->line == 0);
	}
	while (b->n - at < 44 && b->why == 0)
		buf_u8(b, ' ');
	buf_str(b, "  ");
	if (g != NULL)
		from_where(in, g, b);
	else
		buf_str(b, value == NULL ? "not set" : "built in");
	buf_u8(b, '\n');
}

static void
option_text(const struct invocation *in, const struct option_spec *o, struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_given; i++) {
		const struct given_option *g = &in->given[i];

		if (g->spec != o)
			continue;
		line_text(b, o, o->arg != NULL ? g->value : g->off ? "no" : "yes", g, in);
		n++;
	}
	if (n == 0)
		line_text(b, o, o->arg != NULL ? o->built_in : "no", NULL, in);
}

static json_t *
option_json(const struct invocation *in, const struct option_spec *o)
{
	json_t *j = json_array();

	for (size_t i = 0; i < in->n_given; i++) {
		const struct given_option *g = &in->given[i];
		BUF_AUTO struct buf from = buf_init(KIB(8)), value = buf_init(LIMIT_CONFIG_FILE * 4);

		if (g->spec != o)
			continue;
		from_where(in, g, &from);
		put_value(&value, o, o->arg != NULL ? g->value : g->off ? "no" : "yes", g->line == 0);
		json_array_append_new(j, json_pack("{s:o, s:o}", "value", json_escaped(buf_view(&value)), "from",
		    json_escaped(buf_view(&from))));
	}
	if (json_array_size(j) == 0 && (o->built_in != NULL || o->arg == NULL))
		json_array_append_new(j, json_pack("{s:s, s:s}", "value", o->arg != NULL ? o->built_in : "no", "from", "built in"));
	return j;
}

static int
print_json(const struct invocation *in, struct err *e)
{
	JSON_AUTO json_t *j = json_object();
	const struct option_spec *o;
	char key[CONFIG_KEY_MAX];

	for (size_t i = 0; (o = command_option(in->cmd, i)) != NULL; i++) {
		if (!config_setting(o))
			continue;
		config_key(o, key);
		json_object_set_new(j, key, option_json(in, o));
	}
	return cmd_print_json(j, e);
}

int
config_print(const struct invocation *in, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(MIB(4));
	const struct option_spec *o;
	int rc;

	if (in->json)
		return print_json(in, e);
	buf_str(&b, "configuration file: ");
	buf_escape(&b, span_str(in->config != NULL ? in->config : in->cmd->config));
	buf_str(&b, in->config != NULL ? "\n" : " (not there)\n");
	for (size_t i = 0; (o = command_option(in->cmd, i)) != NULL; i++)
		if (config_setting(o))
			option_text(in, o, &b);
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	return cmd_output(NULL, buf_view(&b), e);
}
