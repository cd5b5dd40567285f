/* Event logs: progress at each step, spans inside the input, dumps that never fail, and an
 * appraisal that never passes what it was given no values for. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/boot.h"
#include "engine/boot_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct span whole, struct span part)
{
	if (part.n > 0 && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
		abort();
}

static void
walk(struct span in)
{
	struct buf b = buf_init(SIZE_MAX / 2);
	struct tcg_log log;
	struct tcg_event ev;
	struct err e = { 0 };
	size_t at = 0;

	if (tcg_log_open(in, &log, &e) != 0)
		return;
	while (tcg_log_next(&log, &ev, &e) > 0) {
		if (ev.offset != at || ev.size == 0)
			abort();
		at += ev.size;
		inside(in, ev.data);
		for (size_t i = 0; i < ev.n_digests; i++)
			inside(in, ev.digests[i].bytes);
		b.n = 0;
		tcg_log_dump(&ev, &b);
		tcg_event_describe(&ev, log.uintn_size, &b);
		if (b.why != 0 || b.n == 0)
			abort();
	}
	if (log.padding > in.n)
		abort();
	buf_free(&b);
}

/* With no PCR values and no list nothing may read as proven. */
static void
appraise(struct span in)
{
	BOOT_REPORT_AUTO struct boot_report report = { 0 };
	RESULT_AUTO struct result r = result_init();
	JSON_AUTO json_t *j = NULL, *profile = NULL;
	struct boot_input input = { .event_log = in };
	struct err e = { 0 };

	if (in.n == 0 || boot_appraise(&input, &report, &r, &e) != 0)
		return;
	if (r.checks[CHECK_EVENT_LOG].state == CHECK_PASS ||
	    r.checks[CHECK_BOOT_AGGREGATE].state != CHECK_NOT_RUN)
		abort();
	if ((j = boot_report_json(&report)) == NULL)
		abort();
	if (boot_profile_from_log(&report.log, DIGEST_NONE, 0, &profile, &e) == 0 &&
	    boot_profile_check(profile, "profile", &e) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	walk(span_of(data, size));
	appraise(span_of(data, size));
	return 0;
}
