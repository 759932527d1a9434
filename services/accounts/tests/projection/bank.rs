//! A ledger in memory that writes real events: commands, decided by the domain, one after the other.

use std::collections::VecDeque;

use tributary_accounts_domain::{Books, Context, Recorded, decide, evolve};
use tributary_contracts::{
    accounts::{
        AccountsCommand, AccountsEvent, AdjustHold, BlockAccount, BlockScope, CloseAccount, CloseDay, Credit,
        Debit, Details, Direction, GlAccount, ImportRef, OpenAccount, Release, Reserve, Reverse,
        SetOverdraftLimit, Settle, TransferOut, UnblockAccount,
    },
    codec::{self, Message},
    envelope::{BusinessDate, EventEnvelope, Position},
    partition::partition_of,
    runtime::{CommandRefused, RuntimeEvent},
};
use tributary_ids::{AccountId, CommandId, CustomerId, HoldId, PaymentId};
use tributary_money::Currency;
use tributary_projection::MemoryTopic;

pub(crate) const PARTITIONS: i32 = 2;

pub(crate) struct Bank {
    pub(crate) topic: MemoryTopic,
    books: Vec<Books>,
    commands: u64,
    random: u64,
    /// Ids of entries that may be reversed, with their accounts.
    entries: Vec<(AccountId, String)>,
}

pub(crate) fn czk() -> Currency {
    "CZK".parse().unwrap()
}

pub(crate) fn day(day: u32) -> BusinessDate {
    BusinessDate::from_ymd_opt(1993, 1, 1).unwrap() + chrono::Days::new(day.into())
}

pub(crate) fn account(number: u64) -> AccountId {
    AccountId::named(&format!("test/{number}"))
}

