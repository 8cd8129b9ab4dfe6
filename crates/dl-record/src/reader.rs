//! Reading records, one line at a time.

use std::io::{self, BufRead};
use std::mem;
use std::sync::Arc;

use memchr::memchr;

use crate::text::{Shared, Slice};
use crate::utf16::Decoded;
use crate::{Failure, Record};

/// The maximum length of a line in bytes. Longer features belong in files, see [`Payload::File`](crate::Payload::File).
pub const MOST_LINE_BYTES: usize = 512 << 20;

/// How much of a line that cannot be read is kept, in bytes: enough to repair a usual line.
const KEPT: usize = 1 << 20;

/// How many line buffers are kept for reuse once their records are dropped.
const SPARE: usize = 16;

/// The maximum size of these buffers together, in bytes.
const SPARE_BYTES: usize = 1 << 30;

/// Reads records from a stream of lines.
///
/// A record shares its line; when the record is dropped, the line's memory is reused.
///
/// A line that is not a record does not end the stream: it becomes a record whose id is its place and whose `error`
/// holds the text, or the first MiB of it. So does a line that is longer than [`MOST_LINE_BYTES`] or does not fit in
/// memory; the rest of it is skipped. Blank lines are skipped; trailing tabs, spaces and carriage returns are ignored, as
/// is a byte order mark. A stream that begins with a UTF-16 byte order mark is decoded.
pub struct Reader<R> {
    input: Decoded<R>,
    most: usize,
    name: String,
    tool: String,
    number: u64,
    spare: Vec<Arc<Shared>>,
}

/// One record and its place in the stream.
#[derive(Clone, Debug)]
pub struct Line {
    /// The stream's name and the line number, from 1: `<stdin>:17`.
    pub place: String,
    /// The record. It has an `error` if the line could not be read.
    pub record: Record,
    /// Whether the line could not be read, so that this program must report it.
    pub broken: bool,
}

impl<R: BufRead> Reader<R> {
    /// A reader of `input`, called `name` in messages; `tool` goes into the `error` of a broken line.
    pub fn new(input: R, name: &str, tool: &str) -> Self {
        Self {
            input: Decoded::new(input),
            most: MOST_LINE_BYTES,
            name: name.to_owned(),
            tool: tool.to_owned(),
            number: 0,
            spare: Vec::new(),
        }
    }

    /// The bytes of the next line, newline included, and its length; 0 at the end of the stream. If the line is too long,
    /// the bytes are only its beginning.
    fn line(&mut self) -> io::Result<(Vec<u8>, u64)> {
        let spare = self.spare.iter_mut().find_map(Arc::get_mut).map(mem::take).unwrap_or_default();
        let mut line = String::from(spare).into_bytes();
        line.clear();
        let mut length = 0;
        let mut fits = true;
        loop {
            let bytes = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let end = memchr(b'\n', bytes);
            let count = end.map_or(bytes.len(), |end| end + 1);
            length += count as u64;
            if fits {
                fits = line.len() + count <= self.most && line.try_reserve(count).is_ok();
                if fits {
                    line.extend_from_slice(&bytes[..count]);
                } else {
                    line = beginning(&line, &bytes[..count]);
                }
            }
            self.input.consume(count);
            if end.is_some() || count == 0 {
                return Ok((line, length));
            }
        }
    }

    /// Shares the line, and keeps it for reuse.
    fn share(&mut self, line: String) -> Arc<Shared> {
        let line = Arc::new(Shared::from(line));
        if let Some(spare) = self.spare.iter_mut().find(|spare| Arc::strong_count(spare) == 1) {
            *spare = line.clone();
        } else if self.spare.len() < SPARE && self.spare.iter().map(|spare| spare.size()).sum::<usize>() < SPARE_BYTES {
            self.spare.push(line.clone());
        }
        line
    }

    /// The record for a broken line; `line` is the available part of its `length` bytes.
    fn broken(&self, place: String, mut message: String, line: &[u8], length: u64) -> Line {
        let kept = &line[..end_of_beginning(line)];
        if (kept.len() as u64) < length {
            message += &format!("; the first {} of its {length} bytes are kept", kept.len());
        }
        let input = String::from_utf8_lossy(kept).trim_end().to_owned();
        let mut record = Record::default();
        record.set_id(&place).expect("a string is always JSON");
        let failure = Failure { tool: self.tool.clone(), message, input: Some(input) };
        record.set_error(&failure).expect("strings are always JSON");
        Line { place, record, broken: true }
    }
}

