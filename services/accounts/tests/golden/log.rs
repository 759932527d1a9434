use std::path::Path;

use tributary_accounts::Accounts;
use tributary_contracts::{
    accounts::{
        AccountsCommand, AdjustHold, BlockAccount, BlockScope, CloseAccount, CloseDay, Country, Credit,
        Debit, Details, Direction, GlAccount, ImportRef, OpenAccount, Release, Reserve, Reverse,
        SetOverdraftLimit, Settle, TransferOut, UnblockAccount,
    },
    codec::read_event,
    envelope::BusinessDate,
    messages,
    runtime::{RuntimeEvent, RuntimeMessage, TimerChange, TimerDue, TimerId},
    topics::{ACCOUNTS_EVENTS, ACCOUNTS_INBOX},
};
use tributary_ids::{AccountId, CommandId, CustomerId, HoldId, PaymentId};
use tributary_money::Currency;
use tributary_stream::{
    PartitionState, TestDriver,
    golden::{self, digests, fold, missing_types},
    service::Service,
    test_driver::command,
};

const PARTITIONS: i32 = 2;
const NOW: i64 = 1_800_000_000_000;

/// What no service of the bank understands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Never {}

messages! {
    enum Unknown {
        Never = "accounts.never.v1",
    }
}

struct Ledger {
    driver: TestDriver<Accounts>,
    commands: u32,
}

impl Ledger {
    fn send(&mut self, of: impl Into<AccountsCommand>) {
        self.commands += 1;
        let name = format!("golden/{}", self.commands);
        self.send_as(&name, &of.into());
    }

    fn send_as(&mut self, name: &str, of: &AccountsCommand) {
        let not_after = Some(self.driver.broker().time() + 60_000);
        let record = command(ACCOUNTS_INBOX, PARTITIONS, name, of.key(), not_after, of);
        self.driver.send(record).unwrap();
        self.driver.run().unwrap();
    }

    fn send_timer(&mut self, name: &str, timer: TimerId) {
        let due = RuntimeMessage::from(TimerDue { timer: timer.clone() });
        let record = command(ACCOUNTS_INBOX, PARTITIONS, name, timer.aggregate, None, &due);
        self.driver.send(record).unwrap();
        self.driver.run().unwrap();
    }

    /// The timer that was armed last.
    fn armed(&self) -> TimerId {
        let events = self.driver.read(ACCOUNTS_EVENTS.name).unwrap();
        let service_events = events.iter().filter_map(|record| read_event(record).ok());
        let changes = service_events.flat_map(|event| Accounts::timer_changes(&event.data));
        let armed = changes.filter_map(|change| match change {
            TimerChange::Arm(timer) => Some(timer),
            TimerChange::Disarm { .. } => None,
        });
        armed.max_by_key(|timer| timer.due).unwrap()
    }
}

fn czk() -> Currency {
    "CZK".parse().unwrap()
}

fn date(text: &str) -> BusinessDate {
    text.parse().unwrap()
}

fn today() -> BusinessDate {
    date("2027-01-15")
}

/// `ann` and `bob` live in different partitions.
fn account(name: &str) -> AccountId {
    AccountId::named(name)
}

fn open(name: &str, currency: &str, overdraft_limit: &str, opening_balance: &str) -> OpenAccount {
    OpenAccount {
        account_id: account(name),
        owner: CustomerId::named(name),
        product: "current".into(),
        currency: currency.parse().unwrap(),
        overdraft_limit: overdraft_limit.into(),
        booking_date: today(),
        opening_balance: opening_balance.into(),
    }
}

fn debit(name: &str, amount: &str, forced: bool) -> Debit {
    Debit {
        account_id: account(name),
        amount: amount.into(),
        currency: czk(),
        contra: GlAccount::CASH,
        rounding: None,
        forced,
        booking_date: today(),
        value_date: None,
        import: None,
        details: Details::default(),
    }
}

fn reserve(name: &str, hold: &str, direction: Direction, expires_at: Option<i64>) -> Reserve {
    Reserve {
        account_id: account(name),
        hold_id: HoldId::named(hold),
        direction,
        amount: "100".into(),
        currency: czk(),
        expires_at,
    }
}

fn settle(name: &str, hold: &str, amount: &str, last: bool) -> Settle {
    Settle {
        account_id: account(name),
        hold_id: HoldId::named(hold),
        amount: amount.into(),
        currency: czk(),
        contra: GlAccount::FEE_INCOME,
        last,
        booking_date: today(),
        value_date: Some(date("2027-01-18")),
        import: None,
        details: Details::default(),
    }
}

fn transfer(payment: &str, from: &str, to: &str, hold: Option<&str>) -> TransferOut {
    TransferOut {
        account_id: account(from),
        payment_id: PaymentId::named(payment),
        creditor: account(to),
        amount: "60".into(),
        currency: czk(),
        hold_id: hold.map(HoldId::named),
        booking_date: today(),
        value_date: None,
        import: None,
        details: Details::default(),
    }
}

fn block(name: &str, scope: BlockScope) -> BlockAccount {
    BlockAccount {
        account_id: account(name),
        scope,
        reason: "customer-request".into(),
    }
}

