/* What an event says, as one line for people.  Everything the log brings is escaped. */
#include "base/text.h"
#include "formats/tcg_event.h"
#include "formats/uefi_devpath.h"
#include "formats/uefi_sig.h"

/* More than this of bytes nobody can read helps nobody: the JSON has them all. */
#define HEX_SHOWN 32
#define PARTITIONS_SHOWN 8

static void
put_hex(struct span s, struct buf *b)
{
	buf_hex(b, span_head(s, HEX_SHOWN));
	if (s.n > HEX_SHOWN)
		buf_printf(b, "... (%zu bytes)", s.n);
}

static void
put_utf16(struct span s, struct buf *b)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_EVENT_LOG * 2);

	if (utf16le_decode(s, &text) && text.why == 0)
		buf_escape(b, buf_view(&text));
	else
		put_hex(s, b);
}

/* Signature lists in PK, KEK, db, dbx: how many of what. */
static bool
put_sig_lists(struct span content, struct buf *b)
{
	struct uefi_sigs sigs = uefi_sigs_open(content);
	struct uefi_sig sig;
	size_t certs = 0, hashes = 0, others = 0;
	int rc;

	while ((rc = uefi_sigs_next(&sigs, &sig, NULL)) > 0) {
		certs += sig.type == UEFI_SIG_X509;
		hashes += sig.type == UEFI_SIG_SHA256;
		others += sig.type != UEFI_SIG_X509 && sig.type != UEFI_SIG_SHA256;
	}
	if (rc < 0 || certs + hashes + others == 0)
		return false;
	buf_printf(b, "%zu certificate%s, %zu digest%s", certs, certs == 1 ? "" : "s", hashes,
	    hashes == 1 ? "" : "s");
	if (others > 0)
		buf_printf(b, ", %zu other", others);
	return true;
}

/* EFI_LOAD_OPTION: u32 attributes, u16 size of the path, UTF-16 name NUL, path, data. */
static bool
put_load_option(struct span content, struct buf *b)
{
	struct rd r = rd_init(content);
	struct span name = span_of(NULL, 0), path;
	uint32_t attributes;
	uint16_t path_size, unit = 1;
	size_t start;

	if (!(rd_le32(&r, &attributes) && rd_le16(&r, &path_size)))
		return false;
	start = r.off;
	while (unit != 0)
		if (!rd_le16(&r, &unit))
			return false;
	name = span_of(content.p + start, r.off - start - 2);
	if (!rd_bytes(&r, path_size, &path))
		return false;
	buf_u8(b, '"');
	put_utf16(name, b);
	buf_str(b, "\" ");
	BUF_AUTO struct buf text = buf_init(LIMIT_EVENT_LOG * 8);

	(void)uefi_devpath_put(path, &text);
	buf_escape(b, buf_view(&text));
	return true;
}

static bool
is_boot_option(const struct tcg_variable *v)
{
	static const char boot[] = "Boot";

	if (v->name.n != 16)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (v->name.p[2 * i] != (uint8_t)boot[i])
			return false;
	return v->name.p[8] < 0x3a || (v->name.p[8] >= 'A' && v->name.p[8] <= 'F');
}

/* Text where all of it is; shim's SbatLevel has several lines. */
static bool
put_ascii(struct span s, struct buf *b)
{
	if (s.n < 4)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 0x20 || s.p[i] > 0x7e) && s.p[i] != '\n')
			return false;
	buf_u8(b, '"');
	buf_escape(b, s);
	buf_u8(b, '"');
	return true;
}

static void
put_variable(const struct tcg_variable *v, struct buf *b)
{
	BUF_AUTO struct buf name = buf_init(LIMIT_EVENT_LOG * 2);

	tcg_variable_name_put(v, &name);
	buf_escape(b, buf_view(&name));
	buf_str(b, " (");
	uefi_guid_put_named(&v->guid, b);
	buf_str(b, ") = ");
	if (v->content.n == 0)
		buf_str(b, "empty");
	else if (put_ascii(v->content, b))
		return;
	else if (is_boot_option(v) && put_load_option(v->content, b))
		return;
	else if (uefi_der_size(v->content) == v->content.n)
		buf_printf(b, "certificate (%zu bytes)", v->content.n);
	else if (v->content.n > UEFI_GUID_SIZE &&
	    uefi_der_size(span_from(v->content, UEFI_GUID_SIZE)) == v->content.n - UEFI_GUID_SIZE)
		buf_printf(b, "certificate with owner (%zu bytes)", v->content.n);
	else if (!put_sig_lists(v->content, b))
		put_hex(v->content, b);
}

static void
put_image(const struct tcg_image *image, struct buf *b)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_EVENT_LOG * 8);

	buf_printf(b, "%llu bytes at 0x%llx ", (unsigned long long)image->length,
	    (unsigned long long)image->address);
	(void)uefi_devpath_put(image->device_path, &text);
	buf_escape(b, buf_view(&text));
}

