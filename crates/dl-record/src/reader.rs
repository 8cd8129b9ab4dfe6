//! Records in, one line at a time.

use std::io::{self, BufRead};
use std::mem;
use std::sync::Arc;

use memchr::memchr;

use crate::text::{Shared, Slice};
use crate::{Failure, Record};

/// Lines that are kept to be filled again, once their records are gone.
const SPARE: usize = 16;

/// Reads records from a stream of lines, holding those lines whose records live.
///
/// A record shares its line; when it is dropped, the line's memory is used again.
///
/// A line that is not a record does not end the stream: it becomes a record whose id is its place and whose `error`
/// holds the text. Blank lines are skipped; a trailing TAB, blank or CR is tolerated, and so is a byte order mark.
pub struct Reader<R> {
    input: R,
    name: String,
    tool: String,
    number: u64,
    spare: Vec<Arc<Shared>>,
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
        Self { input, name: name.to_owned(), tool: tool.to_owned(), number: 0, spare: Vec::new() }
    }

    /// The next line's bytes with its end; none at the end of the stream.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let spare = self.spare.iter_mut().find_map(Arc::get_mut).map(mem::take).unwrap_or_default();
        let mut line = String::from(spare).into_bytes();
        line.clear();
        loop {
            let bytes = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let end = memchr(b'\n', bytes);
            let count = end.map_or(bytes.len(), |end| end + 1);
            line.extend_from_slice(&bytes[..count]);
            self.input.consume(count);
            if end.is_some() || count == 0 {
                return Ok(line);
            }
        }
    }

    /// Shares the line, and remembers it.
    fn share(&mut self, line: String) -> Arc<Shared> {
        let line = Arc::new(Shared::from(line));
        if let Some(spare) = self.spare.iter_mut().find(|spare| Arc::strong_count(spare) == 1) {
            *spare = line.clone();
        } else if self.spare.len() < SPARE {
            self.spare.push(line.clone());
        }
        line
    }

    fn broken(&self, place: String, message: String, line: &[u8]) -> Line {
        let input = String::from_utf8_lossy(line).trim_end().to_owned();
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
            let line = match self.line() {
                Ok(line) if line.is_empty() => return None,
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            self.number += 1;
            let place = format!("{}:{}", self.name, self.number);
            let line = match String::from_utf8(line) {
                Ok(line) => self.share(line),
                Err(error) => {
                    let message = format!("not UTF-8: {}", error.utf8_error());
                    return Some(Ok(self.broken(place, message, error.as_bytes())));
                }
            };
            let whole = line.as_str();
            let text = whole.trim_start_matches('\u{feff}').trim_start();
            let start = whole.len() - text.len();
            let text = start..start + text.trim_end().len();
            if text.is_empty() {
                continue;
            }
            return Some(Ok(match Record::of_slice(&Slice::new(line.clone(), text)) {
                Ok(record) => Line { place, record, broken: false },
                Err(error) => self.broken(place, error.to_string(), whole.as_bytes()),
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

    #[test]
    fn a_record_keeps_its_fields_when_later_lines_use_the_memory_of_others() {
        let line = |index: usize| format!("{{\"id\":\"{index}\",\"more\":\"{}\"}}\n", "x".repeat(index % 7 * 1000));
        let text: String = (0..100).map(line).collect();
        let mut kept = Vec::new();
        for (index, read) in Reader::new(text.as_bytes(), "<stdin>", "dl-test").enumerate() {
            if index % 3 > 0 {
                kept.push((index, read.unwrap().record));
            }
        }
        for (index, record) in kept {
            assert_eq!(serde_json::to_string(&record).unwrap() + "\n", line(index));
        }
    }
}
