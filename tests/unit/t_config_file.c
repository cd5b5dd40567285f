/* A configuration file means what is seen in it: each setting is found with its place, and
 * whatever is none is refused with line and column. */
#include "base/limits.h"
#include "formats/config_file.h"
#include "tests/tap.h"

static const char good[] = "# comment\n\n\t # another\nlisten = 0.0.0.0:4433\n  name=a = b # no comment\t\nx_9 =\ty";

static void
refused(const char *text, unsigned line, unsigned column, const char *what)
{
	ARENA_AUTO struct arena a = arena_init(MIB(1));
	struct config_file f = { 0 };
	struct err e = { 0 };

	ok(config_file_parse(span_str(text), &a, &f, &e) != 0 && e.place == ERR_AT_LINE && e.line == line &&
	    e.column == column && f.n == 0, "%s: line %u, column %u (%llu, %llu: %s)", what, line, column,
	    (unsigned long long)e.line, (unsigned long long)e.column, e.message);
}

static void
whole(void)
{
	ARENA_AUTO struct arena a = arena_init(MIB(1));
	struct config_file f = { 0 };
	struct err e = { 0 };

	if (!ok(config_file_parse(span_str(good), &a, &f, &e) == 0 && f.n == 3, "three settings: %s", e.message))
		return;
	ok(span_is(f.items[0].key, "listen") && span_is(f.items[0].value, "0.0.0.0:4433") && f.items[0].line == 4 &&
	    f.items[0].key_column == 1 && f.items[0].value_column == 10, "the first, and its place");
	ok(span_is(f.items[1].key, "name") && span_is(f.items[1].value, "a = b # no comment") && f.items[1].key_column == 3,
	    "a value goes to the end of its line");
	ok(span_is(f.items[2].value, "y") && f.items[2].line == 6, "the last line needs no newline");
}

/* Cut anywhere, it is refused or has the settings whose lines are there. */
static void
cut(void)
{
	size_t wrong = 0;

	for (size_t n = 0; n < sizeof(good); n++) {
		ARENA_AUTO struct arena a = arena_init(MIB(1));
		struct config_file f = { 0 };
		struct err e = { 0 };
		int rc = config_file_parse(span_of((const uint8_t *)good, n), &a, &f, &e);

		wrong += rc == 0 ? f.n > 3 : f.n != 0 || e.place != ERR_AT_LINE;
	}
	ok(wrong == 0, "cut at every byte");
}

int
main(void)
{
	char *text = malloc(LIMIT_CONFIG_FILE + 2);

	if (text == NULL)
		return 1;
	whole();
	cut();
	refused("a = 1\nkey\n", 2, 1, "a key alone");
	refused("a = \n", 1, 4, "no value");
	refused("a =", 1, 3, "no value at the end");
	refused("= 1\n", 1, 1, "no key");
	refused("[server]\n", 1, 1, "a section");
	refused("keep-days = 1\n", 1, 5, "a dash in a key");
	refused("Listen = 1\n", 1, 1, "a capital");
	refused("a b = 1\n", 1, 3, "two words");
	refused("a: 1\n", 1, 2, "a colon");
	refused("a = 1\r\n", 1, 6, "a carriage return");
	refused("# \001\n", 1, 3, "a control character, in a comment too");
	refused("\357\273\277a = 1\n", 1, 1, "a byte order mark");
	memset(text, '#', LIMIT_CONFIG_FILE + 1);
	text[LIMIT_CONFIG_FILE + 1] = '\0';
	refused(text + LIMIT_CONFIG_FILE - LIMIT_CONFIG_LINE, 1, 0, "a line that is too long");

	ARENA_AUTO struct arena a = arena_init(MIB(1));
	struct config_file f = { 0 };
	struct err e = { 0 };

	ok(config_file_parse(span_str(text), &a, &f, &e) == ERR_LIMIT, "a file that is too long");
	free(text);
	return done();
}
