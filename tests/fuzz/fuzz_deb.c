/* Debian packages, RPM headers and entries of the package cache, told by the first byte. */
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "formats/deb_cache.h"
#include "formats/rpm_header.h"
#include "port/deb_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
deb(struct span in)
{
	struct hasher *h = NULL;
	struct stream *s = NULL;
	struct deb_content c;
	struct err e = { 0 };

	deb_content_init(&c);
	if (hasher_new(DIGEST_SHA1, &h, &e) != 0 || stream_mem(in, &s, &e) != 0)
		abort();
	if (deb_read(s, h, DIGEST_SHA1, &c, &e) == 0) {
		if (c.name.p == NULL || c.version.p == NULL || c.arch.p == NULL)
			abort();
		for (size_t i = 0; i < c.n; i++)
			if (c.files[i].path.n < 2 || c.files[i].path.p[0] != '/')
				abort();
	} else if (e.code == 0) {
		abort();
	}
	deb_content_free(&c);
	stream_free(s);
	hasher_free(h);
}

static void
rpm(struct span in)
{
	struct arena a = arena_init(MIB(64));
	struct rpm_header h;
	struct rpm_package p;
	struct digest d;
	struct err e = { 0 };

	if (rpm_header_parse(in, &h, &e) == 0) {
		(void)rpm_header_sha256(&h, &d);
		if (rpm_package_read(&h, &a, &p, &e) == 0)
			for (size_t i = 0; i < p.n; i++)
				if (p.files[i].path.n == 0 || p.files[i].path.p[0] != '/')
					abort();
	}
	arena_free(&a);
}

static void
cache(struct span in)
{
	struct deb_cache c;
	struct span path;
	struct digest d;
	struct err e = { 0 };

	if (deb_cache_parse(in, &c, &e) == 0)
		while (deb_cache_next(&c, &path, &d, &e) > 0)
			if (path.n > 0 && (path.p < in.p || path.p + path.n > in.p + in.n))
				abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	if (size > 4 && data[0] == '!')
		deb(in);
	else if (size > 4 && data[0] == 0x8e)
		rpm(in);
	else
		cache(in);
	return 0;
}