/// Something of everything that a ledger can meet.
fn driven() -> TestDriver<Accounts> {
    let driver = TestDriver::new(PARTITIONS, NOW).unwrap();
    let mut ledger = Ledger { driver, commands: 0 };
    accounts_and_days(&mut ledger);
    postings(&mut ledger);
    holds(&mut ledger);
    transfers(&mut ledger);
    trouble(&mut ledger);
    ledger.driver
}

fn accounts_and_days(ledger: &mut Ledger) {
    for partition in 0..PARTITIONS {
        let date = date("2027-01-14");
        ledger.send(CloseDay { partition, date });
    }
    ledger.send(open("ann", "CZK", "0", "1000"));
    ledger.send(open("ann", "CZK", "0", "1000"));
    ledger.send(open("bob", "CZK", "50", "0"));
    ledger.send(open("eve", "EUR", "0", "5.25"));
    ledger.send(open("old", "CZK", "0", "0"));
    ledger.send(CloseAccount {
        account_id: account("old"),
        booking_date: today(),
    });
    ledger.send(SetOverdraftLimit {
        account_id: account("bob"),
        limit: "75".into(),
        currency: czk(),
    });
    ledger.send(block("eve", BlockScope::Debits));
}

fn postings(ledger: &mut Ledger) {
    let row = |sequence, after| {
        let source = "history".into();
        Some(ImportRef {
            source,
            sequence,
            after,
        })
    };
    let credit = Credit {
        account_id: account("ann"),
        amount: "12.30".into(),
        currency: czk(),
        contra: GlAccount::CASH,
        rounding: Some("-0.30".into()),
        booking_date: today(),
        value_date: None,
        import: row(7, Some(0)),
        details: Details {
            purpose: Some("SALA".into()),
            counterparty_bank: Some("YZ".into()),
            country: Some(Country {
                code: "CZ".into(),
                source: "iban".into(),
            }),
            reference: Some("42".into()),
        },
    };
    ledger.send_as("golden/credit", &credit.into());
    ledger.send_as("golden/debit", &debit("ann", "5", false).into());
    ledger.send_as("golden/debit", &debit("ann", "5", false).into());
    ledger.send(debit("bob", "80", true));
    ledger.send(Reverse {
        account_id: account("ann"),
        entry_id: CommandId::named("golden/credit").event(0).to_string().into(),
        booking_date: today(),
        import: row(8, Some(7)),
    });
}

fn holds(ledger: &mut Ledger) {
    ledger.send(reserve("ann", "card", Direction::Out, None));
    ledger.send(AdjustHold {
        account_id: account("ann"),
        hold_id: HoldId::named("card"),
        amount: "80".into(),
        currency: czk(),
    });
    ledger.send(settle("ann", "card", "30", false));
    ledger.send(settle("ann", "card", "40", true));
    ledger.send(reserve("ann", "given back", Direction::Out, None));
    for hold in ["given back", "never placed"] {
        ledger.send(Release {
            account_id: account("ann"),
            hold_id: HoldId::named(hold),
        });
    }
    let soon = ledger.driver.broker().time() + 30_000;
    ledger.send(reserve("ann", "lapses", Direction::Out, Some(soon)));
    ledger.driver.advance(31_000).unwrap();
    ledger.send(reserve("bob", "announced", Direction::In, None));
    let later = ledger.driver.broker().time() + 86_400_000;
    ledger.send(reserve("ann", "stays", Direction::Out, Some(later)));
}

fn transfers(ledger: &mut Ledger) {
    ledger.send(reserve("ann", "for a payment", Direction::Out, None));
    ledger.send(transfer("arrives", "ann", "bob", Some("for a payment")));
    ledger.send(block("bob", BlockScope::All));
    ledger.send(transfer("comes back", "ann", "bob", None));
    let account_id = account("bob");
    ledger.send(UnblockAccount { account_id });
}

fn trouble(ledger: &mut Ledger) {
    ledger.send(debit("nobody", "1", false));
    let key = account("ann").to_string();
    let never = command(
        ACCOUNTS_INBOX,
        PARTITIONS,
        "golden/never",
        key,
        None,
        &Unknown::from(Never {}),
    );
    ledger.driver.send(never).unwrap();
    let armed = ledger.armed();
    ledger.send_timer("golden/early", armed.clone());
    let due = armed.due + 1;
    ledger.send_timer("golden/of-nothing", TimerId { due, ..armed });
}

#[test]
fn the_golden_log_folds_to_what_the_snapshots_key_says() {
    let events = driven().read(ACCOUNTS_EVENTS.name).unwrap();
    assert_eq!(
        missing_types::<RuntimeEvent>(&events),
        [""; 0],
        "the runtime's own fold is held here, too"
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events.jsonl");
    golden::check::<Accounts>(&file, &events).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_fold_of_the_log_is_the_workers_state() {
    let driver = driven();
    let folded: Vec<PartitionState<Accounts>> = fold(&driver.read(ACCOUNTS_EVENTS.name).unwrap()).unwrap();
    let of_the_log: Vec<_> = folded.iter().map(PartitionState::service).collect();
    let live: Vec<_> = driver.states().collect();
    assert_eq!(live.len(), PARTITIONS as usize);
    assert_eq!(digests(&of_the_log).unwrap(), digests(&live).unwrap());
}
