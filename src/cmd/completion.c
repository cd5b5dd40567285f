#include "cmd/completion.h"

bool
noun_first(const struct command *const *table, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(table[j]->noun, table[i]->noun) == 0)
			return false;
	return true;
}

bool
noun_mixed(const struct command *const *table, size_t i)
{
	bool alone = false, verbs = false;

	for (size_t j = 0; table[j] != NULL; j++)
		if (strcmp(table[j]->noun, table[i]->noun) == 0) {
			alone = alone || table[j]->verb == NULL;
			verbs = verbs || table[j]->verb != NULL;
		}
	return alone && verbs;
}

void
noun_about(const struct command *const *table, size_t i, char *out, size_t n)
{
	size_t used = 0;

	if (table[i]->verb == NULL) {
		(void)snprintf(out, n, "%s", table[i]->summary);
		return;
	}
	out[0] = '\0';
	for (size_t j = i; table[j] != NULL && used < n; j++) {
		int k;

		if (strcmp(table[j]->noun, table[i]->noun) != 0 || table[j]->verb == NULL)
			continue;
		k = snprintf(out + used, n - used, "%s%s", used == 0 ? "" : ", ", table[j]->verb);
		used += k > 0 ? (size_t)k : 0;
	}
}

bool
words_prefixed(const char *words)
{
	for (const char *s = words; s != NULL && *s != '\0'; s++)
		if (*s == ':' && (s[1] == ' ' || s[1] == '\0'))
			return true;
	return false;
}
