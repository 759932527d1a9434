//! Time: it passes while processes run or stand still, leaps to where something is due, and comes to its end.

use tributary_payments_domain::calendar;

use super::{Broken, World, broken};
use crate::plan::{Leap, Model};

/// While time passes, those who run are seen to run at least this often, milliseconds: well within a session.
const BEAT_MS: i64 = 2_000;

/// Actions in which a bank without trouble comes to rest, or never will.
const REST_ACTIONS_MAX: u64 = 60_000;

/// What passes while everybody acts once on the way to rest, milliseconds: the workers' shortest pause.
const REST_MS: i64 = 20;

/// Longer than an analyst may take and than any hold stands, milliseconds. Timers that are known make a bank at rest wait
/// for them; this finds those that were forgotten.
const LONG_MS: i64 = 60 * 60 * 60 * 1000;

/// In so long a bank without trouble has done all that doesn't wait for a person or a day, milliseconds.
const SETTLED_MS: i64 = 10 * 60 * 1000;

/// So long before a cut-off all that was due earlier is done, milliseconds.
const EVE_MS: i64 = 2_000;

impl World {
    /// Time passes, whoever is able to beats meanwhile.
    pub(super) fn pass(&mut self, ms: i64) -> Result<(), Broken> {
        self.advance(self.broker.time() + ms)?;
        self.judge()
    }

    fn advance(&mut self, until: i64) -> Result<(), Broken> {
        while self.broker.time() < until {
            self.broker.advance(BEAT_MS.min(until - self.broker.time()));
            let now_ms = self.broker.time();
            for slot in self.slots.iter().filter(|slot| slot.paused_until <= now_ms) {
                slot.process.beat();
            }
            self.clients.arrive(&mut self.story)?;
        }
        Ok(())
    }

    /// Everything that still has to happen happens, without further trouble, until nothing is left to happen.
    pub(super) fn come_to_rest(&mut self) -> Result<(), Broken> {
        self.calm();
        self.go_on(None)
    }

    /// Nothing strikes any more, nobody stands still, and who was replaced is gone.
    fn calm(&mut self) {
        self.slots.retain(|slot| !slot.zombie);
        for slot in &mut self.slots {
            slot.paused_until = 0;
            slot.process.calm();
        }
    }

    /// What has to happen until then happens, without further trouble but what waits already; without an end, all.
    fn go_on(&mut self, until: Option<i64>) -> Result<(), Broken> {
        let actions_max = self.actions + REST_ACTIONS_MAX;
        while self.actions < actions_max {
            self.clients.arrive(&mut self.story)?;
            if until.is_some_and(|until| self.broker.time() >= until) {
                return Ok(());
            }
            let (idle, wakes) = self.everybody_acts()?;
            if !idle {
                self.broker.advance(REST_MS);
                continue;
            }
            let now_ms = self.broker.time();
            let open = !self.broker.open_transactions().is_empty() || self.broker.delayed_commits() > 0;
            let soon = open.then_some(now_ms + 500);
            let next = [soon, wakes, self.clients.next_arrival(), until]
                .into_iter()
                .flatten();
            let Some(next) = next.min() else { return Ok(()) };
            let next = next.max(now_ms + 1);
            match self.slots.iter().any(|slot| slot.paused_until > now_ms) {
                // Who stands still isn't seen.
                true => self.advance(next)?,
                false => self.broker.advance_with_beats(next - now_ms),
            }
        }
        Err(broken(
            "NO_REST",
            format!("after {REST_ACTIONS_MAX} actions without trouble something still happens"),
        ))
    }

