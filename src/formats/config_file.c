#include "formats/config_file.h"

#include "base/limits.h"
#include "base/rd.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
in_key(uint8_t c, size_t place)
{
	return (c >= 'a' && c <= 'z') || (place > 0 && ((c >= '0' && c <= '9') || c == '_'));
}

/* Tabs are blanks; any other control character is invisible to whoever reads the file. */
static int
check_visible(struct span text, uint64_t line, struct err *e)
{
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] < ' ' && text.p[i] != '\t') || text.p[i] == 0x7f)
			return err_line(e, ERR_FORMAT, line, i + 1, text.p[i] == '\r' ?
			    "a carriage return: lines end with a newline alone" : "a control character (0x%02x)",
			    text.p[i]);
	return 0;
}

static int
bad_key(struct span text, size_t at, uint64_t line, struct err *e)
{
	if (text.p[at] == '[')
		return err_line(e, ERR_FORMAT, line, at + 1, "this file has no sections: one \"key = value\" a line");
	if (text.p[at] == '-' || (text.p[at] >= 'A' && text.p[at] <= 'Z'))
		return err_line(e, ERR_FORMAT, line, at + 1, "a key is written in small letters, with _ for -");
	return err_line(e, ERR_FORMAT, line, at + 1, "this line is neither \"key = value\" nor a comment");
}

/* ${at}: where the key begins. */
static int
read_item(struct span text, size_t at, uint64_t line, struct config_item *out, struct err *e)
{
	struct config_item item = { .line = line, .key_column = at + 1 };
	size_t i = at, end = text.n;

	while (i < text.n && in_key(text.p[i], i - at))
		i++;
	item.key = span_of(text.p + at, i - at);
	if (i < text.n && !is_blank(text.p[i]) && text.p[i] != '=')
		return bad_key(text, i, line, e);
	while (i < text.n && is_blank(text.p[i]))
		i++;
	if (item.key.n == 0 || i == text.n || text.p[i] != '=')
		return err_line(e, ERR_FORMAT, line, (i == text.n ? at : i) + 1, "this line is neither \"key = value\" nor a comment");
	for (i++; i < text.n && is_blank(text.p[i]);)
		i++;
	while (end > i && is_blank(text.p[end - 1]))
		end--;
	if (i == end)
		return err_line(e, ERR_FORMAT, line, text.n, "\"%.*s\" has no value: leave the line out for what is built in",
		    (int)item.key.n, (const char *)item.key.p);
	item.value = span_of(text.p + i, end - i);
	item.value_column = i + 1;
	*out = item;
	return 0;
}

int
config_file_parse(struct span in, struct arena *a, struct config_file *out, struct err *e)
{
	struct rd r = rd_init(in);
	struct config_file f = { 0 };
	struct span text;
	uint64_t line = 1;
	size_t cap = 0;
	int rc;

	if (in.n > LIMIT_CONFIG_FILE)
		return err_set(e, ERR_LIMIT, "a configuration file of %zu bytes", in.n);
	for (; rd_line(&r, LIMIT_CONFIG_LINE, &text); line++) {
		size_t at = 0;

		if ((rc = check_visible(text, line, e)) != 0)
			return rc;
		while (at < text.n && is_blank(text.p[at]))
			at++;
		if (at == text.n || text.p[at] == '#')
			continue;
		if ((f.items = arena_grow(a, f.items, f.n, &cap, sizeof(*f.items))) == NULL)
			return arena_err(a, e);
		if ((rc = read_item(text, at, line, &f.items[f.n], e)) != 0)
			return rc;
		f.n++;
	}
	if (r.why != 0)
		return err_line(e, r.why, line, 0, "a line of more than %zu bytes", LIMIT_CONFIG_LINE);
	*out = f;
	return 0;
}
