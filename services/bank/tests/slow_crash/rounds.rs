//! Who is killed, and what is awaited.

use std::{thread, time::Duration};

use crate::{
    observer::now,
    read_model::ReadModel,
    rig::{LEDGER, Process, RECOVER_WITHIN, Rig, UnderLoad, each_seed, rounds},
};

const PROJECTION: &[&str] = &["accounts-projection"];

#[test]
fn the_ledger_is_killed_under_load_and_goes_on_where_it_was() {
    each_seed("kill -9 of the ledger", |rig| {
        let UnderLoad {
            mut rig,
            observer,
            mut ledger,
            load,
        } = rig.under_load();
        for round in 0..rounds() {
            rig.let_run();
            ledger.kill9();
            // What was committed before must have been seen by now, or it would count as recovery.
            thread::sleep(Duration::from_millis(150));
            let restarted = now();
            ledger = rig.service(LEDGER);
            let recovered = observer.recovered(restarted, RECOVER_WITHIN);
            println!("  round {round}: events in all partitions after {recovered:?}");
            recovered.unwrap_or_else(|| rig.give_up(&format!("no recovery in round {round}")));
        }
        rig.judge(&load.stop(), &observer);
        assert!(ledger.is_running());
    });
}

#[test]
fn the_broker_is_killed_under_load_and_the_ledger_goes_on() {
    each_seed("kill -9 of the broker", |rig| {
        let UnderLoad {
            mut rig,
            observer,
            mut ledger,
            load,
        } = rig.under_load();
        for round in 0..rounds() {
            rig.let_run();
            let broker = &mut rig.stack.kafka().unwrap().broker;
            broker.kill9().unwrap();
            let killed = now();
            let up = broker.start_again().unwrap();
            let recovered = observer.recovered(killed + up, RECOVER_WITHIN);
            println!("  round {round}: broker up after {up:?}, events in all partitions {recovered:?} later");
            rig.assert_no_markers_dropped();
            recovered.unwrap_or_else(|| rig.give_up(&format!("no recovery in round {round}")));
        }
        rig.judge(&load.stop(), &observer);
        assert!(ledger.is_running());
    });
}

#[test]
fn a_ledger_that_was_paused_past_its_time_comes_back_and_changes_nothing() {
    each_seed("zombie", |rig| {
        let UnderLoad {
            mut rig,
            observer,
            ledger: zombie,
            load,
        } = rig.under_load();
        for round in 0..rounds() {
            rig.let_run();
            zombie.pause();
            let paused = now();
            let mut heir = rig.service(&["accounts", "--instance", "b"]);
            let taken_over = observer.recovered(paused + Duration::from_millis(150), RECOVER_WITHIN);
            println!("  round {round}: another instance works after {taken_over:?}");
            taken_over.unwrap_or_else(|| rig.give_up(&format!("no take-over in round {round}")));
            // Past the transaction time-out as well, so that the broker has aborted what the zombie left open.
            thread::sleep(Duration::from_secs(11).saturating_sub(paused.elapsed()));
            zombie.resume();
            let resumed = now();
            rig.let_run();
            heir.kill9();
            let back = observer.recovered(resumed, RECOVER_WITHIN);
            println!("  round {round}: both, then the first alone, {back:?}");
            let alone = observer.recovered(now() + Duration::from_millis(150), RECOVER_WITHIN);
            alone.unwrap_or_else(|| rig.give_up(&format!("the zombie never works again in round {round}")));
            println!("  round {round}: the former zombie has all partitions after {alone:?}");
        }
        rig.judge(&load.stop(), &observer);
    });
}

#[test]
fn partitions_move_between_two_instances_under_load() {
    each_seed("two instances", |rig| {
        let UnderLoad {
            mut rig,
            observer,
            ledger: _first,
            load,
        } = rig.under_load();
        for round in 0..rounds() {
            rig.let_run();
            let joined = now();
            let mut second = rig.service(&["accounts", "--instance", "b"]);
            rig.let_run();
            let shared = observer.recovered(joined + Duration::from_millis(500), RECOVER_WITHIN);
            second.kill9();
            let killed = now() + Duration::from_millis(150);
            let taken_over = observer.recovered(killed, RECOVER_WITHIN);
            println!("  round {round}: shared after {shared:?}, taken over after {taken_over:?}");
            shared
                .and(taken_over)
                .unwrap_or_else(|| rig.give_up(&format!("stuck in round {round}")));
        }
        rig.judge(&load.stop(), &observer);
    });
}

/// The ledger's projection, and the rows that it writes already.
fn projected(rig: &Rig) -> (Process, ReadModel) {
    let projection = rig.service(PROJECTION);
    let read_model = ReadModel::ledger(rig);
    assert!(
        read_model.moves_again(now(), RECOVER_WITHIN).is_some(),
        "the projection does not start"
    );
    (projection, read_model)
}

#[test]
fn the_projection_is_killed_under_load_and_no_row_is_lost_or_doubled() {
    each_seed("kill -9 of the projection", |rig| {
        let UnderLoad {
            mut rig,
            observer,
            ledger: _ledger,
            load,
        } = rig.under_load();
        let (mut projection, read_model) = projected(&rig);
        for round in 0..rounds() {
            rig.let_run();
            projection.kill9();
            let restarted = now();
            projection = rig.service(PROJECTION);
            let recovered = read_model.moves_again(restarted, RECOVER_WITHIN);
            println!("  round {round}: rows of all partitions after {recovered:?}");
            recovered.unwrap_or_else(|| rig.give_up(&format!("no recovery in round {round}")));
        }
        rig.judge(&load.stop(), &observer);
        read_model.judge_ledger();
    });
}

#[test]
fn postgresql_is_killed_under_load_and_the_projection_goes_on() {
    each_seed("kill -9 of PostgreSQL", |rig| {
        let UnderLoad {
            mut rig,
            observer,
            ledger: _ledger,
            load,
        } = rig.under_load();
        let (mut projection, read_model) = projected(&rig);
        for round in 0..rounds() {
            rig.let_run();
            let postgres = &mut rig.stack.postgres().unwrap().server;
            postgres.kill9().unwrap();
            let killed = now();
            let up = postgres.start_again().unwrap();
            let recovered = read_model.moves_again(killed, RECOVER_WITHIN);
            println!(
                "  round {round}: PostgreSQL up after {up:?}, rows of all partitions after {recovered:?}"
            );
            recovered.unwrap_or_else(|| rig.give_up(&format!("no recovery in round {round}")));
        }
        rig.judge(&load.stop(), &observer);
        read_model.judge_ledger();
        assert!(projection.is_running());
    });
}
