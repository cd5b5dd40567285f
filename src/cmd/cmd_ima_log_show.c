/* assay ima-log show: what the kernel measured, as a table, text or JSON. */
#include "base/file.h"
#include "base/limits.h"
#include "cmd/command.h"
#include "cmd/term.h"
#include "formats/ima_log.h"

static enum exit_status
show(const struct invocation *in, struct err *e)
{
	const char *path = in->operands[0];
	FILE_AUTO struct file f = { 0 };
	struct ima_log log;
	struct ima_entry n;
	int rc;

	if ((rc = file_read(path, LIMIT_IMA_LOG, &f, e)) != 0)
		return cmd_error(in, e);
	if ((rc = ima_log_open(file_view(&f), &log, e)) == 0) {
		BUF_AUTO struct buf b = buf_init(SIZE_MAX / 2);

		while ((rc = ima_log_next(&log, &n, e)) > 0) {
			ima_log_dump(&n, &b);
			fwrite(b.p, 1, b.n, stdout);
			b.n = 0;
		}
		ima_log_close(&log);
	}
	if (rc < 0) {
		err_file(e, rc, path);
		return cmd_error(in, e);
	}
	return EXIT_GOOD;
}

const struct command cmd_ima_log_show = {
	.noun = "ima-log", .verb = "show",
	.summary = "print the kernel's measurement list",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description = "Reads a binary or ASCII measurement list and prints one line per entry.",
	.example = "  assay ima-log show /sys/kernel/security/ima/binary_runtime_measurements",
	.run = show,
};
