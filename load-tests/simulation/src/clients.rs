//! Clients, and the gateway that writes their commands: it stamps ids and times, acknowledges what the log has taken,
//! and sends again what a client is unsure of.

use tributary_contracts::{
    accounts::{
        AccountsCommand, BlockAccount, BlockScope, CloseAccount, Credit, Debit, Direction, GlAccount,
        OpenAccount, Reserve, TransferOut, UnblockAccount,
    },
    codec::{self, Message},
    envelope::{BusinessDate, Channel, CommandEnvelope, Initiator},
    partition::partition_of,
    payments::{
        InitiateTransfer, PaymentsCommand, RefundPayment, ResumePayment, ReviewDecision, ReviewPayment,
    },
    record::Outgoing,
    topics::{ACCOUNTS_INBOX, FRAUD_INBOX, PAYMENTS_INBOX, Topic},
};
use tributary_ids::{AccountId, CommandId, CustomerId, HoldId, PaymentId};
use tributary_money::Currency;
use tributary_stream::memory::{BrokerError, MemoryBroker};

use crate::{
    story::{Story, kind, short},
    wish::Wish,
    world::PARTITIONS,
};

/// Customers with an account each, and what it opens with.
const CUSTOMERS: [(&str, &str); 6] = [
    ("ann", "20000.00"),
    ("bob", "0"),
    ("cid", "15000.00"),
    ("dan", "600.00"),
    ("eve", "12000.00"),
    ("fay", "30"),
];

/// So long a gateway lets a command be remembered, milliseconds.
const TTL_MS: i64 = 120_000;

/// Of so many of the latest payments a refund or a review is about one: that of another client is rarely of interest.
const RECENT: usize = 6;

/// A command that was sent, as its retries send it.
struct Sent {
    record: Outgoing,
    id: CommandId,
    text: String,
}

/// A payment that clients know of.
struct Known {
    id: PaymentId,
    debtor: u32,
    creditor: u32,
    amount: &'static str,
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
    currency: Currency,
    date: BusinessDate,
    sent: Vec<Sent>,
    payments: Vec<Known>,
    /// On their way: when they arrive, which they are, and whether the acknowledgement comes back.
    flying: Vec<(i64, usize, bool)>,
    pub(crate) acknowledged: Vec<Acknowledged>,
}

impl Clients {
    /// # Errors
    /// None that can be met: the bank's currency and day are well formed.
    pub(crate) fn new(broker: &MemoryBroker) -> Result<Self, String> {
        Ok(Self {
            broker: broker.clone(),
            currency: "CZK".parse().map_err(|_| "CZK is no currency".to_owned())?,
            date: BusinessDate::from_ymd_opt(2027, 1, 15).ok_or("no such day")?,
            sent: Vec::new(),
            payments: Vec::new(),
            flying: Vec::new(),
            acknowledged: Vec::new(),
        })
    }

