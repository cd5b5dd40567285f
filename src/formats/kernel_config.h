/* kernel_config.h: one option out of a kernel's configuration file.
 *
 * /boot/config-* and /proc/config.gz are lines "CONFIG_X=value" and, for what is
 * off, "# CONFIG_X is not set".  An option that stands on neither kind of line is
 * one this kernel's source does not have, which is another answer than "off".
 */
#ifndef FORMATS_KERNEL_CONFIG_H
#define FORMATS_KERNEL_CONFIG_H

#include "base/span.h"

/** kernel_config_get(text, name, value): True if the option stands in ${text};
 * ${value} then is "y", "m", a number, a string without its quotes, or "n". */
bool kernel_config_get(struct span text, const char *name, struct span *value);

/** kernel_config_on(text, name): Whether its value is y or m. */
bool kernel_config_on(struct span text, const char *name);

/** kernel_config_looks(text): Whether ${text} can be such a file at all. */
bool kernel_config_looks(struct span text);

#endif
