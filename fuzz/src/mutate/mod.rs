//! Mutates seeds into new inputs.
//!
//! Most mutations use some knowledge of the format: files, numbers, words, nested brackets, and the checksums of a PNG,
//! without which the decoder would stop there.

mod bytes;
mod png;
mod text;

use std::path::PathBuf;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::folder::{File, join, split};

/// The maximum size of an input.
const LONGEST: usize = 1 << 18;

/// Material for mutations.
pub(crate) struct Source<'a> {
    /// Other contents of the same kind.
    pub(crate) others: Vec<Vec<u8>>,
    /// Words that have a meaning in the format.
    pub(crate) words: &'a [&'a str],
}

/// A mutated seed.
pub(crate) fn mutate(seeds: &[(PathBuf, Vec<u8>)], words: &[&str], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let seed = &seeds[rng.random_range(0..seeds.len())].1;
    let other = &seeds[rng.random_range(0..seeds.len())].1;
    let mut files = split(seed);
    let turns = 1 << rng.random_range(0..4);
    if files.is_empty() {
        return body(seed.clone(), &Source { others: vec![other.clone()], words }, turns, rng);
    }
    if rng.random_ratio(1, 8) {
        change_set(&mut files, &split(other), rng);
    }
    if let Some(index) = pick(&files, rng) {
        let mut others: Vec<Vec<u8>> = split(other).into_iter().map(|file| file.bytes).collect();
        others.push(files[rng.random_range(0..files.len())].bytes.clone());
        files[index].bytes = body(std::mem::take(&mut files[index].bytes), &Source { others, words }, turns, rng);
    }
    join(&files)
}

/// Picks a file, regardless of its length.
fn pick(files: &[File], rng: &mut ChaCha8Rng) -> Option<usize> {
    (!files.is_empty()).then(|| rng.random_range(0..files.len()))
}

/// Removes, copies, renames or swaps a file.
fn change_set(files: &mut Vec<File>, others: &[File], rng: &mut ChaCha8Rng) {
    let Some(index) = pick(files, rng) else { return };
    match rng.random_range(0..4) {
        0 => drop(files.remove(index)),
        1 => {
            let mut copy = files[index].clone();
            let at = rng.random_range(0..=copy.name.len());
            copy.name.insert(at, b'2');
            files.push(copy);
        }
        2 => {
            let other = rng.random_range(0..files.len());
            files[index].name = files[other].name.clone();
        }
        _ => files.extend(pick(others, rng).map(|other| others[other].clone())),
    }
}

fn body(mut data: Vec<u8>, source: &Source, turns: usize, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let is_text = !data.contains(&0) && str::from_utf8(&data).is_ok();
    for _ in 0..turns {
        let as_text = if is_text { rng.random_ratio(7, 8) } else { rng.random_ratio(1, 8) };
        if as_text {
            text::change(&mut data, source, rng)
        } else {
            bytes::change(&mut data, source, rng)
        }
        data.truncate(LONGEST);
    }
    if rng.random_ratio(7, 8) {
        png::repair(&mut data);
    }
    data
}

/// A random range within `length`, short more often than long.
pub(crate) fn span(length: usize, rng: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    if length == 0 {
        return 0..0;
    }
    let most = 1 << rng.random_range(0..=length.ilog2());
    let start = rng.random_range(0..length);
    start..(start + rng.random_range(1..=most)).min(length)
}
