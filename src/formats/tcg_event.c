#include "formats/tcg_event.h"

#include "base/text.h"

#define GPT_HEADER_SIZE 92
#define GPT_ENTRY_MIN 128

static const struct { uint32_t tag; const char *name; } tags[] = {
	{ TCG_TAG_INITRD, "Linux initrd" },
	{ TCG_TAG_LOAD_OPTIONS, "load options" },
	/* systemd, src/boot/efi/measure.h */
	{ 0xf5bc582au, "loader.conf" },
	{ 0x6c46f751u, "device tree add-on" },
	{ 0x49dffe0fu, "initrd add-on" },
	{ 0xdac08e1au, "microcode add-on" },
	{ 0x13aed6dbu, "UKI profile" },
};

const char *
tcg_tag_name(uint32_t tag)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (tags[i].tag == tag)
			return tags[i].name;
	return NULL;
}

static bool
printable(uint8_t c)
{
	return (c >= 0x20 && c <= 0x7e) || c == '\n' || c == '\t';
}

static struct span
without_nul(struct span s)
{
	if (s.n > 0 && s.p[s.n - 1] == 0)
		s.n--;
	return s;
}

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!printable(s.p[i]))
			return false;
	return s.n > 0;
}

/* ASCII in UTF-16: enough to tell text from a GUID or a count. */
static bool
is_ascii16(struct span s)
{
	if (s.n < 2 || s.n % 2 != 0)
		return false;
	for (size_t i = 0; i < s.n; i += 2)
		if (!printable(s.p[i]) || s.p[i + 1] != 0)
			return false;
	return true;
}

/* Bytes of no known structure: text where they are all text. */
static void
decode_free(struct span in, struct tcg_data *d)
{
	struct span wide = in.n >= 2 && in.p[in.n - 1] == 0 && in.p[in.n - 2] == 0 && in.n % 2 == 0 ?
	    span_head(in, in.n - 2) : in;

	if (is_ascii(without_nul(in))) {
		d->kind = TCG_DATA_TEXT;
		d->u.text = without_nul(in);
	} else if (is_ascii16(wide)) {
		d->kind = TCG_DATA_TEXT16;
		d->u.text = wide;
	}
}

static void
decode_no_action(struct span in, struct tcg_data *d)
{
	struct rd r = rd_init(in);
	struct span signature;

	if (!rd_bytes(&r, 16, &signature)) {
		d->why = "shorter than the signature of an EV_NO_ACTION event";
		return;
	}
	d->u.no_action.signature = span_head(signature, span_find(signature, 0));
	d->u.no_action.rest = span_from(in, 16);
	d->kind = TCG_DATA_NO_ACTION;
	if (span_is(d->u.no_action.signature, "Spec ID Event03")) {
		d->kind = TCG_DATA_SPEC_ID;
	} else if (span_is(d->u.no_action.signature, "StartupLocality")) {
		if (in.n != 17) {
			d->why = "a StartupLocality event has 17 bytes";
			return;
		}
		d->kind = TCG_DATA_LOCALITY;
		d->u.locality = in.p[16];
	}
}

static void
decode_separator(struct span in, struct tcg_data *d)
{
	struct rd r = rd_init(in);

	if (rd_le32(&r, &d->u.separator) && rd_end(&r))
		d->kind = TCG_DATA_SEPARATOR;
	else
		d->why = "a separator has four bytes";
}

static void
decode_variable(struct span in, struct tcg_data *d)
{
	struct rd r = rd_init(in);
	struct tcg_variable v;
	uint64_t chars, n;

	if (!(rd_copy(&r, v.guid.v, UEFI_GUID_SIZE) && rd_le64(&r, &chars) && rd_le64(&r, &n)) ||
	    chars > rd_left(&r) / 2 || !rd_bytes(&r, (size_t)chars * 2, &v.name) ||
	    n > rd_left(&r) || !rd_bytes(&r, (size_t)n, &v.content)) {
		d->why = "ends inside the variable";
		return;
	}
	if (!rd_end(&r)) {
		d->why = "bytes follow the variable";
		return;
	}
	d->kind = TCG_DATA_VARIABLE;
	d->u.variable = v;
}

