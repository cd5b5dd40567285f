/* tpm_esys.c: the connection: open, try again, say what failed, leave nothing behind. */
#include "port/tpm/tpm_internal.h"

#include <errno.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#define PAUSE_FIRST_MS 10u
#define PAUSE_LAST_MS 1000u

void
tpm_pause_ms(unsigned ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		;
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static TSS2_RC
layer(TSS2_RC rc)
{
	return rc & TSS2_RC_LAYER_MASK;
}

/* Some resource managers put their own layer on what the TPM said. */
static bool
from_tpm(TSS2_RC rc)
{
	return layer(rc) == TSS2_TPM_RC_LAYER || layer(rc) == TSS2_RESMGR_TPM_RC_LAYER;
}

bool
tpm_rc_is(TSS2_RC rc, TSS2_RC code)
{
	rc = from_tpm(rc) ? rc & 0xffff : 0;
	/* Part 2, "Response Codes": format one keeps its number in bits 0 to 5. */
	return (rc & TPM2_RC_FMT1) != 0 ? (rc & (TPM2_RC_FMT1 | 0x3f)) == code : rc == code;
}

static bool
any_of(TSS2_RC rc, const TSS2_RC *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tpm_rc_is(rc, codes[i]))
			return true;
	return false;
}

enum tpm_trouble
tpm_trouble(TSS2_RC rc)
{
	static const TSS2_RC busy[] = { TPM2_RC_RETRY, TPM2_RC_TESTING, TPM2_RC_YIELDED,
	    TPM2_RC_NV_RATE, TPM2_RC_LOCKOUT, TPM2_RC_NV_UNAVAILABLE, TPM2_RC_CANCELED };
	static const TSS2_RC full[] = { TPM2_RC_OBJECT_MEMORY, TPM2_RC_SESSION_MEMORY,
	    TPM2_RC_MEMORY, TPM2_RC_SESSION_HANDLES, TPM2_RC_OBJECT_HANDLES, TPM2_RC_CONTEXT_GAP };

	if (tpm_rc_is(rc, TPM2_RC_INITIALIZE))
		return TPM_ASLEEP;
	if (any_of(rc, busy, sizeof(busy) / sizeof(busy[0])))
		return TPM_BUSY;
	if (any_of(rc, full, sizeof(full) / sizeof(full[0])))
		return TPM_FULL;
	if (from_tpm(rc))
		return TPM_FINAL;

	switch (rc & ~TSS2_RC_LAYER_MASK) {
	case TSS2_BASE_RC_IO_ERROR:
	case TSS2_BASE_RC_NO_CONNECTION:
	case TSS2_BASE_RC_TRY_AGAIN:
	case TSS2_BASE_RC_BAD_SEQUENCE:
	case TSS2_BASE_RC_MALFORMED_RESPONSE:
	case TSS2_BASE_RC_INSUFFICIENT_RESPONSE:
	case TSS2_BASE_RC_GENERAL_FAILURE:
	case TSS2_BASE_RC_RSP_AUTH_FAILED:
		return TPM_BROKEN;
	default:
		return TPM_FINAL;
	}
}

int
tpm_fault(const struct tpm *t, TSS2_RC rc, struct err *e)
{
	int code = tpm_rc_is(rc, TPM2_RC_INTEGRITY) || tpm_rc_is(rc, TPM2_RC_BINDING) ?
	    ERR_MISMATCH : ERR_TPM;

	code = err_set(e, code, "%s: %s (0x%08x)", t->step, Tss2_RC_Decode(rc), (unsigned)rc);
	if (tpm_rc_is(rc, TPM2_RC_BAD_AUTH) || tpm_rc_is(rc, TPM2_RC_AUTH_FAIL))
		return err_hint(e, code, "the endorsement hierarchy of this TPM has a password; "
		    "remove it (tpm2_changeauth -c endorsement)");
	if (code == ERR_MISMATCH)
		return err_hint(e, code, "the TPM was cleared or replaced since the key was made");
	if (tpm_trouble(rc) == TPM_BROKEN)
		return err_hint(e, code, "look whether %s is there and may be opened", t->tcti_name);
	return code;
}

void
tpm_release(struct tpm *t)
{
	if (t->esys != NULL)
		Esys_Finalize(&t->esys);
	if (t->tcti != NULL)
		Tss2_TctiLdr_Finalize(&t->tcti);
	t->esys = NULL;
	t->tcti = NULL;
}

static TSS2_RC
connect_tpm(struct tpm *t)
{
	TSS2_RC rc;

	if (t->esys != NULL)
		return TSS2_RC_SUCCESS;
	t->step = "opening the TPM";
	if ((rc = Tss2_TctiLdr_Initialize(t->tcti_name, &t->tcti)) != TSS2_RC_SUCCESS ||
	    (rc = Esys_Initialize(&t->esys, t->tcti, NULL)) != TSS2_RC_SUCCESS)
		tpm_release(t);
	return rc;
}

TSS2_RC
tpm_handles(struct tpm *t, uint32_t first, uint32_t count, TPML_HANDLE *handles)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	    TPM2_CAP_HANDLES, first, count, &more, &data);

	if (rc == TSS2_RC_SUCCESS)
		*handles = data->data.handles;
	Esys_Free(data);
	return rc;
}

