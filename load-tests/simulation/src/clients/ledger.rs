//! What clients want of the ledger itself.

use tributary_contracts::accounts::{
    AccountsCommand, BlockAccount, BlockScope, CloseAccount, Credit, Debit, Direction, GlAccount, Reserve,
    TransferOut, UnblockAccount,
};
use tributary_ids::{AccountId, CommandId, HoldId, PaymentId};

use super::{Clients, customers::customer};
use crate::wish::Wish;

impl Clients {
    pub(super) fn of_ledger(&mut self, number: u32, id: CommandId, wish: &Wish) -> usize {
        let (currency, booking_date) = (self.koruna, self.today(self.koruna));
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
        self.ask_ledger(id, command, text)
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
