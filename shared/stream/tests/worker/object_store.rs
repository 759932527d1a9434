//! Snapshots in a directory and in memory: the newest that fits is found, old ones go, and nothing that fails stops the
//! worker.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use tributary_stream::{
    log::EventsRead,
    memory::MemoryBroker,
    service::Service,
    snapshot::{ObjectSnapshots, OpenError, Shelf, SnapshotFollower, SnapshotStore},
};

use crate::{
    snapshots::{Of, OtherFold, Snapshots, forget_events, log, replayed, running, snapshots, started},
    tally::{EVENTS, PARTITIONS, Tallies, Tally},
};

fn bytes_of<S: Service>(broker: &MemoryBroker, partition: i32) -> Vec<u8> {
    let Snapshots(of) = snapshots::<S>(broker);
    of.into_inner().unwrap().remove(&partition).unwrap()
}

/// All files below a directory, by path.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// Snapshots after every event, and nothing but them to restore from.
fn assert_restores(store: ObjectSnapshots) {
    let broker = log();
    let mut follower = SnapshotFollower::<Tally>::new(PARTITIONS, 1, &store);
    for partition in 0..PARTITIONS {
        for record in broker.read_committed(EVENTS.name, partition).unwrap() {
            let next = record.offset + 1;
            let records = vec![record];
            follower
                .absorb(partition, &EventsRead { records, next }, &store)
                .unwrap();
        }
        let end = broker.end_offset(EVENTS.name, partition).unwrap();
        let read = EventsRead {
            records: Vec::new(),
            next: end,
        };
        follower.absorb(partition, &read, &store).unwrap();
    }
    forget_events(&broker);
    let driver = started(&broker, store);
    assert_eq!(running(&driver), PARTITIONS as usize, "{:?}", driver.status());
    let states: Vec<Tallies> = driver.states().cloned().collect();
    assert_eq!(states, replayed());
}

#[test]
fn a_restore_takes_the_newest_from_memory_and_from_a_directory() {
    assert_restores(ObjectSnapshots::in_memory());
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("not/there/yet");
    assert_restores(ObjectSnapshots::in_directory(&below).unwrap());
    let url = format!("file://{}", directory.path().join("by-url").display());
    assert_restores(ObjectSnapshots::open(&url).unwrap());
    // Nothing is left of what was written aside.
    let endings: Vec<_> = files(directory.path())
        .into_iter()
        .filter(|file| file.extension().is_none_or(|ending| ending != "snapshot"))
        .collect();
    assert_eq!(endings, Vec::<PathBuf>::new());
}

#[test]
fn one_that_is_spoilt_cut_off_or_gone_gives_way_to_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let store = ObjectSnapshots::in_directory(directory.path()).unwrap();
    let shelf = Shelf::of::<Tally>(0);
    let whole = bytes_of::<Tally>(&log(), 0);
    for next_event in [5, 7, 10] {
        store.save(&shelf, next_event, whole.clone()).unwrap();
    }
    let [oldest, middle, newest] = <[PathBuf; 3]>::try_from(files(directory.path())).unwrap();
    let mut spoilt = whole.clone();
    spoilt[60] ^= 0x01;
    std::fs::write(&newest, &spoilt).unwrap();
    std::fs::write(&middle, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(store.load(&shelf), Some(whole.clone()), "the oldest is whole");
    std::fs::remove_file(&oldest).unwrap();
    assert_eq!(store.load(&shelf), None);
    // What is no snapshot at all is passed over.
    let beside = newest.with_file_name("read.me");
    std::fs::write(&beside, "here").unwrap();
    std::fs::write(newest.with_file_name("x-y.snapshot"), "there").unwrap();
    assert_eq!(store.load(&shelf), None);
    store.save(&shelf, 11, whole.clone()).unwrap();
    assert_eq!(store.load(&shelf), Some(whole));
    assert!(beside.exists());
}

