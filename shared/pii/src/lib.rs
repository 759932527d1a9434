//! Personal data on its way through a log that never forgets.
//!
//! Names, external account numbers and free text are sealed at the edge, before the first record is written: encrypted with
//! the key of the person whose data it is ([`DataKey`]), and bound to the one field of the one record that they stand in
//! ([`Place`]). What logs, tables and snapshots hold is a [`Sealed`]. The keys are in a [`KeyStore`] of their own, wrapped by a
//! master key ([`MasterKeys`]) that no database holds. Erasing a subject's key erases the person from every copy of the log at
//! once.
//!
//! [`Vault`] is the three together, and what a service at the edge uses. `docs/personal-data.md` is for the people who run it.
//!
//! ```
//! use tributary_pii::{DataKey, PersonalText, Place};
//! use uuid::Uuid;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (customer, payment) = (Uuid::from_u128(1), Uuid::from_u128(2));
//! let key = DataKey::generate()?;
//! let place = Place { field: "payments.remittance", record: payment };
//! let sealed = key.seal(customer, place, &PersonalText::from("rent for May".to_owned()))?;
//! assert!(sealed.is_well_formed());
//! assert_eq!(key.open(place, &sealed)?.expose(), "rent for May");
//! // Moved to another payment it says nothing.
//! let elsewhere = Place { record: Uuid::from_u128(3), ..place };
//! assert!(key.open(elsewhere, &sealed).is_err());
//! # Ok(())
//! # }
//! ```

mod cache;
mod key;
mod master;
mod store;
mod text;
mod vault;

pub use key::{DataKey, OpenError, Place, SealError};
pub use master::{LocalMasterKeys, MasterKeyError, MasterKeys, Wrapped};
pub use store::{Counts, Erased, Erasure, KeyStore};
pub use text::PersonalText;
pub use tributary_contracts::sealed::Sealed;
pub use vault::{PiiError, Rewrapped, Vault};
