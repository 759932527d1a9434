//! `given(events).when(command).then(events)`, and short ways to write events and commands down.

use tributary_accounts_domain::{
    Books, Context, Decision, Recorded, Rejection, decide, decide_timer, evolve,
};
use tributary_contracts::{
    accounts::{
        AccountOpened, AccountsCommand, AccountsEvent, BlockScope, Credit, DayClosed, Debit, Details,
        Direction, EntryKind, EntryPosted, GlAccount, HoldPlaced, LedgerAccount, Leg, NothingToDo,
        OpenAccount, Reserve, Settle, Side, TransferIn, TransferOut, TransferredTo,
    },
    envelope::BusinessDate,
    runtime::TimerId,
};
use tributary_ids::{AccountId, CommandId, CustomerId, EventId, HoldId, PaymentId};
use tributary_money::Currency;

pub(crate) const PARTITION: i32 = 0;

/// Record time of all that is given.
pub(crate) const NOW: i64 = 1_800_000_000_000;

pub(crate) fn czk() -> Currency {
    "CZK".parse().unwrap()
}

pub(crate) fn eur() -> Currency {
    "EUR".parse().unwrap()
}

pub(crate) fn anna() -> AccountId {
    AccountId::named("anna")
}

pub(crate) fn boris() -> AccountId {
    AccountId::named("boris")
}

pub(crate) fn hold() -> HoldId {
    HoldId::named("hold")
}

pub(crate) fn payment() -> PaymentId {
    PaymentId::named("payment")
}

pub(crate) fn date(text: &str) -> BusinessDate {
    text.parse().unwrap()
}

pub(crate) fn today() -> BusinessDate {
    date("1993-03-01")
}

pub(crate) fn context() -> Context {
    Context {
        command_id: CommandId::named("when"),
        partition: PARTITION,
        time_ms: NOW,
    }
}

/// The id of given event number `number`, from 0.
pub(crate) fn given_id(number: usize) -> EventId {
    CommandId::named(&format!("given/{number}")).event(0)
}

pub(crate) struct Given {
    pub(crate) books: Books,
}

/// Books in which these events happened.
pub(crate) fn given<const N: usize>(events: [AccountsEvent; N]) -> Given {
    let mut books = Books::default();
    for (number, event) in events.iter().enumerate() {
        let recorded = Recorded {
            event_id: given_id(number),
            time_ms: NOW,
        };
        evolve(&mut books, event, &recorded).unwrap_or_else(|corrupt| panic!("{event:?}: {corrupt}"));
    }
    Given { books }
}

impl Given {
    pub(crate) fn when(self, command: impl Into<AccountsCommand>) -> Outcome {
        self.when_later(0, command)
    }

    /// As much later as that, in milliseconds of record time.
    pub(crate) fn when_later(self, later_ms: i64, command: impl Into<AccountsCommand>) -> Outcome {
        let later = Context {
            time_ms: NOW + later_ms,
            ..context()
        };
        let decided = decide(&self.books, &command.into(), &later);
        Outcome {
            books: self.books,
            time_ms: later.time_ms,
            decided,
        }
    }

    pub(crate) fn when_due(self, timer: &TimerId) -> Outcome {
        let at_due = Context {
            time_ms: timer.due,
            ..context()
        };
        let decided = Ok(decide_timer(&self.books, timer, &at_due));
        Outcome {
            books: self.books,
            time_ms: timer.due,
            decided,
        }
    }
}

pub(crate) struct Outcome {
    books: Books,
    time_ms: i64,
    decided: Result<Decision, Rejection>,
}

impl Outcome {
    /// Exactly these events come of it, and they fold. Gives the books back for another command.
    #[track_caller]
    pub(crate) fn then<const N: usize>(self, events: [AccountsEvent; N]) -> Given {
        self.then_sends(events, [])
    }

