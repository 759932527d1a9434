//! JSON texts of every kind, chosen by bytes that proptest draws and shrinks: messages as their schemas describe them,
//! written in unusual ways, and damaged.

use serde_json::{Map, Value, json};

/// Choices, made by the bytes in their order; when these are used up, it is always the first.
pub(crate) struct Choices(std::vec::IntoIter<u8>);

impl Choices {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self(bytes.into_iter())
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let wide = count > 256;
        let mut byte = || usize::from(self.0.next().unwrap_or_default());
        (if wide { byte() * 256 + byte() } else { byte() }) % count
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    fn among<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

const TEXTS: &[&str] = &[
    "12.34",
    "0",
    "",
    "teller-17",
    "accounts.inbox",
    "longer than what is kept inline without an allocation",
    "Příliš žluťoučký kůň",
    "\u{1f4b6}",
    "say \"no\"",
    "back\\slash",
    "line\nline\ttab\u{0}\u{1f}\u{7f}\u{2028}",
];

const NUMBERS: &[i64] = &[
    1,
    0,
    -1,
    42,
    1_800_000_000_000,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64 + 1,
    999_999_999_999_999_999,
    1_000_000_000_000_000_000,
    i64::MAX,
    i64::MIN,
];

/// A value that the schema describes, more or less: what patterns and formats ask for is given most of the time.
pub(crate) fn of_schema(document: &Value, schema: &Value, choices: &mut Choices) -> Value {
    if let Some(target) = schema["$ref"].as_str() {
        let target = document.pointer(target.trim_start_matches('#')).unwrap();
        return of_schema(document, target, choices);
    }
    let mut object = Map::new();
    for alternatives in ["oneOf", "anyOf"] {
        if let Some(alternatives) = schema[alternatives].as_array() {
            let chosen = of_schema(document, &choices.among(alternatives), choices);
            match chosen {
                Value::Object(fields) => object.extend(fields),
                other => return other,
            }
        }
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(values) = schema["enum"].as_array() {
        return choices.among(values);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => choices.among(kinds),
        kind => kind.clone(),
    };
    match kind.as_str() {
        Some("string") => Value::from(text_of(schema, choices)),
        // A message with many narrow numbers would hardly ever be good.
        Some("integer") if schema["format"] == "uint32" && !choices.one_in(12) => {
            Value::from(choices.among(&[0, 1, 42]))
        }
        Some("integer") => Value::from(choices.among(NUMBERS)),
        Some("boolean") => Value::from(choices.one_in(2)),
        Some("null") => Value::Null,
        Some("array") => (0..choices.below(4))
            .map(|_| of_schema(document, &schema["items"], choices))
            .collect(),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                if required.contains(&Value::from(name.as_str())) || choices.one_in(2) {
                    object.insert(name.clone(), of_schema(document, field, choices));
                }
            }
            Value::Object(object)
        }
    }
}

fn text_of(schema: &Value, choices: &mut Choices) -> &'static str {
    let usual = match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("uuid"), _) => [
            "00000000-0000-0000-0000-0000000000aa",
            "5c0f9a63-7d0b-5a43-9f0e-6b1d2f64a7c1",
            "5C0F9A637D0B5A439F0E6B1D2F64A7C1",
        ],
        (Some("date"), _) => ["1993-02-26", "2024-02-29", "+12024-02-29"],
        (_, Some("^[A-Z]{3}$")) => ["CZK", "JPY", "EUR"],
        (_, Some("^[0-9a-f]{32}$")) => [
            "ffffffffffffffffffffffffffffffff",
            "00000000000000000000000000000001",
            "1",
        ],
        (_, Some(r"^-?[0-9]+(\.[0-9]+)?$")) => ["0", "-12.125", "1e3"],
        (_, Some(pattern)) if pattern.contains("[0-9]{4}") => ["1010", "1100:AB", "1100:GIBACZPX"],
        _ => return choices.among(TEXTS),
    };
    match choices.one_in(40) {
        true => choices.among(TEXTS),
        false => choices.among(&usual),
    }
}

/// Writes a value as others may: white space, escapes, fractions, fields of later versions, fields twice.
pub(crate) fn written(value: &Value, choices: &mut Choices) -> String {
    let mut text = String::new();
    write(value, choices, &mut text);
    text
}

fn write(value: &Value, choices: &mut Choices, text: &mut String) {
    space(choices, text);
    match value {
        Value::Object(fields) => {
            text.push('{');
            let mut comma = "";
            for (name, field) in fields {
                for _ in 0..1 + usize::from(choices.one_in(150)) {
                    text.push_str(comma);
                    comma = ",";
                    space(choices, text);
                    write_text(name, choices, text);
                    space(choices, text);
                    text.push(':');
                    write(field, choices, text);
                }
            }
            if choices.one_in(12) {
                text.push_str(comma);
                text.push_str("\"of_later\":");
                let later = later(choices);
                write(&later, choices, text);
            }
            space(choices, text);
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                write(item, choices, text);
            }
            space(choices, text);
            text.push(']');
        }
        Value::String(string) => write_text(string, choices, text),
        Value::Number(number) => {
            text.push_str(&number.to_string());
            if choices.one_in(150) {
                text.push_str(choices.among(&[".0", "e0", ".", "0000000000", "E+1"]));
            }
        }
        other => text.push_str(&other.to_string()),
    }
    space(choices, text);
}

fn write_text(string: &str, choices: &mut Choices, text: &mut String) {
    match choices.one_in(30) {
        true => {
            let units = string.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            text.push_str(&format!("\"{}\"", units.collect::<String>()));
        }
        false => text.push_str(&Value::from(string).to_string()),
    }
}

fn space(choices: &mut Choices, text: &mut String) {
    if choices.one_in(40) {
        text.push_str(choices.among(&[" ", "\n", "\t\r ", "\u{a0}"]));
    }
}

/// What a later version might add.
fn later(choices: &mut Choices) -> Value {
    let deep = (0..130).fold(Value::Null, |inner, _| json!([inner]));
    let values = [
        json!(true),
        json!(null),
        json!(-1.5e300),
        json!({"a": [1, {"b": "c"}], "d": {}}),
        json!(u64::MAX),
        json!("\u{7}"),
        json!([]),
        deep,
    ];
    choices.among(&values)
}

/// The text with some of its bytes changed, removed, added, or all after one of them cut off.
pub(crate) fn damaged(text: String, choices: &mut Choices) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    for _ in 0..choices.below(4) {
        let at = choices.below(bytes.len().max(1));
        let byte = choices.among(b"\"\\{}[]:,0-9.eE \x00\x1f\x80\xc3\xff/tnfu");
        match choices.below(4) {
            0 if at < bytes.len() => bytes[at] = byte,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ => bytes.insert(at.min(bytes.len()), byte),
        }
    }
    bytes
}
