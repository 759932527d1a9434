//! What readers of published files with a row a line have in common.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use tributary_history::Lines;

/// Longest line, in bytes. Real ones have some 60.
const LINE_LENGTH_MAX: usize = 1_000;

/// Opens a file, plain or compressed.
pub(crate) fn open(path: &Path, compressed: bool) -> io::Result<Lines<Box<dyn BufRead>>> {
    let file = File::open(path)?;
    let input: Box<dyn BufRead> = if compressed {
        Box::new(BufReader::new(zstd::Decoder::new(file)?))
    } else {
        Box::new(BufReader::new(file))
    };
    Ok(Lines::new(input, LINE_LENGTH_MAX))
}

/// A line's fields between commas; where they are not as many as that, how many they are.
pub(crate) fn fields<const N: usize>(line: &str) -> Result<[&str; N], usize> {
    let mut fields = [""; N];
    let mut count = 0;
    for field in line.split(',') {
        if let Some(place) = fields.get_mut(count) {
            *place = field;
        }
        count += 1;
    }
    if count == N { Ok(fields) } else { Err(count) }
}
