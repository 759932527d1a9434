//! Measured, not asserted: run with `--ignored --nocapture`.

use tributary_accounts::projection::LedgerModel;
use tributary_projection::rebuild;

use crate::{bank::Bank, database::Database};

/// Imported credits, which is most of what a bank books, over that many accounts.
fn history(accounts: u64, events: u64) -> Bank {
    let mut bank = Bank::new(1);
    for number in 0..accounts {
        bank.open(number, "0");
    }
    for sequence in bank.commands()..events {
        bank.credit(sequence % accounts, "12.30", sequence);
    }
    bank
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a measurement"]
async fn rebuild_events_per_second() {
    for (accounts, events) in [(1_000, 300_000), (50_000, 300_000)] {
        let bank = history(accounts, events);
        for events_max in [5_000, 20_000] {
            let mut database = Database::new("speed").await;
            database.settings.rebuild_events_max = events_max;
            let started = tokio::time::Instant::now();
            rebuild(&database.settings, bank.topic.clone(), LedgerModel)
                .await
                .unwrap();
            let took = started.elapsed();
            println!(
                "{events} events, {accounts} accounts, batches of {events_max}: {:.1} s, {:.0} events/s",
                took.as_secs_f64(),
                events as f64 / took.as_secs_f64()
            );
            database.clear().await;
        }
    }
}
