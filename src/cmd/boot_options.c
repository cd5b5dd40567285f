#include "cmd/boot_options.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "engine/boot_profile.h"

/* "0,2,4": a bit set. */
static int
parse_pcrs(const char *text, uint32_t *mask, struct err *e)
{
	struct span rest = span_str(text);
	uint32_t m = 0;

	for (bool more = true; more;) {
		size_t comma = span_find(rest, ',');
		uint64_t v;

		more = comma < rest.n;
		if (!dec_u64(span_head(rest, comma), &v) || v >= LIMIT_PCRS)
			return err_set(e, ERR_USAGE, "--boot-pcrs %s: want numbers of PCRs, as in 0,2,4,7", text);
		m |= 1u << v;
		rest = span_from(rest, comma + 1);
	}
	*mask = m;
	return 0;
}

static int
read_profile(const char *path, uint32_t pcrs, json_t **out, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	BOOT_LOG_AUTO struct boot_log log = { 0 };
	int rc;

	if ((rc = file_read(path, LIMIT_EVENT_LOG, &f, e)) != 0)
		return rc;
	if ((rc = boot_log_load(file_view(&f), &log, e)) == 0 && log.tail.code != 0) {
		*e = log.tail;		/* a profile of half a boot would fit no boot */
		rc = e->code;
	}
	if (rc == 0)
		rc = boot_profile_from_log(&log, DIGEST_NONE, pcrs, out, e);
	return err_file(e, rc, path);
}

int
boot_options_add(const struct invocation *in, struct runtime_policy *p, struct err *e)
{
	const char *list = opt_get(in, "boot-pcrs");
	size_t n = opt_count(in, "boot-profile");
	JSON_AUTO json_t *all = json_array();
	uint32_t pcrs = 0;
	int rc;

	if (list != NULL && n == 0)
		return err_set(e, ERR_USAGE, "--boot-pcrs says nothing without --boot-profile");
	if (list != NULL && (rc = parse_pcrs(list, &pcrs, e)) != 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		json_t *profile = NULL;

		if ((rc = read_profile(opt_nth(in, "boot-profile", i), pcrs, &profile, e)) != 0)
			return rc;
		if (json_array_append_new(all, profile) != 0)
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (n == 0)
		return 0;
	p->boot = json_pack("{s:O}", "profile", n == 1 ? json_array_get(all, 0) : all);
	return p->boot == NULL ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}
