use std::collections::BTreeSet;

use tributary_contracts::{
    accounts::SERVICE,
    topics::{ALL, Kind, RECORD_BYTES_MAX, Topic, find},
};

fn setting(topic: &Topic, name: &str) -> Option<String> {
    let settings = topic.settings();
    let found = settings.into_iter().find(|(setting, _)| *setting == name);
    found.map(|(_, value)| value)
}

fn of(kind: Kind) -> impl Iterator<Item = &'static Topic> {
    ALL.iter().filter(move |topic| topic.kind == kind)
}

#[test]
fn every_topic_is_declared_once_and_found_by_its_name() {
    let names: BTreeSet<&str> = ALL.iter().map(|topic| topic.name).collect();
    assert_eq!(names.len(), ALL.len());
    for topic in ALL {
        assert_eq!(find(topic.name), Some(*topic));
    }
    assert_eq!(find("accounts.inbox2"), None);
}

#[test]
fn a_service_has_an_inbox_events_and_dead_letters_under_its_name() {
    for (kind, name) in [
        (Kind::Inbox, "inbox"),
        (Kind::Events, "events"),
        (Kind::DeadLetters, "dlq"),
    ] {
        let topic = find(&format!("{SERVICE}.{name}")).unwrap();
        assert_eq!(topic.kind, kind);
    }
}

#[test]
fn events_and_catalogues_are_kept_for_ever_and_everything_else_for_90_days() {
    let days_90 = (90_i64 * 24 * 60 * 60 * 1000).to_string();
    for topic in ALL {
        let expected = match topic.kind {
            Kind::Events | Kind::Catalogue => "-1",
            Kind::Inbox | Kind::DeadLetters => &days_90,
        };
        assert_eq!(
            setting(topic, "retention.ms").unwrap(),
            expected,
            "{}",
            topic.name
        );
    }
}

#[test]
fn only_catalogues_are_compacted() {
    for topic in ALL {
        let expected = (topic.kind == Kind::Catalogue).then(|| "compact".to_owned());
        assert_eq!(setting(topic, "cleanup.policy"), expected, "{}", topic.name);
    }
}

#[test]
fn record_time_is_the_brokers_in_inboxes_only() {
    for topic in ALL {
        let expected = (topic.kind == Kind::Inbox).then(|| "LogAppendTime".to_owned());
        assert_eq!(
            setting(topic, "message.timestamp.type"),
            expected,
            "{}",
            topic.name
        );
    }
}

#[test]
fn a_record_that_an_inbox_takes_fits_into_the_dead_letters_whole() {
    let bytes = |topic: &Topic| {
        setting(topic, "max.message.bytes")
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    for inbox in of(Kind::Inbox) {
        assert!(bytes(inbox) > RECORD_BYTES_MAX);
        for dead_letters in of(Kind::DeadLetters) {
            assert!(bytes(dead_letters) > bytes(inbox));
        }
    }
}

#[test]
fn answers_go_to_inboxes_only() {
    for topic in ALL {
        assert_eq!(topic.takes_answers(), topic.kind == Kind::Inbox, "{}", topic.name);
    }
}
