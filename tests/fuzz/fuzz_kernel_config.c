/* A kernel's configuration: values lie inside the input or are "n". */
#include <assert.h>

#include "formats/kernel_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span text = span_of(p, n), v;

	if (kernel_config_get(text, "CONFIG_IMA", &v))
		assert(v.n == 0 || (v.p >= p && v.p + v.n <= p + n) || span_is(v, "n"));
	if (kernel_config_on(text, "CONFIG_IMA"))
		assert(kernel_config_get(text, "CONFIG_IMA", &v) && kernel_config_looks(text));
	return 0;
}
