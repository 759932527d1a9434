//! What the benchmarks send: accounts to open, and credits and debits by turns, as a gateway would write them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use tributary_contracts::accounts::{AccountsCommand, Credit, Debit, Details, GlAccount, OpenAccount};
use tributary_contracts::codec::{self, Message};
use tributary_contracts::envelope::{BusinessDate, Channel, CommandEnvelope, Initiator};
use tributary_contracts::partition::partition_of;
use tributary_contracts::record::Outgoing;
use tributary_contracts::topics::ACCOUNTS_INBOX;
use tributary_ids::{AccountId, CommandId, CustomerId};
use tributary_money::Currency;
use tributary_stream::driver::wall_clock_ms;
use tributary_stream::kafka::CommandProducer;

/// How long a command is remembered: below the longest that the runtime takes, above what a run takes.
const REMEMBERED_MS: i64 = 9 * 60 * 1000;

/// Records under way to the broker.
const IN_FLIGHT_MAX: usize = 20_000;

/// Which accounts the postings are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// All accounts in turn
    Uniform,
    /// All on one account
    Hot,
}

impl Shape {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Hot => "one hot account",
        }
    }
}

/// Writes commands to the inbox, each under an id of its own.
pub(super) struct Inputs {
    producer: CommandProducer,
    lost: Arc<AtomicU64>,
    partitions: i32,
    accounts: u32,
    currency: Currency,
    booking_date: BusinessDate,
    sent: u64,
}

impl Inputs {
    pub(super) fn connect(brokers: &str, partitions: i32, accounts: u32) -> anyhow::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        let note = Arc::clone(&lost);
        let linger = Duration::from_millis(5);
        let producer = CommandProducer::connect(brokers, linger, IN_FLIGHT_MAX, move |delivered| {
            if delivered.result.is_err() {
                note.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(Self {
            producer,
            lost,
            partitions,
            accounts,
            currency: "CZK".parse()?,
            booking_date: "2026-01-05".parse()?,
            sent: 0,
        })
    }

    /// Returns how many commands it wrote.
    pub(super) fn open_accounts(&mut self) -> anyhow::Result<u64> {
        for number in 0..self.accounts {
            let open = OpenAccount {
                account_id: account(number),
                owner: CustomerId::named(&format!("bench/{number}")),
                product: "history".into(),
                currency: self.currency,
                overdraft_limit: "0".into(),
                booking_date: self.booking_date,
                opening_balance: "0".into(),
            };
            self.send(&open.into())?;
        }
        self.flush()?;
        Ok(u64::from(self.accounts))
    }

    /// Credits and debits by turns, so that no account goes below zero and all are accepted.
    pub(super) fn post(&mut self, shape: Shape, postings: u64) -> anyhow::Result<()> {
        for number in 0..postings {
            let account_number = match shape {
                Shape::Uniform => (number / 2 % u64::from(self.accounts)) as u32,
                Shape::Hot => 0,
            };
            let command = self.posting(account(account_number), number);
            self.send(&command)?;
        }
        self.flush()
    }

    fn posting(&self, account_id: AccountId, number: u64) -> AccountsCommand {
        let (currency, booking_date) = (self.currency, self.booking_date);
        let (contra, amount) = (GlAccount::CASH, "12.34".into());
        let details = Details {
            purpose: Some("SIPO".into()),
            counterparty_bank: Some("AB".into()),
            country: None,
            reference: Some(number.to_string().into()),
        };
        if number.is_multiple_of(2) {
            Credit {
                account_id,
                amount,
                currency,
                contra,
                rounding: None,
                booking_date,
                value_date: None,
                import: None,
                details,
            }
            .into()
        } else {
            Debit {
                account_id,
                amount,
                currency,
                contra,
                rounding: None,
                forced: false,
                booking_date,
                value_date: None,
                import: None,
                details,
            }
            .into()
        }
    }

    fn send(&mut self, command: &AccountsCommand) -> anyhow::Result<()> {
        let id = CommandId::named(&format!("bench/{}", self.sent));
        self.sent += 1;
        let envelope = CommandEnvelope {
            id,
            correlation_id: id.0,
            causation_id: None,
            reply_to: None,
            not_after: Some(wall_clock_ms() + REMEMBERED_MS),
            initiator: Initiator {
                actor: "teller-17".into(),
                on_behalf_of: None,
                channel: Channel::Branch,
                branch: None,
            },
            data: command,
        };
        let key = command.key().into_bytes();
        let record = Outgoing {
            topic: ACCOUNTS_INBOX.name,
            partition: partition_of(&key, self.partitions).context("a key without a partition")?,
            key,
            headers: codec::headers(&id, "bench", command.ce_type(), None),
            value: codec::encode(&envelope),
        };
        Ok(self.producer.send(&record, 0)?)
    }

    fn flush(&self) -> anyhow::Result<()> {
        self.producer.flush()?;
        let lost = self.lost.load(Ordering::Relaxed);
        ensure!(lost == 0, "{lost} commands did not reach the inbox");
        Ok(())
    }
}

fn account(number: u32) -> AccountId {
    AccountId::named(&format!("bench/{number}"))
}
