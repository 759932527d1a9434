//! Starts a stack in the directory that is given, prints its processes and its addresses, and holds it until it is
//! killed. The tests kill it.

use std::io::Write;
use std::path::PathBuf;

use tributary_local_stack::{Options, Place, Stack, StackError};

fn main() -> Result<(), StackError> {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("usage: hold_stack <data directory>");
        std::process::exit(2);
    };
    let mut stack = Stack::start(&Options::at(Place::Directory(PathBuf::from(directory))).own_servers())?;
    let kafka = stack.kafka().and_then(|kafka| kafka.pid()).unwrap_or_default();
    let postgres = stack
        .postgres()
        .and_then(|postgres| postgres.pid())
        .unwrap_or_default();
    println!("{kafka} {postgres} {} {}", stack.brokers(), stack.database_url());
    // The reader is gone only if the test was killed.
    drop(std::io::stdout().flush());
    loop {
        std::thread::park();
    }
}
