use std::env;
use std::path::{Path, PathBuf};

/// A file or folder of the published data, below `TRIBUTARY_DATA`. None, said on the terminal, where it is not there; with
/// `TRIBUTARY_DATA_REQUIRED=1` that fails the test.
pub fn published(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = env::var_os("TRIBUTARY_DATA").map_or_else(beside, PathBuf::from);
    let place = data.join(name);
    if place.exists() {
        return Some(place);
    }
    assert!(
        env::var("TRIBUTARY_DATA_REQUIRED").as_deref() != Ok("1"),
        "TRIBUTARY_DATA_REQUIRED=1, and there is no {}",
        place.display()
    );
    println!("SKIPPED: no {}", place.display());
    None
}
