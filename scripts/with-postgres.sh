#!/usr/bin/env bash
# Runs a command with a private PostgreSQL that is thrown away afterwards.
#
#   scripts/with-postgres.sh cargo test
#
# The command finds the server's address in TOLLGATE_TEST_POSTGRES. The server binaries are looked for
# on PATH and where Debian puts them; PostgreSQL refuses to run as root, so root lends it to `postgres`
# or `nobody`. Durability is off unless POSTGRES_DURABLE=1: tests lose nothing that anybody misses.
set -euo pipefail

find_bin() {
  local dir
  for dir in "$(dirname "$(command -v initdb 2>/dev/null || true)")" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && { echo "$dir"; return; }
  done
  echo "PostgreSQL's server binaries were not found; on Debian: apt-get install postgresql" >&2
  return 1
}

bin=$(find_bin)
dir=$(mktemp -d "${TMPDIR:-/tmp}/tollgate-postgres.XXXXXX")
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then
  owner=$(id -un postgres 2>/dev/null || echo nobody)
  chown "$owner" "$dir"
  as() { runuser -u "$owner" -- "$@"; }
fi
stop() {
  as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT

durable="-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
[ "${POSTGRES_DURABLE:-0}" = 1 ] && durable=""
cd "$dir"
as "$bin/initdb" -D "$dir/data" -A trust -U postgres --no-sync >/dev/null
as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
  -o "-k $dir -c listen_addresses='' -c max_connections=200 $durable" start >/dev/null
cd - >/dev/null
export TOLLGATE_TEST_POSTGRES="postgres://postgres@localhost/postgres?host=$dir"
"$@"
