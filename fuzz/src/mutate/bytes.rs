//! Mutations of binary files.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Source, span};

/// Numbers that make lengths, counts and offsets overflow.
const EXTREMES: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

pub(super) fn change(data: &mut Vec<u8>, source: &Source, rng: &mut ChaCha8Rng) {
    let place = |data: &[u8], rng: &mut ChaCha8Rng| (!data.is_empty()).then(|| rng.random_range(0..data.len()));
    match rng.random_range(0..12) {
        0 | 1 => {
            if let Some(at) = place(data, rng) {
                data[at] ^= 1 << rng.random_range(0..8);
            }
        }
        2 => {
            if let Some(at) = place(data, rng) {
                data[at] = rng.random();
            }
        }
        3 => {
            if let Some(at) = place(data, rng) {
                data[at] = data[at].wrapping_add(rng.random_range(-8_i8..8) as u8);
            }
        }
        4 | 5 => {
            if let Some(at) = place(data, rng) {
                put_number(&mut data[at..], rng);
            }
        }
        6 => data.truncate(rng.random_range(0..=data.len())),
        7 => drop(data.drain(span(data.len(), rng))),
        8 => {
            let part = span(data.len(), rng);
            let copy = data[part.clone()].repeat(rng.random_range(1..4));
            data.splice(part.end..part.end, copy);
        }
        9 => {
            let (at, length) = (rng.random_range(0..=data.len()), rng.random_range(1..32));
            let filling: u8 = rng.random();
            data.splice(at..at, std::iter::repeat_n(filling, length));
        }
        10 => splice(data, source, rng),
        _ => {
            if let Some(word) = word(source, rng) {
                let at = rng.random_range(0..=data.len());
                let end = if rng.random() { at } else { (at + word.len()).min(data.len()) };
                data.splice(at..end, word.bytes());
            }
        }
    }
}

/// Overwrites 1 to 8 bytes with an extreme number, or one near it, in either byte order.
fn put_number(data: &mut [u8], rng: &mut ChaCha8Rng) {
    let number = EXTREMES[rng.random_range(0..EXTREMES.len())].wrapping_add(rng.random_range(-1_i64..=1) as u64);
    let size = (1 << rng.random_range(0..4)).min(data.len());
    let bytes = number.to_le_bytes();
    data[..size].copy_from_slice(&bytes[..size]);
    if rng.random() {
        data[..size].reverse();
    }
}

/// Joins the beginning of this input to the end of another.
pub(super) fn splice(data: &mut Vec<u8>, source: &Source, rng: &mut ChaCha8Rng) {
    let other = &source.others[rng.random_range(0..source.others.len())];
    data.truncate(rng.random_range(0..=data.len()));
    data.extend_from_slice(&other[rng.random_range(0..=other.len())..]);
}

pub(super) fn word<'a>(source: &Source<'a>, rng: &mut ChaCha8Rng) -> Option<&'a str> {
    (!source.words.is_empty()).then(|| source.words[rng.random_range(0..source.words.len())])
}
