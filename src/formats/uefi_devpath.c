#include "formats/uefi_devpath.h"

#include "base/rd.h"
#include "base/text.h"
#include "formats/uefi_guid.h"

struct node {
	uint8_t type, sub;
	struct span body;
};

#define KIND(type, sub) ((unsigned)(type) << 8 | (unsigned)(sub))

/* 1: a node; 0: the end of the whole path; -1: not a node. */
static int
next_node(struct rd *r, struct node *n)
{
	uint16_t size;

	if (!(rd_u8(r, &n->type) && rd_u8(r, &n->sub) && rd_le16(r, &size)) || size < 4 ||
	    !rd_bytes(r, (size_t)size - 4, &n->body))
		return -1;
	return n->type == 0x7f && n->sub == 0xff ? 0 : 1;
}

static bool
put_guid(struct rd *r, const char *name, struct buf *b)
{
	struct uefi_guid g;

	if (!rd_copy(r, g.v, UEFI_GUID_SIZE))
		return false;
	buf_printf(b, "%s(", name);
	uefi_guid_put_named(&g, b);
	if (rd_left(r) > 0) {
		buf_u8(b, ',');
		buf_hex(b, span_from(r->in, r->off));
	}
	buf_u8(b, ')');
	return true;
}

static bool
put_text(struct span utf16, struct buf *b)
{
	/* The terminating NUL is part of the node. */
	while (utf16.n >= 2 && utf16.p[utf16.n - 1] == 0 && utf16.p[utf16.n - 2] == 0)
		utf16.n -= 2;
	return utf16le_decode(utf16, b);
}

static bool
put_pci(struct rd *r, struct buf *b)
{
	uint8_t function, device;

	if (!(rd_u8(r, &function) && rd_u8(r, &device)))
		return false;
	buf_printf(b, "Pci(0x%x,0x%x)", device, function);
	return true;
}

static bool
put_acpi(struct rd *r, struct buf *b)
{
	uint32_t hid, uid;

	if (!(rd_le32(r, &hid) && rd_le32(r, &uid)))
		return false;
	/* Compressed EISA: PNP0A03, PNP0A08 are PCI roots. */
	if (hid == 0x0a0341d0)
		buf_printf(b, "PciRoot(0x%x)", uid);
	else if (hid == 0x0a0841d0)
		buf_printf(b, "PcieRoot(0x%x)", uid);
	else
		buf_printf(b, "Acpi(0x%08x,0x%x)", hid, uid);
	return true;
}

static bool
put_drive(struct rd *r, struct buf *b)
{
	uint32_t number;
	uint64_t start, size;
	struct uefi_guid id;
	uint8_t format, kind;

	if (!(rd_le32(r, &number) && rd_le64(r, &start) && rd_le64(r, &size) &&
	    rd_copy(r, id.v, UEFI_GUID_SIZE) && rd_u8(r, &format) && rd_u8(r, &kind)))
		return false;
	buf_printf(b, "HD(%u,%s,", number, kind == 2 ? "GPT" : kind == 1 ? "MBR" : "none");
	if (kind == 2)
		uefi_guid_put(&id, b);
	else
		buf_hex(b, span_of(id.v, 4));
	buf_printf(b, ",0x%llx,0x%llx)", (unsigned long long)start, (unsigned long long)size);
	return true;
}

static bool
put_sata(struct rd *r, struct buf *b)
{
	uint16_t port, multiplier, lun;

	if (!(rd_le16(r, &port) && rd_le16(r, &multiplier) && rd_le16(r, &lun)))
		return false;
	buf_printf(b, "Sata(0x%x,0x%x,0x%x)", port, multiplier, lun);
	return true;
}

static bool
put_two(struct rd *r, const char *name, bool wide, struct buf *b)
{
	uint8_t x8, y8;
	uint16_t x16, y16;

	if (wide ? !(rd_le16(r, &x16) && rd_le16(r, &y16)) : !(rd_u8(r, &x8) && rd_u8(r, &y8)))
		return false;
	buf_printf(b, "%s(0x%x,0x%x)", name, wide ? x16 : x8, wide ? y16 : y8);
	return true;
}

