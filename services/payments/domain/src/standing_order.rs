use chrono::Days;
use serde::{Deserialize, Serialize};
use tributary_contracts::{
    accounts::Details,
    envelope::BusinessDate,
    payments::{BusinessDayConvention, Frequency, Occurrence, StandingOrderCreated, Until},
    sealed::Sealed,
};
use tributary_ids::{AccountId, CustomerId};
use tributary_money::Currency;
use uuid::Uuid;

use crate::calendar::{Calendar, day_of_month};

/// A standing order: its terms, and when it pays next. It keeps no history, so it takes the same room however long it pays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandingOrder {
    pub customer: CustomerId,
    pub debtor: AccountId,
    pub creditor: AccountId,
    /// Of the next payment. Minor units, above zero.
    pub amount: i64,
    pub currency: Currency,
    /// The ciphertext whole: every payment gets it.
    pub remittance: Option<Sealed>,
    #[serde(with = "crate::kept_details")]
    pub details: Details,
    pub timetable: Timetable,
    /// How long it pays.
    pub until: Until,
    /// The amount and the end that it was created with, by which a repetition of its creation is known.
    pub created_with: (i64, Until),
    /// None: it has ended.
    pub next: Option<Occurrence>,
    pub cancelled: bool,
    /// Of the wish that created it; its payments belong to the same story.
    pub correlation_id: Uuid,
}

/// By which rule an order's occurrences follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timetable {
    pub frequency: Frequency,
    pub start_date: BusinessDate,
    pub convention: BusinessDayConvention,
}

impl StandingOrder {
    pub(crate) fn created(event: &StandingOrderCreated, correlation_id: Uuid) -> Self {
        Self {
            customer: event.customer,
            debtor: event.debtor,
            creditor: event.creditor,
            amount: event.amount,
            currency: event.currency,
            remittance: event.remittance.clone(),
            details: event.details.clone(),
            timetable: Timetable {
                frequency: event.frequency,
                start_date: event.start_date,
                convention: event.convention,
            },
            until: event.until,
            created_with: (event.amount, event.until),
            next: Some(event.next),
            cancelled: false,
            correlation_id,
        }
    }
}

impl Timetable {
    /// The occurrence of that number, counted from one. None where the order has ended before it, or dates have.
    pub fn occurrence(&self, number: u32, until: Until, calendar: &Calendar) -> Option<Occurrence> {
        let date = self.date(number)?;
        let within = match until {
            Until::Cancelled => true,
            Until::Date(last) => date <= last,
            Until::Times(times) => number <= times,
        };
        let execution_date = calendar.adjust(date, self.convention).filter(|_| within)?;
        Some(Occurrence {
            number,
            date,
            execution_date,
            due_at: calendar.cut_off_ms(execution_date),
        })
    }

    /// Each date is counted from the start, not from the one before: the 31st is back after a short month.
    fn date(&self, number: u32) -> Option<BusinessDate> {
        let before = number.checked_sub(1)?;
        match self.frequency {
            Frequency::Weekly => {
                let days = u64::from(before).checked_mul(7)?;
                self.start_date.checked_add_days(Days::new(days))
            }
            Frequency::Monthly { day } => {
                let day = u32::from(day);
                let in_first_month = day_of_month(self.start_date, 0, day)?;
                let skipped = u32::from(in_first_month < self.start_date);
                day_of_month(self.start_date, before.checked_add(skipped)?, day)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tributary_contracts::payments::BusinessDayConvention::{Following, ModifiedFollowing, Preceding};

    use super::*;
    use crate::calendar;

    fn days(
        frequency: Frequency,
        start: &str,
        convention: BusinessDayConvention,
        until: Until,
    ) -> Vec<String> {
        let czk = calendar::of("CZK".parse().unwrap()).unwrap();
        let timetable = Timetable {
            frequency,
            start_date: start.parse().unwrap(),
            convention,
        };
        (1..=6)
            .map_while(|number| timetable.occurrence(number, until, czk))
            .map(|next| format!("{} {}", next.date, next.execution_date))
            .collect()
    }

    #[test]
    fn the_31st_is_the_last_of_a_shorter_month_and_back_after_it() {
        assert_eq!(
            days(
                Frequency::Monthly { day: 31 },
                "2027-01-15",
                ModifiedFollowing,
                Until::Times(4)
            ),
            [
                "2027-01-31 2027-01-29",
                "2027-02-28 2027-02-26",
                "2027-03-31 2027-03-31",
                "2027-04-30 2027-04-30",
            ]
        );
    }

    #[test]
    fn a_day_that_has_passed_in_the_month_of_the_start_comes_first_in_the_next() {
        let last = Until::Date("2027-04-05".parse().unwrap());
        assert_eq!(
            days(Frequency::Monthly { day: 5 }, "2027-01-06", Following, last),
            [
                "2027-02-05 2027-02-05",
                "2027-03-05 2027-03-05",
                "2027-04-05 2027-04-05"
            ]
        );
        assert_eq!(
            days(
                Frequency::Monthly { day: 5 },
                "2027-01-05",
                Following,
                Until::Times(1)
            ),
            ["2027-01-05 2027-01-05"]
        );
    }

    #[test]
    fn a_week_has_seven_days_whatever_its_holidays() {
        assert_eq!(
            days(Frequency::Weekly, "2026-12-18", Preceding, Until::Cancelled)[..3],
            [
                "2026-12-18 2026-12-18",
                "2026-12-25 2026-12-23",
                "2027-01-01 2026-12-31"
            ]
        );
    }

    #[test]
    fn occurrences_fall_due_one_after_the_other() {
        for currency in ["EUR", "CZK"] {
            let calendar = calendar::of(currency.parse().unwrap()).unwrap();
            let monthly = (1..=31).map(|day| Frequency::Monthly { day });
            for frequency in monthly.chain([Frequency::Weekly]) {
                for convention in [Following, Preceding, ModifiedFollowing] {
                    let timetable = Timetable {
                        frequency,
                        start_date: "2026-12-01".parse().unwrap(),
                        convention,
                    };
                    let due: Vec<i64> = (1..200)
                        .map(|number| {
                            timetable
                                .occurrence(number, Until::Cancelled, calendar)
                                .unwrap()
                                .due_at
                        })
                        .collect();
                    assert!(due.is_sorted_by(|a, b| a < b), "{currency} {timetable:?}");
                }
            }
        }
    }

    #[test]
    fn an_order_that_outlives_all_dates_ends() {
        let timetable = Timetable {
            frequency: Frequency::Weekly,
            start_date: BusinessDate::MAX,
            convention: Following,
        };
        let eur = calendar::of("EUR".parse().unwrap()).unwrap();
        assert_eq!(timetable.occurrence(2, Until::Cancelled, eur), None);
        assert_eq!(timetable.occurrence(u32::MAX, Until::Cancelled, eur), None);
        assert_eq!(timetable.occurrence(0, Until::Cancelled, eur), None);
    }
}
