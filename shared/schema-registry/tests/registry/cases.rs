use std::net::TcpListener;

use serde_json::{Value, json};
use tributary_contracts::schema::documents;
use tributary_schema_registry::{Registry, RegistryError, closed};

use crate::server::{Mood, Server};

fn thing(required: &[&str], optional: &[&str]) -> Value {
    let properties = required
        .iter()
        .chain(optional)
        .map(|name| ((*name).to_owned(), json!({"type": "string"})));
    let properties: serde_json::Map<String, Value> = properties.collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn register(mood: Mood) -> (Result<u64, RegistryError>, Server) {
    let server = Server::start(mood);
    let result = Registry::at(&server.url)
        .unwrap()
        .register("a.thing.v1", &thing(&["id"], &[]));
    (result, server)
}

#[test]
fn every_document_of_the_bank_is_registered_once_under_its_type() {
    let server = Server::start(Mood::Works);
    let registry = Registry::at(&format!("{}/", server.url)).unwrap();
    let documents = documents();
    let register = || {
        let outcomes = registry
            .register_all(documents.iter().map(|(name, schema)| (*name, schema)))
            .unwrap();
        let id = |outcome: tributary_schema_registry::Outcome| (outcome.subject, outcome.result.unwrap());
        outcomes.into_iter().map(id).collect::<Vec<_>>()
    };
    let first = register();
    assert_eq!(register(), first, "repeated, it changes nothing");
    let kept = server.kept.lock().unwrap();
    assert_eq!(kept.subjects.len(), documents.len());
    for (name, schema) in &documents {
        assert_eq!(kept.compatibility[*name], "BACKWARD", "{name}");
        let versions = &kept.subjects[*name];
        assert_eq!(versions.len(), 1, "{name}");
        assert_eq!(versions[0].1, closed(schema), "{name}");
    }
    let first_two: Vec<_> = kept.requests.iter().take(2).cloned().collect();
    let name = documents[0].0;
    assert_eq!(
        first_two,
        [
            ("PUT".to_owned(), format!("/config/{name}")),
            ("POST".to_owned(), format!("/subjects/{name}/versions"))
        ],
        "compatibility is set before the first version"
    );
    assert_eq!(kept.authorization, None);
}

#[test]
fn an_optional_field_may_be_added_and_a_required_one_may_not() {
    let server = Server::start(Mood::Works);
    let registry = Registry::at(&server.url).unwrap();
    registry.register("a.thing.v1", &thing(&["id"], &[])).unwrap();
    registry
        .register("a.thing.v1", &thing(&["id"], &["note"]))
        .unwrap();
    let error = registry
        .register("a.thing.v1", &thing(&["id", "note"], &[]))
        .unwrap_err();
    assert_eq!(error.code(), "REGISTRY_SCHEMA_INCOMPATIBLE");
    let text = error.to_string();
    assert!(
        text.contains("a.thing.v1") && text.contains("incompatible with an earlier schema"),
        "{text}"
    );
    assert_eq!(server.kept.lock().unwrap().subjects["a.thing.v1"].len(), 2);
}

#[test]
fn one_that_is_refused_does_not_keep_the_others_out() {
    let server = Server::start(Mood::Works);
    let registry = Registry::at(&server.url).unwrap();
    registry.register("b.v1", &thing(&[], &[])).unwrap();
    let (a, b, c) = (thing(&["a"], &[]), thing(&["b"], &[]), thing(&["c"], &[]));
    let outcomes = registry
        .register_all([("a.v1", &a), ("b.v1", &b), ("c.v1", &c)])
        .unwrap();
    let codes: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.result.as_ref().map(|_| ()).map_err(RegistryError::code))
        .collect();
    assert_eq!(codes, [Ok(()), Err("REGISTRY_SCHEMA_INCOMPATIBLE"), Ok(())]);
}

#[test]
fn each_refusal_has_its_code_and_the_registrys_words_on_one_line() {
    for (status, code) in [
        (400, "REGISTRY_REFUSED"),
        (401, "REGISTRY_UNAUTHORISED"),
        (403, "REGISTRY_UNAUTHORISED"),
        (404, "REGISTRY_REFUSED"),
        (409, "REGISTRY_SCHEMA_INCOMPATIBLE"),
        (422, "REGISTRY_REFUSED"),
        (302, "REGISTRY_FAILED"),
        (500, "REGISTRY_FAILED"),
        (503, "REGISTRY_FAILED"),
    ] {
        let (result, server) = register(Mood::Answers(status));
        let error = result.unwrap_err();
        assert_eq!(error.code(), code, "{status}");
        let text = error.to_string();
        assert!(text.starts_with(code) && !text.contains('\n'), "{text}");
        assert!(
            text.contains("the registry's own words") || matches!(status, 401 | 403),
            "{text}"
        );
        assert_eq!(
            server.kept.lock().unwrap().requests.len(),
            1,
            "nothing is tried after {status}"
        );
    }
}

