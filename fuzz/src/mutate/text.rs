//! Mutations of texts: JSON, XML, YAML, lists.

use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::bytes::{splice, word};
use super::{Source, span};

/// Replacements for a number.
const NUMBERS: [&str; 34] = [
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "0.5",
    "7.0",
    "1e-320",
    "1e308",
    "-1e308",
    "1e400",
    "1e-400",
    "NaN",
    "nan",
    "inf",
    "-Infinity",
    "255",
    "256",
    "65535",
    "65536",
    "100000",
    "16777217",
    "2147483647",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999",
    "null",
    "true",
    "\"7\"",
];

/// Strings that editors, other programs and attackers insert.
const ODD: [&[u8]; 20] = [
    b"\xef\xbb\xbf",
    b"\0",
    b"\r",
    b"\r\n",
    b"\t",
    b"\x1b[2J",
    b"\x1b]0;x\x07",
    b"\xff",
    b"\xc3",
    b"\\ud800",
    b"\\u0000",
    "\u{202e}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{85}".as_bytes(),
    "\u{1f600}".as_bytes(),
    b"\"",
    b"\\",
    b"../",
    b"=1+1",
    b"/dev/zero",
];

pub(super) fn change(data: &mut Vec<u8>, source: &Source, rng: &mut ChaCha8Rng) {
    match rng.random_range(0..16) {
        0..4 => {
            if let Some(number) = one_of(data, |byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte), rng) {
                data.splice(number, NUMBERS[rng.random_range(0..NUMBERS.len())].bytes());
            }
        }
        4 | 5 => {
            if let (Some(old), Some(word)) = (token(data, rng), word(source, rng)) {
                data.splice(old, word.bytes());
            }
        }
        6 => {
            if let (Some(old), Some(new)) = (token(data, rng), token(data, rng)) {
                let new = data[new].to_vec();
                data.splice(old, new);
            }
        }
        7 => {
            if let Some(word) = word(source, rng) {
                let at = rng.random_range(0..=data.len());
                data.splice(at..at, word.bytes());
            }
        }
        8 => drop(data.drain(span(data.len(), rng))),
        9 => repeat(data, rng),
        10 => nest(data, rng),
        11 => exchange_lines(data, rng),
        12 => splice(data, source, rng),
        13 => data.truncate(rng.random_range(0..=data.len())),
        14 => {
            let at = rng.random_range(0..=data.len());
            data.splice(at..at, ODD[rng.random_range(0..ODD.len())].iter().copied());
        }
        _ => encode(data, rng),
    }
}

/// A maximal run of bytes for which `is` holds.
fn one_of(data: &[u8], is: impl Fn(u8) -> bool, rng: &mut ChaCha8Rng) -> Option<Range<usize>> {
    if data.is_empty() {
        return None;
    }
    let from = rng.random_range(0..data.len());
    let start = (from..data.len()).chain(0..from).find(|at| is(data[*at]))?;
    let start = (0..start).rev().take_while(|at| is(data[*at])).last().unwrap_or(start);
    let length = data[start..].iter().take_while(|byte| is(**byte)).count();
    Some(start..start + length)
}

fn token(data: &[u8], rng: &mut ChaCha8Rng) -> Option<Range<usize>> {
    one_of(data, |byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80, rng)
}

/// Repeats a part, occasionally many times.
fn repeat(data: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let part = if rng.random() { span(data.len(), rng) } else { line(data, rng) };
    let most = if rng.random_ratio(1, 32) { 1 << 12 } else { 4 };
    let times = rng.random_range(1..=most).min((1 << 16) / part.len().max(1) + 1);
    let copy = data[part.clone()].repeat(times);
    data.splice(part.end..part.end, copy);
}

/// Nests a bracket, occasionally very deeply.
fn nest(data: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    const PAIRS: [(&[u8], &[u8]); 6] =
        [(b"[", b"]"), (b"{", b"}"), (b"(", b")"), (b"<a>", b"</a>"), (b"{\"a\":", b"}"), (b"- ", b"")];
    let (open, close) = PAIRS[rng.random_range(0..PAIRS.len())];
    let deepest = if rng.random_ratio(1, 16) { 16 } else { 8 };
    let depth = 1 << rng.random_range(0..deepest);
    let part = match one_of(data, |byte| byte == open[0], rng) {
        Some(first) if open.len() == 1 => first.start..matching(data, first.start, open[0], close[0]),
        _ => token(data, rng).unwrap_or(data.len()..data.len()),
    };
    if rng.random_ratio(3, 4) {
        data.splice(part.end..part.end, close.repeat(depth));
    }
    data.splice(part.start..part.start, open.repeat(depth));
}

/// The position after the bracket that closes the one at `start`.
fn matching(data: &[u8], start: usize, open: u8, close: u8) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in data.iter().enumerate().skip(start) {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    data.len()
}

/// A line with its newline.
fn line(data: &[u8], rng: &mut ChaCha8Rng) -> Range<usize> {
    let lines: Vec<usize> = data.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len).collect();
    if lines.is_empty() {
        return 0..0;
    }
    let index = rng.random_range(0..lines.len());
    let start = lines[..index].iter().sum();
    start..start + lines[index]
}

fn exchange_lines(data: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let (a, b) = (line(data, rng), line(data, rng));
    let (a, b) = if a.start <= b.start { (a, b) } else { (b, a) };
    if a.end <= b.start {
        let (first, second) = (data[a.clone()].to_vec(), data[b.clone()].to_vec());
        data.splice(b, first);
        data.splice(a, second);
    }
}

/// The same text in another encoding.
fn encode(data: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let Ok(text) = String::from_utf8(std::mem::take(data)).map_err(|error| *data = error.into_bytes()) else { return };
    *data = match rng.random_range(0..5) {
        0 => [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(),
        1 => [vec![0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat(),
        2 => [vec![0xfe, 0xff], text.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat(),
        3 => text.replace('\n', "\r\n").into_bytes(),
        _ => text.replace('\n', "\r").into_bytes(),
    };
}
