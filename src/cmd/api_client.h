/* api_client.h: how a command speaks to a server: where it is, whom to believe, who asks.
 *
 * In this order: the options --server, --server-ca, --token-file (or --cert and --key);
 * the directory of --data, into which a server writes where it is; the environment
 * (ASSAY_SERVER, ASSAY_SERVER_CA, ASSAY_TOKEN_FILE); the directory /var/lib/assay, or, where
 * no server was started there, that of `assay up`.  Only
 * the given authority is believed, and nothing is ever sent to a server whose
 * certificate it did not sign.  What is missing, and what to do about it, is in the
 * error: a server that is away, one of another authority, a token that is refused.
 */
#ifndef CMD_API_CLIENT_H
#define CMD_API_CLIENT_H

#include "cmd/command.h"
#include "port/net/http_client.h"

#define API_DATA "/var/lib/assay"
#define API_DATA_UP "/var/lib/assay-up"

/* The options of every command that speaks to a server; last in its list, before the end. */
#define API_OPTIONS										\
	{ .name = "server", .arg = "URL", .help = "the server; ASSAY_SERVER if not given" },	\
	{ .name = "server-ca", .arg = "F", .complete = COMPLETE_FILE,				\
	  .help = "certificate of its authority, PEM; ASSAY_SERVER_CA if not given" },		\
	{ .name = "token-file", .arg = "F", .complete = COMPLETE_FILE,				\
	  .help = "file with your token; ASSAY_TOKEN_FILE if not given" },			\
	{ .name = "cert", .arg = "F", .complete = COMPLETE_FILE,				\
	  .help = "your certificate, PEM, instead of a token" },				\
	{ .name = "key", .arg = "F", .complete = COMPLETE_FILE, .help = "its private key, PEM" },	\
	{ .name = "data", .arg = "DIR", .complete = COMPLETE_DIR,				\
	  .help = "the server whose directory this is; " API_DATA " or " API_DATA_UP " if none is named" }

struct api {
	struct http_client *http;
	struct tls_client *tls;
	char *ca, *who;			/* owned; names of files, for messages */
	bool with_cert;
};

MUST_CHECK int api_open(const struct invocation *in, struct api *a, struct err *e);

/** api_open_data(data, a, e): The server whose directory this is, whatever the environment says. */
MUST_CHECK int api_open_data(const char *data, struct api *a, struct err *e);
void api_close(struct api *a);

/** api_call(a, call, out, e): An answer of 2xx; everything else is an error that says what to do. */
MUST_CHECK int api_call(struct api *a, const struct http_call *call, struct http_result *out,
    struct err *e);

/* A request by its operation's name: method and path come from the server's own table. */
struct api_request {
	enum http_method method;
	struct buf target;	/* owned */
};

/** api_request(operation, param): ${param} is what its {parameter} is, or NULL if it has none;
 * query parameters are added by api_query().  api_request_of() takes those of a path with ${n} of them. */
struct api_request api_request(const char *operation, const char *param);
struct api_request api_request_of(const char *operation, const char *const *params, size_t n);
struct api_request api_request_number(const char *operation, uint64_t number);
void api_request_free(struct api_request *q);
#define API_REQUEST_AUTO __attribute__((cleanup(api_request_free)))

/** api_ask(a, q, body, out, e): With a JSON body, or none (NULL); ${out} NULL: the answer does
 * not matter. */
MUST_CHECK int api_ask(struct api *a, struct api_request *q, const json_t *body, json_t **out, struct err *e);

/** api_host(a, name, id, e): The id of the host that is called so, or has this id; ${name}
 * NULL: of the only host there is. */
MUST_CHECK int api_host(struct api *a, const char *name, char id[33], struct err *e);

/** api_host_get(a, name, j, e): All that is known of it; ${name} as for api_host. */
MUST_CHECK int api_host_get(struct api *a, const char *name, json_t **j, struct err *e);

/** api_query(q, name, value): One more query parameter; nothing if ${value} is NULL. */
void api_query(struct api_request *q, const char *name, const char *value);

/** api_hint(a, rc, e): What to do about an error of the HTTP client. */
int api_hint(struct api *a, int rc, struct err *e);

/** Of an answer: "" or 0 where there is none, or null. */
const char *api_str(const json_t *j, const char *name);
long long api_int(const json_t *j, const char *name);

#define API_AUTO __attribute__((cleanup(api_close)))

#endif
