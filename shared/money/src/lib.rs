//! Money as integers in a currency's minor unit
