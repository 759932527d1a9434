//! How the service hears of the ledger's transfers: each side once, whatever dies when.

use tributary_contracts::{
    accounts::{AccountsEvent, BlockAccount, BlockScope, EntryKind},
    codec::{ReadCommand, read_event},
    laundering::{FEED, LaunderingCommand, LaunderingEvent, TransferSide},
    record::{Headers, Outgoing},
    topics::{ACCOUNTS_EVENTS, LAUNDERING_INBOX},
};
use tributary_fraud::LaunderingFeed;
use tributary_stream::{
    StreamEvent, TestRelay,
    log::StopReason,
    memory::{FaultPoint, InjectedFault, MemoryBroker, Script},
    test_driver::Unsettled,
};

use crate::watched::{Bank, PARTITIONS, account, observed, payment, records};

/// What the feed has written, each as account, number, side and causation.
fn told(broker: &MemoryBroker) -> Vec<(String, u64, TransferSide, Option<String>)> {
    records(broker, LAUNDERING_INBOX)
        .iter()
        .map(|record| {
            let read: ReadCommand<'_, LaunderingCommand> = ReadCommand::read(record).unwrap();
            assert_eq!(read.envelope.initiator.actor, FEED);
            match read.envelope.data.message.unwrap() {
                LaunderingCommand::ObserveTransfer(told) => (
                    told.account.to_string(),
                    told.seq,
                    told.side,
                    read.envelope.causation_id,
                ),
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

/// The sides of transfers as the ledger has booked them.
fn booked(broker: &MemoryBroker) -> Vec<(String, u64, TransferSide, Option<String>)> {
    let mut sides = Vec::new();
    for record in records(broker, ACCOUNTS_EVENTS) {
        let event = read_event::<StreamEvent<AccountsEvent>>(&record).unwrap();
        let StreamEvent::Service(AccountsEvent::EntryPosted(entry)) = &event.data else {
            continue;
        };
        let side = match entry.kind {
            EntryKind::TransferOut => TransferSide::Sent,
            EntryKind::TransferIn => TransferSide::Received,
            EntryKind::TransferReturn => TransferSide::Returned,
            _ => continue,
        };
        let id = Some(event.id().to_string());
        sides.push((entry.account_id.to_string(), entry.seq, side, id));
    }
    sides
}

/// Payments among six accounts, some of which come back.
fn with_payments() -> Bank {
    let mut bank = Bank::with_accounts(6);
    for id in 0..40_u128 {
        if id == 20 {
            bank.ask_ledger(BlockAccount {
                account_id: account(6),
                scope: BlockScope::All,
                reason: "TEST".into(),
            });
        }
        let (debtor, creditor) = (1 + id % 5, 1 + (id % 5 + 1 + id % 3) % 6);
        bank.pay(&payment(id + 1, 1 + id as u64, debtor, creditor, 10_000));
    }
    bank
}

#[test]
fn each_side_of_each_transfer_is_told_once_in_the_ledgers_order() {
    let mut bank = with_payments();
    bank.feed.run().unwrap();
    let told_once = told(&bank.broker);
    assert_eq!(told_once, booked(&bank.broker));
    for side in [TransferSide::Sent, TransferSide::Received, TransferSide::Returned] {
        assert!(told_once.iter().any(|told| told.2 == side), "{side:?}");
    }
    // One of the same name goes on where this one was.
    bank.feed = TestRelay::on(&bank.broker, PARTITIONS);
    bank.feed.run().unwrap();
    assert_eq!(told(&bank.broker), told_once);
    bank.pay(&payment(100, 50, 1, 2, 10_000));
    bank.feed.run().unwrap();
    assert_eq!(told(&bank.broker), booked(&bank.broker));
    assert_eq!(told(&bank.broker).len(), told_once.len() + 2);
}

#[test]
fn whatever_goes_wrong_meanwhile_nothing_is_told_twice_or_never() {
    use FaultPoint::{Begin, Commit, Consume, Initialise, Locate, Offsets, Poll, Prepared, Produced};
    use InjectedFault::{CommitDelayed, Crash, Disconnected, Expelled, Refused, Stall};
    let points = [
        Initialise,
        Locate { partition: 0 },
        Consume { partition: 1 },
        Poll,
        Begin,
        Produced { n: 0 },
        Produced { n: 7 },
        Offsets,
        Commit,
        Prepared,
    ];
    let faults = [
        Crash,
        Stall { ms: 20_000 },
        Expelled,
        Refused,
        Disconnected,
        CommitDelayed { ms: 500 },
    ];
    for point in points {
        for fault in faults {
            let bank = with_payments();
            let script = Script::new([(point, fault)]);
            let mut feed =
                TestRelay::<LaunderingFeed>::with_faults(&bank.broker, PARTITIONS, Box::new(script));
            if feed.run().is_err() {
                assert_eq!(fault, Crash, "{point:?}");
            }
            // Whoever was killed is started again; the others have come to rest already.
            let mut again = TestRelay::<LaunderingFeed>::on(&bank.broker, PARTITIONS);
            again
                .run()
                .unwrap_or_else(|error| panic!("{point:?} {fault:?}: {error}"));
            assert_eq!(told(&bank.broker), booked(&bank.broker), "{point:?} {fault:?}");
        }
    }
}

#[test]
fn what_the_service_hears_twice_makes_no_second_alert() {
    let mut bank = Bank::with_accounts(4);
    for (id, creditor) in [(1, 2), (2, 3), (3, 4)] {
        bank.pay(&payment(id, u64::try_from(id).unwrap(), 1, creditor, 900_000));
    }
    bank.settle();
    assert_eq!(bank.alerts().len(), 1);
    let known = bank.known();
    for record in records(&bank.broker, LAUNDERING_INBOX) {
        bank.broker
            .append(Outgoing {
                topic: LAUNDERING_INBOX.name,
                partition: record.partition,
                key: record.key,
                headers: record.headers,
                value: record.value,
            })
            .unwrap();
    }
    bank.settle();
    assert_eq!(bank.alerts().len(), 1);
    assert_eq!(bank.known(), known);
    let repeated = |event: &StreamEvent<LaunderingEvent>| {
        matches!(event, StreamEvent::Service(LaunderingEvent::TransferRepeated(_)))
    };
    assert_eq!(bank.events().iter().filter(|event| repeated(event)).count(), 6);
}

#[test]
fn what_came_back_was_not_sent() {
    let mut bank = Bank::open();
    let near = |side, seq, id| tributary_contracts::laundering::ObserveTransfer {
        amount: 900_000,
        ..observed(side, seq, id, id as u64)
    };
    bank.tell(near(TransferSide::Sent, 1, 1));
    bank.tell(near(TransferSide::Sent, 2, 2));
    bank.tell(near(TransferSide::Returned, 3, 2));
    bank.tell(near(TransferSide::Sent, 4, 3));
    bank.settle();
    assert_eq!(bank.alerts(), []);
    bank.tell(near(TransferSide::Sent, 5, 4));
    bank.settle();
    let alerts = bank.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].payments.len(), 3);
}

#[test]
fn an_entry_that_cannot_be_read_stops_the_feed_rather_than_being_passed_over() {
    let bank = Bank::with_accounts(2);
    let mut broken = records(&bank.broker, ACCOUNTS_EVENTS).remove(0);
    let mut headers = Headers::default();
    for (name, value) in broken.headers.iter() {
        let value = match name {
            "ce_type" => b"accounts.entry-posted.v1".as_slice(),
            _ => value,
        };
        headers.push(name, value);
    }
    broken.value.truncate(40);
    bank.broker
        .append(Outgoing {
            topic: ACCOUNTS_EVENTS.name,
            partition: broken.partition,
            key: broken.key,
            headers,
            value: broken.value,
        })
        .unwrap();
    let mut feed = TestRelay::<LaunderingFeed>::on(&bank.broker, PARTITIONS);
    match feed.run() {
        Err(Unsettled::Stopped(StopReason::Failed(fault))) => {
            assert!(fault.message.contains("accounts.events"), "{fault}");
        }
        other => panic!("{other:?}"),
    }
}
