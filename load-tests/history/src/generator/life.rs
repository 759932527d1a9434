//! What customers do, day by day. Proportions and sizes follow the Berka bank's year 1993; all amounts are haler.

use chrono::{Datelike, Days, NaiveDate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Config, book::Book};
use crate::Contra;

/// Other banks, none of them real.
const BANKS: [&str; 8] = ["AN", "BO", "CE", "DU", "EL", "FA", "GI", "HU"];
const BRANCHES: u32 = 77;
const STATEMENT_FEE: i64 = 1_460;
/// The smallest amount that is paid: recorded amounts are multiples of it, as the bank rounds to it.
const SMALLEST: i64 = 10;
/// Yearly rates in basis points.
const CREDIT_RATE: i64 = 400;
const DEBIT_RATE: i64 = 1_800;

pub(super) struct Life {
    random: ChaCha8Rng,
    plans: Vec<Plan>,
    open_holds: Vec<CardHold>,
    /// Rows to be spread over the days; the burst of a month's end on the last day comes on top.
    rows_wanted: u64,
    accounts_wanted: u32,
    days: u32,
    /// Accounts times days, so far and in all.
    account_days: u64,
    account_days_in_all: u64,
}

/// What comes every month.
struct Plan {
    owner: usize,
    /// Income by transfer; 0 when the customer lives on cash.
    salary: i64,
    salary_day: u32,
    /// Rent by standing order; 0 for none.
    rent: i64,
    rent_day: u32,
    insurance: i64,
    pays_fee: bool,
    bank: usize,
}

/// A hold and the day on which the merchant comes for it.
struct CardHold {
    account: usize,
    hold: u64,
    due: u32,
    bank: usize,
}

impl Life {
    pub(super) fn new(random: ChaCha8Rng, config: &Config) -> Self {
        let mut life = Self {
            random,
            plans: Vec::new(),
            open_holds: Vec::new(),
            rows_wanted: u64::from(config.rows).saturating_sub(last_burst(config)),
            accounts_wanted: config.accounts,
            days: config.days,
            account_days: 0,
            account_days_in_all: 0,
        };
        life.account_days_in_all = (0..config.days).map(|day| u64::from(life.accounts_by(day))).sum();
        life
    }

    /// How many accounts there are at the end of a day.
    fn accounts_by(&self, day: u32) -> u32 {
        let growing_days = u64::from((self.days * 3 / 4).max(1));
        let opened = u64::from(self.accounts_wanted) * (u64::from(day) + 1) / growing_days;
        u32::try_from(opened)
            .unwrap_or(u32::MAX)
            .clamp(self.accounts_wanted.min(1), self.accounts_wanted)
    }

    /// One day of everybody's life.
    pub(super) fn live(&mut self, book: &mut Book, day: u32) {
        while self.plans.len() < self.accounts_by(day) as usize {
            self.open_account(book);
        }
        self.card_day(book, day);
        for account in 0..self.plans.len() {
            self.monthly(book, account);
        }
        self.account_days += self.plans.len() as u64;
        let wanted = self.rows_wanted * self.account_days / self.account_days_in_all.max(1);
        let missing = wanted.saturating_sub(book.rows() as u64);
        for _ in 0..missing {
            if book.rows() as u64 >= wanted || self.plans.is_empty() {
                break;
            }
            self.act(book, day);
        }
    }

    fn open_account(&mut self, book: &mut Book) {
        let number = self.plans.len();
        // Every tenth account is the second one of a customer.
        let owner = if number % 10 == 9 {
            self.plans[number - 1].owner
        } else {
            number
        };
        let by_transfer = self.one_in(2);
        let has_rent = self.one_in(2);
        let insured = self.one_in(9);
        let plan = Plan {
            owner,
            salary: if by_transfer {
                self.amount(400_000, 3_000_000)
            } else {
                0
            },
            salary_day: self.random.random_range(1..=28),
            rent: if has_rent { self.amount(50_000, 700_000) } else { 0 },
            rent_day: self.random.random_range(1..=28),
            insurance: if insured { self.amount(3_000, 90_000) } else { 0 },
            pays_fee: self.one_in(2),
            bank: self.bank(),
        };
        let branch = self.random.random_range(1..=BRANCHES);
        let account = book.open(owner, branch);
        self.plans.push(plan);
        let deposit = self.amount(20_000, 150_000);
        book.post(account, deposit, 0, Contra::Cash, "cash/deposit");
    }

    fn monthly(&mut self, book: &mut Book, account: usize) {
        let today = book.today();
        let plan = &self.plans[account];
        let bank = bank_contra(plan.bank);
        if plan.salary > 0 && today.day() == plan.salary_day {
            book.post(account, plan.salary, 0, bank.clone(), "transfer/in/salary");
        }
        let due = [
            (plan.rent, plan.rent_day, "rent"),
            (plan.insurance, 12, "insurance"),
        ];
        for (amount, day, what) in due {
            // An order that isn't covered is mostly not carried out; the bank lets a few through.
            if amount > 0 && day == today.day() && (book.available(account) >= amount || self.one_in(30)) {
                book.post(account, -amount, 0, bank.clone(), &format!("transfer/out/{what}"));
            }
        }
        if today
            .succ_opt()
            .is_none_or(|tomorrow| tomorrow.month() != today.month())
        {
            self.month_end(book, account);
        }
    }

