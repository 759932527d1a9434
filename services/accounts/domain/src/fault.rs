use tributary_contracts::envelope::BusinessDate;
use tributary_ids::EventId;

/// An event contradicts the books: the log, or the code that wrote it, is broken. The partition must stop; what
/// [`crate::evolve`] left in the books must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event_id} contradicts the books: {fault}")]
pub struct Corrupt {
    pub event_id: EventId,
    pub fault: Fault,
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is of an account that was never opened")]
    AccountUnknown,
    #[error("it opens an account that exists")]
    AccountExists,
    #[error("its seq is {found} where {expected} comes next")]
    SequenceGap { expected: u64, found: u64 },
    #[error("its account is closed, or isn't ready to be")]
    AccountClosed,
    #[error("it carries a name that is too long to be kept")]
    NameTooLong,
    #[error("its currency is not the account's")]
    CurrencyDiffers,
    #[error("its legs sum to {0}")]
    Unbalanced(i128),
    #[error("a leg of it is not above zero, is another customer's, or is one too many")]
    LegsMalformed,
    #[error("balance_after is {found} where the legs give {expected}")]
    BalanceDiffers { expected: i128, found: i64 },
    #[error("it leaves {0} available and isn't marked as forced")]
    AvailableNegative(i128),
    #[error("it books into {0}, which is closed")]
    DayClosed(BusinessDate),
    #[error("a sum is outside what its type holds")]
    Overflow,
    #[error("the hold it changes is unknown, has ended, or has other amounts")]
    HoldDiffers,
    #[error("its payment's item in transit doesn't allow it")]
    TransitDiffers,
    #[error("the entry it reverses is unknown, or was reversed before")]
    EntryDiffers,
}
