#!/usr/bin/env bash
# The servers that the rough adapters' tests use, on loopback. One that listens already is used as it is; what is not installed is installed.
#   servers.sh up [nats] [kafka]   starts what does not listen yet (all, unless named), and waits until it does
#   servers.sh down                ends what `up` started, and no other
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state="${TMPDIR:-/tmp}/pabal-servers-$(id -u)"

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# begin NAME PORT SECONDS COMMAND…: in the background, in a process group of its own; its log and process id are kept
begin() {
  local name=$1 port=$2 seconds=$3
  shift 3
  if listens "$port"; then echo "$name listens on $port"; return; fi
  mkdir -p "$state/$name"
  setsid "$@" >"$state/$name/log" 2>&1 </dev/null &
  echo $! >"$state/$name/pid"
  for _ in $(seq $((seconds * 5))); do
    if listens "$port"; then echo "$name started on $port"; return; fi
    sleep 0.2
  done
  echo "$name did not come up on $port within $seconds s:" >&2
  tail -20 "$state/$name/log" >&2
  return 1
}

# need COMMAND PACKAGE…: installs Debian packages where the command is missing (run level 1: without starting what they hold)
need() {
  command -v "$1" >/dev/null && return
  shift
  local sudo=''
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  $sudo apt-get update -qq
  $sudo env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

nats() {
  listens 4222 || need nats-server nats-server
  begin nats 4222 20 nats-server -a 127.0.0.1 -p 4222 -js -sd "$state/nats/data"
}

# Its jars come from Maven Central once, into a cache outside of the repository.
kafka() {
  listens 19092 || { need java default-jre-headless; need mvn maven; }
  begin kafka 19092 240 "$here/kafka.sh" 19092
}

case "${1:-}" in
  up)
    shift
    [ $# -gt 0 ] || set -- nats kafka
    for name in "$@"; do
      case "$name" in nats | kafka) "$name" ;; *) echo "no such server: $name" >&2; exit 2 ;; esac
    done
    ;;
  down)
    for file in "$state"/*/pid; do
      [ -e "$file" ] || continue
      pid=$(cat "$file")
      # Not a number that somebody else has got since.
      if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qE 'nats-server|kafka'; then
        kill -TERM -- "-$pid" 2>/dev/null || true
        for _ in $(seq 50); do kill -0 -- "-$pid" 2>/dev/null || break; sleep 0.2; done
      fi
      rm -rf "$(dirname "$file")"
    done
    ;;
  *)
    sed -n 's/^#   //p' "$0" >&2
    exit 2
    ;;
esac
