//! Walks through everything that may happen to a saga: every step done, refused, unanswered, answered late, twice, out of
//! order or absurdly, each time a person resumes it, in every order.

use std::collections::{HashSet, VecDeque};

use smol_str::SmolStr;
use tributary_contracts::saga::Verdict;

use crate::{Advance, Course, End, Reply, Saga, State, StepState, When};

/// What was found on the walk.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Moves that led from one to another.
    pub moves: usize,
    pub completed: usize,
    pub rejected: usize,
    pub quarantined: usize,
}

/// How often a step is asked at most on the walk: resuming could go on for ever.
const ATTEMPTS_MAX: u32 = 5;

/// Visits every state that the saga can reach.
///
/// # Errors
/// The first state that breaks a rule, and how it was reached.
pub fn explore(saga: &Saga) -> Result<Explored, String> {
    let mut explored = Explored::default();
    let mut seen = HashSet::new();
    let mut queue = VecDeque::new();
    let mut first = State::new(saga);
    first
        .apply(saga, &saga.begin(0))
        .map_err(|corrupt| corrupt.to_string())?;
    seen.insert(first.clone());
    queue.push_back((first, Vec::new()));
    while let Some((state, path)) = queue.pop_front() {
        explored.states += 1;
        let moves = moves(saga, &state);
        if moves.is_empty() && !state.is_over() && !is_tired(&state) {
            return Err(told(&path, "nothing can happen any more, and it is not over"));
        }
        for (what, advance) in moves {
            explored.moves += 1;
            let mut path = path.clone();
            path.push(what);
            let mut next = state.clone();
            next.apply(saga, &advance.progress)
                .map_err(|corrupt| told(&path, &corrupt.to_string()))?;
            check(saga, &next, advance.end.as_ref(), &mut explored).map_err(|broken| told(&path, broken))?;
            if seen.insert(next.clone()) {
                queue.push_back((next, path));
            }
        }
    }
    Ok(explored)
}

fn told(path: &[String], broken: &str) -> String {
    format!("{broken}; after: {}", path.join(", "))
}

fn is_tired(state: &State) -> bool {
    state
        .steps
        .iter()
        .any(|step| matches!(step, StepState::Asked(attempt) if *attempt >= ATTEMPTS_MAX))
}

fn moves(saga: &Saga, state: &State) -> Vec<(String, Advance)> {
    let mut moves = Vec::new();
    for (index, step) in saga.steps.iter().enumerate() {
        let replies = replies(saga, step.name);
        for reply in &replies {
            let what = format!("{} answers {reply:?}", step.name);
            moves.extend(
                saga.answered(state, index, reply.clone(), 0)
                    .map(|advance| (what, advance)),
            );
            let what = format!("{} is silent, in its stead {reply:?}", step.name);
            let fall_back = || reply.clone();
            moves.extend(
                saga.timed_out(state, index, 0, fall_back)
                    .map(|advance| (what, advance)),
            );
        }
    }
    if !is_tired(state) {
        moves.extend(
            saga.resumed(state, 0)
                .map(|advance| ("resumed".to_owned(), advance)),
        );
    }
    moves
}

fn replies(saga: &Saga, step: &'static str) -> Vec<Reply> {
    let mut replies = vec![
        Reply::Done,
        Reply::Refused(SmolStr::new_static("REFUSED")),
        Reply::Impossible(SmolStr::new_static("IMPOSSIBLE")),
    ];
    let called = saga
        .steps
        .iter()
        .filter(|other| other.when == When::CalledBy(step));
    replies.extend(called.map(|called| Reply::DoneCallingFor(called.name)));
    replies
}

fn check(saga: &Saga, state: &State, end: Option<&End>, explored: &mut Explored) -> Result<(), &'static str> {
    let is_done = |index: usize| {
        matches!(
            state.step(index),
            StepState::Ended(Verdict::Done | Verdict::FellBack)
        )
    };
    let pivot_done = saga.pivot().is_some_and(is_done);
    if pivot_done
        && matches!(
            state.course,
            Course::Back { .. } | Course::Quarantined { code: Some(_) }
        )
    {
        return Err("it turned back after the pivot");
    }
    match end {
        Some(End::Completed) => {
            explored.completed += 1;
            let unfinished = |index: usize| {
                let step = &saga.steps[index];
                let required = matches!(step.when, When::AtOnce | When::After(_));
                required && !is_done(index)
            };
            if (0..saga.steps.len()).any(unfinished) {
                return Err("it is complete without a step that it needs");
            }
        }
        Some(End::Rejected { code }) => {
            explored.rejected += 1;
            if pivot_done {
                return Err("it is rejected after the pivot");
            }
            if code.is_empty() {
                return Err("it is rejected without a reason");
            }
            let left = |index: usize| {
                let maybe_done = match state.step(index) {
                    StepState::Idle | StepState::Ended(Verdict::Refused) => false,
                    StepState::Asked(_) | StepState::Ended(_) => true,
                };
                maybe_done && saga.compensation_of(index).is_some_and(|undo| !is_done(undo))
            };
            if (0..saga.steps.len()).any(left) {
                return Err("it is rejected with a step that was not undone");
            }
        }
        Some(End::Quarantined { .. }) => explored.quarantined += 1,
        None => {}
    }
    let ended = matches!(end, Some(End::Completed | End::Rejected { .. }));
    if ended != state.is_over() {
        return Err("it is over without an end, or the other way round");
    }
    Ok(())
}
