/* Excludes: a first line as the expression, the rest as the path.  The index must say
 * what the expression alone says; neither compiling nor matching may run away. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), regex = span_head(in, span_find(in, '\n'));
	struct span path = span_from(in, regex.n + 1);
	/* Around it others that share its beginning. */
	struct policy_pattern p[4] = { { .regex = span_lit("/usr/lib/a.*b") }, { .regex = regex },
	    { .regex = regex, .match = POLICY_MATCH_FULL }, { .regex = span_lit("/") } };
	struct pattern_set *set = NULL;
	struct pattern_scratch *scratch = NULL;
	struct err e = { 0 };
	size_t hit;

	if (regex.n > 200 || path.n > 200 || pattern_set_new(p, 4, &set, &e) != 0)
		return 0;
	if (pattern_scratch_new(&scratch, &e) != 0)
		abort();
	if (pattern_match(set, scratch, path, &hit, &e) == 0) {
		bool any = false, one = false;

		for (size_t i = 0; i < 4; i++)
			if (pattern_match_one(set, scratch, i, path, &one, &e) == 0)
				any |= one;
		if ((hit != SIZE_MAX) != any && e.code == 0)
			abort();
	}
	pattern_scratch_free(scratch);
	pattern_set_free(set);
	return 0;
}