    /// Every customer gets an account.
    pub(crate) fn open_accounts(&mut self, story: &mut Story) -> Result<(), BrokerError> {
        for (name, balance) in CUSTOMERS {
            let open = OpenAccount {
                account_id: AccountId::named(name),
                owner: CustomerId::named(name),
                product: "current".into(),
                currency: self.currency,
                overdraft_limit: "0".into(),
                booking_date: self.date,
                opening_balance: balance.into(),
            };
            let text = format!("{name} opens an account with {balance}");
            let index = self.accounts(CommandId::named(&format!("open/{name}")), open, text);
            self.deliver(index, true, story)?;
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

    /// The commands of a wish, as indexes of what is sent. None: there is nothing yet that it could be about.
    fn commands(&mut self, number: u32, wish: &Wish) -> Vec<usize> {
        let id = CommandId::named(&format!("step/{number}"));
        let currency = self.currency;
        match *wish {
            Wish::Transfer {
                debtor,
                creditor,
                amount,
            } => vec![self.transfer(number, id, debtor, creditor, amount)],
            Wish::TooLate { debtor, creditor } => {
                let index = self.transfer(number, id, debtor, creditor, "1");
                let Some(command) = self.last_transfer(number, debtor, creditor) else {
                    return Vec::new();
                };
                let late = self.broker.time() - 1;
                self.sent[index].record = record(id, PAYMENTS_INBOX, command.key(), &command, late);
                self.sent[index].text.push_str(", too late");
                vec![index]
            }
            Wish::PayAgain { which } => {
                let Some(&Known {
                    id: payment,
                    debtor,
                    creditor,
                    amount,
                }) = self.recent(which)
                else {
                    return Vec::new();
                };
                let command = self.transfer_command(payment, debtor, creditor, amount);
                let text = format!("payment {} once more", short(payment.to_string().as_bytes()));
                vec![self.payments(id, command, text)]
            }
            Wish::Refund { which, whole, rival } => {
                let Some(payment) = self.recent(which) else {
                    return Vec::new();
                };
                let (payment_id, all) = (payment.id, payment.amount);
                let amount = if whole { all } else { "1" };
                let rivals = if rival { 2 } else { 1 };
                (0..rivals)
                    .map(|rival| {
                        let refund = RefundPayment {
                            payment_id,
                            refund_id: PaymentId::named(&format!("step/{number}/{rival}")),
                            amount: amount.into(),
                            currency,
                            booking_date: self.date,
                            reason: "DUPL".into(),
                        };
                        let text = format!(
                            "wants {amount} of payment {} back",
                            short(payment_id.to_string().as_bytes())
                        );
                        self.payments(CommandId::named(&format!("step/{number}/{rival}")), refund, text)
                    })
                    .collect()
            }
            Wish::Review { which, approve } => {
                let Some(payment) = self.recent(which) else {
                    return Vec::new();
                };
                let decision = if approve {
                    ReviewDecision::Approve
                } else {
                    ReviewDecision::Reject
                };
                let review = ReviewPayment {
                    payment_id: payment.id,
                    decision,
                    reason: "looked-at".into(),
                };
                let text = format!("an analyst says {decision:?}");
                vec![self.payments(id, review, text)]
            }
            Wish::Resume { which } => {
                let Some(payment) = self.recent(which) else {
                    return Vec::new();
                };
                let resume = ResumePayment {
                    payment_id: payment.id,
                };
                vec![self.payments(id, resume, "an operator says go on".to_owned())]
            }
            Wish::Nonsense { service } => vec![self.nonsense(id, service)],
            _ => vec![self.of_ledger(number, id, wish)],
        }
    }

    fn transfer(
        &mut self,
        number: u32,
        id: CommandId,
        debtor: u32,
        creditor: u32,
        amount: &'static str,
    ) -> usize {
        let payment_id = PaymentId::named(&format!("step/{number}"));
        self.payments.push(Known {
            id: payment_id,
            debtor,
            creditor,
            amount,
        });
        let (from, to) = (customer(debtor), customer(creditor));
        let command = self.transfer_command(payment_id, debtor, creditor, amount);
        self.payments(id, command, format!("{from} pays {to} {amount}"))
    }

    fn last_transfer(&self, number: u32, debtor: u32, creditor: u32) -> Option<PaymentsCommand> {
        let payment_id = PaymentId::named(&format!("step/{number}"));
        Some(self.transfer_command(payment_id, debtor, creditor, "1").into())
    }

    fn transfer_command(
        &self,
        payment_id: PaymentId,
        debtor: u32,
        creditor: u32,
        amount: &'static str,
    ) -> InitiateTransfer {
        InitiateTransfer {
            payment_id,
            customer: CustomerId::named(customer(debtor)),
            debtor: AccountId::named(customer(debtor)),
            creditor: AccountId::named(customer(creditor)),
            amount: amount.into(),
            currency: self.currency,
            booking_date: self.date,
            remittance: None,
            details: Default::default(),
            occurrence: None,
        }
    }

    fn of_ledger(&mut self, number: u32, id: CommandId, wish: &Wish) -> usize {
        let (currency, booking_date) = (self.currency, self.date);
        let account_of = |account: u32| AccountId::named(customer(account));
        let (command, text): (AccountsCommand, String) = match *wish {
            Wish::Credit { account, amount } => {
                let credit = Credit {
                    account_id: account_of(account),
                    amount: amount.into(),
                    currency,
                    contra: GlAccount::CASH,
                    rounding: None,
                    booking_date,
                    value_date: None,
                    import: None,
                    details: Default::default(),
                };
                (credit.into(), format!("{} pays {amount} in", customer(account)))
            }
            Wish::Debit { account, amount } => {
                let debit = Debit {
                    account_id: account_of(account),
                    amount: amount.into(),
                    currency,
                    contra: GlAccount::CASH,
                    rounding: None,
                    forced: false,
                    booking_date,
                    value_date: None,
                    import: None,
                    details: Default::default(),
                };
                (debit.into(), format!("{} takes {amount} out", customer(account)))
            }
            Wish::Reserve {
                account,
                amount,
                lapses_in_ms,
            } => {
                let reserve = Reserve {
                    account_id: account_of(account),
                    hold_id: HoldId::named(&format!("step/{number}")),
                    direction: Direction::Out,
                    amount: amount.into(),
                    currency,
                    expires_at: Some(self.broker.time() + lapses_in_ms),
                };
                (
                    reserve.into(),
                    format!("{amount} of {} are reserved", customer(account)),
                )
            }
            Wish::Block { account, all } => {
                let scope = if all { BlockScope::All } else { BlockScope::Debits };
                let block = BlockAccount {
                    account_id: account_of(account),
                    scope,
                    reason: "customer-request".into(),
                };
                (
                    block.into(),
                    format!("{} is blocked, {scope:?}", customer(account)),
                )
            }
            Wish::Close { account } => {
                let close = CloseAccount {
                    account_id: account_of(account),
                    booking_date,
                };
                (close.into(), format!("{} closes the account", customer(account)))
            }
            Wish::TransferInLedger {
                debtor,
                creditor,
                amount,
            } => {
                let out = TransferOut {
                    account_id: account_of(debtor),
                    payment_id: PaymentId::named(&format!("ledger/{number}")),
                    creditor: account_of(creditor),
                    amount: amount.into(),
                    currency,
                    hold_id: None,
                    booking_date,
                    value_date: None,
                    import: None,
                    details: Default::default(),
                };
                let (from, to) = (customer(debtor), customer(creditor));
                (
                    out.into(),
                    format!("{from} sends {to} {amount}, past the payments service"),
                )
            }
            Wish::Unblock { account } => unblock(account),
            // Of the payments service: never asked here.
            _ => unblock(0),
        };
        self.accounts(id, command, text)
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

    fn recent(&self, which: u32) -> Option<&Known> {
        let recent = self.payments.len().min(RECENT);
        if recent == 0 {
            return None;
        }
        self.payments
            .get(self.payments.len() - 1 - which as usize % recent)
    }

    fn accounts(&mut self, id: CommandId, command: impl Into<AccountsCommand>, text: String) -> usize {
        let command = command.into();
        let not_after = self.broker.time() + TTL_MS;
        let record = record(id, ACCOUNTS_INBOX, command.key(), &command, not_after);
        self.push(Sent { record, id, text })
    }

    fn payments(&mut self, id: CommandId, command: impl Into<PaymentsCommand>, text: String) -> usize {
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

fn unblock(account: u32) -> (AccountsCommand, String) {
    let unblock = UnblockAccount {
        account_id: AccountId::named(customer(account)),
    };
    (
        unblock.into(),
        format!("the block of {} is lifted", customer(account)),
    )
}

/// Mostly one with an account.
fn customer(number: u32) -> &'static str {
    match number % 50 {
        49 => "nobody",
        number => CUSTOMERS[number as usize % CUSTOMERS.len()].0,
    }
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
