//! What all requests share.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::{Semaphore, watch};
use tributary_contracts::codec::Message;
use tributary_pii::Vault;

use crate::Limits;
use crate::log::{SendError, Sender, Tail};
use crate::position::{Position, Positions};
use crate::problem::{Code, Problem};
use crate::read::{Model, Progress, ReadModels};
use crate::wish::{self, Wish};

/// How long a read waits for the positions that it must take in.
const REACH_WITHIN: Duration = Duration::from_secs(5);

pub(crate) type Shared = Arc<App>;

pub(crate) struct App {
    pub(crate) brokers: String,
    pub(crate) limits: Limits,
    /// Of every topic.
    pub(crate) partitions: i32,
    pub(crate) models: ReadModels,
    /// None: personal data is neither taken nor shown.
    pub(crate) vault: Option<Vault>,
    pub(crate) progress: Vec<Progress>,
    pub(crate) sender: Sender,
    pub(crate) accounts: Arc<Tail>,
    pub(crate) payments: Arc<Tail>,
    /// Places for clients that listen to events.
    pub(crate) streams: Arc<Semaphore>,
    /// Places for those among them that read the past, each by a reader of its own.
    pub(crate) past: Arc<Semaphore>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// The OpenAPI document.
    pub(crate) document: String,
}

impl App {
    /// Sends a command, and says where it stands in the log. `tail` reads the events of the service that it goes to.
    pub(crate) async fn submit<C: Message>(
        &self,
        tail: &Tail,
        wish: &Wish<'_, C>,
    ) -> Result<Position, Problem> {
        let record = wish
            .record(self.partitions, wish::now())
            .ok_or_else(|| Problem::new(Code::Internal, "the command belongs to no partition"))?;
        let overloaded = |what: &str| Problem::new(Code::Overloaded, what).retry_after(1);
        if tail.lag.of(record.partition) > self.limits.lag_max {
            return Err(overloaded("the service is too far behind its commands"));
        }
        let sent = self.sender.send(&record).await.map_err(|error| match error {
            SendError::Full => overloaded("too many commands are under way"),
            SendError::Unreported | SendError::Fault(_) => {
                tracing::warn!(topic = record.topic, %error, "a command is not known to be in the log");
                let detail = "it may have been written or not: send it again under the same key";
                Problem::new(Code::DeliveryUnconfirmed, detail).retry_after(1)
            }
        })?;
        tail.lag.delivered(sent.partition, sent.offset);
        Ok(sent)
    }

    /// Waits, for a while, until these models have taken in these positions.
    pub(crate) async fn reach(&self, positions: &Positions, models: &[Model]) -> Result<(), Problem> {
        if positions.0.is_empty() {
            return Ok(());
        }
        let refused = |what: &str| {
            Err(Problem::new(
                Code::ParameterInvalid,
                format!("X-Wait-For: {what}"),
            ))
        };
        for (topic, partition) in positions.0.keys() {
            let topic = self.tail_of(topic).map_or(*topic, |tail| tail.topic);
            if !models.iter().any(|model| model.topic == topic) {
                return refused("what is read here doesn't come from that topic");
            }
            if !(0..self.partitions).contains(partition) {
                return refused("there is no such partition");
            }
        }
        let all = join_all(
            positions
                .0
                .iter()
                .map(|((topic, partition), offset)| self.reach_one(topic, *partition, *offset, models)),
        );
        tokio::time::timeout(REACH_WITHIN, all).await.map_err(|_| {
            let detail = format!(
                "it did not come to that position within {} s",
                REACH_WITHIN.as_secs()
            );
            Problem::new(Code::ReadModelBehind, detail).retry_after(1)
        })?;
        Ok(())
    }

    async fn reach_one(&self, topic: &'static str, partition: i32, offset: i64, models: &[Model]) {
        let (topic, offset) = match self.tail_of(topic) {
            None => (topic, offset),
            // A command is taken in when the events that answer it are.
            Some(tail) => {
                let mut next = tail.watch();
                let answered = next.wait_for(|_| tail.lag.is_answered(partition, offset)).await;
                let events = answered.map(|next| next.get(&partition).copied().unwrap_or_default());
                (tail.topic, events.unwrap_or_default() - 1)
            }
        };
        let wanted = |progress: &&Progress| progress.model.topic == topic && models.contains(&progress.model);
        let reached = self.progress.iter().filter(wanted);
        join_all(reached.map(|progress| progress.reach(partition, offset))).await;
    }

    /// Waits until the model has taken in everything that the tail has handed out so far.
    pub(crate) async fn catch_up(&self, tail: &Tail, model: Model) {
        for (partition, next) in tail.next() {
            if next > 0 {
                self.reach_one(tail.topic, partition, next - 1, &[model]).await;
            }
        }
    }

    /// The tail whose service reads this inbox.
    fn tail_of(&self, inbox: &str) -> Option<&Tail> {
        [&self.accounts, &self.payments]
            .into_iter()
            .find(|tail| tail.inbox == inbox)
            .map(Arc::as_ref)
    }
}
