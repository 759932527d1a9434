//! In which order rows may be sent, so that every account sees its own in the order of the history.
//!
//! Rows of one account go to one partition in the order in which they are sent, and those that book money name the row
//! before them, so that the ledger itself refuses what stands behind a row that it refused. What it can't refuse waits:
//!
//! - A transfer reaches its creditor by the ledger's own follow-up, past that order: it is sent when the creditor's earlier
//!   rows are answered, and the creditor's later rows wait until its money has arrived.
//! - A row that goes alone (an opening, a hold, a payment) names no row: it is sent when the account's earlier rows are answered, and
//!   the later ones wait for its answer.
//!
//! Accounts don't wait for one another otherwise.

use std::collections::VecDeque;

use hashbrown::HashMap;
use tributary_contracts::record::Outgoing;
use tributary_ids::{AccountId, CommandId, PaymentId};

use crate::pay::Errand;

/// A row's place among all rows of the replay.
pub(crate) type Number = u64;

/// A row to be sent.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) command: CommandId,
    pub(crate) account: AccountId,
    /// Of a transfer: the payment and the creditor.
    pub(crate) transfer: Option<(PaymentId, AccountId)>,
    /// Whether the ledger can't tell which row is before this one.
    pub(crate) alone: bool,
    pub(crate) what: What,
}

/// How a row is sent.
#[derive(Debug)]
pub(crate) enum What {
    /// A command, to the ledger's inbox.
    Command(Outgoing),
    /// A payment, to the API.
    Payment(Errand),
}

/// The rows of an account.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Number>,
    /// Sent, and not answered.
    unanswered: u32,
    /// One of them goes alone.
    is_held: bool,
    /// Money that has to arrive before anything else is sent.
    expects: Option<PaymentId>,
}

/// A row that wasn't sent yet.
#[derive(Debug)]
struct Waiting {
    task: Task,
    /// It stands in [`Scheduler::ready`].
    may_go: bool,
}

/// A row that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    account: AccountId,
    transfer: Option<(PaymentId, AccountId)>,
    alone: bool,
}

/// What may be sent next.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    tasks: HashMap<Number, Waiting>,
    lanes: HashMap<AccountId, Lane>,
    next_number: Number,
    /// Rows that may be sent. One that was parked since is in here still, and not in `tasks`.
    ready: VecDeque<Number>,
    unanswered: HashMap<CommandId, Sent>,
    /// The creditors of what is on its way, by payment.
    expected: HashMap<PaymentId, AccountId>,
}

impl Scheduler {
    /// Adds the next row of the history.
    pub(crate) fn push(&mut self, task: Task) {
        let number = self.next_number;
        self.next_number += 1;
        let debtor = task.account;
        let creditor = task.transfer.map(|(_, creditor)| creditor);
        self.tasks.insert(number, Waiting { task, may_go: false });
        for account in [Some(debtor), creditor].into_iter().flatten() {
            self.lanes.entry(account).or_default().waiting.push_back(number);
        }
        // Whatever waited before was looked at when it came to the front.
        if self.head_of(debtor) == Some(number) {
            self.look_at(debtor);
        }
    }

    /// Takes a row that may be sent now; it counts as sent.
    pub(crate) fn take(&mut self) -> Option<Task> {
        let task = loop {
            let number = self.ready.pop_front()?;
            if let Some(waiting) = self.tasks.remove(&number) {
                break waiting.task;
            }
        };
        let lane = self.lanes.entry(task.account).or_default();
        lane.waiting.pop_front();
        lane.unanswered += 1;
        lane.is_held = task.alone;
        if let Some((payment, creditor)) = task.transfer {
            let lane = self.lanes.entry(creditor).or_default();
            lane.waiting.pop_front();
            lane.expects = Some(payment);
            self.expected.insert(payment, creditor);
        }
        let sent = Sent {
            account: task.account,
            transfer: task.transfer,
            alone: task.alone,
        };
        self.unanswered.insert(task.command, sent);
        self.look_at(task.account);
        Some(task)
    }

    /// The log has what a command led to. Whatever isn't of a row of ours is passed over.
    pub(crate) fn answered(&mut self, command: CommandId) {
        let Some(sent) = self.unanswered.remove(&command) else {
            return;
        };
        let lane = self.lanes.entry(sent.account).or_default();
        lane.unanswered -= 1;
        lane.is_held &= !sent.alone;
        if lane.unanswered == 0 {
            self.look_at(sent.account);
        }
    }

    /// A payment left transit.
    pub(crate) fn arrived(&mut self, payment: PaymentId) {
        if let Some(creditor) = self.expected.remove(&payment) {
            if let Some(lane) = self.lanes.get_mut(&creditor) {
                lane.expects = None;
            }
            self.look_at(creditor);
        }
    }