#[test]
fn what_fails_for_all_ends_the_whole() {
    for mood in [
        Mood::Answers(401),
        Mood::Answers(500),
        Mood::IsSomethingElse,
        Mood::BreaksOff,
    ] {
        let server = Server::start(mood);
        let registry = Registry::at(&server.url).unwrap();
        let schema = thing(&[], &[]);
        registry
            .register_all([("a.v1", &schema), ("b.v1", &schema)])
            .unwrap_err();
        let kept = server.kept.lock().unwrap();
        assert!(
            kept.requests.iter().all(|(_, path)| !path.contains("b.v1")),
            "{mood:?}"
        );
    }
}

#[test]
fn nobody_there_somebody_else_there_or_gone_in_between() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Registry::at(&nobody)
        .unwrap()
        .register("a.v1", &thing(&[], &[]))
        .unwrap_err();
    assert_eq!(error.code(), "REGISTRY_UNREACHABLE");
    assert!(error.to_string().contains(&nobody), "{error}");
    assert_eq!(
        register(Mood::BreaksOff).0.unwrap_err().code(),
        "REGISTRY_UNREACHABLE"
    );
    assert_eq!(
        register(Mood::IsSomethingElse).0.unwrap_err().code(),
        "REGISTRY_ANSWER_MALFORMED"
    );
}

#[test]
fn user_and_password_are_sent_and_never_shown() {
    let server = Server::start(Mood::Works);
    let url = server.url.replace("http://", "http://us%40er:s%3Aecret@");
    let registry = Registry::at(&url).unwrap();
    registry.register("a.v1", &thing(&[], &[])).unwrap();
    let sent = server.kept.lock().unwrap().authorization.clone();
    // us@er:s:ecret
    assert_eq!(sent.as_deref(), Some("Basic dXNAZXI6czplY3JldA=="));
    assert_eq!(registry.address(), server.url);
    assert!(!format!("{registry:?}").contains("ecret"));
    let refusing = Server::start(Mood::Answers(500));
    let url = refusing.url.replace("http://", "http://user:s3cret@");
    let error = Registry::at(&url)
        .unwrap()
        .register("a.v1", &thing(&[], &[]))
        .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn an_address_that_is_none_is_refused() {
    let code = |url: &str| Registry::at(url).unwrap_err().code();
    assert_eq!(code("localhost:8081"), "REGISTRY_URL_MALFORMED");
    assert_eq!(code("http://"), "REGISTRY_URL_MALFORMED");
    assert_eq!(code("ftp://host"), "REGISTRY_URL_MALFORMED");
    if cfg!(not(feature = "tls")) {
        assert_eq!(code("https://host"), "REGISTRY_TLS_NOT_BUILT");
    }
}

#[test]
fn objects_are_closed_where_they_know_all_their_fields() {
    let open = json!({
        "properties": {
            "plain": {"type": "string"},
            "inner": {"properties": {"a": {}}},
            "list": {"items": {"properties": {"b": {}}}},
            "either": {"anyOf": [{"properties": {"c": {}}}, {"type": "null"}]},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            // A field of this name is no keyword.
            "properties": {"type": "string"}
        },
        "$defs": {
            "Combined": {"properties": {"d": {}}, "oneOf": [{"properties": {"e": {}}}]}
        }
    });
    let expected = json!({
        "additionalProperties": false,
        "properties": {
            "plain": {"type": "string"},
            "inner": {"additionalProperties": false, "properties": {"a": {}}},
            "list": {"items": {"additionalProperties": false, "properties": {"b": {}}}},
            "either": {"anyOf": [{"additionalProperties": false, "properties": {"c": {}}}, {"type": "null"}]},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "properties": {"type": "string"}
        },
        "$defs": {
            "Combined": {"properties": {"d": {}}, "oneOf": [{"properties": {"e": {}}}]}
        }
    });
    assert_eq!(closed(&open), expected);
    assert_eq!(closed(&expected), expected);
    for (name, schema) in documents() {
        let closed = closed(&schema);
        let combined = closed.get("oneOf").is_some();
        assert_eq!(
            closed["additionalProperties"] == json!(false),
            !combined,
            "{name}"
        );
    }
}
