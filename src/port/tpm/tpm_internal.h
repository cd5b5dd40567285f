/* tpm_internal.h: the connection behind tpm.h, shared by port/tpm/tpm_esys*.c alone.
 *
 * Work on the TPM is a function (tpm_work) that begins with nothing loaded and ends
 * with nothing loaded, whatever happens.  So tpm_run may call it again from the start
 * when the TPM was busy or its connection broke.  Such a function returns the TSS2_RC
 * of the first step that failed and leaves its place in t->step, for the sentence
 * that people read.
 */
#ifndef PORT_TPM_TPM_INTERNAL_H
#define PORT_TPM_TPM_INTERNAL_H

#include <tss2/tss2_esys.h>

#include "port/tpm/tpm.h"

/* Part 2, "TPM_HC"; tss2's own shift a signed integer into its sign. */
#define TPM_TRANSIENT_FIRST 0x80000000u
#define TPM_PERSISTENT 0x81000000u
#define TPM_LOADED_SESSION_FIRST 0x02000000u

struct tpm {
	char *tcti_name;		/* owned */
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;		/* NULL: not connected */
	bool simulator;			/* "swtpm:", "mssim:": no resource manager, one client */
	unsigned patience_ms;
	const char *step;		/* what was being done: "loading the attestation key" */

	/* The attestation key as the TPM saved it: loading this is much quicker than making
	 * the parent and loading the key below it.  Void after each reset of the TPM. */
	TPMS_CONTEXT *saved_ak;		/* owned; NULL: none */
	struct buf saved_of;		/* the public area it is of */
};

typedef TSS2_RC tpm_work(struct tpm *t, void *arg);

/** tpm_run(t, work, arg, e): Connect if need be and do it, again if that may help. */
MUST_CHECK int tpm_run(struct tpm *t, tpm_work *work, void *arg, struct err *e);

/** tpm_run_once(t, work, arg, rc): Connect if need be and do it, not again. */
TSS2_RC tpm_run_once(struct tpm *t, tpm_work *work, void *arg);

/** tpm_fault(t, rc, e): ERR_TPM (or ERR_MISMATCH) in words. */
int tpm_fault(const struct tpm *t, TSS2_RC rc, struct err *e);

/* What kind of failure a code is. */
enum tpm_trouble {
	TPM_FINAL,		/* asking again gives the same */
	TPM_BUSY,		/* later */
	TPM_BROKEN,		/* the connection is of no more use */
	TPM_FULL,		/* no room for objects or sessions */
	TPM_ASLEEP,		/* TPM2_Startup is missing */
};
enum tpm_trouble tpm_trouble(TSS2_RC rc);

/** tpm_rc_is(rc, code): Whether the TPM itself said ${code} (of format one, whatever
 * handle, session or parameter it was about). */
bool tpm_rc_is(TSS2_RC rc, TSS2_RC code);

/** tpm_pause_ms(ms): Sleep, whatever signals come. */
void tpm_pause_ms(unsigned ms);

/** tpm_flush(t, handle): Flush what may be loaded; ESYS_TR_NONE is nothing. */
void tpm_flush(struct tpm *t, ESYS_TR *handle);

/* An ESYS_TR that is flushed when its scope ends. */
struct tpm_handle {
	struct tpm *t;
	ESYS_TR tr;
};
void tpm_handle_done(struct tpm_handle *h);
#define TPM_HANDLE(name, tpm) \
	__attribute__((cleanup(tpm_handle_done))) struct tpm_handle name = { tpm, ESYS_TR_NONE }

/** tpm_marshal_public / tpm_unmarshal_public: TPM2B_PUBLIC as bytes, and back. */
MUST_CHECK int tpm_marshal_public(const TPM2B_PUBLIC *p, struct buf *out, struct err *e);
MUST_CHECK int tpm_unmarshal_public(struct span in, TPM2B_PUBLIC *p, struct err *e);

/** tpm_ek_template(kind, p): The standard template. */
void tpm_ek_template(enum tpm_ek_kind kind, TPM2B_PUBLIC *p);

/** tpm_ek_load(t, kind, h, public): Make the primary key; to be called from a tpm_work.
 * ${public} may be NULL. */
TSS2_RC tpm_ek_load(struct tpm *t, enum tpm_ek_kind kind, struct tpm_handle *h,
    TPM2B_PUBLIC *public);

/** tpm_ek_is_high(kind): Of the templates whose policy is an OR (H-1 and on). */
bool tpm_ek_is_high(enum tpm_ek_kind kind);

/** tpm_ak_load(t, ak, h): Load it; to be called from a tpm_work. */
TSS2_RC tpm_ak_load(struct tpm *t, const struct tpm_ak *ak, struct tpm_handle *h);

/** tpm_primary(t, template, h, public): A primary key of the endorsement hierarchy. */
TSS2_RC tpm_primary(struct tpm *t, const TPM2B_PUBLIC *template, struct tpm_handle *h,
    TPM2B_PUBLIC *public);

/** tpm_handles(t, first, count, handles): Handles from ${first} on that exist; at most
 * TPM2_MAX_CAP_HANDLES are given. */
TSS2_RC tpm_handles(struct tpm *t, uint32_t first, uint32_t count, TPML_HANDLE *handles);

/** tpm_read_pcrs(t, bank, mask, values): All of them, however few a command gives. */
TSS2_RC tpm_read_pcrs(struct tpm *t, enum digest_alg bank, uint32_t mask,
    uint8_t values[LIMIT_PCRS][LIMIT_DIGEST]);

#endif
