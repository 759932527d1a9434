//! Single hazards, each with its own test.

use std::time::Duration;

use tributary_contracts::runtime::RuntimeEvent;
use tributary_ids::CommandId;
use tributary_stream::StreamEvent;

use crate::{
    simulation::World,
    tally::{Add, AddLater, Command, DEAD, Event, Hurry, INBOX, PARTITIONS, Stumble, record},
};

fn drained(commands: &[(&str, Command)]) -> World {
    let mut world = World::new(0, 1);
    for (number, (key, command)) in commands.iter().enumerate() {
        let id = CommandId::named(&number.to_string());
        world
            .broker
            .append(record(id, key, command, Some(world.broker.time() + 60_000)))
            .unwrap();
    }
    world.heal();
    world
}

fn add(amount: i64) -> Command {
    Add {
        name: "ann".to_owned(),
        amount,
    }
    .into()
}

#[test]
fn a_handler_that_panics_costs_its_record_and_no_other() {
    let stumble = Command::from(Stumble {
        name: "ann".to_owned(),
    });
    let world = drained(&[("ann", add(1)), ("ann", stumble), ("ann", add(2))]);
    let events: Vec<_> = world.events().into_iter().map(|(_, event)| event).collect();
    assert!(matches!(
        &events[..],
        [
            StreamEvent::Service(Event::Added(first)),
            StreamEvent::Runtime(RuntimeEvent::DeadLettered(dead)),
            StreamEvent::Service(Event::Added(second)),
        ] if first.amount == 1 && dead.code == "HANDLER_PANICKED" && second.amount == 2
    ));
    let letters: usize = (0..PARTITIONS)
        .map(|partition| world.broker.read_committed(DEAD.name, partition).unwrap().len())
        .sum();
    assert_eq!(letters, 1);
}

#[test]
fn a_refused_command_leaves_an_event_and_no_effect() {
    let world = drained(&[("ann", add(0))]);
    let events = world.events();
    assert!(matches!(
        &events[..],
        [(_, StreamEvent::Runtime(RuntimeEvent::CommandRefused(refused)))] if refused.code == "NOTHING"
    ));
}

#[test]
fn a_timer_fires_once_and_not_before_its_time() {
    let mut world = World::new(0, 1);
    let due = world.broker.time() + 30_000;
    let later = Command::from(AddLater {
        name: "ann".to_owned(),
        amount: 5,
        due,
    });
    let not_after = Some(world.broker.time() + 60_000);
    world
        .broker
        .append(record(CommandId::named("later"), "ann", &later, not_after))
        .unwrap();
    world.heal();
    let fired: Vec<_> = world
        .events()
        .into_iter()
        .filter(|(_, event)| matches!(event, StreamEvent::Service(Event::Added(_))))
        .collect();
    assert_eq!(fired.len(), 1);
    assert!(fired[0].0.timestamp_ms >= due);
}

#[test]
fn a_worker_wakes_for_the_next_timer_and_not_for_one_that_was_disarmed() {
    let mut world = World::new(0, 1);
    world.heal();
    let idle = world.waits(0);
    let now_ms = world.broker.time();
    for (name, due) in [("sooner", now_ms + 200_000), ("later", now_ms + 300_000)] {
        let (ann, amount) = ("ann".to_owned(), 5);
        let later = AddLater {
            name: ann,
            amount,
            due,
        };
        send(&world, name, "ann", later);
    }
    world.heal();
    let left_ms = |world: &World, due_after: i64| {
        let left = now_ms + due_after - world.broker.time();
        Duration::from_millis(u64::try_from(left).unwrap()).min(idle)
    };
    let expected = left_ms(&world, 200_000);
    assert_eq!(world.waits(0), expected);
    let hurry = || Hurry {
        name: "ann".to_owned(),
    };
    send(&world, "hurry", "ann", hurry());
    world.heal();
    let expected = left_ms(&world, 300_000);
    assert_eq!(world.waits(0), expected);
    send(&world, "hurry again", "ann", hurry());
    world.heal();
    assert_eq!(world.waits(0), idle);
    world.broker.advance(300_000);
    world.heal();
    assert_eq!(
        world.events().len(),
        4,
        "each was added once: {:?}",
        world.events()
    );
}

/// Sends as a client does, to the partition of that key.
fn send(world: &World, name: &str, key: &str, command: impl Into<Command>) -> i32 {
    let record = record(CommandId::named(name), key, &command.into(), None);
    let partition = record.partition;
    world.broker.append(record).unwrap();
    partition
}

