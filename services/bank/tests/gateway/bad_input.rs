use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use tributary_gateway::{Gateway, Limits, Options};

use crate::bank::{Client, OWNER, WITHIN, gateway, key, payment};

const ID: &str = "00000000-0000-4000-8000-000000000009";
const OTHER: &str = "00000000-0000-4000-8000-00000000000a";

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[test]
fn a_bad_payment_is_refused_with_its_code() {
    let client = Client::of_bank();
    let good = payment(ID, OTHER, "1.00");
    for (field, value, status, code) in [
        ("amount", json!("0"), 422, "AMOUNT_NOT_POSITIVE"),
        ("amount", json!("-1.00"), 422, "AMOUNT_NOT_POSITIVE"),
        ("amount", json!("1.005"), 422, "AMOUNT_TOO_MANY_DECIMALS"),
        ("amount", json!("1e3"), 422, "AMOUNT_NOT_A_NUMBER"),
        ("amount", json!(" 1"), 422, "AMOUNT_NOT_A_NUMBER"),
        ("amount", json!("99999999999999999999"), 422, "AMOUNT_OVERFLOW"),
        ("amount", json!(1.5), 400, "MALFORMED"),
        ("currency", json!("XAU"), 400, "MALFORMED"),
        ("creditor", json!(ID), 422, "TRANSFER_TO_SELF"),
        ("creditor", json!("x"), 400, "MALFORMED"),
        ("booking_date", json!("2026-02-30"), 400, "MALFORMED"),
        ("remittance", json!(""), 422, "FIELD_EMPTY"),
        ("remittance", json!("rent for May\n"), 422, "FIELD_MALFORMED"),
        (
            "remittance",
            json!("rent for May ".repeat(11)),
            422,
            "FIELD_TOO_LONG",
        ),
        ("remittance", json!({"rent for May": 1}), 400, "MALFORMED"),
        ("surprise", json!(1), 400, "MALFORMED"),
    ] {
        let refused = client.post("/v1/payments", &key(), &with(good.clone(), field, value.clone()));
        assert_eq!(
            (refused.status, refused.code()),
            (status, code),
            "{field} {value}"
        );
        assert!(!refused.body.to_string().contains("rent for May"));
    }
    let account = json!({"owner": OWNER, "product": "current", "currency": "CZK"});
    for (field, value, code) in [
        ("overdraft_limit", json!("-1"), "AMOUNT_NEGATIVE"),
        ("opening_balance", json!("x"), "AMOUNT_NOT_A_NUMBER"),
        ("product", json!(""), "FIELD_EMPTY"),
        ("product", json!("my savings"), "FIELD_MALFORMED"),
        ("product", json!("x".repeat(33)), "FIELD_TOO_LONG"),
    ] {
        let refused = client.post("/v1/accounts", &key(), &with(account.clone(), field, value));
        assert_eq!((refused.status, refused.code()), (422, code), "{field}");
    }
}

#[test]
fn a_bad_request_is_refused_with_its_code() {
    let client = Client::of_bank();
    let body = payment(ID, OTHER, "1.00").to_string();
    let (json_type, long) = (("Content-Type", "application/json"), "k".repeat(129));
    for (headers, body, status, code) in [
        (&[json_type][..], body.as_str(), 400, "IDEMPOTENCY_KEY_MISSING"),
        (
            &[json_type, ("Idempotency-Key", &long)],
            &body,
            400,
            "IDEMPOTENCY_KEY_INVALID",
        ),
        (
            &[json_type, ("Idempotency-Key", "a b")],
            &body,
            400,
            "IDEMPOTENCY_KEY_INVALID",
        ),
        (
            &[("Content-Type", "text/plain"), ("Idempotency-Key", "k")],
            &body,
            415,
            "CONTENT_TYPE_UNSUPPORTED",
        ),
        (
            &[json_type, ("Idempotency-Key", "k")],
            "{\"amount\":",
            400,
            "MALFORMED",
        ),
        (&[json_type, ("Idempotency-Key", "k")], "[]", 400, "MALFORMED"),
        (&[json_type, ("Idempotency-Key", "k")], "", 400, "MALFORMED"),
    ] {
        let refused = client.post_text("/v1/payments", headers, body);
        assert_eq!(
            (refused.status, refused.code()),
            (status, code),
            "{headers:?} {body}"
        );
    }
    for (path, status, code) in [
        ("/v1/nothing", 404, "ROUTE_UNKNOWN"),
        ("/v1/accounts", 405, "METHOD_NOT_ALLOWED"),
        ("/v1/accounts/x", 400, "PARAMETER_INVALID"),
        (
            "/v1/accounts/00000000-0000-4000-8000-000000000009",
            404,
            "ACCOUNT_UNKNOWN",
        ),
        (
            "/v1/accounts/00000000-0000-4000-8000-000000000009/statement",
            404,
            "ACCOUNT_UNKNOWN",
        ),
        (
            "/v1/payments/00000000-0000-4000-8000-000000000009",
            404,
            "PAYMENT_UNKNOWN",
        ),
        (
            "/v1/payments/00000000-0000-4000-8000-000000000009/timeline",
            404,
            "PAYMENT_UNKNOWN",
        ),
        ("/v1/payments", 400, "PARAMETER_INVALID"),
        ("/v1/payments?state=completed", 400, "PARAMETER_INVALID"),
        ("/v1/payments?state=in-review&limit=0", 400, "PARAMETER_INVALID"),
        ("/v1/payments?state=in-review&limit=201", 400, "PARAMETER_INVALID"),
        ("/v1/payments?state=in-review&cursor=x", 400, "CURSOR_INVALID"),
        ("/v1/events?topic=fraud.events", 400, "PARAMETER_INVALID"),
    ] {
        let refused = client.get(path);
        assert_eq!((refused.status, refused.code()), (status, code), "{path}");
    }
    // Values without names are no fields.
    let order = format!("/v1/standing-orders/{ID}");
    let nameless = client.patch(&order, &key(), &json!(["1.00", null])).expect(400);
    assert_eq!(nameless.code(), "MALFORMED");
    let review = json!({"decision": "approve", "reason": "seen"});
    let unknown = client
        .post(&format!("/v1/payments/{ID}/review"), &key(), &review)
        .expect(404);
    assert_eq!(unknown.code(), "PAYMENT_UNKNOWN");
    let unknown = client.post(
        &format!("/v1/payments/{ID}/refunds"),
        &key(),
        &json!({"amount": "1", "currency": "CZK", "reason": "DUPL"}),
    );
    assert_eq!((unknown.status, unknown.code()), (422, "PAYMENT_UNKNOWN"));
}

