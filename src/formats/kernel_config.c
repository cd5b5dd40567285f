#include "formats/kernel_config.h"

#include "base/limits.h"
#include "base/rd.h"

static struct span
unquote(struct span v)
{
	return v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"' ? span_of(v.p + 1, v.n - 2) : v;
}

/* The value that one line gives to ${name}; false if it is about something else. */
static bool
line_value(struct span line, struct span name, struct span *value)
{
	bool off = span_starts(line, span_lit("# ")) && span_ends(line, span_lit(" is not set"));
	struct span left = off ? span_head(span_from(line, 2), line.n - 2 - 11) : line;

	if (!span_starts(left, name))
		return false;
	if (off && left.n == name.n) {
		*value = span_lit("n");
		return true;
	}
	if (off || left.n == name.n || left.p[name.n] != '=')
		return false;
	*value = unquote(span_from(left, name.n + 1));
	return true;
}

bool
kernel_config_get(struct span text, const char *name, struct span *value)
{
	struct rd r = rd_init(text);
	struct span line;

	while (rd_line(&r, LIMIT_TEXT_LINE, &line))
		if (line_value(line, span_str(name), value))
			return true;
	return false;
}

bool
kernel_config_on(struct span text, const char *name)
{
	struct span v;

	return kernel_config_get(text, name, &v) && (span_is(v, "y") || span_is(v, "m"));
}

bool
kernel_config_looks(struct span text)
{
	struct rd r = rd_init(text);
	struct span line;

	while (rd_line(&r, LIMIT_TEXT_LINE, &line))
		if (span_starts(line, span_lit("CONFIG_")) && span_find(line, '=') < line.n)
			return true;
	return false;
}
