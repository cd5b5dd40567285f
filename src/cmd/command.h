/* command.h: a command is data: what it is called, what it takes, how it is told.
 *
 * From the tables in the cmd_*.c files come parsing, --help, the man pages and
 * the shell completion, so that none of them can say something else than the
 * program does.  To add a command: write cmd_<noun>_<verb>.c with a
 * "const struct command cmd_<noun>_<verb>" and name it in commands.tbl.
 *
 * Every command takes --help, --json where wants_json is set, and --config and
 * --check-config where it has a configuration file (config.h), whose keys are its options.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

enum exit_status {
	EXIT_GOOD = 0,		/* trusted, clean, done */
	EXIT_FINDING = 1,	/* untrusted, changed, invalid */
	EXIT_USAGE = 2,		/* wrong command line or configuration */
	EXIT_UNDECIDED = 3,	/* could not decide; never reads as good */
};

enum complete { COMPLETE_NONE = 0, COMPLETE_FILE, COMPLETE_DIR, COMPLETE_WORDS };

struct option_spec {
	const char *name;		/* without the dashes */
	char letter;			/* short form, or 0 */
	const char *arg;		/* name of its argument; NULL: a flag */
	bool repeat;			/* may be given more than once */
	enum complete complete;
	const char *words;		/* COMPLETE_WORDS: "a b c"; "k:" is followed by a file */
	const char *help;		/* one sentence, lower case, no full stop */
	const char *built_in;		/* holds where it is not given; help and man pages tell it */
	uint64_t least, most;		/* most > 0: a number between these */
	bool live;			/* of a configuration file: a reload changes it */
	bool secret;			/* its value may hold a password: config.h */
};

struct invocation;

struct command {
	const char *noun, *verb;	/* verb NULL: the noun alone */
	const char *summary;		/* one line, lower case, no full stop */
	const char *operands;		/* "FILE", "FILE...", "[NAME]"; "" for none */
	int min_operands, max_operands;	/* max -1: any number */
	enum complete complete;		/* of operands */
	const char *words;		/* of operands, COMPLETE_WORDS: "a b c" */
	const char *description;	/* paragraphs separated by blank lines */
	const char *example;		/* lines as typed and printed */
	bool wants_json;
	const struct option_spec *options; /* ends with name NULL; may be NULL */
	const char *config;		/* configuration file, which may hold the options too; or NULL */
	/** What --check-config checks beside each setting alone, or NULL; changes nothing. */
	int (*check)(const struct invocation *in, struct err *e);
	enum exit_status (*run)(const struct invocation *in, struct err *e);
};

/* An option that was given, by hand or by a line of the configuration file. */
struct given_option {
	const struct option_spec *spec;
	const char *value;		/* NULL for a flag */
	uint64_t line, column;		/* in the file; line 0: by hand */
	bool off;			/* a flag that the file says "no" to */
};

/* A parsed command line, and what the configuration file adds to it. */
struct invocation {
	const struct command *cmd;
	bool json;
	const char **operands;
	size_t n_operands;
	struct given_option *given;	/* owned; first those given by hand */
	size_t n_given, n_by_hand;
	const char *config;		/* the file that was read; NULL: none */
	char *config_text;		/* owned; values of the file */
	size_t config_size;
};

/** opt_has/opt_get: Whether an option was given; its (last) value, else what is built in,
 * else NULL. */
bool opt_has(const struct invocation *in, const char *name);
const char *opt_get(const struct invocation *in, const char *name);

/** opt_number(in, name): The value of an option that is a number (least, most); 0 if it was not
 * given and nothing is built in. */
uint64_t opt_number(const struct invocation *in, const char *name);

/** opt_count/opt_nth: The values of an option that repeats, in order. */
size_t opt_count(const struct invocation *in, const char *name);
const char *opt_nth(const struct invocation *in, const char *name, size_t i);

/** cmd_error(in, e): Print ${e} (to stderr as text, or with --json as the object
 * {"error":...} to stdout) and give the exit status that fits its code. */
enum exit_status cmd_error(const struct invocation *in, const struct err *e);

/** cmd_usage(in, fmt, ...): The same for a wrong command line. */
enum exit_status cmd_usage(const struct invocation *in, const char *fmt, ...) ERR_PRINTF(2, 3);

/** cmd_print_json(j, e): Write a JSON document to stdout; 0 or an error. */
MUST_CHECK int cmd_print_json(const json_t *j, struct err *e);

/** cmd_output(in, path, data, e): Write to ${path}, or to stdout if NULL or "-". */
MUST_CHECK int cmd_output(const char *path, struct span data, struct err *e);

/** cmd_flush(e): Whether all that was printed reached its reader.  Where the reader went away
 * (| head), the error has no message, and cmd_error prints none. */
MUST_CHECK int cmd_flush(struct err *e);

/* The same code makes two programs, each with a table of its own. */
#ifndef PROGRAM
#define PROGRAM "assay"
#define PROGRAM_ABOUT "proves that every file your machines run is one you approved"
#endif

/** program_alias(argc, argv, status): Whether the program was started under a name, or with a
 * word for the build, that means something else than a command, which it then did. */
bool program_alias(int argc, char **argv, int *status);

extern const struct command *const commands[];	/* ends with NULL */

/** command_option(c, i): The ${i}th option, those that every command has (--json where
 * wants_json is set, --help) last; NULL behind them. */
const struct option_spec *command_option(const struct command *c, size_t i);

/** command_title(c, sep): "NOUN", or "NOUN" ${sep} "VERB"; valid until the next call. */
const char *command_title(const struct command *c, char sep);

#endif