impl Bank {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            topic: MemoryTopic::new("accounts.events", PARTITIONS as usize),
            books: (0..PARTITIONS).map(|_| Books::default()).collect(),
            commands: 0,
            random: seed,
            entries: Vec::new(),
        }
    }

    /// Carries out a command and all that follows from it.
    pub(crate) fn carry_out(&mut self, command: impl Into<AccountsCommand>) {
        let mut waiting = VecDeque::from([command.into()]);
        while let Some(command) = waiting.pop_front() {
            waiting.extend(self.decide(&command));
        }
    }

    fn decide(&mut self, command: &AccountsCommand) -> Vec<AccountsCommand> {
        self.commands += 1;
        let partition = partition_of(command.key().as_bytes(), PARTITIONS).unwrap();
        let command_id = CommandId::named(&format!("{}", self.commands));
        let time_ms = 1_000_000 + self.commands as i64;
        let context = Context {
            command_id,
            partition,
            time_ms,
        };
        let decided = decide(&self.books[partition as usize], command, &context);
        let decision = match decided {
            Ok(decision) => decision,
            Err(rejection) => {
                let refused = RuntimeEvent::CommandRefused(CommandRefused {
                    command_type: command.ce_type().to_owned(),
                    code: rejection.code().to_owned(),
                    detail: rejection.to_string(),
                });
                self.append(partition, command_id, (0, 1), refused);
                return Vec::new();
            }
        };
        let count = decision.events.len() as u32;
        for (index, event) in (0..).zip(decision.events) {
            let recorded = Recorded {
                event_id: command_id.event(index),
                time_ms,
            };
            evolve(&mut self.books[partition as usize], &event, &recorded).unwrap();
            if let AccountsEvent::EntryPosted(entry) = &event {
                self.entries
                    .push((entry.account_id, command_id.event(index).to_string()));
            }
            self.append(partition, command_id, (index, count), event);
        }
        if self.commands.is_multiple_of(7) {
            self.topic.append_marker(partition);
        }
        decision.send.into_vec()
    }

    /// Writes an event as the ledger's worker would.
    pub(crate) fn append<E: Message>(
        &self,
        partition: i32,
        command_id: CommandId,
        (index, of): (u32, u32),
        data: E,
    ) -> i64 {
        let ce_type = data.ce_type();
        let time = 1_000_000 + self.commands as i64;
        let envelope = EventEnvelope {
            command_id,
            index,
            of,
            correlation_id: command_id.0,
            time,
            origin: Position {
                topic: "accounts.inbox".into(),
                partition,
                offset: self.commands as i64,
            },
            remembered: None,
            initiator: None,
            data,
        };
        let headers = codec::headers(&envelope.id(), "accounts", ce_type, None);
        self.topic
            .append(partition, b"key", headers, codec::encode(&envelope), time)
    }

    pub(crate) fn open(&mut self, number: u64, opening_balance: &str) {
        self.carry_out(OpenAccount {
            account_id: account(number),
            owner: CustomerId::named(&format!("{number}")),
            product: "history".into(),
            currency: czk(),
            overdraft_limit: "0".into(),
            booking_date: day(0),
            opening_balance: opening_balance.into(),
        });
    }

    /// A credit with all that a credit may carry.
    pub(crate) fn credit(&mut self, number: u64, amount: &str, sequence: u64) {
        self.carry_out(Credit {
            account_id: account(number),
            amount: amount.into(),
            currency: czk(),
            contra: GlAccount::nostro("AB").unwrap(),
            rounding: None,
            booking_date: day(3),
            value_date: Some(day(1)),
            import: Some(ImportRef {
                source: "test".into(),
                sequence,
                after: None,
            }),
            details: Details {
                purpose: Some("SIPO\tx".into()),
                counterparty_bank: Some("AB".into()),
                country: None,
                reference: Some("a \\ \"b\",\0c".into()),
            },
        });
    }

    /// A few commands of every kind, over few accounts, holds and payments, so that they meet.
    pub(crate) fn live(&mut self, commands: u64) {
        for _ in 0..commands {
            let command = self.random_command();
            self.carry_out(command);
        }
    }

    pub(crate) fn commands(&self) -> u64 {
        self.commands
    }

    /// SplitMix64: seeded, so that a failure comes again.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn random_command(&mut self) -> AccountsCommand {
        let number = self.below(20);
        let (account_id, currency) = (account(number), czk());
        let hold_id = HoldId::named(&format!("{number}/{}", self.below(6)));
        let amount = format!("{}.{:02}", self.below(50), 1 + self.below(98));
        let amount = smol_str::SmolStr::from(amount);
        let booking_date = day(2 + self.below(20) as u32);
        let details = Details::default();
        match self.below(40) {
            0..=2 => OpenAccount {
                account_id,
                owner: CustomerId::named(&format!("{number}")),
                product: "history".into(),
                currency,
                overdraft_limit: "100".into(),
                booking_date,
                opening_balance: amount,
            }
            .into(),
            3 => CloseAccount {
                account_id,
                booking_date,
            }
            .into(),
            4 => BlockAccount {
                account_id,
                scope: if self.below(2) == 0 {
                    BlockScope::All
                } else {
                    BlockScope::Debits
                },
                reason: "test".into(),
            }
            .into(),
            5..=7 => UnblockAccount { account_id }.into(),
            8 => SetOverdraftLimit {
                account_id,
                limit: amount,
                currency,
            }
            .into(),
            9..=14 => Reserve {
                account_id,
                hold_id,
                direction: if self.below(4) == 0 {
                    Direction::In
                } else {
                    Direction::Out
                },
                amount,
                currency,
                expires_at: (self.below(2) == 0).then_some(9_000_000),
            }
            .into(),
            15..=16 => AdjustHold {
                account_id,
                hold_id,
                amount,
                currency,
            }
            .into(),
            17..=20 => Settle {
                account_id,
                hold_id,
                amount,
                currency,
                contra: GlAccount::CASH,
                last: self.below(2) == 0,
                booking_date,
                value_date: None,
                import: None,
                details,
            }
            .into(),
            21..=22 => Release { account_id, hold_id }.into(),
            23..=27 => Credit {
                account_id,
                amount,
                currency,
                contra: GlAccount::CASH,
                rounding: (self.below(5) == 0).then(|| "-0.01".into()),
                booking_date,
                value_date: None,
                import: None,
                details,
            }
            .into(),
            28..=31 => Debit {
                account_id,
                amount,
                currency,
                contra: GlAccount::FEE_INCOME,
                rounding: None,
                forced: self.below(5) == 0,
                booking_date,
                value_date: None,
                import: None,
                details,
            }
            .into(),
            32..=36 => TransferOut {
                account_id,
                payment_id: PaymentId::named(&format!("{}", self.commands)),
                creditor: account(self.below(21)),
                amount,
                currency,
                hold_id: None,
                booking_date,
                value_date: None,
                import: None,
                details,
            }
            .into(),
            37..=38 => self.random_reversal(booking_date),
            _ => CloseDay {
                partition: self.below(PARTITIONS as u64) as i32,
                date: day(self.below(4) as u32),
            }
            .into(),
        }
    }

    fn random_reversal(&mut self, booking_date: BusinessDate) -> AccountsCommand {
        let place = self.below(self.entries.len().max(1) as u64) as usize;
        let none = || (account(0), String::new());
        let (account_id, entry_id) = self.entries.get(place).cloned().unwrap_or_else(none);
        Reverse {
            account_id,
            entry_id: entry_id.into(),
            booking_date,
            import: None,
        }
        .into()
    }
}
