//! Every topic, declared once: what creates them, checks them for drift and derives access lists reads this table.

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Partitions of a service's topics on the local stack: two, so that there are two.
pub const LOCAL_PARTITIONS: i32 = 2;

/// Largest record in bytes (key, headers, value) that a topic takes; the runtime checks before it produces.
pub const RECORD_BYTES_MAX: usize = 1_000_000;

/// What a topic is for, which fixes its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Commands, replies and timers of one service. Append time is the bank's record time.
    Inbox,
    /// A service's events: the truth, kept for ever.
    Events,
    /// What could not be handled, kept as long as an inbox.
    DeadLetters,
    /// What was published, by the hash of its content: kept for ever, and once.
    Catalogue,
}

/// A topic's declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: &'static str,
    pub kind: Kind,
    /// What its records are keyed by.
    pub key: &'static str,
}

impl Topic {
    /// Whether a command may ask for its answer to be sent here.
    pub fn takes_answers(&self) -> bool {
        self.kind == Kind::Inbox
    }

    /// Inboxes take more than the limit, so that a record beyond it is refused with a reason rather than lost on the
    /// way; dead letters take such a record with what is known of it.
    fn message_bytes_max(&self) -> usize {
        match self.kind {
            Kind::Events | Kind::Catalogue => RECORD_BYTES_MAX + 50_000,
            Kind::Inbox => RECORD_BYTES_MAX + 100_000,
            Kind::DeadLetters => RECORD_BYTES_MAX + 200_000,
        }
    }

    /// The topic's settings, by Kafka's names.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("max.message.bytes", self.message_bytes_max().to_string())];
        match self.kind {
            Kind::Inbox => {
                settings.push(("retention.ms", (90 * DAY_MS).to_string()));
                settings.push(("message.timestamp.type", "LogAppendTime".to_owned()));
            }
            Kind::DeadLetters => settings.push(("retention.ms", (90 * DAY_MS).to_string())),
            Kind::Events => settings.push(("retention.ms", "-1".to_owned())),
            Kind::Catalogue => {
                settings.push(("retention.ms", "-1".to_owned()));
                settings.push(("cleanup.policy", "compact".to_owned()));
            }
        }
        settings
    }
}

pub const ACCOUNTS_INBOX: Topic = Topic {
    name: "accounts.inbox",
    kind: Kind::Inbox,
    key: "account id",
};
pub const ACCOUNTS_EVENTS: Topic = Topic {
    name: "accounts.events",
    kind: Kind::Events,
    key: "account id",
};
pub const ACCOUNTS_DLQ: Topic = Topic {
    name: "accounts.dlq",
    kind: Kind::DeadLetters,
    key: "as the origin",
};
pub const PAYMENTS_INBOX: Topic = Topic {
    name: "payments.inbox",
    kind: Kind::Inbox,
    key: "payment id",
};
pub const PAYMENTS_EVENTS: Topic = Topic {
    name: "payments.events",
    kind: Kind::Events,
    key: "payment id",
};
pub const PAYMENTS_DLQ: Topic = Topic {
    name: "payments.dlq",
    kind: Kind::DeadLetters,
    key: "as the origin",
};
pub const FRAUD_INBOX: Topic = Topic {
    name: "fraud.inbox",
    kind: Kind::Inbox,
    key: "customer id",
};
pub const FRAUD_EVENTS: Topic = Topic {
    name: "fraud.events",
    kind: Kind::Events,
    key: "customer id",
};
pub const FRAUD_DLQ: Topic = Topic {
    name: "fraud.dlq",
    kind: Kind::DeadLetters,
    key: "as the origin",
};
pub const FRAUD_PAYEES_INBOX: Topic = Topic {
    name: "fraud-payees.inbox",
    kind: Kind::Inbox,
    key: "account id of the payee",
};
pub const FRAUD_PAYEES_EVENTS: Topic = Topic {
    name: "fraud-payees.events",
    kind: Kind::Events,
    key: "account id of the payee",
};
pub const FRAUD_PAYEES_DLQ: Topic = Topic {
    name: "fraud-payees.dlq",
    kind: Kind::DeadLetters,
    key: "as the origin",
};
pub const LAUNDERING_INBOX: Topic = Topic {
    name: "laundering.inbox",
    kind: Kind::Inbox,
    key: "account id",
};
pub const LAUNDERING_EVENTS: Topic = Topic {
    name: "laundering.events",
    kind: Kind::Events,
    key: "account id",
};
pub const LAUNDERING_DLQ: Topic = Topic {
    name: "laundering.dlq",
    kind: Kind::DeadLetters,
    key: "as the origin",
};

pub const FRAUD_MODELS: Topic = Topic {
    name: "fraud.models",
    kind: Kind::Catalogue,
    key: "hash of the model",
};
pub const FRAUD_RULES: Topic = Topic {
    name: "fraud.rules",
    kind: Kind::Catalogue,
    key: "hash of the set",
};

/// All topics of the bank.
pub const ALL: &[Topic] = &[
    ACCOUNTS_INBOX,
    ACCOUNTS_EVENTS,
    ACCOUNTS_DLQ,
    PAYMENTS_INBOX,
    PAYMENTS_EVENTS,
    PAYMENTS_DLQ,
    FRAUD_INBOX,
    FRAUD_EVENTS,
    FRAUD_DLQ,
    FRAUD_PAYEES_INBOX,
    FRAUD_PAYEES_EVENTS,
    FRAUD_PAYEES_DLQ,
    LAUNDERING_INBOX,
    LAUNDERING_EVENTS,
    LAUNDERING_DLQ,
    FRAUD_MODELS,
    FRAUD_RULES,
];

/// The topic of that name.
pub fn find(name: &str) -> Option<Topic> {
    ALL.iter().find(|topic| topic.name == name).copied()
}
