//! Tells Kafka's controller that the broker is gone.
//!
//! A broker that was killed and comes back while the controller still takes it for alive reads metadata in which it leads
//! everything. It then is transaction coordinator by what was true before its death; given up a moment later, it finds
//! no leader to send a decided transaction's markers to, takes the topic for deleted, and drops them. The same happens to
//! a broker that lives but is too slow for its session, so the session is long. Whoever has seen the process end need
//! not wait for it: it asks the controller to forget the broker, which leaves every partition without a leader until the
//! broker is registered anew.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::settings::BROKER_ID;
use crate::error::{Result, StackError};
use crate::stopwatch::Stopwatch;

/// Most time for one answer, and between two attempts.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
/// How long a controller may take to read what it decided before, and lead.
const PATIENCE: Duration = Duration::from_secs(60);

/// Kafka's number of the request `UnregisterBroker`, of which there is version 0 only.
const UNREGISTER_BROKER: i16 = 64;
/// Longer answers are none.
const ANSWER_BYTES_MAX: i32 = 10_000;

/// Kafka's error codes that matter here.
const NONE: i16 = 0;
const REQUEST_TIMED_OUT: i16 = 7;
const NOT_CONTROLLER: i16 = 41;
const BROKER_ID_NOT_REGISTERED: i16 = 102;

/// Has the controller forget the broker, no process of which is left, and returns when that is decided for good.
///
/// # Errors
/// `CONTROLLER_REFUSED`.
pub(super) fn forget_broker(controller_port: u16) -> Result<()> {
    let watch = Stopwatch::start();
    loop {
        let (starting, why) = match ask(controller_port) {
            Ok(NONE | BROKER_ID_NOT_REGISTERED) => return Ok(()),
            Ok(code) => {
                let starting = matches!(code, REQUEST_TIMED_OUT | NOT_CONTROLLER);
                (starting, format!("Kafka's error {code}"))
            }
            Err(error) => (true, error.to_string()),
        };
        if !starting || watch.elapsed() > PATIENCE {
            return Err(StackError::ControllerRefused { why });
        }
        std::thread::sleep(PAUSE);
    }
}

/// Asks once; Kafka's error code.
fn ask(port: u16) -> io::Result<i16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(&request())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = i32::from_be_bytes(length);
    if !(0..=ANSWER_BYTES_MAX).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; usize::try_from(length).unwrap_or_default()];
    stream.read_exact(&mut answer)?;
    error_code(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Length, header (request, version, correlation id, client id, no tagged fields), broker, no tagged fields.
fn request() -> Vec<u8> {
    let client = b"local-stack";
    let mut body = Vec::new();
    body.extend(UNREGISTER_BROKER.to_be_bytes());
    body.extend(0_i16.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend((client.len() as u16).to_be_bytes());
    body.extend(client);
    body.push(0);
    body.extend(i32::from(BROKER_ID).to_be_bytes());
    body.push(0);
    let mut request = (body.len() as u32).to_be_bytes().to_vec();
    request.extend(body);
    request
}

/// An answer begins with the correlation id, no tagged fields, and the time that the client is throttled for.
fn error_code(answer: &[u8]) -> Option<i16> {
    let code = answer.get(9..11)?;
    Some(i16::from_be_bytes(code.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_how_long_it_is() {
        let request = request();
        let length = u32::from_be_bytes(request[..4].try_into().unwrap());
        assert_eq!(length as usize, request.len() - 4);
    }

    #[test]
    fn an_answers_error_is_behind_its_header() {
        let answer = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 102, 0, 0];
        assert_eq!(error_code(&answer), Some(BROKER_ID_NOT_REGISTERED));
        assert_eq!(error_code(&answer[..9]), None);
    }
}