#[test]
fn a_read_waits_for_a_position_only_so_long() {
    let client = Client::of_bank();
    let account = format!("/v1/accounts/{}", client.account("1.00"));
    for (position, status, code) in [
        ("accounts.events/0@999999999", 412, "READ_MODEL_BEHIND"),
        ("accounts.inbox/1@999999999", 412, "READ_MODEL_BEHIND"),
        ("payments.events/0@0", 400, "PARAMETER_INVALID"),
        ("accounts.events/2@0", 400, "PARAMETER_INVALID"),
        ("accounts.events", 400, "PARAMETER_INVALID"),
    ] {
        let refused = client.get_with(&account, &[("X-Wait-For", position)]);
        assert_eq!((refused.status, refused.code()), (status, code), "{position}");
    }
}

/// Resident memory of this process, which the gateway is part of, in megabytes.
pub(crate) fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn a_body_of_a_hundred_megabytes_is_refused_and_not_kept() {
    const CHUNK: usize = 1 << 20;
    let client = Client::of_bank();
    client.account("0");
    for announced in [true, false] {
        let before = resident_mb();
        let mut stream = TcpStream::connect(client.at).unwrap();
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        let length = match announced {
            true => format!("Content-Length: {}\r\n", 100 * CHUNK),
            false => "Transfer-Encoding: chunked\r\n".to_owned(),
        };
        let head = format!(
            "POST /v1/payments HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nIdempotency-Key: {}\r\n{length}Connection: close\r\n\r\n",
            client.at,
            key()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut most = before;
        for _ in 0..100 {
            if !announced {
                stream.write_all(format!("{CHUNK:x}\r\n").as_bytes()).unwrap();
            }
            stream.write_all(&vec![b' '; CHUNK]).unwrap();
            if !announced {
                stream.write_all(b"\r\n").unwrap();
            }
            most = most.max(resident_mb());
        }
        if !announced {
            stream.write_all(b"0\r\n\r\n").unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("BODY_TOO_LARGE"), "{answer}");
        println!("{before} MB before a large body, {most} MB at most");
        assert!(most < before + 50, "{before} MB before, {most} MB at most");
    }
}

/// What is answered to a request with these lines after its first.
fn answered(at: SocketAddr, line: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(WITHIN)).unwrap();
    let request = format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_request_that_is_meant_for_another_host_is_refused() {
    let at = Client::of_bank().at;
    let port = at.port();
    for host in ["evil.example", "127.0.0.1.evil.example", "169.254.0.1"] {
        for line in [
            "GET /health",
            "GET /openapi.json",
            "GET /nothing",
            "POST /v1/payments",
        ] {
            let answer = answered(at, line, &format!("Host: {host}:{port}\r\n"));
            assert!(answer.starts_with("HTTP/1.1 421 "), "{host} {line} {answer}");
            assert!(answer.contains("\"code\":\"HOST_UNKNOWN\""), "{answer}");
        }
    }
    for headers in ["", "Host: bank\r\n", "Host: 127.0.0.1\r\n"] {
        let answer = answered(at, "GET /health", headers);
        assert!(answer.starts_with("HTTP/1.1 421 "), "{headers} {answer}");
    }
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let answer = answered(at, "GET /health", &format!("Host: {host}:{port}\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host} {answer}");
    }
    // One that was configured.
    let further = gateway(Limits::default());
    let answer = answered(further.address(), "GET /health", "Host: bank\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    further.stop();
}

#[test]
fn only_loopback_is_listened_on() {
    let refused = Gateway::start(Options {
        listen: "0.0.0.0:0".parse().unwrap(),
        brokers: "127.0.0.1:1".to_owned(),
        database_url: "postgres://none".to_owned(),
        personal_data: None,
        limits: Limits::default(),
        hosts: Vec::new(),
    });
    let error = refused.err().unwrap().to_string();
    assert!(error.starts_with("LISTEN_NOT_LOOPBACK"), "{error}");
}

#[test]
fn the_document_and_the_page_of_errors_are_served() {
    let client = Client::of_bank();
    let document = client.get("/openapi.json").expect(200);
    assert!(document.text("openapi").starts_with("3.1"));
    let page = client.get("/docs/errors.md").expect(200);
    assert!(page.body.as_str().unwrap().contains("### `OVERLOADED`"));
    client.get("/health").expect(200);
    client.get("/ready").expect(200);
}
