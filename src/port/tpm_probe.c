#include "port/tpm_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A GetCapability takes milliseconds; the kernel's own limit for short commands of
 * TPM 2.0 is 750 ms to 2 s (drivers/char/tpm/tpm2-cmd.c). */
#define ANSWER_MS 10000

static void
fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static int
open_socket(const char *path, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(e, ERR_LIMIT, "the name of a socket has at most %zu bytes",
		    sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return err_errno(e, "cannot make a socket");
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		int rc = err_errno(e, "cannot connect");

		(void)close(fd);
		return rc;
	}
	return fd;
}

/* A descriptor, or a negative error. */
static int
open_tpm(const char *path, struct err *e)
{
	struct stat st;
	int fd;

	if (stat(path, &st) != 0)
		return err_errno(e, "cannot find the TPM");
	if (S_ISSOCK(st.st_mode))
		return open_socket(path, e);
	if (!S_ISCHR(st.st_mode))
		return err_set(e, ERR_FORMAT, "is neither a device nor a socket");
	if ((fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY)) < 0)
		return err_errno(e, "cannot open the TPM");
	return fd;
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* What one read gives.  The kernel hands out a whole answer at once; a socket may cut
 * it, so the size in its header decides how much is read. */
static int
read_some(int fd, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t k;

	if (poll(&pfd, 1, ANSWER_MS) <= 0)
		return err_set(e, ERR_IO, "the TPM gave no answer within %d seconds", ANSWER_MS / 1000);
	do
		k = read(fd, p, n);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_errno(e, "cannot read the TPM's answer");
	if (k == 0)
		return err_set(e, ERR_TRUNCATED, "the TPM's answer ends after %zu bytes", *got);
	*got += (size_t)k;
	return 0;
}

static int
exchange(int fd, struct span command, uint8_t *answer, size_t max, size_t *n, struct err *e)
{
	uint32_t size = 10;	/* of the header; then what the header says */
	int rc;

	if (write(fd, command.p, command.n) != (ssize_t)command.n)
		return err_errno(e, "cannot send the TPM a command");
	*n = 0;
	while (*n < size) {
		if ((rc = read_some(fd, answer + *n, max - *n, n, e)) != 0)
			return rc;
		if (*n >= 10) {
			struct rd r = rd_init(span_of(answer + 2, 4));

			if (!rd_be32(&r, &size) || size < 10 || size > max)
				return err_set(e, ERR_RANGE, "the TPM's answer says that it has %u bytes", size);
		}
	}
	return 0;
}

/* All of one capability; a TPM gives long lists in parts. */
static int
ask(int fd, enum tpm_capability cap, uint32_t first, struct tpm_caps *caps, struct err *e)
{
	uint8_t answer[4096];	/* TPM_BUFSIZE of the kernel */
	int rc;

	/* 16 parts of 64: far more than any TPM has, and an end for one that never ends. */
	for (int part = 0; part < 16; part++) {
		BUF_AUTO struct buf command = buf_init(64);
		uint64_t start;
		size_t n = 0;

		tpm_caps_command(cap, first, &command);
		if ((rc = buf_done(&command, e)) != 0)
			return rc;
		start = now_ns();
		if ((rc = exchange(fd, buf_view(&command), answer, sizeof(answer), &n, e)) != 0)
			return rc;
		start = now_ns() - start;
		if (caps->command_ns == 0 || start < caps->command_ns)
			caps->command_ns = start;
		if ((rc = tpm_caps_response(span_of(answer, n), cap, caps, &first, e)) != 0)
			return rc;
		/* Properties over the fixed ones are state, not identity. */
		if (first == 0 || (cap == TPM_CAP_PROPERTIES && first >= TPM_PT_FIXED + 0x100))
			return 0;
	}
	return err_set(e, ERR_LIMIT, "the TPM's list of capability %u does not end", cap);
}

int
tpm_probe(const char *path, struct tpm_caps *out, struct err *e)
{
	struct tpm_caps caps = { 0 };
	__attribute__((cleanup(fd_close))) int fd = open_tpm(path, e);
	int rc;

	if (fd < 0)
		return err_file(e, fd, path);
	if ((rc = ask(fd, TPM_CAP_PROPERTIES, TPM_PT_FIXED, &caps, e)) != 0 ||
	    (rc = ask(fd, TPM_CAP_PCRS, 0, &caps, e)) != 0 ||
	    (rc = ask(fd, TPM_CAP_ALGS, 0, &caps, e)) != 0)
		return err_file(e, rc, path);
	caps.have = true;
	*out = caps;
	return 0;
}