    /// The ledger refused a row: nothing more is sent of its account, nor of the creditor that it would have paid. Gives
    /// all accounts that are parked by it; it is to be told before [`Self::answered`].
    pub(crate) fn refused(&mut self, command: CommandId) -> Vec<AccountId> {
        let Some(sent) = self.unanswered.get(&command).copied() else {
            return Vec::new();
        };
        let mut parked = self.park(sent.account);
        if let Some((payment, creditor)) = sent.transfer {
            parked.extend(self.park(creditor));
            self.arrived(payment);
        }
        parked
    }

    /// Drops all rows of an account that wait, and with each transfer among them the rows of its other side from there.
    fn park(&mut self, account: AccountId) -> Vec<AccountId> {
        let mut parked = Vec::new();
        let mut from = vec![(account, 0)];
        while let Some((account, first)) = from.pop() {
            parked.push(account);
            let Some(lane) = self.lanes.get_mut(&account) else {
                continue;
            };
            let kept = lane.waiting.partition_point(|number| *number < first);
            for number in lane.waiting.split_off(kept) {
                if let Some(Waiting { task, .. }) = self.tasks.remove(&number)
                    && let Some((_, creditor)) = task.transfer
                {
                    let other = if task.account == account {
                        creditor
                    } else {
                        task.account
                    };
                    from.push((other, number));
                }
            }
        }
        parked
    }

    /// Rows that wait to be sent.
    pub(crate) fn waiting(&self) -> usize {
        self.tasks.len()
    }

    /// Payments on their way.
    pub(crate) fn in_transit(&self) -> usize {
        self.expected.len()
    }

    /// Sees whether the account's first waiting row may be sent.
    fn look_at(&mut self, account: AccountId) {
        let Some(number) = self.head_of(account) else {
            return;
        };
        let Some(Waiting { task, may_go: false }) = self.tasks.get(&number) else {
            return;
        };
        let may_go = match task.transfer {
            Some((_, creditor)) => {
                [task.account, creditor].map(|side| self.head_of(side)) == [Some(number); 2]
                    && self.is_answered(creditor)
                    && (!task.alone || self.is_answered(task.account))
            }
            None => !task.alone || self.is_answered(account),
        };
        if let Some(waiting) = self.tasks.get_mut(&number).filter(|_| may_go) {
            waiting.may_go = true;
            self.ready.push_back(number);
        }
    }

    /// The first waiting row of an account that isn't held up.
    fn head_of(&self, account: AccountId) -> Option<Number> {
        let lane = self.lanes.get(&account)?;
        match lane.is_held || lane.expects.is_some() {
            true => None,
            false => lane.waiting.front().copied(),
        }
    }

    fn is_answered(&self, account: AccountId) -> bool {
        self.lanes.get(&account).is_none_or(|lane| lane.unanswered == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId {
        AccountId::named(name)
    }

    fn task(name: &str, debtor: &str, creditor: Option<&str>) -> Task {
        Task {
            command: CommandId::named(name),
            account: account(debtor),
            transfer: creditor.map(|creditor| (PaymentId::named(name), account(creditor))),
            alone: false,
            what: What::Command(Outgoing {
                topic: "accounts.inbox",
                partition: i32::from(debtor == "b"),
                key: name.as_bytes().to_vec(),
                headers: Default::default(),
                value: Vec::new(),
            }),
        }
    }

    /// Names of all that may be sent now.
    fn sent(scheduler: &mut Scheduler) -> Vec<String> {
        std::iter::from_fn(|| scheduler.take())
            .map(|task| match task.what {
                What::Command(record) => String::from_utf8(record.key).unwrap(),
                What::Payment(errand) => errand.row.to_string(),
            })
            .collect()
    }

    #[test]
    fn rows_without_transfers_go_in_the_order_of_the_history() {
        let mut scheduler = Scheduler::default();
        for (name, of) in [("1", "a"), ("2", "b"), ("3", "a"), ("4", "a")] {
            scheduler.push(task(name, of, None));
        }
        let order = sent(&mut scheduler);
        let of_a: Vec<_> = order.iter().filter(|name| *name != "2").collect();
        assert_eq!(order.len(), 4);
        assert_eq!(of_a, ["1", "3", "4"]);
        assert_eq!(scheduler.waiting(), 0);
    }

    fn alone(name: &str, of: &str) -> Task {
        Task {
            alone: true,
            ..task(name, of, None)
        }
    }

    #[test]
    fn a_transfer_waits_until_the_creditors_earlier_rows_are_answered() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("deposit", "b", None));
        scheduler.push(task("pay", "a", Some("b")));
        assert_eq!(sent(&mut scheduler), ["deposit"]);
        scheduler.answered(CommandId::named("another's"));
        assert_eq!(sent(&mut scheduler), [""; 0]);
        scheduler.answered(CommandId::named("deposit"));
        assert_eq!(sent(&mut scheduler), ["pay"]);
    }

