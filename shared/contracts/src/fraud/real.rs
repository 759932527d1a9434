use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A finite number, written as the shortest decimal text that gives back every bit of it: what was computed once is never
/// rounded on its way, whoever reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Real(f64);

impl Real {
    /// None when it is not finite.
    pub fn new(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self(number))
    }

    pub fn get(self) -> f64 {
        self.0
    }
}

/// Bit by bit: all are finite, and 0 is not -0.
impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Real {}

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Real {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse()
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| serde::de::Error::custom("not a finite number"))
    }
}

impl JsonSchema for Real {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Real".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^-?[0-9]+(\\.[0-9]+)?$",
            "description": "A finite number, as the shortest decimal text that gives back every bit of it."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_number_comes_back_from_its_text() {
        let pattern = regex::Regex::new("^-?[0-9]+(\\.[0-9]+)?$").unwrap();
        for number in [
            0.0,
            -0.0,
            0.1 + 0.2,
            1.0 / 3.0,
            f64::MAX,
            f64::MIN_POSITIVE,
            -5e-324,
            12.0,
        ] {
            let real = Real::new(number).unwrap();
            let text = serde_json::to_string(&real).unwrap();
            assert!(pattern.is_match(text.trim_matches('"')), "{text}");
            assert_eq!(serde_json::from_str::<Real>(&text).unwrap(), real);
        }
        assert_ne!(Real::new(0.0), Real::new(-0.0));
        assert_eq!(Real::new(f64::NAN), None);
        for text in ["\"inf\"", "\"NaN\"", "\"\"", "\"1,5\"", "1.5"] {
            assert!(serde_json::from_str::<Real>(text).is_err(), "{text}");
        }
    }
}
