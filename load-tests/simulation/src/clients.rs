//! Clients, and the gateway that writes their commands: it stamps ids and times, acknowledges what the log has taken,
//! and sends again what a client is unsure of.

mod customers;
mod later;
mod ledger;
mod payments;

use tributary_contracts::{
    accounts::{AccountsCommand, OpenAccount},
    codec::{self, Message},
    envelope::{BusinessDate, Channel, CommandEnvelope, Initiator},
    partition::partition_of,
    payments::PaymentsCommand,
    record::Outgoing,
    topics::{ACCOUNTS_INBOX, FRAUD_INBOX, PAYMENTS_INBOX, Topic},
};
use tributary_ids::{AccountId, CommandId, CustomerId, PaymentId};
use tributary_money::Currency;
use tributary_payments_domain::calendar;
use tributary_stream::memory::{BrokerError, MemoryBroker};

use self::{
    customers::{CUSTOMERS, Customer},
    later::KnownOrder,
    payments::Known,
};
use crate::{
    story::{Story, kind, short},
    wish::Wish,
    world::PARTITIONS,
};

/// So long a gateway lets a command be remembered, milliseconds.
const TTL_MS: i64 = 120_000;

/// A command that was sent, as its retries send it.
struct Sent {
    record: Outgoing,
    id: CommandId,
    text: String,
}

/// A command that the log took and its client knows of.
pub(crate) struct Acknowledged {
    pub(crate) topic: &'static str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) id: CommandId,
}

pub(crate) struct Clients {
    broker: MemoryBroker,
    koruna: Currency,
    euro: Currency,
    sent: Vec<Sent>,
    payments: Vec<Known>,
    scheduled: Vec<PaymentId>,
    orders: Vec<KnownOrder>,
    /// On their way: when they arrive, which they are, and whether the acknowledgement comes back.
    flying: Vec<(i64, usize, bool)>,
    pub(crate) acknowledged: Vec<Acknowledged>,
}

impl Clients {
    /// # Errors
    /// None that can be met: the bank's currencies are well formed.
    pub(crate) fn new(broker: &MemoryBroker) -> Result<Self, String> {
        Ok(Self {
            broker: broker.clone(),
            koruna: currency("CZK")?,
            euro: currency("EUR")?,
            sent: Vec::new(),
            payments: Vec::new(),
            scheduled: Vec::new(),
            orders: Vec::new(),
            flying: Vec::new(),
            acknowledged: Vec::new(),
        })
    }

