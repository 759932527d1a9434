//! A row of a history as a command to the ledger.

use std::collections::HashMap;

use smol_str::{SmolStr, ToSmolStr};
use tributary_contracts::{
    accounts::{
        AccountsCommand, Credit, Debit, Details, Direction, GlAccount, ImportRef, OpenAccount, Release,
        Reserve, Reverse, Settle, TransferOut,
    },
    codec::{self, Message},
    envelope::{Channel, CommandEnvelope, Initiator},
    partition::partition_of,
    record::Outgoing,
    topics::ACCOUNTS_INBOX,
};
use tributary_history::{Contra, HistoryRow, Open, Posting, Transfer};
use tributary_ids::{AccountId, CommandId, CustomerId, HoldId, PaymentId, derive};
use tributary_money::{Currency, Money};
use uuid::Uuid;

use crate::{pay::Errand, plan::Plan};

/// Who acts, as every imported command says.
const ACTOR: &str = "history-replay";

/// Why a row of a history can't be said in the ledger's language. It and its account's later rows are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    #[error("the account was not opened by a row before")]
    AccountUnknown,
    #[error("the other side is no account of the ledger's chart")]
    ContraUnknown,
    #[error("the amount is outside what 64 bits of minor units hold")]
    Overflow,
    #[error("the ledger has the account at another balance than the one that this history begins with")]
    OpeningDiffers,
}

impl RowFault {
    /// Stable code, listed in `docs/errors.md`.
    pub fn code(self) -> &'static str {
        match self {
            Self::AccountUnknown => "REPLAY_ACCOUNT_UNKNOWN",
            Self::ContraUnknown => "REPLAY_CONTRA_UNKNOWN",
            Self::Overflow => "REPLAY_AMOUNT_OVERFLOW",
            Self::OpeningDiffers => "REPLAY_OPENING_DIFFERS",
        }
    }
}

/// The id that a history's name of something means: a name that is an id stands for itself, so that what was exported
/// comes back under the same ids.
fn id_of<T>(name: &str, of_id: impl Fn(Uuid) -> T, named: impl Fn(&str) -> T) -> T {
    match name.len() {
        36 => Uuid::parse_str(name).map_or_else(|_| named(name), of_id),
        _ => named(name),
    }
}

/// The ledger's account for a history's name of it.
pub fn account_id(name: &str) -> AccountId {
    id_of(name, AccountId, AccountId::named)
}

pub(crate) fn hold_id(name: &str) -> HoldId {
    id_of(name, HoldId, HoldId::named)
}

pub(crate) fn payment_id(name: &str) -> PaymentId {
    id_of(name, PaymentId, PaymentId::named)
}

/// The id of the command that a row becomes: the same in every replay, so that whatever refers to its entry, as a
/// reversal does, can be told without asking the ledger.
pub fn command_id(source: &str, account: AccountId, sequence: u64) -> CommandId {
    CommandId(derive(account.0, &format!("import/{source}/{sequence}")))
}

/// The general ledger account for a history's other side.
pub fn gl_account(contra: &Contra) -> Result<GlAccount, RowFault> {
    let account = match contra {
        Contra::Cash => Ok(GlAccount::CASH),
        Contra::Bank(code) => GlAccount::nostro(code),
        Contra::InterestPaid => Ok(GlAccount::INTEREST_EXPENSE),
        Contra::PenaltyInterest => Ok(GlAccount::PENALTY_INTEREST),
        Contra::Fee => Ok(GlAccount::FEE_INCOME),
        Contra::OpeningBalance => Ok(GlAccount::OPENING_BALANCES),
        Contra::Gl(number) => number.parse(),
    };
    account
        .ok()
        .filter(|account| *account != GlAccount::IN_TRANSIT)
        .ok_or(RowFault::ContraUnknown)
}

/// A command that carries a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowCommand {
    pub id: CommandId,
    /// The account that decides.
    pub account: AccountId,
    pub data: AccountsCommand,
}

