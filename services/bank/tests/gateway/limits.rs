use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tributary_gateway::Limits;

use crate::bad_input::resident_mb;
use crate::bank::{Client, WITHIN, bank, gateway, key, payment, until};

#[test]
fn overload_is_turned_away_and_a_retry_comes_through() {
    let narrow = gateway(Limits {
        in_flight_max: 1,
        ..Limits::default()
    });
    let client = Client::at(narrow.address());
    let (debtor, creditor) = (client.account("1000.00"), client.account("0"));
    let body = payment(&debtor, &creditor, "1.00");
    let keys: Vec<String> = (0..100).map(|_| key()).collect();
    let post = |key: &String| (key.clone(), client.send("/v1/payments", key, &body));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = keys
            .chunks(5)
            .map(|keys| scope.spawn(move || keys.iter().map(post).collect::<Vec<_>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut turned_away = 0;
    for (key, answer) in answers {
        if answer.status == 429 {
            turned_away += 1;
            assert_eq!(answer.code(), "OVERLOADED");
            assert_eq!(answer.header("retry-after"), "1");
            until("room", || {
                (client.send("/v1/payments", &key, &body).status == 202).then_some(())
            });
        } else {
            answer.expect(202);
        }
    }
    println!("{turned_away} of 100 were turned away, and came through");
    assert!(turned_away > 0);
    // Each is one payment.
    until("all payments", || {
        (client.posted(&debtor) == "900.00").then_some(())
    });
    narrow.stop();
}

#[test]
fn a_service_that_is_behind_is_sent_nothing_more() {
    // Nobody answers so soon that nothing is behind while commands come at once.
    let strict = gateway(Limits {
        lag_max: 0,
        ..Limits::default()
    });
    let client = Client::at(strict.address());
    let (debtor, creditor) = (client.account("1000.00"), client.account("0"));
    let body = payment(&debtor, &creditor, "1.00");
    let behind = (0..200)
        .map(|_| client.send("/v1/payments", &key(), &body))
        .find(|answer| answer.status != 202)
        .expect("an answer while the service is behind");
    assert_eq!((behind.status, behind.code()), (429, "OVERLOADED"));
    strict.stop();
}

#[test]
fn a_thousand_idle_connections_are_cut_off_and_who_comes_beyond_is_told() {
    let patient = gateway(Limits {
        head_within: Duration::from_secs(5),
        ..Limits::default()
    });
    let address = patient.address();
    let connect = || TcpStream::connect(address).unwrap();
    Client::at(address).get("/health").expect(200);
    let before = resident_mb();
    let mut idle: Vec<TcpStream> = (0..1_000).map(|_| connect()).collect();
    // One of them dribbles.
    idle[0].write_all(b"GET /health HTTP/1.1\r\n").unwrap();
    let mut beyond = connect();
    beyond.set_read_timeout(Some(WITHIN)).unwrap();
    let mut answer = String::new();
    beyond.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("CONNECTIONS_EXHAUSTED"), "{answer}");
    // The others are served meanwhile, through another gateway as well as through this one, once the idle are gone.
    Client::at(bank().api()).get("/health").expect(200);
    // Some 100 KB each at most, the buffers of both ends in this process included.
    let with_them = resident_mb();
    println!("{before} MB before idle connections, {with_them} MB with them");
    assert!(
        with_them < before + 100,
        "{before} MB before, {with_them} MB with them"
    );
    for stream in &mut idle {
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest));
    }
    Client::at(address).get("/health").expect(200);
    patient.stop();
}
