/* Lists of endorsement keys: sorted, without doubles, and every key on it is found. */
#include <stdlib.h>

#include "base/limits.h"
#include "formats/ek_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct arena a = arena_init(MIB(64));
	struct ek_list list = { 0 };
	struct err e = { 0 };

	if (ek_list_parse(in, &a, &list, &e) != 0 && e.message[0] == '\0')
		abort();
	for (size_t i = 0; i < list.n; i++) {
		const struct ek_list_key *k = &list.keys[i];

		if (ek_list_find(&list, span_of(k->v, 32)) != k ||
		    (i > 0 && memcmp(k[-1].v, k->v, 32) >= 0) ||
		    (k->comment.n > 0 && (k->comment.p < in.p || k->comment.p + k->comment.n > in.p + in.n)))
			abort();
	}
	arena_free(&a);
	return 0;
}
