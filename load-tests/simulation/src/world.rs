//! The bank, and time: carries out the steps of a plan.

use std::collections::BTreeMap;

use tributary_contracts::{
    codec,
    topics::{ALL, Kind},
};
use tributary_stream::memory::{BrokerError, MemoryBroker};

use crate::{
    cast::{Cast, Part},
    clients::Clients,
    judge::{Found, Judge},
    plan::{Step, Trouble},
    process::{Acted, Follow, Process, Role, Snapshots},
    read_model::ReadModel,
    story::{BEGINNING_MS, Story},
};

/// Partitions of every topic, as on the local stack.
pub const PARTITIONS: i32 = tributary_contracts::topics::LOCAL_PARTITIONS;

/// While time passes, those who run are seen to run at least this often, milliseconds: well within a session.
const BEAT_MS: i64 = 2_000;

/// Actions in which a bank without trouble comes to rest, or never will.
const REST_ACTIONS_MAX: u64 = 60_000;

/// What passes while everybody acts once on the way to rest, milliseconds: the workers' shortest pause.
const REST_MS: i64 = 20;

/// Longer than an analyst may take and than any hold stands, milliseconds. Timers that are known make a bank at rest wait
/// for them; this finds those that were forgotten.
const LONG_MS: i64 = 60 * 60 * 60 * 1000;

/// Dead letters that a client can cause. Any other is the bank's own mistake.
const NONSENSE: [&str; 3] = ["TYPE_UNKNOWN", "TYPE_MISSING", "MALFORMED"];

struct Slot {
    process: Box<dyn Process>,
    /// Index of its service.
    part: usize,
    role: Role,
    /// Until then it stands still, milliseconds since the epoch.
    paused_until: i64,
    /// Was replaced by another of its names, and doesn't know.
    zombie: bool,
    /// It had nothing to do the last time, and nothing has happened since.
    idle: bool,
}

/// What is counted, by name.
pub(crate) type Counts = BTreeMap<&'static str, u64>;

pub(crate) struct World {
    broker: MemoryBroker,
    parts: [Part; 3],
    slots: Vec<Slot>,
    followers: Vec<Box<dyn Follow>>,
    snapshots: Snapshots,
    clients: Clients,
    read_model: ReadModel,
    judge: Judge,
    pub(crate) story: Story,
    pub(crate) struck: Counts,
    /// Actions that processes took, in and out of the plan.
    pub(crate) actions: u64,
}

/// The end of a run before its end.
pub(crate) type Broken = Box<Found>;

impl From<BrokerError> for Box<Found> {
    fn from(error: BrokerError) -> Self {
        broken("LOG_UNREADABLE", error.to_string())
    }
}

fn broken(code: &'static str, what: String) -> Broken {
    Box::new(Found {
        invariant: None,
        code,
        what,
    })
}