    #[test]
    fn a_row_that_goes_alone_waits_for_those_before_and_holds_up_those_behind() {
        let mut scheduler = Scheduler::default();
        scheduler.push(alone("open", "a"));
        scheduler.push(task("1", "a", None));
        scheduler.push(task("2", "a", None));
        scheduler.push(alone("hold", "a"));
        scheduler.push(task("3", "a", None));
        scheduler.push(task("other", "b", None));
        assert_eq!(sent(&mut scheduler), ["open", "other"]);
        scheduler.answered(CommandId::named("open"));
        assert_eq!(sent(&mut scheduler), ["1", "2"]);
        scheduler.answered(CommandId::named("1"));
        assert_eq!(sent(&mut scheduler), [""; 0]);
        scheduler.answered(CommandId::named("2"));
        assert_eq!(sent(&mut scheduler), ["hold"]);
        scheduler.answered(CommandId::named("hold"));
        assert_eq!(sent(&mut scheduler), ["3"]);
    }

    #[test]
    fn behind_a_refused_row_nothing_is_sent_and_who_it_would_have_paid_waits_from_there() {
        let mut scheduler = Scheduler::default();
        scheduler.push(alone("refused", "a"));
        scheduler.push(task("behind", "a", None));
        scheduler.push(task("before", "b", None));
        scheduler.push(task("pay", "a", Some("b")));
        scheduler.push(task("after", "b", None));
        scheduler.push(task("on", "b", Some("c")));
        scheduler.push(task("c's", "c", None));
        scheduler.push(task("d's", "d", None));
        assert_eq!(sent(&mut scheduler), ["refused", "before", "d's"]);
        let parked = scheduler.refused(CommandId::named("refused"));
        scheduler.answered(CommandId::named("refused"));
        for name in ["a", "b", "c"] {
            assert!(parked.contains(&account(name)), "{name}");
        }
        assert!(!parked.contains(&account("d")));
        scheduler.answered(CommandId::named("before"));
        assert_eq!(sent(&mut scheduler), [""; 0]);
        assert_eq!(scheduler.waiting(), 0);
    }

    #[test]
    fn what_may_go_already_is_not_sent_any_more_once_its_account_is_parked() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("1", "a", None));
        assert_eq!(
            scheduler.take().map(|task| task.command),
            Some(CommandId::named("1"))
        );
        scheduler.push(task("2", "a", None));
        scheduler.push(task("other", "b", None));
        scheduler.refused(CommandId::named("1"));
        assert_eq!(sent(&mut scheduler), ["other"]);
    }

    #[test]
    fn the_creditors_later_rows_wait_for_its_money_and_the_debtors_do_not() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("pay", "a", Some("b")));
        scheduler.push(task("spend", "b", None));
        scheduler.push(task("other", "a", None));
        assert_eq!(sent(&mut scheduler), ["pay", "other"]);
        assert_eq!(scheduler.in_transit(), 1);
        scheduler.arrived(PaymentId::named("pay"));
        assert_eq!(sent(&mut scheduler), ["spend"]);
        assert_eq!(scheduler.in_transit(), 0);
    }

    #[test]
    fn a_payment_goes_alone_on_both_its_sides() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("deposit", "a", None));
        scheduler.push(Task {
            alone: true,
            ..task("pay", "a", Some("b"))
        });
        scheduler.push(task("spend", "b", None));
        scheduler.push(task("on", "a", None));
        assert_eq!(sent(&mut scheduler), ["deposit"]);
        scheduler.answered(CommandId::named("deposit"));
        assert_eq!(sent(&mut scheduler), ["pay"]);
        scheduler.arrived(PaymentId::named("pay"));
        scheduler.answered(CommandId::named("pay"));
        let mut last = sent(&mut scheduler);
        last.sort_unstable();
        assert_eq!(last, ["on", "spend"]);
    }

    #[test]
    fn two_accounts_that_pay_one_another_take_turns() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("there", "a", Some("b")));
        scheduler.push(task("back", "b", Some("a")));
        assert_eq!(sent(&mut scheduler), ["there"]);
        scheduler.arrived(PaymentId::named("there"));
        assert_eq!(sent(&mut scheduler), [""; 0]);
        scheduler.answered(CommandId::named("there"));
        assert_eq!(sent(&mut scheduler), ["back"]);
    }

    #[test]
    fn a_refused_transfer_parks_both_its_sides_and_nobody_else() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("pay", "a", Some("b")));
        scheduler.push(task("spend", "b", None));
        scheduler.push(task("on", "a", None));
        scheduler.push(task("other", "c", None));
        assert_eq!(
            scheduler.take().map(|task| task.command),
            Some(CommandId::named("pay"))
        );
        assert_eq!(
            scheduler.refused(CommandId::named("pay")),
            [account("a"), account("b")]
        );
        scheduler.answered(CommandId::named("pay"));
        assert_eq!(sent(&mut scheduler), ["other"]);
        assert_eq!((scheduler.in_transit(), scheduler.waiting()), (0, 0));
    }
}
