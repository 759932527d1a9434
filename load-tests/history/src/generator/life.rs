//! What customers do, day by day. Proportions and sizes follow the Berka bank's year 1993; all amounts are haler.

use chrono::{Datelike, Days, NaiveDate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{
    Config,
    book::Book,
    order::{Order, PURPOSES, Payee},
};
use crate::{Contra, StandingOrder};

/// Other banks, none of them real.
const BANKS: [&str; 8] = ["AN", "BO", "CE", "DU", "EL", "FA", "GI", "HU"];
const BRANCHES: u32 = 77;
/// From so many on nobody new is paid.
const CONTACTS_MAX: usize = 4;
/// How often somebody is looked for who can pay.
const PAYERS_TRIED: usize = 50;
const STATEMENT_FEE: i64 = 1_460;
/// The smallest amount that is paid: recorded amounts are multiples of it, as the bank rounds to it.
const SMALLEST: i64 = 10;
/// Yearly rates in basis points.
const CREDIT_RATE: i64 = 400;
const DEBIT_RATE: i64 = 1_800;

pub(super) struct Life {
    random: ChaCha8Rng,
    pub(super) plans: Vec<Plan>,
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
pub(super) struct Plan {
    pub(super) owner: usize,
    /// Income by transfer; 0 when the customer lives on cash.
    salary: i64,
    salary_day: u32,
    pub(super) orders: Vec<Order>,
    /// Accounts of others that this one pays, and is paid by, again and again.
    pub(super) contacts: Vec<usize>,
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
        self.open_accounts(book, day);
        let wanted = self.work(book, day);
        for _ in 0..wanted.saturating_sub(book.rows() as u64) {
            if !self.act_until(book, day, wanted) {
                break;
            }
        }
    }

    /// Opens those accounts that there are on this day.
    pub(super) fn open_accounts(&mut self, book: &mut Book, day: u32) {
        while self.plans.len() < self.accounts_by(day) as usize {
            self.open_account(book);
        }
    }

    /// What the bank does by itself on a day. Gives the rows that there should be at its end.
    pub(super) fn work(&mut self, book: &mut Book, day: u32) -> u64 {
        self.card_day(book, day);
        for account in 0..self.plans.len() {
            self.monthly(book, account);
        }
        self.account_days += self.plans.len() as u64;
        self.rows_wanted * self.account_days / self.account_days_in_all.max(1)
    }

    /// Somebody does something, unless there are that many rows already, or nobody is there.
    pub(super) fn act_until(&mut self, book: &mut Book, day: u32, wanted: u64) -> bool {
        let acts = (book.rows() as u64) < wanted && !self.plans.is_empty();
        if acts {
            self.act(book, day);
        }
        acts
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
        let plan = Plan {
            owner,
            salary: if by_transfer {
                self.amount(400_000, 3_000_000)
            } else {
                0
            },
            salary_day: self.random.random_range(1..=28),
            orders: self.monthly_orders(),
            contacts: Vec::new(),
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
        for number in 0..self.plans[account].orders.len() {
            self.carry_out(book, account, number, &bank);
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

    /// Does what an order says, on its day.
    fn carry_out(&mut self, book: &mut Book, account: usize, number: usize, bank: &Contra) {
        let Order {
            purpose, amount, day, ..
        } = self.plans[account].orders[number];
        if day != book.today().day() {
            return;
        }
        let is_covered = book.available(account) >= amount;
        match self.payee(account, number) {
            Payee::OtherBank => {
                // An order that isn't covered is mostly not carried out; the bank lets a few through.
                if is_covered || self.one_in(30) {
                    let kind = format!("transfer/out/{}", purpose.kind);
                    book.post(account, -amount, 0, bank.clone(), &kind);
                }
            }
            Payee::Account(to) if is_covered && book.has_room(account) && book.has_room(to) => {
                drop(book.transfer(account, to, amount));
            }
            Payee::Account(_) | Payee::Firm | Payee::Person => {}
        }
    }

    /// Draws what a new account pays every month.
    fn monthly_orders(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        for purpose in &PURPOSES {
            if self.random.random_range(0..1_000_u32) >= purpose.per_mille {
                continue;
            }
            let stays_here = self.random.random_range(0..1_000_u32) < purpose.here_per_mille;
            orders.push(Order {
                purpose,
                amount: self.amount(purpose.amounts.0, purpose.amounts.1),
                day: self.random.random_range(1..=28),
                payee: if stays_here {
                    purpose.payee
                } else {
                    Payee::OtherBank
                },
            });
        }
        orders
    }

    /// Whom an order pays. It is settled once somebody is there to be paid.
    fn payee(&mut self, account: usize, number: usize) -> Payee {
        let payee = self.plans[account].orders[number].payee;
        let found = match payee {
            Payee::OtherBank | Payee::Account(_) => return payee,
            Payee::Firm => {
                // The first of the bank's accounts are of those whom many pay.
                let firms = self.plans.len().div_ceil(5);
                Some(self.account_below(firms)).filter(|to| self.are_apart(account, *to))
            }
            Payee::Person => self.contact(account),
        };
        let payee = found.map_or(payee, Payee::Account);
        self.plans[account].orders[number].payee = payee;
        payee
    }

    /// Somebody whom the account's owner pays again and again; now and then it is a new one. They pay each other.
    fn contact(&mut self, account: usize) -> Option<usize> {
        let known = self.plans[account].contacts.len();
        if known >= CONTACTS_MAX || (known > 0 && !self.one_in(4)) {
            let which = self.random.random_range(0..u32::try_from(known).unwrap_or(1)) as usize;
            return Some(self.plans[account].contacts[which]);
        }
        let new = Some(self.any_account()).filter(|new| self.are_apart(account, *new))?;
        for (one, other) in [(account, new), (new, account)] {
            let contacts = &mut self.plans[one].contacts;
            if !contacts.contains(&other) {
                contacts.push(other);
            }
        }
        Some(new)
    }

    /// Whether they are accounts of two customers.
    pub(super) fn are_apart(&self, one: usize, other: usize) -> bool {
        self.plans[one].owner != self.plans[other].owner
    }

    /// The orders between accounts of the bank, as they are in force now.
    pub(super) fn orders(&mut self, book: &Book, source: &str) -> Vec<StandingOrder> {
        let mut orders = Vec::new();
        for account in 0..self.plans.len() {
            for number in 0..self.plans[account].orders.len() {
                let Payee::Account(to) = self.payee(account, number) else {
                    continue;
                };
                let Order {
                    purpose, amount, day, ..
                } = self.plans[account].orders[number];
                orders.push(StandingOrder {
                    order: format!("{source}/order/{}", orders.len() + 1),
                    account: book.name(account).to_owned(),
                    to: book.name(to).to_owned(),
                    amount,
                    symbol: purpose.symbol.map(str::to_owned),
                    day: u8::try_from(day).unwrap_or(1),
                });
            }
        }
        orders
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
        let to = self.contact(account);
        match (to, self.affordable(book, account, 500_000)) {
            (Some(to), Some(amount)) if book.has_room(to) => drop(book.transfer(account, to, amount)),
            _ => self.deposit(book, account),
        }
    }

    /// Somebody pays somebody; false when nobody is found who can.
    pub(super) fn pay_somebody(&mut self, book: &mut Book) -> bool {
        for _ in 0..PAYERS_TRIED {
            let account = self.any_account();
            let to = self.contact(account);
            if let (Some(to), Some(amount)) = (to, self.affordable(book, account, 500_000))
                && book.has_room(account)
                && book.has_room(to)
            {
                drop(book.transfer(account, to, amount));
                return true;
            }
        }
        false
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
        self.account_below(self.plans.len())
    }

    fn account_below(&mut self, accounts: usize) -> usize {
        // Drawn as 32 bits, so that the same seed gives the same account on every machine.
        let accounts = u32::try_from(accounts).unwrap_or(u32::MAX);
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
