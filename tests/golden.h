/* golden.h: reading the test data.  ASSAY_GOLDEN is the folder, set by the build. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "base/file.h"
#include "tests/tap.h"

/* The file, or a bail-out: a test without its data must not pass. */
__attribute__((unused)) static struct file
golden(const char *name)
{
	const char *dir = getenv("ASSAY_GOLDEN");
	struct err e = { 0 };
	struct file f;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", dir == NULL ? "tests/golden" : dir, name);
	if (file_read(path, (size_t)1 << 30, &f, &e) != 0) {
		printf("Bail out! %s: %s\n", path, e.message);
		exit(99);
	}
	return f;
}

#endif
