use chrono::NaiveDate;

/// Easter Sunday of the Gregorian calendar, by the algorithm of Meeus, Jones and Butcher (Meeus, Astronomical Algorithms,
/// chapter 8). None for a year that has no dates.
pub fn easter_sunday(year: i32) -> Option<NaiveDate> {
    let golden = year.rem_euclid(19);
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let (leaps, left) = (century / 4, century % 4);
    let moon_shift = (century + 8) / 25;
    let moon = (19 * golden + century - leaps - (century - moon_shift + 1) / 3 + 15).rem_euclid(30);
    let weekday = (32 + 2 * left + 2 * (of_century / 4) - moon - of_century % 4).rem_euclid(7);
    let correction = (golden + 11 * moon + 22 * weekday) / 451;
    let days = moon + weekday - 7 * correction + 114;
    let (month, day) = (days / 31, days % 31 + 1);
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}
