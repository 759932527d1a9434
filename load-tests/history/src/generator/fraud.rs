//! Fraud among the payments of a generated history: incidents of a few kinds, each with its victims, its payees and its times.
//! What an honest customer does goes on beside it, with times of day as well, some of it at night.

use std::collections::{BTreeMap, HashMap};

use chrono::Days;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Attempt, Config, NextDay, book::Book, life::Life, order::Payee};
use crate::{ConfirmedBy, FraudLabel, HistoryRow, Scenario};

/// Raised when the same wish comes to other frauds than before.
pub(super) const GENERATION: &str = "first generation";

/// How much fraud there is to be among the payments between accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FraudWanted {
    /// That many payments, or as many as there are victims for.
    Payments(u32),
    /// That many of 10,000 payments, at most [`Self::BASIS_POINTS_MAX`].
    BasisPoints(u32),
}

impl FraudWanted {
    /// Beyond that nobody would call it a bank.
    pub const BASIS_POINTS_MAX: u32 = 5_000;
}

/// Seconds of the day at which the bank carries out what is due, and people get up.
const MORNING_S: u32 = 7 * 3_600;
/// Until when people pay, but for those who are awake at night.
const EVENING_S: u32 = 23 * 3_600;
/// Of the acts of a day, one in so many is done in the night before.
const NIGHT_ACTS: u64 = 25;
/// Least that a victim has, in haler: less is not worth the trouble.
const WORTHWHILE: i64 = 300_000;
/// How often somebody is looked for, and how often on a day an incident is tried.
const TRIES: usize = 30;
/// Days for which a victim is left alone: the card is blocked, the password changed.
const SPARED_DAYS: u32 = 45;

/// A kind of incident: how many of 100 payments are to be of it, by the scenario that it begins with.
#[derive(Clone, Copy)]
struct Kind {
    scenario: Scenario,
    weight: u64,
    plan: fn(&mut Fraudsters, &Life, &Book, u32),
}

/// A fan-in brings about two thirds as many payments of a fan-out.
const KINDS: [Kind; 4] = [
    Kind {
        scenario: Scenario::CardNotPresent,
        weight: 35,
        plan: Fraudsters::card_not_present,
    },
    Kind {
        scenario: Scenario::AccountTakeOver,
        weight: 20,
        plan: Fraudsters::take_over,
    },
    Kind {
        scenario: Scenario::CompromisedPayee,
        weight: 20,
        plan: Fraudsters::compromised_payee,
    },
    Kind {
        scenario: Scenario::MuleFanIn,
        weight: 15,
        plan: Fraudsters::mules,
    },
];

pub(super) struct Fraudsters {
    random: ChaCha8Rng,
    wanted: u32,
    /// The first day with an incident: before, nobody has a habit that a fraud could break.
    first_day: u32,
    days: u32,
    /// By day, what is still to be done.
    planned: BTreeMap<u32, Vec<Planned>>,
    /// Until which day an account is no victim again.
    spared: BTreeMap<usize, u32>,
    labels: Vec<FraudLabel>,
    acts_yesterday: u64,
}

/// A payment that a fraudster is going to make.
#[derive(Clone, Debug)]
struct Planned {
    second: u32,
    from: usize,
    to: usize,
    amount: Amount,
    scenario: Scenario,
    /// Days until it is known.
    known_after: u32,
}

#[derive(Clone, Copy, Debug)]
enum Amount {
    /// Haler.
    Fixed(i64),
    /// Of what is there.
    Percent(i64),
}

