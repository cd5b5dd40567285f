/* policy_choice.h: "these policies for the hosts with these labels", as assign and simulate
 * take it from the command line. */
#ifndef CMD_POLICY_CHOICE_H
#define CMD_POLICY_CHOICE_H

#include "cmd/command.h"

#define POLICY_CHOICE_OPTIONS									\
	{ .name = "label", .arg = "K=V,...", .help = "hosts with all these labels; all hosts if not given" },	\
	{ .name = "rank", .arg = "N", .help = "of the assignments that select a host the highest holds; 0 if not given" }

/** policy_choice(in, body, wrong): The request; or false and a usage error's text. */
bool policy_choice(const struct invocation *in, json_t **body, const char **wrong);

#endif
