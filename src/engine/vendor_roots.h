/* vendor_roots.h: the bundle of TPM vendors' roots that comes with the program
 * (data/vendor-roots.bundle; what it is worth: data/vendor-roots/README.md). */
#ifndef ENGINE_VENDOR_ROOTS_H
#define ENGINE_VENDOR_ROOTS_H

#include "base/span.h"

/** vendor_roots(): For root_bundle_parse. */
struct span vendor_roots(void);

#endif
