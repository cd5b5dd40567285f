#include "formats/uefi_guid.h"

#include "base/text.h"

static const struct { const char *text, *name; } names[] = {
#define GUID(text, name) { text, name },
#include "formats/uefi_guids.tbl"
#undef GUID
};

/* Where each byte of the stored form stands in the text. */
static const uint8_t order[UEFI_GUID_SIZE] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

#define TEXT_SIZE 36

static bool
dash_before(size_t i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

void
uefi_guid_put(const struct uefi_guid *g, struct buf *b)
{
	for (size_t i = 0; i < UEFI_GUID_SIZE; i++)
		buf_printf(b, "%s%02x", dash_before(i) ? "-" : "", g->v[order[i]]);
}

bool
uefi_guid_parse(struct span text, struct uefi_guid *g)
{
	struct uefi_guid n;
	size_t at = 0;

	if (text.n != TEXT_SIZE)
		return false;
	for (size_t i = 0; i < UEFI_GUID_SIZE; i++) {
		if (dash_before(i) && text.p[at++] != '-')
			return false;
		if (!hex_fixed(span_of(text.p + at, 2), &n.v[order[i]], 1))
			return false;
		at += 2;
	}
	*g = n;
	return true;
}

bool
uefi_guid_is(const struct uefi_guid *g, const char *text)
{
	struct uefi_guid want;

	return uefi_guid_parse(span_str(text), &want) && memcmp(g->v, want.v, UEFI_GUID_SIZE) == 0;
}

const char *
uefi_guid_name(const struct uefi_guid *g)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (uefi_guid_is(g, names[i].text))
			return names[i].name;
	return NULL;
}

void
uefi_guid_put_named(const struct uefi_guid *g, struct buf *b)
{
	const char *name = uefi_guid_name(g);

	if (name != NULL)
		buf_str(b, name);
	else
		uefi_guid_put(g, b);
}
