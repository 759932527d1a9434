//! A history that is ready to be replayed.

use std::path::Path;

use crate::{
    Header, HistoryRow, StandingOrder,
    berka::{self, Berka},
    fault::{BadRow, HistoryError, Parked, Position},
    format::{self, StoredHistory, Writer},
    statistics::{Statistics, Sums, Tally},
};

/// Rows, what is wrong with the source, and what the rows add up to.
#[derive(Debug)]
pub struct History {
    pub header: Header,
    /// Rows of the source that nothing is made of, by file and line.
    pub bad: Vec<BadRow>,
    /// Rows of the source that stand behind a bad one of their account, by file and line.
    pub parked: Vec<Parked>,
    /// Rows that several files of the source hold alike, beyond the first.
    pub overlaps: u64,
    /// Of the rows that [`History::rows`] gives, and the number of the orders.
    pub statistics: Statistics,
    /// Standing orders that are in force at the end.
    pub orders: Vec<StandingOrder>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Berka(Berka),
    Stored(StoredHistory),
    Rows(Vec<HistoryRow>),
}

/// Opens a directory of published `.asc` files, or a file of this crate's format (`.jsonl`, `.jsonl.zst`), and checks
/// all of it.
///
/// # Errors
/// When there is no history at all. What is wrong with single rows is in [`History::bad`].
pub fn open_history(path: &Path) -> Result<History, HistoryError> {
    if !path.exists() {
        return Err(HistoryError::MissingFile(path.to_owned()));
    }
    if path.is_dir() {
        let reading = berka::read(path)?;
        let mut history = History::of(reading.header, Content::Berka(reading.berka))?;
        (history.bad, history.parked) = (reading.bad, reading.parked);
        history.overlaps = reading.overlaps;
        return Ok(history);
    }
    let checked = format::check(path)?;
    let mut history = History::of(checked.header, Content::Stored(checked.history))?;
    (history.bad, history.parked) = (checked.bad, checked.parked);
    Ok(history.with_orders(checked.orders))
}

impl History {
    /// A history of rows that are known to be sound.
    pub(crate) fn from_rows(header: Header, rows: Vec<HistoryRow>) -> Self {
        let mut tally = Tally::default();
        rows.iter().for_each(|row| tally.add(row));
        let statistics = tally.finish();
        Self {
            statistics,
            ..Self::unread(header, Content::Rows(rows))
        }
    }

    fn of(header: Header, content: Content) -> Result<Self, HistoryError> {
        let history = Self::unread(header, content);
        let mut tally = Tally::default();
        for row in history.rows()? {
            tally.add(&row?);
        }
        let statistics = tally.finish();
        Ok(Self {
            statistics,
            ..history
        })
    }

    /// The same with standing orders that are in force at its end.
    pub(crate) fn with_orders(mut self, orders: Vec<StandingOrder>) -> Self {
        self.statistics.orders = orders.len() as u64;
        self.orders = orders;
        self
    }

    fn unread(header: Header, content: Content) -> Self {
        let statistics = Statistics::default();
        Self {
            header,
            bad: Vec::new(),
            parked: Vec::new(),
            overlaps: 0,
            statistics,
            orders: Vec::new(),
            content,
        }
    }

    /// Whether nothing is wrong with the source.
    pub fn is_sound(&self) -> bool {
        self.bad.is_empty() && self.parked.is_empty()
    }

    /// The sums in the history's main currency.
    pub fn sums(&self) -> Sums {
        self.statistics.sums_in(self.header.currency)
    }

    /// The rows in the order in which to replay them: by day, and each account's by sequence.
    ///
    /// # Errors
    /// When the history is read from a file that can't be read any more, or has changed since it was opened.
    pub fn rows(&self) -> Result<Rows<'_>, HistoryError> {
        Ok(Box::new(self.located_rows()?.map(|row| Ok(row?.1))))
    }

    /// [`Self::rows`], each with the line that it comes from; an opening with that of the account's first row. None where
    /// the history isn't read from a file.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn located_rows(&self) -> Result<LocatedRows<'_>, HistoryError> {
        Ok(match &self.content {
            Content::Berka(berka) => Box::new(berka.rows().map(|(position, row)| Ok((Some(position), row)))),
            Content::Stored(stored) => {
                let rows = stored.rows()?;
                Box::new(rows.map(|row| row.map(|(position, row)| (Some(position), row))))
            }
            Content::Rows(rows) => Box::new(rows.iter().cloned().map(|row| Ok((None, row)))),
        })
    }

    /// Writes rows and orders to a file of this crate's format.
    ///
    /// # Errors
    /// When the file can't be written, or as [`Self::rows`].
    pub fn write_to(&self, path: &Path) -> Result<(), HistoryError> {
        let mut writer = Writer::create(path, &self.header)?;
        for row in self.rows()? {
            writer.write(&row?)?;
        }
        for order in &self.orders {
            writer.write_order(order)?;
        }
        writer.finish()
    }
}

/// Iterator over a history's rows.
pub type Rows<'a> = Box<dyn Iterator<Item = Result<HistoryRow, HistoryError>> + 'a>;

/// Iterator over a history's rows and where they stand.
pub type LocatedRows<'a> =
    Box<dyn Iterator<Item = Result<(Option<Position>, HistoryRow), HistoryError>> + 'a>;
