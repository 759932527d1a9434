//! What a command does: events, follow-up commands, or a refusal. Reads the books, changes nothing.

mod account_life;
mod booking;
mod days;
mod holds;
mod postings;
mod reversals;
mod transfers;

use smallvec::{SmallVec, smallvec};
use smol_str::SmolStr;
use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent, NothingToDo, TransferEnd, TransferredTo},
    runtime::TimerId,
};
use tributary_ids::CommandId;

use crate::{Books, Rejection};

/// What surrounds a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub command_id: CommandId,
    /// Number of the partition whose books these are.
    pub partition: i32,
    /// Record time in milliseconds since the epoch; it never goes back within a partition.
    pub time_ms: i64,
}

/// What an accepted command does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// In order. At least one for a command; none for a timer that nothing waits for any more.
    pub events: SmallVec<[AccountsEvent; 2]>,
    /// Follow-ups to `accounts.inbox`, to be sent in the same transaction. Each takes over the answer: a transfer is
    /// answered when it is known where the money is in the end.
    pub send: SmallVec<[AccountsCommand; 1]>,
    /// What whoever sent the transfer is answered.
    pub end: Option<TransferEnd>,
}

impl Decision {
    fn event(event: impl Into<AccountsEvent>) -> Self {
        Self {
            events: smallvec![event.into()],
            send: SmallVec::new(),
            end: None,
        }
    }

    /// The command is fine, and what it wants is so already.
    fn nothing_to_do(code: &'static str) -> Self {
        Self::event(NothingToDo {
            code: SmolStr::new_static(code),
        })
    }

    fn and(mut self, event: impl Into<AccountsEvent>) -> Self {
        self.events.push(event.into());
        self
    }

    fn and_send(mut self, command: impl Into<AccountsCommand>) -> Self {
        self.send.push(command.into());
        self
    }

    fn and_end(mut self, to: TransferredTo, code: Option<SmolStr>) -> Self {
        self.end = Some(TransferEnd { to, code });
        self
    }
}

/// Decides a command on the books of its partition.
///
/// Checks what the command says of itself first, then what the books say, repetition before state: a command that
/// was carried out before is answered as such, whatever became of its account since.
pub fn decide(books: &Books, command: &AccountsCommand, context: &Context) -> Result<Decision, Rejection> {
    match command {
        AccountsCommand::OpenAccount(command) => account_life::open(books, command),
        AccountsCommand::CloseAccount(command) => account_life::close(books, command),
        AccountsCommand::BlockAccount(command) => account_life::block(books, command),
        AccountsCommand::UnblockAccount(command) => account_life::unblock(books, command),
        AccountsCommand::SetOverdraftLimit(command) => account_life::set_overdraft_limit(books, command),
        AccountsCommand::Reserve(command) => holds::reserve(books, command, context),
        AccountsCommand::AdjustHold(command) => holds::adjust(books, command),
        AccountsCommand::Settle(command) => holds::settle(books, command),
        AccountsCommand::Release(command) => holds::release(books, command),
        AccountsCommand::Credit(command) => postings::credit(books, command),
        AccountsCommand::Debit(command) => postings::debit(books, command),
        AccountsCommand::TransferOut(command) => transfers::send(books, command, context),
        AccountsCommand::TransferIn(command) => transfers::receive(books, command, context),
        AccountsCommand::ReturnTransfer(command) => transfers::give_back(books, command, context),
        AccountsCommand::Reverse(command) => reversals::reverse(books, command),
        AccountsCommand::CloseDay(command) => days::close(books, command, context),
    }
}

/// Decides what a due timer does: a hold that is still open lapses. No events: nothing waits for it any more.
///
/// # Panics
///
/// When the timer isn't due: whoever keeps the timers arms one again that comes too early.
pub fn decide_timer(books: &Books, timer: &TimerId, context: &Context) -> Decision {
    assert!(
        timer.due <= context.time_ms,
        "a timer that isn't due is armed again"
    );
    crate::timer::hold_of(timer)
        .and_then(|(account_id, hold_id)| holds::expire(books, account_id, hold_id, timer.due))
        .unwrap_or_default()
}

/// Whether the command may come again and again without being remembered by its id: its own data (the row of a
/// history, the id of what it creates or ends, the day) makes the ledger do it once.
///
/// Ids of holds and payments are remembered for at least [`crate::REMEMBERED_MS`] after they ended.
pub fn dedupes_itself(command: &AccountsCommand) -> bool {
    match command {
        AccountsCommand::OpenAccount(_)
        | AccountsCommand::Reserve(_)
        | AccountsCommand::Release(_)
        | AccountsCommand::TransferOut(_)
        | AccountsCommand::TransferIn(_)
        | AccountsCommand::ReturnTransfer(_)
        | AccountsCommand::CloseDay(_) => true,
        AccountsCommand::Credit(_)
        | AccountsCommand::Debit(_)
        | AccountsCommand::Settle(_)
        | AccountsCommand::Reverse(_) => command.import().is_some(),
        AccountsCommand::CloseAccount(_)
        | AccountsCommand::BlockAccount(_)
        | AccountsCommand::UnblockAccount(_)
        | AccountsCommand::SetOverdraftLimit(_)
        | AccountsCommand::AdjustHold(_) => false,
    }
}
