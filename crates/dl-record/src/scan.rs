//! Splits a JSON object into its members at memory speed.
//!
//! A line with a feature matrix is a short object around a string of many megabytes. serde_json steps through a string
//! eight bytes at a time; this scanner skips whole vectors of plain bytes. It accepts only what is certainly valid JSON;
//! otherwise it returns `None`, and the caller falls back to serde_json, which decides and reports errors.

use std::ops::Range;

use crate::record::MOST_FIELDS;

/// The maximum depth; deeper objects and arrays are left to serde_json.
const DEPTH: usize = 64;

/// Bytes that are checked together: a few vectors on any processor.
const BLOCK: usize = 64;

/// Runs of plain bytes of at least this length are remembered.
const LONG: usize = 4096;

/// Runs of plain bytes that need not be scanned again, in order.
pub(crate) type Runs = Vec<Range<usize>>;

/// The contents of an object.
pub(crate) struct Members {
    /// The name and value of each member, as ranges of the text; a name excludes its quotes.
    pub(crate) members: Vec<(Range<usize>, Range<usize>)>,
    /// Long runs of plain bytes that the scan found.
    pub(crate) runs: Runs,
}

/// The members of the object that makes up `text` from `start` on; `known` are runs of `text` from an earlier scan.
pub(crate) fn members(text: &str, start: usize, known: &[Range<usize>]) -> Option<Members> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: start, known, runs: Vec::new() };
    let mut members = Vec::new();
    scanner.blanks();
    scanner.object(DEPTH, |name, value| {
        if members.len() <= MOST_FIELDS {
            members.push((name, value));
        }
    })?;
    scanner.blanks();
    (scanner.at == text.len() && members.len() <= MOST_FIELDS).then_some(Members { members, runs: scanner.runs })
}

/// Whether `text` from `start` on is valid between quotes without escaping.
pub(crate) fn is_plain(text: &str, start: usize, known: &[Range<usize>]) -> bool {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: start, known, runs: Vec::new() };
    scanner.plain();
    scanner.at == text.len()
}

