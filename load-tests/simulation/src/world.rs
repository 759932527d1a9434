//! The bank: carries out the steps of a plan.

mod judging;
mod processes;
mod time;

use std::collections::BTreeMap;

use tributary_accounts::projection::LedgerRows;
use tributary_contracts::topics::{ALL, Kind};
use tributary_payments::projection::PaymentsRows;
use tributary_stream::memory::{BrokerError, MemoryBroker};

use self::processes::Slot;
use crate::{
    cast::{Cast, Part},
    clients::Clients,
    judge::{Found, Judge},
    plan::{Plan, Step},
    read_model::ReadModel,
    snapshots::{Follow, Snapshots},
    story::Story,
};

/// Partitions of every topic, as on the local stack.
pub const PARTITIONS: i32 = tributary_contracts::topics::LOCAL_PARTITIONS;

/// What is counted, by name.
pub(crate) type Counts = BTreeMap<&'static str, u64>;

pub(crate) struct World {
    broker: MemoryBroker,
    parts: [Part; 6],
    slots: Vec<Slot>,
    followers: Vec<Box<dyn Follow>>,
    snapshots: Snapshots,
    clients: Clients,
    ledger: ReadModel<LedgerRows>,
    payments: ReadModel<PaymentsRows>,
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
    pub(crate) fn open(cast: &Cast, plan: &Plan, story: Story) -> Result<Self, Broken> {
        let broker = MemoryBroker::new(ALL, PARTITIONS);
        broker.set_time(plan.begins_ms());
        let instances = plan.instances;
        let parts = cast.parts();
        let mut slots = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            for partition in 0..PARTITIONS {
                broker
                    .commit_offset(part.name, partition, 0)
                    .map_err(Broken::from)?;
            }
            let instances = 0..instances;
            slots.extend(instances.map(|instance| Slot::start(&broker, parts[index], index, instance)));
        }
        let not_simulated = |why| broken("SIMULATION_BROKEN", why);
        let mut world = Self {
            clients: Clients::new(&broker).map_err(not_simulated)?,
            ledger: ReadModel::new(cast.ledger_view),
            payments: ReadModel::new(cast.payments_view),
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
        world
            .clients
            .open_accounts(&mut world.story)
            .map_err(not_simulated)?;
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
                let name = self.parts[part].name;
                self.story
                    .heading(|| format!("#{number} {name} goes away for {ms} ms"));
                self.count("services away");
                self.pause_all(part, *ms);
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
            Step::Project { model, dies } => {
                self.story
                    .heading(|| format!("#{number} the read model, {model:?}"));
                self.project(*model, *dies)?;
            }
            Step::Leap(leap) => {
                self.story
                    .heading(|| format!("#{number} time leaps to a cut-off"));
                self.leap(leap)?;
            }
            Step::Outage { service, ms, resumed } => {
                let part = *service as usize % self.parts.len();
                let name = self.parts[part].name;
                self.story
                    .heading(|| format!("#{number} {name} is away for {ms} ms, which pass"));
                self.outage(part, *ms, resumed.then(|| format!("step/{number}")))?;
            }
            Step::Snapshot { service } => {
                let part = *service as usize % self.parts.len();
                let name = self.parts[part].name;
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
