//! What Kafka's controller knows of the broker, read from what it prints.
//!
//! A broker that was killed and comes back before the controller has given it up reads metadata in which it leads
//! everything. It then is transaction coordinator by what was true before its death; fenced a moment later, it finds no
//! leader to send a decided transaction's markers to, takes the topic for deleted, and drops them. So nobody starts a
//! broker before the controller has fenced its former self.

use super::settings::BROKER_ID;

/// What the controller prints once it has read all that it decided before.
const ACTIVE: &str = "Becoming the active controller";

/// Whether a broker may be started: the controller is active, and takes none for alive. The last record about the broker
/// decides, whether it was decided now or read back. The version is pinned, so the wording is too.
pub(super) fn may_start(printed: &str) -> bool {
    let of_broker = format!(" broker {BROKER_ID}: ");
    let (mut active, mut fenced) = (false, true);
    for line in printed.lines() {
        active |= line.contains(ACTIVE);
        if !line.contains("Replayed") || !line.contains(&of_broker) {
            continue;
        }
        if line.contains("UnregisterBrokerRecord(")
            || line.contains("fenced=true")
            || line.contains("fenced=1,")
        {
            fenced = true;
        } else if line.contains("fenced=false") || line.contains("fenced=-1,") {
            fenced = false;
        }
    }
    active && fenced
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERED: &str = "Replayed initial RegisterBrokerRecord for broker 1: RegisterBrokerRecord(brokerId=1, \
                              fenced=true, inControlledShutdown=false)\n";
    const UNFENCED: &str = "Replayed BrokerRegistrationChangeRecord modifying the registration for broker 1: \
                            BrokerRegistrationChangeRecord(brokerId=1, fenced=-1, inControlledShutdown=0)\n";
    const UNCHANGED: &str = "Replayed BrokerRegistrationChangeRecord modifying the registration for broker 1: \
                             BrokerRegistrationChangeRecord(brokerId=1, fenced=0, inControlledShutdown=0)\n";
    const FENCED: &str = "Replayed BrokerRegistrationChangeRecord modifying the registration for broker 1: \
                          BrokerRegistrationChangeRecord(brokerId=1, fenced=1, inControlledShutdown=0)\n";
    const OTHER: &str = "Replayed BrokerRegistrationChangeRecord modifying the registration for broker 12: \
                         BrokerRegistrationChangeRecord(brokerId=12, fenced=1, inControlledShutdown=0)\n";
    const LEADS: &str =
        "[QuorumController id=2] Becoming the active controller at epoch 2, next write offset 60.\n";

    #[test]
    fn a_broker_that_was_alive_keeps_its_next_self_waiting_until_it_is_fenced() {
        let lines = [REGISTERED, UNFENCED, UNCHANGED, LEADS, OTHER, FENCED];
        for shown in 0..=lines.len() {
            let printed = lines[..shown].concat();
            assert_eq!(may_start(&printed), shown == lines.len(), "{printed}");
        }
    }

    #[test]
    fn a_controller_that_is_not_active_has_not_said_its_last_word() {
        assert!(!may_start(""));
        assert!(!may_start(&[REGISTERED, UNFENCED, FENCED].concat()));
    }

    #[test]
    fn a_broker_that_nobody_knows_may_start_at_once() {
        assert!(may_start(LEADS));
        let snapshot = REGISTERED.replace("fenced=true", "fenced=false");
        assert!(
            !may_start(&[&snapshot, LEADS].concat()),
            "one read from a snapshot was alive"
        );
    }
}
