/* replay.c: runs a fuzz target over its corpus, so that every find stays found.
 * Each file is also tried cut short at some lengths and with some bits flipped:
 * cheap, deterministic, and it finds the plain mistakes without a fuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exact size, so that ASan sees a read of one byte too many. */
static void
run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);

	if (copy == NULL)
		abort();
	if (n != 0)
		memcpy(copy, p, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void
run_variants(struct file *f)
{
	size_t step = f->n / 64 + 1;

	run(f->p, f->n);
	for (size_t i = 0; i < f->n; i += step)
		run(f->p, i);
	for (size_t i = 0; i < f->n; i += step) {
		f->p[i] ^= (uint8_t)(1u << (i % 8));
		run(f->p, f->n);
		f->p[i] ^= (uint8_t)(1u << (i % 8));
	}
}

int
main(int argc, char **argv)
{
	size_t files = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **names;
		int n = scandir(argv[i], &names, NULL, alphasort);

		for (int k = 0; k < n; k++) {
			char path[4096];
			struct file f;
			struct err e = { 0 };

			(void)snprintf(path, sizeof(path), "%s/%s", argv[i], names[k]->d_name);
			if (names[k]->d_name[0] != '.') {
				if (file_read(path, MIB(64), &f, &e) != 0) {
					fprintf(stderr, "%s: %s\n", path, e.message);
					return 1;
				}
				run_variants(&f);
				file_free(&f);
				files++;
			}
			free(names[k]);
		}
		if (n >= 0)
			free(names);
	}
	printf("%zu corpus files replayed\n", files);
	return files > 0 ? 0 : 1;	/* an empty corpus proves nothing */
}