#[test]
fn a_timer_is_not_sent_while_input_waits_that_came_before_it_was_due() {
    let mut world = World::new(0, 1);
    let (ann, due) = ("ann".to_owned(), world.broker.time() + 100_000);
    let (name, amount) = (ann.clone(), 5);
    send(&world, "later", "ann", AddLater { name, amount, due });
    world.heal();
    // More than a batch, and at its end what makes the timer superfluous; all of it before its time, and the process is away.
    for number in 0..20 {
        send(&world, &number.to_string(), "ann", add(1));
    }
    send(&world, "hurry", "ann", Hurry { name: ann });
    world.broker.advance_with_beats(60_000);
    assert!(world.broker.time() > due);
    world.restart(0);
    world.heal();
    let events = world.events();
    let added =
        |(_, event): &&(_, StreamEvent<Event>)| matches!(event, StreamEvent::Service(Event::Added(_)));
    assert_eq!(events.iter().filter(added).count(), 21);
    assert_eq!(events.len(), 22, "a timer came in vain");
}

#[test]
fn a_new_process_looks_for_input_before_it_sends_timers_that_are_due() {
    let mut world = World::new(0, 1);
    let due = world.broker.time() + 100_000;
    let (name, amount) = ("ann".to_owned(), 5);
    send(&world, "later", "ann", AddLater { name, amount, due });
    world.heal();
    world.broker.advance_with_beats(60_000);
    world.restart(0);
    let mut waited = Vec::new();
    while world.events().len() < 2 {
        waited.push(world.waits(0));
        assert!(waited.len() < 20, "{waited:?}");
        world.broker.advance(20);
    }
    let for_a_fetch = Duration::from_millis(200);
    assert!(waited.contains(&for_a_fetch), "{waited:?}");
}

#[test]
fn a_timer_is_not_kept_waiting_by_the_input_of_another_partition() {
    let mut world = World::new(0, 1);
    let due = world.broker.time() + 100_000;
    let (name, amount) = ("bob".to_owned(), 5);
    let of_bob = send(&world, "later", "bob", AddLater { name, amount, due });
    world.heal();
    for number in 0..40 {
        let of_ann = send(&world, &number.to_string(), "ann", add(1));
        assert_ne!(of_ann, of_bob);
    }
    world.broker.advance_with_beats(60_000);
    world.restart(0);
    let inbox = |world: &World| world.broker.read_committed(INBOX.name, of_bob).unwrap().len();
    let steps = (1..).find(|_| {
        world.step(0);
        inbox(&world) > 1
    });
    let handled = world.events().len() - 1;
    assert!(
        handled < 40,
        "it was sent after {steps:?} steps, {handled} records of ann's"
    );
}

#[test]
fn a_partition_stops_when_its_inbox_has_lost_what_comes_next() {
    let mut world = World::new(0, 1);
    for number in 0..10 {
        let id = CommandId::named(&number.to_string());
        world.broker.append(record(id, "ann", &add(1), None)).unwrap();
    }
    let partition = record(CommandId::named("x"), "ann", &add(1), None).partition;
    world.broker.truncate_before(INBOX.name, partition, 5).unwrap();
    world.heal();
    assert_eq!(
        world.events().len(),
        0,
        "what came after the loss must not be handled"
    );
}

#[test]
fn a_partition_stops_at_too_many_dead_letters_in_a_row_and_a_new_process_goes_on() {
    let limit = 3;
    let mut world = World::new(0, 1).with_dead_letters_max(limit);
    for number in 0..4 {
        let stumble = Command::from(Stumble {
            name: "ann".to_owned(),
        });
        let id = CommandId::named(&number.to_string());
        world.broker.append(record(id, "ann", &stumble, None)).unwrap();
    }
    world.heal();
    assert_eq!(
        world.events().len(),
        3,
        "the fourth must wait for somebody who looks"
    );
    world.restart(0);
    world.heal();
    assert_eq!(world.events().len(), 4);
}

#[test]
fn a_partition_stops_where_a_change_broke_off_that_can_not_be_taken_back() {
    let mut world = drained(&[("ann", add(i64::MAX))]);
    // The second sum does not fit, which the handler meets in the middle of its change.
    for amount in [1, -1] {
        let id = CommandId::named(&amount.to_string());
        world
            .broker
            .append(record(id, "ann", &add(amount), None))
            .unwrap();
    }
    world.heal();
    let only_the_first = |world: &World| {
        let events: Vec<_> = world.events().into_iter().map(|(_, event)| event).collect();
        matches!(
            &events[..],
            [StreamEvent::Service(Event::Added(first))] if first.amount == i64::MAX
        )
    };
    assert!(only_the_first(&world), "{:?}", world.events());
    // A new process meets the same: it is for somebody who looks.
    world.restart(0);
    world.heal();
    assert!(only_the_first(&world), "{:?}", world.events());
}
