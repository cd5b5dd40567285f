/* completion.h: shell completion, generated from a table of commands.
 *
 * The scripts are static: they hold everything the table says (nouns, verbs,
 * options, what an option or an operand takes) and never run assay while a
 * person types.  What the shells share:
 *   - the noun and the verb are the first words, options may follow anywhere;
 *   - an option that may not repeat is not offered twice (in fish it is: a condition
 *     would hide from fish that the option takes an argument);
 *   - "--name VALUE" and "--name=VALUE" complete alike;
 *   - a word list entry that ends in ':' (KIND:PATH) is followed by a file;
 *   - where nothing can be known (a digest, a number) nothing is offered.
 */
#ifndef CMD_COMPLETION_H
#define CMD_COMPLETION_H

#include "cmd/command.h"

/** completion_<shell>(f, table): Print the script for the commands in ${table},
 * which ends with NULL and holds the verbs of a noun side by side. */
void completion_bash(FILE *f, const struct command *const *table);
void completion_zsh(FILE *f, const struct command *const *table);
void completion_fish(FILE *f, const struct command *const *table);

/* What the three writers share. */

/** noun_first(table, i): Whether ${table}[${i}] is the first command of its noun. */
bool noun_first(const struct command *const *table, size_t i);

/** noun_mixed(table, i): Whether its noun is a command of its own and has verbs too. */
bool noun_mixed(const struct command *const *table, size_t i);

/** noun_about(table, i, out, n): One line about a noun: its only command's summary,
 * or its verbs. */
void noun_about(const struct command *const *table, size_t i, char *out, size_t n);

/** words_prefixed(words): Whether the list has entries that a file follows ("dir:"). */
bool words_prefixed(const char *words);

#endif
