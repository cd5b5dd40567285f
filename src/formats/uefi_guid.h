/* uefi_guid.h: GUIDs as UEFI stores them, as people write them, and by name.
 *
 *   OFFSET  SIZE  MEANING
 *   0       4     first group, little-endian
 *   4       2     second group, little-endian
 *   6       2     third group, little-endian
 *   8       8     fourth and fifth group, in order
 */
#ifndef FORMATS_UEFI_GUID_H
#define FORMATS_UEFI_GUID_H

#include "base/buf.h"

#define UEFI_GUID_SIZE 16

struct uefi_guid { uint8_t v[UEFI_GUID_SIZE]; };

/** uefi_guid_put(g, b): "8be4df61-93ca-11d2-aa0d-00e098032b8c". */
void uefi_guid_put(const struct uefi_guid *g, struct buf *b);

/** uefi_guid_parse(text, g): That form, either case. */
MUST_CHECK bool uefi_guid_parse(struct span text, struct uefi_guid *g);

/** uefi_guid_name(g): From uefi_guids.tbl, or NULL. */
const char *uefi_guid_name(const struct uefi_guid *g);

/** uefi_guid_is(g, text): Whether ${g} is the GUID written as ${text}. */
bool uefi_guid_is(const struct uefi_guid *g, const char *text);

/** uefi_guid_put_named(g, b): The name, or the text form where there is none. */
void uefi_guid_put_named(const struct uefi_guid *g, struct buf *b);

#define UEFI_GUID_GLOBAL	"8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define UEFI_GUID_SECURITY_DB	"d719b2cb-3d3a-4596-a3bc-dad00e67656f"
#define UEFI_GUID_SHIM		"605dab50-e046-4300-abb6-3dd810dd8b23"

#endif
