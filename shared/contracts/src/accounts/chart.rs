use std::{borrow::Cow, fmt, str::FromStr};

use arrayvec::ArrayString;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tributary_ids::AccountId;
use uuid::Uuid;

/// Which side of the balance sheet or of the income statement an account stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Asset,
    Liability,
    Equity,
    Income,
    Expense,
}

/// A line of the chart of accounts.
#[derive(Clone, Copy, Debug)]
pub struct GlEntry {
    pub code: u16,
    pub name: &'static str,
    pub class: Class,
    /// One account per counterparty (`1100:AB`) rather than one in all.
    pub per_counterparty: bool,
}

const fn line(code: u16, name: &'static str, class: Class) -> GlEntry {
    GlEntry {
        code,
        name,
        class,
        per_counterparty: false,
    }
}

/// The chart of accounts, by code. Each account exists once per currency and partition (`1010/p3`), so that an entry
/// never leaves its partition; read models roll the parts up.
pub const CHART: &[GlEntry] = &[
    line(1010, "Cash", Class::Asset),
    GlEntry {
        code: 1100,
        name: "Nostro",
        class: Class::Asset,
        per_counterparty: true,
    },
    line(1200, "Accrued interest receivable", Class::Asset),
    line(2100, "Payments in transit", Class::Liability),
    line(2200, "Accrued interest payable", Class::Liability),
    line(2900, "Suspense", Class::Liability),
    line(3000, "Opening balances", Class::Equity),
    line(3900, "Retained earnings", Class::Equity),
    line(4010, "Interest income", Class::Income),
    line(4020, "Fee income", Class::Income),
    line(4030, "Penalty interest income", Class::Income),
    line(5010, "Interest expense", Class::Expense),
    line(5900, "Rounding differences", Class::Expense),
];

/// A general ledger account: `1010`, or `1100:AB` where there is one per counterparty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GlAccount {
    code: u16,
    /// Empty where the line is not kept per counterparty.
    counterparty: ArrayString<11>,
}

/// The text names no account of the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an account of the chart")]
pub struct GlAccountError;

impl GlAccount {
    pub const CASH: Self = Self::plain(1010);
    pub const IN_TRANSIT: Self = Self::plain(2100);
    pub const SUSPENSE: Self = Self::plain(2900);
    pub const OPENING_BALANCES: Self = Self::plain(3000);
    pub const FEE_INCOME: Self = Self::plain(4020);
    pub const PENALTY_INTEREST: Self = Self::plain(4030);
    pub const INTEREST_EXPENSE: Self = Self::plain(5010);
    pub const ROUNDING: Self = Self::plain(5900);

    const fn plain(code: u16) -> Self {
        Self {
            code,
            counterparty: ArrayString::new_const(),
        }
    }

    /// Our account at another bank, which is named by one to eleven upper-case letters or digits (a BIC has 8 or 11).
    pub fn nostro(bank: &str) -> Result<Self, GlAccountError> {
        let wellformed = !bank.is_empty()
            && bank
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let counterparty = ArrayString::from(bank).map_err(|_| GlAccountError)?;
        if wellformed {
            Ok(Self {
                code: 1100,
                counterparty,
            })
        } else {
            Err(GlAccountError)
        }
    }

    pub fn code(self) -> u16 {
        self.code
    }

    /// The line of the chart.
    pub fn entry(self) -> &'static GlEntry {
        // Both constructors admit only codes of the chart.
        CHART
            .iter()
            .find(|entry| entry.code == self.code)
            .unwrap_or(&CHART[0])
    }
}

impl GlAccount {
    /// As it is written, without an allocation: an entry has two or three of them.
    fn text(self) -> ArrayString<36> {
        let mut text = ArrayString::new();
        let digit = |ten_to: u16| char::from(b'0' + (self.code / ten_to % 10) as u8);
        // Four digits, a colon and eleven characters always fit.
        for part in [digit(1000), digit(100), digit(10), digit(1)] {
            text.push(part);
        }
        if !self.counterparty.is_empty() {
            text.push(':');
            text.push_str(&self.counterparty);
        }
        text
    }
}

impl fmt::Display for GlAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl FromStr for GlAccount {
    type Err = GlAccountError;

    fn from_str(text: &str) -> Result<Self, GlAccountError> {
        let (code, counterparty) = match text.split_once(':') {
            Some((code, counterparty)) => (code, Some(counterparty)),
            None => (text, None),
        };
        let code: u16 = code.parse().map_err(|_| GlAccountError)?;
        let entry = CHART
            .iter()
            .find(|entry| entry.code == code)
            .ok_or(GlAccountError)?;
        match (entry.per_counterparty, counterparty) {
            (true, Some(counterparty)) => Self::nostro(counterparty),
            (false, None) => Ok(Self::plain(code)),
            _ => Err(GlAccountError),
        }
    }
}

/// What a leg of a journal entry stands on: a customer's account or one of the general ledger.
///
/// Written as the account's UUID or as the general ledger account (`1100:AB`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LedgerAccount {
    Customer(AccountId),
    Gl(GlAccount),
}

impl LedgerAccount {
    fn text(self) -> ArrayString<36> {
        match self {
            Self::Customer(account) => {
                let mut text = ArrayString::new();
                text.push_str(account.0.hyphenated().encode_lower(&mut [0; 36]));
                text
            }
            Self::Gl(account) => account.text(),
        }
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl FromStr for LedgerAccount {
    type Err = GlAccountError;

    fn from_str(text: &str) -> Result<Self, GlAccountError> {
        match text.len() {
            36 => Uuid::parse_str(text)
                .map(|id| Self::Customer(AccountId(id)))
                .map_err(|_| GlAccountError),
            _ => text.parse().map(Self::Gl),
        }
    }
}

macro_rules! written_as_text {
    ($name:ident, $expecting:literal, $pattern:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "description": $expecting})
            }
        }
    };
}

written_as_text!(
    GlAccount,
    "an account of the chart of accounts",
    "^[0-9]{4}(:[A-Z0-9]{1,11})?$"
);
written_as_text!(
    LedgerAccount,
    "a customer's account id or an account of the chart of accounts",
    "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{4}(:[A-Z0-9]{1,11})?)$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_of_the_chart_reads_back_as_written() {
        for text in ["1010", "1100:AB", "1100:GIBACZPX", "5900"] {
            assert_eq!(text.parse::<GlAccount>().unwrap().to_string(), text);
        }
        let customer = LedgerAccount::Customer(AccountId::named("x"));
        assert_eq!(customer.to_string().parse(), Ok(customer));
    }

    #[test]
    fn what_is_not_of_the_chart_is_no_account() {
        for text in [
            "",
            "1011",
            "1010:AB",
            "1100",
            "1100:",
            "1100:ab",
            "1100:ABCDEFGHIJKL",
            "cash",
        ] {
            assert_eq!(text.parse::<GlAccount>(), Err(GlAccountError), "{text}");
        }
    }

    #[test]
    fn codes_of_the_chart_are_unique_and_every_constant_is_on_it() {
        let mut codes: Vec<_> = CHART.iter().map(|entry| entry.code).collect();
        codes.dedup();
        assert_eq!(codes.len(), CHART.len());
        for account in [
            GlAccount::CASH,
            GlAccount::IN_TRANSIT,
            GlAccount::SUSPENSE,
            GlAccount::ROUNDING,
        ] {
            assert_eq!(account.entry().code, account.code());
            assert_eq!(account.to_string().parse(), Ok(account));
        }
    }
}
