/* swtpm_kit.h: a software TPM in a directory of its own, for tests. */
#ifndef SWTPM_KIT_H
#define SWTPM_KIT_H

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/tpm/swtpm.h"
#include "port/tpm/tpm.h"
#include "tests/tap.h"

struct swtpm_kit {
	char dir[64];		/* "" if there is no swtpm here */
	struct swtpm *s;
	struct tpm *t;
};

static bool
kit_have(const char *program)
{
	char path[256];
	const char *p = getenv("PATH");

	for (p = p == NULL ? "/usr/bin" : p; *p != '\0'; p += strcspn(p, ":"), p += *p == ':') {
		(void)snprintf(path, sizeof(path), "%.*s/%s", (int)strcspn(p, ":"), p, program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* False, and a skipped point, where there is no swtpm. */
__attribute__((unused)) static bool
kit_start(struct swtpm_kit *k)
{
	struct err e = { 0 };

	memset(k, 0, sizeof(*k));
	(void)signal(SIGPIPE, SIG_IGN);
	if (!kit_have("swtpm") || !kit_have("swtpm_setup")) {
		(void)ok(true, "a software TPM # SKIP swtpm is missing");
		return false;
	}
	(void)snprintf(k->dir, sizeof(k->dir), "/tmp/assay-tpm.XXXXXX");
	if (mkdtemp(k->dir) == NULL || swtpm_start(k->dir, &k->s, &e) != 0 ||
	    tpm_open(swtpm_tcti(k->s), &k->t, &e) != 0) {
		printf("Bail out! %s\n", e.message);
		exit(99);
	}
	return true;
}

__attribute__((unused)) static void
kit_end(struct swtpm_kit *k)
{
	char *argv[] = { (char[]){ "rm" }, (char[]){ "-rf" }, k->dir, NULL };

	tpm_close(k->t);
	swtpm_stop(k->s);
	if (k->dir[0] != '\0' && fork() == 0) {
		(void)execvp("rm", argv);
		_exit(127);
	}
}

#endif
