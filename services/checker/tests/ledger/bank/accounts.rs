//! Accounts, entries against the general ledger, days.

use tributary_contracts::{
    accounts::{
        AccountBlocked, AccountOpened, BlockAccount, BlockScope, CloseDay, Credit, DayClosed, Debit, Details,
        EntryKind, EntryPosted, GlAccount, ImportRef, LedgerAccount, Leg, OpenAccount, Reverse, Side,
    },
    partition::{key_of_partition, partition_of},
    runtime::CommandRefused,
};
use tributary_ids::{AccountId, CustomerId};

use super::{Account, Asked, Bank, PARTITIONS, Place, Told, czk, text};

impl Bank {
    pub(super) fn available(&self, account: AccountId) -> i64 {
        let account = &self.accounts[&account];
        account.posted - account.pending_out
    }

    pub(super) fn seq(&mut self, id: AccountId) -> u64 {
        let account = self.accounts.get_mut(&id).unwrap();
        account.seq += 1;
        account.seq
    }

    pub(crate) fn accounts(&self) -> Vec<AccountId> {
        let mut accounts: Vec<AccountId> = self.accounts.keys().copied().collect();
        accounts.sort_unstable();
        accounts
    }

    /// Opens an account that lives in that partition, with an opening balance in minor units.
    pub(crate) fn open(&mut self, partition: i32, opening: i64) -> AccountId {
        let account_id = loop {
            self.named += 1;
            let id = AccountId::named(&self.named.to_string());
            if partition_of(id.to_string().as_bytes(), PARTITIONS) == Some(partition) {
                break id;
            }
        };
        let asked = self.ask(OpenAccount {
            account_id,
            owner: CustomerId::named("owner"),
            product: "history".into(),
            currency: czk(),
            overdraft_limit: "0".into(),
            booking_date: self.today,
            opening_balance: text(opening),
        });
        let fresh = Account {
            seq: 1,
            posted: 0,
            pending_out: 0,
            blocked: false,
        };
        self.accounts.insert(account_id, fresh);
        let mut told: Vec<Told> = vec![
            AccountOpened {
                account_id,
                seq: 1,
                owner: CustomerId::named("owner"),
                product: "history".into(),
                currency: czk(),
                overdraft_limit: 0,
                booking_date: self.today,
            }
            .into(),
        ];
        if opening != 0 {
            told.push(
                self.entry(
                    account_id,
                    EntryKind::OpeningBalance,
                    opening,
                    GlAccount::OPENING_BALANCES,
                )
                .into(),
            );
        }
        self.answer(&asked, told);
        account_id
    }

    /// The account's next entry; folds it.
    pub(crate) fn entry(
        &mut self,
        id: AccountId,
        kind: EntryKind,
        movement: i64,
        contra: GlAccount,
    ) -> EntryPosted {
        let seq = self.seq(id);
        let account = self.accounts.get_mut(&id).unwrap();
        account.posted += movement;
        let side = if movement < 0 { Side::Debit } else { Side::Credit };
        let amount = movement.abs();
        let legs = [
            Leg {
                account: LedgerAccount::Customer(id),
                side,
                amount,
            },
            Leg {
                account: LedgerAccount::Gl(contra),
                side: side.opposite(),
                amount,
            },
        ];
        EntryPosted {
            account_id: id,
            seq,
            kind,
            currency: czk(),
            legs: legs.into_iter().collect(),
            booking_date: self.today,
            value_date: self.today,
            balance_after: account.posted,
            forced: movement < 0 && (account.blocked || account.posted - account.pending_out < 0),
            payment_id: None,
            counterparty: None,
            hold: None,
            reverses: None,
            import: None,
            details: Details::default(),
        }
    }

    pub(crate) fn credit_command(&self, account_id: AccountId, amount: i64) -> Credit {
        Credit {
            account_id,
            amount: text(amount),
            currency: czk(),
            contra: GlAccount::CASH,
            rounding: None,
            booking_date: self.today,
            value_date: None,
            import: None,
            details: Details::default(),
        }
    }