/// The number of bytes before the first one that ends a string or needs a closer look.
fn plain(bytes: &[u8]) -> usize {
    let special = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    // Most strings are short.
    let head = &bytes[..bytes.len().min(BLOCK / 2)];
    if let Some(end) = head.iter().position(|byte| special(*byte)) {
        return end;
    }
    let rest = &bytes[head.len()..];
    let (blocks, _) = rest.as_chunks::<BLOCK>();
    // No early exit within a block, so that it compiles to vector instructions.
    let skipped = blocks.iter().take_while(|block| !block.iter().fold(false, |any, byte| any | special(*byte))).count();
    let tail = &rest[skipped * BLOCK..];
    head.len() + skipped * BLOCK + tail.iter().position(|byte| special(*byte)).unwrap_or(tail.len())
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    known: &'a [Range<usize>],
    runs: Runs,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Consumes `byte` if it is next.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips bytes that neither end a string nor need a closer look.
    fn plain(&mut self) {
        let start = self.at;
        self.at = match self.known.binary_search_by_key(&start, |run| run.start) {
            Ok(index) => self.known[index].end.min(self.bytes.len()),
            Err(_) => start + plain(&self.bytes[start..]),
        };
        if self.at - start >= LONG {
            self.runs.push(start..self.at);
        }
    }

    fn object(&mut self, depth: usize, mut member: impl FnMut(Range<usize>, Range<usize>)) -> Option<()> {
        self.take(b'{')?;
        self.blanks();
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            self.take(b'"')?;
            let start = self.at;
            self.plain();
            let name = start..self.at;
            self.take(b'"')?;
            self.blanks();
            self.take(b':')?;
            self.blanks();
            let start = self.at;
            self.value(depth)?;
            member(name, start..self.at);
            self.blanks();
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
            self.blanks();
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        self.blanks();
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            self.value(depth)?;
            self.blanks();
            if self.take(b',').is_none() {
                return self.take(b']');
            }
            self.blanks();
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.object(depth.checked_sub(1)?, |_, _| ()),
            b'[' => self.array(depth.checked_sub(1)?),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            self.plain();
            if self.take(b'"').is_some() {
                return Some(());
            }
            self.take(b'\\')?;
            match self.peek()? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                b'u' => {
                    let digits = self.bytes.get(self.at + 1..self.at + 5)?;
                    digits.iter().all(u8::is_ascii_hexdigit).then(|| self.at += 5)?;
                }
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let _sign = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _sign = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{Rng, RngExt};
    use serde_json::value::RawValue;

    use super::*;

    /// The members as serde_json parses them; the last of two with the same name.
    fn reference(text: &str) -> Option<BTreeMap<String, String>> {
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
        Some(members.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect())
    }

    fn scanned(text: &str) -> Option<BTreeMap<String, String>> {
        Some(
            members(text, 0, &[])?
                .members
                .into_iter()
                .map(|(name, value)| (text[name].to_owned(), text[value].to_owned()))
                .collect(),
        )
    }

    const VALID: [&str; 8] = [
        "{}",
        r#" { "a" : 1 , "b" : [ ] , "c":{ "d" : [ {} , [1,2 , 3]] } } "#,
        r#"{"a":-0.5e+10,"b":1E5,"c":0,"d":-12,"e":10.25e-3,"f":1e400,"g":12345678901234567890123}"#,
        r#"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud800","b":"","c":"é 🐘"}"#,
        r#"{"a":true,"b":false,"c":null,"a":2}"#,
        r#"{"features":{"fc7":{"dtype":"f32","shape":[2,4],"base64":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}"#,
        "{\"tab\":\t[\r1,\n2\t]\r\n}",
        r#"{"detections":[{"box":[0.0,1.0,2.0,3.5],"label":"dog","score":0.25,"track":7}]}"#,
    ];

    #[test]
    fn the_members_are_those_that_serde_json_parses() {
        for text in VALID {
            assert_eq!(scanned(text), reference(text), "{text}");
        }
        let long = format!(r#"{{"a":"{}","b":1}}"#, "é\\u00e9x".repeat(100));
        assert_eq!(scanned(&long), reference(&long));
    }

    #[test]
    fn randomly_broken_text_is_never_accepted() {
        let mut rng = crate::rng(1, "scan");
        let bytes = b"\"\\{}[]:,.-+eE01u/tn \t\x00\x1f\x7fa";
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..60_000 {
            let mut text = VALID[rng.random_range(0..VALID.len())].as_bytes().to_vec();
            for _ in 0..rng.random_range(1..4) {
                let (at, byte) = (rng.random_range(0..text.len()), bytes[rng.random_range(0..bytes.len())]);
                match rng.next_u32() % 4 {
                    0 => text[at] = byte,
                    1 => text.insert(at, byte),
                    2 if text.len() > 1 => drop(text.remove(at)),
                    _ => text.truncate(at.max(1)),
                }
            }
            let Ok(text) = String::from_utf8(text) else { continue };
            match scanned(&text) {
                Some(members) => {
                    assert_eq!(Some(members), reference(&text), "{text}");
                    taken += 1;
                }
                None => refused += 1,
            }
        }
        assert!(taken > 1000 && refused > 1000, "{taken} {refused}");
    }

    #[test]
    fn a_string_ends_at_its_first_special_byte() {
        for length in 0..300 {
            for special in ["\"", "\\", "\n", "\u{1f}", ""] {
                let text = format!("{}{special}{}", "x".repeat(length), "é\u{7f}".repeat(40));
                let expected = if special.is_empty() { text.len() } else { length };
                assert_eq!(plain(text.as_bytes()), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn a_second_scan_of_a_part_reuses_the_first() {
        let long = "x".repeat(LONG);
        let text = format!(r#"{{"a":{{"b":"{long}\\n{long}","c":"{long}"}},"d":"short"}}"#);
        let first = members(&text, 0, &[]).unwrap();
        assert_eq!(first.runs.len(), 3);
        let part = first.members[0].1.clone();
        let second = members(&text[..part.end], part.start, &first.runs).unwrap();
        let expected = members(&text[..part.end], part.start, &[]).unwrap();
        assert_eq!((second.members, second.runs), (expected.members, expected.runs));
        assert!(is_plain(&text[..first.runs[2].end], first.runs[2].start, &first.runs));
        assert!(is_plain(&text[..first.runs[2].end - 9], first.runs[2].start, &first.runs));
        assert!(!is_plain(&text[..first.runs[1].end], first.runs[0].start, &first.runs));
    }

    #[test]
    fn deep_nesting_is_left_to_serde_json() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(members(&nested(DEPTH), 0, &[]).is_some());
        assert!(members(&nested(DEPTH + 1), 0, &[]).is_none());
    }
}
