//! The files that Kafka's two processes are told everything by.

use std::path::Path;

/// Largest batch in bytes that the broker takes; a topic may say less or more.
pub const MESSAGE_MAX_BYTES: u32 = 1_048_588;
/// Group offsets are kept as long as inboxes: 90 days.
const OFFSETS_RETENTION_MINUTES: u32 = 90 * 24 * 60;
/// The broker's number in the cluster.
pub(super) const BROKER_ID: u16 = 1;
/// The controller's number in the cluster.
pub(super) const CONTROLLER_ID: u16 = 2;

/// Which of Kafka's roles a process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Broker,
    Controller,
    /// Both in one process, only to see which classes they load: see `classes.rs`.
    Both,
}

/// `server.properties` of a role.
pub(super) fn server_properties(role: Role, broker_port: u16, controller_port: u16) -> String {
    let client = format!("CLIENT://127.0.0.1:{broker_port}");
    let controller = format!("CONTROLLER://127.0.0.1:{controller_port}");
    let (roles, id, listeners) = match role {
        Role::Broker => ("broker", BROKER_ID, client.clone()),
        Role::Controller => ("controller", CONTROLLER_ID, controller),
        Role::Both => (
            "broker,controller",
            CONTROLLER_ID,
            format!("{client},{controller}"),
        ),
    };
    let of_broker = match role {
        Role::Controller => String::new(),
        Role::Broker | Role::Both => {
            format!(
                "advertised.listeners={client}\ninter.broker.listener.name=CLIENT\n{}",
                broker_properties()
            )
        }
    };
    format!(
        "# Written at every start.
process.roles={roles}
node.id={id}
# Named here, not in the log, so that the port may be another at the next start.
controller.quorum.voters={CONTROLLER_ID}@127.0.0.1:{controller_port}
listeners={listeners}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=data

# A broker on a machine that is far too busy, or that was paused, must not be given up: that would cost markers of
# decided transactions. One that ended is made known to the controller by whoever started it.
broker.session.timeout.ms=120000
broker.heartbeat.interval.ms=300

# Topics get what the controller takes for the default. One broker: one replica.
default.replication.factor=1
min.insync.replicas=1
# Topics are declared, never made by a misspelt name.
auto.create.topics.enable=false
unclean.leader.election.enable=false
# Nothing expires unless its topic says so: records of 1993 would be older than any default.
log.retention.ms=-1
message.max.bytes={MESSAGE_MAX_BYTES}
{of_broker}"
    )
}

fn broker_properties() -> String {
    format!(
        "
# The open transaction of a worker that is gone ends at its own time-out, looked for twice a second.
transaction.abort.timed.out.transaction.cleanup.interval.ms=500

# Small internal topics: 50 partitions each would only cost files and start-up time.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
offsets.retention.minutes={OFFSETS_RETENTION_MINUTES}

# A group's first member does not wait for others; short sessions are allowed, since tests let workers die.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# Sized for two cores and a heap of 1 GB.
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=16777216
"
    )
}

/// Everything of note goes to the log file; errors and milestones are printed too, which is what a start watches.
pub(super) fn logging_properties(log: &Path) -> String {
    let log = log.display();
    format!(
        "# Written at every start.
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %m (%c)%n
appender.file.policies.type=SizeBasedTriggeringPolicy
appender.file.policies.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=3
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{{ISO8601}} %p %m (%c)%n
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
rootLogger.appenderRef.out.ref=out
rootLogger.appenderRef.out.level=error
logger.milestones.name=kafka.server.KafkaRaftServer
logger.milestones.level=info
logger.milestones.appenderRef.out.ref=out
# Hundreds of lines that repeat server.properties and its defaults at every start.
logger.settings.name=org.apache.kafka.common.config
logger.settings.level=warn
logger.brokersettings.name=kafka.server.KafkaConfig
logger.brokersettings.level=warn
"
    )
}

/// `meta.properties` of a broker's storage, which is all that Kafka's own tool would write there.
pub(super) fn meta_properties(cluster_id: &str, directory_id: &str) -> String {
    format!("version=1\ncluster.id={cluster_id}\nnode.id={BROKER_ID}\ndirectory.id={directory_id}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_is_on_the_loopback_interface() {
        for role in [Role::Broker, Role::Controller, Role::Both] {
            let text = server_properties(role, 1, 2);
            let listeners: Vec<_> = text.lines().filter(|line| line.contains("listeners=")).collect();
            assert!(!listeners.is_empty());
            for line in listeners {
                assert_eq!(
                    line.matches("://").count(),
                    line.matches("://127.0.0.1:").count(),
                    "{line}"
                );
            }
        }
    }
}