    /// Exactly these events and follow-ups.
    #[track_caller]
    pub(crate) fn then_sends<const N: usize, const M: usize>(
        mut self,
        events: [AccountsEvent; N],
        send: [AccountsCommand; M],
    ) -> Given {
        let decision = match self.decided {
            Ok(decision) => decision,
            Err(rejection) => panic!("refused: {}", rejection.code()),
        };
        assert_eq!(decision.events.as_slice(), events);
        assert_eq!(decision.send.as_slice(), send);
        for (index, event) in events.iter().enumerate() {
            let recorded = Recorded {
                event_id: context().command_id.event(index as u32),
                time_ms: self.time_ms,
            };
            evolve(&mut self.books, event, &recorded).unwrap();
        }
        Given { books: self.books }
    }

    /// The only event says that there was nothing to do.
    #[track_caller]
    pub(crate) fn then_nothing_to_do(self, code: &str) -> Given {
        self.then([NothingToDo { code: code.into() }.into()])
    }

    /// The same, and the follow-ups go out once more.
    #[track_caller]
    pub(crate) fn then_nothing_to_do_but_send<const N: usize>(
        self,
        code: &str,
        send: [AccountsCommand; N],
    ) -> Given {
        self.then_sends([NothingToDo { code: code.into() }.into()], send)
    }

    /// What whoever sent the transfer is answered; none while a follow-up is to answer.
    #[track_caller]
    pub(crate) fn ends(self, to: Option<TransferredTo>) -> Self {
        let end = self.decided.as_ref().map(|decision| decision.end.as_ref());
        assert_eq!(end.unwrap_or_default().map(|end| end.to), to);
        self
    }

    #[track_caller]
    pub(crate) fn then_refused(self, code: &str) -> Given {
        match self.decided {
            Ok(decision) => panic!("accepted: {decision:?}"),
            Err(rejection) => assert_eq!(rejection.code(), code, "{rejection}"),
        }
        Given { books: self.books }
    }

    /// The only event is an entry; what of it is to be looked at closer.
    #[track_caller]
    pub(crate) fn entry(&self) -> &EntryPosted {
        match self.decided.as_ref().map(|decision| decision.events.as_slice()) {
            Ok([AccountsEvent::EntryPosted(entry)]) => entry,
            other => panic!("no entry alone: {other:?}"),
        }
    }
}

// Events.

pub(crate) fn opened(account_id: AccountId) -> AccountsEvent {
    opened_with_overdraft(account_id, 0)
}

pub(crate) fn opened_with_overdraft(account_id: AccountId, overdraft_limit: i64) -> AccountsEvent {
    AccountOpened {
        account_id,
        seq: 1,
        owner: CustomerId::named("owner"),
        product: "current".into(),
        currency: czk(),
        overdraft_limit,
        booking_date: today(),
    }
    .into()
}

pub(crate) fn leg(account: LedgerAccount, signed: i64) -> Leg {
    Leg {
        account,
        side: if signed < 0 { Side::Debit } else { Side::Credit },
        amount: signed.abs(),
    }
}

/// An entry between the account and one of the general ledger: `movement` in minor units, as the customer sees it.
pub(crate) fn entry(
    account_id: AccountId,
    seq: u64,
    kind: EntryKind,
    movement: i64,
    contra: GlAccount,
    balance_after: i64,
) -> EntryPosted {
    EntryPosted {
        account_id,
        seq,
        kind,
        currency: czk(),
        legs: [
            leg(LedgerAccount::Customer(account_id), movement),
            leg(LedgerAccount::Gl(contra), -movement),
        ]
        .into_iter()
        .collect(),
        booking_date: today(),
        value_date: today(),
        balance_after,
        forced: false,
        payment_id: None,
        counterparty: None,
        hold: None,
        reverses: None,
        import: None,
        details: Details::default(),
    }
}

/// A credit in cash.
pub(crate) fn credited(account_id: AccountId, seq: u64, amount: i64, balance_after: i64) -> AccountsEvent {
    entry(
        account_id,
        seq,
        EntryKind::Credit,
        amount,
        GlAccount::CASH,
        balance_after,
    )
    .into()
}

/// A debit in cash that was forced.
pub(crate) fn forced_down(account_id: AccountId, seq: u64, amount: i64, balance_after: i64) -> AccountsEvent {
    EntryPosted {
        forced: true,
        ..entry(
            account_id,
            seq,
            EntryKind::Debit,
            -amount,
            GlAccount::CASH,
            balance_after,
        )
    }
    .into()
}

