//! As much of a schema registry as registering needs: subjects with versions, ids by content, compatibility.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

/// What the server does besides working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Works,
    /// Answers this status, with a body as registries give it.
    Answers(u16),
    /// Says yes to everything, as something else.
    IsSomethingElse,
    /// Closes the connection in the middle of an answer.
    BreaksOff,
}

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) compatibility: BTreeMap<String, String>,
    /// Versions of each subject: id and schema.
    pub(crate) subjects: BTreeMap<String, Vec<(u64, Value)>>,
    /// Method and path of each request.
    pub(crate) requests: Vec<(String, String)>,
    pub(crate) authorization: Option<String>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) kept: Arc<Mutex<Kept>>,
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Server {
    pub(crate) fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Arc::new(Mutex::new(Kept::default()));
        let shared = Arc::clone(&kept);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || serve(stream, mood, &shared));
            }
        });
        Self { url, kept }
    }
}

fn serve(stream: TcpStream, mood: Mood, kept: &Mutex<Kept>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let (status, body) = {
            let mut kept = kept.lock().unwrap();
            kept.requests.push((request.method.clone(), request.path.clone()));
            kept.authorization = request.headers.get("authorization").cloned();
            match mood {
                Mood::Works | Mood::BreaksOff => answer(&mut kept, &request),
                Mood::Answers(status) => {
                    let message = "the registry's\nown words";
                    (
                        status,
                        json!({"error_code": u32::from(status) * 100 + 1, "message": message}).to_string(),
                    )
                }
                Mood::IsSomethingElse => (200, "<html>welcome</html>".to_owned()),
            }
        };
        let length = body.len() + if mood == Mood::BreaksOff { 1 } else { 0 };
        let head = format!(
            "HTTP/1.1 {status} Whatever\r\nContent-Type: application/vnd.schemaregistry.v1+json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        reader.get_mut().write_all(head.as_bytes()).unwrap();
        reader.get_mut().write_all(body.as_bytes()).unwrap();
        if mood == Mood::BreaksOff {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body,
    })
}

fn refused(status: u16, error_code: u32, message: &str) -> (u16, String) {
    (
        status,
        json!({"error_code": error_code, "message": message}).to_string(),
    )
}

fn answer(kept: &mut Kept, request: &Request) -> (u16, String) {
    if request.headers.get("content-type").map(String::as_str)
        != Some("application/vnd.schemaregistry.v1+json")
    {
        return refused(415, 415, "HTTP 415 Unsupported Media Type");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return refused(400, 400, "Unparsable request");
    };
    let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match (request.method.as_str(), &path[..]) {
        ("PUT", ["config", subject]) => match body["compatibility"].as_str() {
            Some("BACKWARD") => {
                kept.compatibility
                    .insert((*subject).to_owned(), "BACKWARD".to_owned());
                (200, body.to_string())
            }
            _ => refused(422, 42203, "Invalid compatibility level"),
        },
        ("POST", ["subjects", subject, "versions"]) => register(kept, subject, &body),
        _ => refused(404, 404, "HTTP 404 Not Found"),
    }
}

fn register(kept: &mut Kept, subject: &str, body: &Value) -> (u16, String) {
    let text = body["schema"].as_str().unwrap_or_default();
    let (Some("JSON"), Ok(schema)) = (body["schemaType"].as_str(), serde_json::from_str::<Value>(text))
    else {
        return refused(422, 42201, "Invalid schema");
    };
    let ids = kept.subjects.values().flatten();
    let known = ids.clone().find(|(_, known)| *known == schema).map(|(id, _)| *id);
    let id = known.unwrap_or(1 + ids.map(|(id, _)| *id).max().unwrap_or(0));
    let backward = kept
        .compatibility
        .get(subject)
        .is_some_and(|level| level == "BACKWARD");
    let versions = kept.subjects.entry(subject.to_owned()).or_default();
    if let Some((id, newest)) = versions.last() {
        if *newest == schema {
            return (200, json!({"id": id}).to_string());
        }
        if backward && !reads(&schema, newest) {
            return refused(
                409,
                40901,
                "Schema being registered is incompatible with an earlier schema",
            );
        }
    }
    versions.push((id, schema));
    (200, json!({"id": id}).to_string())
}

/// Of Confluent's rules for objects: nothing is newly required, and nothing is added where anything may have stood.
fn reads(new: &Value, old: &Value) -> bool {
    let names = |schema: &Value, word: &str| -> Vec<String> {
        match &schema[word] {
            Value::Array(names) => names
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            Value::Object(named) => named.keys().cloned().collect(),
            _ => Vec::new(),
        }
    };
    let required_before = names(old, "required");
    let open_before = old["additionalProperties"] != json!(false);
    let known_before = names(old, "properties");
    let all_required_were = names(new, "required")
        .iter()
        .all(|name| required_before.contains(name));
    let adds = names(new, "properties")
        .iter()
        .any(|name| !known_before.contains(name));
    all_required_were && !(open_before && adds)
}
