//! Free ports on the loopback interface.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::{Result, StackError};

/// Below the range from which systems take the near end of outgoing connections (32768 on Linux, 49152 elsewhere).
/// A port from that range, such as binding port 0 gives, may be lost while a killed server is away: a client that
/// keeps trying to reconnect is given the very port as its own near end, connects to itself, and keeps it.
const FIRST: u16 = 20_000;
const LAST: u16 = 29_999;

/// How often another port is tried when somebody else took the chosen one before the server did.
const ATTEMPTS: usize = 3;

/// A free port; `seed` says where to look first, so that one data directory tends to keep its ports.
/// No port is given twice in this process.
pub(crate) fn free(seed: u64) -> Result<u16> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let size = u64::from(LAST - FIRST) + 1;
    for step in 0..size {
        let offset = u16::try_from((seed % size + step) % size).unwrap_or_default();
        let port = FIRST + offset;
        if !given.contains(&port) && is_free(port) {
            given.insert(port);
            return Ok(port);
        }
    }
    Err(StackError::NoFreePort {
        first: FIRST,
        last: LAST,
    })
}

/// Where to look first for a port of what is kept in a directory.
pub(crate) fn seed_of(home: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    home.hash(&mut hasher);
    hasher.finish()
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Starts a server on the port that was asked for, or on a free one. Between finding a port free and the server's
/// listening on it somebody else may take it: then another is tried, unless that very port was asked for.
pub(crate) fn on_a_port<T>(
    asked: Option<u16>,
    mut choose: impl FnMut() -> Result<u16>,
    mut start: impl FnMut(u16) -> Result<T>,
) -> Result<T> {
    if let Some(port) = asked {
        return start(port);
    }
    let mut attempt = 1;
    loop {
        match start(choose()?) {
            Err(StackError::PortTaken { .. }) if attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(port: u16) -> StackError {
        StackError::PortTaken {
            what: "a server",
            port,
        }
    }

    #[test]
    fn a_port_that_is_in_use_or_was_given_is_not_given() {
        let first = free(77).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, first + 1)).unwrap();
        let second = free(77).unwrap();
        assert!(second > first + 1, "{first} was given, {} listens", first + 1);
        drop(listener);
    }

    #[test]
    fn a_port_lost_to_somebody_else_is_replaced() {
        let mut offered = [1, 2, 3].into_iter();
        let choose = || Ok(offered.next().unwrap());
        let start = |port| if port < 3 { Err(taken(port)) } else { Ok(port) };
        assert_eq!(on_a_port(None, choose, start).unwrap(), 3);
    }

    #[test]
    fn a_port_that_was_asked_for_is_not_replaced() {
        let outcome = on_a_port(
            Some(1),
            || Ok(2),
            |port| if port == 1 { Err(taken(1)) } else { Ok(port) },
        );
        assert_eq!(outcome.unwrap_err().code(), "PORT_TAKEN");
    }

    #[test]
    fn trying_other_ports_ends() {
        let mut tries = 0;
        let outcome: Result<u16> = on_a_port(
            None,
            || Ok(9),
            |port| {
                tries += 1;
                Err(taken(port))
            },
        );
        assert_eq!((outcome.unwrap_err().code(), tries), ("PORT_TAKEN", ATTEMPTS));
    }
}
