//! Money as integers in a currency's minor unit (ISO 4217 exponent).
//!
//! Ledger amounts never float: an amount is a whole number of minor units (`i64`: haler, cent, fils), and its
//! decimal string appears only at the edges. A rate or a quotient is a [`rust_decimal::Decimal`], never a float.

mod amount;
mod currency;

pub use amount::{Money, MoneyError};
pub use currency::{Currency, UnknownCurrency};
