//! On a saga of every kind of step, and on definitions that are wrong.

use smol_str::SmolStr;
use tributary_contracts::saga::{StepEnd, Turn, Verdict, Way};
use tributary_saga::{
    Advance, Corrupt, Course, End, Flaw, Progress, Reply, Saga, Silence, State, Step, StepState, When,
    explore::explore,
};

const fn step(name: &'static str, when: When, silence: Silence) -> Step {
    Step {
        name,
        by: "somebody",
        asks: "something",
        when,
        pivot: false,
        within_ms: 1_000,
        silence,
    }
}

const fn pivot(name: &'static str, after: &'static [&'static str]) -> Step {
    Step {
        pivot: true,
        ..step(name, When::After(after), Silence::AskAgain(2))
    }
}

const TRIP: Saga = Saga {
    name: "trip",
    title: "Books a trip",
    steps: &[
        step("hotel", When::AtOnce, Silence::TurnBack("HOTEL_SILENT")),
        step("visa", When::AtOnce, Silence::FallBack),
        step(
            "interview",
            When::CalledBy("visa"),
            Silence::TurnBack("INTERVIEW_MISSED"),
        ),
        pivot("pay", &["hotel", "visa", "interview"]),
        step("ticket", When::After(&["pay"]), Silence::AskAgain(3)),
        step("cancel-hotel", When::Undoing("hotel"), Silence::AskAgain(2)),
    ],
};

#[derive(Clone)]
struct Told {
    state: State,
    now: i64,
}

impl Told {
    fn begun() -> Self {
        let mut state = State::new(&TRIP);
        state.apply(&TRIP, &TRIP.begin(0)).unwrap();
        Self { state, now: 0 }
    }

    fn take(&mut self, advance: Option<Advance>) -> Option<(Vec<String>, Option<End>)> {
        let Advance { progress, end } = advance?;
        self.state.apply(&TRIP, &progress).unwrap();
        Some((
            progress.asked.iter().map(|ask| ask.step.to_string()).collect(),
            end,
        ))
    }

    fn answer(&mut self, step: &str, reply: Reply) -> Option<(Vec<String>, Option<End>)> {
        let advance = TRIP.answered(&self.state, TRIP.find(step).unwrap(), reply, self.now);
        self.take(advance)
    }

    fn silence(&mut self, step: &str, in_its_stead: Reply) -> Option<(Vec<String>, Option<End>)> {
        let advance = TRIP.timed_out(&self.state, TRIP.find(step).unwrap(), self.now, || in_its_stead);
        self.take(advance)
    }
}

fn asked(steps: &[&str]) -> Option<(Vec<String>, Option<End>)> {
    Some((steps.iter().map(|step| (*step).to_owned()).collect(), None))
}

fn ended(end: End) -> Option<(Vec<String>, Option<End>)> {
    Some((Vec::new(), Some(end)))
}

fn rejected(code: &'static str) -> Option<(Vec<String>, Option<End>)> {
    ended(End::Rejected {
        code: SmolStr::new_static(code),
    })
}

fn refused(code: &'static str) -> Reply {
    Reply::Refused(SmolStr::new_static(code))
}

#[test]
fn all_that_may_happen_keeps_the_rules() {
    assert_eq!(TRIP.flaws(), []);
    let explored = explore(&TRIP).unwrap();
    assert!(explored.states > 100, "{explored:?}");
    assert!(
        explored.completed > 0 && explored.rejected > 0 && explored.quarantined > 0,
        "{explored:?}"
    );
}

#[test]
fn steps_are_asked_when_those_before_them_are_done_in_whatever_order() {
    let mut trip = Told::begun();
    assert_eq!(trip.answer("visa", Reply::Done), asked(&[]));
    assert_eq!(trip.answer("hotel", Reply::Done), asked(&["pay"]));
    assert_eq!(trip.answer("pay", Reply::Done), asked(&["ticket"]));
    assert_eq!(trip.answer("ticket", Reply::Done), ended(End::Completed));
    assert!(trip.state.is_over());
}

#[test]
fn a_step_that_was_called_for_is_waited_for() {
    let mut trip = Told::begun();
    assert_eq!(trip.answer("hotel", Reply::Done), asked(&[]));
    assert_eq!(
        trip.answer("visa", Reply::DoneCallingFor("interview")),
        asked(&["interview"])
    );
    assert_eq!(trip.answer("interview", Reply::Done), asked(&["pay"]));
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut trip = Told::begun();
    assert_eq!(trip.answer("pay", Reply::Done), None, "never asked");
    trip.answer("hotel", Reply::Done);
    assert_eq!(trip.answer("hotel", refused("FULL")), None, "a second answer");
    trip.answer("visa", refused("BANNED"));
    assert_eq!(
        trip.answer("visa", Reply::Done),
        None,
        "answered after it turned back"
    );
}

#[test]
fn what_was_done_or_may_have_been_is_undone_before_it_is_over() {
    let mut done = Told::begun();
    done.answer("hotel", Reply::Done);
    assert_eq!(done.answer("visa", refused("BANNED")), asked(&["cancel-hotel"]));
    assert_eq!(done.answer("cancel-hotel", Reply::Done), rejected("BANNED"));

    let mut unanswered = Told::begun();
    assert_eq!(
        unanswered.answer("visa", refused("BANNED")),
        asked(&["cancel-hotel"])
    );
    assert_eq!(
        unanswered.answer("hotel", Reply::Done),
        None,
        "the cancellation covers it"
    );

    let mut silent = Told::begun();
    assert_eq!(
        silent.silence("hotel", Reply::Done),
        asked(&["cancel-hotel"]),
        "a time-out is no refusal"
    );

    let mut nothing = Told::begun();
    assert_eq!(nothing.answer("hotel", refused("FULL")), rejected("FULL"));
}

#[test]
fn a_fallback_stands_in_for_an_answer_and_is_told_apart() {
    let mut trip = Told::begun();
    trip.answer("hotel", Reply::Done);
    assert_eq!(trip.silence("visa", Reply::Done), asked(&["pay"]));
    assert_eq!(
        trip.state.step(TRIP.find("visa").unwrap()),
        StepState::Ended(Verdict::FellBack)
    );
}

#[test]
fn from_the_pivot_on_the_same_is_asked_again_and_then_a_person_is_called() {
    let mut trip = Told::begun();
    trip.answer("hotel", Reply::Done);
    trip.answer("visa", Reply::Done);
    trip.now = 5_000;
    let again = TRIP
        .timed_out(&trip.state, TRIP.find("pay").unwrap(), trip.now, || Reply::Done)
        .unwrap();
    assert_eq!(
        (again.progress.asked[0].attempt, again.progress.asked[0].deadline),
        (2, 6_000)
    );
    trip.take(Some(again));
    let quarantined = End::Quarantined {
        step: "pay",
        code: SmolStr::new_static("UNANSWERED"),
    };
    assert_eq!(trip.silence("pay", Reply::Done), ended(quarantined));
    assert_eq!(
        trip.silence("pay", Reply::Done),
        None,
        "no deadline counts in quarantine"
    );

    let mut resumed = Told {
        state: trip.state.clone(),
        now: 9_000,
    };
    let advance = TRIP.resumed(&resumed.state, resumed.now);
    assert_eq!(resumed.take(advance), asked(&["pay"]));
    assert_eq!(resumed.answer("pay", Reply::Done), asked(&["ticket"]));
    assert_eq!(
        TRIP.resumed(&resumed.state, 0),
        None,
        "it isn't quarantined any more"
    );

    assert_eq!(
        trip.answer("pay", Reply::Done),
        asked(&["ticket"]),
        "a late answer is an answer"
    );
    assert_eq!(*trip.state.course(), Course::Forward);
}

#[test]
fn a_refused_pivot_turns_back_and_a_refused_compensation_calls_a_person() {
    let mut trip = Told::begun();
    trip.answer("hotel", Reply::Done);
    trip.answer("visa", Reply::Done);
    assert_eq!(trip.answer("pay", refused("NO_MONEY")), asked(&["cancel-hotel"]));
    let quarantined = End::Quarantined {
        step: "cancel-hotel",
        code: SmolStr::new_static("CLOSED"),
    };
    assert_eq!(trip.answer("cancel-hotel", refused("CLOSED")), ended(quarantined));
    let advance = TRIP.resumed(&trip.state, 0);
    assert_eq!(trip.take(advance), asked(&["cancel-hotel"]));
    assert_eq!(trip.answer("cancel-hotel", Reply::Done), rejected("NO_MONEY"));
}

#[test]
fn a_refusal_counts_once_every_attempt_was_answered() {
    // Given a pivot that was asked for twice
    let mut trip = Told::begun();
    trip.answer("hotel", Reply::Done);
    trip.answer("visa", Reply::Done);
    let late = TRIP.timed_out(&trip.state, TRIP.find("pay").unwrap(), 0, || unreachable!());
    assert_eq!(trip.take(late), asked(&["pay"]));
    let mut refused_twice = trip.clone();

    // When the first attempt is refused, nothing follows yet: the second may be done, and then it is
    assert_eq!(trip.answer("pay", refused("BLOCKED")), asked(&[]));
    assert_eq!(trip.answer("pay", Reply::Done), asked(&["ticket"]));

    // When both are refused, it turns back
    assert_eq!(refused_twice.answer("pay", refused("BLOCKED")), asked(&[]));
    assert_eq!(
        refused_twice.answer("pay", refused("BLOCKED")),
        asked(&["cancel-hotel"])
    );
}

#[test]
fn the_timers_of_what_is_not_awaited_any_more_can_go() {
    let gone = |way, step: &str| {
        let ended = StepEnd {
            step: step.into(),
            verdict: Verdict::Done,
            code: None,
        };
        let progress = Progress {
            ended: Some(ended),
            turned: way,
            ..Progress::default()
        };
        TRIP.no_longer_awaited(&progress).collect::<Vec<_>>()
    };
    let turn = |way| Some(Turn { way, code: None });
    assert_eq!(gone(None, "visa"), ["visa"]);
    assert_eq!(
        gone(turn(Way::Back), "visa"),
        ["hotel", "visa", "interview", "pay", "ticket"]
    );
    assert_eq!(gone(turn(Way::Ended), "ticket").len(), TRIP.steps.len());
}

#[test]
fn an_event_that_can_not_follow_is_corrupt() {
    let mut state = State::new(&TRIP);
    let begun = TRIP.begin(0);
    state.apply(&TRIP, &begun).unwrap();
    assert_eq!(
        state.clone().apply(&TRIP, &begun),
        Err(Corrupt::AskedOutOfTurn("hotel".into()))
    );
    let mut unknown = begun.clone();
    unknown.asked[0].step = "flight".into();
    assert_eq!(
        state.clone().apply(&TRIP, &unknown),
        Err(Corrupt::UnknownStep("flight".into()))
    );
    let done = TRIP
        .answered(&state, TRIP.find("hotel").unwrap(), Reply::Done, 0)
        .unwrap()
        .progress;
    state.apply(&TRIP, &done).unwrap();
    assert_eq!(state.apply(&TRIP, &done), Err(Corrupt::NotAsked("hotel".into())));
}

#[test]
fn flaws_of_a_definition_are_found() {
    let flaws = |steps: &'static [Step]| {
        Saga {
            name: "x",
            title: "x",
            steps,
        }
        .flaws()
    };
    const TWICE: &[Step] = &[
        step("a", When::AtOnce, Silence::FallBack),
        step("a", When::AtOnce, Silence::FallBack),
    ];
    assert_eq!(flaws(TWICE), [Flaw::NamedTwice("a")]);
    const UNKNOWN: &[Step] = &[
        step("a", When::AtOnce, Silence::FallBack),
        step("b", When::After(&["c"]), Silence::FallBack),
    ];
    assert_eq!(flaws(UNKNOWN), [Flaw::UnknownStep { step: "b", to: "c" }]);
    const BESIDES: &[Step] = &[step("a", When::AtOnce, Silence::FallBack), pivot("p", &[])];
    assert_eq!(flaws(BESIDES), [Flaw::BesidesThePivot("a")]);
    const GIVES_UP: &[Step] = &[
        step("a", When::AtOnce, Silence::FallBack),
        step("undo", When::Undoing("a"), Silence::TurnBack("X")),
    ];
    assert_eq!(flaws(GIVES_UP), [Flaw::MayGiveUp("undo")]);
    const UNDONE: &[Step] = &[
        step("a", When::AtOnce, Silence::FallBack),
        pivot("p", &["a"]),
        step("undo", When::Undoing("p"), Silence::AskAgain(1)),
    ];
    assert_eq!(flaws(UNDONE), [Flaw::UndoneAfterPivot("p")]);
    const NEVER: &[Step] = &[step("a", When::After(&["a"]), Silence::FallBack)];
    assert_eq!(flaws(NEVER), [Flaw::NeverBegins]);
}
