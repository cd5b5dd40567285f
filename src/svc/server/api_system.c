/* The server itself: whether it answers, and how its hosts stand. */
#include "svc/server/api.h"

void
job_health(struct worker *w, struct http_request *r)
{
	(void)w;
	api_reply(r, 0, json_pack("{s:s, s:s}", "assay", ASSAY_VERSION, "status", "ok"));
}

void
job_status(struct worker *w, struct http_request *r)
{
	struct store_counts c;
	struct err e = { 0 };

	if (store_host_counts(w->store, &c, &e) != 0) {
		http_request_error(r, &e);
		return;
	}
	api_reply(r, 0, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "trusted", (json_int_t)c.by_verdict[HOST_TRUSTED],
	    "untrusted", (json_int_t)c.by_verdict[HOST_UNTRUSTED], "undecided", (json_int_t)c.by_verdict[HOST_UNDECIDED],
	    "unknown", (json_int_t)c.by_verdict[HOST_UNKNOWN], "pending", (json_int_t)c.pending,
	    "removed", (json_int_t)c.removed));
}
