//! `docs/metrics.md` lists what the code tells, with the code's own words.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

/// Name, kind, unit and meaning.
pub(crate) type Metric = (String, String, String, String);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Rust files that are part of what runs.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "target" | "tests" | "benches") && !name.starts_with('.') {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// Instruments as they are made in the code: each names its unit and its meaning, in this order.
fn in_code() -> BTreeSet<Metric> {
    let made =
        Regex::new(r"\.(?:u64|i64|f64)_(?:observable_)?(up_down_counter|counter|gauge|histogram)\(").unwrap();
    let whole = Regex::new(
        r#"^[ \n]*"([^"]+)",?[ \n]*\)[ \n]*\.with_unit\([ \n]*"([^"]+)",?[ \n]*\)[ \n]*\.with_description\([ \n]*"([^"]+)",?[ \n]*\)"#,
    )
    .unwrap();
    let mut files = Vec::new();
    sources(&workspace(), &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for instrument in made.captures_iter(&text) {
            let rest = &text[instrument.get(0).unwrap().end()..];
            let told = whole.captures(rest).unwrap_or_else(|| {
                let start: String = rest.chars().take(80).collect();
                panic!(
                    "{}: name, unit and description are missing at {start}",
                    file.display()
                )
            });
            let kind = instrument[1].replace('_', " ");
            let metric = (told[1].to_owned(), kind, told[2].to_owned(), told[3].to_owned());
            assert!(found.insert(metric), "{} is made twice", &told[1]);
        }
    }
    found
}

/// Rows of the page's tables.
pub(crate) fn on_the_page() -> BTreeSet<Metric> {
    let page = fs::read_to_string(workspace().join("docs/metrics.md")).unwrap();
    let metric = |line: &str| {
        let line = line.strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, kind, unit, _attributes, meaning] = cells[..] else {
            return None;
        };
        let bare = |cell: &str| cell.trim_matches('`').to_owned();
        (name.starts_with("`tributary.") || name.starts_with("`http."))
            .then(|| (bare(name), kind.to_owned(), bare(unit), meaning.to_owned()))
    };
    page.lines().filter_map(metric).collect()
}

#[test]
fn the_page_lists_every_metric_of_the_code() {
    let code = in_code();
    assert!(code.len() >= 15, "the search found too little: {code:?}");
    assert_eq!(on_the_page(), code);
}
