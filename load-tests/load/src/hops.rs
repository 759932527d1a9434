//! Where the time of a payment goes: each hop's share, by the times at which the log took the records.
//!
//! Every event names when the log got the record that it answers, so the events of a payment tell when each of its commands
//! and answers came into an inbox. A hop is the time from one inbox to the next: until the record can be read, since the
//! transaction that wrote it has committed, gathering, deciding, and writing.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tributary_contracts::topics::{ACCOUNTS_EVENTS, FRAUD_EVENTS, FRAUD_PAYEES_EVENTS, PAYMENTS_EVENTS};
use tributary_stream::kafka::Watermarks;
use uuid::Uuid;

use crate::{
    LoadError, Target,
    clock::Start,
    outcomes::Followed,
    recorder::{histogram, micros},
    report::Latency,
};

/// At most about so many payments of a load are followed: enough for a 99th percentile.
pub(crate) const FOLLOWED_MAX: f64 = 5_000.0;

/// How long the timelines may take to come to the end of the load.
const TIMELINES_WITHIN: Duration = Duration::from_secs(30);

/// Services' events and the schemas of their timelines.
const TIMELINES: [(&str, &str); 4] = [
    (ACCOUNTS_EVENTS.name, "timeline_accounts"),
    (PAYMENTS_EVENTS.name, "timeline_payments"),
    (FRAUD_EVENTS.name, "timeline_fraud"),
    (FRAUD_PAYEES_EVENTS.name, "timeline_fraud_payees"),
];

/// A moment in the life of an internal transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Intended,
    /// Commands and answers that came into an inbox.
    Command,
    Reserve,
    Fraud,
    Payees,
    Reserved,
    Assessed,
    Settle,
    Credit,
    Settled,
    /// Read from the log, committed.
    Ended,
    Visible,
}

const MOMENTS: usize = Moment::Visible as usize + 1;

/// From the last of some moments to another.
struct Hop {
    name: &'static str,
    what: &'static str,
    from: &'static [Moment],
    to: Moment,
}

/// In the order in which a payment goes through them. `fraud` and `payees`, one after the other, go beside `reserve`.
const HOPS: [Hop; 10] = [
    Hop {
        name: "command",
        what: "intended start to payments.inbox",
        from: &[Moment::Intended],
        to: Moment::Command,
    },
    Hop {
        name: "initiate",
        what: "payments: to the reservation in accounts.inbox",
        from: &[Moment::Command],
        to: Moment::Reserve,
    },
    Hop {
        name: "reserve",
        what: "accounts: to its answer in payments.inbox",
        from: &[Moment::Reserve],
        to: Moment::Reserved,
    },
    Hop {
        name: "fraud",
        what: "fraud, beside it: to its second hop in fraud-payees.inbox",
        from: &[Moment::Fraud],
        to: Moment::Payees,
    },
    Hop {
        name: "payees",
        what: "fraud's second hop: to its answer in payments.inbox",
        from: &[Moment::Payees],
        to: Moment::Assessed,
    },
    Hop {
        name: "decide",
        what: "payments: from the later answer to accounts.inbox",
        from: &[Moment::Reserved, Moment::Assessed],
        to: Moment::Settle,
    },
    Hop {
        name: "settle",
        what: "accounts, debtor: to the creditor's in accounts.inbox",
        from: &[Moment::Settle],
        to: Moment::Credit,
    },
    Hop {
        name: "credit",
        what: "accounts, creditor: to the answer in payments.inbox",
        from: &[Moment::Credit],
        to: Moment::Settled,
    },
    Hop {
        name: "complete",
        what: "payments: to its end, committed and read",
        from: &[Moment::Settled],
        to: Moment::Ended,
    },
    Hop {
        name: "read model",
        what: "to the row that shows the end",
        from: &[Moment::Ended],
        to: Moment::Visible,
    },
];

/// What was seen of one hop.
#[derive(Clone, Debug, Serialize)]
pub struct HopSeen {
    pub name: &'static str,
    pub what: &'static str,
    /// Payments in which both ends were seen.
    pub payments: u64,
    /// Milliseconds.
    pub latency: Latency,
}

/// Milliseconds since the epoch.
type Moments = [Option<f64>; MOMENTS];

/// Looks up in the timelines what the followed payments went through.
///
/// # Errors
/// When log or database can't be asked. Timelines that don't come to the load's end in half a minute are no error: what
/// they lack is missing.
pub(crate) fn hops(target: &Target, start: Start, followed: &[Followed]) -> Result<Vec<HopSeen>, LoadError> {
    if followed.is_empty() {
        return Ok(Vec::new());
    }
    let watermarks = Watermarks::connect(&target.brokers)?;
    let mut ends = HashMap::new();
    for (topic, _) in TIMELINES {
        ends.insert(topic, watermarks.ends(topic)?);
    }
    let mut payments: HashMap<Uuid, Moments> = followed
        .iter()
        .map(|followed| {
            let mut moments = [None; MOMENTS];
            let mut note = |moment: Moment, at: Option<Duration>| {
                moments[moment as usize] = at.map(|at| start.wall_ms(at));
            };
            note(Moment::Intended, Some(followed.intended));
            note(Moment::Ended, Some(followed.ended));
            note(Moment::Visible, followed.visible);
            (followed.command.0, moments)
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut database = PgConnection::connect(&target.database_url).await?;
        let since = Start::now();
        for (topic, schema) in TIMELINES {
            while !has_reached(&mut database, schema, &ends[topic]).await?
                && since.elapsed() < TIMELINES_WITHIN
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            read(&mut database, schema, &mut payments).await?;
        }
        Ok::<_, LoadError>(())
    })?;
    Ok(HOPS.iter().filter_map(|hop| seen(hop, &payments)).collect())
}