/// The end of the part of a broken line that is kept: a character boundary.
fn end_of_beginning(line: &[u8]) -> usize {
    if line.len() <= KEPT {
        return line.len();
    }
    (KEPT - 3..=KEPT).rev().find(|end| line[*end] & 0xC0 != 0x80).unwrap_or(KEPT)
}

/// A copy of slightly more than the part of a line that is kept; empty if memory runs out.
fn beginning(line: &[u8], more: &[u8]) -> Vec<u8> {
    let mut copy = Vec::new();
    if copy.try_reserve_exact(KEPT + 4).is_ok() {
        copy.extend(line.iter().chain(more).take(KEPT + 4));
    }
    copy
}

impl<R: BufRead> Iterator for Reader<R> {
    /// An error means that the stream itself cannot be read; it ends there.
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (line, length) = match self.line() {
                Ok((_, 0)) => return None,
                Ok(read) => read,
                Err(error) => return Some(Err(error)),
            };
            self.number += 1;
            let place = format!("{}:{}", self.name, self.number);
            if (line.len() as u64) < length {
                let message = if length > self.most as u64 {
                    format!("the line is longer than {} MiB, the most that is read", self.most >> 20)
                } else {
                    "the line is larger than the memory that is left".to_owned()
                };
                return Some(Ok(self.broken(place, message, &line, length)));
            }
            let line = match String::from_utf8(line) {
                Ok(line) => self.share(line),
                Err(error) => {
                    let message = format!("not UTF-8: {}", error.utf8_error());
                    return Some(Ok(self.broken(place, message, error.as_bytes(), length)));
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
                Err(error) => self.broken(place, error.to_string(), whole.as_bytes(), length),
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
        for bad in [&b"{\"id\": NaN}"[..], b"[1]", b"{\"id\":\"a\"", b"a\xff\xfe"] {
            let lines = read(&[bad, b"\n{\"id\":\"good\"}\n"].concat());
            let failure = lines[0].record.error().unwrap().unwrap();
            assert!(lines[0].broken && !lines[1].broken);
            assert_eq!(failure.input.unwrap(), String::from_utf8_lossy(bad));
            assert_eq!(lines[1].record.id().unwrap().unwrap(), "good");
        }
    }

    #[test]
    fn a_stream_in_utf_16_is_decoded() {
        let text = format!("\u{feff}{{\"id\":\"猫\"}}\r\n{{\"id\":\"{}🐈\"}}\r\n", "ü".repeat(100_000));
        let units: Vec<u16> = text.encode_utf16().collect();
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let mut bytes: Vec<u8> = units.iter().flat_map(|unit| bytes(*unit)).collect();
            // In parts that cut units and pairs of them.
            let input = io::BufReader::with_capacity(7, bytes.as_slice());
            let lines: Vec<Line> = Reader::new(input, "<stdin>", "dl-test").map(Result::unwrap).collect();
            assert!(lines.len() == 2 && lines[0].record.id().unwrap().unwrap() == "猫");
            assert!(lines[1].record.id().unwrap().unwrap().ends_with("ü🐈"));
            bytes.pop();
            let lines: Vec<Line> = Reader::new(bytes.as_slice(), "<stdin>", "dl-test").map(Result::unwrap).collect();
            assert!(!lines[0].broken && lines[1].broken, "the last unit is cut in two");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_its_beginning_kept() {
        let long = format!("{{\"id\":\"{}\"}}", "ü".repeat(1 << 20));
        let text = format!("{{\"id\":\"a\"}}\n{long}\n{{\"id\":\"b\"}}\n{long}");
        let mut reader = Reader::new(text.as_bytes(), "<stdin>", "dl-test");
        reader.most = 2 << 20;
        let lines: Vec<Line> = reader.map(Result::unwrap).collect();
        let ids: Vec<_> = lines.iter().map(|line| line.record.id().unwrap().unwrap()).collect();
        assert_eq!(ids, ["a", "<stdin>:2", "b", "<stdin>:4"]);
        let failure = lines[1].record.error().unwrap().unwrap();
        assert_eq!(
            failure.message,
            "the line is longer than 2 MiB, the most that is read; the first 1048575 of its 2097162 bytes are kept"
        );
        assert!(long.starts_with(&failure.input.unwrap()));
    }

    #[test]
    fn the_beginning_of_a_long_line_that_is_not_a_record_is_kept() {
        let text = "x".repeat(3 << 20);
        let failure = read(text.as_bytes())[0].record.error().unwrap().unwrap();
        assert!(failure.message.ends_with("the first 1048576 of its 3145728 bytes are kept"), "{}", failure.message);
        assert!(failure.input.unwrap() == text[..1 << 20]);
    }

    #[test]
    fn a_record_keeps_its_fields_when_later_lines_reuse_memory() {
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