static bool
put_nvme(struct rd *r, struct buf *b)
{
	uint32_t id;
	uint64_t eui;

	if (!(rd_le32(r, &id) && rd_be64(r, &eui)))
		return false;
	buf_printf(b, "NVMe(0x%x,%016llx)", id, (unsigned long long)eui);
	return true;
}

static bool
put_mac(struct rd *r, struct buf *b)
{
	struct span mac;

	/* 32 bytes of room; Ethernet uses six. */
	if (!rd_bytes(r, 32, &mac))
		return false;
	buf_str(b, "MAC(");
	buf_hex(b, span_head(mac, 6));
	buf_u8(b, ')');
	return true;
}

static bool
put_range(struct rd *r, struct buf *b)
{
	uint32_t reserved;
	uint64_t from, to;

	if (!(rd_le32(r, &reserved) && rd_le64(r, &from) && rd_le64(r, &to)))
		return false;
	buf_printf(b, "Offset(0x%llx,0x%llx)", (unsigned long long)from, (unsigned long long)to);
	return true;
}

static bool
put_known(const struct node *n, struct buf *b)
{
	struct rd r = rd_init(n->body);

	switch (KIND(n->type, n->sub)) {
	case KIND(1, 1): return put_pci(&r, b);
	case KIND(1, 4): return put_guid(&r, "VenHw", b);
	case KIND(2, 1): return put_acpi(&r, b);
	case KIND(3, 1): return put_two(&r, "Ata", false, b);
	case KIND(3, 2): return put_two(&r, "Scsi", true, b);
	case KIND(3, 5): return put_two(&r, "USB", false, b);
	case KIND(3, 10): return put_guid(&r, "VenMsg", b);
	case KIND(3, 11): return put_mac(&r, b);
	case KIND(3, 18): return put_sata(&r, b);
	case KIND(3, 23): return put_nvme(&r, b);
	case KIND(3, 24):
		buf_str(b, "Uri(");
		buf_escape(b, n->body);
		buf_u8(b, ')');
		return true;
	case KIND(4, 1): return put_drive(&r, b);
	case KIND(4, 3): return put_guid(&r, "VenMedia", b);
	case KIND(4, 4): return put_text(n->body, b);
	case KIND(4, 6): return put_guid(&r, "FvFile", b);
	case KIND(4, 7): return put_guid(&r, "Fv", b);
	case KIND(4, 8): return put_range(&r, b);
	default: return false;
	}
}

static void
put_node(const struct node *n, struct buf *b)
{
	if (put_known(n, b))
		return;
	buf_printf(b, "Path(%u,%u,", n->type, n->sub);
	buf_hex(b, n->body);
	buf_u8(b, ')');
}

bool
uefi_devpath_put(struct span path, struct buf *b)
{
	struct rd r = rd_init(path);
	struct node n;
	bool first = true;
	int rc;

	if (path.n == 0)
		return true;		/* an image that was in memory already */
	for (size_t at = 0; (rc = next_node(&r, &n)) != 0; at = r.off) {
		if (rc < 0) {
			buf_str(b, "...");
			buf_hex(b, span_from(path, at));
			return false;
		}
		if (n.type == 0x7f) {
			buf_u8(b, ',');		/* the next instance begins */
			first = true;
			continue;
		}
		buf_str(b, first ? "" : "/");
		first = false;
		put_node(&n, b);
	}
	if (rd_left(&r) == 0)
		return true;
	buf_str(b, "...");
	buf_hex(b, span_from(path, r.off));
	return false;
}

bool
uefi_devpath_file(struct span path, struct buf *b)
{
	struct rd r = rd_init(path);
	struct node n;
	bool any = false;

	while (next_node(&r, &n) > 0)
		if (n.type == 4 && n.sub == 4)
			any |= put_text(n.body, b);
	return any;
}
