/* EFI signature lists are accepted and refused as the kernel does, and the variables of
 * real firmware read exactly. */
#include "base/text.h"
#include "formats/uefi_devpath.h"
#include "formats/uefi_sig.h"
#include "tests/golden.h"

static void
test_recorded(void)
{
	static const struct { const char *path; size_t certs, hashes; } want[] = {
		{ "PK-8be4df61-93ca-11d2-aa0d-00e098032b8c", 1, 0 },
		{ "KEK-8be4df61-93ca-11d2-aa0d-00e098032b8c", 2, 0 },
		{ "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f", 2, 0 },
		{ "dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f", 0, 1 },
		{ "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23", 1, 0 },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		char path[160];
		struct err e = { 0 };
		struct efivar_file var = { 0 };
		struct uefi_sig sig;
		size_t certs = 0, hashes = 0;
		int rc = -1;

		(void)snprintf(path, sizeof(path), "tcg_log/shim-grub/efivars/%s", want[i].path);
		struct file f = golden(path);

		ok(efivar_file_parse(file_view(&f), &var, &e) == 0, "%.10s: a variable", want[i].path);
		struct uefi_sigs s = uefi_sigs_open(var.content);
		while ((rc = uefi_sigs_next(&s, &sig, &e)) > 0) {
			certs += sig.type == UEFI_SIG_X509 && uefi_der_size(sig.content) == sig.content.n;
			hashes += sig.type == UEFI_SIG_SHA256 && sig.content.n == 32;
		}
		ok(rc == 0 && certs == want[i].certs && hashes == want[i].hashes,
		    "its certificates and digests (%zu, %zu)", certs, hashes);
		file_free(&f);
	}
}

static int
count(struct span in, size_t *n)
{
	struct uefi_sigs s = uefi_sigs_open(in);
	struct uefi_sig sig;
	struct err e = { 0 };
	BUF_AUTO struct buf b = buf_init(MIB(1));
	int rc;

	*n = 0;
	while ((rc = uefi_sigs_next(&s, &sig, &e)) > 0) {
		(*n)++;
		uefi_sig_dump(&sig, &b);
	}
	return rc;
}

static void
put_list(struct buf *b, uint32_t size, uint32_t header, uint32_t each, size_t bytes)
{
	buf_zero(b, 16);
	buf_le32(b, size);
	buf_le32(b, header);
	buf_le32(b, each);
	buf_zero(b, bytes);
}

static void
test_bounds(void)
{
	static const struct { uint32_t size, header, each; size_t bytes; int rc; const char *what; } t[] = {
		{ 28 + 48, 0, 48, 48, 0, "one signature" },
		{ 28 + 96, 0, 48, 96, 0, "two signatures" },
		{ 28 + 4 + 48, 4, 48, 52, 0, "a header of its own" },
		{ 28 + 49, 0, 48, 48, ERR_TRUNCATED, "larger than what is left" },
		{ 27, 0, 48, 48, ERR_RANGE, "smaller than its header" },
		{ 28 + 48, 49, 48, 48, ERR_RANGE, "its own header does not fit" },
		{ 28 + 48, 0, 15, 48, ERR_RANGE, "no room for the owner" },
		{ 28 + 48, 0, 0, 48, ERR_RANGE, "signatures of no size" },
		{ 28, 0, 48, 0, ERR_RANGE, "no signature" },
		{ 28 + 49, 0, 48, 49, ERR_RANGE, "a rest that is no signature" },
		{ UINT32_MAX, UINT32_MAX - 28, 16, 48, ERR_TRUNCATED, "sizes that overflow" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		BUF_AUTO struct buf b = buf_init(KIB(4));
		size_t n;

		put_list(&b, t[i].size, t[i].header, t[i].each, t[i].bytes);
		ok(count(buf_view(&b), &n) == t[i].rc, "%s", t[i].what);
	}
}

static void
test_truncation(void)
{
	struct file f = golden("tcg_log/shim-grub/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f");
	struct span whole = span_from(file_view(&f), 4);
	size_t odd = 0, n;

	for (size_t cut = 1; cut < whole.n; cut++) {
		uint8_t *copy = malloc(cut);
		int rc;

		memcpy(copy, whole.p, cut);
		rc = count(span_of(copy, cut), &n);
		odd += rc != ERR_TRUNCATED && !(rc == 0 && n == 1);
		free(copy);
	}
	is_int((int64_t)odd, 0, "each length is whole lists or truncated");
	ok(efivar_file_parse(span_lit("abc"), &(struct efivar_file){ 0 }, NULL) == ERR_TRUNCATED,
	    "no variable without attributes");
	ok(efivar_file_parse(span_lit("text that is no variable"), &(struct efivar_file){ 0 }, NULL) ==
	    ERR_FORMAT, "nor with impossible ones");
	file_free(&f);
}

static void
test_texts(void)
{
	BUF_AUTO struct buf b = buf_init(KIB(4));
	BUF_AUTO struct buf c = buf_init(KIB(4));
	BUF_AUTO struct buf d = buf_init(KIB(4));
	struct uefi_guid g;

	ok(uefi_guid_parse(span_lit(UEFI_GUID_SHIM), &g) && uefi_guid_is(&g, UEFI_GUID_SHIM) &&
	    strcmp(uefi_guid_name(&g), "shim") == 0, "a GUID and its name");
	uefi_guid_put(&g, &b);
	is_str(buf_cstr(&b), UEFI_GUID_SHIM, "and back");
	ok(!uefi_guid_parse(span_lit("605dab50-e046-4300-abb6-3dd810dd8b2"), &g) &&
	    !uefi_guid_parse(span_lit("605dab50xe046-4300-abb6-3dd810dd8b23"), &g), "no GUID");
	ok(uefi_devpath_put(span_lit("\2\1\x0c\0\xd0\x41\x03\x0a\0\0\0\0" "\1\1\6\0\0\x1f"
	    "\4\4\x0a\0\\\0A\0\0\0" "\x7f\xff\4\0"), &c), "a device path");
	is_str(buf_cstr(&c), "PciRoot(0x0)/Pci(0x1f,0x0)/\\A", "as text");
	ok(!uefi_devpath_put(span_lit("\4\4\xff\xff\\\0"), &d), "a node larger than the path is told");
	d.n = 0;
	ok(!utf16le_decode(span_lit("\x00\xd8\x41\0"), &d) && !utf16le_decode(span_lit("a"), &d) && d.n == 0,
	    "half a surrogate pair and half a unit are no UTF-16");
	ok(utf16le_decode(span_lit("\x3d\xd8\x00\xde\xe9\0\xac\x20"), &d), "a pair is");
	is_str(buf_cstr(&d), "\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac", "in UTF-8");
	c.n = 0;
	ok(utf16le_encode(buf_view(&d), &c) &&
	    span_eq(buf_view(&c), span_lit("\x3d\xd8\x00\xde\xe9\0\xac\x20")), "and back");
}

int
main(void)
{
	test_recorded();
	test_bounds();
	test_truncation();
	test_texts();
	return done();
}
