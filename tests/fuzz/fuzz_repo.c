/* What comes from repositories and registries as text: deb822 paragraphs, lists of a
 * Release file, OCI and docker JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "formats/deb822.h"
#include "formats/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct span s, struct span in)
{
	if (s.n > 0 && (s.p < in.p || s.p + s.n > in.p + in.n))
		abort();
}

static void
paragraphs(struct span in)
{
	struct deb822 d = deb822_init(in);
	struct deb822_paragraph p;
	struct err e = { 0 };
	size_t before = 0;

	while (deb822_next(&d, &p, &e) > 0) {
		struct span v;

		if (d.r.off <= before)
			abort();
		before = d.r.off;
		inside(p.text, in);
		if (deb822_get(&p, "SHA256", false, &v, &e) == 0) {
			struct release_file f;

			inside(v, in);
			while (release_file_next(&v, &f, &e) > 0)
				inside(f.name, in);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct arena a = arena_init(MIB(64));
	struct docker_image *images;
	struct oci_list l;
	struct err e = { 0 };
	size_t n;

	paragraphs(in);
	(void)!oci_index_parse(in, &a, &l, &e);
	(void)!oci_manifest_parse(in, &a, &l, &e);
	(void)!docker_manifest_parse(in, &a, &images, &n, &e);
	arena_free(&a);
	return 0;
}
