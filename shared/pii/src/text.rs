use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// Personal data in the open. It is never printed by accident: `Debug` keeps it to itself, and there is no `Display` and no
/// `Serialize`. Its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct PersonalText(Zeroizing<String>);

impl PersonalText {
    /// The text, for the one place that has to have it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for PersonalText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for PersonalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonalText(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_but_not_printed() {
        let text: PersonalText = serde_json::from_str("\"rent for May\"").unwrap();
        assert_eq!(text.expose(), "rent for May");
        assert_eq!(format!("{text:?} {:#?}", Some(&text)).matches("rent").count(), 0);
    }
}
