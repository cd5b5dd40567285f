/* boot_facts.h: what a firmware event log says about the boot, and how far it is proven.
 *
 * A fact is drawn from an event only if the event's digest covers the data it is drawn
 * from, in the bound bank; it is authentic once that PCR is (struct boot_log_state in
 * boot.h says which are).  Three things an attacker with root on the machine can do are
 * taken into account: relabel events (types are covered by nothing), alter data that no
 * digest covers, and extend further events after the boot.  So
 *
 * - Secure Boot is "on" only if the variable SecureBoot was measured as 1 before PCR 7's
 *   first separator, and every event of PCR 7 is proven and of a kind that is known:
 *   an event that cannot be read could be the one that says otherwise;
 * - images are all events of PCR 4 that are neither separator nor proven text, whatever
 *   their type claims; their digest (Authenticode) is authentic, their path is not;
 * - command lines are what GRUB, systemd or the kernel's EFI stub measured.  GRUB's
 *   text is proven, but not its label: "grub_cmd: linux X" counts as well as
 *   "kernel_cmdline: X".  The stub's log entry has no text: only its digest is known.
 */
#ifndef ENGINE_BOOT_FACTS_H
#define ENGINE_BOOT_FACTS_H

#include "engine/boot_log.h"

enum boot_switch { BOOT_UNKNOWN = 0, BOOT_OFF, BOOT_ON };

enum boot_authority_kind {
	BOOT_AUTHORITY_CERT = 1,	/* a certificate */
	BOOT_AUTHORITY_HASH,		/* an image allowed by its digest */
	BOOT_AUTHORITY_OTHER,		/* not understood */
};

/* What allowed an image to run (PCR 7 after the separator), or could (db). */
struct boot_authority {
	uint64_t event;
	enum boot_authority_kind kind;
	struct span source;		/* variable's name, UTF-8: "db", "Shim", "MokList" */
	struct digest fingerprint;	/* SHA-256 of the certificate's DER; or the image's digest */
	struct span subject;		/* RFC 2253; empty if the certificate cannot be read */
};

struct boot_image {
	uint64_t event;
	uint32_t pcr;
	struct span digest;		/* in the bound bank */
	struct span path;		/* device path as the log has it: NOT authentic; may be empty */
};

enum boot_cmdline_source {
	BOOT_CMDLINE_GRUB = 1,		/* "kernel_cmdline:" */
	BOOT_CMDLINE_GRUB_LINUX,	/* the arguments of a command "linux" */
	BOOT_CMDLINE_SYSTEMD,		/* systemd-boot or systemd-stub, UTF-16 */
	BOOT_CMDLINE_STUB,		/* load options of the kernel's EFI stub: the log has the digest;
					 * the text if another event has the same one */
};

struct boot_cmdline {
	uint64_t event;
	uint32_t pcr;
	enum boot_cmdline_source source;
	bool has_text;
	struct span text;		/* UTF-8 or raw bytes */
	struct span digest;
};

struct boot_facts {
	enum boot_switch secure_boot;
	const char *secure_boot_why;	/* a sentence; set when UNKNOWN or OFF */
	uint64_t secure_boot_event;
	uint64_t pcr7_unproven;		/* first event of PCR 7 that proves nothing, or 0 */
	uint64_t pcr8_unproven;		/* the same for PCR 8 */
	uint64_t pcr12_unproven;	/* and for PCR 12 */
	bool debug_mode;		/* "UEFI Debug Mode" */
	bool dma_protection_off;	/* "DMA Protection Disabled" */
	bool shim_insecure;		/* MokSBState: shim does not check what it starts */
	struct span sbat_level;
	struct boot_authority *authorities;	size_t n_authorities, cap_authorities;
	struct boot_authority *db;		size_t n_db, cap_db;
	struct boot_image *images;		size_t n_images, cap_images;
	struct boot_cmdline *cmdlines;		size_t n_cmdlines, cap_cmdlines;
	uint64_t firmware_error;	/* first separator that reports an error, or 0 */
};

/** boot_facts_find(log, arena, facts, e): From the bound bank.  Everything lives in
 * ${arena} or in the log. */
MUST_CHECK int boot_facts_find(const struct boot_log *log, struct arena *arena,
    struct boot_facts *facts, struct err *e);

/** boot_is_load_options(alg, text, digest, same, e): Whether the kernel's EFI stub, given
 * ${text}, measures ${digest}. */
MUST_CHECK int boot_is_load_options(enum digest_alg alg, struct span text, struct span digest,
    bool *same, struct err *e);

const char *boot_switch_token(enum boot_switch s);		/* "on", "off", "unknown" */
const char *boot_authority_token(enum boot_authority_kind k);	/* "certificate", "digest", "other" */
const char *boot_cmdline_token(enum boot_cmdline_source s);	/* "grub", ... */

#endif
