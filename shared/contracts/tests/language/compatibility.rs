use serde_json::{Value, json};
use tributary_contracts::schema::{self, Problem, incompatibilities};

/// A message as the generator writes them, with every construct that it uses.
fn published() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Order",
        "type": "object",
        "properties": {
            "id": {"$ref": "#/$defs/Id"},
            "amount": {"type": "string", "pattern": "^[0-9]+$", "maxLength": 20},
            "count": {"type": "integer", "format": "int32"},
            "seq": {"type": "integer", "format": "uint32", "minimum": 0},
            "day": {"type": ["string", "null"], "format": "date"},
            "kind": {"type": "string", "enum": ["buy", "sell"]},
            "scope": {"oneOf": [
                {"type": "string", "const": "all", "description": "everything"},
                {"type": "string", "const": "some"},
            ]},
            "forced": {"type": "boolean", "default": false},
            "import": {"anyOf": [{"$ref": "#/$defs/Import"}, {"type": "null"}]},
            "legs": {"type": "array", "items": {"$ref": "#/$defs/Leg"}},
        },
        "required": ["id", "amount", "kind", "legs"],
        "$defs": {
            "Id": {"type": "string", "format": "uuid"},
            "Leg": {"type": "object", "properties": {"side": {"type": "string", "enum": ["debit", "credit"]}},
                "required": ["side"]},
            "Import": {"type": "object", "properties": {"source": {"type": "string"}}, "required": ["source"]},
        },
    })
}

/// What is found after a change at a place, as text.
fn after(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let old = published();
    let mut new = old.clone();
    change(&mut new);
    assert_ne!(old, new, "the change is none");
    let found = incompatibilities(&old, Some(&new));
    found.iter().map(ToString::to_string).collect()
}

fn remove(schema: &mut Value, pointer: &str, name: &str) {
    let object = schema.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    object.remove(name).unwrap();
}

fn require(schema: &mut Value, name: &str) {
    schema["required"].as_array_mut().unwrap().push(json!(name));
}

#[test]
fn a_message_is_compatible_with_itself() {
    let old = published();
    assert_eq!(incompatibilities(&old, Some(&old)), []);
    for (ce_type, schema) in schema::documents() {
        assert_eq!(incompatibilities(&schema, Some(&schema)), [], "{ce_type}");
    }
}