static bool
rd_uintn(struct rd *r, uint8_t size, uint64_t *out)
{
	uint32_t v;

	if (size == 8)
		return rd_le64(r, out);
	if (!rd_le32(r, &v))
		return false;
	*out = v;
	return true;
}

static bool
image_fits(struct span in, uint8_t uintn_size, struct tcg_image *image)
{
	struct rd r = rd_init(in);
	uint64_t n;

	return rd_le64(&r, &image->address) && rd_uintn(&r, uintn_size, &image->length) &&
	    rd_uintn(&r, uintn_size, &image->link_address) && rd_uintn(&r, uintn_size, &n) &&
	    n == rd_left(&r) && rd_bytes(&r, rd_left(&r), &image->device_path);
}

static void
decode_image(struct span in, uint8_t uintn_size, struct tcg_data *d)
{
	struct tcg_image image;

	/* Newer profiles write UINT64 even where UINTN has 32 bits. */
	if (image_fits(in, 8, &image) || (uintn_size == 4 && image_fits(in, 4, &image))) {
		d->kind = TCG_DATA_IMAGE;
		d->u.image = image;
	} else {
		d->why = "is no image load event: its device path does not end where the data end";
	}
}

static void
decode_gpt(struct span in, struct tcg_data *d)
{
	struct rd r = rd_init(in);
	struct tcg_gpt g;
	uint64_t signature;

	/* UEFI 2.10 5.3.2: signature, ... disk GUID at 56, ... size of an entry at 84. */
	if (!(rd_be64(&r, &signature) && rd_skip(&r, 48) && rd_copy(&r, g.disk.v, UEFI_GUID_SIZE) &&
	    rd_skip(&r, 12) && rd_le32(&r, &g.entry_size) && rd_skip(&r, GPT_HEADER_SIZE - 88) &&
	    rd_le64(&r, &g.n_entries)))
		d->why = "ends inside the GPT header";
	else if (signature != 0x4546492050415254u)	/* "EFI PART" */
		d->why = "has no GPT header";
	else if (g.entry_size < GPT_ENTRY_MIN || g.n_entries > rd_left(&r) / g.entry_size ||
	    g.n_entries * g.entry_size != rd_left(&r) ||
	    !rd_bytes(&r, rd_left(&r), &g.entries))
		d->why = "its partition entries do not end where the data end";
	if (d->why != NULL)
		return;
	d->kind = TCG_DATA_GPT;
	d->u.gpt = g;
}

static void
decode_blob(struct span in, bool named, struct tcg_data *d)
{
	struct rd r = rd_init(in);
	struct span name = span_of(NULL, 0);
	uint64_t base, length;

	if ((named && !rd_u8_span(&r, UINT8_MAX, &name)) ||
	    !(rd_le64(&r, &base) && rd_le64(&r, &length) && rd_end(&r))) {
		d->why = "is no description of a firmware blob";
		return;
	}
	d->kind = TCG_DATA_BLOB;
	d->u.blob.name = name;
	d->u.blob.base = base;
	d->u.blob.length = length;
}

static void
decode_tables(struct span in, bool named, struct tcg_data *d)
{
	struct rd r = rd_init(in);
	struct span name = span_of(NULL, 0);
	uint64_t n;

	if ((named && !rd_u8_span(&r, UINT8_MAX, &name)) || !rd_le64(&r, &n) ||
	    n > rd_left(&r) / 24 || n * 24 != rd_left(&r)) {
		d->why = "is no list of hand-off tables";
		return;
	}
	d->kind = TCG_DATA_TABLES;
	d->u.tables.name = name;
	d->u.tables.n = n;
	d->u.tables.pointers = span_from(in, r.off);
}