    fn month_end(&mut self, book: &mut Book, account: usize) {
        let balance = book.balance(account);
        if balance < 0 {
            let penalty = (-balance * DEBIT_RATE / 120_000 / SMALLEST + 1) * SMALLEST;
            book.post(account, -penalty, 0, Contra::PenaltyInterest, "interest/penalty");
        } else {
            let interest = balance * CREDIT_RATE / 120_000 / SMALLEST * SMALLEST;
            // The bank computes with more decimals than it records.
            let rounding = match self.random.random_range(0..50_u32) {
                0..=3 => SMALLEST,
                4..=10 => -SMALLEST,
                _ => 0,
            };
            if interest > SMALLEST {
                book.post(account, interest, rounding, Contra::InterestPaid, "interest");
            }
        }
        if self.plans[account].pays_fee {
            book.post(account, -STATEMENT_FEE, 0, Contra::Fee, "fee/statement");
        }
    }

    /// Something that somebody does of his own will.
    fn act(&mut self, book: &mut Book, day: u32) {
        let account = self.any_account();
        if !book.has_room(account) {
            return;
        }
        match self.random.random_range(0..100_u32) {
            0..=24 => self.deposit(book, account),
            25..=54 => self.withdraw(book, account),
            55..=66 => self.pay_out(book, account),
            67..=79 => self.transfer(book, account),
            80..=95 => self.pay_by_card(book, account, day),
            96..=98 => {
                if !book.reverse(account) {
                    self.deposit(book, account);
                }
            }
            _ => self.overdraw(book, account),
        }
    }

    fn deposit(&mut self, book: &mut Book, account: usize) {
        let amount = self.amount(10_000, 2_500_000);
        book.post(account, amount, 0, Contra::Cash, "cash/deposit");
    }

    fn withdraw(&mut self, book: &mut Book, account: usize) {
        match self.affordable(book, account, 1_500_000) {
            Some(amount) => book.post(account, -amount, 0, Contra::Cash, "cash/withdrawal"),
            None => self.deposit(book, account),
        }
    }

    fn pay_out(&mut self, book: &mut Book, account: usize) {
        let bank = self.bank();
        match self.affordable(book, account, 800_000) {
            Some(amount) => book.post(account, -amount, 0, bank_contra(bank), "transfer/out"),
            None => self.deposit(book, account),
        }
    }

    fn transfer(&mut self, book: &mut Book, account: usize) {
        let to = self.any_account();
        match self.affordable(book, account, 500_000) {
            Some(amount) if to != account && book.has_room(to) => book.transfer(account, to, amount),
            _ => self.deposit(book, account),
        }
    }

    fn pay_by_card(&mut self, book: &mut Book, account: usize, day: u32) {
        let Some(amount) = self.affordable(book, account, 200_000) else {
            return self.deposit(book, account);
        };
        let hold = book.reserve(account, amount);
        let due = day + self.random.random_range(1..=5_u32);
        let bank = self.bank();
        self.open_holds.push(CardHold {
            account,
            hold,
            due,
            bank,
        });
    }

    /// A debit that the bank books though the money isn't there.
    fn overdraw(&mut self, book: &mut Book, account: usize) {
        let bank = self.bank();
        let amount = book.available(account).max(0) + self.amount(1_000, 60_000);
        book.post(account, -amount, 0, bank_contra(bank), "transfer/out/returned");
    }

    /// Merchants come for what is held for them: for all of it, for a part, or they let it go.
    fn card_day(&mut self, book: &mut Book, day: u32) {
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open_holds)
            .into_iter()
            .partition(|hold| hold.due <= day);
        self.open_holds = later;
        for CardHold {
            account, hold, bank, ..
        } in due
        {
            let held = book.held(account, hold);
            let part = (held / 3 / SMALLEST * SMALLEST).max(1);
            match self.random.random_range(0..100_u32) {
                _ if part == held => book.settle(account, hold, held, bank_contra(bank)),
                0..=4 => book.release(account, hold),
                5..=14 => {
                    book.settle(account, hold, held - part, bank_contra(bank));
                    book.release(account, hold);
                }
                15..=24 => {
                    book.settle(account, hold, part, bank_contra(bank));
                    let due = day + self.random.random_range(1..=3_u32);
                    self.open_holds.push(CardHold {
                        account,
                        hold,
                        due,
                        bank,
                    });
                }
                _ => book.settle(account, hold, held, bank_contra(bank)),
            }
        }
    }

    /// An amount of at most `max` that the account can pay; None when it has next to nothing.
    fn affordable(&mut self, book: &Book, account: usize, max: i64) -> Option<i64> {
        let most = book.available(account).min(max);
        (most >= 2_000).then(|| self.amount(1_000, most))
    }

    /// Between `min` and `max`, a multiple of the smallest amount, more often small than large.
    fn amount(&mut self, min: i64, max: i64) -> i64 {
        let steps = min / SMALLEST..=max / SMALLEST;
        let draws = [
            self.random.random_range(steps.clone()),
            self.random.random_range(steps),
        ];
        draws[0].min(draws[1]) * SMALLEST
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.random.random_range(0..chances) == 0
    }

    fn any_account(&mut self) -> usize {
        // Drawn as 32 bits, so that the same seed gives the same account on every machine.
        let accounts = u32::try_from(self.plans.len()).unwrap_or(u32::MAX);
        self.random.random_range(0..accounts) as usize
    }

    fn bank(&mut self) -> usize {
        self.random.random_range(0..8_u32) as usize
    }
}

fn ends_month(day: NaiveDate) -> bool {
    day.succ_opt()
        .is_none_or(|tomorrow| tomorrow.month() != day.month())
}

/// About how many rows the last day has because a month ends on it: interest for all, the fee for every other one.
fn last_burst(config: &Config) -> u64 {
    let last = config
        .start
        .checked_add_days(Days::new(u64::from(config.days.saturating_sub(1))));
    if last.is_none_or(ends_month) {
        u64::from(config.accounts) * 3 / 2
    } else {
        0
    }
}

fn bank_contra(bank: usize) -> Contra {
    Contra::Bank(BANKS[bank].to_owned())
}
