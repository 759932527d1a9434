//! A schema taken apart into what it is a choice of.

use serde_json::{Map, Value};

use super::compatibility::DEPTH_MAX;

/// A schema's keywords.
pub(super) type Keywords = Map<String, Value>;

/// The schema as a list of which each takes one type or one value, and which together take what it takes.
pub(super) fn alternatives(document: &Value, schema: &Value) -> Vec<Keywords> {
    let mut done = Vec::new();
    let mut open = vec![(keywords_of(schema), 0)];
    while let Some((mut schema, depth)) = open.pop() {
        if depth > DEPTH_MAX {
            // Compared as it stands: what refers to itself without end is the same or has changed.
            done.push(schema);
        } else if let Some(Value::String(target)) = schema.remove("$ref") {
            let target = target.strip_prefix('#').and_then(|path| document.pointer(path));
            open.push((
                merged(schema, target.map(keywords_of).unwrap_or_default()),
                depth + 1,
            ));
        } else if let Some(choices) = ["oneOf", "anyOf"]
            .into_iter()
            .find_map(|list| schema.remove(list))
        {
            let choices = choices.as_array().cloned().unwrap_or_default();
            open.extend(
                choices
                    .iter()
                    .map(|choice| (merged(schema.clone(), keywords_of(choice)), depth + 1)),
            );
        } else if let Some(Value::Array(values)) = schema.remove("enum") {
            schema.remove("type");
            open.extend(
                values
                    .into_iter()
                    .map(|value| (with(&schema, "const", value), depth + 1)),
            );
        } else if let Some(Value::Array(types)) = schema.get("type").cloned() {
            open.extend(
                types
                    .into_iter()
                    .map(|kind| (with(&schema, "type", kind), depth + 1)),
            );
        } else {
            done.push(schema);
        }
    }
    done.reverse();
    done
}

fn with(schema: &Keywords, keyword: &str, value: Value) -> Keywords {
    let mut schema = schema.clone();
    schema.insert(keyword.to_owned(), value);
    schema
}

/// Of a schema that is `true` or `false`, too.
fn keywords_of(schema: &Value) -> Keywords {
    match schema {
        Value::Object(keywords) => keywords.clone(),
        Value::Bool(false) => Keywords::from_iter([("not".to_owned(), Value::Object(Keywords::new()))]),
        _ => Keywords::new(),
    }
}

/// What stands beside a reference or a choice holds together with it.
fn merged(mut outer: Keywords, inner: Keywords) -> Keywords {
    for (keyword, value) in inner {
        match (outer.get_mut(&keyword), value) {
            (Some(Value::Object(outer)), Value::Object(inner)) if keyword == "properties" => {
                outer.extend(inner)
            }
            (Some(Value::Array(outer)), Value::Array(inner)) if keyword == "required" => outer.extend(inner),
            (_, value) => {
                outer.insert(keyword, value);
            }
        }
    }
    outer
}