static void
decode_tag(struct span in, struct tcg_data *d)
{
	struct rd r = rd_init(in);
	uint32_t tag;
	struct span content;

	if (!(rd_le32(&r, &tag) && rd_le32_span(&r, LIMIT_EVENT_LOG, &content) && rd_end(&r))) {
		d->why = "is no tagged event";
		return;
	}
	d->kind = TCG_DATA_TAG;
	d->u.tag.tag = tag;
	d->u.tag.content = content;
}

/* grub-core/commands/tpm.c writes what it measures behind a word and a colon. */
static void
decode_ipl(struct span in, struct tcg_data *d)
{
	struct span cmd = span_lit("grub_cmd: "), line = span_lit("kernel_cmdline: ");
	struct span text = without_nul(in);

	if (span_starts(text, cmd)) {
		d->kind = TCG_DATA_GRUB_CMD;
		d->u.text = span_from(text, cmd.n);
	} else if (span_starts(text, line)) {
		d->kind = TCG_DATA_KERNEL_CMDLINE;
		d->u.text = span_from(text, line.n);
	} else {
		decode_free(in, d);
	}
}

void
tcg_event_decode(const struct tcg_event *event, uint8_t uintn_size, struct tcg_data *out)
{
	struct tcg_data d = { .kind = TCG_DATA_BYTES };
	struct span in = event->data;

	switch (event->type) {
	case EV_NO_ACTION: decode_no_action(in, &d); break;
	case EV_SEPARATOR: decode_separator(in, &d); break;
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_VARIABLE_BOOT:
	case EV_EFI_VARIABLE_BOOT2:
	case EV_EFI_VARIABLE_AUTHORITY:
	case EV_EFI_SPDM_DEVICE_POLICY:
	case EV_EFI_SPDM_DEVICE_AUTHORITY: decode_variable(in, &d); break;
	case EV_EFI_BOOT_SERVICES_APPLICATION:
	case EV_EFI_BOOT_SERVICES_DRIVER:
	case EV_EFI_RUNTIME_SERVICES_DRIVER: decode_image(in, uintn_size, &d); break;
	case EV_EFI_GPT_EVENT:
	case EV_EFI_GPT_EVENT2: decode_gpt(in, &d); break;
	case EV_EFI_PLATFORM_FIRMWARE_BLOB: decode_blob(in, false, &d); break;
	case EV_EFI_PLATFORM_FIRMWARE_BLOB2:
	case EV_POST_CODE2: decode_blob(in, true, &d); break;
	case EV_EFI_HANDOFF_TABLES: decode_tables(in, false, &d); break;
	case EV_EFI_HANDOFF_TABLES2: decode_tables(in, true, &d); break;
	case EV_EVENT_TAG: decode_tag(in, &d); break;
	case EV_IPL: decode_ipl(in, &d); break;
	case EV_POST_CODE:
		decode_free(in, &d);
		if (d.kind == TCG_DATA_BYTES && in.n == 16)
			decode_blob(in, false, &d);
		break;
	default: decode_free(in, &d); break;
	}
	*out = d;
}

bool
tcg_variable_is(const struct tcg_variable *v, const char *guid, const char *name)
{
	size_t n = strlen(name);

	if (v->name.n != 2 * n || !uefi_guid_is(&v->guid, guid))
		return false;
	for (size_t i = 0; i < n; i++)
		if (v->name.p[2 * i] != (uint8_t)name[i] || v->name.p[2 * i + 1] != 0)
			return false;
	return true;
}

void
tcg_variable_name_put(const struct tcg_variable *v, struct buf *b)
{
	struct span name = v->name;

	/* Some loaders count the NUL. */
	if (name.n >= 2 && name.p[name.n - 1] == 0 && name.p[name.n - 2] == 0)
		name.n -= 2;
	if (!utf16le_decode(name, b))
		buf_hex(b, v->name);
}
