//! Lines of a file with their numbers, of bounded length, whatever bytes are in them.

use std::io::{self, BufRead, Read};

/// One line without its end, which may be LF or CRLF.
pub struct Line<'a> {
    /// From 1.
    pub number: u64,
    /// None when the line is longer than the limit.
    pub bytes: Option<&'a [u8]>,
}

/// The lines of a text, one after the other.
pub struct Lines<R> {
    reader: R,
    length_max: usize,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `length_max` bytes, their ends included.
    pub fn new(reader: R, length_max: usize) -> Self {
        Self {
            reader,
            length_max,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// The next line. An empty line that nothing follows is none: it is an editor's.
    ///
    /// # Errors
    /// When the reader can't be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let mut limited = (&mut self.reader).take(self.length_max as u64);
        if limited.read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let too_long = self.buffer.len() == self.length_max && !self.buffer.ends_with(b"\n");
        if too_long {
            self.reader.skip_until(b'\n')?;
        }
        let bytes = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.is_empty() && self.reader.fill_buf()?.is_empty() {
            return Ok(None);
        }
        Ok(Some(Line {
            number: self.number,
            bytes: (!too_long).then_some(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(u64, Option<Vec<u8>>)> {
        let mut lines = Lines::new(text, 8);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push((line.number, line.bytes.map(<[u8]>::to_vec)));
        }
        all
    }

    #[test]
    fn lines_end_in_lf_or_crlf_or_with_the_file() {
        let expected = [(1, "a"), (2, "b"), (3, "c")].map(|(n, text)| (n, Some(text.as_bytes().to_vec())));
        assert_eq!(lines(b"a\r\nb\nc"), expected);
        assert_eq!(lines(b"a\nb\r\nc\r\n"), expected);
        assert_eq!(lines(b"a\nb\r\nc\r\n\r\n"), expected);
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_over_and_counted() {
        let expected = [(1, None), (2, Some(b"ok".to_vec()))];
        assert_eq!(lines(b"123456789 and more\nok\n"), expected);
    }

    #[test]
    fn an_empty_line_between_others_is_a_line() {
        assert_eq!(lines(b"a\n\nb\n")[1], (2, Some(Vec::new())));
    }
}