async fn has_reached(
    database: &mut PgConnection,
    schema: &str,
    ends: &std::collections::BTreeMap<i32, i64>,
) -> Result<bool, sqlx::Error> {
    let sql = AssertSqlSafe(format!(
        "SELECT partition, next_offset FROM {schema}.projection_offsets"
    ));
    let stored: Vec<(i32, i64)> = sqlx::query_as(sql).fetch_all(database).await?;
    let stored: HashMap<i32, i64> = stored.into_iter().collect();
    Ok(ends
        .iter()
        .all(|(partition, end)| stored.get(partition).is_some_and(|next| next >= end)))
}

async fn read(
    database: &mut PgConnection,
    schema: &str,
    payments: &mut HashMap<Uuid, Moments>,
) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(format!(
        "SELECT correlation_id, type, coalesce(data->>'kind', data->'progress'->'ended'->>'step', ''), recorded_ms
         FROM {schema}.events WHERE correlation_id = ANY($1)"
    ));
    let ids: Vec<Uuid> = payments.keys().copied().collect();
    let rows: Vec<(Uuid, String, String, i64)> = sqlx::query_as(sql).bind(ids).fetch_all(database).await?;
    for (correlation_id, ce_type, detail, recorded_ms) in rows {
        let Some(moments) = payments.get_mut(&correlation_id) else {
            continue;
        };
        if let Some(moment) = moment(&ce_type, &detail) {
            moments[moment as usize] = Some(recorded_ms as f64);
        }
    }
    Ok(())
}

/// The moment at which came what an event answers; `detail` is an entry's kind, or the step that ended.
fn moment(ce_type: &str, detail: &str) -> Option<Moment> {
    match (ce_type, detail) {
        ("payments.payment-initiated.v1", _) => Some(Moment::Command),
        ("accounts.hold-placed.v1", _) => Some(Moment::Reserve),
        ("fraud.payment-observed.v1", _) => Some(Moment::Fraud),
        ("fraud.payment-decided.v1", _) => Some(Moment::Payees),
        ("payments.payment-advanced.v1", "reserve") => Some(Moment::Reserved),
        ("payments.payment-advanced.v1", "fraud") => Some(Moment::Assessed),
        ("accounts.entry-posted.v1", "transfer-out") => Some(Moment::Settle),
        ("accounts.entry-posted.v1", "transfer-in") => Some(Moment::Credit),
        ("payments.payment-completed.v1", _) => Some(Moment::Settled),
        _ => None,
    }
}

fn seen(hop: &Hop, payments: &HashMap<Uuid, Moments>) -> Option<HopSeen> {
    let mut latencies = histogram();
    for moments in payments.values() {
        let Some(ms) = took_ms(hop, moments) else { continue };
        latencies.saturating_record(micros(Duration::from_secs_f64(ms / 1_000.0)));
    }
    Some(HopSeen {
        name: hop.name,
        what: hop.what,
        payments: latencies.len(),
        latency: Latency::of(&latencies)?,
    })
}

/// The log's times are whole milliseconds, so a hop may seem to end up to one before it began.
fn took_ms(hop: &Hop, moments: &Moments) -> Option<f64> {
    let mut from = f64::NEG_INFINITY;
    for moment in hop.from {
        from = from.max(moments[*moment as usize]?);
    }
    Some((moments[hop.to as usize]? - from).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_begins_with_the_later_answer_and_needs_both() {
        let decide = HOPS.iter().find(|hop| hop.name == "decide").unwrap();
        let mut moments = [None; MOMENTS];
        moments[Moment::Reserved as usize] = Some(1_040.0);
        moments[Moment::Settle as usize] = Some(1_065.0);
        assert_eq!(took_ms(decide, &moments), None);
        moments[Moment::Assessed as usize] = Some(1_050.0);
        assert_eq!(took_ms(decide, &moments), Some(15.0));
    }

    #[test]
    fn hops_follow_one_another_without_a_gap() {
        let alone: Vec<_> = HOPS
            .iter()
            .filter(|hop| !["fraud", "payees"].contains(&hop.name))
            .collect();
        for pair in alone.windows(2) {
            assert!(pair[1].from.contains(&pair[0].to), "{}", pair[1].name);
        }
        assert_eq!(alone[0].from, [Moment::Intended]);
    }
}
