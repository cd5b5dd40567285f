#include "engine/boot_clock.h"

/* How a count went, modulo 2^32: less than half way round is ahead. */
static int
went(uint32_t before, uint32_t now)
{
	uint32_t d = now - before;

	return d == 0 ? 0 : d < 0x80000000u ? 1 : -1;
}

bool
boot_clock_contradicts(const struct tpm_clock *before, const struct tpm_clock *now)
{
	return now->safe && now->clock < before->clock;
}

enum boot_step
boot_clock_step(const struct tpm_clock *before, const struct tpm_clock *now)
{
	int reset = went(before->reset_count, now->reset_count);
	int restart = went(before->restart_count, now->restart_count);

	/* Whatever the clock says: libtpms stores its own at an orderly end only, so that a host whose
	 * power failed would be refused for as long as it had run (0.9.2). */
	if (reset > 0)
		return BOOT_REBOOTED;
	if (reset < 0 || restart < 0)
		return BOOT_WENT_BACK;
	/* No reset since: the clock ran on, or it was saved by an orderly shutdown. */
	if (restart > 0)
		return now->clock > before->clock ? BOOT_RESUMED : BOOT_WENT_BACK;
	if (now->clock == before->clock)
		return BOOT_SAME_MOMENT;
	return now->clock > before->clock ? BOOT_CONTINUED : BOOT_WENT_BACK;
}

static const struct { const char *name, *text; } steps[] = {
	[BOOT_WENT_BACK] = { "went-back",
	    "the TPM's counters went back: an older quote, a cleared TPM or another one" },
	[BOOT_SAME_MOMENT] = { "same-moment", "nothing has passed since the last quote" },
	[BOOT_CONTINUED] = { "continued", "the same boot as before" },
	[BOOT_RESUMED] = { "resumed", "the same boot, after a suspend" },
	[BOOT_REBOOTED] = { "rebooted", "the machine was booted again" },
};

const char *boot_step_name(enum boot_step step) { return steps[step].name; }
const char *boot_step_text(enum boot_step step) { return steps[step].text; }
