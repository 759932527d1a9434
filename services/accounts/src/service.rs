//! The ledger on the stream runtime: translates between the domain's pure functions and the runtime's.

use smallvec::SmallVec;
use tributary_accounts_domain::{self as domain, Books};
use tributary_contracts::{
    accounts::{AccountsCommand, AccountsEvent, SERVICE},
    runtime::{Answer, AnswerResult, TimerChange, TimerId},
    topics::{ACCOUNTS_DLQ, ACCOUNTS_EVENTS, ACCOUNTS_INBOX},
};
use tributary_stream::service::{
    Awaited, Context, Corrupt, Decision, FollowUp, Golden, Names, Recorded, Refusal, Service,
};

/// The ledger.
pub struct Accounts;

impl Service for Accounts {
    type Command = AccountsCommand;
    type Event = AccountsEvent;
    type State = Books;

    const NAMES: Names = Names {
        service: SERVICE,
        inbox: ACCOUNTS_INBOX,
        events: ACCOUNTS_EVENTS,
        dead_letters: ACCOUNTS_DLQ,
    };

    const FOLD_VERSION: u32 = 2;

    const GOLDEN: Golden = Golden {
        schema: "cae0b9e56f38008c69dc77903be4fac3",
        state: "1c953678606c75dd74d76a3f7d23754d",
    };

    fn dedupes_itself(command: &AccountsCommand) -> bool {
        domain::dedupes_itself(command)
    }

    fn decide(
        books: &Books,
        command: &AccountsCommand,
        context: &Context,
    ) -> Result<Decision<AccountsEvent>, Refusal> {
        domain::decide(books, command, &of(context))
            .map(decision)
            .map_err(|rejection| refusal(&rejection))
    }

    fn decide_timer(books: &Books, timer: &TimerId, context: &Context) -> Decision<AccountsEvent> {
        decision(domain::decide_timer(books, timer, &of(context)))
    }

    /// The ledger asks nothing of others, so an answer that arrives was sent by mistake.
    fn decide_answer(
        _: &Books,
        _: &str,
        _: &Answer,
        _: &Context,
    ) -> Result<Decision<AccountsEvent>, Refusal> {
        Err(Refusal {
            code: "ANSWER_UNEXPECTED",
            detail: "the ledger waits for no answer".to_owned(),
        })
    }

    fn evolve(books: &mut Books, event: &AccountsEvent, recorded: &Recorded) -> Result<(), Corrupt> {
        let recorded = domain::Recorded {
            event_id: recorded.event_id,
            time_ms: recorded.time_ms,
        };
        domain::evolve(books, event, &recorded).map_err(|corrupt| Corrupt(corrupt.to_string()))
    }

    fn timer_changes(event: &AccountsEvent) -> SmallVec<[TimerChange; 1]> {
        domain::timer_changes(event).collect()
    }
}

fn of(context: &Context) -> domain::Context {
    domain::Context {
        command_id: context.command_id,
        partition: context.partition,
        time_ms: context.time_ms,
    }
}

fn decision(decision: domain::Decision) -> Decision<AccountsEvent> {
    let follow_up = |command: AccountsCommand| {
        FollowUp::new(ACCOUNTS_INBOX, command.key(), &command).awaited(Awaited::ByWhoeverAsked)
    };
    Decision {
        events: decision.events,
        send: decision.send.into_iter().map(follow_up).collect(),
        result: decision.end.map(AnswerResult::Transfer),
    }
}

fn refusal(rejection: &domain::Rejection) -> Refusal {
    Refusal {
        code: rejection.code(),
        detail: rejection.to_string(),
    }
}
