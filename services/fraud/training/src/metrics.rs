//! How well scores tell fraud from the rest.

use std::collections::{HashMap, HashSet};

/// The area under the ROC curve: how likely a fraud scores above something genuine, ties as one half. NaN without both.
pub fn roc_auc(scored: &[(f64, bool)]) -> f64 {
    let (mut genuine_below, mut area, mut frauds) = (0.0, 0.0, 0.0);
    for group in ascending(scored).chunk_by(|a, b| a.0 == b.0) {
        let of_fraud = count(group, true);
        let of_genuine = count(group, false);
        area += of_fraud * (genuine_below + of_genuine / 2.0);
        genuine_below += of_genuine;
        frauds += of_fraud;
    }
    area / (frauds * genuine_below)
}

/// Average precision as scikit-learn defines it: the sum over thresholds, which are the distinct scores from above, of
/// precision times what recall gains. NaN without frauds.
pub fn average_precision(scored: &[(f64, bool)]) -> f64 {
    let frauds = count(scored, true);
    let (mut found, mut seen, mut sum) = (0.0, 0.0, 0.0);
    let mut descending = ascending(scored);
    descending.reverse();
    for group in descending.chunk_by(|a, b| a.0 == b.0) {
        let of_fraud = count(group, true);
        found += of_fraud;
        seen += group.len() as f64;
        sum += of_fraud / frauds * (found / seen);
    }
    sum
}

fn ascending(scored: &[(f64, bool)]) -> Vec<(f64, bool)> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    sorted
}

fn count(scored: &[(f64, bool)], fraud: bool) -> f64 {
    scored.iter().filter(|(_, label)| *label == fraud).count() as f64
}

/// A scored payment of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    pub day: i64,
    pub customer: u32,
    pub score: f64,
    pub fraud: bool,
}

/// Card precision at `top`: of each day the customers are ranked by their highest score, equal ones by number; which
/// share of the first `top` was defrauded that day? Who has been found is left out on later days. The mean over days.
/// NaN without days.
pub fn card_precision(payments: &[Scored], top: usize) -> f64 {
    let mut days: Vec<i64> = payments.iter().map(|payment| payment.day).collect();
    days.sort_unstable();
    days.dedup();
    let mut found: HashSet<u32> = HashSet::new();
    let mut found_in_all = 0;
    for day in &days {
        let mut customers: HashMap<u32, (f64, bool)> = HashMap::new();
        let of_day = payments.iter().filter(|payment| payment.day == *day);
        for payment in of_day.filter(|payment| !found.contains(&payment.customer)) {
            let entry = customers
                .entry(payment.customer)
                .or_insert((f64::NEG_INFINITY, false));
            *entry = (entry.0.max(payment.score), entry.1 || payment.fraud);
        }
        let mut ranked: Vec<(u32, (f64, bool))> = customers.into_iter().collect();
        ranked.sort_by(|(a, (a_score, _)), (b, (b_score, _))| b_score.total_cmp(a_score).then(a.cmp(b)));
        let hits = ranked.iter().take(top).filter(|(_, (_, fraud))| *fraud);
        let hits: Vec<u32> = hits.map(|(customer, _)| *customer).collect();
        found_in_all += hits.len();
        found.extend(hits);
    }
    // One division, so that 210 of 700 are 0.3 and not a float beside it.
    found_in_all as f64 / (top * days.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
    }

    #[test]
    fn the_area_counts_pairs_and_ties_as_one_half() {
        // Pairs (fraud, genuine): .8>.6, .8>.4, .8>.1; .4<.6, .4=.4, .4>.1: 4.5 of 6.
        let scored = [(0.8, true), (0.6, false), (0.4, true), (0.4, false), (0.1, false)];
        near(roc_auc(&scored), 4.5 / 6.0);
        near(roc_auc(&[(0.1, true), (0.2, false)]), 0.0);
        assert!(roc_auc(&[(0.1, true)]).is_nan());
    }

    #[test]
    fn precision_is_averaged_over_what_recall_gains() {
        // scikit-learn's own example: 0.8333...
        let scored = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
        near(average_precision(&scored), 0.5 * 1.0 + 0.5 * (2.0 / 3.0));
        // A tie is one threshold: at .5 both are taken together.
        let tied = [(0.5, true), (0.5, false), (0.2, true)];
        near(average_precision(&tied), 0.5 * 0.5 + 0.5 * (2.0 / 3.0));
        assert!(average_precision(&[(0.1, false)]).is_nan());
    }

    #[test]
    fn a_customer_who_was_found_is_left_out_on_later_days() {
        let payment = |day, customer, score, fraud| Scored {
            day,
            customer,
            score,
            fraud,
        };
        let payments = [
            payment(1, 1, 0.9, true),
            payment(1, 1, 0.2, false),
            payment(1, 2, 0.8, false),
            payment(1, 3, 0.7, true),
            // Found on day 1, so 3 and 2 are the first two here.
            payment(2, 1, 0.9, true),
            payment(2, 2, 0.1, true),
            payment(2, 3, 0.7, true),
            payment(2, 4, 0.05, true),
        ];
        near(card_precision(&payments, 2), (0.5 + 1.0) / 2.0);
        // 100 places and few customers: the places count.
        near(card_precision(&payments, 100), (0.02 + 0.02) / 2.0);
        // Equal scores: the lower number first.
        let tied = [payment(1, 7, 0.5, true), payment(1, 3, 0.5, false)];
        near(card_precision(&tied, 1), 0.0);
    }
}
