//! Dates in the fewest steps: two of them stand in every entry, and the calendar library formats and reads them one
//! character at a time. For `#[serde(with = "crate::date")]`.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(crate) fn serialize<S: Serializer>(date: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
    let Ok(year @ 0..=9999) = u32::try_from(date.year()) else {
        return date.serialize(serializer);
    };
    let digit = |number: u32, ten_to: u32| b'0' + (number / ten_to % 10) as u8;
    let (month, day) = (date.month(), date.day());
    let text = [
        digit(year, 1000),
        digit(year, 100),
        digit(year, 10),
        digit(year, 1),
        b'-',
        digit(month, 10),
        digit(month, 1),
        b'-',
        digit(day, 10),
        digit(day, 1),
    ];
    serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    struct Date;
    impl de::Visitor<'_> for Date {
        type Value = NaiveDate;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a date like 1993-01-31")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<NaiveDate, E> {
            match read(text.as_bytes()) {
                Some(date) => Ok(date),
                // Years of more or less than four digits are read as ever.
                None => NaiveDate::deserialize(de::value::StrDeserializer::new(text)),
            }
        }
    }
    deserializer.deserialize_str(Date)
}

fn read(text: &[u8]) -> Option<NaiveDate> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Fast(#[serde(with = "super")] NaiveDate);

    #[test]
    fn a_date_is_written_and_read_as_the_calendar_library_does() {
        for text in [
            "1993-01-31",
            "0001-02-03",
            "2024-02-29",
            "9999-12-31",
            "+10000-01-01",
            "-0001-01-01",
        ] {
            let date: NaiveDate = text.parse().unwrap();
            let written = serde_json::to_string(&Fast(date)).unwrap();
            assert_eq!(written, serde_json::to_string(&date).unwrap());
            assert_eq!(serde_json::from_str::<Fast>(&written).unwrap(), Fast(date));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["1993-02-29", "1993-13-01", "1993-1-x1", "yesterday", ""] {
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<Fast>(&json).is_err(), "{text}");
        }
    }
}
