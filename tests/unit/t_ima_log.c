/* The measurement list of a real machine parses exactly, binary and ASCII alike, and
 * no cut or changed byte makes the reader look outside or go on in silence. */
#include "crypto/digest.h"
#include "formats/ima_log.h"
#include "tests/golden.h"

struct counts { size_t entries, violations, malformed, digests_right; };

static int
walk(struct span in, struct counts *c, struct err *e)
{
	HASHER_AUTO struct hasher *sha1 = NULL;
	struct ima_log log;
	struct ima_entry n;
	uint8_t md[20];
	int rc;

	*c = (struct counts){ 0 };
	if ((rc = hasher_new(DIGEST_SHA1, &sha1, e)) != 0 || (rc = ima_log_open(in, &log, e)) != 0)
		return rc;
	while ((rc = ima_log_next(&log, &n, e)) > 0) {
		c->entries++;
		c->violations += n.violation;
		c->malformed += !n.well_formed;
		c->digests_right += hasher_run(sha1, n.data, span_of(NULL, 0), md) &&
		    span_eq(span_of(md, 20), n.template_digest);
	}
	ima_log_close(&log);
	return rc;
}

static void
test_recorded(void)
{
	static const size_t want[] = { 546, 553, 559 };
	struct err e = { 0 };

	for (int i = 1; i <= 3; i++) {
		char name[64];
		struct counts c;

		(void)snprintf(name, sizeof(name), "debian12-vm/list%d.bin", i);
		struct file f = golden(name);

		is_int(walk(file_view(&f), &c, &e), 0, name);
		is_int((int64_t)c.entries, (int64_t)want[i - 1], "entries");
		is_int((int64_t)c.violations, 2, "violations");
		is_int((int64_t)c.malformed, 0, "malformed");
		is_int((int64_t)(c.digests_right + c.violations), (int64_t)c.entries, "template digests");
		file_free(&f);
	}
}

/* The ASCII list is the same list, up to the name with a newline, entry 428. */
static void
test_ascii(void)
{
	struct file bin = golden("debian12-vm/list3.bin"), asc = golden("debian12-vm/list3.ascii");
	struct err e = { 0 };
	struct ima_log a, b;
	struct ima_entry x, y;
	size_t same = 0;
	int rc = 1;

	if (ima_log_open(file_view(&bin), &a, &e) != 0 || ima_log_open(file_view(&asc), &b, &e) != 0) {
		ok(false, "both open: %s", e.message);
		return;
	}
	while (ima_log_next(&a, &x, &e) > 0 && (rc = ima_log_next(&b, &y, &e)) > 0)
		same += span_eq(x.data, y.data) && span_eq(x.template_digest, y.template_digest) &&
		    span_eq(x.path, y.path) && x.pcr == y.pcr;
	is_int((int64_t)same, 427, "entries before the newline agree byte for byte");
	ok(rc == ERR_FORMAT && e.line == 428 && strstr(e.hint, "binary") != NULL,
	    "a newline in a name is told, with the way out");
	ima_log_close(&a);
	ima_log_close(&b);
	file_free(&bin);
	file_free(&asc);
}

static void
test_truncation(void)
{
	struct file f = golden("debian12-vm/list1.bin");
	size_t whole = 0, cut = 0;

	/* Every length of the first 3,000 bytes: whole records or a truncation error. */
	for (size_t n = 0; n < 3000; n++) {
		struct err e = { 0 };
		struct counts c;
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, f.p, n);
		int rc = walk(span_of(copy, n), &c, &e);
		whole += rc == 0;
		cut += rc == ERR_TRUNCATED || (n < 35 && rc == ERR_FORMAT);
		free(copy);
	}
	is_int((int64_t)(whole + cut), 3000, "each length gives whole entries or says truncated");
	file_free(&f);
}

static void
test_bit_flips(void)
{
	struct file f = golden("debian12-vm/list1.bin");
	size_t unnoticed = 0;

	/* Over data or digest a flip shows in the digest; over framing the parse breaks. */
	for (size_t i = 24; i < 2400; i++) {
		struct err e = { 0 };
		struct counts c;

		f.p[i] ^= 0x01;
		if (walk(span_of(f.p, 2415), &c, &e) == 0 && c.malformed == 0 &&
		    c.digests_right == c.entries && c.violations == 0)
			unnoticed++;
		f.p[i] ^= 0x01;
	}
	diag("%zu flips seen by neither digest nor framing (PCR and template name)", unnoticed);
	ok(unnoticed < 2400 / 100 * 20, "flips show");
	file_free(&f);
}

int
main(void)
{
	test_recorded();
	test_ascii();
	test_truncation();
	test_bit_flips();
	return done();
}
