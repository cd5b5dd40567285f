#include "port/gpgv.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/rd.h"

extern char **environ;

/* Descriptors in the child. */
enum { FD_IN = 0, FD_OUT = 1, FD_ERR = 2, FD_STATUS = 3, FD_SIG = 4, FD_COUNT };

struct channels { int fd[FD_COUNT]; };

static void
channels_close(struct channels *c)
{
	for (int i = 0; i < FD_COUNT; i++)
		if (c->fd[i] >= 0)
			(void)close(c->fd[i]);
}

/* Memory as a file, holding ${content}. */
static int
memory_file(struct span content, int *out, struct err *e)
{
	int fd = memfd_create("assay", MFD_CLOEXEC);

	if (fd < 0)
		return err_errno(e, "cannot make a file in memory");
	*out = fd;
	while (content.n > 0) {
		ssize_t k = write(fd, content.p, content.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "cannot write a file in memory");
		content = span_from(content, (size_t)k);
	}
	return lseek(fd, 0, SEEK_SET) == 0 ? 0 : err_errno(e, "a file in memory");
}

static int
memory_content(int fd, struct buf *b, struct err *e)
{
	uint8_t chunk[16384];
	off_t at = 0;
	ssize_t k;

	while ((k = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		buf_put(b, chunk, (size_t)k);
		at += k;
	}
	return k < 0 ? err_errno(e, "a file in memory") : buf_done(b, e);
}

static int
run(char *const argv[], const struct channels *c, struct err *e)
{
	posix_spawn_file_actions_t actions;
	pid_t child;
	int rc, status;

	posix_spawn_file_actions_init(&actions);
	/* The descriptors are far above these numbers, so none is overwritten early. */
	for (int i = 0; i < FD_COUNT; i++)
		posix_spawn_file_actions_adddup2(&actions, c->fd[i], i);
	rc = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc != 0) {
		errno = rc;
		return err_hint(e, err_errno(e, "cannot run gpgv"),
		    "install the package gpgv, or leave --keyring away and check the repository otherwise");
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(e, "waiting for gpgv");
	return 0;
}

/* A good key's valid signature, and no bad signature. */
static int
judge(struct span status, struct span messages, struct err *e)
{
	struct rd r = rd_init(status);
	unsigned good = 0, valid = 0, bad = 0;
	struct span line;

	while (rd_line(&r, LIMIT_TEXT_LINE, &line)) {
		good += span_starts(line, span_lit("[GNUPG:] GOODSIG "));
		valid += span_starts(line, span_lit("[GNUPG:] VALIDSIG "));
		bad += span_starts(line, span_lit("[GNUPG:] BADSIG "));
	}
	if (good > 0 && valid > 0 && bad == 0 && r.why == 0)
		return 0;
	/* gpgv's own words help: they name the key. */
	err_set(e, ERR_SIGNATURE, "%s: %.*s", bad > 0 ? "a signature is bad" :
	    "no key of the keyring made a valid signature",
	    (int)(messages.n < 700 ? messages.n : 700), messages.n == 0 ? "" : (const char *)messages.p);
	return ERR_SIGNATURE;
}

/* Moved above the numbers they get in the child. */
static int
lift(struct channels *c, struct err *e)
{
	for (int i = 0; i < FD_COUNT; i++) {
		int fd = fcntl(c->fd[i], F_DUPFD_CLOEXEC, 10);

		if (fd < 0)
			return err_errno(e, "a file in memory");
		(void)close(c->fd[i]);
		c->fd[i] = fd;
	}
	return 0;
}

static int
check_keyring(const char *keyring, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	int rc = file_read(keyring, MIB(64), &f, e);

	if (rc != 0)
		return rc;
	if (span_starts(file_view(&f), span_lit("-----BEGIN PGP")))
		return err_hint(e, err_file(e, err_set(e, ERR_KEY,
		    "is an armored key; gpgv reads binary keyrings"), keyring),
		    "gpg --dearmor < KEY.asc > KEY.gpg converts it");
	return 0;
}

static int
verify(const char *keyring, struct span in, struct span sig, bool detached, struct buf *out,
    struct err *e)
{
	__attribute__((cleanup(channels_close))) struct channels c = { { -1, -1, -1, -1, -1 } };
	BUF_AUTO struct buf status = buf_init(MIB(1)), messages = buf_init(MIB(1));
	struct span nothing = { NULL, 0 };
	char *real, *argv[16];
	int rc, n = 0;

	if ((rc = check_keyring(keyring, e)) != 0 || (rc = memory_file(in, &c.fd[FD_IN], e)) != 0 ||
	    (rc = memory_file(nothing, &c.fd[FD_OUT], e)) != 0 ||
	    (rc = memory_file(nothing, &c.fd[FD_ERR], e)) != 0 ||
	    (rc = memory_file(nothing, &c.fd[FD_STATUS], e)) != 0 ||
	    (rc = memory_file(sig, &c.fd[FD_SIG], e)) != 0 || (rc = lift(&c, e)) != 0)
		return rc;
	/* A name without a slash would be looked for in ~/.gnupg. */
	if ((real = realpath(keyring, NULL)) == NULL)
		return err_file(e, err_errno(e, "cannot open"), keyring);
	argv[n++] = (char *)(uintptr_t)"gpgv";
	argv[n++] = (char *)(uintptr_t)"--quiet";
	argv[n++] = (char *)(uintptr_t)"--weak-digest";
	argv[n++] = (char *)(uintptr_t)"SHA1";
	argv[n++] = (char *)(uintptr_t)"--status-fd";
	argv[n++] = (char *)(uintptr_t)"3";
	argv[n++] = (char *)(uintptr_t)"--keyring";
	argv[n++] = real;
	if (detached) {
		argv[n++] = (char *)(uintptr_t)"/dev/fd/4";
		argv[n++] = (char *)(uintptr_t)"-";
	} else {
		argv[n++] = (char *)(uintptr_t)"--output";
		argv[n++] = (char *)(uintptr_t)"-";
		argv[n++] = (char *)(uintptr_t)"-";
	}
	argv[n] = NULL;
	rc = run(argv, &c, e);
	free(real);
	if (rc != 0 || (rc = memory_content(c.fd[FD_STATUS], &status, e)) != 0 ||
	    (rc = memory_content(c.fd[FD_ERR], &messages, e)) != 0 ||
	    (rc = judge(buf_view(&status), buf_view(&messages), e)) != 0)
		return rc;
	return detached ? 0 : memory_content(c.fd[FD_OUT], out, e);
}

int
gpgv_inline(const char *keyring, struct span signed_text, struct buf *out, struct err *e)
{
	return verify(keyring, signed_text, span_of(NULL, 0), false, out, e);
}

int
gpgv_detached(const char *keyring, struct span text, struct span sig, struct err *e)
{
	return verify(keyring, text, sig, true, NULL, e);
}
