/* config.h: the configuration file of a command: the same options, written down.
 *
 * There is one table, the command's options: --keep-days 30 is "keep_days = 30" in the file,
 * a flag is "yes" or "no", an option that repeats has a line for each value
 * (formats/config_file.h has the form).  What is given by hand wins over the file, the file over
 * what is built in; an option that repeats is taken from one place whole.  The environment
 * is not read.  Commands of one program that name the same file share it: each takes its own
 * options from it, and a key that none of them has is an error.
 *
 * Everything is refused with file, line and column, and before anything was done.  A file
 * that others than root or whoever runs us own or may write is refused, for it says what is
 * trusted; one that holds an option that may be secret also if everybody may read it.
 */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include "cmd/command.h"

/** config_value(c, o, value, line, column, e): Whether ${value} may stand for option ${o};
 * without a line ${e} says what it "wants ...". */
MUST_CHECK int config_value(const struct command *c, const struct option_spec *o, const char *value,
    uint64_t line, uint64_t column, struct err *e);

/** config_load(in, e): Add the file's settings to a command line.  The usual file need not be
 * there; one that was named must. */
MUST_CHECK int config_load(struct invocation *in, struct err *e);

/** config_free(in): What config_load and the parser of options made. */
void config_free(struct invocation *in);

/** config_again(in, fresh, e): The same command line with the file as it is now.  ERR_USAGE if
 * a setting differs that only a start can change: nothing of the file counts then. */
MUST_CHECK int config_again(const struct invocation *in, struct invocation *fresh, struct err *e);

/** config_blame(in, name, rc, e): ${e} is about the value of the option ${name} ("wants ..."): say so,
 * with its place if it came from the file. */
int config_blame(const struct invocation *in, const char *name, int rc, struct err *e);

/** config_named(in, rc, e): Where ${e} is about a file that a line of the configuration names, say which. */
int config_named(const struct invocation *in, int rc, struct err *e);

/** config_print(in, e): What holds and from where, for --check-config; passwords are not shown. */
MUST_CHECK int config_print(const struct invocation *in, struct err *e);

/** config_key(o, key): "keep_days" for keep-days. */
#define CONFIG_KEY_MAX 64
void config_key(const struct option_spec *o, char key[static CONFIG_KEY_MAX]);

/** config_setting(o): Whether this option may stand in a file: all but those about the file
 * itself, --json and --help. */
bool config_setting(const struct option_spec *o);

#define INVOCATION_AUTO __attribute__((cleanup(config_free)))

#endif
