/* server.h: the server: registrar, verifier, and the API that people and agents speak to.
 *
 * One process: loops that speak HTTPS (port/net), worker threads that judge, each with its
 * own handle of the store, one keeper that writes what was judged, many at a time, and a
 * sweeper for what time brings (hosts that are late, journals, retention).  An agent's
 * evidence is acknowledged when it is in the store.  Several servers may share one
 * PostgreSQL: all that counts is there, and the revision of a host's row lets each nonce
 * count once.
 *
 * Everything else the server keeps lies in one directory: its CA, its certificate, the
 * first administrator's token, and server.json, from which commands on the same machine
 * learn where it is ({"url","ca","token_file"}).  docs/formats/agent-protocol.md is what agents speak.
 */
#ifndef SVC_SERVER_SERVER_H
#define SVC_SERVER_SERVER_H

#include "base/buf.h"
#include "port/net/router.h"

struct server;

/* How long what is kept, in days; 0: for ever, or what is said. */
struct server_keep {
	unsigned bundle_days;		/* evidence of verdicts; 0: 90 */
	unsigned event_days;		/* 0: 90 */
	unsigned history_days;		/* verdicts that ended */
	unsigned list_days;		/* lists of boots that ended */
	unsigned boots;			/* lists of so many boots a host, the present one among them; 0: all */
	unsigned host_days;		/* hosts that were not seen for so long, with all of theirs */
};

struct server_options {
	/* What a start settles; strings must live as long as the server. */
	const char *data;		/* directory; made if it is not there */
	const char *store;		/* URL; NULL: SQLite in ${data} */
	const char *address;		/* to listen on */
	unsigned short port;		/* 0: any */
	const char *const *names;	/* more names of this server, for its certificate */
	size_t n_names;
	unsigned workers, loops;	/* 0: as many as CPUs */

	/* What server_reload can change; copied. */
	const char *const *trust_modes;	/* tokens; none: those there is something for */
	size_t n_trust_modes;
	const char *roots;		/* file: TPM vendors' roots; NULL: those of the program, where no
					 * other way of trust is given; "none" */
	const char *extra_roots;	/* file: PEM certificates that also are; NULL: none */
	const char *device_roots;	/* file: device makers' roots (IDevID); NULL: none */
	const char *ek_list;		/* file: endorsement keys that are ours; NULL: none */
	bool first_use;			/* operators may approve hosts nobody vouches for */
	bool approve_first_use;		/* and nobody is asked: `assay up`, whose only host is its own */
	bool approve_new_ak, allow_expired;	/* struct trust_config */
	const char *const *policy_keys;	/* files: who may sign policies; none: unsigned ones are taken */
	size_t n_policy_keys;
	bool signed_only;		/* without a key: refuse to start */
	const char *default_policy;	/* file: for hosts that no assignment selects; NULL: none */
	const char *const *default_excludes;	/* regular expressions, beside whatever judges a host */
	size_t n_default_excludes;
	unsigned wait_ms;		/* between evidence; 0: 30 s */
	unsigned host_rate;		/* messages of a host in a minute; 0: LIMIT_PACE_HOST */
	struct server_keep keep;
};

/** server_start(o, s, e): Open or make everything, listen and serve. */
MUST_CHECK int server_start(const struct server_options *o, struct server **s, struct err *e);
void server_stop(struct server *s);	/* waits for what runs, then frees */

/** server_reload(s, o, e): From now on what ${o} says of what can be changed.  All of it or, with
 * an error, nothing: what runs goes on by what it began with. */
MUST_CHECK int server_reload(struct server *s, const struct server_options *o, struct err *e);

/** server_check(o, e): Whether the files it names can be read and say what they must; nothing is
 * opened or made. */
MUST_CHECK int server_check(const struct server_options *o, struct err *e);

/** server_openapi(out, e): Its interface, in OpenAPI 3.1; no server need run. */
MUST_CHECK int server_openapi(struct buf *out, struct err *e);

/** server_route(operation, method, pattern): "hostShow": GET, "/v1/hosts/{id}".  False if there
 * is no such operation. */
bool server_route(const char *operation, enum http_method *method, const char **pattern);

/** server_url(s): "https://127.0.0.1:4433"; server_ca_file, server_token_file: paths. */
const char *server_url(const struct server *s);
const char *server_ca_file(const struct server *s);
const char *server_token_file(const struct server *s);

#endif
