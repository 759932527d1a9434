use tributary_contracts::payments::BusinessDayConvention::{Following, ModifiedFollowing, Preceding};

use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn closed(calendar: &Calendar, year: i32) -> Vec<String> {
    NaiveDate::from_ymd_opt(year, 1, 1)
        .unwrap()
        .iter_days()
        .take_while(|day| day.year() == year)
        .filter(|day| calendar.holidays.iter().any(|holiday| holiday.is_on(*day)))
        .map(|day| day.format("%m-%d").to_string())
        .collect()
}

#[test]
fn easter_is_when_the_churches_publish_it() {
    let published = [
        "1961-04-02",
        "1993-04-11",
        "2000-04-23",
        "2024-03-31",
        "2025-04-20",
        "2026-04-05",
        "2027-03-28",
        "2028-04-16",
        "2029-04-01",
        "2030-04-21",
        "2031-04-13",
        "2032-03-28",
        "2033-04-17",
        "2034-04-09",
        "2035-03-25",
        "2036-04-13",
        "2037-04-05",
        "2038-04-25",
        "2285-03-22",
    ];
    for text in published {
        let easter = date(text);
        assert_eq!(easter_sunday(easter.year()), Some(easter));
    }
}

#[test]
fn easter_is_a_sunday_between_march_22_and_april_25() {
    for year in 1583..5_000 {
        let easter = easter_sunday(year).unwrap();
        assert_eq!(easter.weekday(), Weekday::Sun, "{easter}");
        assert!(
            ((3, 22)..=(4, 25)).contains(&(easter.month(), easter.day())),
            "{easter}"
        );
    }
}

#[test]
fn the_days_on_which_nobody_pays_are_those_that_were_published() {
    assert_eq!(
        closed(&EUR, 2026),
        ["01-01", "04-03", "04-06", "05-01", "12-25", "12-26"]
    );
    assert_eq!(
        closed(&CZK, 2027),
        [
            "01-01", "03-26", "03-29", "05-01", "05-08", "07-05", "07-06", "09-28", "10-28", "11-17",
            "12-24", "12-25", "12-26"
        ]
    );
}

#[test]
fn a_currency_without_a_calendar_has_none() {
    assert!(of("EUR".parse().unwrap()).is_some());
    assert!(of("CZK".parse().unwrap()).is_some());
    assert!(of("USD".parse().unwrap()).is_none());
}

#[test]
fn a_day_is_moved_as_the_convention_says() {
    for (day, following, preceding, modified) in [
        // A Wednesday.
        ("2026-11-25", "2026-11-25", "2026-11-25", "2026-11-25"),
        // A Saturday.
        ("2026-11-21", "2026-11-23", "2026-11-20", "2026-11-23"),
        // A Saturday at the end of the month.
        ("2026-10-31", "2026-11-02", "2026-10-30", "2026-10-30"),
        // Good Friday to Easter Monday.
        ("2026-04-03", "2026-04-07", "2026-04-02", "2026-04-07"),
        // Good Friday of 2024 and the month's last business day before it.
        ("2024-03-29", "2024-04-02", "2024-03-28", "2024-03-28"),
        ("2027-01-01", "2027-01-04", "2026-12-31", "2027-01-04"),
    ] {
        let moved = [Following, Preceding, ModifiedFollowing].map(|by| EUR.adjust(date(day), by).unwrap());
        assert_eq!(moved, [following, preceding, modified].map(date), "{day}");
    }
    // Christmas Eve is one day more in Prague: Thursday to Sunday.
    assert_eq!(
        CZK.adjust(date("2026-12-24"), Following),
        Some(date("2026-12-28"))
    );
    assert_eq!(
        CZK.adjust(date("2026-12-27"), Preceding),
        Some(date("2026-12-23"))
    );
}

#[test]
fn a_moved_day_is_a_business_day_and_none_lies_between() {
    for calendar in ALL {
        let from = date("2024-01-01");
        for day in from.iter_days().take(15 * 366) {
            let following = calendar.adjust(day, Following).unwrap();
            let preceding = calendar.adjust(day, Preceding).unwrap();
            let modified = calendar.adjust(day, ModifiedFollowing).unwrap();
            assert!(preceding <= day && day <= following);
            assert!(
                [following, preceding, modified]
                    .iter()
                    .all(|day| calendar.is_business_day(*day))
            );
            let closed = preceding.iter_days().skip(1).take_while(|day| *day < following);
            assert_eq!(
                closed.filter(|day| calendar.is_business_day(*day)).count(),
                0,
                "{day}"
            );
            assert_eq!(modified.month(), day.month(), "{day}");
            assert!(modified == following || modified == preceding);
        }
    }
}

#[test]
fn the_cut_off_is_local_time_in_winter_and_in_summer() {
    let utc = |ms| DateTime::from_timestamp_millis(ms).unwrap().to_rfc3339();
    assert_eq!(
        utc(EUR.cut_off_ms(date("2027-01-15"))),
        "2027-01-15T16:00:00+00:00"
    );
    assert_eq!(
        utc(EUR.cut_off_ms(date("2027-07-15"))),
        "2027-07-15T15:00:00+00:00"
    );
    assert_eq!(
        utc(CZK.cut_off_ms(date("2027-01-15"))),
        "2027-01-15T14:00:00+00:00"
    );
    for calendar in ALL {
        let mut before = i64::MIN;
        for day in date("2024-01-01").iter_days().take(3_000) {
            let cut_off = calendar.cut_off_ms(day);
            assert!(cut_off > before);
            assert_eq!(calendar.day_of(cut_off), Some(day));
            before = cut_off;
        }
    }
    // Midnight is earlier in UTC.
    let night = date("2027-01-15")
        .and_hms_opt(23, 30, 0)
        .unwrap()
        .and_utc()
        .timestamp_millis();
    assert_eq!(CZK.day_of(night), Some(date("2027-01-16")));
}

#[test]
fn a_day_that_a_month_lacks_is_its_last() {
    let from = date("2027-12-15");
    let days: Vec<_> = (0..4)
        .map(|months| day_of_month(from, months, 31).unwrap().to_string())
        .collect();
    assert_eq!(days, ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"]);
    assert_eq!(day_of_month(from, 14, 30), Some(date("2029-02-28")));
    assert_eq!(day_of_month(NaiveDate::MAX, 1, 1), None);
}
