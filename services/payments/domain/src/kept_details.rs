//! Details as they stand in the state: every field, also an empty one, since a snapshot's encoding has no names by which a
//! missing one would be noticed. For `#[serde(with = "crate::kept_details")]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tributary_contracts::accounts::Details;

pub(crate) fn serialize<S: Serializer>(details: &Details, serializer: S) -> Result<S::Ok, S::Error> {
    let Details {
        purpose,
        counterparty_bank,
        country,
        reference,
    } = details;
    (purpose, counterparty_bank, country, reference).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Details, D::Error> {
    let (purpose, counterparty_bank, country, reference) = Deserialize::deserialize(deserializer)?;
    Ok(Details {
        purpose,
        counterparty_bank,
        country,
        reference,
    })
}
