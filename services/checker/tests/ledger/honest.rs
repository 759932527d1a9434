//! Random honest histories, read in random order, have no violation.

use proptest::prelude::*;
use tributary_checker::{Findings, Invariant};

use crate::bank::{Bank, Hold};

/// Something that happens; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Happening {
    Open {
        partition: bool,
        opening: i64,
    },
    Credit {
        account: usize,
        amount: i64,
    },
    Debit {
        account: usize,
        amount: i64,
        forced: bool,
    },
    Import {
        account: usize,
        amount: i64,
    },
    Block {
        account: usize,
    },
    Transfer {
        from: usize,
        to: usize,
        amount: i64,
        refused: bool,
    },
    Reserve {
        account: usize,
        amount: i64,
        expires: bool,
    },
    Adjust {
        hold: usize,
    },
    Settle {
        hold: usize,
        whole: bool,
    },
    Release {
        hold: usize,
    },
    Timer {
        hold: usize,
        early: bool,
    },
    Reverse {
        account: usize,
        amount: i64,
    },
    Duplicate {
        account: usize,
    },
    DeadLetter {
        account: usize,
    },
    CloseDay {
        partition: bool,
    },
    NextDay,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    let amount = 1..50_000_i64;
    let place = 0..16_usize;
    prop_oneof![
        2 => (any::<bool>(), -500..5_000_i64).prop_map(|(partition, opening)| H::Open { partition, opening }),
        4 => (place.clone(), amount.clone()).prop_map(|(account, amount)| H::Credit { account, amount }),
        4 => (place.clone(), amount.clone(), any::<bool>())
            .prop_map(|(account, amount, forced)| H::Debit { account, amount, forced }),
        2 => (place.clone(), amount.clone()).prop_map(|(account, amount)| H::Import { account, amount }),
        1 => place.clone().prop_map(|account| H::Block { account }),
        4 => (place.clone(), place.clone(), amount.clone(), any::<bool>())
            .prop_map(|(from, to, amount, refused)| H::Transfer { from, to, amount, refused }),
        4 => (place.clone(), 2..5_000_i64, any::<bool>())
            .prop_map(|(account, amount, expires)| H::Reserve { account, amount, expires }),
        1 => place.clone().prop_map(|hold| H::Adjust { hold }),
        3 => (place.clone(), any::<bool>()).prop_map(|(hold, whole)| H::Settle { hold, whole }),
        2 => place.clone().prop_map(|hold| H::Release { hold }),
        2 => (place.clone(), any::<bool>()).prop_map(|(hold, early)| H::Timer { hold, early }),
        1 => (place.clone(), amount).prop_map(|(account, amount)| H::Reverse { account, amount }),
        1 => place.clone().prop_map(|account| H::Duplicate { account }),
        1 => place.prop_map(|account| H::DeadLetter { account }),
        1 => any::<bool>().prop_map(|partition| H::CloseDay { partition }),
        1 => Just(H::NextDay),
    ]
}

/// An honest bank's life.
#[derive(Default)]
struct Life {
    bank: Bank,
    rows: u64,
    closed: [bool; 2],
}

impl Life {
    fn happens(&mut self, happening: Happening) {
        use Happening as H;
        let accounts = self.bank.accounts();
        let of = |index: usize| accounts.get(index % accounts.len().max(1)).copied();
        match happening {
            H::Open { partition, opening } => {
                // What is closed books into the next day; the tiny bank waits for it instead.
                self.open_books();
                self.bank.open(i32::from(partition), opening);
            }
            H::NextDay => self.open_books(),
            H::CloseDay { partition } => {
                if !std::mem::replace(&mut self.closed[usize::from(partition)], true) {
                    self.bank.close_day(i32::from(partition));
                }
            }
            H::Adjust { hold } | H::Settle { hold, .. } | H::Release { hold } | H::Timer { hold, .. } => {
                self.open_books();
                self.hold_happens(hold, &happening);
            }
            H::Credit { account, .. }
            | H::Debit { account, .. }
            | H::Import { account, .. }
            | H::Block { account }
            | H::Reserve { account, .. }
            | H::Reverse { account, .. }
            | H::Duplicate { account }
            | H::DeadLetter { account }
            | H::Transfer { from: account, .. } => {
                self.open_books();
                if let Some(id) = of(account) {
                    let other = match happening {
                        H::Transfer { to, .. } => of(to),
                        _ => None,
                    };
                    self.account_happens(id, other, &happening);
                }
            }
        }
    }