#[test]
fn a_shelf_holds_its_own_partition_and_key_and_no_other() {
    let broker = log();
    let store = ObjectSnapshots::in_memory();
    let (ours, theirs) = (
        bytes_of::<Tally>(&broker, 0),
        bytes_of::<Of<OtherFold>>(&broker, 0),
    );
    store.save(&Shelf::of::<Tally>(0), 10, ours.clone()).unwrap();
    store
        .save(&Shelf::of::<Of<OtherFold>>(0), 20, theirs.clone())
        .unwrap();
    assert_eq!(store.load(&Shelf::of::<Tally>(0)), Some(ours.clone()));
    assert_eq!(store.load(&Shelf::of::<Of<OtherFold>>(0)), Some(theirs.clone()));
    assert_eq!(store.load(&Shelf::of::<Tally>(1)), None);
    // Under a name that promises another key than the bytes have, the bytes decide.
    store.save(&Shelf::of::<Tally>(1), 10, ours).unwrap();
    store.save(&Shelf::of::<Tally>(2), 10, theirs).unwrap();
    assert_eq!(store.load(&Shelf::of::<Tally>(1)), None);
    assert_eq!(store.load(&Shelf::of::<Tally>(2)), None);
}

#[test]
fn three_are_kept_and_those_of_other_builds_for_thirty_days() {
    let directory = tempfile::tempdir().unwrap();
    let store = ObjectSnapshots::in_directory(directory.path()).unwrap();
    let broker = log();
    let theirs = bytes_of::<Of<OtherFold>>(&broker, 0);
    for next_event in [1, 2] {
        store
            .save(&Shelf::of::<Of<OtherFold>>(0), next_event, theirs.clone())
            .unwrap();
    }
    let [abandoned, _] = <[PathBuf; 2]>::try_from(files(directory.path())).unwrap();
    let written = abandoned.metadata().unwrap().modified().unwrap();
    let long_ago = written - Duration::from_secs(31 * 24 * 60 * 60);
    File::options()
        .write(true)
        .open(&abandoned)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let ours = bytes_of::<Tally>(&broker, 0);
    for next_event in [8, 9, 10, 11, 100] {
        store
            .save(&Shelf::of::<Tally>(0), next_event, ours.clone())
            .unwrap();
    }
    let kept: Vec<i64> = files(directory.path())
        .iter()
        .map(|file| {
            let name = file.file_name().unwrap().to_str().unwrap();
            name.split_once('-').unwrap().0.parse().unwrap()
        })
        .collect();
    assert_eq!(kept, [2, 10, 11, 100]);
}

#[test]
fn a_store_that_fails_costs_snapshots_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let store = ObjectSnapshots::in_directory(directory.path()).unwrap();
    // Where the service's directory should be there is a file: nothing can be listed, read or written.
    std::fs::write(directory.path().join("tally"), "in the way").unwrap();
    let broker = log();
    let bytes = bytes_of::<Tally>(&broker, 0);
    let shelf = Shelf::of::<Tally>(0);
    assert!(store.save(&shelf, 1, bytes).is_err());
    assert_eq!(store.load(&shelf), None);
    let mut follower = SnapshotFollower::<Tally>::new(PARTITIONS, 1, &store);
    let records = broker.read_committed(EVENTS.name, 0).unwrap();
    let next = broker.end_offset(EVENTS.name, 0).unwrap();
    follower.absorb(0, &EventsRead { records, next }, &store).unwrap();
    assert_eq!(follower.next()[&0], next, "the follower goes on");
    let driver = started(&broker, store);
    let states: Vec<Tallies> = driver.states().cloned().collect();
    assert_eq!(states, replayed(), "the log was read instead");
}

#[test]
fn a_place_that_is_none_is_refused_with_its_code_and_without_secrets() {
    let code = |place: &str| {
        let error = ObjectSnapshots::open(place).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(error.code()), "{text}");
        assert!(!text.contains("secret"), "{text}");
        error.code()
    };
    assert_eq!(
        code("ftp://user:secret@host/path?sig=secret"),
        "SNAPSHOTS_SCHEME_UNKNOWN"
    );
    assert_eq!(code("s3://[secret"), "SNAPSHOTS_URL_MALFORMED");
    assert_eq!(code("file://host.example/elsewhere"), "SNAPSHOTS_URL_MALFORMED");
    if cfg!(not(feature = "cloud")) {
        let place = "s3://key:secret@bucket/path?token=secret";
        assert_eq!(code(place), "SNAPSHOTS_CLOUD_NOT_BUILT");
        let place = "s3://bucket/path".to_owned();
        assert_eq!(
            ObjectSnapshots::open(&place).unwrap_err(),
            OpenError::CloudNotBuilt { place }
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_eq!(code(file.to_str().unwrap()), "SNAPSHOTS_UNUSABLE");
}
