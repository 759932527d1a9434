//! The form in which schemas are registered.

use serde_json::Value;

/// The schema, with `additionalProperties: false` wherever it lists an object's properties.
///
/// The bank's readers pass over fields that they don't know, so its published schemas leave them open. A registry takes
/// an open object literally: any field might already stand in old data with any type, so that adding an optional field
/// counts as incompatible (Confluent's rule `PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL`). Closed, the document says what this
/// version writes, and optional fields can be added.
///
/// Objects that are put together by `allOf`, `anyOf` or `oneOf` stay open: none of their parts knows all the fields.
pub fn closed(schema: &Value) -> Value {
    let mut schema = schema.clone();
    close(&mut schema);
    schema
}

const COMBINED: [&str; 3] = ["allOf", "anyOf", "oneOf"];

fn close(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    let has_properties = members.contains_key("properties");
    let is_combined = has_properties && COMBINED.iter().any(|word| members.contains_key(*word));
    if has_properties && !is_combined && !members.contains_key("additionalProperties") {
        members.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    for (word, member) in members {
        match (word.as_str(), member) {
            ("properties" | "$defs" | "patternProperties", Value::Object(named)) => {
                named.values_mut().for_each(close);
            }
            (word, Value::Array(parts)) if COMBINED.contains(&word) && !is_combined => {
                parts.iter_mut().for_each(close);
            }
            ("items" | "additionalProperties", member) => close(member),
            _ => {}
        }
    }
}
