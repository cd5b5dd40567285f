#include "cmd/save_policy.h"

#include <time.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "crypto/pubkey.h"
#include "engine/boot_policy.h"
#include "engine/pattern.h"

static int
check_patterns(const struct runtime_policy *p, struct err *e)
{
	PATTERN_SET_AUTO struct pattern_set *excludes = NULL;
	int rc;

	if ((rc = pattern_set_new(p->excludes, p->n_excludes, &excludes, e)) != 0)
		return err_ctx(e, rc, "exclude");
	for (size_t i = 0; i < p->n_violations; i++) {
		PATTERN_SET_AUTO struct pattern_set *one = NULL;

		if ((rc = pattern_set_new(&p->violations[i].path, 1, &one, e)) != 0) {
			e->line = i + 1;
			return err_ctx(e, rc, "violation rule");
		}
	}
	return 0;
}

int
policy_check(const struct runtime_policy *p, struct err *e)
{
	int rc = check_patterns(p, e);

	for (size_t i = 0; i < p->n_keys && rc == 0; i++) {
		PUBKEY_AUTO struct pubkey *key = NULL;

		if ((rc = pubkey_parse(p->keys[i].der, &key, e)) != 0)
			return err_ctx(e, rc, "keys[%zu]", i);
	}
	if (rc == 0 && p->boot != NULL)
		rc = boot_policy_check(p->boot, e);
	return rc;
}

static int
stamp(struct runtime_policy *p, struct err *e)
{
	const char *fixed = getenv("SOURCE_DATE_EPOCH");
	BUF_AUTO struct buf when = buf_init(64);
	uint64_t t = (uint64_t)time(NULL);

	if (fixed != NULL && !dec_u64(span_str(fixed), &t))
		return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH is not a number of seconds");
	buf_rfc3339(&when, t > INT64_MAX ? INT64_MAX : (int64_t)t);
	p->generator = span_lit("assay " ASSAY_VERSION);
	return arena_copy(&p->arena, buf_view(&when), &p->created) ? 0 : arena_err(&p->arena, e);
}

int
save_policy(struct runtime_policy *p, const char *path, struct err *e)
{
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4);
	int rc;

	if ((rc = policy_check(p, e)) != 0 || (rc = stamp(p, e)) != 0 ||
	    (rc = runtime_policy_to_json(p, &out, e)) != 0)
		return rc;
	return cmd_output(path, buf_view(&out), e);
}
