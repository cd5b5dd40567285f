/* What two clockInfos of one key say, at every border: a machine that goes on, resumes or
 * boots is told from one whose counters went back. */
#include "engine/boot_clock.h"
#include "tests/tap.h"

static void
step(struct tpm_clock before, struct tpm_clock now, enum boot_step want, const char *what)
{
	is_str(boot_step_name(boot_clock_step(&before, &now)), boot_step_name(want), what);
}

int
main(void)
{
	const struct tpm_clock was = { .clock = 10000000, .reset_count = 7, .restart_count = 2, .safe = true };

	step(was, was, BOOT_SAME_MOMENT, "the same quote again");
	step(was, (struct tpm_clock){ 10000001, 7, 2, true }, BOOT_CONTINUED, "a millisecond later");
	step(was, (struct tpm_clock){ 9999999, 7, 2, true }, BOOT_WENT_BACK, "a millisecond earlier");
	step(was, (struct tpm_clock){ 9999999, 7, 2, false }, BOOT_WENT_BACK,
	    "a clock does not fall back within a boot, safe or not");
	step(was, (struct tpm_clock){ 10000001, 7, 3, true }, BOOT_RESUMED, "a resume");
	step(was, (struct tpm_clock){ 10000001, 7, 9, true }, BOOT_RESUMED, "several resumes");
	step(was, (struct tpm_clock){ 10000000, 7, 3, true }, BOOT_WENT_BACK, "a resume in no time");
	step(was, (struct tpm_clock){ 10000001, 7, 1, true }, BOOT_WENT_BACK, "fewer restarts in the same boot");
	step(was, (struct tpm_clock){ 10000001, 8, 0, true }, BOOT_REBOOTED, "a boot");
	step(was, (struct tpm_clock){ 10000001, 700, 5, true }, BOOT_REBOOTED, "many boots");
	step(was, (struct tpm_clock){ 9000000, 8, 0, true }, BOOT_REBOOTED,
	    "a boot of a software TPM that forgot its clock and says it is safe");
	ok(boot_clock_contradicts(&was, &(struct tpm_clock){ 9000000, 8, 0, true }), "which is a contradiction");
	ok(!boot_clock_contradicts(&was, &(struct tpm_clock){ 9000000, 8, 0, false }), "and none if it says it is not");
	ok(!boot_clock_contradicts(&was, &(struct tpm_clock){ 10000001, 8, 0, true }), "nor if it went on");
	step(was, (struct tpm_clock){ 1, 8, 0, true }, BOOT_REBOOTED, "and had run for long");
	step(was, (struct tpm_clock){ 9000000, 8, 0, false }, BOOT_REBOOTED, "a boot after a loss of power");
	step(was, (struct tpm_clock){ 10000001, 6, 2, true }, BOOT_WENT_BACK, "a boot before");
	step(was, (struct tpm_clock){ 0, 0, 0, true }, BOOT_WENT_BACK, "a TPM that was cleared");
	step((struct tpm_clock){ 5, 0xffffffff, 0xffffffff, true }, (struct tpm_clock){ 6, 0, 0, true },
	    BOOT_REBOOTED, "a count that an added constant wraps round");
	step((struct tpm_clock){ 5, 3, 0xffffffff, true }, (struct tpm_clock){ 6, 3, 0, true },
	    BOOT_RESUMED, "a restart count that wraps round");
	step((struct tpm_clock){ 5, 0, 0, true }, (struct tpm_clock){ 6, 0x80000000, 0, true },
	    BOOT_WENT_BACK, "half way round is back, not ahead");
	ok(boot_step_text(BOOT_RESUMED)[0] != '\0', "steps have words");
	return done();
}
