#include "engine/boot_log.h"

#include "crypto/digest.h"

/* Weakest last.  SHA3 behind SHA2 of the same size only because fewer TPMs have it. */
static const enum digest_alg strength[] = {
	DIGEST_SHA512, DIGEST_SHA3_512, DIGEST_SHA384, DIGEST_SHA3_384, DIGEST_SHA256,
	DIGEST_SHA3_256, DIGEST_SM3_256, DIGEST_SHA1,
};

static const char *const bind_tokens[] = {
	[BOOT_BIND_NONE] = "none", [BOOT_BIND_DATA] = "data", [BOOT_BIND_CONTENT] = "content",
	[BOOT_BIND_TEXT] = "text", [BOOT_BIND_ERROR] = "error",
	[BOOT_BIND_NOT_EXTENDED] = "not-extended", [BOOT_BIND_NO_DIGEST] = "no-digest",
	[BOOT_BIND_MISMATCH] = "mismatch",
};

static const struct { uint8_t v[4]; enum boot_separator kind; } separators[] = {
	{ { 0, 0, 0, 0 }, BOOT_SEPARATOR_UEFI },
	{ { 0xff, 0xff, 0xff, 0xff }, BOOT_SEPARATOR_BIOS },
	{ { 1, 0, 0, 0 }, BOOT_SEPARATOR_ERROR },
};

const char *
boot_bind_token(enum boot_bind b)
{
	return bind_tokens[b];
}

bool
boot_event_proven(const struct boot_event *ev)
{
	return ev->bind == BOOT_BIND_DATA || ev->bind == BOOT_BIND_CONTENT ||
	    ev->bind == BOOT_BIND_TEXT;
}

const struct boot_bank *
boot_log_bank(const struct boot_log *log, enum digest_alg alg)
{
	for (size_t i = 0; i < log->n_banks; i++)
		if (log->banks[i].alg == alg && log->banks[i].computed)
			return &log->banks[i];
	return NULL;
}

enum digest_alg
boot_log_strongest(const struct boot_log *log)
{
	for (size_t i = 0; i < sizeof(strength) / sizeof(strength[0]); i++)
		if (boot_log_bank(log, strength[i]) != NULL)
			return strength[i];
	return DIGEST_NONE;
}

void
boot_log_free(struct boot_log *log)
{
	arena_free(&log->arena);
	*log = (struct boot_log){ 0 };
}

static int
load_events(struct boot_log *log, struct err *e)
{
	struct tcg_event ev;
	int rc;

	while ((rc = tcg_log_next(&log->log, &ev, &log->tail)) > 0) {
		struct boot_event *list = arena_grow(&log->arena, log->events, log->n_events,
		    &log->cap_events, sizeof(*list));

		if (list == NULL)
			return arena_err(&log->arena, e);
		log->events = list;
		list[log->n_events].ev = ev;
		tcg_event_decode(&ev, log->log.uintn_size, &list[log->n_events].data);
		log->n_events++;
	}
	return 0;
}

/* The locality that PCR 0 starts with.  The first event that says it counts: only the
 * quote can tell whether it is true. */
static void
find_locality(struct boot_log *log)
{
	for (size_t i = 0; i < log->n_events && !log->has_locality; i++) {
		const struct boot_event *n = &log->events[i];

		if (n->data.kind == TCG_DATA_LOCALITY) {
			log->has_locality = true;
			log->locality = n->data.u.locality;
		}
	}
	for (size_t i = 0; i < log->n_events && !log->has_locality; i++) {
		const struct boot_event *n = &log->events[i];

		if (n->ev.pcr != 0 || n->ev.type == EV_NO_ACTION)
			continue;
		/* An H-CRTM extends before TPM2_Startup; the TPM then sets PCR 0 to 4. */
		if (n->ev.type == EV_EFI_HCRTM_EVENT)
			log->locality = 4;
		return;
	}
}

static void
init_pcrs(const struct boot_log *log, struct boot_bank *bank)
{
	size_t size = digest_alg_size(bank->alg);

	memset(bank->v, 0, sizeof(bank->v));
	for (size_t i = 17; i <= 22; i++)
		memset(bank->v[i], 0xff, size);
	bank->v[0][size - 1] = log->locality;
}

static int
replay(const struct boot_log *log, struct boot_bank *bank, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	size_t size = digest_alg_size(bank->alg);
	int rc;

	if ((rc = hasher_new(bank->alg, &h, e)) != 0)
		return rc;
	init_pcrs(log, bank);
	for (size_t i = 0; i < log->n_events; i++) {
		const struct tcg_event *ev = &log->events[i].ev;
		struct span digest = tcg_event_digest(ev, bank->alg);

		if (ev->type == EV_NO_ACTION)
			continue;
		if (digest.n == 0) {
			bank->gap = ev->number;
			return 0;
		}
		if (!hasher_run(h, span_of(bank->v[ev->pcr], size), digest, bank->v[ev->pcr]))
			return err_set(e, ERR_CRYPTO, "computing a digest failed");
		bank->touched |= 1u << ev->pcr;
	}
	bank->computed = true;
	return 0;
}

