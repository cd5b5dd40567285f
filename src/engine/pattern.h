/* pattern.h: the regular expressions of a policy, compiled, for paths.
 *
 * PCRE2 on bytes: no UTF mode (a path need not be UTF-8, and a pattern cannot
 * turn it on), JIT where the machine has it, and ceilings on steps, depth and
 * memory (base/limits.h), so that no path can stall an appraisal.  Hitting a
 * ceiling is ERR_REGEX, never "no match": a path that makes an exclude give up
 * must not be judged as if it had been tried.
 *
 * POLICY_MATCH_START matches from the first byte and may end anywhere, as
 * Python's re.match does, which Keylime uses; POLICY_MATCH_FULL must match the
 * whole path.  '.' does not match a newline, as in both worlds.
 *
 * Patterns are kept apart (one cannot see another's groups, flags or verbs).
 * What makes many of them fast is an index over the literal text each begins
 * with: a path is tried only against those whose beginning it shares.
 *
 * A set is read-only after it was made and may be shared between threads; each
 * thread brings its own scratch.
 */
#ifndef ENGINE_PATTERN_H
#define ENGINE_PATTERN_H

#include "base/buf.h"
#include "formats/runtime_policy.h"

struct pattern_set;
struct pattern_scratch;

/** pattern_set_new(p, n, set, e): Compile ${n} patterns; 0 is valid.  A pattern that
 * does not compile is ERR_REGEX with its number (from 1) as the error's line and
 * the byte (from 1) as its column. */
MUST_CHECK int pattern_set_new(const struct policy_pattern *p, size_t n,
    struct pattern_set **set, struct err *e);
void pattern_set_free(struct pattern_set *set);
size_t pattern_set_size(const struct pattern_set *set);

MUST_CHECK int pattern_scratch_new(struct pattern_scratch **scratch, struct err *e);
void pattern_scratch_free(struct pattern_scratch *scratch);

/** pattern_match(set, scratch, path, hit, e): ${*hit} is the index of a pattern that
 * matches, or SIZE_MAX if none does.  ERR_REGEX if a pattern gave up. */
MUST_CHECK int pattern_match(const struct pattern_set *set, struct pattern_scratch *scratch,
    struct span path, size_t *hit, struct err *e);

/** pattern_match_one(set, scratch, i, path, hit, e): Whether the i-th alone matches. */
MUST_CHECK int pattern_match_one(const struct pattern_set *set, struct pattern_scratch *scratch,
    size_t i, struct span path, bool *hit, struct err *e);

/** pattern_overreach(set, scratch, i, example): True if the i-th pattern, written for
 * a directory or a file, also covers neighbours whose names only begin alike
 * (a shell's glob, as "/tmp/" and a star, which covers "/tmpevil"); such a
 * name is appended to ${example}. */
bool pattern_overreach(const struct pattern_set *set, struct pattern_scratch *scratch,
    size_t i, struct buf *example);

static inline void
pattern_set_freep(struct pattern_set **set)
{
	pattern_set_free(*set);
}
static inline void
pattern_scratch_freep(struct pattern_scratch **scratch)
{
	pattern_scratch_free(*scratch);
}
#define PATTERN_SET_AUTO __attribute__((cleanup(pattern_set_freep)))
#define PATTERN_SCRATCH_AUTO __attribute__((cleanup(pattern_scratch_freep)))

#endif
