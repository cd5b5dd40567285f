/* Promise: a bill of materials says what it says about files that have digests, and
 * nothing about anything else. */
#include "base/buf.h"
#include "formats/sbom.h"
#include "tests/tap.h"

#define ONE "0000000000000000000000000000000000000000000000000000000000000001"
#define TWO "0000000000000000000000000000000000000002"

static int
put(void *cookie, struct span path, const struct digest *d, struct err *e)
{
	struct buf *b = cookie;

	(void)e;
	buf_span(b, path);
	buf_printf(b, "=%s:%u ", digest_alg_name(d->alg), d->v[d->size - 1]);
	return 0;
}

static void
check(const char *text, int want_rc, const char *want, const char *what)
{
	BUF_AUTO struct buf b = buf_init(10000);
	struct sbom_counts c = { 0 };
	struct err e = { 0 };
	int rc = sbom_parse(span_str(text), put, &b, &c, &e);

	if (!ok(rc == want_rc && (rc != 0 || strcmp(buf_cstr(&b), want) == 0), "%s", what))
		diag("%s: %s / %s", err_token(rc), buf_cstr(&b), e.message);
}

#define SPDX(files) "{\"spdxVersion\":\"SPDX-2.3\",\"files\":[" files "]}"
#define SUM(alg, hex) "{\"algorithm\":\"" alg "\",\"checksumValue\":\"" hex "\"}"
#define CDX(c) "{\"bomFormat\":\"CycloneDX\",\"components\":[" c "]}"

int
main(void)
{
	check(SPDX("{\"fileName\":\"./a\",\"checksums\":[" SUM("SHA256", ONE) "]}"), 0, "/a=sha256:1 ", "SPDX");
	check(SPDX("{\"fileName\":\"a\",\"checksums\":[" SUM("SHA1", TWO) "," SUM("SHA256", ONE) "]}"), 0,
	    "/a=sha256:1 ", "a strong digest beats SHA-1");
	check(SPDX("{\"fileName\":\"a\",\"checksums\":[" SUM("SHA1", TWO) "]}"), 0, "/a=sha1:2 ", "SHA-1 alone");
	check(SPDX("{\"fileName\":\"a\",\"checksums\":[" SUM("MD5", "00") "," SUM("ADLER32", "1") "]}"), 0, "",
	    "MD5 and what IMA does not know count for nothing");
	check(SPDX("{\"fileName\":\"a\"}"), 0, "", "a file without digests");
	check(SPDX("{\"fileName\":\"a\",\"checksums\":[" SUM("SHA256", "zz") "]}"), ERR_ENCODING, "", "a digest that is none");
	check(SPDX("{\"fileName\":\"a/../b\",\"checksums\":[" SUM("SHA256", ONE) "]}"), ERR_FORMAT, "", "a name with ..");
	check("{\"spdxVersion\":\"SPDX-3.0\"}", ERR_UNSUPPORTED, "", "SPDX 3");
	check("{\"@context\":\"x\",\"@graph\":[]}", ERR_UNSUPPORTED, "", "JSON-LD");
	check("{}", ERR_FORMAT, "", "other JSON");
	check("", ERR_TRUNCATED, "", "nothing");
	check("{\"spdxVersion\":\"SPDX-2.3\",\"spdxVersion\":\"SPDX-2.3\"}", ERR_DUPLICATE, "", "a key twice");
	check(CDX("{\"type\":\"file\",\"name\":\"/x\",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"" ONE "\"}]}"), 0,
	    "/x=sha256:1 ", "CycloneDX");
	check(CDX("{\"type\":\"application\",\"name\":\"p\",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"" ONE "\"}],"
	    "\"components\":[{\"type\":\"file\",\"name\":\"y\",\"hashes\":[{\"alg\":\"SHA3-256\",\"content\":\"" ONE "\"}]}]}"), 0,
	    "/y=sha3-256:1 ", "only components of type file, at any depth");
	check("SPDXVersion: SPDX-2.3\nFileName: ./a\nFileChecksum: SHA256: " ONE "\r\nPackageName: p\nFileChecksum: SHA256: "
	    ONE "\n", 0, "/a=sha256:1 ", "tag-value; checksums behind a package are not the file's");
	check("# c\nSPDXVersion: SPDX-2.3\nFileName: a\nFileComment: <text>\nFileName: b\nFileChecksum: SHA256: " ONE
	    "\n</text>\nFileChecksum: SHA1: " TWO "\n", 0, "/a=sha1:2 ", "text blocks are no tags");
	check("SPDXVersion: SPDX-2.3\nFileName: a\nFileChecksum: SHA256: 12\n", ERR_ENCODING, "", "a bad digest in tag-value");
	return done();
}
