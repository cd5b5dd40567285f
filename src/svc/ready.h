/* ready.h: tells a service manager that the service does its work.
 *
 * sd_notify(3) without libsystemd: one datagram "READY=1" to the UNIX socket that the
 * environment names (NOTIFY_SOCKET; with @ in front an abstract one).  Where nobody asked,
 * nothing is done; where nobody hears, the service runs all the same, and it is logged.
 */
#ifndef SVC_READY_H
#define SVC_READY_H

/** svc_ready(): What is ordered behind this service may start. */
void svc_ready(void);

#endif