#[test]
fn a_message_may_grow() {
    type Change = fn(&mut Value);
    let growths: [(&str, Change); 11] = [
        ("a new optional property", |s| {
            s["properties"]["note"] = json!({"type": "string"})
        }),
        ("a property that is optional now", |s| {
            s["required"] = json!(["id", "kind", "legs"])
        }),
        ("a new value", |s| {
            s["properties"]["kind"]["enum"] = json!(["buy", "sell", "swap"])
        }),
        ("any text instead of some values", |s| {
            s["properties"]["kind"] = json!({"type": "string"})
        }),
        ("null as well", |s| {
            s["properties"]["count"]["type"] = json!(["integer", "null"])
        }),
        ("a wider integer", |s| {
            s["properties"]["count"]["format"] = json!("int64")
        }),
        ("any number", |s| {
            s["properties"]["count"] = json!({"type": "number"})
        }),
        ("a longer text", |s| {
            s["properties"]["amount"]["maxLength"] = json!(40)
        }),
        ("no pattern any more", |s| {
            remove(s, "/properties/amount", "pattern")
        }),
        ("the same written in place", |s| {
            s["properties"]["id"] = json!({"type": "string", "format": "uuid"});
        }),
        ("another description", |s| {
            s["properties"]["id"]["description"] = json!("whose")
        }),
    ];
    for (what, grow) in growths {
        assert_eq!(after(grow), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_removed_property_is_told_with_its_place() {
    assert_eq!(
        after(|s| remove(s, "/properties", "day")),
        ["/day: the property was removed"]
    );
    assert_eq!(
        after(|s| remove(s, "/$defs/Import/properties", "source")),
        ["/import/source: the property was removed"]
    );
}

#[test]
fn a_property_that_is_required_now_is_told_new_or_not() {
    let told = |name: &str| format!("/{name}: the property is required now, and older messages may lack it");
    assert_eq!(after(|s| require(s, "forced")), [told("forced")]);
    let with_new = |s: &mut Value| {
        s["properties"]["note"] = json!({"type": "string"});
        require(s, "note");
    };
    assert_eq!(after(with_new), [told("note")]);
}

#[test]
fn a_narrowed_type_is_told() {
    assert_eq!(
        after(|s| s["properties"]["amount"] = json!({"type": "integer"})),
        ["/amount: type string is not taken any more"]
    );
    assert_eq!(
        after(|s| s["properties"]["day"]["type"] = json!("string")),
        ["/day: type null is not taken any more"]
    );
    assert_eq!(
        after(|s| s["properties"]["import"] = json!({"$ref": "#/$defs/Import"})),
        ["/import: type null is not taken any more"]
    );
    assert_eq!(
        after(|s| s["properties"]["legs"]["items"] = json!({"type": "string"})),
        ["/legs/*: type object is not taken any more"]
    );
    assert_eq!(
        after(|s| s["properties"]["forced"] = json!(false)),
        [
            "/forced: type boolean is not taken any more",
            "/forced: absent, it meant false and now means null"
        ]
    );
}

#[test]
fn a_removed_value_is_told_however_it_is_written() {
    assert_eq!(
        after(|s| s["properties"]["kind"]["enum"] = json!(["buy"])),
        ["/kind: the value \"sell\" is not taken any more"]
    );
    assert_eq!(
        after(|s| s["properties"]["scope"] = json!({"type": "string", "enum": ["some"]})),
        ["/scope: the value \"all\" is not taken any more"]
    );
    assert_eq!(
        after(|s| s["$defs"]["Leg"]["properties"]["side"]["enum"] = json!(["debit"])),
        ["/legs/*/side: the value \"credit\" is not taken any more"]
    );
    assert_eq!(
        after(|s| s["properties"]["amount"] = json!({"type": "string", "enum": ["1"]})),
        ["/amount: type string is not taken any more"]
    );
}

#[test]
fn a_changed_pattern_format_or_bound_is_told() {
    assert_eq!(
        after(|s| s["properties"]["amount"]["pattern"] = json!("^[1-9]+$")),
        ["/amount: pattern was \"^[0-9]+$\" and is \"^[1-9]+$\""]
    );
    assert_eq!(
        after(|s| s["$defs"]["Id"]["format"] = json!("uri")),
        ["/id: format was \"uuid\" and is \"uri\""]
    );
    assert_eq!(
        after(|s| s["properties"]["count"]["format"] = json!("int16")),
        ["/count: format was \"int32\" and is \"int16\""]
    );
    assert_eq!(
        after(|s| s["properties"]["amount"]["maxLength"] = json!(10)),
        ["/amount: maxLength was 20 and is 10"]
    );
    assert_eq!(
        after(|s| s["properties"]["seq"]["minimum"] = json!(1)),
        ["/seq: minimum was 0 and is 1"]
    );
    assert_eq!(
        after(|s| s["properties"]["legs"]["minItems"] = json!(2)),
        ["/legs: minItems was null and is 2"]
    );
}

#[test]
fn what_absence_means_must_not_change() {
    assert_eq!(
        after(|s| s["properties"]["forced"]["default"] = json!(true)),
        ["/forced: absent, it meant false and now means true"]
    );
}

#[test]
fn a_keyword_that_nobody_knows_here_must_not_change() {
    assert_eq!(
        after(|s| s["properties"]["legs"]["uniqueItems"] = json!(true)),
        ["/legs: uniqueItems was null and is true"]
    );
    assert_eq!(
        after(|s| s["additionalProperties"] = json!(false)),
        ["/*: any value is not taken any more"]
    );
}

#[test]
fn a_message_type_must_not_go() {
    let found = incompatibilities(&published(), None);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].problem, Problem::MessageRemoved);
    assert_eq!(found[0].to_string(), "/: the message type was removed");
}

#[test]
fn a_schema_that_refers_to_itself_comes_to_an_end() {
    let list = |value: &str| {
        json!({"$ref": "#/$defs/List", "$defs": {"List": {"type": "object", "properties": {
            "value": {"type": value},
            "next": {"anyOf": [{"$ref": "#/$defs/List"}, {"type": "null"}]},
        }}}})
    };
    let found = incompatibilities(&list("string"), Some(&list("integer")));
    let told = |path: &str| found.iter().any(|found| found.path == path);
    assert!(told("/value") && told("/next/value"), "{found:?}");
}

#[test]
fn a_change_of_each_contract_is_found() {
    // Each property of each published message, removed in turn: the checker sees into every one of them.
    for (ce_type, old) in schema::documents() {
        let names: Vec<String> = old["properties"].as_object().unwrap().keys().cloned().collect();
        for name in names {
            let mut new = old.clone();
            remove(&mut new, "/properties", &name);
            let found = incompatibilities(&old, Some(&new));
            assert!(
                found.iter().any(
                    |found| found.path == format!("/{name}") && found.problem == Problem::PropertyRemoved
                ),
                "{ce_type} without {name}: {found:?}"
            );
        }
    }
}
