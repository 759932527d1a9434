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
    let kafka = stack
        .kafka()
        .map(|kafka| [kafka.broker.pid(), kafka.controller.pid()]);
    let postgres = stack.postgres().and_then(|postgres| postgres.server.pid());
    let pids = kafka.into_iter().flatten().chain([postgres]).flatten();
    let pids: Vec<_> = pids.map(|pid| pid.to_string()).collect();
    println!("{} {} {}", stack.brokers(), stack.database_url(), pids.join(" "));
    // The reader is gone only if the test was killed.
    drop(std::io::stdout().flush());
    loop {
        std::thread::park();
    }
}
