//! The processes of the bank's services, as they start, act, are replaced and die.

use tributary_stream::memory::MemoryBroker;

use super::{Broken, World, broken};
use crate::{
    cast::Part,
    plan::Trouble,
    process::{Acted, Process, Role},
};

pub(super) struct Slot {
    pub(super) process: Box<dyn Process>,
    /// Index of its service.
    pub(super) part: usize,
    role: Role,
    /// Until then it stands still, milliseconds since the epoch.
    pub(super) paused_until: i64,
    /// Was replaced by another of its names, and doesn't know.
    pub(super) zombie: bool,
    /// It had nothing to do the last time, and nothing has happened since.
    pub(super) idle: bool,
}

impl Slot {
    pub(super) fn start(broker: &MemoryBroker, of: Part, part: usize, instance: u32) -> Self {
        let instance = format!("i{instance}");
        Self::of_role(broker, of, part, Role { instance })
    }

    fn of_role(broker: &MemoryBroker, of: Part, part: usize, role: Role) -> Self {
        Self {
            process: (of.start)(broker, role.clone(), of.wrap),
            part,
            role,
            paused_until: 0,
            zombie: false,
            idle: false,
        }
    }
}

impl World {
    pub(super) fn act(&mut self, slot: usize, trouble: Option<Trouble>) -> Result<Acted, Broken> {
        self.actions += 1;
        let acted = self.slots[slot]
            .process
            .act(trouble, &self.snapshots, &mut self.story);
        if let Some(ended) = acted.ended {
            self.count(ended);
        }
        self.count_if(acted.rebalanced, "assignments");
        if let Some((partition, why)) = self.slots[slot].process.stopped() {
            let name = self.slots[slot].process.name();
            return Err(broken(
                "PARTITION_STOPPED",
                format!("{name} gives up partition {partition}: {why}"),
            ));
        }
        if let Some(why) = &acted.died {
            self.over(slot, why);
        }
        Ok(acted)
    }

    /// The process is no more. Another takes its place, unless that is taken.
    pub(super) fn over(&mut self, slot: usize, why: &str) {
        self.tell(|| format!("{why}: it is no more"));
        if self.slots[slot].zombie {
            self.slots.remove(slot);
            self.count("zombies gone");
            return;
        }
        let part = self.parts[self.slots[slot].part];
        let role = self.slots[slot].role.clone();
        self.slots[slot].process = (part.start)(&self.broker, role, part.wrap);
        self.slots[slot].paused_until = 0;
    }

    pub(super) fn replace(&mut self, number: u32, process: u32) {
        let slot = self.any(process);
        self.heading(number, slot);
        if self.slots[slot].zombie {
            return self.tell(|| "is not started a third time".to_owned());
        }
        self.count("zombies");
        self.tell(|| "is taken for dead, and another is started under its names".to_owned());
        let part = self.parts[self.slots[slot].part];
        let role = self.slots[slot].role.clone();
        let new = Slot::of_role(&self.broker, part, self.slots[slot].part, role);
        let mut old = std::mem::replace(&mut self.slots[slot], new);
        old.zombie = true;
        self.slots.push(old);
    }

    pub(super) fn pause(&mut self, slot: usize, ms: i64) {
        let until = self.broker.time() + ms;
        let slot = &mut self.slots[slot];
        slot.paused_until = slot.paused_until.max(until);
        self.tell(|| format!("stands still for {ms} ms"));
    }

    /// All processes of a service stand still.
    pub(super) fn pause_all(&mut self, part: usize, ms: i64) {
        for slot in 0..self.slots.len() {
            if self.slots[slot].part == part {
                self.pause(slot, ms);
            }
        }
    }

    pub(super) fn any(&self, process: u32) -> usize {
        process as usize % self.slots.len()
    }

    /// The process of that number, or the next one that has something to do, or at least doesn't stand still.
    pub(super) fn awake(&self, process: u32) -> Option<usize> {
        let now_ms = self.broker.time();
        let first = self.any(process);
        let runs = |slot: &usize| self.slots[*slot].paused_until <= now_ms;
        let mut turns = (0..self.slots.len()).map(|next| (first + next) % self.slots.len());
        turns
            .clone()
            .find(|slot| runs(slot) && !self.slots[*slot].idle)
            .or_else(|| turns.find(runs))
    }

    pub(super) fn member(&self, slot: usize) -> (&'static str, String) {
        let slot = &self.slots[slot];
        let service = self.parts[slot.part].name;
        (service, format!("{service}-{}-0", slot.role.instance))
    }

    pub(super) fn heading(&mut self, number: u32, slot: usize) {
        let slot = &self.slots[slot];
        let zombie = if slot.zombie { ", a zombie" } else { "" };
        self.story
            .heading(|| format!("#{number} {}{zombie}", slot.process.name()));
    }
}
