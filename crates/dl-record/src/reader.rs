//! Records in, one line at a time.

use std::io::{self, BufRead};

use crate::{Failure, Record};

/// Reads records from a stream of lines, holding one line at a time.
///
/// A line that is not a record does not end the stream: it becomes a record whose id is its place and whose `error`
/// holds the text. Blank lines are skipped; a trailing TAB, blank or CR is tolerated, and so is a byte order mark.
pub struct Reader<R> {
    input: R,
    name: String,
    tool: String,
    number: u64,
    buffer: Vec<u8>,
}

/// One record and where it stood.
#[derive(Clone, Debug)]
pub struct Line {
    /// `<stdin>:17`: the stream's name and the line's number, from 1.
    pub place: String,
    /// The record. It carries `error` when the line could not be read.
    pub record: Record,
    /// Whether this very line could not be read, so that the reader's tool is to report it.
    pub broken: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads from `input`, called `name` in messages; `tool` signs the `error` of a broken line.
    pub fn new(input: R, name: &str, tool: &str) -> Self {
        Self { input, name: name.to_owned(), tool: tool.to_owned(), number: 0, buffer: Vec::new() }
    }

    fn broken(&self, place: String, message: String) -> Line {
        let input = String::from_utf8_lossy(&self.buffer).trim_end().to_owned();
        let mut record = Record::default();
        record.set_id(&place).expect("a string is always JSON");
        let failure = Failure { tool: self.tool.clone(), message, input: Some(input) };
        record.set_error(&failure).expect("strings are always JSON");
        Line { place, record, broken: true }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    /// An error is one of reading the stream itself; the stream ends there.
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.buffer.clear();
            match self.input.read_until(b'\n', &mut self.buffer) {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(error) => return Some(Err(error)),
            }
            let place = format!("{}:{}", self.name, self.number);
            let text = match str::from_utf8(&self.buffer) {
                Ok(text) => text.trim_start_matches('\u{feff}').trim(),
                Err(error) => return Some(Ok(self.broken(place, format!("not UTF-8: {error}")))),
            };
            if text.is_empty() {
                continue;
            }
            return Some(Ok(match Record::parse(text) {
                Ok(record) => Line { place, record, broken: false },
                Err(error) => self.broken(place, error.to_string()),
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<Line> {
        Reader::new(text, "<stdin>", "dl-test").map(Result::unwrap).collect()
    }

    #[test]
    fn trailing_blanks_and_empty_lines_are_tolerated() {
        let lines = read(b"{\"id\":\"a\"}\t\r\n\n  \n{\"id\":\"b\"}");
        let ids: Vec<_> = lines.iter().map(|line| line.record.id().unwrap().unwrap()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(lines[1].place, "<stdin>:4");
    }

    #[test]
    fn a_broken_line_becomes_a_record_that_holds_it() {
        for bad in [&b"{\"id\": NaN}"[..], b"[1]", b"{\"id\":\"a\"", b"\xff\xfe"] {
            let lines = read(&[bad, b"\n{\"id\":\"good\"}\n"].concat());
            let failure = lines[0].record.error().unwrap().unwrap();
            assert!(lines[0].broken && !lines[1].broken);
            assert_eq!(failure.input.unwrap(), String::from_utf8_lossy(bad));
            assert_eq!(lines[1].record.id().unwrap().unwrap(), "good");
        }
    }
}