impl World {
    /// A bank with accounts and nothing under way.
    pub(crate) fn open(cast: &Cast, instances: u32, story: Story) -> Result<Self, Broken> {
        let broker = MemoryBroker::new(ALL, PARTITIONS);
        broker.set_time(BEGINNING_MS);
        let parts = cast.parts();
        let mut slots = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            for partition in 0..PARTITIONS {
                broker
                    .commit_offset(part.names.service, partition, 0)
                    .map_err(Broken::from)?;
            }
            for instance in 0..instances {
                let role = Role {
                    instance: format!("i{instance}"),
                };
                slots.push(Slot {
                    process: (part.start)(&broker, role.clone(), part.wrap),
                    part: index,
                    role,
                    paused_until: 0,
                    zombie: false,
                    idle: false,
                });
            }
        }
        let mut world = Self {
            clients: Clients::new(&broker).map_err(|why| broken("SIMULATION_BROKEN", why))?,
            read_model: ReadModel::new(cast.view),
            followers: parts.iter().map(|part| (part.follow)()).collect(),
            snapshots: Snapshots::default(),
            judge: Judge::new(),
            struck: Counts::new(),
            actions: 0,
            broker,
            parts,
            slots,
            story,
        };
        world
            .story
            .heading(|| format!("{instances} of each service; the accounts are opened"));
        world.clients.open_accounts(&mut world.story)?;
        world.come_to_rest()?;
        Ok(world)
    }

    pub(crate) fn step(&mut self, number: u32, step: &Step) -> Result<(), Broken> {
        match step {
            Step::Act { process, trouble } => {
                if let Some(slot) = self.awake(*process) {
                    self.heading(number, slot);
                    let acted = self.act(slot, *trouble)?;
                    self.judge()?;
                    match acted.idle {
                        true => self.slots[slot].idle = true,
                        false => self.wake(),
                    }
                }
                return Ok(());
            }
            Step::Send {
                wish,
                delay_ms,
                twice,
                acknowledged,
            } => {
                self.story.heading(|| format!("#{number} a client"));
                let copies = if *twice { 2 } else { 1 };
                self.count_if(*twice, "commands sent twice");
                self.count_if(*delay_ms > 0, "commands delayed");
                self.count_if(!acknowledged, "acknowledgements lost");
                self.clients
                    .wish(number, wish, *delay_ms, copies, *acknowledged, &mut self.story)?;
            }
            Step::SendAgain { which } => {
                self.story.heading(|| format!("#{number} a client, again"));
                if self.clients.again(*which, &mut self.story)? {
                    self.count("commands sent again");
                }
            }
            Step::Wait { ms } => {
                self.story.heading(|| format!("#{number} {ms} ms pass"));
                self.pass(*ms)?;
            }
            Step::Crash { process } => {
                let slot = self.any(*process);
                self.heading(number, slot);
                self.count("crashes between actions");
                self.over(slot, "is killed");
            }
            Step::Pause { process, ms } => {
                let slot = self.any(*process);
                self.heading(number, slot);
                self.count("processes paused");
                self.pause(slot, *ms);
            }
            Step::Away { service, ms } => {
                let part = *service as usize % self.parts.len();
                let name = self.parts[part].names.service;
                self.story
                    .heading(|| format!("#{number} {name} goes away for {ms} ms"));
                self.count("services away");
                for slot in 0..self.slots.len() {
                    if self.slots[slot].part == part {
                        self.pause(slot, *ms);
                    }
                }
            }
            Step::Replace { process } => self.replace(number, *process),
            Step::Expel { process } => {
                let slot = self.any(*process);
                self.heading(number, slot);
                let (service, member) = self.member(slot);
                self.broker.expel(service, &member);
                self.count("members expelled");
                self.tell(|| "is thrown out of its group".to_owned());
            }
            Step::Project { dies } => {
                self.story.heading(|| format!("#{number} the read model"));
                self.project(*dies)?;
            }
            Step::Snapshot { service } => {
                let part = *service as usize % self.parts.len();
                let name = self.parts[part].names.service;
                self.story.heading(|| format!("#{number} snapshots of {name}"));
                self.followers[part]
                    .follow(&self.broker, &self.snapshots)
                    .map_err(|why| broken("FOLLOWER_STOPPED", format!("{name}: {why}")))?;
                self.count("snapshots");
            }
        }
        self.wake();
        self.judge()
    }

    /// Something happened that may give anybody something to do.
    fn wake(&mut self) {
        for slot in &mut self.slots {
            slot.idle = false;
        }
    }

    /// Everything that still has to happen happens, without further trouble, until nothing is left to happen.
    pub(crate) fn come_to_rest(&mut self) -> Result<(), Broken> {
        self.slots.retain(|slot| !slot.zombie);
        for slot in &mut self.slots {
            slot.paused_until = 0;
            slot.process.calm();
        }
        let until = self.actions + REST_ACTIONS_MAX;
        while self.actions < until {
            self.clients.arrive(&mut self.story)?;
            let (mut idle, mut wakes): (bool, Option<i64>) = (true, None);
            for slot in 0..self.slots.len() {
                self.story.heading(|| "rest".to_owned());
                let name = self.slots[slot].process.name();
                self.tell(|| name);
                let acted = self.act(slot, None)?;
                idle &= acted.idle;
                wakes = earlier(wakes, acted.wakes_ms);
                self.judge()?;
            }
            if !idle {
                self.broker.advance(REST_MS);
                continue;
            }
            let open = !self.broker.open_transactions().is_empty() || self.broker.delayed_commits() > 0;
            let soon = open.then(|| self.broker.time() + 500);
            match earlier(earlier(soon, wakes), self.clients.next_arrival()) {
                None => return Ok(()),
                Some(next) => {
                    let ms = (next - self.broker.time()).max(1);
                    self.broker.advance_with_beats(ms);
                }
            }
        }
        Err(broken(
            "NO_REST",
            format!("after {REST_ACTIONS_MAX} actions without trouble something still happens"),
        ))
    }

    /// Judges a bank at rest, after so long that every deadline and every hold is over.
    pub(crate) fn judge_at_rest(&mut self) -> Result<(), Broken> {
        self.broker.advance_with_beats(LONG_MS);
        self.come_to_rest()?;
        self.project(false)?;
        self.judge.finish(&self.broker)?;
        self.found()?;
        self.check_acknowledged()?;
        self.check_dead_letters()
    }

    /// What was committed, by event type.
    pub(crate) fn events(&self) -> Result<BTreeMap<String, u64>, Broken> {
        let mut counts = BTreeMap::new();
        for topic in ALL.iter().filter(|topic| topic.kind == Kind::Events) {
            for partition in 0..PARTITIONS {
                let read = self.broker.read_committed_from(topic.name, partition, 0)?;
                for record in &read.records {
                    *counts
                        .entry(crate::story::kind(&record.headers).to_owned())
                        .or_default() += 1;
                }
            }
        }
        Ok(counts)
    }

    /// Faults of the log that struck, and what else was counted.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = self.struck.clone();
        for (fault, times) in self.broker.faults_struck() {
            *counts.entry(fault).or_default() += times;
        }
        counts.insert("cuts judged", self.judge.cuts);
        counts
    }

    fn act(&mut self, slot: usize, trouble: Option<Trouble>) -> Result<Acted, Broken> {
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
    fn over(&mut self, slot: usize, why: &str) {
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

    fn replace(&mut self, number: u32, process: u32) {
        let slot = self.any(process);
        self.heading(number, slot);
        if self.slots[slot].zombie {
            return self.tell(|| "is not started a third time".to_owned());
        }
        self.count("zombies");
        self.tell(|| "is taken for dead, and another is started under its names".to_owned());
        let part = self.parts[self.slots[slot].part];
        let role = self.slots[slot].role.clone();
        let new = Slot {
            process: (part.start)(&self.broker, role.clone(), part.wrap),
            part: self.slots[slot].part,
            role,
            paused_until: 0,
            zombie: false,
            idle: false,
        };
        let mut old = std::mem::replace(&mut self.slots[slot], new);
        old.zombie = true;
        self.slots.push(old);
    }

    fn pass(&mut self, ms: i64) -> Result<(), Broken> {
        let until = self.broker.time() + ms;
        while self.broker.time() < until {
            self.broker.advance(BEAT_MS.min(until - self.broker.time()));
            let now_ms = self.broker.time();
            for slot in self.slots.iter().filter(|slot| slot.paused_until <= now_ms) {
                slot.process.beat();
            }
            self.clients.arrive(&mut self.story)?;
        }
        self.judge()
    }

    fn pause(&mut self, slot: usize, ms: i64) {
        let until = self.broker.time() + ms;
        let slot = &mut self.slots[slot];
        slot.paused_until = slot.paused_until.max(until);
        self.tell(|| format!("stands still for {ms} ms"));
    }

    fn project(&mut self, dies: bool) -> Result<(), Broken> {
        let events = self.read_model.project(&self.broker, dies);
        self.count_if(dies, "projection killed");
        self.tell(|| match dies {
            true => "dies before its transaction ends".to_owned(),
            false => format!("takes {events} events"),
        });
        // What the projection sees may have been committed since the checker looked.
        self.judge.judge(&self.broker)?;
        let positions = self.judge.ledger_positions();
        match self.read_model.difference(self.judge.check.ledger(), &positions) {
            None => Ok(()),
            Some(what) => Err(Box::new(Found {
                invariant: Some(6),
                code: "READ_MODEL_DIFFERS",
                what,
            })),
        }
    }

    fn judge(&mut self) -> Result<(), Broken> {
        self.judge.judge(&self.broker)?;
        self.found()
    }

    fn found(&self) -> Result<(), Broken> {
        match self.judge.found() {
            None => Ok(()),
            Some(found) => Err(Box::new(found)),
        }
    }

    /// What was acknowledged stands where its client was told. That it was answered is the checker's.
    fn check_acknowledged(&self) -> Result<(), Broken> {
        let mut logs = BTreeMap::new();
        for acknowledged in &self.clients.acknowledged {
            let (topic, partition, offset) =
                (acknowledged.topic, acknowledged.partition, acknowledged.offset);
            let log = match logs.entry((topic, partition)) {
                std::collections::btree_map::Entry::Occupied(log) => log.into_mut(),
                std::collections::btree_map::Entry::Vacant(log) => {
                    let read = self.broker.read_committed_from(topic, partition, 0)?;
                    let ids: BTreeMap<i64, Option<String>> = read
                        .records
                        .iter()
                        .map(|record| {
                            (
                                record.offset,
                                record.headers.text(codec::CE_ID).map(str::to_owned),
                            )
                        })
                        .collect();
                    log.insert(ids)
                }
            };
            if log.get(&offset) != Some(&Some(acknowledged.id.to_string())) {
                return Err(Box::new(Found {
                    invariant: Some(9),
                    code: "ACKNOWLEDGED_LOST",
                    what: format!("command {} @ {topic}/{partition}:{offset}", acknowledged.id),
                }));
            }
        }
        Ok(())
    }

    fn check_dead_letters(&self) -> Result<(), Broken> {
        for topic in ALL.iter().filter(|topic| topic.kind == Kind::DeadLetters) {
            for partition in 0..PARTITIONS {
                let read = self.broker.read_committed_from(topic.name, partition, 0)?;
                for record in &read.records {
                    let code = record.headers.text("dlq_code").unwrap_or("none");
                    if !NONSENSE.contains(&code) {
                        let detail = record.headers.text("dlq_detail").unwrap_or_default();
                        return Err(broken(
                            "DEAD_LETTER_UNEXPECTED",
                            format!("{code}: {detail} @ {}/{partition}:{}", topic.name, record.offset),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn any(&self, process: u32) -> usize {
        process as usize % self.slots.len()
    }

    /// The process of that number, or the next one that has something to do, or at least doesn't stand still.
    fn awake(&self, process: u32) -> Option<usize> {
        let now_ms = self.broker.time();
        let first = self.any(process);
        let runs = |slot: &usize| self.slots[*slot].paused_until <= now_ms;
        let mut turns = (0..self.slots.len()).map(|next| (first + next) % self.slots.len());
        turns
            .clone()
            .find(|slot| runs(slot) && !self.slots[*slot].idle)
            .or_else(|| turns.find(runs))
    }

    fn member(&self, slot: usize) -> (&'static str, String) {
        let slot = &self.slots[slot];
        let service = self.parts[slot.part].names.service;
        (service, format!("{service}-{}-0", slot.role.instance))
    }

    fn heading(&mut self, number: u32, slot: usize) {
        let slot = &self.slots[slot];
        let zombie = if slot.zombie { ", a zombie" } else { "" };
        self.story
            .heading(|| format!("#{number} {}{zombie}", slot.process.name()));
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        self.story.tell(self.broker.time(), line);
    }

    fn count(&mut self, what: &'static str) {
        *self.struck.entry(what).or_default() += 1;
    }

    fn count_if(&mut self, happened: bool, what: &'static str) {
        if happened {
            self.count(what);
        }
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}
