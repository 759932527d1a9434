//! What holds after any sequence of commands, in any order, repeated or not, in two partitions.

use std::collections::{BTreeSet, HashMap};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use tributary_accounts_domain::{
    Books, Context, Decision, Hold, HoldState, Recorded, Rejection, decide, decide_timer, evolve,
    timer_changes,
};
use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent, Direction, EntryKind, GlAccount, Reverse},
    codec::Message,
    runtime::{TimerChange, TimerId},
};
use tributary_ids::{AccountId, CommandId};
use tributary_overlay::Layered;

use crate::{
    harness::{NOW, czk, eur, today},
    random::{Step, partition_of, step},
};

const PARTITIONS: usize = 2;

/// Two partitions of the ledger, with what is on its way to them.
#[derive(Default)]
struct Bank {
    partitions: [Partition; PARTITIONS],
    /// Follow-ups that were not delivered yet.
    under_way: Vec<AccountsCommand>,
    /// Every command there was.
    commands: Vec<AccountsCommand>,
    decisions: usize,
}

#[derive(Default)]
struct Partition {
    books: Books,
    /// Highest row of the random source that each account has taken.
    imported: HashMap<AccountId, u64>,
    log: Vec<(AccountsEvent, Recorded)>,
    timers: HashMap<(String, String), TimerId>,
}

impl Bank {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Command(command) if self.is_seen_through(command) => self.command(command.clone()),
            Step::Deliver(number) if !self.under_way.is_empty() => {
                let command = self.under_way.remove(number % self.under_way.len());
                self.command(command);
            }
            Step::Repeat(number) if !self.commands.is_empty() => {
                self.command(self.commands[number % self.commands.len()].clone());
            }
            Step::Reverse(number) => self.reverse(*number),
            Step::FireTimers(partition) => self.fire_timers(partition % PARTITIONS),
            Step::Command(_) | Step::Deliver(_) | Step::Repeat(_) => {}
        }
    }

    /// A transfer in that nobody sent is found out where its debtor's account is known not to have sent it. Elsewhere
    /// the ledger relies on who may write to its inbox, so it isn't tried.
    fn is_seen_through(&self, command: &AccountsCommand) -> bool {
        match command {
            AccountsCommand::TransferIn(false_one) => {
                let books = &self.partitions[partition_of(false_one.account_id)].books;
                books.account(false_one.debtor).is_some()
            }
            _ => true,
        }
    }

    fn command(&mut self, command: AccountsCommand) {
        let partition = match &command {
            AccountsCommand::CloseDay(close) => close.partition as usize,
            other => partition_of(other.account().unwrap()),
        };
        let context = self.context(partition);
        let books = &self.partitions[partition].books;
        let decided = decide(books, &command, &context);
        assert_eq!(decided, decide(books, &command, &context), "decisions are pure");
        self.commands.push(command);
        self.carry_out(partition, &context, decided);
    }

    fn reverse(&mut self, number: usize) {
        let log = self.partitions.iter().flat_map(|partition| &partition.log);
        let entries: Vec<Reverse> = log
            .filter_map(|(event, recorded)| match event {
                AccountsEvent::EntryPosted(entry) => Some(Reverse {
                    account_id: entry.account_id,
                    entry_id: recorded.event_id.to_string().into(),
                    booking_date: today(),
                    import: None,
                }),
                _ => None,
            })
            .collect();
        if let Some(reverse) = entries.get(number % entries.len().max(1)) {
            self.command(reverse.clone().into());
        }
    }

    fn fire_timers(&mut self, partition: usize) {
        let timers: Vec<TimerId> = self.partitions[partition].timers.values().cloned().collect();
        for timer in timers {
            let context = Context {
                time_ms: timer.due,
                ..self.context(partition)
            };
            let decided = Ok(decide_timer(&self.partitions[partition].books, &timer, &context));
            self.carry_out(partition, &context, decided);
        }
    }

    fn context(&self, partition: usize) -> Context {
        Context {
            command_id: CommandId::named(&format!("{}", self.decisions)),
            partition: partition as i32,
            time_ms: NOW + self.decisions as i64,
        }
    }

    fn carry_out(&mut self, number: usize, context: &Context, decided: Result<Decision, Rejection>) {
        self.decisions += 1;
        let Ok(decision) = decided else { return };
        let partition = &mut self.partitions[number];
        for (index, event) in decision.events.into_iter().enumerate() {
            let recorded = Recorded {
                event_id: context.command_id.event(index as u32),
                time_ms: context.time_ms,
            };
            partition.fold(event, recorded);
        }
        self.under_way.extend(decision.send);
        check(&partition.books);
    }

    fn deliver_all(&mut self) {
        while let Some(command) = self.under_way.pop() {
            self.command(command);
        }
    }

    /// Credits less debits on 2100, over all partitions.
    fn in_transit(&self) -> i128 {
        let partitions = self.partitions.iter();
        partitions.map(|partition| in_transit(&partition.books)).sum()
    }
}

fn in_transit(books: &Books) -> i128 {
    books
        .gl_balances()
        .filter(|(account, ..)| *account == GlAccount::IN_TRANSIT)
        .map(|(.., balance)| balance)
        .sum()
}

