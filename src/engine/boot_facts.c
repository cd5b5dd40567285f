#include "engine/boot_facts.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/pubkey.h"
#include "engine/boot_facts_internal.h"
#include "formats/uefi_devpath.h"

const char *
boot_switch_token(enum boot_switch s)
{
	return s == BOOT_ON ? "on" : s == BOOT_OFF ? "off" : "unknown";
}

const char *
boot_authority_token(enum boot_authority_kind k)
{
	return k == BOOT_AUTHORITY_CERT ? "certificate" : k == BOOT_AUTHORITY_HASH ? "digest" : "other";
}

const char *
boot_cmdline_token(enum boot_cmdline_source s)
{
	return s == BOOT_CMDLINE_GRUB ? "grub" : s == BOOT_CMDLINE_GRUB_LINUX ? "grub-linux" :
	    s == BOOT_CMDLINE_SYSTEMD ? "systemd" : "efi-stub";
}

/* Proven, readable text cannot at the same time be an image that runs: a PE file
 * begins with bytes that are no text.  Without the demand on text, the very bytes an
 * Authenticode digest covers could be passed off as an event's data. */
static bool
is_proven_text(const struct boot_event *n)
{
	return boot_event_proven(n) &&
	    (n->data.kind == TCG_DATA_TEXT || n->data.kind == TCG_DATA_GRUB_CMD ||
	    n->data.kind == TCG_DATA_KERNEL_CMDLINE);
}

static int
add_image(const struct boot_log *log, const struct boot_event *n, struct arena *a,
    struct boot_facts *f, struct err *e)
{
	struct boot_image *list;

	if (boot_separator(log, n) != BOOT_SEPARATOR_NONE || is_proven_text(n))
		return 0;
	list = arena_grow(a, f->images, f->n_images, &f->cap_images, sizeof(*list));
	if (list == NULL)
		return arena_err(a, e);
	f->images = list;
	list += f->n_images++;
	*list = (struct boot_image){ .event = n->ev.number, .pcr = n->ev.pcr,
	    .digest = tcg_event_digest(&n->ev, log->bound) };
	if (n->data.kind == TCG_DATA_IMAGE)
		list->path = n->data.u.image.device_path;
	return 0;
}

static int
add_cmdline(const struct boot_log *log, const struct boot_event *n, enum boot_cmdline_source source,
    const struct span *text, struct arena *a, struct boot_facts *f, struct err *e)
{
	struct boot_cmdline *list = arena_grow(a, f->cmdlines, f->n_cmdlines, &f->cap_cmdlines,
	    sizeof(*list));

	if (list == NULL)
		return arena_err(a, e);
	f->cmdlines = list;
	list += f->n_cmdlines++;
	*list = (struct boot_cmdline){ .event = n->ev.number, .pcr = n->ev.pcr, .source = source,
	    .digest = tcg_event_digest(&n->ev, log->bound), .has_text = text != NULL };
	if (text != NULL && !arena_copy(a, *text, &list->text))
		return arena_err(a, e);
	return 0;
}

/* The arguments of GRUB's commands that load a Linux kernel; false for other commands. */
static bool
linux_arguments(struct span text, struct span *args)
{
	static const char *const commands[] = { "linux ", "linuxefi ", "linux16 " };

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct span c = span_str(commands[i]);

		if (span_starts(text, c)) {
			*args = span_from(text, c.n);
			return true;
		}
	}
	return false;
}

/* PCR 8: everything GRUB ran.  The label in front of the text is not covered by the
 * digest, so both kinds are looked at for a kernel's command line. */
static int
look_at_grub(const struct boot_log *log, const struct boot_event *n, struct arena *a,
    struct boot_facts *f, struct err *e)
{
	struct span args;

	if (n->bind != BOOT_BIND_TEXT)
		return 0;
	if (n->data.kind == TCG_DATA_KERNEL_CMDLINE)
		return add_cmdline(log, n, BOOT_CMDLINE_GRUB, &n->data.u.text, a, f, e);
	if (linux_arguments(n->data.u.text, &args))
		return add_cmdline(log, n, BOOT_CMDLINE_GRUB_LINUX, &args, a, f, e);
	return 0;
}

