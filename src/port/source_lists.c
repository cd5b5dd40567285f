/* digests, keylime, sbom, ima-log: lists of digests that somebody else made. */
#include "base/file.h"
#include "base/limits.h"
#include "base/path.h"
#include "formats/ima_log.h"
#include "formats/runtime_policy.h"
#include "formats/sbom.h"
#include "port/sources.h"

/* Every file of a policy, under its stored name. */
static int
tell_table(const struct source_run *r, const struct policy_table *t, struct err *e)
{
	for (uint64_t i = 0; i < t->n_paths; i++) {
		struct policy_iter it;
		struct policy_digest pd;
		struct digest d;
		struct span path;
		int rc;

		if (!policy_table_at(t, i, &path, &it))
			return err_set(e, ERR_INTERNAL, "entry %llu of the table", (unsigned long long)i);
		while (policy_iter_next(&it, &pd))
			if (!digest_make(pd.alg, pd.bytes, &d))
				return err_set(e, ERR_INTERNAL, "digest of entry %llu", (unsigned long long)i);
			else if ((rc = source_tell(r, path, &d, SOURCE_NO_PACKAGE, e)) != 0)
				return rc;
	}
	return 0;
}

static int
read_policy(const struct source_run *r, struct runtime_policy *p, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	int rc = file_read(r->where, LIMIT_POLICY_FILE, &f, e);

	if (rc != 0)
		return rc;
	/* A compiled table would be borrowed from the file; the other kinds are not. */
	if (policy_table_sniff(file_view(&f)))
		return err_file(e, err_set(e, ERR_FORMAT, "is a compiled policy, not a list"), r->where);
	return err_file(e, runtime_policy_parse(file_view(&f), p, e), r->where);
}

int
source_digests(const struct source_run *r, struct err *e)
{
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	int rc = read_policy(r, &p, e);

	if (rc != 0)
		return rc;
	if (p.source != POLICY_FROM_SUMS && p.source != POLICY_FROM_KEYLIME_ALLOWLIST)
		return err_hint(e, err_file(e, err_set(e, ERR_FORMAT,
		    "is a policy, not a list of digests"), r->where),
		    "assay policy merge joins policies");
	return tell_table(r, &p.table, e);
}

int
source_keylime(const struct source_run *r, struct err *e)
{
	RUNTIME_POLICY_AUTO struct runtime_policy p = { 0 };
	int rc = read_policy(r, &p, e);

	if (rc != 0)
		return rc;
	if (p.source == POLICY_FROM_ASSAY)
		return err_hint(e, err_file(e, err_set(e, ERR_FORMAT,
		    "is a policy of assay's own, not Keylime's"), r->where),
		    "assay policy merge joins policies");
	if (p.n_excludes + p.n_keys + p.n_keyrings + p.n_buffers > 0 &&
	    (rc = r->sink->warn(r->sink->cookie, e, "%s: only its files are taken; %zu excludes, %zu "
	    "keys, %zu keyrings and %zu buffers are not (assay policy import takes all)", r->where,
	    p.n_excludes, p.n_keys, p.n_keyrings, p.n_buffers)) != 0)
		return rc;
	return tell_table(r, &p.table, e);
}

/* ---- SBOM ---------------------------------------------------------------- */

static int
tell_file(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	return source_tell(cookie, path, d, SOURCE_NO_PACKAGE, e);
}

int
source_sbom(const struct source_run *r, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	struct sbom_counts c = { 0 };
	struct source_run run = *r;
	int rc;

	if ((rc = file_read(r->where, LIMIT_SBOM_FILE, &f, e)) != 0)
		return rc;
	if ((rc = sbom_parse(file_view(&f), tell_file, &run, &c, e)) != 0)
		return err_file(e, rc, r->where);
	if (c.files == 0)
		return r->sink->warn(r->sink->cookie, e,
		    "%s: this %s document lists no file with a digest", r->where, c.format);
	if (c.weak > 0 && (rc = r->sink->warn(r->sink->cookie, e,
	    "%s: %llu of %llu files have no digest but SHA-1", r->where, (unsigned long long)c.weak,
	    (unsigned long long)c.files)) != 0)
		return rc;
	return 0;
}

/* ---- measurement lists --------------------------------------------------- */

struct log_counts { uint64_t violations, unusable, unnamed; };

static int
tell_entry(const struct source_run *r, const struct ima_entry *n, struct log_counts *c,
    struct err *e)
{
	struct digest d;

	if (n->violation) {
		c->violations++;
		return 0;
	}
	/* Buffers and the boot aggregate are no files. */
	if (n->has_buf || ima_entry_is_boot_aggregate(n))
		return 0;
	if (!n->known_template || !n->well_formed || n->digest_type != IMA_DIGEST_FILE ||
	    !digest_make(n->file_alg, n->file_digest, &d)) {
		c->unusable++;
		return 0;
	}
	if (n->path.n == 0 || n->path.p[0] != '/') {
		c->unnamed++;
		return 0;
	}
	return source_tell(r, n->path, &d, SOURCE_NO_PACKAGE, e);
}

static int
warn_log(const struct source_run *r, const struct log_counts *c, struct err *e)
{
	const struct source_sink *k = r->sink;
	int rc;

	if ((rc = k->warn(k->cookie, e, "%s: what this machine had run when the list was recorded is "
	    "approved unseen (trust on first use)", r->where)) != 0)
		return rc;
	if (c->violations > 0 && (rc = k->warn(k->cookie, e,
	    "%s: %llu violations left out: the kernel recorded no digest for them", r->where,
	    (unsigned long long)c->violations)) != 0)
		return rc;
	if (c->unnamed > 0 && (rc = k->warn(k->cookie, e,
	    "%s: %llu entries without an absolute path left out", r->where,
	    (unsigned long long)c->unnamed)) != 0)
		return rc;
	if (c->unusable > 0)
		return k->warn(k->cookie, e, "%s: %llu entries left out whose template or digest "
		    "assay does not understand", r->where, (unsigned long long)c->unusable);
	return 0;
}

int
source_ima_log(const struct source_run *r, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	struct log_counts c = { 0 };
	struct ima_log log;
	struct ima_entry n;
	int rc;

	if ((rc = file_read(r->where, LIMIT_IMA_LOG, &f, e)) != 0)
		return rc;
	if ((rc = ima_log_open(file_view(&f), &log, e)) != 0)
		return err_file(e, rc, r->where);
	while ((rc = ima_log_next(&log, &n, e)) > 0)
		if ((rc = tell_entry(r, &n, &c, e)) != 0)
			break;
	ima_log_close(&log);
	return rc < 0 ? err_file(e, rc, r->where) : warn_log(r, &c, e);
}
