#!/bin/bash
# Runs Open vSwitch in the foreground: ovsdb-server and ovs-vswitchd, both or neither. A host that runs its own is left alone.
set -euo pipefail

run=${OVS_RUNDIR:-/var/run/openvswitch}
database_directory=${OVS_DBDIR:-/var/lib/weir/openvswitch}
schema=${OVS_SCHEMA:-/usr/share/openvswitch/vswitch.ovsschema}
export OVS_RUNDIR=$run OVS_DBDIR=$database_directory
database=$database_directory/conf.db
socket=unix:$run/db.sock
# To stderr only: the container's log is the log.
log=(-vconsole:info -vsyslog:off -vfile:off "-vPATTERN:console:%D{%Y-%m-%dT%H:%M:%SZ} %c %p %m")

say() { printf 'start-ovs: %s\n' "$*" >&2; }
answers() { ovs-vsctl --db="$socket" --timeout=5 --no-wait list-br >/dev/null 2>&1; }

pids=()
# TERM ends the daemons and leaves what they put into the kernel: packets go on while they are away.
stop() {
  trap - TERM INT
  [ ${#pids[@]} -eq 0 ] || kill -TERM "${pids[@]}" 2>/dev/null || true
  wait || true
}
trap 'stop; exit 0' TERM INT

mkdir -p "$run" "$database_directory"
if [ -S "$run/db.sock" ] && answers; then
  say "$run is served by the host's own Open vSwitch, which Weir uses"
  while answers; do
    sleep 10 &
    wait $!
  done
  say "the host's Open vSwitch has gone"
  exit 1
fi

if [ ! -e "$database" ]; then
  ovsdb-tool create "$database" "$schema"
elif [ "$(ovsdb-tool needs-conversion "$database" "$schema")" = yes ]; then
  say "converting the database to this version's schema"
  ovsdb-tool convert "$database" "$schema"
fi

ovsdb-server "$database" --remote="p$socket" --pidfile="$run/ovsdb-server.pid" --unixctl="$run/ovsdb-server.ctl" "${log[@]}" &
pids+=($!)
# Waits for the server by itself.
ovs-vsctl --db="$socket" --timeout=30 --no-wait init
ovs-vsctl --db="$socket" --timeout=30 --no-wait set Open_vSwitch . "ovs_version=$(ovsdb-server --version | awk '{ print $NF; exit }')"
ovs-vswitchd "$socket" --pidfile="$run/ovs-vswitchd.pid" --unixctl="$run/ovs-vswitchd.ctl" --mlockall "${log[@]}" &
pids+=($!)

wait -n || true
say "one of the daemons ended; so does the other"
stop
exit 1