    /// Whoever doesn't stand still acts once. Whether nobody had anything to do, and when the next has.
    fn everybody_acts(&mut self) -> Result<(bool, Option<i64>), Broken> {
        let (mut idle, mut wakes): (bool, Option<i64>) = (true, None);
        let mut slot = 0;
        while slot < self.slots.len() {
            let paused_until = self.slots[slot].paused_until;
            if paused_until > self.broker.time() {
                wakes = earlier(wakes, Some(paused_until));
                slot += 1;
                continue;
            }
            self.story.heading(|| "rest".to_owned());
            let name = self.slots[slot].process.name();
            self.tell(|| name);
            let processes = self.slots.len();
            let acted = self.act(slot, None)?;
            idle &= acted.idle;
            wakes = earlier(wakes, acted.wakes_ms);
            self.judge()?;
            // A zombie that is gone has left its place to the next.
            slot += usize::from(self.slots.len() == processes);
        }
        Ok((idle, wakes))
    }

    /// To a cut-off, when what waits for its day is due: what comes of that is the plan's again.
    pub(super) fn leap(&mut self, leap: &Leap) -> Result<(), Broken> {
        let cut_off = self.cut_off(leap)?;
        let until = cut_off + leap.past_ms;
        self.count("leaps of time");
        self.count_if(leap.asleep, "cut-offs overslept");
        if !leap.asleep {
            self.go_on(Some(until.min(cut_off - EVE_MS)))?;
        }
        let left_ms = until - self.broker.time();
        if left_ms > 0 {
            self.broker.advance_with_beats(left_ms);
        }
        self.clients.arrive(&mut self.story)?;
        Ok(())
    }

    fn cut_off(&self, leap: &Leap) -> Result<i64, Broken> {
        let now_ms = self.broker.time();
        let [euro, koruna] = calendar::ALL;
        let calendar = if leap.euro { euro } else { koruna };
        let days = calendar
            .day_of(now_ms)
            .into_iter()
            .flat_map(|day| day.iter_days());
        let business_days = days.filter(|day| calendar.is_business_day(*day));
        business_days
            .map(|day| calendar.cut_off_ms(day))
            .filter(|cut_off| *cut_off > now_ms)
            .nth(leap.cut_offs.saturating_sub(1))
            .ok_or_else(|| broken("SIMULATION_BROKEN", "there is no further day".to_owned()))
    }

    /// A service is away for so long that it is given up by whoever asks it. `resumes`: an operator then lets go on what was
    /// quarantined, and this names the occasion.
    pub(super) fn outage(&mut self, part: usize, ms: i64, resumes: Option<String>) -> Result<(), Broken> {
        self.count("outages");
        self.pause_all(part, ms);
        self.go_on(Some(self.broker.time() + ms))?;
        match resumes {
            Some(occasion) => self.resume_quarantined(&occasion),
            None => Ok(()),
        }
    }

    /// An operator lets go on what stands in the read model as quarantined.
    fn resume_quarantined(&mut self, occasion: &str) -> Result<(), Broken> {
        self.project(Model::Payments, false)?;
        let quarantined = self.payments.rows.quarantined();
        self.count_if(!quarantined.is_empty(), "quarantines found by an operator");
        self.clients.resume_all(occasion, &quarantined, &mut self.story)?;
        Ok(())
    }

    /// The plan is over: what is under way comes to its end, who has an order without an end cancels it, what was quarantined
    /// goes on. Then the bank at rest is judged, after so long that every deadline and every hold is over.
    pub(crate) fn close(&mut self) -> Result<(), Broken> {
        self.count_due();
        self.calm();
        // An order's cut-off may pass just when it is to be cancelled, but not twice in so short a time.
        for round in 0..2 {
            self.go_on(Some(self.broker.time() + SETTLED_MS))?;
            self.story
                .heading(|| "the end: orders without an end are cancelled".to_owned());
            self.clients.cancel_endless_orders(round, &mut self.story)?;
        }
        self.come_to_rest()?;
        self.story
            .heading(|| "the end: what was quarantined goes on".to_owned());
        self.resume_quarantined("end")?;
        self.come_to_rest()?;
        self.broker.advance_with_beats(LONG_MS);
        self.come_to_rest()?;
        self.judge_at_rest()
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}
