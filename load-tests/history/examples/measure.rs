//! Reads a history, says how long that took and what is in it, and writes it where a second path is given:
//! `cargo run -p tributary-history --example measure -- <path> [<copy>.jsonl.zst]`.

#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::{env::args, time::Instant};

use tributary_history::{HistoryError, open_history};

fn main() -> Result<(), HistoryError> {
    let path = args().nth(1).unwrap_or_else(|| ".".to_owned());
    let begin = Instant::now();
    let history = open_history(path.as_ref())?;
    println!("opened in {:?}", begin.elapsed());
    let begin = Instant::now();
    println!("{} rows in {:?}", history.rows()?.count(), begin.elapsed());
    for bad in &history.bad {
        println!("{bad}");
    }
    println!("{} bad, {} parked", history.bad.len(), history.parked.len());
    println!("{:#?}", history.statistics);
    if let Some(copy) = args().nth(2) {
        let begin = Instant::now();
        history.write_to(copy.as_ref())?;
        println!("written in {:?}", begin.elapsed());
    }
    Ok(())
}
