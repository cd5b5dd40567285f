#include "engine/vendor_roots.h"

static const uint8_t bundle[] = {
#include "engine/vendor_roots.inc"
};

struct span
vendor_roots(void)
{
	return span_of(bundle, sizeof(bundle));
}
