#include "engine/setup_status.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "crypto/digest.h"
#include "formats/ima_kernel.h"
#include "formats/ima_log.h"

#define POINTS 16

struct judge {
	const struct setup_state *s;
	const struct setup_seen *seen;
	struct arena *a;
	struct setup_point *v;
	size_t n;
	bool lost;			/* no memory */
};

static const char *text(struct judge *j, const char *fmt, ...) ERR_PRINTF(2, 3);
static const char *
text(struct judge *j, const char *fmt, ...)
{
	char b[1024];
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(b, sizeof(b), fmt, ap);
	va_end(ap);
	s = arena_str(j->a, span_str(b));
	j->lost |= s == NULL;
	return s == NULL ? "" : s;
}

const char *
setup_point_token(enum setup_point_state s)
{
	return s == SETUP_POINT_YES ? "yes" : s == SETUP_POINT_NO ? "no" : "unknown";
}

static void
point(struct judge *j, const char *what, enum setup_point_state state, const char *expected, const char *seen)
{
	if (j->n < POINTS)
		j->v[j->n++] = (struct setup_point){ what, state, expected, seen };
}

static const char *
hex(struct judge *j, const struct digest *d)
{
	BUF_AUTO struct buf b = buf_init(256);

	buf_printf(&b, "%s:", digest_alg_name(d->alg));
	buf_hex(&b, digest_view(d));
	return text(j, "%s", buf_cstr(&b));
}

static void
judge_file(struct judge *j)
{
	bool same = j->seen->installed && digest_eq(&j->seen->now, &j->s->policy);

	point(j, "policy file", same ? SETUP_POINT_YES : SETUP_POINT_NO, hex(j, &j->s->policy),
	    !j->seen->installed ? "there is no such file" : hex(j, &j->seen->now));
}

static void
judge_boot(struct judge *j)
{
	bool same = j->s->boot_id != NULL && span_is(j->seen->boot_id, j->s->boot_id);

	if (j->s->boot_id == NULL || j->seen->boot_id.n == 0)
		return;
	point(j, "boot", same ? SETUP_POINT_NO : SETUP_POINT_YES, "started anew since the setup",
	    same ? "the boot in which it was set up" : "a later boot");
}

/* name=value among the kernel's own words; of ima_policy= one of the names is enough. */
static bool
has_parameter(struct span cmdline, struct span want)
{
	size_t eq = span_find(want, '=');
	struct span name, value, v = span_from(want, eq + 1);
	bool has;

	while (ima_cmdline_next(&cmdline, &name, &value, &has)) {
		if (!has || !span_eq(name, span_head(want, eq)))
			continue;
		for (struct span rest = value; rest.n > 0;) {
			struct span one = span_head(rest, span_find(rest, '|'));

			if (span_eq(one, v))
				return true;
			rest = span_from(rest, one.n + 1);
		}
	}
	return false;
}

static void
judge_parameters(struct judge *j)
{
	for (size_t i = 0; i < j->s->n_parameters; i++) {
		bool has = has_parameter(j->seen->cmdline, span_str(j->s->parameters[i]));

		point(j, "boot parameter", j->seen->cmdline.n == 0 ? SETUP_POINT_UNKNOWN : has ? SETUP_POINT_YES : SETUP_POINT_NO,
		    j->s->parameters[i], j->seen->cmdline.n == 0 ? "the command line cannot be read" :
		    has ? "is on the command line" : "is not on the command line");
	}
}

/* Without CONFIG_IMA_WRITE_POLICY the file goes, or cannot be written any more, once a policy
 * was loaded (ima_release_policy); with it, it stays as it was. */
static void
judge_kernel(struct judge *j)
{
	point(j, "kernel", j->seen->ima ? SETUP_POINT_YES : SETUP_POINT_NO, "measures (IMA)",
	    j->seen->ima ? "/sys/kernel/security/ima" : "no /sys/kernel/security/ima: not built in, or securityfs is not mounted");
	if (!j->seen->ima)
		return;
	point(j, "a policy is loaded", !j->seen->policy_there || !j->seen->policy_writable ? SETUP_POINT_YES : SETUP_POINT_UNKNOWN,
	    "the kernel takes no other", !j->seen->policy_there ? "its file \"policy\" is gone" :
	    !j->seen->policy_writable ? "its file \"policy\" is read-only" :
	    "its file \"policy\" can be written: none was loaded, or this kernel takes several (IMA_WRITE_POLICY)");
}

struct listed {
	bool begins, found, same, failed;
	uint64_t entry;
	struct digest last;
};

static int
look_at(const struct judge *j, struct listed *l, struct err *e)
{
	struct ima_log log;
	struct ima_entry n;
	struct digest d;
	int rc;

	if ((rc = ima_log_open(j->seen->list, &log, e)) != 0)
		return rc;
	while ((rc = ima_log_next(&log, &n, e)) > 0) {
		l->begins |= n.number == 1 && ima_entry_is_boot_aggregate(&n);
		if (n.violation || n.file_alg == DIGEST_NONE || j->s->measured_as == NULL || !span_is(n.path, j->s->measured_as) ||
		    !digest_make(n.file_alg, n.file_digest, &d))
			continue;
		l->last = d;
		if (!l->found || !l->same)
			l->entry = n.number;
		l->found = true;
		l->same |= digest_eq(&d, &j->s->policy);
	}
	ima_log_close(&log);
	return rc;
}

static int
judge_list(struct judge *j, struct err *e)
{
	struct listed l = { 0 };
	int rc;

	if (!j->seen->list_read) {
		point(j, "measurement list", SETUP_POINT_UNKNOWN, "can be read", "cannot be read (are you root?)");
		return 0;
	}
	if ((rc = look_at(j, &l, e)) != 0)
		return err_ctx(e, rc, "the measurement list");
	point(j, "boot_aggregate", l.begins ? SETUP_POINT_YES : SETUP_POINT_NO, "is the list's first entry",
	    l.begins ? "is" : "is not");
	if (j->s->measured_as == NULL) {
		point(j, "policy in the list", SETUP_POINT_UNKNOWN, "not expected: it is loaded by its text", "-");
		return 0;
	}
	point(j, "policy in the list", l.same ? SETUP_POINT_YES : SETUP_POINT_NO, text(j, "%s with %s", j->s->measured_as,
	    hex(j, &j->s->policy)), !l.found ? text(j, "no entry %s", j->s->measured_as) :
	    l.same ? text(j, "entry %llu", (unsigned long long)l.entry) :
	    text(j, "entry %llu, with %s", (unsigned long long)l.entry, hex(j, &l.last)));
	return 0;
}

int
setup_status_judge(const struct setup_state *s, const struct setup_seen *seen, struct arena *a,
    struct setup_point **points, size_t *n, struct err *e)
{
	struct judge j = { .s = s, .seen = seen, .a = a, .v = arena_array(a, POINTS, sizeof(struct setup_point)) };
	int rc;

	if (j.v == NULL)
		return arena_err(a, e);
	judge_file(&j);
	judge_boot(&j);
	judge_parameters(&j);
	judge_kernel(&j);
	if (seen->ima && (rc = judge_list(&j, e)) != 0)
		return rc;
	if (j.lost)
		return arena_err(a, e);
	*points = j.v;
	*n = j.n;
	return 0;
}