    fn open_books(&mut self) {
        if std::mem::take(&mut self.closed) != [false; 2] {
            self.bank.tomorrow();
        }
    }

    fn account_happens(
        &mut self,
        id: tributary_ids::AccountId,
        other: Option<tributary_ids::AccountId>,
        happening: &Happening,
    ) {
        use Happening as H;
        let bank = &mut self.bank;
        match *happening {
            H::Credit { amount, .. } => drop(bank.credit(id, amount)),
            H::Debit { amount, forced, .. } => drop(bank.debit(id, amount, forced)),
            H::Import { amount, .. } => {
                self.rows += 3;
                bank.import(id, amount, self.rows);
            }
            H::Block { .. } => drop(bank.block(id)),
            H::Reserve { amount, expires, .. } => {
                let expires_at = expires.then_some(bank.now + 1_000);
                bank.reserve(id, amount, expires_at);
            }
            H::Reverse { amount, .. } => {
                let original = bank.credit(id, amount);
                bank.debit(id, 1, true);
                bank.reverse(id, original, amount);
            }
            H::Duplicate { .. } => drop(bank.duplicate_last(id, 5)),
            H::DeadLetter { .. } => drop(bank.dead_letter(id)),
            H::Transfer { amount, refused, .. } => match other {
                Some(to) if to != id && refused => drop(bank.transfer_refused(id, to, amount)),
                Some(to) if to != id => drop(bank.transfer(id, to, amount)),
                _ => {}
            },
            _ => {}
        }
    }

    fn hold_happens(&mut self, index: usize, happening: &Happening) {
        let bank = &mut self.bank;
        let count = bank.holds.len().max(1);
        let Some((&id, hold)) = bank.holds.iter().nth(index % count) else {
            return;
        };
        let Hold {
            account,
            open,
            expires_at,
        } = hold.clone();
        match *happening {
            Happening::Adjust { .. } if open > 1 => drop(bank.adjust(id, open - 1)),
            Happening::Settle { whole, .. } if !bank.is_blocked(account) => {
                let amount = if whole { open } else { (open / 2).max(1) };
                bank.settle(id, amount, index.is_multiple_of(2));
            }
            Happening::Release { .. } => drop(bank.release(id)),
            Happening::Timer { early, .. } => {
                if let Some(due) = expires_at {
                    if !early {
                        bank.now = bank.now.max(due);
                    }
                    bank.timer_due(account, id, due);
                    if !bank.holds.contains_key(&id) {
                        bank.timer_due(account, id, due);
                    }
                }
            }
            _ => {}
        }
    }
}

fn no_violation(findings: &Findings) -> Result<(), TestCaseError> {
    let told: Vec<String> = findings.violations().iter().map(ToString::to_string).collect();
    prop_assert!(told.is_empty(), "{told:#?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.min(192), ..ProptestConfig::default() })]

    #[test]
    fn a_random_honest_history_read_in_any_order_has_no_violation(
        happenings in proptest::collection::vec(happening(), 1..120),
        picks in proptest::collection::vec(0..6_usize, 1..40),
    ) {
        let mut life = Life::default();
        for happening in happenings {
            life.happens(happening);
        }
        let mut picks = picks.into_iter().cycle();
        let cut = life.bank.cut();
        let findings = life.bank.check_in_order(|_| picks.next().unwrap(), &cut);
        no_violation(&findings)?;
        let inputs: usize = life.bank.inbox.iter().map(Vec::len).sum();
        let dead: usize = life.bank.dead_letters.iter().map(Vec::len).sum();
        prop_assert_eq!(findings.checked(Invariant::Consumed), (inputs + dead) as u64);
    }
}
