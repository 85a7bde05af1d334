#!/usr/bin/env bash
# The servers that the rough adapters' tests use, on loopback at their usual ports. One that listens already is used as it is.
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

nats() {
  if ! listens 4222 && ! command -v nats-server >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nats-server
  fi
  begin nats 4222 20 nats-server -a 127.0.0.1 -p 4222 -js -sd "$state/nats/data"
}

# Its jars come from Maven Central once, into a cache outside of the repository.
kafka() { begin kafka 9092 180 "$here/kafka.sh" 9092; }

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
      kill -TERM -- "-$(cat "$file")" 2>/dev/null || true
      rm -rf "$(dirname "$file")"
    done
    ;;
  *)
    sed -n '2,4p' "$0" | sed 's/^# //' >&2
    exit 2
    ;;
esac
