#!/usr/bin/env bash
# A throwaway Kafka on loopback, one KRaft node, by hand; scripts/services/ does the same for tests.
#   kafka.sh PORT           stays in the foreground until it gets SIGTERM or SIGINT; its data goes with it (also uses PORT + 1)
#   kafka.sh --fetch        only downloads what it needs (through Maven, once, into the cache folder)
set -euo pipefail
version=4.4.0

fail() {
  echo "kafka.sh: $1" >&2
  exit "${2:-1}"
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

port=${1:-}
[ "$port" = --fetch ] || [[ "$port" =~ ^[0-9]+$ && "$port" -gt 1023 && "$port" -lt 65535 ]] || fail 'usage: kafka.sh PORT (1024 to 65534), or kafka.sh --fetch' 2
command -v java >/dev/null || fail 'java is not installed: Kafka 4 needs a Java runtime, 17 or later (apt-get install default-jre-headless)'

lib="${XDG_CACHE_HOME:-$HOME/.cache}/pabal/kafka-$version"
if [ ! -e "$lib/complete" ]; then
  # Unpacked by an earlier version of this script, which left no mark.
  if [ -d "$lib/lib" ] && [ "$(find "$lib/lib" -name '*.jar' | wc -l)" -ge 40 ]; then
    touch "$lib/complete"
  else
    command -v mvn >/dev/null || fail "Kafka $version is not in $lib, and mvn, which fetches it, is not installed (apt-get install maven)"
    mkdir -p "$lib"
    cat > "$lib/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>pabal</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
XML
    (cd "$lib" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib) >&2 || fail "mvn could not fetch Kafka $version"
    touch "$lib/complete"
  fi
fi
[ "$port" = --fetch ] && exit 0

for used in "$port" $((port + 1)); do
  ! listens "$used" || fail "something listens on 127.0.0.1:$used already: give another port"
done

data=$(mktemp -d)
pid=
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi; rm -rf "$data"' EXIT
trap 'exit 0' TERM INT
cat > "$data/server.properties" <<PROPS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$data/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
PROPS
id=$(java -cp "$lib/lib/*" kafka.tools.StorageTool random-uuid 2>/dev/null) || fail "java could not run Kafka $version (it needs Java 17 or later; this is $(java -version 2>&1 | head -n 1))"
java -cp "$lib/lib/*" kafka.tools.StorageTool format -t "$id" -c "$data/server.properties" >"$data/format.log" 2>&1 || {
  cat "$data/format.log" >&2
  fail 'the data folder could not be formatted'
}
java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$lib/lib/*" kafka.Kafka "$data/server.properties" &
pid=$!
for _ in $(seq 600); do
  listens "$port" && break
  kill -0 "$pid" 2>/dev/null || fail 'Kafka ended before it listened; what it said stands above'
  sleep 0.2
done
listens "$port" || fail 'Kafka does not listen after two minutes'
echo "kafka.sh: Kafka $version listens on 127.0.0.1:$port" >&2
wait "$pid"