static void
put_partition(struct span entry, struct buf *b)
{
	struct rd r = rd_init(entry);
	struct uefi_guid type, id;
	uint64_t first, last;
	struct span name;
	size_t n = 0;

	if (!(rd_copy(&r, type.v, UEFI_GUID_SIZE) && rd_copy(&r, id.v, UEFI_GUID_SIZE) &&
	    rd_le64(&r, &first) && rd_le64(&r, &last) && rd_skip(&r, 8) && rd_bytes(&r, 72, &name)))
		return;
	while (n < name.n && (name.p[n] != 0 || name.p[n + 1] != 0))
		n += 2;
	buf_str(b, "; ");
	uefi_guid_put_named(&type, b);
	buf_u8(b, ' ');
	uefi_guid_put(&id, b);
	buf_printf(b, " %llu-%llu", (unsigned long long)first, (unsigned long long)last);
	if (n > 0) {
		buf_str(b, " \"");
		put_utf16(span_head(name, n), b);
		buf_u8(b, '"');
	}
}

static void
put_gpt(const struct tcg_gpt *g, struct buf *b)
{
	buf_str(b, "disk ");
	uefi_guid_put(&g->disk, b);
	buf_printf(b, ", %llu partition%s", (unsigned long long)g->n_entries,
	    g->n_entries == 1 ? "" : "s");
	for (uint64_t i = 0; i < g->n_entries && i < PARTITIONS_SHOWN; i++)
		put_partition(span_head(span_from(g->entries, (size_t)(i * g->entry_size)),
		    g->entry_size), b);
	if (g->n_entries > PARTITIONS_SHOWN)
		buf_printf(b, "; and %llu more", (unsigned long long)g->n_entries - PARTITIONS_SHOWN);
}

static void
put_tables(const struct tcg_data *d, struct buf *b)
{
	if (d->u.tables.name.n > 0) {
		buf_escape(b, d->u.tables.name);
		buf_str(b, ": ");
	}
	buf_printf(b, "%llu table%s", (unsigned long long)d->u.tables.n,
	    d->u.tables.n == 1 ? "" : "s");
	for (uint64_t i = 0; i < d->u.tables.n && i < PARTITIONS_SHOWN; i++) {
		struct rd r = rd_init(span_from(d->u.tables.pointers, (size_t)i * 24));
		struct uefi_guid g;

		if (!rd_copy(&r, g.v, UEFI_GUID_SIZE))
			return;
		buf_u8(b, ' ');
		uefi_guid_put_named(&g, b);
	}
}

static void
put_tag(const struct tcg_data *d, struct buf *b)
{
	const char *name = tcg_tag_name(d->u.tag.tag);
	struct span text = d->u.tag.content;

	buf_printf(b, "tag 0x%08x", d->u.tag.tag);
	if (name != NULL)
		buf_printf(b, " (%s)", name);
	buf_u8(b, ' ');
	if (text.n > 0 && text.p[text.n - 1] == 0)
		text.n--;
	if (!put_ascii(text, b))
		put_hex(d->u.tag.content, b);
}

static void
put_separator(uint32_t v, struct buf *b)
{
	if (v == 0)
		buf_str(b, "end of firmware's part");
	else if (v == UINT32_MAX)
		buf_str(b, "end of firmware's part (BIOS)");
	else if (v == 1)
		buf_str(b, "the firmware reports an error");
	else
		buf_printf(b, "0x%08x", v);
}

static void
put_decoded(const struct tcg_event *event, const struct tcg_data *d, struct buf *b)
{
	switch (d->kind) {
	case TCG_DATA_TEXT: buf_escape(b, d->u.text); break;
	case TCG_DATA_TEXT16: put_utf16(d->u.text, b); break;
	case TCG_DATA_SPEC_ID: buf_str(b, "Spec ID Event03"); break;
	case TCG_DATA_LOCALITY: buf_printf(b, "StartupLocality %u", d->u.locality); break;
	case TCG_DATA_NO_ACTION:
		buf_escape(b, d->u.no_action.signature);
		buf_u8(b, ' ');
		put_hex(d->u.no_action.rest, b);
		break;
	case TCG_DATA_SEPARATOR: put_separator(d->u.separator, b); break;
	case TCG_DATA_VARIABLE: put_variable(&d->u.variable, b); break;
	case TCG_DATA_IMAGE: put_image(&d->u.image, b); break;
	case TCG_DATA_GPT: put_gpt(&d->u.gpt, b); break;
	case TCG_DATA_BLOB:
		buf_escape(b, d->u.blob.name);
		buf_printf(b, "%s%llu bytes at 0x%llx", d->u.blob.name.n > 0 ? ": " : "",
		    (unsigned long long)d->u.blob.length, (unsigned long long)d->u.blob.base);
		break;
	case TCG_DATA_TABLES: put_tables(d, b); break;
	case TCG_DATA_TAG: put_tag(d, b); break;
	case TCG_DATA_GRUB_CMD:
		buf_str(b, "grub_cmd: ");
		buf_escape(b, d->u.text);
		break;
	case TCG_DATA_KERNEL_CMDLINE:
		buf_str(b, "kernel_cmdline: ");
		buf_escape(b, d->u.text);
		break;
	case TCG_DATA_BYTES: put_hex(event->data, b); break;
	}
}

void
tcg_event_describe(const struct tcg_event *event, uint8_t uintn_size, struct buf *b)
{
	struct tcg_data d;

	tcg_event_decode(event, uintn_size, &d);
	put_decoded(event, &d, b);
	if (d.why != NULL)
		buf_printf(b, " (%s)", d.why);
}