    /// Every customer gets an account.
    pub(crate) fn open_accounts(&mut self, story: &mut Story) -> Result<(), String> {
        for Customer {
            name,
            balance,
            currency: code,
        } in CUSTOMERS
        {
            let currency = currency(code)?;
            let open = OpenAccount {
                account_id: AccountId::named(name),
                owner: CustomerId::named(name),
                product: "current".into(),
                currency,
                overdraft_limit: "0".into(),
                booking_date: self.today(currency),
                opening_balance: balance.into(),
            };
            let text = format!("{name} opens an account with {balance} {code}");
            let index = self.ask_ledger(CommandId::named(&format!("open/{name}")), open, text);
            self.deliver(index, true, story)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// A client wants something. `number`: of the step, which names it.
    pub(crate) fn wish(
        &mut self,
        number: u32,
        wish: &Wish,
        delay_ms: i64,
        copies: u32,
        acknowledged: bool,
        story: &mut Story,
    ) -> Result<(), BrokerError> {
        for index in self.commands(number, wish) {
            let now_ms = self.broker.time();
            for _ in 0..copies {
                if delay_ms > 0 {
                    story.tell(now_ms, || {
                        format!("{}, which takes {delay_ms} ms", self.sent[index].text)
                    });
                    self.flying.push((now_ms + delay_ms, index, acknowledged));
                } else {
                    self.deliver(index, acknowledged, story)?;
                }
            }
        }
        Ok(())
    }

    /// A client sends again what it, or another, has sent before. Whether there was anything.
    pub(crate) fn again(&mut self, which: u32, story: &mut Story) -> Result<bool, BrokerError> {
        // What was sent lately is what clients are unsure of.
        let recent = self.sent.len().min(16);
        if recent == 0 {
            return Ok(false);
        }
        let index = self.sent.len() - 1 - which as usize % recent;
        self.deliver(index, true, story)?;
        Ok(true)
    }

    /// Lets arrive what is due.
    pub(crate) fn arrive(&mut self, story: &mut Story) -> Result<(), BrokerError> {
        let now_ms = self.broker.time();
        let mut due: Vec<_> = self.flying.extract_if(.., |(due, ..)| *due <= now_ms).collect();
        due.sort_by_key(|(due, ..)| *due);
        for (_, index, acknowledged) in due {
            self.deliver(index, acknowledged, story)?;
        }
        Ok(())
    }

    /// When the next command arrives that is on its way, milliseconds since the epoch.
    pub(crate) fn next_arrival(&self) -> Option<i64> {
        self.flying.iter().map(|(due, ..)| *due).min()
    }

    fn deliver(&mut self, index: usize, acknowledged: bool, story: &mut Story) -> Result<(), BrokerError> {
        let Sent { record, id, text } = &self.sent[index];
        let offset = self.broker.append(record.clone())?;
        let (topic, partition) = (record.topic, record.partition);
        story.tell(self.broker.time(), || {
            let lost = if acknowledged { "" } else { "; nobody is told" };
            let (kind, key) = (kind(&record.headers), short(&record.key));
            format!("{text}: {topic}/{partition}:{offset} {kind} of {key}{lost}")
        });
        if acknowledged {
            self.acknowledged.push(Acknowledged {
                topic,
                partition,
                offset,
                id: *id,
            });
        }
        Ok(())
    }

    /// Whoever has an order without an end cancels it, in a round of that number.
    pub(crate) fn cancel_endless_orders(&mut self, round: u32, story: &mut Story) -> Result<(), BrokerError> {
        for order in self.endless() {
            let (command, text) = later::cancel(order);
            let id = CommandId::named(&format!("end/{round}/{order}"));
            let index = self.ask_payments(id, command, text);
            self.deliver(index, true, story)?;
        }
        Ok(())
    }

    /// Scheduled payments that clients know of.
    pub(crate) fn scheduled(&self) -> &[PaymentId] {
        &self.scheduled
    }

    /// An operator lets these payments go on. `occasion` names the commands.
    pub(crate) fn resume_all(
        &mut self,
        occasion: &str,
        quarantined: &[PaymentId],
        story: &mut Story,
    ) -> Result<(), BrokerError> {
        for payment in quarantined {
            let (command, text) = payments::resume(*payment);
            let id = CommandId::named(&format!("resume/{occasion}/{payment}"));
            let index = self.ask_payments(id, command, text);
            self.deliver(index, true, story)?;
        }
        Ok(())
    }

    /// The commands of a wish, as indexes of what is sent. None: there is nothing yet that it could be about.
    fn commands(&mut self, number: u32, wish: &Wish) -> Vec<usize> {
        let id = CommandId::named(&format!("step/{number}"));
        let asked = match *wish {
            Wish::Transfer {
                debtor,
                creditor,
                amount,
            } => Some(self.transfer(number, debtor, creditor, amount)),
            Wish::TooLate { debtor, creditor } => {
                let (command, text) = self.transfer(number, debtor, creditor, "1");
                let late = self.broker.time() - 1;
                let record = record(id, PAYMENTS_INBOX, command.key(), &command, late);
                let text = format!("{text}, too late");
                return vec![self.push(Sent { record, id, text })];
            }
            Wish::PayAgain { which } => self.pay_again(which),
            Wish::Refund { which, whole, rival } => {
                return self.refunds(number, which, whole, if rival { 2 } else { 1 });
            }
            Wish::Review { which, approve } => self.review(which, approve),
            Wish::Resume { which } => self.resume(which),
            Wish::Later(ref wish) => self.later(number, wish),
            Wish::Nonsense { service } => return vec![self.nonsense(id, service)],
            _ => return vec![self.of_ledger(number, id, wish)],
        };
        let asked = asked.map(|(command, text)| self.ask_payments(id, command, text));
        asked.into_iter().collect()
    }

    /// The local day of the currency; of a currency that has none, or at the end of all days, the first of all.
    fn today(&self, currency: Currency) -> BusinessDate {
        let today = calendar::of(currency).and_then(|calendar| calendar.day_of(self.broker.time()));
        today.unwrap_or_default()
    }

    fn nonsense(&mut self, id: CommandId, service: u32) -> usize {
        let topics = [ACCOUNTS_INBOX, PAYMENTS_INBOX, FRAUD_INBOX];
        let topic = topics[service as usize % topics.len()];
        let key = id.to_string();
        let partition = partition_of(key.as_bytes(), PARTITIONS).unwrap_or(0);
        let record = Outgoing {
            topic: topic.name,
            partition,
            key: key.into_bytes(),
            headers: codec::headers(&id, "a-stranger", "nonsense.nonsense.v1", None),
            value: b"{".to_vec(),
        };
        let text = "something that is no command comes".to_owned();
        self.push(Sent { record, id, text })
    }

    fn ask_ledger(&mut self, id: CommandId, command: impl Into<AccountsCommand>, text: String) -> usize {
        let command = command.into();
        let not_after = self.broker.time() + TTL_MS;
        let record = record(id, ACCOUNTS_INBOX, command.key(), &command, not_after);
        self.push(Sent { record, id, text })
    }

    fn ask_payments(&mut self, id: CommandId, command: impl Into<PaymentsCommand>, text: String) -> usize {
        let command = command.into();
        let not_after = self.broker.time() + TTL_MS;
        let record = record(id, PAYMENTS_INBOX, command.key(), &command, not_after);
        self.push(Sent { record, id, text })
    }

    fn push(&mut self, sent: Sent) -> usize {
        self.sent.push(sent);
        self.sent.len() - 1
    }
}

fn currency(code: &str) -> Result<Currency, String> {
    code.parse().map_err(|_| format!("{code} is no currency"))
}

fn record(id: CommandId, topic: Topic, key: String, command: &impl Message, not_after: i64) -> Outgoing {
    let envelope = CommandEnvelope {
        id,
        correlation_id: id.0,
        causation_id: None,
        reply_to: None,
        not_after: Some(not_after),
        initiator: Initiator {
            actor: "customer".into(),
            on_behalf_of: None,
            channel: Channel::Online,
            branch: None,
        },
        data: command,
    };
    Outgoing {
        topic: topic.name,
        // Ids are never empty, so there is a partition.
        partition: partition_of(key.as_bytes(), PARTITIONS).unwrap_or(0),
        key: key.into_bytes(),
        headers: codec::headers(&id, "gateway", command.ce_type(), None),
        value: codec::encode(&envelope),
    }
}
