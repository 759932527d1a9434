use super::*;
use crate::artifacts::Pin;

/// A script in Maven's place: `body` finds the destination in `$out` and counts its runs in `$runs`.
fn fetcher(home: &Path, body: &str) -> Fetcher {
    let script = home.join("mvn");
    let text = format!(
        "#!/bin/sh\nfor word in \"$@\"; do case $word in -Ddestination=*) out=${{word#*=}};; esac; done\n\
         echo run >> '{}'\nmkdir -p \"$out\"\n{body}\n",
        home.join("runs").display()
    );
    // Written by another process: a file that this one had open for writing could still be open in a child that
    // another test's thread has just forked, and could then not be run.
    let write = "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"";
    let written = Command::new("sh")
        .args(["-c", write, "sh", &text])
        .arg(&script)
        .status()
        .unwrap();
    assert!(written.success());
    Fetcher {
        maven: script.into_os_string(),
        cache: home.join("cache"),
        parent: home.join("cache"),
    }
}

fn bundle() -> Bundle {
    Bundle {
        title: "A server",
        name: "server",
        version: "1",
        pom: "<project/>",
        properties: Vec::new(),
        pins: vec![Pin {
            file: "a.jar".to_owned(),
            sha256: hex(&Sha256::digest(b"good\n")),
        }],
        kept: Kept::AsIs,
    }
}

fn runs(home: &Path) -> usize {
    fs::read_to_string(home.join("runs"))
        .unwrap_or_default()
        .lines()
        .count()
}

const GOOD: &str = "echo good > \"$out/a.jar\"";

#[test]
fn what_was_fetched_once_is_not_fetched_again() {
    let home = tempfile::tempdir().unwrap();
    let fetcher = fetcher(home.path(), GOOD);
    let first = fetcher.ensure(&bundle(), &Progress::quiet()).unwrap();
    let second = fetcher.ensure(&bundle(), &Progress::quiet()).unwrap();
    assert_eq!(first, second);
    assert_eq!(fs::read_to_string(first.join("a.jar")).unwrap(), "good\n");
    assert_eq!(runs(home.path()), 1);
}

#[test]
fn a_file_that_is_not_the_pinned_one_is_refused_and_not_kept() {
    let home = tempfile::tempdir().unwrap();
    let bad = fetcher(home.path(), "echo evil > \"$out/a.jar\"");
    let error = bad.ensure(&bundle(), &Progress::quiet()).unwrap_err();
    assert_eq!(error.code(), "CHECKSUM_MISMATCH");
    let kept = home.path().join("cache").join(directory_name(&bundle()));
    assert!(!kept.exists());
}

#[test]
fn a_file_that_is_missing_and_one_too_many_are_refused() {
    let home = tempfile::tempdir().unwrap();
    for body in ["true", "echo good > \"$out/a.jar\"; echo more > \"$out/b.jar\""] {
        let error = fetcher(home.path(), body)
            .ensure(&bundle(), &Progress::quiet())
            .unwrap_err();
        assert_eq!(error.code(), "CHECKSUM_MISMATCH", "{body}");
    }
}

#[test]
fn a_cache_that_lost_a_file_is_fetched_anew() {
    let home = tempfile::tempdir().unwrap();
    let fetcher = fetcher(home.path(), GOOD);
    let kept = fetcher.ensure(&bundle(), &Progress::quiet()).unwrap();
    fs::remove_file(kept.join("a.jar")).unwrap();
    fetcher.ensure(&bundle(), &Progress::quiet()).unwrap();
    assert!(kept.join("a.jar").exists());
    assert_eq!(runs(home.path()), 2);
}

#[test]
fn a_fetch_that_was_killed_half_way_leaves_nothing_that_counts() {
    let home = tempfile::tempdir().unwrap();
    // What a kill -9 leaves: a staging directory with part of the files, and no finished directory.
    let half = home.path().join("cache/tributary-server-staging-dead/files");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("a.jar"), "go").unwrap();
    let kept = fetcher(home.path(), GOOD)
        .ensure(&bundle(), &Progress::quiet())
        .unwrap();
    assert_eq!(fs::read_to_string(kept.join("a.jar")).unwrap(), "good\n");
    assert!(!half.exists(), "the leftovers are removed");
}

#[test]
fn two_fetches_at_once_run_maven_once() {
    let home = tempfile::tempdir().unwrap();
    let fetcher = fetcher(home.path(), "sleep 0.2; echo good > \"$out/a.jar\"");
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| fetcher.ensure(&bundle(), &Progress::quiet()).unwrap()))
            .collect();
        for thread in threads {
            assert!(thread.join().unwrap().join("a.jar").exists());
        }
    });
    assert_eq!(runs(home.path()), 1);
}

#[test]
fn what_maven_said_last_is_in_the_error() {
    let home = tempfile::tempdir().unwrap();
    let fetcher = fetcher(home.path(), "echo '[ERROR] no route to host'; exit 1");
    let error = fetcher.ensure(&bundle(), &Progress::quiet()).unwrap_err();
    assert_eq!(error.code(), "FETCH_FAILED");
    assert!(error.to_string().contains("no route to host"), "{error}");
}

#[test]
fn a_missing_maven_is_said_in_one_sentence() {
    let home = tempfile::tempdir().unwrap();
    let mut fetcher = fetcher(home.path(), GOOD);
    fetcher.maven = OsString::from("/nowhere/mvn");
    let error = fetcher.ensure(&bundle(), &Progress::quiet()).unwrap_err();
    assert_eq!(error.code(), "MAVEN_MISSING");
    assert!(!error.to_string().contains('\n'));
}
