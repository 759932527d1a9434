//! Cursors: where a list goes on. Opaque to clients; each names the list that it belongs to, so that one of another list is
//! refused rather than misread.

use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Rows of a page, where the client doesn't say.
pub(crate) const LIMIT_DEFAULT: u16 = 50;

/// Most rows of a page.
pub(crate) const LIMIT_MAX: u16 = 200;

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    Newest,
    #[default]
    Oldest,
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
        }
    }
}

/// After the statement's line of this number.
pub(crate) fn of_statement(order: Order, seq: i64) -> String {
    format!("statement.{}.{seq}", order.name())
}

/// Reads the cursor of a statement in this order.
pub(crate) fn statement(order: Order, cursor: &str) -> Option<i64> {
    number(
        cursor
            .strip_prefix("statement.")?
            .strip_prefix(order.name())?
            .strip_prefix('.')?,
    )
}

/// After this payment in a list of payments.
pub(crate) fn of_payments(list: &str, initiated_ms: i64, payment: Uuid) -> String {
    format!("{list}.{initiated_ms}.{payment}")
}

/// Reads the cursor of this list of payments.
pub(crate) fn payments(list: &str, cursor: &str) -> Option<(i64, Uuid)> {
    let (initiated_ms, payment) = cursor.strip_prefix(list)?.strip_prefix('.')?.split_once('.')?;
    Some((number(initiated_ms)?, Uuid::try_parse(payment).ok()?))
}

fn number(text: &str) -> Option<i64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_list_and_order() {
        let cursor = of_statement(Order::Newest, 12);
        assert_eq!(statement(Order::Newest, &cursor), Some(12));
        assert_eq!(statement(Order::Oldest, &cursor), None);
        let payment = Uuid::from_u128(7);
        let cursor = of_payments("review", 5, payment);
        assert_eq!(payments("review", &cursor), Some((5, payment)));
        assert_eq!(payments("account", &cursor), None);
        assert_eq!(statement(Order::Newest, &cursor), None);
    }

    #[test]
    fn what_was_no_cursor_is_refused() {
        for cursor in [
            "",
            "statement.oldest.",
            "statement.oldest.x",
            "statement.oldest.-1",
            "review.1",
            "review.1.x",
        ] {
            assert_eq!(statement(Order::Oldest, cursor), None, "{cursor}");
            assert_eq!(payments("review", cursor), None, "{cursor}");
        }
    }
}
