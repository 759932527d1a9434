//! The accounts and their owners: `account.asc` and `disp.asc`.

use std::{collections::BTreeMap, path::Path};

use chrono::NaiveDate;

use super::{
    external_account,
    files::{Record, Table},
    row::read_date,
};
use crate::fault::{BadRow, Fault, HistoryError, Position};

const ACCOUNT_COLUMNS: [&str; 4] = ["account_id", "district_id", "frequency", "date"];
const DISPOSITION_COLUMNS: [&str; 4] = ["disp_id", "client_id", "account_id", "type"];

/// An account as registered.
pub(super) struct Account {
    pub(super) opened: NaiveDate,
    pub(super) district: u32,
    pub(super) owner: Option<u32>,
    pub(super) position: Position,
    /// Where something is wrong with the account as such: no row of it can be taken.
    pub(super) fault: Option<Position>,
}

/// All accounts by their number, and the rows that none could be made of.
pub(super) struct Registers {
    pub(super) accounts: BTreeMap<u32, Account>,
    pub(super) bad: Vec<BadRow>,
}

impl Registers {
    pub(super) fn read(directory: &Path) -> Result<Self, HistoryError> {
        let mut registers = Self {
            accounts: BTreeMap::new(),
            bad: Vec::new(),
        };
        let mut table = Table::open(directory, "account.asc", &ACCOUNT_COLUMNS)?;
        while let Some(record) = table.next_record()? {
            registers.add_account(&record);
        }
        let mut table = Table::open(directory, "disp.asc", &DISPOSITION_COLUMNS)?;
        while let Some(record) = table.next_record()? {
            registers.add_disposition(&record);
        }
        Ok(registers)
    }

    fn add_account(&mut self, record: &Record<'_>) {
        let fields = &record.fields;
        // A number that the line ends with may be cut off.
        let number = if fields.len() > 1 {
            fields.number::<u32>(0)
        } else {
            None
        };
        let opened = fields.text(3).and_then(read_date);
        let district = fields.number(1);
        let doubled = number.and_then(|number| self.accounts.get(&number));
        let fault = match (&record.fault, doubled) {
            (Some(fault), _) => Some(fault.clone()),
            (None, Some(first)) => Some(Fault::DuplicateAccount(first.position.clone())),
            (None, None) if number.is_none() => Some(Fault::AccountId),
            (None, None) if district.is_none() => Some(Fault::DistrictId),
            (None, None) if opened.is_none() => Some(Fault::Date),
            (None, None) => None,
        };
        if let Some(number) = number {
            let account = self.accounts.entry(number).or_insert(Account {
                opened: opened.unwrap_or_default(),
                district: district.unwrap_or_default(),
                owner: None,
                position: record.position.clone(),
                fault: None,
            });
            if fault.is_some() {
                account.fault = Some(record.position.clone());
            }
        }
        self.note(record, number, fault);
    }

    fn add_disposition(&mut self, record: &Record<'_>) {
        let fields = &record.fields;
        let number = if fields.len() > 3 {
            fields.number::<u32>(2)
        } else {
            None
        };
        let client = fields.number(1);
        let account = number.and_then(|number| self.accounts.get_mut(&number));
        let fault = match (&record.fault, account, fields.text(3)) {
            (Some(fault), ..) => Some(fault.clone()),
            _ if number.is_none() => Some(Fault::AccountId),
            _ if client.is_none() => Some(Fault::ClientId),
            (None, None, _) => Some(Fault::UnknownAccount),
            (None, Some(_), Some("DISPONENT")) => None,
            (None, Some(account), Some("OWNER")) if account.owner.is_some() => {
                account.fault = Some(record.position.clone());
                Some(Fault::DuplicateOwner(account.position.clone()))
            }
            (None, Some(account), Some("OWNER")) => {
                account.owner = client;
                None
            }
            (None, Some(_), _) => Some(Fault::DispositionType),
        };
        self.note(record, number, fault);
    }

    fn note(&mut self, record: &Record<'_>, account: Option<u32>, fault: Option<Fault>) {
        if let Some(fault) = fault {
            let position = record.position.clone();
            self.bad.push(BadRow {
                position,
                account: account.map(external_account),
                fault,
            });
        }
    }
}
