use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tributary_gateway::Limits;

use crate::bad_input::resident_mb;
use crate::bank::{Client, WITHIN, gateway, key, now, payment, until};

/// An event of the stream.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    id: String,
    kind: String,
    data: Value,
}

impl Event {
    fn place(&self) -> (i64, i64) {
        let position = &self.data["position"];
        (
            position["partition"].as_i64().unwrap(),
            position["offset"].as_i64().unwrap(),
        )
    }

    fn is_of(&self, payment: &str) -> bool {
        self.data["event"]["data"]["payment_id"] == payment
    }
}

struct Listener(BufReader<TcpStream>);

impl Listener {
    fn connect(client: &Client, query: &str, last_event_id: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(client.at).unwrap();
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        stream
            .write_all(request(client.at, query, last_event_id).as_bytes())
            .unwrap();
        let mut listener = Self(BufReader::new(stream));
        assert!(listener.line().starts_with("HTTP/1.1 200"));
        while !listener.line().is_empty() {}
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
        line.trim_end().to_owned()
    }

    fn next(&mut self) -> Event {
        let (mut id, mut kind, mut data) = (None, None, None);
        let since = now();
        loop {
            // Comments keep the connection alive, so its own time-out may never come.
            assert!(since.elapsed() < WITHIN, "no event came within {WITHIN:?}");
            // Lengths of chunks and comments are passed over.
            let line = self.line();
            match line.split_once(": ") {
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("event", value)) => kind = Some(value.to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
                _ => {}
            }
            if let (Some(id), Some(kind), Some(data)) = (&id, &kind, &data) {
                return Event {
                    id: id.clone(),
                    kind: kind.clone(),
                    data: Value::clone(data),
                };
            }
        }
    }

    /// Events up to the completion of a payment.
    fn until_completed(&mut self, payment: &str) -> Vec<Event> {
        let mut events = Vec::new();
        let since = now();
        loop {
            let elapsed = since.elapsed();
            assert!(
                elapsed < WITHIN,
                "payment {payment} was not seen to complete within {WITHIN:?}"
            );
            events.push(self.next());
            let last = &events[events.len() - 1];
            if last.kind == "payments.payment-completed.v1" && last.is_of(payment) {
                return events;
            }
        }
    }
}

fn request(at: SocketAddr, query: &str, last_event_id: Option<&str>) -> String {
    let resume = last_event_id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
    format!("GET /v1/events{query} HTTP/1.1\r\nHost: {at}\r\n{resume}\r\n")
}

fn pay(client: &Client, debtor: &str, creditor: &str) -> String {
    let paid = client
        .post("/v1/payments", &key(), &payment(debtor, creditor, "1.00"))
        .expect(201);
    paid.text("payment_id").to_owned()
}

#[test]
fn who_listens_gets_every_event_once_also_after_a_break() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("100.00"), client.account("0"));
    let mut listener = Listener::connect(&client, "", None);
    let first = pay(&client, &debtor, &creditor);
    let events = listener.until_completed(&first);
    let begin = events
        .iter()
        .position(|event| event.kind == "payments.payment-initiated.v1" && event.is_of(&first))
        .expect("the payment's beginning");
    // Broken off at its beginning, and resumed there while more happens.
    drop(listener);
    let second = pay(&client, &debtor, &creditor);
    let mut listener = Listener::connect(&client, "", Some(&events[begin].id));
    let third = pay(&client, &debtor, &creditor);
    let resumed = listener.until_completed(&third);
    for payment in [&first, &second, &third] {
        let completed =
            |event: &&Event| event.kind == "payments.payment-completed.v1" && event.is_of(payment);
        assert_eq!(resumed.iter().filter(completed).count(), 1, "{payment}");
    }
    let again = |event: &&Event| event.kind == "payments.payment-initiated.v1" && event.is_of(&first);
    assert_eq!(resumed.iter().filter(again).count(), 0);
    // What was told before the break is told again from there on, and in each partition the order is the log's.
    for event in &events[begin + 1..] {
        assert!(resumed.iter().any(|told| told.data == event.data), "{event:?}");
    }
    for partition in 0..2 {
        let offsets: Vec<_> = resumed
            .iter()
            .map(Event::place)
            .filter(|place| place.0 == partition)
            .collect();
        assert!(
            offsets.is_sorted() && offsets.windows(2).all(|pair| pair[0] != pair[1]),
            "{offsets:?}"
        );
    }
    // An id is a position, too.
    let last = &resumed[resumed.len() - 1];
    client
        .get_with(&format!("/v1/payments/{third}"), &[("X-Wait-For", &last.id)])
        .expect(200);
}

