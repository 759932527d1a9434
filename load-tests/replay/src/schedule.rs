//! In which order rows may be sent, so that every account sees its own in the order of the history.
//!
//! Rows of one account go to one partition in the order in which they are sent. A transfer reaches its creditor by the
//! ledger's own follow-up, past that order: it is sent when the creditor's earlier rows are in the log, and the
//! creditor's later rows wait until its money has arrived. Accounts don't wait for one another otherwise.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;
use tributary_contracts::record::Outgoing;
use tributary_ids::{AccountId, CommandId, PaymentId};

/// A row's place among all rows of the replay.
pub(crate) type Number = u64;

/// A row to be sent.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) command: CommandId,
    pub(crate) account: AccountId,
    /// Of a transfer: the payment and the creditor.
    pub(crate) transfer: Option<(PaymentId, AccountId)>,
    pub(crate) record: Outgoing,
}

/// The rows of an account that wait.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Number>,
    /// Partition and the count of what had been sent there with the account's last row.
    last_sent: Option<(i32, u64)>,
    /// Money that has to arrive before anything else is sent.
    expects: Option<PaymentId>,
}

/// What may be sent next.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    tasks: HashMap<Number, Task>,
    lanes: HashMap<AccountId, Lane>,
    next_number: Number,
    ready: VecDeque<Number>,
    /// Transfers that only wait for a creditor's rows to be delivered.
    undelivered: Vec<Number>,
    sent: BTreeMap<i32, u64>,
    delivered: BTreeMap<i32, u64>,
    /// The creditors of what is on its way, by payment and by the command that sent it.
    expected: HashMap<PaymentId, AccountId>,
    sent_by: HashMap<CommandId, PaymentId>,
}

impl Scheduler {
    /// Adds the next row of the history.
    pub(crate) fn push(&mut self, task: Task) {
        let number = self.next_number;
        self.next_number += 1;
        let debtor = task.account;
        let creditor = task.transfer.map(|(_, creditor)| creditor);
        self.tasks.insert(number, task);
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
        let number = self.ready.pop_front()?;
        let task = self.tasks.remove(&number)?;
        let sent = self.sent.entry(task.record.partition).or_default();
        *sent += 1;
        let last_sent = Some((task.record.partition, *sent));
        let lane = self.lanes.entry(task.account).or_default();
        lane.waiting.pop_front();
        lane.last_sent = last_sent;
        if let Some((payment, creditor)) = task.transfer {
            let lane = self.lanes.entry(creditor).or_default();
            lane.waiting.pop_front();
            lane.expects = Some(payment);
            self.expected.insert(payment, creditor);
            self.sent_by.insert(task.command, payment);
        }
        self.look_at(task.account);
        Some(task)
    }

    /// A record that was sent to this partition is in the log.
    pub(crate) fn delivered(&mut self, partition: i32) {
        *self.delivered.entry(partition).or_default() += 1;
        let undelivered = std::mem::take(&mut self.undelivered);
        for number in undelivered {
            self.release(number);
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

    /// A command was refused: what it would have sent doesn't come.
    pub(crate) fn refused(&mut self, command: CommandId) {
        if let Some(payment) = self.sent_by.get(&command) {
            self.arrived(*payment);
        }
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
        match self.tasks.get(&number).map(|task| (task.account, task.transfer)) {
            Some((_, None)) => self.ready.push_back(number),
            Some((debtor, Some((_, creditor)))) => {
                let both = [debtor, creditor].map(|side| self.head_of(side)) == [Some(number); 2];
                if both {
                    self.release(number);
                }
            }
            None => {}
        }
    }

    /// The first waiting row of an account that isn't held up.
    fn head_of(&self, account: AccountId) -> Option<Number> {
        let lane = self.lanes.get(&account)?;
        match lane.expects {
            Some(_) => None,
            None => lane.waiting.front().copied(),
        }
    }

    /// A transfer that is first with both its accounts goes, once what the creditor was sent is in the log.
    fn release(&mut self, number: Number) {
        let creditor = self
            .tasks
            .get(&number)
            .and_then(|task| task.transfer)
            .and_then(|(_, creditor)| self.lanes.get(&creditor));
        let delivered = creditor
            .and_then(|lane| lane.last_sent)
            .is_none_or(|(partition, count)| {
                self.delivered
                    .get(&partition)
                    .is_some_and(|delivered| *delivered >= count)
            });
        match delivered {
            true => self.ready.push_back(number),
            false => self.undelivered.push(number),
        }
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
            record: Outgoing {
                topic: "accounts.inbox",
                partition: i32::from(debtor == "b"),
                key: name.as_bytes().to_vec(),
                headers: Default::default(),
                value: Vec::new(),
            },
        }
    }

    /// Names of all that may be sent now.
    fn sent(scheduler: &mut Scheduler) -> Vec<String> {
        std::iter::from_fn(|| scheduler.take())
            .map(|task| String::from_utf8(task.record.key).unwrap())
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

    #[test]
    fn a_transfer_waits_until_the_creditors_earlier_rows_are_in_the_log() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("deposit", "b", None));
        scheduler.push(task("pay", "a", Some("b")));
        assert_eq!(sent(&mut scheduler), ["deposit"]);
        scheduler.delivered(0);
        assert_eq!(sent(&mut scheduler), [""; 0]);
        scheduler.delivered(1);
        assert_eq!(sent(&mut scheduler), ["pay"]);
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
    fn two_accounts_that_pay_one_another_take_turns() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("there", "a", Some("b")));
        scheduler.push(task("back", "b", Some("a")));
        assert_eq!(sent(&mut scheduler), ["there"]);
        scheduler.delivered(0);
        scheduler.arrived(PaymentId::named("there"));
        assert_eq!(sent(&mut scheduler), ["back"]);
    }

    #[test]
    fn a_refused_transfer_holds_nobody_up() {
        let mut scheduler = Scheduler::default();
        scheduler.push(task("pay", "a", Some("b")));
        scheduler.push(task("spend", "b", None));
        assert_eq!(sent(&mut scheduler), ["pay"]);
        scheduler.refused(CommandId::named("pay"));
        assert_eq!(sent(&mut scheduler), ["spend"]);
    }
}
