//! Rows in an order in which they can be replayed: each account's as they happened, a transfer once for both sides.

use std::collections::{BTreeSet, HashMap as StdHashMap};

use chrono::NaiveDate;
use hashbrown::HashMap;
use tributary_contracts::accounts::GlAccount;
use tributary_history::{
    Counterparty, HistoryRow, OPENING_SEQUENCE, Open, Posting, Release, Reserve, Reversal, Settle, Transfer,
};
use tributary_ids::{AccountId, EventId, PaymentId};

use super::steps::{Account, Post, Step, Steps, What, contra_of};

/// Gives out rows.
pub(super) struct Ordering {
    accounts: Vec<Lane>,
    /// The lanes that have nothing to wait for, by the day of their next step.
    ready: BTreeSet<(NaiveDate, usize)>,
    sides: StdHashMap<PaymentId, [Option<usize>; 2]>,
    payments: HashMap<PaymentId, i64>,
    rows_of: HashMap<EventId, u64>,
    /// Rows keep the sequences that they came with.
    keeps_sequences: bool,
    /// Transfers told as two postings, since each of two accounts had sent before it received.
    pub(super) split: u64,
    /// Rows that stand later than they were booked, so that an account's days don't go back.
    pub(super) moved_days: u64,
    /// A kept sequence doesn't grow.
    pub(super) out_of_sequence: bool,
}

struct Lane {
    id: AccountId,
    account: Account,
    is_opened: bool,
    next: usize,
    last_sequence: u64,
    last_date: NaiveDate,
}

impl Ordering {
    pub(super) fn new(steps: Steps, keeps_sequences: bool) -> Self {
        let returned: Vec<PaymentId> = steps
            .payments
            .keys()
            .filter(|payment| steps.is_returned(**payment))
            .copied()
            .collect();
        let lane = |(id, account): (AccountId, Account)| Lane {
            id,
            is_opened: false,
            next: 0,
            last_sequence: OPENING_SEQUENCE,
            last_date: account.opened.booking_date,
            account,
        };
        let mut ordering = Self {
            accounts: steps.accounts.into_iter().map(lane).collect(),
            ready: BTreeSet::new(),
            sides: StdHashMap::new(),
            payments: steps.payments,
            rows_of: HashMap::new(),
            keeps_sequences,
            split: 0,
            moved_days: 0,
            out_of_sequence: false,
        };
        ordering.find_sides();
        for payment in returned {
            ordering.split(payment);
        }
        for lane in 0..ordering.accounts.len() {
            ordering.look_at(lane);
        }
        ordering
    }

    fn find_sides(&mut self) {
        for (index, lane) in self.accounts.iter().enumerate() {
            for step in &lane.account.steps {
                match step.what {
                    What::Out(payment) => self.sides.entry(payment).or_default()[0] = Some(index),
                    What::In(payment) => self.sides.entry(payment).or_default()[1] = Some(index),
                    _ => {}
                }
            }
        }
    }

    /// The next row; none when all are told.
    pub(super) fn next_row(&mut self) -> Option<HistoryRow> {
        loop {
            while let Some((_, lane)) = self.ready.pop_first() {
                if let Some(row) = self.tell(lane) {
                    return Some(row);
                }
            }
            // Only transfers wait now, each for its other side: one is told as two postings, and the rest can go on.
            let stuck = self
                .accounts
                .iter()
                .filter_map(Lane::head)
                .filter_map(|step| match step.what {
                    What::Out(payment) | What::In(payment) => Some((step.date, payment)),
                    _ => None,
                })
                .min()?;
            self.split(stuck.1);
            self.split += 1;
            for lane in 0..self.accounts.len() {
                self.look_at(lane);
            }
        }
    }

    fn look_at(&mut self, lane: usize) {
        if !self.accounts[lane].is_opened {
            self.ready
                .insert((self.accounts[lane].account.opened.booking_date, lane));
            return;
        }
        let Some(step) = self.accounts[lane].head() else {
            return;
        };
        let (date, what) = (step.date, &step.what);
        match what {
            What::Out(payment) | What::In(payment) => {
                let sides = self.sides.get(payment).copied().unwrap_or_default();
                let [Some(debtor), Some(creditor)] = sides else {
                    return;
                };
                let met = self.accounts[debtor].head_is(&What::Out(*payment))
                    && self.accounts[creditor].head_is(&What::In(*payment));
                if met {
                    self.ready.insert((date, debtor));
                }
            }
            _ => {
                self.ready.insert((date, lane));
            }
        }
    }

    /// Tells a payment as a posting on either side, against suspense, where both even out.
    fn split(&mut self, payment: PaymentId) {
        let amount = self.payments.get(&payment).copied().unwrap_or(0);
        for lane in self
            .sides
            .get(&payment)
            .copied()
            .unwrap_or_default()
            .into_iter()
            .flatten()
        {
            for step in &mut self.accounts[lane].account.steps {
                let amount = match step.what {
                    What::Out(of) if of == payment => -amount,
                    What::In(of) if of == payment => amount,
                    _ => continue,
                };
                step.what = What::Post(Post {
                    amount,
                    rounding: 0,
                    contra: contra_of(GlAccount::SUSPENSE),
                    value_date: step.date,
                    kind: String::new(),
                    reference: payment.to_string(),
                    bank: None,
                    forced: false,
                });
            }
        }
    }

