/* completion_sample.c SHELL: the completion script for a small made-up command table
 * that has every kind of option and operand, and texts that need quoting.  The real
 * table is completed by the same three writers; this one holds still. */
#include "cmd/completion.h"

#include <stdio.h>

static const struct option_spec build_options[] = {
	{ .name = "from", .letter = 'f', .arg = "KIND:PATH", .repeat = true, .complete = COMPLETE_WORDS, .words = "dir: deb: tar: ima-log:",
	    .help = "where files come from; it's [not] a:b \\ only" },
	{ .name = "output", .letter = 'o', .arg = "FILE", .complete = COMPLETE_FILE, .help = "write there" },
	{ .name = "root", .arg = "DIR", .complete = COMPLETE_DIR, .help = "read below this" },
	{ .name = "bank", .letter = 'b', .arg = "ALG", .complete = COMPLETE_WORDS, .words = "sha1 sha256 sha384", .help = "the PCR bank" },
	{ .name = "nonce", .arg = "HEX", .help = "what the quote answers" },
	{ .name = "quiet", .letter = 'q', .help = "say less" },
	{ NULL }
};

static const struct command build = {
	.noun = "policy", .verb = "build", .summary = "make a policy: it's what's approved",
	.operands = "", .min_operands = 0, .max_operands = 0, .wants_json = true,
	.options = build_options,
};
static const struct command show = {
	.noun = "policy", .verb = "show", .summary = "print a policy",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
};
static const struct command scan = {
	.noun = "scan", .verb = "all", .summary = "look at directories",
	.operands = "DIR...", .min_operands = 1, .max_operands = -1, .complete = COMPLETE_DIR,
};
static const struct command sample = {
	.noun = "sample", .summary = "print a sample",
	.operands = "[NAME]", .min_operands = 0, .max_operands = 1,
	.complete = COMPLETE_WORDS, .words = "tcb tcb-strict audit", .wants_json = true,
};
static const struct command digest = {
	.noun = "digest", .summary = "look up a digest",
	.operands = "HEX", .min_operands = 1, .max_operands = 1,
};

static const struct option_spec serve_options[] = {
	{ .name = "listen", .arg = "ADDR", .help = "where to listen" },
	{ NULL }
};
static const struct command serve = {
	.noun = "serve", .summary = "serve", .operands = "", .options = serve_options,
};
static const struct option_spec move_options[] = {
	{ .name = "to", .arg = "FILE", .complete = COMPLETE_FILE, .help = "where to" },
	{ NULL }
};
static const struct command serve_move = {
	.noun = "serve", .verb = "move", .summary = "move it", .operands = "", .options = move_options,
};

int
main(int argc, char **argv)
{
	static const struct command *const table[] = { &build, &show, &scan, &sample, &digest, &serve, &serve_move, NULL };

	if (argc != 2)
		return 2;
	if (argv[1][0] == 'b')
		completion_bash(stdout, table);
	else if (argv[1][0] == 'z')
		completion_zsh(stdout, table);
	else
		completion_fish(stdout, table);
	return 0;
}
