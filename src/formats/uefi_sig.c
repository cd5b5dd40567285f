#include "formats/uefi_sig.h"

#define LIST_HEADER 28

static const struct { const char *guid; enum uefi_sig_type type; } sig_types[] = {
	{ "a5c059a1-94e4-4aa7-87b5-ab155c2bf072", UEFI_SIG_X509 },
	{ "c1c41626-504c-4092-aca9-41f936934328", UEFI_SIG_SHA256 },
	{ "3bd2a492-96c0-4079-b420-fcf98ef103ed", UEFI_SIG_X509_SHA256 },
	{ "3c5766e8-269c-4e34-aa14-ed776e85b3b6", UEFI_SIG_RSA2048 },
};

int
efivar_file_parse(struct span in, struct efivar_file *f, struct err *e)
{
	struct rd r = rd_init(in);
	struct efivar_file n;

	if (!(rd_le32(&r, &n.attributes) && rd_bytes(&r, rd_left(&r), &n.content)))
		return err_at(e, r.why, 0, "is no EFI variable: shorter than the attributes in front");
	/* UEFI 2.10 8.2: bits 0 to 7 are defined; text or a bare list has others. */
	if (n.attributes == 0 || n.attributes > 0xff)
		return err_hint(e, err_at(e, ERR_FORMAT, 0,
		    "is no EFI variable: attributes 0x%08x in front", n.attributes),
		    "give a file of /sys/firmware/efi/efivars");
	*f = n;
	return 0;
}

static enum uefi_sig_type
type_of(const struct uefi_guid *g)
{
	for (size_t i = 0; i < sizeof(sig_types) / sizeof(sig_types[0]); i++)
		if (uefi_guid_is(g, sig_types[i].guid))
			return sig_types[i].type;
	return UEFI_SIG_OTHER;
}

struct uefi_sigs
uefi_sigs_open(struct span in)
{
	return (struct uefi_sigs){ .r = rd_init(in) };
}

/* The bounds of one list, as parse_efi_signature_list has them. */
static const char *
list_fault(uint32_t size, uint32_t header, uint32_t each, size_t left)
{
	if (size > left)
		return "is larger than what is left";
	if (size < LIST_HEADER || size - LIST_HEADER < header)
		return "is smaller than its own header";
	if (each < UEFI_GUID_SIZE)
		return "has signatures without room for their owner";
	if (size - LIST_HEADER - header < each)
		return "holds no signature";
	if ((size - LIST_HEADER - header) % each != 0)
		return "does not end with a whole signature";
	return NULL;
}

static int
open_list(struct uefi_sigs *s, struct err *e)
{
	size_t start = s->r.off, left = rd_left(&s->r);
	uint32_t size, header, each;
	const char *fault;

	if (!(rd_copy(&s->r, s->type_guid.v, UEFI_GUID_SIZE) && rd_le32(&s->r, &size) &&
	    rd_le32(&s->r, &header) && rd_le32(&s->r, &each))) {
		s->r.off = start;
		return err_at(e, s->r.why, start, "signature list %zu ends inside its header",
		    s->lists + 1);
	}
	if ((fault = list_fault(size, header, each, left)) != NULL) {
		s->r.off = start;
		s->r.why = size > left ? ERR_TRUNCATED : ERR_RANGE;
		return err_at(e, s->r.why, start, "signature list %zu %s", s->lists + 1, fault);
	}
	s->end = start + size;
	s->sig_size = each;
	s->lists++;
	return rd_skip(&s->r, header) ? 0 : s->r.why;
}

int
uefi_sigs_next(struct uefi_sigs *s, struct uefi_sig *sig, struct err *e)
{
	struct uefi_sig n = { 0 };
	int rc;

	if (s->r.off == s->end) {
		if (rd_left(&s->r) == 0)
			return 0;
		if ((rc = open_list(s, e)) != 0)
			return rc;
	}
	n.offset = s->r.off;
	n.list = s->lists;
	n.type_guid = s->type_guid;
	n.type = type_of(&n.type_guid);
	if (!(rd_copy(&s->r, n.owner.v, UEFI_GUID_SIZE) &&
	    rd_bytes(&s->r, s->sig_size - UEFI_GUID_SIZE, &n.content)))
		return err_at(e, s->r.why, n.offset, "signature list %zu: a signature is cut", s->lists);
	*sig = n;
	return 1;
}

void
uefi_sig_dump(const struct uefi_sig *sig, struct buf *b)
{
	buf_printf(b, "list=%zu type=", sig->list);
	uefi_guid_put_named(&sig->type_guid, b);
	buf_str(b, " owner=");
	uefi_guid_put_named(&sig->owner, b);
	buf_str(b, " content=");
	buf_hex(b, sig->content);
	buf_u8(b, '\n');
}

size_t
uefi_der_size(struct span in)
{
	size_t n, whole;

	if (in.n < 2 || in.p[0] != 0x30)
		return 0;
	if (in.p[1] < 0x80) {
		whole = 2 + (size_t)in.p[1];
		return whole <= in.n ? whole : 0;
	}
	n = in.p[1] & 0x7f;
	if (n == 0 || n > 3 || in.n < 2 + n)
		return 0;
	whole = 0;
	for (size_t i = 0; i < n; i++)
		whole = whole << 8 | in.p[2 + i];
	whole += 2 + n;
	return whole <= in.n ? whole : 0;
}
