//! Tables of figures, as they go into `docs/performance.md`.

/// Prints a table's heading.
pub(super) fn heading(columns: &[&str]) {
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}

/// Median of the runs' figures, and the lowest and highest.
pub(super) fn median_and_range(mut figures: Vec<f64>) -> (f64, f64, f64) {
    figures.sort_by(f64::total_cmp);
    let middle = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
    let half = figures.len() / 2;
    let median = if figures.len() % 2 == 1 {
        middle(half)
    } else {
        (middle(half.wrapping_sub(1)) + middle(half)) / 2.0
    };
    (median, middle(0), middle(figures.len().wrapping_sub(1)))
}

/// A whole number, in groups of three digits.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle_whatever_the_order() {
        assert_eq!(median_and_range(vec![3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
        assert_eq!(median_and_range(vec![4.0, 1.0, 2.0, 3.0]), (2.5, 1.0, 4.0));
        assert!(median_and_range(Vec::new()).0.is_nan());
    }

    #[test]
    fn digits_are_grouped_in_threes() {
        assert_eq!(grouped(999.4), "999");
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(grouped(100_000.0), "100,000");
    }
}