#[test]
fn the_ledgers_events_are_told_as_well() {
    let client = Client::of_bank();
    client.account("1.00");
    let mut listener = Listener::connect(&client, "?topic=accounts.events", None);
    let account = client.account("2.00");
    until("the account's opening", || {
        let event = listener.next();
        (event.kind == "accounts.account-opened.v1"
            && event.data["event"]["data"]["account_id"] == account.as_str())
        .then_some(())
    });
}

#[test]
fn a_place_that_is_none_is_refused() {
    let client = Client::of_bank();
    client.account("0");
    for id in [
        "x",
        "accounts.events/0@0",
        "payments.events/7@0",
        "payments.events/0@999999999",
    ] {
        let refused = client
            .get_with("/v1/events", &[("Last-Event-ID", id)])
            .expect(400);
        assert_eq!(refused.code(), "PARAMETER_INVALID", "{id}");
    }
}

#[test]
fn who_never_reads_is_cut_off_and_makes_room() {
    let client = Client::of_bank();
    let (debtor, creditor) = (client.account("1000.00"), client.account("0"));
    // More than the system keeps for a client: some eight events of half a kilobyte or more a payment.
    let mut last = String::new();
    for _ in 0..120 {
        last = client
            .send("/v1/payments", &key(), &payment(&debtor, &creditor, "1.00"))
            .expect(202)
            .text("resource")
            .to_owned();
    }
    until("the last payment's end", || {
        let shown = client.get(&last);
        (shown.status == 200 && shown.text("state") == "completed").then_some(())
    });
    let narrow = gateway(Limits {
        streams_max: 1,
        write_within: Duration::from_secs(1),
        ..Limits::default()
    });
    let address = narrow.address();
    // Begins to listen, and says whether there was a place.
    let has_place = |mut stream: &TcpStream, last_event_id: Option<&str>| {
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        stream
            .write_all(request(address, "", last_event_id).as_bytes())
            .unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        match &head {
            b"HTTP/1.1 200" => true,
            b"HTTP/1.1 429" => false,
            _ => panic!("{}", String::from_utf8_lossy(&head)),
        }
    };
    let connect = || TcpStream::connect(address).unwrap();
    let polite = connect();
    assert!(has_place(&polite, None));
    assert!(!has_place(&connect(), None), "two on one place");
    drop(polite);
    let deaf = until("the polite client's place", || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        let deaf = TcpStream::from(socket);
        // From the beginning of the log.
        has_place(&deaf, Some("")).then_some(deaf)
    });
    // It reads nothing more. Cut off, it leaves its place to another.
    let before = resident_mb();
    let mut most = before;
    until("the deaf client's place", || {
        most = most.max(resident_mb());
        has_place(&connect(), None).then_some(())
    });
    println!("{before} MB before a deaf client, {most} MB at most");
    assert!(most < before + 80, "{before} MB before, {most} MB at most");
    // A stream of events has no end of its own: it was reset, or closed.
    let mut rest = Vec::new();
    let over = (&deaf).read_to_end(&mut rest).map_err(|error| error.kind());
    assert!(
        !matches!(over, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        "{over:?}"
    );
    narrow.stop();
}