/* UTF-16 text that its digest covers, in PCR 8 (systemd up to 250) or 12. */
static int
look_at_systemd(const struct boot_log *log, const struct boot_event *n, struct arena *a,
    struct boot_facts *f, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(LIMIT_EVENT_LOG * 2);
	struct span s;

	if (!boot_event_proven(n) || n->data.kind != TCG_DATA_TEXT16 || n->ev.type != EV_IPL ||
	    !utf16le_decode(n->data.u.text, &text))
		return 0;
	if (text.why != 0)
		return buf_done(&text, e);
	s = buf_view(&text);
	return add_cmdline(log, n, BOOT_CMDLINE_SYSTEMD, &s, a, f, e);
}

static int
look_at_loader(const struct boot_log *log, const struct boot_event *n, struct arena *a,
    struct boot_facts *f, struct err *e)
{
	if (n->data.kind == TCG_DATA_GRUB_CMD || n->data.kind == TCG_DATA_KERNEL_CMDLINE) {
		if (n->ev.pcr == 8)
			return look_at_grub(log, n, a, f, e);
	} else if (n->ev.pcr == 8 || n->ev.pcr == 12) {
		return look_at_systemd(log, n, a, f, e);
	} else if (n->ev.pcr == 9 && n->data.kind == TCG_DATA_TAG &&
	    n->data.u.tag.tag == TCG_TAG_LOAD_OPTIONS) {
		return add_cmdline(log, n, BOOT_CMDLINE_STUB, NULL, a, f, e);
	}
	return 0;
}

static int
look_at(const struct boot_log *log, const struct boot_event *n, struct arena *a,
    struct boot_facts *f, struct err *e)
{
	enum boot_separator separator;
	int rc;

	if (n->ev.type == EV_NO_ACTION)
		return 0;
	separator = boot_separator(log, n);
	if (separator == BOOT_SEPARATOR_ERROR && f->firmware_error == 0)
		f->firmware_error = n->ev.number;
	if (n->ev.pcr == 4 || n->ev.pcr == 2)
		if ((rc = add_image(log, n, a, f, e)) != 0)
			return rc;
	if (n->ev.pcr == 8 && separator == BOOT_SEPARATOR_NONE && !boot_event_proven(n) && f->pcr8_unproven == 0)
		f->pcr8_unproven = n->ev.number;
	if (n->ev.pcr == 12 && separator == BOOT_SEPARATOR_NONE && !boot_event_proven(n) && f->pcr12_unproven == 0)
		f->pcr12_unproven = n->ev.number;
	return look_at_loader(log, n, a, f, e);
}

/* Whether ${digest} is that of ${text} as load options: UTF-16, with or without NUL. */
int
boot_is_load_options(enum digest_alg alg, struct span text, struct span digest, bool *same,
    struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_EVENT_LOG * 2);
	struct digest d;
	int rc;

	*same = false;
	if (!utf16le_encode(text, &b))
		return 0;
	buf_le16(&b, 0);
	if ((rc = buf_done(&b, e)) != 0 || (rc = digest_of(alg, buf_view(&b), &d, e)) != 0)
		return rc;
	*same = span_eq(digest_view(&d), digest);
	if (*same)
		return 0;
	if ((rc = digest_of(alg, span_head(buf_view(&b), b.n - 2), &d, e)) != 0)
		return rc;
	*same = span_eq(digest_view(&d), digest);
	return 0;
}

/* The stub logs no text, but a boot loader before it may have logged the same one. */
static int
name_load_options(const struct boot_log *log, struct boot_facts *f, struct err *e)
{
	for (size_t i = 0; i < f->n_cmdlines; i++) {
		struct boot_cmdline *c = &f->cmdlines[i];

		for (size_t k = 0; k < f->n_cmdlines && !c->has_text; k++) {
			const struct boot_cmdline *other = &f->cmdlines[k];
			bool same;
			int rc;

			if (other->source == BOOT_CMDLINE_STUB)
				continue;
			if ((rc = boot_is_load_options(log->bound, other->text, c->digest, &same, e)) != 0)
				return rc;
			c->has_text = same;
			if (same)
				c->text = other->text;
		}
	}
	return 0;
}

int
boot_facts_find(const struct boot_log *log, struct arena *arena, struct boot_facts *facts,
    struct err *e)
{
	struct boot_facts f = { 0 };
	int rc;

	for (size_t i = 0; i < log->n_events; i++)
		if ((rc = look_at(log, &log->events[i], arena, &f, e)) != 0)
			return rc;
	if ((rc = name_load_options(log, &f, e)) != 0)
		return rc;
	if ((rc = boot_secure_boot_find(log, arena, &f, e)) != 0)
		return rc;
	*facts = f;
	return 0;
}
