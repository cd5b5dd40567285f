#include "svc/agent/priv_monitor.h"

#include <fcntl.h>
#include <unistd.h>

#include "svc/log.h"

struct monitored {
	char *dir, *list;		/* owned */
	struct monitor_options o;
	struct monitor_tpm tpm;
	struct priv *priv;		/* borrowed */
	struct monitor *m;		/* owned; NULL: not started */
	bool banks_known;
	uint32_t banks;			/* bit: enum digest_alg of a bank in use */
};

int
monitored_new(const char *dir, unsigned pcr, const char *below, struct monitored **out, struct err *e)
{
	struct monitored *m = calloc(1, sizeof(*m));

	if (m == NULL || asprintf(&m->dir, "%s/monitor", dir) < 0 || asprintf(&m->list, "%s/list", m->dir) < 0) {
		monitored_stop(m);
		return err_set(e, ERR_NOMEM, "no memory for the monitor");
	}
	m->o = (struct monitor_options){ .dir = m->dir, .pcr = pcr, .below = below, .tpm = &m->tpm };
	*out = m;
	return 0;
}

const char *
monitored_list(const struct monitored *m)
{
	return m->list;
}

static int
learn_banks(struct monitored *m, struct tpm *t, struct err *e)
{
	struct tpm_caps caps;
	int rc;

	if (m->banks_known)
		return 0;
	if ((rc = tpm_caps(t, &caps, e)) != 0)
		return rc;
	for (size_t i = 0; i < caps.pcrs.n; i++)
		if (caps.pcrs.banks[i].mask != 0)
			m->banks |= 1u << caps.pcrs.banks[i].alg;
	m->banks_known = true;
	return 0;
}

static int
extend(void *arg, unsigned pcr, const struct digest *d, size_t n, struct err *e)
{
	struct monitored *m = arg;
	struct digest used[LIMIT_TPM_BANKS];
	size_t k = 0;
	struct tpm *t;
	int rc;

	if ((rc = priv_tpm(m->priv, &t, e)) != 0 || (rc = learn_banks(m, t, e)) != 0)
		return rc;
	for (size_t i = 0; i < n && k < LIMIT_TPM_BANKS; i++)
		if ((m->banks >> d[i].alg & 1) != 0)
			used[k++] = d[i];
	return tpm_pcr_extend(t, pcr, used, k, e);
}

static int
read_pcr(void *arg, unsigned pcr, struct digest *value, struct err *e)
{
	struct monitored *m = arg;
	uint8_t values[LIMIT_PCRS][LIMIT_DIGEST];
	struct tpm *t;
	int rc;

	if (pcr >= LIMIT_PCRS)
		return err_set(e, ERR_RANGE, "there is no PCR %u", pcr);
	if ((rc = priv_tpm(m->priv, &t, e)) != 0 || (rc = tpm_pcr_read(t, DIGEST_SHA256, 1u << pcr, values, e)) != 0)
		return rc;
	return digest_make(DIGEST_SHA256, span_of(values[pcr], 32), value) ? 0 :
	    err_set(e, ERR_INTERNAL, "a PCR of a strange size");
}

int
monitored_start(struct monitored *m, struct priv *p, struct err *e)
{
	int rc;

	m->priv = p;
	m->tpm = (struct monitor_tpm){ .extend = extend, .read = read_pcr, .arg = m };
	if ((rc = monitor_start(&m->o, &m->m, e)) != 0)
		return err_ctx(e, rc, "monitor");
	if (strcmp(monitor_list_path(m->m), m->list) != 0)
		return err_set(e, ERR_INTERNAL, "the monitor's list is %s, not %s", monitor_list_path(m->m), m->list);
	return 0;
}

static int
hook_fd(void *arg)
{
	const struct monitored *m = arg;

	return m->m == NULL ? -1 : monitor_fd(m->m);
}

static int
hook_service(void *arg, struct err *e)
{
	struct monitored *m = arg;

	return m->m == NULL ? 0 : monitor_service(m->m, e);
}

static const char *
hook_state(void *arg)
{
	const struct monitored *m = arg;
	struct monitor_status s;

	if (m->m == NULL)
		return monitor_state_name(MONITOR_FAILED);
	monitor_status(m->m, &s);
	return monitor_state_name(s.state);
}

static json_t *
hook_status(void *arg)
{
	const struct monitored *m = arg;
	struct monitor_status s;

	if (m->m == NULL)
		return NULL;
	monitor_status(m->m, &s);
	return json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "state", monitor_state_name(s.state),
	    "pcr_foreign", s.pcr_foreign, "records", (json_int_t)s.records, "extended", (json_int_t)s.extended,
	    "gaps", (json_int_t)s.gaps, "restarts", (json_int_t)s.restarts, "events", (json_int_t)s.events,
	    "hashed", (json_int_t)s.hashed, "late", (json_int_t)s.late, "file_systems", (json_int_t)s.marks);
}

struct priv_monitor
monitored_hooks(struct monitored *m)
{
	return (struct priv_monitor){ m, hook_fd, hook_service, hook_status, hook_state };
}

void
monitored_stop(struct monitored *m)
{
	struct err e = { 0 };

	if (m == NULL)
		return;
	if (m->m != NULL && monitor_stop(m->m, &e) != 0)
		svc_log_err(LOG_LEVEL_WARNING, "the monitor's end", &e);
	free(m->dir);
	free(m->list);
	free(m);
}

bool
monitored_wanted(const char *securityfs)
{
	char path[4096], text[32] = "";
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/integrity/ima/runtime_measurements_count", securityfs);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	return n <= 0 || strtoull(text, NULL, 10) <= 1;
}
