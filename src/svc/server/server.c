#include "svc/server/server.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/rfc3339.h"
#include "svc/server/pace.h"
#include "svc/server/server_internal.h"

#define GRACE_MS 3000

int64_t
server_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

json_t *
api_time(int64_t ms)
{
	BUF_AUTO struct buf b = buf_init(64);

	if (ms == 0)
		return json_null();
	buf_rfc3339(&b, ms / 1000);
	return json_string(buf_cstr(&b));
}

const char *
host_verdict_token(unsigned v)
{
	static const char *const tokens[] = { "unknown", "trusted", "untrusted", "undecided" };

	return v < sizeof(tokens) / sizeof(tokens[0]) ? tokens[v] : "undecided";
}

const char *
server_url(const struct server *s)
{
	return s->url;
}

const char *
server_ca_file(const struct server *s)
{
	return s->ca_file;
}

const char *
server_token_file(const struct server *s)
{
	return s->token_file;
}

static int
open_store(struct server *s, struct err *e)
{
	STORE_AUTO struct store *store = NULL;
	BUF_AUTO struct buf url = buf_init(KIB(8));
	int rc;

	if (s->o.store != NULL)
		buf_str(&url, s->o.store);
	else
		buf_printf(&url, "sqlite:%s/assay.db", s->o.data);
	if ((s->store_url = arena_str(&s->arena, buf_view(&url))) == NULL)
		return arena_err(&s->arena, e);
	if ((rc = store_open(s->store_url, STORE_CREATE | STORE_MIGRATE | STORE_SERVE, &store, e)) != 0 ||
	    (rc = principals_load(s, store, e)) != 0 || (rc = settings_record(s->settings, store, e)) != 0)
		return rc;
	return principals_first(s, store, e);
}

static void
log_http(void *arg, enum http_log_level level, const char *line)
{
	(void)arg;
	svc_log(level == HTTP_LOG_WARNING ? LOG_LEVEL_WARNING : level == HTTP_LOG_INFO ? LOG_LEVEL_INFO :
	    LOG_LEVEL_DEBUG, "%s", line);
}

static int
listen_for_all(struct server *s, struct err *e)
{
	struct http_server_options o = { .address = s->o.address, .port = s->o.port, .tls = s->tls,
	    .workers = s->o.loops, .router = s->router, .arg = s, .who = principals_who, .log = log_http,
	    .server_name = "assay" };
	BUF_AUTO struct buf url = buf_init(KIB(8));
	int rc = http_server_new(&o, &s->http, e);

	if (rc != 0)
		return rc;
	buf_printf(&url, strchr(s->o.address, ':') != NULL ? "https://[%s]:%u" : "https://%s:%u", s->o.address,
	    http_server_port(s->http));
	return (s->url = arena_str(&s->arena, buf_view(&url))) != NULL ? 0 : arena_err(&s->arena, e);
}

/* A path that means the same in another directory. */
static json_t *
absolute(const char *path)
{
	char *real = realpath(path, NULL);
	json_t *j = json_new_string(span_str(real != NULL ? real : path));

	free(real);
	return j;
}

/* For commands on this machine.  Who listens everywhere is reached here too. */
static int
say_where(struct server *s, struct err *e)
{
	BUF_AUTO struct buf path = buf_init(KIB(8)), text = buf_init(LIMIT_SMALL_FILE), url = buf_init(KIB(8));
	bool any = strcmp(s->o.address, "0.0.0.0") == 0, any6 = strcmp(s->o.address, "::") == 0;
	JSON_AUTO json_t *j = NULL;
	int rc;

	if (any || any6)
		buf_printf(&url, "https://%s:%u", any ? "127.0.0.1" : "[::1]", http_server_port(s->http));
	else
		buf_str(&url, s->url);
	j = json_pack("{s:s, s:o, s:o}", "url", buf_cstr(&url), "ca", absolute(s->ca_file),
	    "token_file", absolute(s->token_file));
	if (j == NULL)
		return err_set(e, ERR_FORMAT, "the data directory's name is not UTF-8");
	json_write(j, &text);
	buf_printf(&path, "%s/server.json", s->o.data);
	if ((rc = buf_done(&path, e)) != 0)
		return rc;
	return file_write(buf_cstr(&path), buf_view(&text), 0600, e);
}

static unsigned
cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

static int
start(struct server *s, struct err *e)
{
	unsigned n = s->o.workers != 0 ? s->o.workers : cpus();
	int rc;

	s->host_each_us = LIMIT_PACE_AHEAD_US / s->settings->host_rate;
	if ((rc = enrol_gate_new(&s->enrol_gate, e)) != 0 || (rc = pace_new(&s->pace_hosts, e)) != 0 ||
	    (rc = pace_new(&s->pace_addresses, e)) != 0 || (rc = authority_open(s, e)) != 0 || (rc = open_store(s, e)) != 0 || (rc = routes_open(s, e)) != 0 || (rc = keeper_start(s, &s->keeper, e)) != 0 ||
	    (rc = broadcaster_start(s, &s->broadcaster, e)) != 0 || (rc = workers_start(s, n, &s->workers, e)) != 0 ||
	    (rc = simulator_start(s, &s->simulator, e)) != 0 || (rc = sweeper_start(s, &s->sweeper, e)) != 0)
		return rc;
	if ((rc = listen_for_all(s, e)) != 0)
		return rc;
	return say_where(s, e);
}

int
server_start(const struct server_options *o, struct server **out, struct err *e)
{
	struct server *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->o = *o;
	s->arena = arena_init(MIB(64));
	pthread_rwlock_init(&s->principals_lock, NULL);
	pthread_mutex_init(&s->settings_lock, NULL);
	if ((rc = settings_make(o, &s->settings, e)) != 0 || (rc = start(s, e)) != 0) {
		server_stop(s);
		return rc;
	}
	settings_say(s->settings);
	*out = s;
	return 0;
}

int
server_check(const struct server_options *o, struct err *e)
{
	struct settings *c;
	int rc = settings_make(o, &c, e);

	if (rc == 0)
		settings_release(c);
	return rc;
}

/* Everything that can fail comes before the one step that changes anything. */
int
server_reload(struct server *s, const struct server_options *o, struct err *e)
{
	STORE_AUTO struct store *store = NULL;
	struct settings *c;
	int rc = settings_make(o, &c, e);

	if (rc != 0)
		return rc;
	if ((rc = store_open(s->store_url, STORE_SERVE, &store, e)) != 0 || (rc = settings_record(c, store, e)) != 0) {
		settings_release(c);
		return rc;
	}
	settings_say(c);
	settings_use(s, c);
	return 0;
}

/* Order: no more requests, then what runs ends, then what it writes is written. */
void
server_stop(struct server *s)
{
	if (s == NULL)
		return;
	sweeper_stop(s->sweeper);
	broadcaster_stop(s->broadcaster);
	if (s->http != NULL)
		http_server_stop(s->http, GRACE_MS);
	workers_stop(s->workers);
	broadcaster_free(s->broadcaster);
	simulator_stop(s->simulator);
	keeper_stop(s->keeper);
	http_server_free(s->http);
	router_free(s->router);
	authority_close(s);
	settings_release(s->settings);
	principals_free(s);
	enrol_gate_free(s->enrol_gate);
	pace_free(s->pace_hosts);
	pace_free(s->pace_addresses);
	pthread_rwlock_destroy(&s->principals_lock);
	pthread_mutex_destroy(&s->settings_lock);
	arena_free(&s->arena);
	free(s);
}
