//! How large a network may be that a file describes: far beyond all that there are, and within memory. A config is a
//! stranger's text; it is held to these before anything is built.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use crate::Checkpoint;
use crate::checkpoint::printable;

/// Classes; ImageNet-21k has 21,841.
pub(crate) const MOST_CLASSES: usize = 1 << 20;
/// Letters of a class's name.
const LONGEST_LABEL: usize = 1000;
/// Side of a network's input in pixels.
pub(crate) const LARGEST_SIDE: usize = 2048;
/// Places on a side that a map is averaged to, `fire9@64`.
pub(crate) const LARGEST_POOL: usize = 64;
/// Patches that an image is cut into: 1024 x 1024 pixels into 8 x 8.
pub(crate) const MOST_PATCHES: usize = 1 << 14;
/// Factor on numbers of channels.
const LARGEST_WIDTH: f64 = 8.0;
/// Columns of a network that reads texts; GPT-3 has 12,288.
pub(crate) const MOST_COLUMNS: usize = 1 << 15;
/// Columns between two layers of a block.
pub(crate) const MOST_INNER: usize = 1 << 18;
/// Blocks.
pub(crate) const MOST_BLOCKS: usize = 512;
/// Heads of an attention.
pub(crate) const MOST_HEADS: usize = 1024;
/// Tokens of the longest text.
pub(crate) const MOST_POSITIONS: usize = 1 << 17;
/// Tokens of a vocabulary.
pub(crate) const MOST_TOKENS: usize = 1 << 22;
/// Numbers of a network that its file need not hold: those of the largest that may be drawn anew.
const MOST_DRAWN: u64 = 1 << 28;

/// An option that counts something.
/// # Errors
/// When it is 0 or more than `most`.
pub(crate) fn count(name: &str, value: usize, most: usize) -> Result<()> {
    ensure!(value > 0, "{name} is 0; want 1 or more");
    ensure!(value <= most, "{name} is {value}; networks of up to {most} are supported");
    Ok(())
}

/// A share, as of dropout.
/// # Errors
/// When it is not from 0 to below 1.
pub(crate) fn share(name: &str, value: f64) -> Result<()> {
    ensure!((0.0..1.0).contains(&value), "{name} is {value}; want a number from 0 to below 1");
    Ok(())
}

/// What is added to variances.
/// # Errors
/// When it is not from 0 to 1.
pub(crate) fn epsilon(name: &str, value: f64) -> Result<()> {
    ensure!((0.0..=1.0).contains(&value), "{name} is {value}; want a number from 0 to 1");
    Ok(())
}

/// Factor on numbers of channels.
/// # Errors
/// When it is not above 0, or too large.
pub(crate) fn width(value: f64) -> Result<()> {
    ensure!(value > 0.0 && value <= LARGEST_WIDTH, "width is {value}; want a number above 0, up to {LARGEST_WIDTH}");
    Ok(())
}

/// Names of classes.
/// # Errors
/// When there are too many, or one is too long.
pub(crate) fn labels(names: &[String]) -> Result<()> {
    if names.len() > MOST_CLASSES {
        bail!("has {} labels; up to {MOST_CLASSES} are supported", names.len());
    }
    // Bytes first: they are counted already.
    let is_long = |name: &&String| name.len() > LONGEST_LABEL && name.chars().nth(LONGEST_LABEL).is_some();
    match names.iter().find(is_long) {
        Some(name) => bail!("the label \"{}\" has more than {LONGEST_LABEL} letters", printable(name)),
        None => Ok(()),
    }
}

/// A network must not want many times the memory of the file that describes it.
/// # Errors
/// When it does.
pub(crate) fn check_weights(wanted: &BTreeMap<String, Vec<usize>>, file: &Checkpoint) -> Result<()> {
    let numbers = |shape: &[usize]| shape.iter().fold(1_u64, |all, side| all.saturating_mul(*side as u64));
    let wanted = wanted.values().fold(0_u64, |all, shape| all.saturating_add(numbers(shape)));
    let there = file.tensors().iter().fold(0_u64, |all, tensor| all.saturating_add(numbers(&tensor.shape)));
    if wanted > MOST_DRAWN.max(there.saturating_mul(4)) {
        bail!("its config describes a network of {wanted} weights, the file holds {there}");
    }
    Ok(())
}