impl RowCommand {
    /// Whether it names no row of the history, so that the ledger can't tell which one is before it.
    pub fn is_alone(&self) -> bool {
        self.data.import().is_none()
    }

    /// The inbox record, for a topic of that many partitions.
    pub fn record(&self, partitions: i32, branch: Option<&str>) -> Outgoing {
        let envelope = CommandEnvelope {
            id: self.id,
            correlation_id: self.id.0,
            causation_id: None,
            reply_to: None,
            not_after: None,
            initiator: Initiator {
                actor: ACTOR.into(),
                on_behalf_of: None,
                channel: Channel::Import,
                branch: branch.map(SmolStr::new),
            },
            data: &self.data,
        };
        let key = self.account.to_string().into_bytes();
        Outgoing {
            topic: ACCOUNTS_INBOX.name,
            // A UUID names no partition, so every key has one.
            partition: partition_of(&key, partitions).unwrap_or_default(),
            headers: codec::headers(&self.id, ACTOR, self.data.ce_type(), None),
            value: codec::encode(&envelope),
            key,
        }
    }
}

/// What later rows of an account need of its opening.
#[derive(Debug)]
struct Known {
    owner: CustomerId,
    currency: Currency,
    branch: Option<String>,
    /// Sequence of the last row that the account takes as a row of the history; 0 when there is none yet.
    last: u64,
}

/// Translates the rows of one history, in their order.
#[derive(Debug)]
pub struct Translator {
    source: SmolStr,
    accounts: HashMap<String, Known>,
}

impl Translator {
    pub fn new(source: &str) -> Self {
        Self {
            source: source.into(),
            accounts: HashMap::new(),
        }
    }

    /// The branch that keeps a row's account.
    pub fn branch(&self, account: &str) -> Option<&str> {
        self.accounts.get(account)?.branch.as_deref()
    }

    /// The command that the row becomes; none for a posting that moves nothing, for which the ledger has no entry. Its
    /// account's first row goes on from what `plan` says that an earlier period has left.
    pub fn command(&mut self, row: &HistoryRow, plan: &Plan) -> Result<Option<RowCommand>, RowFault> {
        if let HistoryRow::Open(open) = row {
            let known = Known {
                owner: owner(open),
                currency: open.currency,
                branch: open.branch.clone(),
                last: plan.taken(account_id(&open.account)),
            };
            self.accounts.insert(open.account.clone(), known);
        }
        let Known { currency, last, .. } =
            *self.accounts.get(row.account()).ok_or(RowFault::AccountUnknown)?;
        let account = account_id(row.account());
        let data = match row {
            HistoryRow::Open(open) => Some(self.open(open)),
            HistoryRow::Posting(posting) => self.posting(posting, currency, last)?,
            _ => Some(self.other(row, account, currency, last)?),
        };
        if data.as_ref().is_some_and(|data| data.import().is_some())
            && let Some(known) = self.accounts.get_mut(row.account())
        {
            known.last = row.sequence();
        }
        let id = command_id(&self.source, account, row.sequence());
        Ok(data.map(|data| RowCommand { id, account, data }))
    }

    /// A transfer as a payment. It is no row of the history to the ledger, so later rows don't name it.
    pub(crate) fn payment(&self, row: &Transfer) -> Result<Errand, RowFault> {
        let Known { owner, currency, .. } = *self.accounts.get(&row.from).ok_or(RowFault::AccountUnknown)?;
        let debtor = account_id(&row.from);
        Ok(Errand {
            row: command_id(&self.source, debtor, row.from_sequence),
            customer: owner,
            debtor,
            creditor: account_id(&row.to),
            amount: decimal(row.amount, currency),
            currency,
            booking_date: row.date,
        })
    }

    fn open(&self, open: &Open) -> AccountsCommand {
        OpenAccount {
            account_id: account_id(&open.account),
            owner: owner(open),
            product: open.product.to_smolstr(),
            currency: open.currency,
            overdraft_limit: SmolStr::new_static("0"),
            booking_date: open.date,
            opening_balance: match open.opening_balance {
                0 => SmolStr::new_static("0"),
                balance => decimal(balance, open.currency),
            },
        }
        .into()
    }