    pub(crate) fn debit_command(&self, account_id: AccountId, amount: i64, forced: bool) -> Debit {
        Debit {
            account_id,
            amount: text(amount),
            currency: czk(),
            contra: GlAccount::CASH,
            rounding: None,
            forced,
            booking_date: self.today,
            value_date: None,
            import: None,
            details: Details::default(),
        }
    }

    pub(crate) fn credit(&mut self, id: AccountId, amount: i64) -> Place {
        let asked = self.ask(self.credit_command(id, amount));
        let entry = self.entry(id, EntryKind::Credit, amount, GlAccount::CASH);
        self.tell(&asked, entry)
    }

    /// Imports a row of a history.
    pub(crate) fn import(&mut self, id: AccountId, amount: i64, sequence: u64) -> Place {
        self.import_after(id, amount, sequence, None)
    }

    /// Imports a row that says which one is before it.
    pub(crate) fn import_after(
        &mut self,
        id: AccountId,
        amount: i64,
        sequence: u64,
        after: Option<u64>,
    ) -> Place {
        let import = Some(ImportRef {
            source: "berka".into(),
            sequence,
            after,
        });
        let mut command = self.credit_command(id, amount);
        command.import.clone_from(&import);
        let asked = self.ask(command);
        let mut entry = self.entry(id, EntryKind::Credit, amount, GlAccount::CASH);
        entry.import = import;
        self.tell(&asked, entry)
    }

    /// Books a debit, or refuses it.
    pub(crate) fn debit(&mut self, id: AccountId, amount: i64, forced: bool) -> Place {
        let asked = self.ask(self.debit_command(id, amount, forced));
        if !forced && (self.available(id) < amount || self.accounts[&id].blocked) {
            return self.refuse(&asked, "INSUFFICIENT_FUNDS");
        }
        let entry = self.entry(id, EntryKind::Debit, -amount, GlAccount::CASH);
        self.tell(&asked, entry)
    }

    pub(crate) fn refuse(&mut self, asked: &Asked, code: &str) -> Place {
        let refused = CommandRefused {
            command_type: asked.ce_type.clone(),
            code: code.to_owned(),
            detail: String::new(),
        };
        self.tell_runtime(asked, refused)
    }

    pub(crate) fn block(&mut self, id: AccountId) -> Place {
        let reason: smol_str::SmolStr = "customer-request".into();
        let scope = BlockScope::Debits;
        let asked = self.ask(BlockAccount {
            account_id: id,
            scope,
            reason: reason.clone(),
        });
        let seq = self.seq(id);
        self.accounts.get_mut(&id).unwrap().blocked = true;
        let blocked = AccountBlocked {
            account_id: id,
            seq,
            scope,
            reason,
        };
        self.tell(&asked, blocked)
    }

    /// Takes an entry of that movement back.
    pub(crate) fn reverse(&mut self, id: AccountId, original: Place, movement: i64) -> Place {
        let entry_id: smol_str::SmolStr = self.entry_id(original).to_string().into();
        let asked = self.ask(Reverse {
            account_id: id,
            entry_id: entry_id.clone(),
            booking_date: self.today,
            import: None,
        });
        let mut entry = self.entry(id, EntryKind::Reversal, -movement, GlAccount::CASH);
        entry.reverses = Some(entry_id);
        self.tell(&asked, entry)
    }

    pub(crate) fn is_blocked(&self, id: AccountId) -> bool {
        self.accounts[&id].blocked
    }

    pub(crate) fn close_day(&mut self, partition: i32) -> Place {
        let date = self.today;
        let asked = self.ask(CloseDay { partition, date });
        assert_eq!(asked.key, key_of_partition(partition).as_bytes());
        self.tell(&asked, DayClosed { partition, date })
    }

    pub(crate) fn tomorrow(&mut self) {
        self.today = self.today.succ_opt().unwrap();
    }
}
