use std::fmt;

use serde::{Deserialize, Serialize};

use crate::DAY_S;

/// A rule by name. Names and versions stand in alerts and stay what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    Structuring,
    FanIn,
    Cycle,
    DormantWake,
}

impl Rule {
    pub const ALL: [Self; 4] = [Self::Structuring, Self::FanIn, Self::Cycle, Self::DormantWake];

    /// Goes up with every change of what the rule finds, its defaults included.
    pub fn version(self) -> u16 {
        match self {
            Self::Structuring | Self::FanIn | Self::DormantWake => 1,
            // Told once within its window, however many ways lead along its accounts.
            Self::Cycle => 2,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Structuring => "structuring",
            Self::FanIn => "fan-in",
            Self::Cycle => "cycle",
            Self::DormantWake => "dormant-wake",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the rules go by. `docs/laundering.md` says where each figure comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub structuring: Structuring,
    pub fan_in: FanIn,
    pub cycle: Cycle,
    pub dormant_wake: DormantWake,
}

/// An account sends several payments that each stay just below the amount from which payments are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structuring {
    /// From this amount on payments are reported, in minor units.
    pub reported_from_minor: i64,
    /// How near below that an amount counts: from this share of it on.
    pub near_percent: i64,
    /// This many such payments...
    pub payments_min: usize,
    /// ...within this time are an alert.
    pub window_s: i64,
}

impl Default for Structuring {
    fn default() -> Self {
        Self {
            reported_from_minor: 1_000_000,
            near_percent: 80,
            payments_min: 3,
            window_s: 7 * DAY_S,
        }
    }
}

/// Several accounts each send one account similar amounts in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanIn {
    /// Amounts within this share of the larger one are similar.
    pub amount_percent: i64,
    /// A payer pays in parts when this many of its payments...
    pub parts_min: usize,
    /// ...lie within this time.
    pub parts_within_s: i64,
    /// This many payers...
    pub payers_min: usize,
    /// ...within this time are an alert.
    pub window_s: i64,
}

impl Default for FanIn {
    fn default() -> Self {
        Self {
            amount_percent: 50,
            parts_min: 2,
            parts_within_s: DAY_S,
            payers_min: 3,
            window_s: 90 * DAY_S,
        }
    }
}

/// Money comes back to where it came from, by way of other accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// All amounts of a cycle lie within this share of the largest.
    pub amount_percent: i64,
    /// Accounts of a cycle, least and most. Two that pay one another are no cycle.
    pub accounts_min: usize,
    pub accounts_max: usize,
    /// How many accounts a probe goes on to from one account, those paid at the nearest times.
    pub fan_out_max: usize,
    /// How many accounts one search may go on to in all: where everybody pays everybody it ends early.
    pub probes_max: u32,
    /// Of one account so many cycles are told within the window, of other accounts each. Further ones say nothing new.
    pub told_max: usize,
    /// From the first payment of a cycle to its last.
    pub window_s: i64,
    /// How much longer than that an account remembers what it sent: a search may come so much later than the payments that it is
    /// for, as where a log of months is read within minutes and accounts are at different places of it.
    pub late_s: i64,
}

impl Default for Cycle {
    fn default() -> Self {
        Self {
            amount_percent: 5,
            accounts_min: 3,
            accounts_max: 6,
            fan_out_max: 8,
            probes_max: 256,
            told_max: 8,
            window_s: 120 * DAY_S,
            late_s: 240 * DAY_S,
        }
    }
}

/// An account that had gone quiet gets money and sends it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DormantWake {
    /// Dormant is an account without payments for this long, after it had some.
    pub quiet_s: i64,
    /// After the first payment money has this long to go through.
    pub window_s: i64,
    /// What has to come in at least, in minor units.
    pub received_min_minor: i64,
    /// The share of that which has to go out.
    pub passed_on_percent: i64,
}

impl Default for DormantWake {
    fn default() -> Self {
        Self {
            quiet_s: 90 * DAY_S,
            window_s: 7 * DAY_S,
            received_min_minor: 10_000,
            passed_on_percent: 80,
        }
    }
}

impl Rules {
    /// The same for amounts in a currency of that many decimals: the defaults are for two.
    #[must_use]
    pub fn for_decimals(mut self, decimals: u32) -> Self {
        for limit in [
            &mut self.structuring.reported_from_minor,
            &mut self.dormant_wake.received_min_minor,
        ] {
            *limit = match decimals {
                0..2 => *limit / 10_i64.pow(2 - decimals),
                _ => limit.saturating_mul(10_i64.saturating_pow(decimals - 2)),
            };
        }
        self
    }

    /// How long an account has to remember what it sent.
    pub(crate) fn sent_window_s(&self) -> i64 {
        (self.cycle.window_s + self.cycle.late_s)
            .max(self.structuring.window_s)
            .max(self.dormant_wake.window_s)
    }

    /// How long an account has to remember what it received.
    pub(crate) fn received_window_s(&self) -> i64 {
        self.fan_in.window_s.max(self.dormant_wake.window_s)
    }
}