impl Partition {
    fn fold(&mut self, event: AccountsEvent, recorded: Recorded) {
        let before = self.books.clone();
        self.books.set_savepoint();
        evolve(&mut self.books, &event, &recorded).unwrap();
        self.books.undo_to_savepoint();
        assert_eq!(self.books, before, "undone, an event leaves nothing behind");
        evolve(&mut self.books, &event, &recorded).unwrap();
        self.books.commit();
        self.check_discretion(&event);
        self.check_import(&event);
        for change in timer_changes(&event) {
            match change {
                TimerChange::Arm(timer) => {
                    let key = (timer.aggregate.clone(), timer.name.clone());
                    self.timers.insert(key, timer);
                }
                TimerChange::Disarm { aggregate, name } => {
                    self.timers.remove(&(aggregate, name));
                }
            }
        }
        self.log.push((event, recorded));
    }

    /// Rows are taken in ascending order, and only behind the one that they name.
    fn check_import(&mut self, event: &AccountsEvent) {
        if let AccountsEvent::EntryPosted(entry) = event
            && let Some(import) = &entry.import
        {
            let highest = self
                .imported
                .insert(entry.account_id, import.sequence)
                .unwrap_or(0);
            assert!(highest < import.sequence);
            assert!(import.after.is_none_or(|after| after == highest));
        }
    }

    /// No debit that wasn't forced leaves less than nothing available.
    fn check_discretion(&self, event: &AccountsEvent) {
        if let AccountsEvent::EntryPosted(entry) = event {
            let account = self.books.account(entry.account_id).unwrap();
            assert_eq!(entry.imbalance(), 0);
            assert_eq!(account.posted, entry.balance_after);
            assert!(entry.forced || entry.movement() >= 0 || account.available() >= 0);
        }
    }
}

/// What holds in one partition after every event.
fn check(books: &Books) {
    assert_eq!(books.imbalance(czk()), 0);
    assert_eq!(books.imbalance(eur()), 0);
    let mut pending: HashMap<AccountId, (i64, i64, u32)> = HashMap::new();
    for (account, _, hold) in books.holds() {
        assert!(hold.is_conserved(), "{hold:?}");
        add_pending(pending.entry(account).or_default(), hold);
    }
    for (id, account) in books.accounts() {
        let held = (account.pending_out, account.pending_in, account.open_holds);
        assert_eq!(held, pending.get(&id).copied().unwrap_or_default());
        assert!(!account.closed || (account.posted == 0 && account.open_holds == 0));
    }
    let items = books.transits().map(|(.., item)| {
        assert!(item.is_consistent(), "{item:?}");
        let signed = i128::from(item.sent) - i128::from(item.credited) - i128::from(item.returned);
        signed * i128::from(item.amount)
    });
    assert_eq!(
        items.sum::<i128>(),
        in_transit(books),
        "open items make up the account"
    );
}

fn add_pending(pending: &mut (i64, i64, u32), hold: &Hold) {
    match hold.direction {
        Direction::Out => pending.0 += hold.open,
        Direction::In => pending.1 += hold.open,
    }
    pending.2 += u32::from(hold.state == HoldState::Open);
}

proptest! {
    #[test]
    fn the_invariants_hold_whatever_is_asked(steps in prop::collection::vec(step(), 1..120)) {
        let mut bank = Bank::default();
        for step in &steps {
            bank.take(step);
        }
        bank.deliver_all();
        prop_assert_eq!(bank.in_transit(), 0, "nothing stays in transit once all is delivered");
        for partition in &bank.partitions {
            let mut folded = Books::default();
            let mut seqs: HashMap<AccountId, u64> = HashMap::new();
            for (event, recorded) in &partition.log {
                evolve(&mut folded, event, recorded).unwrap();
                if let Some((account, seq)) = event.seq() {
                    let last = seqs.entry(account).or_default();
                    prop_assert_eq!(seq, *last + 1, "no gap");
                    *last = seq;
                }
            }
            folded.commit();
            prop_assert_eq!(&folded, &partition.books, "the fold of the log is the state");
            let snapshot = postcard::to_stdvec(&partition.books).unwrap();
            prop_assert_eq!(&snapshot, &postcard::to_stdvec(&folded).unwrap(), "byte for byte");
            let restored: Books = postcard::from_bytes(&snapshot).unwrap();
            prop_assert_eq!(&restored, &partition.books, "a snapshot gives the state back");
        }
    }
}

/// A generator whose commands are all refused would prove nothing.
#[test]
fn random_commands_cause_every_kind_of_event_and_entry() {
    let mut runner = TestRunner::deterministic();
    let steps = prop::collection::vec(step(), 100..120);
    let (mut events, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..200 {
        let mut bank = Bank::default();
        for step in steps.new_tree(&mut runner).unwrap().current() {
            bank.take(&step);
        }
        for (event, _) in bank.partitions.iter().flat_map(|partition| &partition.log) {
            events.insert(event.ce_type());
            if let AccountsEvent::EntryPosted(entry) = event {
                kinds.insert(format!("{:?}", entry.kind));
            }
        }
    }
    assert_eq!(events, AccountsEvent::TYPES.iter().copied().collect());
    let all = [
        EntryKind::OpeningBalance,
        EntryKind::Credit,
        EntryKind::Debit,
        EntryKind::Settlement,
        EntryKind::TransferOut,
        EntryKind::TransferIn,
        EntryKind::TransferReturn,
        EntryKind::Reversal,
    ];
    assert_eq!(kinds, all.iter().map(|kind| format!("{kind:?}")).collect());
}
