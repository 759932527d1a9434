//! Whether everything that was written under one schema can be read under another: BACKWARD, as schema registries
//! call it, and in addition nothing that was written may be dropped silently.
//!
//! Both schemas are taken apart into alternatives of one type or one value each (`$ref`, `oneOf`, `anyOf`, `enum`,
//! lists of types); every old alternative needs a new one that takes it. Keywords that aren't known here must not
//! change at all, so that what is overlooked is told rather than let through.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::alternatives::{Keywords, alternatives};

/// A change by which data of the old schema could not be read any more, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incompatibility {
    /// Where in the data, such as `/legs/*/amount`; empty for the message as a whole.
    pub path: String,
    pub problem: Problem,
}

/// What is wrong with a change. Texts are schema, never data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the message type was removed")]
    MessageRemoved,
    #[error("the property was removed")]
    PropertyRemoved,
    #[error("the property is required now, and older messages may lack it")]
    NowRequired,
    #[error("absent, it meant {from} and now means {to}")]
    DefaultChanged { from: Value, to: Value },
    #[error("{0} is not taken any more")]
    TypeRemoved(String),
    #[error("the value {0} is not taken any more")]
    ValueRemoved(Value),
    #[error("{keyword} was {from} and is {to}")]
    Narrowed { keyword: String, from: Value, to: Value },
    #[error("nested too deep to be compared")]
    TooDeep,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {}", self.problem)
    }
}

/// Everything in `new` by which data of `old` could not be read. Either is a whole document; `None` for `new`: the
/// message type is gone.
pub fn incompatibilities(old: &Value, new: Option<&Value>) -> Vec<Incompatibility> {
    let mut found = Found::default();
    match new {
        None => found.tell("", Problem::MessageRemoved),
        Some(new) => Documents { old, new }.compare(old, new, &Place::default(), &mut found),
    }
    found.0
}

/// Says nothing of what is valid.
const ANNOTATIONS: [&str; 8] = [
    "$schema",
    "$id",
    "$defs",
    "$comment",
    "title",
    "description",
    "examples",
    "deprecated",
];

/// Lower bounds narrow when they rise.
const LOWER_BOUNDS: [&str; 5] = [
    "minimum",
    "exclusiveMinimum",
    "minLength",
    "minItems",
    "minProperties",
];

/// Upper bounds narrow when they fall.
const UPPER_BOUNDS: [&str; 5] = [
    "maximum",
    "exclusiveMaximum",
    "maxLength",
    "maxItems",
    "maxProperties",
];

/// Schemas of contracts nest three or four deep; one that refers to itself would never end.
pub(super) const DEPTH_MAX: usize = 32;

#[derive(Default)]
struct Found(Vec<Incompatibility>);

impl Found {
    fn tell(&mut self, path: &str, problem: Problem) {
        let found = Incompatibility {
            path: path.to_owned(),
            problem,
        };
        if !self.0.contains(&found) {
            self.0.push(found);
        }
    }
}

#[derive(Clone, Default)]
struct Place {
    path: String,
    depth: usize,
}

impl Place {
    fn below(&self, name: &str) -> Self {
        Self {
            path: format!("{}/{name}", self.path),
            depth: self.depth + 1,
        }
    }
}

/// Both documents whole, since `$ref` points into them.
#[derive(Clone, Copy)]
struct Documents<'s> {
    old: &'s Value,
    new: &'s Value,
}

impl Documents<'_> {
    fn compare(self, old: &Value, new: &Value, place: &Place, found: &mut Found) {
        if place.depth > DEPTH_MAX {
            return found.tell(&place.path, Problem::TooDeep);
        }
        let news = alternatives(self.new, new);
        for old in alternatives(self.old, old) {
            let nearest = news
                .iter()
                .map(|new| {
                    let mut found = Found::default();
                    self.compare_alternative(&old, new, place, &mut found);
                    found.0
                })
                .min_by_key(|problems| rank(problems, &place.path));
            for Incompatibility { path, problem } in nearest.unwrap_or_default() {
                found.tell(&path, problem);
            }
        }
    }

    fn compare_alternative(self, old: &Keywords, new: &Keywords, place: &Place, found: &mut Found) {
        if let Some(problem) = not_taken(old, new) {
            return found.tell(&place.path, problem);
        }
        compare_bounds(old, new, place, found);
        self.compare_properties(old, new, place, found);
        for (keyword, below) in [("items", "*"), ("additionalProperties", "*")] {
            let any = Value::Bool(true);
            let (from, to) = (old.get(keyword), new.get(keyword));
            if from.is_some() || to.is_some() {
                let (from, to) = (from.unwrap_or(&any), to.unwrap_or(&any));
                self.compare(from, to, &place.below(below), found);
            }
        }
        let told = |keyword: &str| {
            ANNOTATIONS.contains(&keyword)
                || LOWER_BOUNDS.contains(&keyword)
                || UPPER_BOUNDS.contains(&keyword)
                || KEYWORDS.contains(&keyword)
        };
        let keywords: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for keyword in keywords.into_iter().filter(|keyword| !told(keyword)) {
            unchanged(keyword, old, new, place, found);
        }
    }

    fn compare_properties(self, old: &Keywords, new: &Keywords, place: &Place, found: &mut Found) {
        let (old_required, new_required) = (required(old), required(new));
        for name in new_required.difference(&old_required) {
            found.tell(&place.below(name).path, Problem::NowRequired);
        }
        let none = Keywords::new();
        let (olds, news) = (properties(old).unwrap_or(&none), properties(new).unwrap_or(&none));
        for (name, from) in olds {
            let place = place.below(name);
            let Some(to) = news.get(name) else {
                found.tell(&place.path, Problem::PropertyRemoved);
                continue;
            };
            self.compare(from, to, &place, found);
            let default = |schema: &Value| schema.get("default").cloned().unwrap_or(Value::Null);
            let (from, to) = (default(from), default(to));
            if from != to && !old_required.contains(name.as_str()) {
                found.tell(&place.path, Problem::DefaultChanged { from, to });
            }
        }
    }
}