pub(crate) fn placed(account_id: AccountId, seq: u64, direction: Direction, amount: i64) -> AccountsEvent {
    HoldPlaced {
        account_id,
        seq,
        hold_id: hold(),
        direction,
        amount,
        expires_at: None,
    }
    .into()
}

pub(crate) fn blocked(account_id: AccountId, seq: u64, scope: BlockScope) -> AccountsEvent {
    tributary_contracts::accounts::AccountBlocked {
        account_id,
        seq,
        scope,
        reason: "customer-request".into(),
    }
    .into()
}

pub(crate) fn closed(account_id: AccountId, seq: u64) -> AccountsEvent {
    tributary_contracts::accounts::AccountClosed {
        account_id,
        seq,
        booking_date: today(),
    }
    .into()
}

pub(crate) fn day_closed(day: &str) -> AccountsEvent {
    DayClosed {
        partition: PARTITION,
        date: date(day),
    }
    .into()
}

/// A step of the transfer `payment()` from Anna to Boris.
pub(crate) fn step(kind: EntryKind, seq: u64, amount: i64, balance_after: i64) -> EntryPosted {
    let (account_id, counterparty, movement) = match kind {
        EntryKind::TransferOut => (anna(), boris(), -amount),
        EntryKind::TransferIn => (boris(), anna(), amount),
        _ => (anna(), boris(), amount),
    };
    EntryPosted {
        payment_id: Some(payment()),
        counterparty: Some(counterparty),
        ..entry(
            account_id,
            seq,
            kind,
            movement,
            GlAccount::IN_TRANSIT,
            balance_after,
        )
    }
}

// Commands, of and to Anna's account, in CZK, today.

pub(crate) fn open() -> OpenAccount {
    OpenAccount {
        account_id: anna(),
        owner: CustomerId::named("owner"),
        product: "current".into(),
        currency: czk(),
        overdraft_limit: "0".into(),
        booking_date: today(),
        opening_balance: "0".into(),
    }
}

pub(crate) fn credit(amount: &str) -> Credit {
    Credit {
        account_id: anna(),
        amount: amount.into(),
        currency: czk(),
        contra: GlAccount::CASH,
        rounding: None,
        booking_date: today(),
        value_date: None,
        import: None,
        details: Details::default(),
    }
}

pub(crate) fn debit(amount: &str) -> Debit {
    Debit {
        account_id: anna(),
        amount: amount.into(),
        currency: czk(),
        contra: GlAccount::CASH,
        rounding: None,
        forced: false,
        booking_date: today(),
        value_date: None,
        import: None,
        details: Details::default(),
    }
}

pub(crate) fn reserve(direction: Direction, amount: &str) -> Reserve {
    Reserve {
        account_id: anna(),
        hold_id: hold(),
        direction,
        amount: amount.into(),
        currency: czk(),
        expires_at: None,
    }
}

pub(crate) fn settle(amount: &str, last: bool) -> Settle {
    Settle {
        account_id: anna(),
        hold_id: hold(),
        amount: amount.into(),
        currency: czk(),
        contra: GlAccount::CASH,
        last,
        booking_date: today(),
        value_date: None,
        import: None,
        details: Details::default(),
    }
}

/// To Boris.
pub(crate) fn transfer_out(amount: &str) -> TransferOut {
    TransferOut {
        account_id: anna(),
        payment_id: payment(),
        creditor: boris(),
        amount: amount.into(),
        currency: czk(),
        hold_id: None,
        booking_date: today(),
        value_date: None,
        import: None,
        details: Details::default(),
    }
}

/// What the transfer out sends.
pub(crate) fn transfer_in(amount: &str) -> TransferIn {
    TransferIn {
        account_id: boris(),
        payment_id: payment(),
        debtor: anna(),
        amount: amount.into(),
        currency: czk(),
        booking_date: today(),
        value_date: None,
        details: Details::default(),
    }
}
