#include "port/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECT_SECONDS 30L
#define STALL_SECONDS 60L	/* under STALL_BYTES a second for so long: given up */
#define STALL_BYTES 1024L

struct fetch {
	CURL *c;		/* owned */
	char text[CURL_ERROR_SIZE];
	struct buf *out;	/* borrowed during a call, or NULL */
	int fd;			/* during a call */
	uint64_t got, max;
	bool too_large, io_failed;
};

static void
curl_start(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t
on_data(char *p, size_t size, size_t n, void *cookie)
{
	struct fetch *f = cookie;
	struct span s = span_of(p, size * n);

	f->got += s.n;
	if (f->got > f->max) {
		f->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	if (f->out != NULL) {
		buf_span(f->out, s);
		return f->out->why == 0 ? size * n : CURL_WRITEFUNC_ERROR;
	}
	while (s.n > 0) {
		ssize_t k = write(f->fd, s.p, s.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			f->io_failed = true;
			return CURL_WRITEFUNC_ERROR;
		}
		s = span_from(s, (size_t)k);
	}
	return size * n;
}

int
fetch_new(struct fetch **out, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	FETCH_AUTO struct fetch *f = calloc(1, sizeof(*f));

	pthread_once(&once, curl_start);
	if (f == NULL || (f->c = curl_easy_init()) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	curl_easy_setopt(f->c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(f->c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(f->c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(f->c, CURLOPT_MAXREDIRS, 5L);
	curl_easy_setopt(f->c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(f->c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(f->c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
	curl_easy_setopt(f->c, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	curl_easy_setopt(f->c, CURLOPT_USERAGENT, "assay/" ASSAY_VERSION);
	curl_easy_setopt(f->c, CURLOPT_ERRORBUFFER, f->text);
	curl_easy_setopt(f->c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(f->c, CURLOPT_WRITEDATA, f);
	*out = f;
	f = NULL;	/* transferred */
	return 0;
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->c);
	free(f);
}

bool
fetch_is_url(const char *s)
{
	return strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0;
}

static int
perform(struct fetch *f, const char *url, bool *missing, struct err *e)
{
	CURLcode rc;
	long status = 0;

	f->got = 0;
	f->too_large = f->io_failed = false;
	f->text[0] = '\0';
	curl_easy_setopt(f->c, CURLOPT_URL, url);
	curl_easy_setopt(f->c, CURLOPT_REDIR_PROTOCOLS_STR,
	    strncmp(url, "https:", 6) == 0 ? "https" : "http,https");
	rc = curl_easy_perform(f->c);
	if (rc == CURLE_OK)
		return 0;
	(void)curl_easy_getinfo(f->c, CURLINFO_RESPONSE_CODE, &status);
	if (missing != NULL)
		*missing = rc == CURLE_HTTP_RETURNED_ERROR && (status == 404 || status == 410);
	if (f->too_large)
		return err_file(e, err_set(e, ERR_LIMIT, "the answer is larger than %llu bytes",
		    (unsigned long long)f->max), url);
	if (f->io_failed)
		return err_file(e, err_errno(e, "cannot write the answer to a temporary file"), url);
	return err_file(e, err_set(e, ERR_NETWORK, "%s",
	    f->text[0] != '\0' ? f->text : curl_easy_strerror(rc)), url);
}

int
fetch_bytes(struct fetch *f, const char *url, struct buf *out, bool *missing, struct err *e)
{
	int rc;

	f->out = out;
	f->max = out->max - out->n;
	rc = perform(f, url, missing, e);
	f->out = NULL;
	return rc != 0 ? rc : buf_done(out, e);
}

static int
temporary(struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char name[4096];
	int fd;

	dir = dir == NULL ? "/tmp" : dir;
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (snprintf(name, sizeof(name), "%s/assay.XXXXXX", dir) < (int)sizeof(name) &&
	    (fd = mkostemp(name, O_CLOEXEC)) >= 0) {
		(void)unlink(name);
		return fd;
	}
	return err_errno(e, "cannot make a temporary file in %.200s", dir);
}

int
fetch_file(struct fetch *f, const char *url, uint64_t max, int *fd, struct err *e)
{
	int rc;

	if ((f->fd = temporary(e)) < 0)
		return f->fd;
	f->max = max;
	rc = perform(f, url, NULL, e);
	if (rc == 0 && lseek(f->fd, 0, SEEK_SET) != 0)
		rc = err_errno(e, "a temporary file");
	if (rc != 0) {
		(void)close(f->fd);
		return rc;
	}
	*fd = f->fd;
	return 0;
}
