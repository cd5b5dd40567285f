/* Real firmware logs parse exactly; every quirk that firmware is known for is handled by
 * name; no cut or changed byte makes the reader look outside or go on in silence. */
#include "formats/tcg_event.h"
#include "formats/tcg_log.h"
#include "tests/golden.h"

static const struct { const char *name; enum tcg_log_kind kind; size_t events, algs; } recorded[] = {
	{ "debian12-vm", TCG_LOG_AGILE, 25, 3 },
	{ "tcg_log/direct-sha1", TCG_LOG_AGILE, 25, 1 },
	{ "tcg_log/direct-sha512", TCG_LOG_AGILE, 25, 2 },
	{ "tcg_log/grub", TCG_LOG_AGILE, 38, 2 },
	{ "tcg_log/shim-grub", TCG_LOG_AGILE, 47, 3 },
	{ "tcg_log/systemd-boot", TCG_LOG_AGILE, 31, 1 },
	{ "tcg_log/uki", TCG_LOG_AGILE, 37, 2 },
	{ "tcg_log/seabios", TCG_LOG_AGILE, 14, 2 },
	{ "tcg_log/tpm12", TCG_LOG_SHA1, 13, 1 },
};
#define N_RECORDED (sizeof(recorded) / sizeof(recorded[0]))

static struct file
eventlog(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/eventlog.bin", name);
	return golden(path);
}

/* Events read; *rc how it ended, *padding what followed. */
static size_t
walk(struct span in, int *rc, size_t *padding, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(MIB(256));
	struct tcg_log log;
	struct tcg_event ev;
	size_t n = 0, at = 0;

	*padding = 0;
	if ((*rc = tcg_log_open(in, &log, e)) != 0)
		return 0;
	while ((*rc = tcg_log_next(&log, &ev, e)) > 0) {
		if (ev.offset != at || ev.number != ++n)
			return SIZE_MAX;
		at += ev.size;
		b.n = 0;
		tcg_log_dump(&ev, &b);
		tcg_event_describe(&ev, log.uintn_size, &b);
		if (b.why != 0)
			return SIZE_MAX;
	}
	*padding = log.padding;
	return n;
}

static void
test_recorded(void)
{
	for (size_t i = 0; i < N_RECORDED; i++) {
		struct file f = eventlog(recorded[i].name);
		struct err e = { 0 };
		struct tcg_log log;
		size_t padding;
		int rc;

		is_int((int64_t)walk(file_view(&f), &rc, &padding, &e), (int64_t)recorded[i].events,
		    recorded[i].name);
		ok(rc == 0 && padding == 0, "to its end");
		ok(tcg_log_open(file_view(&f), &log, &e) == 0 && log.kind == recorded[i].kind &&
		    log.n_algs == recorded[i].algs, "format and banks");
		file_free(&f);
	}
}

static void
test_truncation(void)
{
	for (size_t i = 0; i < N_RECORDED; i++) {
		struct file f = eventlog(recorded[i].name);
		size_t odd = 0;

		for (size_t n = 0; n < f.n; n++) {
			struct err e = { 0 };
			uint8_t *copy = malloc(n + 1);
			size_t padding, events;
			int rc;

			memcpy(copy, f.p, n);
			events = walk(span_of(copy, n), &rc, &padding, &e);
			/* A cut record of which only zeros are left reads as padding, and is counted. */
			odd += !(rc == ERR_TRUNCATED || (n == 0 && rc == ERR_FORMAT) ||
			    (rc == 0 && (padding > 0 || events < recorded[i].events)));
			odd += events == SIZE_MAX || events >= recorded[i].events;
			free(copy);
		}
		is_int((int64_t)odd, 0, "each length gives whole events and says where it ends");
		file_free(&f);
	}
}

static void
test_bit_flips(void)
{
	struct file f = eventlog("tcg_log/shim-grub");
	size_t bad = 0;

	for (size_t i = 0; i < f.n; i++) {
		struct err e = { 0 };
		size_t padding;
		int rc;

		f.p[i] ^= (uint8_t)(1u << (i % 8));
		bad += walk(file_view(&f), &rc, &padding, &e) == SIZE_MAX;
		bad += rc < 0 && (e.place != ERR_AT_OFFSET || e.offset > f.n || e.message[0] == '\0');
		f.p[i] ^= (uint8_t)(1u << (i % 8));
	}
	is_int((int64_t)bad, 0, "a flipped bit parses or is told with its offset");
	file_free(&f);
}

/* ---- logs made by hand ---------------------------------------------------- */

static void
put_legacy(struct buf *b, uint32_t pcr, uint32_t type, struct span data)
{
	buf_le32(b, pcr);
	buf_le32(b, type);
	buf_zero(b, 20);
	buf_le32(b, (uint32_t)data.n);
	buf_span(b, data);
}

