use std::{fmt, str::FromStr};

/// Name of a database schema: lower-case ASCII letters, digits and underscores, so that it never needs quoting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaName(String);

/// The text is no [`SchemaName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schema's name has 1 to 40 lower-case letters, digits and underscores, and no digit first")]
pub struct SchemaNameError;

impl SchemaName {
    /// PostgreSQL's limit is 63 bytes; the rest is for the number of a rebuild's shadow.
    const BYTES_MAX: usize = 40;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The schema that a rebuild fills: `accounts_7` becomes generation 7 of `accounts`.
    pub(crate) fn shadow(&self, generation: i64) -> Self {
        Self(format!("{}_{generation}", self.0))
    }
}

impl FromStr for SchemaName {
    type Err = SchemaNameError;

    fn from_str(text: &str) -> Result<Self, SchemaNameError> {
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let rest = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        match first && rest && text.len() <= Self::BYTES_MAX {
            true => Ok(Self(text.to_owned())),
            false => Err(SchemaNameError),
        }
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_need_quoting_is_no_schema_name() {
        assert_eq!("accounts_2".parse::<SchemaName>().unwrap().as_str(), "accounts_2");
        for text in [
            "",
            "2a",
            "_a",
            "Accounts",
            "a-b",
            "a;drop",
            "a\"b",
            &"a".repeat(41),
        ] {
            assert_eq!(text.parse::<SchemaName>(), Err(SchemaNameError), "{text}");
        }
    }
}
