//! Rows in the text format of PostgreSQL's `COPY`: the fastest way in.

use std::fmt::{self, Write as _};

use chrono::Datelike;
use sqlx::PgConnection;
use tributary_contracts::envelope::BusinessDate;
use uuid::Uuid;

use crate::LoggedEvent;

/// Rows of one table, to be copied.
#[derive(Debug, Default)]
pub struct CopyRows {
    text: String,
}

impl CopyRows {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The next row: [`CopyRow::end`] ends it.
    pub fn row(&mut self) -> CopyRow<'_> {
        CopyRow {
            text: &mut self.text,
            first: true,
        }
    }

    /// Adds the rows to a table, whose name and columns (`a, b, c`) are the caller's own. Without rows, nothing is sent.
    ///
    /// # Errors
    /// The database's: of all rows none is there then.
    pub async fn copy_into(
        &self,
        database: &mut PgConnection,
        table: &str,
        columns: &str,
    ) -> Result<(), sqlx::Error> {
        if self.is_empty() {
            return Ok(());
        }
        let statement = format!("COPY {table} ({columns}) FROM STDIN");
        let mut copy = database.copy_in_raw(&statement).await?;
        copy.send(self.text.as_bytes()).await?;
        copy.finish().await?;
        Ok(())
    }
}

/// A character that PostgreSQL's text can't hold; JSON can.
const NUL: char = '\0';
const REPLACEMENT: char = '\u{fffd}';

const NULL: &str = "\\N";

/// A row that is being written, column by column.
#[derive(Debug)]
pub struct CopyRow<'t> {
    text: &'t mut String,
    first: bool,
}

impl CopyRow<'_> {
    fn next(&mut self) {
        if !self.first {
            self.text.push('\t');
        }
        self.first = false;
    }

    pub fn end(self) {
        self.text.push('\n');
    }

    fn display(&mut self, value: impl fmt::Display) {
        // Writing to a String doesn't fail.
        write!(self.text, "{value}").ok();
    }

    fn null(&mut self) {
        self.next();
        self.text.push_str(NULL);
    }

    pub fn number(&mut self, number: impl fmt::Display) {
        self.next();
        self.display(number);
    }

    pub fn optional_number(&mut self, number: Option<impl fmt::Display>) {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    pub fn boolean(&mut self, value: bool) {
        self.next();
        self.text.push(if value { 't' } else { 'f' });
    }

    /// Four columns: the event's partition and offset, the offset of the command behind it, and that command's id.
    pub fn position<E>(&mut self, event: &LoggedEvent<E>) {
        self.number(event.partition);
        self.number(event.offset);
        self.number(event.envelope.origin.offset);
        self.uuid(Some(event.envelope.command_id.0));
    }

    pub fn uuid(&mut self, id: Option<Uuid>) {
        let Some(id) = id else { return self.null() };
        self.next();
        let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
        self.text.push_str(id.hyphenated().encode_lower(&mut buffer));
    }

    /// Text, with U+FFFD in place of NUL.
    pub fn text(&mut self, value: Option<&str>) {
        let Some(value) = value else { return self.null() };
        self.next();
        self.escaped(value);
    }

    fn escaped(&mut self, value: &str) {
        if value.bytes().all(|byte| byte >= b' ' && byte != b'\\') {
            self.text.push_str(value);
            return;
        }
        for character in value.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                // Not needed to read it, but so it comes out again.
                '\x08' => self.text.push_str("\\b"),
                '\x0b' => self.text.push_str("\\v"),
                '\x0c' => self.text.push_str("\\f"),
                NUL => self.text.push(REPLACEMENT),
                other => self.text.push(other),
            }
        }
    }

    pub fn optional_date(&mut self, date: Option<BusinessDate>) {
        match date {
            Some(date) => self.date(date),
            None => self.null(),
        }
    }

    /// A date of the years 1900 to 9999: the services take no others.
    pub fn date(&mut self, date: BusinessDate) {
        self.number(format_args!(
            "{:04}-{:02}-{:02}",
            date.year(),
            date.month(),
            date.day()
        ));
    }

    /// An array whose elements need no quotes, such as numbers.
    pub fn array(&mut self, elements: impl Iterator<Item = impl fmt::Display>) {
        self.next();
        self.text.push('{');
        for (place, element) in elements.enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            self.display(element);
        }
        self.text.push('}');
    }
}

/// Any texts as PostgreSQL writes an array of text, to be read by `::text[]`; with U+FFFD in place of NUL.
pub fn text_array<'e>(elements: impl IntoIterator<Item = &'e str>) -> String {
    let mut array = String::from("{");
    for element in elements {
        if array.len() > 1 {
            array.push(',');
        }
        array.push('"');
        for character in element.chars() {
            match character {
                '"' | '\\' => array.extend(['\\', character]),
                NUL => array.push(REPLACEMENT),
                other => array.push(other),
            }
        }
        array.push('"');
    }
    array.push('}');
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut CopyRow<'_>)) -> String {
        let mut rows = CopyRows::default();
        let mut row = rows.row();
        write(&mut row);
        row.end();
        rows.text
    }

    #[test]
    fn text_that_would_break_the_format_is_escaped_and_a_nul_replaced() {
        let row = written(|row| {
            row.text(Some("a\tb\\N\r\n"));
            row.text(None);
            row.text(Some("x\0ž"));
            row.text(Some("\\."));
        });
        assert_eq!(row, "a\\tb\\\\N\\r\\n\t\\N\tx\u{fffd}ž\t\\\\.\n");
    }

    #[test]
    fn a_text_in_an_array_may_hold_what_separates_texts() {
        assert_eq!(text_array([]), "{}");
        assert_eq!(text_array(["A", "b,\"c\"\\", "\0"]), r#"{"A","b,\"c\"\\","�"}"#);
    }
}