void
tpm_flush(struct tpm *t, ESYS_TR *handle)
{
	TPM2_HANDLE raw = 0;

	/* If this fails the connection is broken, and with it a resource manager's objects. */
	if (*handle != ESYS_TR_NONE && t->esys != NULL) {
		if (Esys_TR_GetTpmHandle(t->esys, *handle, &raw) == TSS2_RC_SUCCESS && raw >> 24 == TPM_PERSISTENT >> 24)
			(void)Esys_TR_Close(t->esys, handle);	/* it stays in the TPM */
		else
			(void)Esys_FlushContext(t->esys, *handle);
	}
	*handle = ESYS_TR_NONE;
}

void
tpm_handle_done(struct tpm_handle *h)
{
	tpm_flush(h->t, &h->tr);
}

/* A simulator serves one connection at a time, and everyone flushes what he made: what
 * is loaded now was left by a connection that broke. */
static void
flush_orphans(struct tpm *t)
{
	static const uint32_t firsts[] = { TPM_TRANSIENT_FIRST, TPM_LOADED_SESSION_FIRST };

	for (size_t k = 0; k < sizeof(firsts) / sizeof(firsts[0]); k++) {
		TPML_HANDLE handles = { 0 };

		if (tpm_handles(t, firsts[k], TPM2_MAX_CAP_HANDLES, &handles) != TSS2_RC_SUCCESS)
			return;
		for (uint32_t i = 0; i < handles.count; i++) {
			ESYS_TR tr = ESYS_TR_NONE;

			if (Esys_TR_FromTPMPublic(t->esys, handles.handle[i], ESYS_TR_NONE,
			    ESYS_TR_NONE, ESYS_TR_NONE, &tr) == TSS2_RC_SUCCESS)
				tpm_flush(t, &tr);
		}
	}
}

/* Whether another try may help, after doing what helps it. */
static bool
mend(struct tpm *t, TSS2_RC rc)
{
	switch (tpm_trouble(rc)) {
	case TPM_BROKEN:
		tpm_release(t);
		return true;
	case TPM_FULL:
		if (t->simulator && t->esys != NULL)
			flush_orphans(t);
		return true;
	case TPM_ASLEEP:
		/* The kernel has started its TPM; a simulator may have nobody else. */
		return t->simulator && t->esys != NULL && Esys_Startup(t->esys, TPM2_SU_CLEAR) == TSS2_RC_SUCCESS;
	case TPM_BUSY:
		return true;
	case TPM_FINAL:
	default:
		return false;
	}
}

TSS2_RC
tpm_run_once(struct tpm *t, tpm_work *work, void *arg)
{
	TSS2_RC rc = connect_tpm(t);

	return rc == TSS2_RC_SUCCESS ? work(t, arg) : rc;
}

int
tpm_run(struct tpm *t, tpm_work *work, void *arg, struct err *e)
{
	uint64_t end = now_ms() + t->patience_ms;
	unsigned pause = PAUSE_FIRST_MS;
	TSS2_RC rc;

	while ((rc = tpm_run_once(t, work, arg)) != TSS2_RC_SUCCESS && mend(t, rc) &&
	    now_ms() + pause <= end) {
		tpm_pause_ms(pause);
		pause = pause * 2 < PAUSE_LAST_MS ? pause * 2 : PAUSE_LAST_MS;
	}
	return rc == TSS2_RC_SUCCESS ? 0 : tpm_fault(t, rc, e);
}

static TSS2_RC
nothing(struct tpm *t, void *arg)
{
	TPML_HANDLE handles;

	(void)arg;
	t->step = "asking the TPM";
	return tpm_handles(t, TPM_TRANSIENT_FIRST, 1, &handles);
}

int
tpm_open(const char *tcti, struct tpm **out, struct err *e)
{
	TPM_AUTO struct tpm *t = calloc(1, sizeof(*t));
	int rc;

	/* The library would print what it thinks of each answer; it reads this once. */
	(void)setenv("TSS2_LOG", "all+NONE", 0);
	if (t == NULL || (t->tcti_name = strdup(tcti)) == NULL)
		return err_set(e, ERR_NOMEM, "no memory for a TPM's connection");
	t->simulator = strncmp(tcti, "swtpm", 5) == 0 || strncmp(tcti, "mssim", 5) == 0;
	t->patience_ms = TPM_OPEN_PATIENCE_MS;
	if ((rc = tpm_run(t, nothing, NULL, e)) != 0)
		return err_ctx(e, rc, "TPM %s", tcti);
	t->patience_ms = TPM_PATIENCE_MS;
	*out = t;
	t = NULL;	/* transferred */
	return 0;
}

void
tpm_close(struct tpm *t)
{
	if (t == NULL)
		return;
	tpm_release(t);
	Esys_Free(t->saved_ak);
	buf_free(&t->saved_of);
	free(t->tcti_name);
	free(t);
}

static TSS2_RC
shut_down(struct tpm *t, void *arg)
{
	(void)arg;
	t->step = "shutting the TPM down";
	return Esys_Shutdown(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_SU_CLEAR);
}

int
tpm_shutdown(struct tpm *t, struct err *e)
{
	return tpm_run(t, shut_down, NULL, e);
}

void
tpm_patience(struct tpm *t, unsigned ms)
{
	t->patience_ms = ms;
}
