#include "port/sources.h"
int
source_rpm(const struct source_run *r, struct err *e)
{
	(void)r;
	return err_set(e, ERR_UNSUPPORTED, "stub");
}
int
source_tar(const struct source_run *r, struct err *e)
{
	(void)r;
	return err_set(e, ERR_UNSUPPORTED, "stub");
}