    /// Whatever a history records has happened: every debit is booked, also below zero.
    fn posting(
        &self,
        row: &Posting,
        currency: Currency,
        last: u64,
    ) -> Result<Option<AccountsCommand>, RowFault> {
        let account_id = account_id(&row.account);
        let contra = gl_account(&row.contra)?;
        let rounding = (row.rounding != 0).then(|| decimal(row.rounding, currency));
        let import = self.import(row.sequence, last);
        let details = Details {
            purpose: some_text(&row.kind),
            counterparty_bank: row
                .counterparty
                .as_ref()
                .and_then(|party| party.bank.as_deref())
                .and_then(some_text),
            country: None,
            reference: some_text(&row.reference),
        };
        let (booking_date, value_date) = (row.date, row.value_date);
        Ok(match row.amount {
            0 if row.rounding == 0 => None,
            // Also a debit of nothing that a rounding makes one: the amount's side says nothing there.
            0.. => Some(
                Credit {
                    account_id,
                    amount: decimal(row.amount, currency),
                    currency,
                    contra,
                    rounding,
                    booking_date,
                    value_date,
                    import,
                    details,
                }
                .into(),
            ),
            _ => Some(
                Debit {
                    account_id,
                    amount: decimal(row.amount.checked_neg().ok_or(RowFault::Overflow)?, currency),
                    currency,
                    contra,
                    rounding,
                    forced: true,
                    booking_date,
                    value_date,
                    import,
                    details,
                }
                .into(),
            ),
        })
    }

    fn other(
        &self,
        row: &HistoryRow,
        account_id: AccountId,
        currency: Currency,
        last: u64,
    ) -> Result<AccountsCommand, RowFault> {
        Ok(match row {
            HistoryRow::Transfer(row) => TransferOut {
                account_id,
                payment_id: payment_id(&row.payment),
                creditor: self::account_id(&row.to),
                amount: decimal(row.amount, currency),
                currency,
                hold_id: None,
                booking_date: row.date,
                value_date: None,
                import: self.import(row.from_sequence, last),
                details: Details::default(),
            }
            .into(),
            HistoryRow::Reserve(row) => Reserve {
                account_id,
                hold_id: hold_id(&row.hold),
                direction: Direction::Out,
                amount: decimal(row.amount, currency),
                currency,
                expires_at: None,
            }
            .into(),
            HistoryRow::Settle(row) => Settle {
                account_id,
                hold_id: hold_id(&row.hold),
                amount: decimal(row.amount, currency),
                currency,
                contra: gl_account(&row.contra)?,
                last: false,
                booking_date: row.date,
                value_date: None,
                import: self.import(row.sequence, last),
                details: Details::default(),
            }
            .into(),
            HistoryRow::Release(row) => Release {
                account_id,
                hold_id: hold_id(&row.hold),
            }
            .into(),
            HistoryRow::Reversal(row) => Reverse {
                account_id,
                entry_id: command_id(&self.source, account_id, row.of).event(0).to_smolstr(),
                booking_date: row.date,
                import: self.import(row.sequence, last),
            }
            .into(),
            HistoryRow::Open(_) | HistoryRow::Posting(_) => return Err(RowFault::AccountUnknown),
        })
    }

    fn import(&self, sequence: u64, last: u64) -> Option<ImportRef> {
        Some(ImportRef {
            source: self.source.clone(),
            sequence,
            after: Some(last),
        })
    }
}

pub(crate) fn owner(open: &Open) -> CustomerId {
    id_of(&open.owner, CustomerId, CustomerId::named)
}

pub(crate) fn decimal(minor: i64, currency: Currency) -> SmolStr {
    Money::new(minor, currency).to_decimal().to_smolstr()
}

fn some_text(text: &str) -> Option<SmolStr> {
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests;
