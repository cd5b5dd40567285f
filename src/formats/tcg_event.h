/* tcg_event.h: what the data of a firmware event says, by the event's type.
 *
 * The structures of the TCG PC Client Platform Firmware Profile 1.06, section 10.4,
 * and of the boot loaders that write events of their own; integers little-endian:
 *
 *   UEFI_VARIABLE_DATA          GUID, u64 name's characters, u64 n, UTF-16 name, n bytes
 *   UEFI_IMAGE_LOAD_EVENT       u64 address, u64 length, u64 link address, u64 n,
 *                               device path of n bytes (three UINTN on 32-bit firmware)
 *   UEFI_GPT_DATA               the 92 bytes of the GPT header, u64 n, n entries
 *   UEFI_PLATFORM_FIRMWARE_BLOB u64 base, u64 length; BLOB2: u8 n, n bytes of name first
 *   UEFI_HANDOFF_TABLE_POINTERS u64 n, n * { GUID, u64 address }; 2: u8, name first
 *   TCG_PCClientTaggedEvent     u32 tag, u32 n, n bytes
 *   EV_NO_ACTION                16 bytes of signature, what that says
 *   EV_IPL of GRUB              "grub_cmd: X", "kernel_cmdline: X", or a file name
 *   EV_IPL of shim              a variable's name
 *   EV_IPL of systemd           UTF-16 text, or the name of a PE section
 *
 * This module says what the bytes CLAIM.  The type of an event is covered by no digest
 * and its data only sometimes; engine/boot.h tells what is authentic.  Data that do
 * not fit their type are kept as bytes, with the reason in ${why}.
 */
#ifndef FORMATS_TCG_EVENT_H
#define FORMATS_TCG_EVENT_H

#include "formats/tcg_log.h"
#include "formats/uefi_guid.h"

enum tcg_data_kind {
	TCG_DATA_BYTES = 0,	/* no structure known for the type, or it does not fit */
	TCG_DATA_TEXT,		/* ASCII; NUL at the end taken off */
	TCG_DATA_TEXT16,	/* UTF-16LE; NUL at the end taken off */
	TCG_DATA_SPEC_ID,
	TCG_DATA_LOCALITY,
	TCG_DATA_NO_ACTION,	/* another signature */
	TCG_DATA_SEPARATOR,
	TCG_DATA_VARIABLE,
	TCG_DATA_IMAGE,
	TCG_DATA_GPT,
	TCG_DATA_BLOB,
	TCG_DATA_TABLES,
	TCG_DATA_TAG,
	TCG_DATA_GRUB_CMD,
	TCG_DATA_KERNEL_CMDLINE,
};

struct tcg_variable {
	struct uefi_guid guid;
	struct span name;		/* UTF-16LE */
	struct span content;
};

struct tcg_image {
	uint64_t address, length, link_address;
	struct span device_path;
};

struct tcg_gpt {
	struct uefi_guid disk;
	uint64_t n_entries;
	uint32_t entry_size;
	struct span entries;		/* n_entries * entry_size bytes */
};

struct tcg_data {
	enum tcg_data_kind kind;
	const char *why;		/* not NULL: the data do not fit their type, and why */
	union {
		struct span text;	/* TEXT, TEXT16, GRUB_CMD, KERNEL_CMDLINE (without prefix) */
		uint8_t locality;
		uint32_t separator;
		struct tcg_variable variable;
		struct tcg_image image;
		struct tcg_gpt gpt;
		struct { struct span name; uint64_t base, length; } blob;
		struct { struct span name; uint64_t n; struct span pointers; } tables;
		struct { uint32_t tag; struct span content; } tag;
		struct { struct span signature, rest; } no_action;
	} u;
};

/* Tags of EV_EVENT_TAG: the kernel's (drivers/firmware/efi/libstub/efistub.h), systemd's. */
#define TCG_TAG_INITRD		0x8f3b22ecu
#define TCG_TAG_LOAD_OPTIONS	0x8f3b22edu

/** tcg_event_decode(event, uintn_size, d): Always succeeds; spans point into the event. */
void tcg_event_decode(const struct tcg_event *event, uint8_t uintn_size, struct tcg_data *d);

/** tcg_variable_name_is(v, guid, name): ${guid} as text, ${name} in ASCII. */
bool tcg_variable_is(const struct tcg_variable *v, const char *guid, const char *name);

/** tcg_variable_name_put(v, b): The name in UTF-8, or its hex if it is not UTF-16. */
void tcg_variable_name_put(const struct tcg_variable *v, struct buf *b);

/** tcg_tag_name(tag): What an EV_EVENT_TAG stands for, or NULL. */
const char *tcg_tag_name(uint32_t tag);

/** tcg_event_describe(event, uintn_size, b): One line for people, escaped, without newline. */
void tcg_event_describe(const struct tcg_event *event, uint8_t uintn_size, struct buf *b);

#endif
