/* Policies of any format: what parses is written, read back and written again as the
 * same bytes, as JSON and as a table; a merge with itself and a difference to itself
 * say nothing new. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/policy_diff.h"
#include "formats/policy_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_file(const struct policy_change *c, void *cookie)
{
	(void)c;
	(void)cookie;
	abort();	/* a policy differs from itself */
}

static void
on_rule(const char *section, bool added, struct span what, void *cookie)
{
	(void)section;
	(void)added;
	(void)what;
	(void)cookie;
	abort();
}

static void
round_trip(const struct runtime_policy *p)
{
	BUF_AUTO struct buf json = buf_init(SIZE_MAX / 4), table = buf_init(SIZE_MAX / 4);
	BUF_AUTO struct buf again = buf_init(SIZE_MAX / 4), third = buf_init(SIZE_MAX / 4);
	const struct runtime_policy *twice[2] = { p, p };
	struct runtime_policy q, r, m;
	struct err e = { 0 };

	/* A damaged table may be found out only now. */
	if (runtime_policy_to_json(p, &json, &e) != 0 || runtime_policy_compile(p, &table, &e) != 0) {
		if (p->source != POLICY_FROM_TABLE)
			abort();
		return;
	}
	if (runtime_policy_parse(buf_view(&json), &q, &e) != 0) {
		if (p->source != POLICY_FROM_TABLE)
			abort();
		return;
	}
	if (runtime_policy_to_json(&q, &again, &e) != 0)
		abort();
	if (p->source != POLICY_FROM_TABLE) {
		if (!span_eq(buf_view(&json), buf_view(&again)) ||
		    runtime_policy_parse(buf_view(&table), &r, &e) != 0 ||
		    policy_table_check(&r.table, &e) != 0 ||
		    runtime_policy_to_json(&r, &third, &e) != 0 ||
		    !span_eq(buf_view(&json), buf_view(&third)))
			abort();
		runtime_policy_free(&r);
		if (policy_diff_files(p, &q, on_file, NULL, &e) != 0 ||
		    policy_diff_rules(p, &q, on_rule, NULL, &e) != 0)
			abort();
	}
	if (runtime_policy_merge(twice, 2, &m, &e) == 0)
		runtime_policy_free(&m);
	runtime_policy_free(&q);
}

/* The scanner for large policies and the parser that makes a tree agree about everything. */
static void
same_both_ways(struct span in, int rc)
{
	BUF_AUTO struct buf a = buf_init(SIZE_MAX / 4), b = buf_init(SIZE_MAX / 4);
	struct runtime_policy p, q;
	struct err e = { 0 };

	if (policy_table_sniff(in))
		return;
	runtime_policy_init(&p);
	if (policy_parse_text(in, &p, &e) != rc)
		abort();
	if (rc == 0) {
		if (runtime_policy_parse(in, &q, &e) != 0 || runtime_policy_to_json(&p, &a, &e) != 0 ||
		    runtime_policy_to_json(&q, &b, &e) != 0 || !span_eq(buf_view(&a), buf_view(&b)))
			abort();
		runtime_policy_free(&q);
	}
	runtime_policy_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_AUTO struct buf out = buf_init(SIZE_MAX / 4);
	struct err e = { 0 };
	struct runtime_policy p;
	int rc = runtime_policy_parse(span_of(data, size), &p, &e);

	same_both_ways(span_of(data, size), rc);
	if (rc != 0) {
		if (e.message[0] == '\0')
			abort();
		return 0;
	}
	round_trip(&p);
	runtime_policy_keylime_losses(&p, &out);
	(void)!runtime_policy_to_keylime(&p, NULL, 0, &out, &e);
	(void)!runtime_policy_to_sums(&p, DIGEST_SHA256, &out, &e);
	runtime_policy_free(&p);
	return 0;
}