struct alg { uint16_t id, size; };

static void
put_spec_id(struct buf *b, const struct alg *algs, size_t n, const char *more)
{
	BUF_AUTO struct buf d = buf_init(KIB(4));

	buf_span(&d, span_lit("Spec ID Event03\0"));
	buf_le32(&d, 0);
	buf_span(&d, span_lit("\0\x02\0\x02"));
	buf_le32(&d, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		buf_le16(&d, algs[i].id);
		buf_le16(&d, algs[i].size);
	}
	buf_u8(&d, 0);
	buf_str(&d, more);
	put_legacy(b, 0, EV_NO_ACTION, buf_view(&d));
}

static void
put_agile(struct buf *b, uint32_t pcr, uint32_t type, const struct alg *algs, size_t n, struct span data)
{
	buf_le32(b, pcr);
	buf_le32(b, type);
	buf_le32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		buf_le16(b, algs[i].id);
		for (size_t k = 0; k < algs[i].size; k++)
			buf_u8(b, (uint8_t)(0x11 * (i + 1)));
	}
	buf_le32(b, (uint32_t)data.n);
	buf_span(b, data);
}

static const struct alg sha256 = { 0x000b, 32 };
static const struct alg both[] = { { 0x000b, 32 }, { 0x0004, 20 } };

static void
expect(const struct buf *b, int want_rc, size_t want_events, size_t want_padding, const char *what)
{
	struct err e = { 0 };
	size_t padding, events;
	int rc;

	events = walk(buf_view(b), &rc, &padding, &e);
	if (!ok(rc == want_rc && events == want_events && padding == want_padding, "%s", what))
		diag("rc %d, %zu events, %zu padding: %s", rc, events, padding, e.message);
}

static void
test_ends(void)
{
	static const uint8_t values[] = { 0x00, 0xff };

	for (size_t i = 0; i < 2; i++) {
		BUF_AUTO struct buf b = buf_init(KIB(64));

		put_spec_id(&b, both, 2, "");
		put_agile(&b, 0, EV_S_CRTM_VERSION, both, 2, span_lit("x"));
		for (size_t k = 0; k < 4096; k++)
			buf_u8(&b, values[i]);
		expect(&b, 0, 2, 4096, i == 0 ? "zeros behind the last event are padding" :
		    "ones behind the last event are padding");
		buf_u8(&b, 0x55);
		expect(&b, i == 0 ? ERR_FORMAT : ERR_RANGE, 2, 0, "with another byte behind them they are not");
	}
	BUF_AUTO struct buf b = buf_init(KIB(64));

	put_legacy(&b, 0, EV_POST_CODE, span_lit("POST CODE"));
	buf_zero(&b, 64);
	expect(&b, 0, 1, 64, "zeros in TPM 1.2's format are padding, not events");
	buf_str(&b, "bogus bytes at the end of the area");
	expect(&b, ERR_RANGE, 3, 0, "bogus bytes behind are told");
}

static void
test_algorithms(void)
{
	static const struct alg unknown[] = { { 0x000b, 32 }, { 0x7777, 24 } };
	static const struct alg wrong_size = { 0x000b, 31 }, twice[] = { { 0x000b, 32 }, { 0x000b, 32 } };
	static const struct alg undeclared = { 0x000c, 48 };
	BUF_AUTO struct buf a = buf_init(KIB(4));
	BUF_AUTO struct buf b = buf_init(KIB(4));
	BUF_AUTO struct buf c = buf_init(KIB(4));
	BUF_AUTO struct buf d = buf_init(KIB(4));
	BUF_AUTO struct buf f = buf_init(KIB(4));
	BUF_AUTO struct buf g = buf_init(KIB(4));
	BUF_AUTO struct buf h = buf_init(KIB(4));

	put_spec_id(&a, unknown, 2, "");
	put_agile(&a, 0, EV_POST_CODE, unknown, 2, span_lit("x"));
	expect(&a, 0, 2, 0, "an algorithm that we do not know but the log declares is kept");
	put_spec_id(&b, &sha256, 1, "");
	put_agile(&b, 0, EV_POST_CODE, &undeclared, 1, span_lit("x"));
	expect(&b, ERR_UNSUPPORTED, 1, 0, "an algorithm that the log does not declare is fatal");
	put_spec_id(&c, &wrong_size, 1, "");
	expect(&c, ERR_RANGE, 0, 0, "a wrong size for a known algorithm is refused");
	put_spec_id(&d, twice, 2, "");
	expect(&d, ERR_DUPLICATE, 0, 0, "an algorithm declared twice is refused");
	put_spec_id(&f, both, 2, "");
	put_agile(&f, 0, EV_POST_CODE, twice, 2, span_lit("x"));
	expect(&f, ERR_DUPLICATE, 1, 0, "two digests of one algorithm are refused");
	put_spec_id(&g, both, 2, "");
	put_agile(&g, 0, EV_POST_CODE, &sha256, 1, span_lit("x"));
	expect(&g, 0, 2, 0, "an event may lack a bank");
	put_agile(&g, 0, EV_POST_CODE, NULL, 0, span_lit("x"));
	expect(&g, ERR_FORMAT, 2, 0, "but not all of them");
	put_spec_id(&h, both, 2, "more");
	expect(&h, ERR_TRAILING, 0, 0, "bytes behind the Spec ID event's last field are refused");
}

