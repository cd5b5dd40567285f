# pgsql.sh: a real PostgreSQL of Debian's package, for one test; source it behind lib.sh.
#	pg_start	initdb in a directory of its own, a server on a unix socket there;
#			sets $pg_url (a database "assay") and $pg_dir; false if there is none
#	pg_stop [SIGNAL]	stops it (INT: at once, cleanly); pg_start starts it again
# It refuses to run as root: then the user postgres or nobody runs it.  Ended at exit.
# shellcheck shell=bash
pg_bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
pg_dir='' pg_pid='' pg_url=''
pg_fsync=off	# tests kill processes, not machines

pg_as=()

pg_init() {
	local user=postgres
	id postgres >/dev/null 2>&1 || user=nobody
	[ "$(id -u)" != 0 ] || pg_as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --)
	pg_dir=$(mktemp -d "${TMPDIR:-/tmp}/assay-pg.XXXXXX") || return 1
	[ "$(id -u)" != 0 ] || chown "$user" "$pg_dir"
	"${pg_as[@]}" "$pg_bin/initdb" -D "$pg_dir/data" -U assay -A trust -E UTF8 --locale=C.UTF-8 \
		--no-sync >"$pg_dir/log" 2>&1 || { cat "$pg_dir/log" >&2; return 1; }
	cat >>"$pg_dir/data/postgresql.conf" <<-EOC
		listen_addresses = ''
		unix_socket_directories = '$pg_dir'
		max_connections = 50
		shared_buffers = 64MB
		fsync = $pg_fsync
	EOC
}

pg_start() {
	[ -n "$pg_bin" ] || return 1
	[ -n "$pg_dir" ] || pg_init || return 1
	cd "$pg_dir" || return 1
	"${pg_as[@]}" "$pg_bin/postgres" -D "$pg_dir/data" >>"$pg_dir/log" 2>&1 &
	pg_pid=$!
	cd - >/dev/null || return 1
	for _ in $(seq 200); do
		"$pg_bin/pg_isready" -q -h "$pg_dir" && break
		kill -0 "$pg_pid" 2>/dev/null || { cat "$pg_dir/log" >&2; return 1; }
		sleep 0.05
	done
	[ -n "$pg_url" ] || "$pg_bin/createdb" -h "$pg_dir" -U assay assay || return 1
	# shellcheck disable=SC2034
	pg_url="postgresql://assay@/assay?host=$pg_dir"
}

pg_stop() {
	[ -n "$pg_pid" ] || return 0
	kill -"${1:-INT}" "$pg_pid" 2>/dev/null
	wait "$pg_pid" 2>/dev/null
	pg_pid=
}

pg_cleanup() {
	pg_stop QUIT
	[ -z "$pg_dir" ] || rm -rf "$pg_dir"
}
trap 'pg_cleanup; cleanup' EXIT
