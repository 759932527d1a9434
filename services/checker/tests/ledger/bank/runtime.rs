//! What the runtime answers, and the verdict.

use std::collections::BTreeMap;

use tributary_checker::{Cut, Findings, LedgerCheck};
use tributary_contracts::{
    accounts::{EntryKind, GlAccount, NothingToDo},
    record::Record,
    runtime::{DeadLettered, DuplicateIgnored},
};
use tributary_ids::{AccountId, CommandId};

use super::{Asked, Bank, PARTITIONS, Place};

impl Bank {
    /// Sends the last command of a partition once more; it is ignored.
    pub(crate) fn duplicate_last(&mut self, id: AccountId, amount: i64) -> Place {
        let command_id = CommandId::named(&format!("twice/{}", self.commands));
        self.commands += 1;
        let asked = self.ask_as(command_id, self.credit_command(id, amount));
        let entry = self.entry(id, EntryKind::Credit, amount, GlAccount::CASH);
        self.tell(&asked, entry);
        let again = self.ask_as(command_id, self.credit_command(id, amount));
        let command_type = again.ce_type.clone();
        self.tell_runtime(&again, DuplicateIgnored { command_type })
    }

    pub(crate) fn nothing_to_do(&mut self, asked: &Asked, code: &str) -> Place {
        self.tell(asked, NothingToDo { code: code.into() })
    }

    /// Something that is no command comes to an account's inbox.
    pub(crate) fn dead_letter(&mut self, id: AccountId) -> Place {
        let key = id.to_string();
        let command_id = CommandId::named(&format!("nonsense/{}", self.commands));
        let mut asked = self.put(key.as_bytes(), "accounts.credit.v1", command_id, None, "nonsense");
        let partition = asked.partition as usize;
        let record = self.inbox[partition].last_mut().unwrap();
        record.value = b"{".to_vec();
        let mut dead = record.clone();
        let (number, offset) = (asked.partition.to_string(), asked.offset.to_string());
        dead.headers.push("dlq_origin_topic", b"accounts.inbox");
        dead.headers.push("dlq_origin_partition", number.as_bytes());
        dead.headers.push("dlq_origin_offset", offset.as_bytes());
        dead.offset = self.next_offset(&self.dead_letters[partition]);
        self.dead_letters[partition].push(dead);
        asked.id = CommandId::named(&format!("accounts.inbox/{number}/{offset}"));
        let dead_lettered = DeadLettered {
            code: "MALFORMED".to_owned(),
            detail: String::new(),
            timer: None,
        };
        self.tell_runtime(&asked, dead_lettered)
    }

    /// Offsets that an honest bank has committed: after the last input.
    pub(crate) fn committed(&self) -> BTreeMap<i32, i64> {
        let ends = self
            .inbox
            .iter()
            .map(|log| log.last().map_or(0, |last| last.offset + 1));
        (0..).zip(ends).collect()
    }

    pub(crate) fn cut(&self) -> Cut {
        Cut {
            committed: self.committed(),
            quiescent: true,
            expired_before: None,
            dead_letters_whole: true,
        }
    }

    /// Reads all topics, partition by partition in the order that `pick` chooses among those not yet at their end, and
    /// judges the end.
    pub(crate) fn check_in_order(&self, mut pick: impl FnMut(usize) -> usize, cut: &Cut) -> Findings {
        let mut check = LedgerCheck::new(PARTITIONS);
        let mut logs: Vec<(u8, std::slice::Iter<'_, Record>)> = Vec::new();
        for (topic, of) in [(0, &self.inbox), (1, &self.events), (2, &self.dead_letters)] {
            logs.extend(of.iter().map(|log| (topic, log.iter())));
        }
        while !logs.is_empty() {
            let picked = pick(logs.len()) % logs.len();
            let (topic, log) = &mut logs[picked];
            match (log.next(), topic) {
                (Some(record), 0) => check.observe_inbox(record),
                (Some(record), 1) => check.observe_event(record),
                (Some(record), _) => check.observe_dead_letter(record),
                (None, _) => {
                    drop(logs.swap_remove(picked));
                }
            }
        }
        for (partition, offset) in self.committed() {
            check.inbox_read_to(partition, offset);
        }
        check.finish(cut);
        check.findings().clone()
    }

    /// Reads one topic after the other.
    pub(crate) fn check(&self) -> Findings {
        self.check_in_order(|_| 0, &self.cut())
    }
}
