/* Configuration files: keys are keys, values are whole and within their line, lines go up. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct arena a = arena_init(MIB(64));
	struct config_file f = { 0 };
	struct err e = { 0 };

	if (config_file_parse(in, &a, &f, &e) != 0 && (e.message[0] == '\0' || f.n != 0))
		abort();
	for (size_t i = 0; i < f.n; i++) {
		const struct config_item *c = &f.items[i];

		if (c->key.n == 0 || c->value.n == 0 || c->value.p[0] == ' ' || c->value.p[c->value.n - 1] == ' ' ||
		    c->key.p < in.p || c->value.p < c->key.p + c->key.n + 1 || c->value.p + c->value.n > in.p + in.n ||
		    span_find(c->value, '\n') != c->value.n || (i > 0 && c->line <= c[-1].line))
			abort();
	}
	arena_free(&a);
	return 0;
}