/// Keywords that are compared by their meaning, besides bounds.
const KEYWORDS: [&str; 9] = [
    "type",
    "const",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "default",
    "pattern",
    "format",
];

/// How far an alternative at this place is from taking what the old one took: another type or value is farthest.
fn rank(problems: &[Incompatibility], path: &str) -> (bool, usize) {
    let is_other = |problem: &Problem| matches!(problem, Problem::TypeRemoved(_) | Problem::ValueRemoved(_));
    let other = problems
        .iter()
        .any(|found| found.path == path && is_other(&found.problem));
    (other, problems.len())
}

/// Whether values of the old type, or the old value, are refused by what the new one is.
fn not_taken(old: &Keywords, new: &Keywords) -> Option<Problem> {
    let takes_any = |new: &Keywords| new.get("type").is_none() && new.get("const").is_none();
    if takes_any(new) {
        // `false` takes nothing at all.
        return (new.get("not") != old.get("not")).then(|| Problem::TypeRemoved(named(old)));
    }
    if let Some(value) = old.get("const") {
        let taken = match new.get("const") {
            Some(new) => new == value,
            None => takes_type(new, type_of(value)),
        };
        return (!taken).then(|| Problem::ValueRemoved(value.clone()));
    }
    let taken = match old.get("type").and_then(Value::as_str) {
        Some(kind) => new.get("const").is_none() && takes_type(new, kind),
        None => false,
    };
    (!taken).then(|| Problem::TypeRemoved(named(old)))
}

fn named(schema: &Keywords) -> String {
    match schema.get("type").and_then(Value::as_str) {
        Some(kind) => format!("type {kind}"),
        None => "any value".to_owned(),
    }
}

fn takes_type(new: &Keywords, kind: &str) -> bool {
    match new.get("type").and_then(Value::as_str) {
        Some(new) => new == kind || (new == "number" && kind == "integer"),
        None => true,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn compare_bounds(old: &Keywords, new: &Keywords, place: &Place, found: &mut Found) {
    let number = |schema: &Keywords, keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    for keyword in LOWER_BOUNDS.into_iter().chain(UPPER_BOUNDS) {
        let Some(to) = number(new, keyword) else { continue };
        let within = number(old, keyword).is_some_and(|from| match LOWER_BOUNDS.contains(&keyword) {
            true => from >= to,
            false => from <= to,
        });
        if !within {
            narrowed(keyword, old, new, place, found);
        }
    }
    for keyword in ["pattern", "format"] {
        let wider = match (text(old, keyword), text(new, keyword)) {
            (_, None) => true,
            (Some(from), Some(to)) => from == to || integers(from).is_some_and(|from| fits(from, to)),
            (None, Some(_)) => false,
        };
        if !wider {
            narrowed(keyword, old, new, place, found);
        }
    }
}

/// Lowest and highest number of an integer format.
fn integers(format: &str) -> Option<(i128, i128)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" => (0, u64::MAX.into()),
        _ => return None,
    })
}

fn fits((lowest, highest): (i128, i128), format: &str) -> bool {
    integers(format).is_some_and(|(new_lowest, new_highest)| new_lowest <= lowest && highest <= new_highest)
}

fn unchanged(keyword: &str, old: &Keywords, new: &Keywords, place: &Place, found: &mut Found) {
    if old.get(keyword) != new.get(keyword) {
        narrowed(keyword, old, new, place, found);
    }
}

fn narrowed(keyword: &str, old: &Keywords, new: &Keywords, place: &Place, found: &mut Found) {
    let value = |schema: &Keywords| schema.get(keyword).cloned().unwrap_or(Value::Null);
    let problem = Problem::Narrowed {
        keyword: keyword.to_owned(),
        from: value(old),
        to: value(new),
    };
    found.tell(&place.path, problem);
}

fn text<'s>(schema: &'s Keywords, keyword: &str) -> Option<&'s str> {
    schema.get(keyword).and_then(Value::as_str)
}

fn properties(schema: &Keywords) -> Option<&Keywords> {
    schema.get("properties").and_then(Value::as_object)
}

fn required(schema: &Keywords) -> BTreeSet<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}
