//! Limits on the networks that a file may describe: far above all existing ones, but within memory. A config is
//! untrusted input and is checked before anything is built.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use crate::Checkpoint;
use crate::checkpoint::printable;

/// Classes; ImageNet-21k has 21,841.
pub(crate) const MOST_CLASSES: usize = 1 << 20;
/// Characters of a class name.
const LONGEST_LABEL: usize = 1000;
/// Side of a network's input in pixels.
pub(crate) const LARGEST_SIDE: usize = 2048;
/// Cells per side that a map is averaged to, as in `fire9@64`.
pub(crate) const LARGEST_POOL: usize = 64;
/// Patches that an image is cut into: 1024 x 1024 pixels into 8 x 8.
pub(crate) const MOST_PATCHES: usize = 1 << 14;
/// Network width factor.
const LARGEST_WIDTH: f64 = 8.0;
/// Columns of a text network; GPT-3 has 12,288.
pub(crate) const MOST_COLUMNS: usize = 1 << 15;
/// Columns between two layers of a block.
pub(crate) const MOST_INNER: usize = 1 << 18;
/// Blocks.
pub(crate) const MOST_BLOCKS: usize = 512;
/// Heads of an attention.
pub(crate) const MOST_HEADS: usize = 1024;
/// Channels of a generator's maps; StyleGAN has 512.
pub(crate) const MOST_CHANNELS: usize = 1 << 12;
/// Tokens of the longest text.
pub(crate) const MOST_POSITIONS: usize = 1 << 17;
/// Tokens of a vocabulary.
pub(crate) const MOST_TOKENS: usize = 1 << 22;
/// Weights of a network that its file need not contain, as they are newly initialized.
const MOST_DRAWN: u64 = 1 << 28;

/// Checks an option that counts something.
/// # Errors
/// When it is 0 or more than `most`.
pub(crate) fn count(name: &str, value: usize, most: usize) -> Result<()> {
    ensure!(value > 0, "{name} is 0; expected 1 or more");
    ensure!(value <= most, "{name} is {value}; networks of up to {most} are supported");
    Ok(())
}

/// Checks a fraction, such as dropout.
/// # Errors
/// When it is below 0, or not below 1.
pub(crate) fn share(name: &str, value: f64) -> Result<()> {
    ensure!((0.0..1.0).contains(&value), "{name} is {value}; expected a number from 0 to below 1");
    Ok(())
}

/// Checks the epsilon of a norm.
/// # Errors
/// When it is outside of 0 to 1.
pub(crate) fn epsilon(name: &str, value: f64) -> Result<()> {
    ensure!((0.0..=1.0).contains(&value), "{name} is {value}; expected a number from 0 to 1");
    Ok(())
}

/// Network width factor.
/// # Errors
/// When it is not above 0, or is too large.
pub(crate) fn width(value: f64) -> Result<()> {
    ensure!(
        value > 0.0 && value <= LARGEST_WIDTH,
        "width is {value}; expected a number above 0, up to {LARGEST_WIDTH}"
    );
    Ok(())
}

/// Checks class names.
/// # Errors
/// When there are too many, or one is too long.
pub(crate) fn labels(names: &[String]) -> Result<()> {
    if names.len() > MOST_CLASSES {
        bail!("has {} labels; up to {MOST_CLASSES} are supported", names.len());
    }
    // Bytes first: that is cheap.
    let is_long = |name: &&String| name.len() > LONGEST_LABEL && name.chars().nth(LONGEST_LABEL).is_some();
    match names.iter().find(is_long) {
        Some(name) => bail!("the label \"{}\" is longer than {LONGEST_LABEL} characters", printable(name)),
        None => Ok(()),
    }
}

/// Checks that a network is not many times larger than the file that describes it.
/// # Errors
/// When it is.
pub(crate) fn check_weights(expected: &BTreeMap<String, Vec<usize>>, file: &Checkpoint) -> Result<()> {
    let numbers = |shape: &[usize]| shape.iter().fold(1_u64, |all, side| all.saturating_mul(*side as u64));
    let expected = expected.values().fold(0_u64, |all, shape| all.saturating_add(numbers(shape)));
    let there = file.tensors().iter().fold(0_u64, |all, tensor| all.saturating_add(numbers(&tensor.shape)));
    if expected > MOST_DRAWN.max(there.saturating_mul(4)) {
        bail!("its config describes a network of {expected} weights, but the file has only {there}");
    }
    Ok(())
}
