#!/usr/bin/env bash
# A throwaway Kafka on loopback, one KRaft node. usage: kafka.sh PORT   (stays in the foreground; its data goes with it)
set -euo pipefail
port=${1:?usage: kafka.sh PORT}
version=4.4.0
lib="${XDG_CACHE_HOME:-$HOME/.cache}/pabal/kafka-$version"
if [ ! -d "$lib/lib" ] || [ "$(ls "$lib/lib" | wc -l)" -lt 40 ]; then
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
  (cd "$lib" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib) >&2
fi
data=$(mktemp -d)
trap 'kill "${pid:-0}" 2>/dev/null || true; rm -rf "$data"' EXIT
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
id=$(java -cp "$lib/lib/*" kafka.tools.StorageTool random-uuid 2>/dev/null)
java -cp "$lib/lib/*" kafka.tools.StorageTool format -t "$id" -c "$data/server.properties" >/dev/null 2>&1
java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$lib/lib/*" kafka.Kafka "$data/server.properties" &
pid=$!
wait "$pid"