static int
replay_all(struct boot_log *log, struct err *e)
{
	for (size_t i = 0; i < log->log.n_algs; i++) {
		struct boot_bank *bank = &log->banks[log->n_banks];
		int rc;

		bank->alg = log->log.algs[i].alg;
		if (bank->alg == DIGEST_NONE || digest_alg_openssl(bank->alg) == NULL)
			continue;
		rc = replay(log, bank, e);
		/* OpenSSL may have been built without one (SM3): the bank is then not computed. */
		if (rc != 0 && rc != ERR_UNSUPPORTED)
			return rc;
		log->n_banks++;
	}
	return 0;
}

int
boot_log_load(struct span in, struct boot_log *out, struct err *e)
{
	struct boot_log log = { .arena = arena_init(LIMIT_APPRAISAL_ARENA) };
	enum digest_alg alg;
	int rc;

	if ((rc = tcg_log_open(in, &log.log, e)) != 0)
		return rc;
	if ((rc = load_events(&log, e)) == 0) {
		find_locality(&log);
		rc = replay_all(&log, e);
	}
	if (rc == 0 && (alg = boot_log_strongest(&log)) != DIGEST_NONE)
		rc = boot_log_bind(&log, alg, e);
	if (rc != 0) {
		arena_free(&log.arena);
		return rc;
	}
	*out = log;
	return 0;
}

/* One comparison of a digest with the bytes it may cover. */
struct binder {
	struct hasher *h;
	struct span digest;
	bool failed;			/* OpenSSL did */
};

static bool
covers(struct binder *b, struct span s)
{
	uint8_t md[LIMIT_DIGEST];

	if (!hasher_run(b->h, s, span_of(NULL, 0), md)) {
		b->failed = true;
		return false;
	}
	return span_eq(span_of(md, b->digest.n), b->digest);
}

static enum boot_bind
bind_separator(struct binder *b, const struct boot_event *n)
{
	/* An error's data may be the reason in words; the digest tells all the same. */
	if (covers(b, span_of(separators[2].v, 4)))
		return BOOT_BIND_ERROR;
	if (n->ev.data.n == 4 && covers(b, n->ev.data))
		return BOOT_BIND_DATA;
	return BOOT_BIND_MISMATCH;
}

static enum boot_bind
bind_ipl(struct binder *b, const struct boot_event *n)
{
	struct span text = n->ev.data;

	if (n->data.kind == TCG_DATA_GRUB_CMD || n->data.kind == TCG_DATA_KERNEL_CMDLINE)
		return covers(b, n->data.u.text) ? BOOT_BIND_TEXT : BOOT_BIND_MISMATCH;
	if (covers(b, text))
		return BOOT_BIND_DATA;
	/* systemd and others leave the NUL out of one of the two. */
	if (n->data.kind == TCG_DATA_TEXT || n->data.kind == TCG_DATA_TEXT16)
		text = n->data.u.text;
	return text.n != n->ev.data.n && covers(b, text) ? BOOT_BIND_TEXT : BOOT_BIND_NONE;
}

static enum boot_bind
bind_variable(struct binder *b, const struct boot_event *n)
{
	if (covers(b, n->ev.data))
		return BOOT_BIND_DATA;
	if (n->data.kind == TCG_DATA_VARIABLE && covers(b, n->data.u.variable.content))
		return BOOT_BIND_CONTENT;
	return BOOT_BIND_MISMATCH;
}

static enum boot_bind
bind_event(struct binder *b, const struct boot_event *n)
{
	switch (tcg_type_cover(n->ev.type)) {
	case TCG_COVER_NOTHING: return BOOT_BIND_NOT_EXTENDED;
	case TCG_COVER_DATA: return covers(b, n->ev.data) ? BOOT_BIND_DATA : BOOT_BIND_MISMATCH;
	case TCG_COVER_SEPARATOR: return bind_separator(b, n);
	case TCG_COVER_VARIABLE: return bind_variable(b, n);
	case TCG_COVER_IPL: return bind_ipl(b, n);
	case TCG_COVER_MAYBE:
	case TCG_COVER_OTHER:
	case TCG_COVER_UNKNOWN: break;
	}
	return covers(b, n->ev.data) ? BOOT_BIND_DATA : BOOT_BIND_NONE;
}

int
boot_log_bind(struct boot_log *log, enum digest_alg alg, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	int rc;

	if ((rc = hasher_new(alg, &h, e)) != 0)
		return rc;
	for (size_t i = 0; i < log->n_events; i++) {
		struct boot_event *n = &log->events[i];
		struct binder b = { .h = h, .digest = tcg_event_digest(&n->ev, alg) };

		if (n->ev.type == EV_NO_ACTION)
			n->bind = BOOT_BIND_NOT_EXTENDED;
		else
			n->bind = b.digest.n == 0 ? BOOT_BIND_NO_DIGEST : bind_event(&b, n);
		if (b.failed)
			return err_set(e, ERR_CRYPTO, "computing a digest failed");
	}
	log->bound = alg;
	return 0;
}

enum boot_separator
boot_separator(const struct boot_log *log, const struct boot_event *ev)
{
	struct span seen = tcg_event_digest(&ev->ev, log->bound);

	if (seen.n == 0 || ev->ev.type == EV_NO_ACTION)
		return BOOT_SEPARATOR_NONE;
	for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++) {
		struct digest d;

		if (digest_of(log->bound, span_of(separators[i].v, 4), &d, NULL) == 0 &&
		    span_eq(digest_view(&d), seen))
			return separators[i].kind;
	}
	return BOOT_SEPARATOR_NONE;
}