static void
test_oddities(void)
{
	BUF_AUTO struct buf a = buf_init(KIB(4));
	BUF_AUTO struct buf b = buf_init(KIB(4));
	BUF_AUTO struct buf c = buf_init(KIB(4));
	BUF_AUTO struct buf text = buf_init(KIB(4));

	put_spec_id(&a, &sha256, 1, "");
	put_agile(&a, 2, 0x8401, &sha256, 1, span_lit("vendor"));
	put_agile(&a, UINT32_MAX, EV_NO_ACTION, &sha256, 1, span_lit("NvIndexInstance\0rest"));
	expect(&a, 0, 3, 0, "a vendor's event type and EV_NO_ACTION without a PCR are read");
	tcg_type_put(0x8401, &text);
	is_str(buf_cstr(&text), "0x00008401", "an unknown type is shown by its number");
	put_agile(&a, 24, EV_POST_CODE, &sha256, 1, span_lit("x"));
	expect(&a, ERR_RANGE, 3, 0, "PCR 24 is refused");
	put_legacy(&b, 0, EV_NO_ACTION, span_lit("Spec ID Event00\0and what follows"));
	put_legacy(&b, 4, EV_IPL, span_lit("x"));
	expect(&b, 0, 2, 0, "another Spec ID event leaves the log in TPM 1.2's format");
	put_legacy(&c, 0, EV_POST_CODE, span_lit("x"));
	buf_le32(&c, 0);
	buf_le32(&c, EV_POST_CODE);
	buf_zero(&c, 20);
	buf_le32(&c, UINT32_MAX);
	expect(&c, ERR_LIMIT, 1, 0, "a length of four thousand million is refused");
}

static void
test_decode(void)
{
	struct tcg_event ev = { .type = EV_NO_ACTION, .data = span_lit("StartupLocality\0\x03") };
	struct tcg_data d;

	tcg_event_decode(&ev, 8, &d);
	ok(d.kind == TCG_DATA_LOCALITY && d.u.locality == 3, "StartupLocality");
	ev.data = span_lit("StartupLocality\0\x03\x00");
	tcg_event_decode(&ev, 8, &d);
	ok(d.kind == TCG_DATA_NO_ACTION && d.why != NULL, "of another size it is none");
	ev = (struct tcg_event){ .type = EV_IPL, .data = span_lit("kernel_cmdline: /vmlinuz ro\0") };
	tcg_event_decode(&ev, 8, &d);
	ok(d.kind == TCG_DATA_KERNEL_CMDLINE && span_is(d.u.text, "/vmlinuz ro"), "GRUB's command line");
	ev = (struct tcg_event){ .type = EV_IPL, .data = span_lit("r\0o\0\0\0") };
	tcg_event_decode(&ev, 8, &d);
	ok(d.kind == TCG_DATA_TEXT16 && d.u.text.n == 4, "UTF-16 text");
	ev = (struct tcg_event){ .type = EV_EFI_VARIABLE_AUTHORITY, .data = span_lit(
	    "0123456789abcdef\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") };
	tcg_event_decode(&ev, 8, &d);
	ok(d.kind == TCG_DATA_BYTES && d.why != NULL, "lengths that overflow are no variable");
	/* UEFI_IMAGE_LOAD_EVENT of 32-bit firmware: u64, then three u32, then a path. */
	ev = (struct tcg_event){ .type = EV_EFI_BOOT_SERVICES_DRIVER, .data = span_lit(
	    "\0\0\0\0\0\0\0\0" "\1\0\0\0" "\0\0\0\0" "\4\0\0\0" "\x7f\xff\4\0") };
	tcg_event_decode(&ev, 4, &d);
	ok(d.kind == TCG_DATA_IMAGE && d.u.image.device_path.n == 4, "an image of 32-bit firmware");
	tcg_event_decode(&ev, 8, &d);
	ok(d.kind == TCG_DATA_BYTES, "which on 64-bit firmware is none");
}

int
main(void)
{
	test_recorded();
	test_truncation();
	test_bit_flips();
	test_ends();
	test_algorithms();
	test_oddities();
	test_decode();
	return done();
}
