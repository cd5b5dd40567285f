#include "formats/policy_alias.h"

bool
path_under(struct span path, struct span prefix)
{
	if (span_is(prefix, "/"))
		return path.n > 0 && path.p[0] == '/';
	return prefix.n > 0 && span_starts(path, prefix) &&
	    (path.n == prefix.n || path.p[prefix.n] == '/');
}

/* The root has nothing in front of the slash with which each name below begins. */
static size_t
prefix_size(struct span prefix)
{
	return span_is(prefix, "/") ? 0 : prefix.n;
}

struct span
policy_aliased(struct span path, struct span from, struct span to,
    uint8_t room[static POLICY_ALIASED_MAX])
{
	size_t old = prefix_size(from), new = prefix_size(to), rest = path.n - old;

	if (!path_under(path, from) || new > POLICY_ALIASED_MAX || rest > POLICY_ALIASED_MAX - new)
		return span_of(NULL, 0);
	memmove(room + new, path.p + old, rest);
	memcpy(room, to.p, new);
	return span_of(room, new + rest);
}

/* The first alias that applies; false if none does. */
static bool
step(const struct runtime_policy *p, struct span *path, uint8_t room[static POLICY_ALIASED_MAX])
{
	for (size_t i = 0; i < p->n_aliases; i++) {
		struct span s = policy_aliased(*path, p->aliases[i].from, p->aliases[i].to, room);

		if (s.n > 0) {
			*path = s;
			return true;
		}
	}
	return false;
}

struct span
policy_canonical(const struct runtime_policy *p, struct span path,
    uint8_t room[static POLICY_ALIASED_MAX])
{
	/* More steps than aliases go round, which policy_aliases_check refuses. */
	for (size_t i = 0; i < p->n_aliases && step(p, &path, room); i++)
		;
	return path;
}

int
policy_aliases_check(const struct runtime_policy *p, struct err *e)
{
	uint8_t room[POLICY_ALIASED_MAX];

	for (size_t i = 0; i < p->n_aliases; i++) {
		const struct policy_alias *a = &p->aliases[i];
		struct span path = policy_canonical(p, a->to, room);

		if (step(p, &path, room))
			return err_set(e, ERR_FORMAT, "the alias of \"%.*s\" leads in a circle",
			    (int)(a->from.n < 256 ? a->from.n : 256), (const char *)a->from.p);
	}
	return 0;
}
