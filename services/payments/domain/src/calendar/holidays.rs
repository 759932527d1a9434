use chrono::{Datelike, NaiveDate};

use super::easter_sunday;

/// A holiday by rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holiday {
    /// Month and day of every year.
    On(u32, u32),
    /// Days after Easter Sunday.
    Easter(i64),
}

impl Holiday {
    /// Whether it falls on that day.
    pub fn is_on(self, date: NaiveDate) -> bool {
        match self {
            Self::On(month, day) => (date.month(), date.day()) == (month, day),
            Self::Easter(days) => {
                easter_sunday(date.year()).is_some_and(|easter| (date - easter).num_days() == days)
            }
        }
    }
}

const GOOD_FRIDAY: Holiday = Holiday::Easter(-2);
const EASTER_MONDAY: Holiday = Holiday::Easter(1);

/// Closing days of TARGET, as the European Central Bank set them for good from 2002 on.
pub(super) const TARGET: &[Holiday] = &[
    Holiday::On(1, 1),
    GOOD_FRIDAY,
    EASTER_MONDAY,
    Holiday::On(5, 1),
    Holiday::On(12, 25),
    Holiday::On(12, 26),
];

/// Czech public holidays: act 245/2000, with Good Friday since 2016.
pub(super) const CZECH: &[Holiday] = &[
    Holiday::On(1, 1),
    GOOD_FRIDAY,
    EASTER_MONDAY,
    Holiday::On(5, 1),
    Holiday::On(5, 8),
    Holiday::On(7, 5),
    Holiday::On(7, 6),
    Holiday::On(9, 28),
    Holiday::On(10, 28),
    Holiday::On(11, 17),
    Holiday::On(12, 24),
    Holiday::On(12, 25),
    Holiday::On(12, 26),
];
