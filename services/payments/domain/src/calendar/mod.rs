//! Business-day calendars, one a currency: which days the bank pays on, and until when of a day.
//!
//! Weekends and holidays are data: days by rule, so that a calendar holds for any year. The rules are those in force today;
//! what was due under earlier ones is in the log, with its date. A currency without a calendar has none: the bank refuses to
//! guess ([decision 28](../../../../docs/decisions/0028-business-days-and-due-times.md)).

mod easter;
mod holidays;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Offset, TimeZone, Utc, Weekday};
use chrono_tz::{Europe, Tz};
pub use easter::easter_sunday;
pub use holidays::Holiday;
use tributary_contracts::payments::BusinessDayConvention;
use tributary_money::Currency;

/// Days in a row without a business day that a calendar may have: longer than any weekend with holidays around it.
const CLOSED_DAYS_MAX: usize = 14;

/// Business days and cut-off of one currency.
#[derive(Debug)]
pub struct Calendar {
    /// ISO 4217.
    pub currency: &'static str,
    /// The currency's local time.
    pub zone: Tz,
    /// Local time at which a business day's payments are made; until then they can be ordered, changed and cancelled.
    pub cut_off: NaiveTime,
    pub weekend: &'static [Weekday],
    pub holidays: &'static [Holiday],
}

const fn hour(hour: u32) -> NaiveTime {
    match NaiveTime::from_hms_opt(hour, 0, 0) {
        Some(time) => time,
        None => NaiveTime::MIN,
    }
}

/// The euro's days are those of TARGET (T2), and its cut-off is T2's for customer payments.
static EUR: Calendar = Calendar {
    currency: "EUR",
    zone: Europe::Berlin,
    cut_off: hour(17),
    weekend: &[Weekday::Sat, Weekday::Sun],
    holidays: holidays::TARGET,
};

/// The koruna's days are those of the Czech public holidays, as in the national bank's CERTIS; the cut-off is this bank's.
static CZK: Calendar = Calendar {
    currency: "CZK",
    zone: Europe::Prague,
    cut_off: hour(15),
    weekend: &[Weekday::Sat, Weekday::Sun],
    holidays: holidays::CZECH,
};

/// Every calendar that there is.
pub static ALL: [&Calendar; 2] = [&EUR, &CZK];

/// The calendar of a currency; none where there is none.
pub fn of(currency: Currency) -> Option<&'static Calendar> {
    ALL.into_iter()
        .find(|calendar| calendar.currency == currency.code())
}

impl Calendar {
    /// Whether payments are made on that day.
    pub fn is_business_day(&self, date: NaiveDate) -> bool {
        !self.weekend.contains(&date.weekday()) && !self.holidays.iter().any(|holiday| holiday.is_on(date))
    }

    /// The day itself where it is a business day, else the one that the convention names (FpML and ISDA 2006, section 4.12).
    /// None at the end of all dates.
    pub fn adjust(&self, date: NaiveDate, convention: BusinessDayConvention) -> Option<NaiveDate> {
        let following = || self.first_business_day(date, NaiveDate::succ_opt);
        let preceding = || self.first_business_day(date, NaiveDate::pred_opt);
        match convention {
            BusinessDayConvention::Following => following(),
            BusinessDayConvention::Preceding => preceding(),
            BusinessDayConvention::ModifiedFollowing => {
                let same_month = |day: &NaiveDate| day.month() == date.month();
                following().filter(same_month).or_else(preceding)
            }
        }
    }

    fn first_business_day(
        &self,
        from: NaiveDate,
        next: impl Fn(&NaiveDate) -> Option<NaiveDate>,
    ) -> Option<NaiveDate> {
        std::iter::successors(Some(from), next)
            .take(CLOSED_DAYS_MAX)
            .find(|day| self.is_business_day(*day))
    }

    /// When that day's payments are made, milliseconds since the epoch.
    pub fn cut_off_ms(&self, date: NaiveDate) -> i64 {
        let local = self.zone.from_local_datetime(&date.and_time(self.cut_off));
        // Clocks are put forward and back at night; if one ever were at the cut-off, the earlier time counts, or the same
        // time in UTC.
        match local.earliest() {
            Some(time) => time.timestamp_millis(),
            None => date.and_time(self.cut_off).and_utc().timestamp_millis(),
        }
    }

    /// By how many seconds local time is ahead of UTC at a time in milliseconds since the epoch; 0 at the end of all dates.
    pub fn utc_offset_s(&self, time_ms: i64) -> i32 {
        DateTime::<Utc>::from_timestamp_millis(time_ms).map_or(0, |time| {
            time.with_timezone(&self.zone).offset().fix().local_minus_utc()
        })
    }

    /// The local day of a time in milliseconds since the epoch. None at the end of all dates.
    pub fn day_of(&self, time_ms: i64) -> Option<NaiveDate> {
        let time: DateTime<Utc> = DateTime::from_timestamp_millis(time_ms)?;
        Some(time.with_timezone(&self.zone).date_naive())
    }
}

/// That day of the month that lies `months` after the month of `from`, or the last day of a shorter month. None at the end of
/// all dates.
pub fn day_of_month(from: NaiveDate, months: u32, day: u32) -> Option<NaiveDate> {
    let first = from.with_day(1)?.checked_add_months(Months::new(months))?;
    let length = u32::from(first.num_days_in_month());
    first.with_day(day.clamp(1, length))
}