impl Fraudsters {
    pub(super) fn new(seed: u64, config: &Config, wanted: u32) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Apart from what honest people draw.
        random.set_stream(1);
        Self {
            random,
            wanted,
            first_day: config.days / 4,
            days: config.days,
            planned: BTreeMap::new(),
            spared: BTreeMap::new(),
            labels: Vec::new(),
            acts_yesterday: 0,
        }
    }

    /// What was done, in order of the days; what comes is labelled anew.
    pub(super) fn take_labels(&mut self) -> Vec<FraudLabel> {
        std::mem::take(&mut self.labels)
    }

    /// What is wanted on the day after the last, as the book takes it.
    pub(super) fn attempts(
        &mut self,
        life: &mut Life,
        book: &mut Book,
        day: u32,
        next: NextDay,
    ) -> Vec<Attempt> {
        // It is a day like others, of which as much is due at once.
        (self.wanted, self.first_day, self.days) = (next.frauds, day, day + 1);
        self.planned.clear();
        self.plan(life, book, day);
        let planned = self.planned.remove(&day).unwrap_or_default();
        let mut events: Vec<(u32, Option<Planned>)> = planned
            .into_iter()
            .map(|planned| (planned.second, Some(planned)))
            .collect();
        for _ in 0..next.honest {
            events.push((self.random.random_range(MORNING_S..EVENING_S), None));
        }
        events.sort_by_key(|(second, _)| *second);
        for (second, planned) in events {
            book.set_clock(second);
            match planned {
                Some(planned) => self.defraud(book, &planned),
                None => drop(life.pay_somebody(book)),
            }
        }
        let scenarios: HashMap<String, Scenario> = self
            .take_labels()
            .into_iter()
            .map(|label| (label.payment, label.scenario))
            .collect();
        let attempt = |row| match row {
            HistoryRow::Transfer(transfer) => Some(Attempt {
                scenario: scenarios.get(&transfer.payment).copied(),
                transfer,
            }),
            _ => None,
        };
        book.take_rows().into_iter().filter_map(attempt).collect()
    }

    /// One day of everybody's life, the fraudsters' too.
    pub(super) fn live(&mut self, life: &mut Life, book: &mut Book, day: u32) {
        book.set_clock(0);
        life.open_accounts(book, day);
        self.plan(life, book, day);
        let (night, by_day): (Vec<_>, Vec<_>) = self
            .planned
            .remove(&day)
            .unwrap_or_default()
            .into_iter()
            .partition(|planned| planned.second < MORNING_S);
        let owls = self.acts_yesterday / NIGHT_ACTS;
        let until = book.rows() as u64 + owls + night.len() as u64;
        self.pass(life, book, (day, 0..MORNING_S), night, (owls, until));
        book.set_clock(MORNING_S);
        let wanted = life.work(book, day);
        let acts = wanted.saturating_sub(book.rows() as u64);
        self.pass(life, book, (day, MORNING_S..EVENING_S), by_day, (acts, wanted));
        self.acts_yesterday = acts;
    }

    /// Lets a part of a day pass, with what fraudsters do in it and so many acts of others, or until there are enough rows.
    fn pass(
        &mut self,
        life: &mut Life,
        book: &mut Book,
        (day, seconds): (u32, std::ops::Range<u32>),
        planned: Vec<Planned>,
        (acts, wanted): (u64, u64),
    ) {
        let mut events: Vec<(u32, Option<Planned>)> = planned
            .into_iter()
            .map(|planned| (planned.second, Some(planned)))
            .collect();
        for _ in 0..acts {
            events.push((self.random.random_range(seconds.clone()), None));
        }
        events.sort_by_key(|(second, _)| *second);
        for (second, planned) in events {
            book.set_clock(second);
            match planned {
                Some(planned) => self.defraud(book, &planned),
                None => drop(life.act_until(book, day, wanted)),
            }
        }
    }

    fn defraud(&mut self, book: &mut Book, planned: &Planned) {
        let Planned { from, to, .. } = *planned;
        let available = book.available(from);
        let amount = match planned.amount {
            Amount::Fixed(amount) => amount.min(available),
            Amount::Percent(percent) => available / 100 * percent,
        };
        // Whole crowns.
        let amount = amount / 100 * 100;
        if amount < 10_000 || self.labels.len() >= self.wanted as usize {
            return;
        }
        if !book.has_room(from) || !book.has_room(to) {
            return;
        }
        let Some(confirmed) = book
            .today()
            .checked_add_days(Days::new(planned.known_after.into()))
        else {
            return;
        };
        self.labels.push(FraudLabel {
            payment: book.transfer(from, to, amount),
            scenario: planned.scenario,
            confirmed,
            by: match planned.scenario {
                Scenario::CardNotPresent | Scenario::CompromisedPayee => ConfirmedBy::Chargeback,
                Scenario::AccountTakeOver | Scenario::MuleFanIn | Scenario::MuleFanOut => {
                    ConfirmedBy::Analyst
                }
            },
        });
    }

    /// Begins as many incidents as are due by the end of the day.
    fn plan(&mut self, life: &Life, book: &Book, day: u32) {
        if day < self.first_day || self.days <= self.first_day {
            return;
        }
        let passed = u64::from(day - self.first_day) + 1;
        let due = u64::from(self.wanted) * passed / u64::from(self.days - self.first_day);
        for _ in 0..TRIES {
            let planned: usize = self.planned.values().map(Vec::len).sum();
            if (self.labels.len() + planned) as u64 >= due {
                return;
            }
            let mut kinds = KINDS;
            kinds.sort_by_key(|kind| self.payments_of(kind.scenario) * 100 / kind.weight);
            // Not everything can be done on every day: then what comes next.
            for kind in kinds {
                (kind.plan)(self, life, book, day);
                if self.planned.values().map(Vec::len).sum::<usize>() > planned {
                    break;
                }
            }
        }
    }

    /// Payments of a scenario that are made or planned.
    fn payments_of(&self, scenario: Scenario) -> u64 {
        let made = self.labels.iter().map(|label| label.scenario);
        let planned = self.planned.values().flatten().map(|planned| planned.scenario);
        made.chain(planned).filter(|of| *of == scenario).count() as u64
    }

    /// A stolen card number: payments of small to middling size, minutes apart, to shops where the customer never was.
    fn card_not_present(&mut self, life: &Life, book: &Book, day: u32) {
        let Some(victim) = self.victim(life, book, day) else {
            return;
        };
        let shops: Vec<usize> = (0..3).filter_map(|_| self.stranger(life, victim, 0)).collect();
        if shops.is_empty() {
            return;
        }
        let payments = self.random.random_range(5..=9_usize);
        let mut second = self.random.random_range(MORNING_S..EVENING_S - 3_600);
        let known_after = self.random.random_range(2..=12);
        for number in 0..payments {
            let amount = Amount::Fixed(self.random.random_range(20_000..=150_000));
            let to = shops[number % shops.len()];
            self.add(
                day,
                second,
                (victim, to),
                amount,
                Scenario::CardNotPresent,
                known_after,
            );
            second += self.random.random_range(40..=240_u32);
        }
    }

    /// A payee whom many pay is tampered with: for weeks those who paid it before pay it again, and didn't want to.
    fn compromised_payee(&mut self, life: &Life, book: &Book, day: u32) {
        let Some((payee, payers)) = self.payee_with_payers(life) else {
            return;
        };
        let days = self.random.random_range(14..=28_u32).min(self.days - day);
        for day in day..day + days {
            if !self.random.random_range(0..10_u32).is_multiple_of(2) {
                continue;
            }
            let payer = payers[self.below(payers.len())];
            if book.available(payer) < WORTHWHILE / 3 {
                continue;
            }
            let second = self.random.random_range(MORNING_S..EVENING_S);
            let amount = Amount::Fixed(self.random.random_range(50_000..=300_000));
            let known_after = self.random.random_range(1..=7);
            self.add(
                day,
                second,
                (payer, payee),
                amount,
                Scenario::CompromisedPayee,
                known_after,
            );
        }
    }

    /// Somebody else signs in at night and sends most of what is there to somebody new.
    fn take_over(&mut self, life: &Life, book: &Book, day: u32) {
        let Some(victim) = self.victim(life, book, day) else {
            return;
        };
        let Some(mule) = self.stranger(life, victim, life.plans.len() * 2 / 3) else {
            return;
        };
        let second = self.random.random_range(3_600..5 * 3_600);
        let percent = Amount::Percent(self.random.random_range(50..=90));
        let known_after = self.random.random_range(1..=5);
        let pair = (victim, mule);
        self.add(day, second, pair, percent, Scenario::AccountTakeOver, known_after);
        if self.random.random_range(0..3_u32) == 0 {
            let again = second + self.random.random_range(60..=600_u32);
            self.add(day, again, pair, percent, Scenario::AccountTakeOver, known_after);
        }
    }

    /// A new account collects what several victims were talked into, and sends it on the same day.
    fn mules(&mut self, life: &Life, book: &Book, day: u32) {
        let newest = life.plans.len() * 2 / 3;
        let Some(first) = self.victim(life, book, day) else {
            return;
        };
        let Some(mule) = self.stranger(life, first, newest) else {
            return;
        };
        let mut victims = vec![first];
        for _ in 0..self.random.random_range(2..=5_u32) {
            let more = self.victim(life, book, day);
            victims.extend(more.filter(|more| life.are_apart(*more, mule) && !victims.contains(more)));
        }
        let amount = self.random.random_range(150_000..=280_000_i64);
        let known_after = self.random.random_range(2..=8);
        let mut second = self.random.random_range(9 * 3_600..13 * 3_600);
        for victim in victims {
            let amount = Amount::Fixed(amount / 100 * self.random.random_range(85..=115_i64));
            self.add(
                day,
                second,
                (victim, mule),
                amount,
                Scenario::MuleFanIn,
                known_after,
            );
            second += self.random.random_range(300..=3_600_u32);
        }
        let mut second = second.max(19 * 3_600);
        for _ in 0..self.random.random_range(2..=4_u32) {
            if let Some(next) = self.stranger(life, mule, newest) {
                let share = Amount::Percent(self.random.random_range(35..=55));
                self.add(
                    day,
                    second,
                    (mule, next),
                    share,
                    Scenario::MuleFanOut,
                    known_after,
                );
                second += self.random.random_range(120..=900_u32);
            }
        }
    }

    fn add(
        &mut self,
        day: u32,
        second: u32,
        (from, to): (usize, usize),
        amount: Amount,
        scenario: Scenario,
        known_after: u32,
    ) {
        self.planned.entry(day).or_default().push(Planned {
            second: second.min(24 * 3_600 - 1),
            from,
            to,
            amount,
            scenario,
            known_after,
        });
    }

    /// Somebody with money who was left alone lately.
    fn victim(&mut self, life: &Life, book: &Book, day: u32) -> Option<usize> {
        for _ in 0..TRIES {
            let account = self.below(life.plans.len());
            let is_spared = self.spared.get(&account).is_some_and(|until| day < *until);
            if !is_spared && book.available(account) >= WORTHWHILE && book.has_room(account) {
                self.spared.insert(account, day + SPARED_DAYS);
                return Some(account);
            }
        }
        None
    }

    /// Another customer's account, opened as the `from`th or later, that the account's owner never paid by himself.
    fn stranger(&mut self, life: &Life, account: usize, from: usize) -> Option<usize> {
        for _ in 0..TRIES {
            let other = from + self.below(life.plans.len().saturating_sub(from));
            let plan = life.plans.get(account)?;
            let pays = |order: &super::order::Order| order.payee == Payee::Account(other);
            let is_known = plan.contacts.contains(&other) || plan.orders.iter().any(pays);
            if other < life.plans.len() && life.are_apart(account, other) && !is_known {
                return Some(other);
            }
        }
        None
    }

    /// Somebody who is paid by several others, and those.
    fn payee_with_payers(&mut self, life: &Life) -> Option<(usize, Vec<usize>)> {
        for _ in 0..TRIES {
            let payee = self.below(life.plans.len().div_ceil(5));
            let payers: Vec<usize> = (0..life.plans.len())
                .filter(|account| {
                    let plan = &life.plans[*account];
                    let pays = |order: &super::order::Order| order.payee == Payee::Account(payee);
                    plan.contacts.contains(&payee) || plan.orders.iter().any(pays)
                })
                .collect();
            if payers.len() >= 3 {
                return Some((payee, payers));
            }
        }
        None
    }

    /// A number below `count`, 0 where there is none.
    fn below(&mut self, count: usize) -> usize {
        // Drawn as 32 bits, so that the same seed gives the same on every machine.
        match u32::try_from(count) {
            Ok(0) => 0,
            Ok(count) => self.random.random_range(0..count) as usize,
            Err(_) => self.random.random_range(0..u32::MAX) as usize,
        }
    }
}
