/* What pending policies would change: begun here, worked out by the simulator. */
#include "svc/server/simulate.h"

static int
begin(struct worker *w, struct http_request *r, const json_t *body, json_t **out, struct err *e)
{
	struct store_assignment a = { 0 };
	struct simulation_order o = { 0 };
	int rc;

	if ((rc = api_assignment_read(w, r, body, &o.set, &a, NULL, e)) != 0)
		return rc;
	o.selector = a.selector;
	o.rank = a.rank;
	return simulator_add(w->server->simulator, &o, out, e);
}

void
job_simulate(struct worker *w, struct http_request *r)
{
	JSON_AUTO json_t *body = NULL;
	struct err e = { 0 };
	json_t *j;
	int rc;

	if (!http_request_json(r, &body))
		return;
	if ((rc = begin(w, r, body, &j, &e)) == ERR_STORE_BUSY)
		http_request_problem(r, 503, "busy", "%s", e.message);
	else if (rc != 0)
		http_request_error(r, &e);
	else
		api_reply(r, 202, j);
}

static bool
read_number(struct http_request *r, uint64_t *number)
{
	if (dec_u64(http_request_param(r, "number"), number) && *number <= INT64_MAX)
		return true;
	http_request_problem(r, 404, "simulation", "a simulation has a number");
	return false;
}

void
job_simulation(struct worker *w, struct http_request *r)
{
	struct err e = { 0 };
	uint64_t number;
	json_t *j;

	if (!read_number(r, &number))
		return;
	if (simulator_get(w->server->simulator, number, &j, &e) != 0)
		http_request_error(r, &e);
	else
		api_reply(r, 0, j);
}

void
job_simulation_end(struct worker *w, struct http_request *r)
{
	struct err e = { 0 };
	uint64_t number;

	if (!read_number(r, &number))
		return;
	if (simulator_cancel(w->server->simulator, number, &e) != 0)
		http_request_error(r, &e);
	else
		http_request_reply(r, &(struct http_answer){ .status = 204 });
}
