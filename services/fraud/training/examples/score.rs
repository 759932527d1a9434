//! What a payment's features and its score cost, in processor time of one thread. `docs/performance.md` has the figures. Takes
//! the Handbook's file:
//!
//! `cargo run --release --package tributary-fraud-training --example score -- FILE`

use std::{env, error::Error, hint::black_box, path::Path, time::Duration};

use chrono::NaiveDate;
use nix::time::{ClockId, clock_gettime};
use tributary_fraud_domain::{
    FeatureVector, Model,
    model::{DataRange, seal},
};
use tributary_fraud_training::{
    Source, handbook::Transactions, payments, protocol::Weeks, recipes, stream, train,
};

/// Runs of each case; the lowest and the highest are printed.
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("the Handbook's file is missing")?;
    let rows = Transactions::load(Path::new(&file))?.rows;
    let begin = thread_time()?;
    let vectors = stream::features(&rows)?;
    let each = micros(thread_time()? - begin, rows.len());
    println!(
        "features of both hops: {each:.2} µs a payment, {} payments",
        rows.len()
    );
    let day = |month, day| NaiveDate::from_ymd_opt(2018, month, day).ok_or("no such day");
    let split = Weeks::try_new(day(7, 25)?, day(8, 8)?)?.split(&rows)?;
    let learnt = payments(&rows, &vectors, &split.train);
    let scored: Vec<&FeatureVector> = split.test.iter().map(|index| &vectors[*index]).collect();
    println!("| model | artefact, KB | score, µs | score and contributions, µs |\n|---|---|---|---|");
    for recipe in recipes() {
        let range = DataRange {
            source: file.clone(),
            from: String::new(),
            to: String::new(),
            payments: 0,
            frauds: 0,
        };
        let artefact = seal(&train(&recipe, &learnt, &range, &Source::default())?)?;
        let model = Model::load(&artefact)?;
        let score = cost(&scored, |payment| model.score(payment))?;
        let explained = cost(&scored, |payment| {
            let (score, contributions) = model.explain(payment);
            score + contributions.first().map_or(0.0, |first| first.amount)
        })?;
        println!(
            "| {} | {} | {score} | {explained} |",
            recipe.name,
            artefact.len() / 1_000
        );
    }
    Ok(())
}

/// Lowest and highest of the runs.
fn cost(payments: &[&FeatureVector], score: impl Fn(&FeatureVector) -> f64) -> nix::Result<String> {
    let (mut lowest, mut highest) = (f64::INFINITY, 0.0_f64);
    for _ in 0..RUNS {
        let begin = thread_time()?;
        for payment in payments {
            black_box(score(black_box(payment)));
        }
        let each = micros(thread_time()? - begin, payments.len());
        (lowest, highest) = (lowest.min(each), highest.max(each));
    }
    Ok(format!("{lowest:.2} to {highest:.2}"))
}

/// The processor time that this thread has used: what else runs on the machine is none of its cost.
fn thread_time() -> nix::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

fn micros(took: Duration, payments: usize) -> f64 {
    took.as_secs_f64() * 1e6 / payments as f64
}