    fn tell(&mut self, lane: usize) -> Option<HistoryRow> {
        if !self.accounts[lane].is_opened {
            let row = self.accounts[lane].open();
            self.look_at(lane);
            return Some(row);
        }
        let step = self.accounts[lane].take();
        if let What::Out(payment) = step.what {
            return Some(self.tell_transfer(lane, &step, payment));
        }
        let date = self.day(&step, &[lane]);
        let sequence = self.sequence(lane, &step);
        let account = self.accounts[lane].id.to_string();
        self.look_at(lane);
        self.row(account, sequence, date, step)
    }

    fn tell_transfer(&mut self, debtor: usize, step: &Step, payment: PaymentId) -> HistoryRow {
        let sides = self.sides.get(&payment).copied().unwrap_or_default();
        let creditor = sides[1].unwrap_or(debtor);
        let arrival = self.accounts[creditor].take();
        let date = self.day(step, &[debtor, creditor]);
        let (from_sequence, to_sequence) = (self.sequence(debtor, step), self.sequence(creditor, &arrival));
        let row = Transfer {
            payment: payment.to_string(),
            date,
            time: None,
            from: self.accounts[debtor].id.to_string(),
            from_sequence,
            to: self.accounts[creditor].id.to_string(),
            to_sequence,
            amount: self.payments.get(&payment).copied().unwrap_or(0),
            from_balance_after: Some(step.balance_after),
            to_balance_after: Some(arrival.balance_after),
        };
        self.look_at(debtor);
        self.look_at(creditor);
        HistoryRow::Transfer(row)
    }

    /// The step's day, unless one of its accounts is at a later one.
    fn day(&mut self, step: &Step, lanes: &[usize]) -> NaiveDate {
        let latest = lanes.iter().map(|lane| self.accounts[*lane].last_date).max();
        let date = latest.map_or(step.date, |latest| latest.max(step.date));
        self.moved_days += u64::from(date != step.date && step.entry.is_some());
        for lane in lanes {
            self.accounts[*lane].last_date = date;
        }
        date
    }

    fn sequence(&mut self, lane: usize, step: &Step) -> u64 {
        let lane = &mut self.accounts[lane];
        let kept = step.sequence.filter(|_| self.keeps_sequences);
        let sequence = kept.unwrap_or(lane.last_sequence + 1);
        self.out_of_sequence |= sequence <= lane.last_sequence;
        lane.last_sequence = sequence;
        if let Some(entry) = step.entry {
            self.rows_of.insert(entry, sequence);
        }
        sequence
    }

    fn row(&self, account: String, sequence: u64, date: NaiveDate, step: Step) -> Option<HistoryRow> {
        let balance_after = Some(step.balance_after);
        Some(match step.what {
            What::Post(post) => HistoryRow::Posting(posting((account, sequence, date), post, balance_after)),
            What::Place { hold, amount } => HistoryRow::Reserve(Reserve {
                account,
                sequence,
                date,
                hold,
                amount,
            }),
            What::Settle { hold, amount, contra } => HistoryRow::Settle(Settle {
                account,
                sequence,
                date,
                hold,
                amount,
                contra,
                balance_after,
            }),
            What::Reverse {
                of,
                amount,
                contra,
                reference,
                forced,
            } => HistoryRow::Reversal(Reversal {
                account,
                sequence,
                date,
                of: self.rows_of.get(&of).copied().unwrap_or_default(),
                amount,
                contra,
                reference,
                balance_after,
                forced,
            }),
            What::Release { hold } => HistoryRow::Release(Release {
                account,
                sequence,
                date,
                hold,
            }),
            // A transfer's row is that of both sides.
            What::Out(_) | What::In(_) => return None,
        })
    }
}

fn posting(
    (account, sequence, date): (String, u64, NaiveDate),
    post: Post,
    balance_after: Option<i64>,
) -> Posting {
    Posting {
        account,
        sequence,
        date,
        value_date: (post.value_date != date).then_some(post.value_date),
        amount: post.amount,
        rounding: post.rounding,
        contra: post.contra,
        kind: post.kind,
        reference: post.reference,
        counterparty: post.bank.map(|bank| Counterparty {
            bank: Some(bank),
            account: None,
        }),
        balance_after,
        forced: post.forced,
    }
}

impl Lane {
    fn open(&mut self) -> HistoryRow {
        self.is_opened = true;
        let opened = &self.account.opened;
        HistoryRow::Open(Open {
            account: self.id.to_string(),
            owner: opened.owner.to_string(),
            date: opened.booking_date,
            currency: opened.currency,
            product: opened.product.to_string(),
            branch: self.account.branch.clone(),
            opening_balance: self.account.opening_balance,
        })
    }

    /// What comes next; nothing as long as the account isn't open.
    fn head(&self) -> Option<&Step> {
        self.account.steps.get(self.next).filter(|_| self.is_opened)
    }

    fn head_is(&self, what: &What) -> bool {
        self.head().is_some_and(|step| step.what == *what)
    }

    /// The head, which is there: lanes are ready only when it is.
    fn take(&mut self) -> Step {
        let step = self.account.steps[self.next].clone();
        self.next += 1;
        step
    }
}
