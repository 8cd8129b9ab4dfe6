//! A stream divided into N parts for N workers.

use std::str::FromStr;

use anyhow::{Result, bail};

/// Part `index` of `count`, written `I/N` with I from 1 to N: every N-th record, so that the sizes of the parts differ by
/// at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The part, from 0.
    pub index: u64,
    /// The number of parts, at least 1.
    pub count: u64,
}

impl Shard {
    /// Whether the record at `position` (from 0) belongs to this part.
    pub fn holds(&self, position: u64) -> bool {
        position % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some((index, count)) = text.split_once('/')
            && let (Ok(index), Ok(count)) = (index.parse::<u64>(), count.parse::<u64>())
            && (1..=count).contains(&index)
        {
            return Ok(Self { index: index - 1, count });
        }
        bail!("a shard is I/N with I from 1 to N, for example 1/8; got \"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_in_exactly_one_shard() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].iter().map(|text| text.parse().unwrap()).collect();
        for position in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.holds(position)).count(), 1);
        }
        for bad in ["0/3", "4/3", "1", "a/b", "1/0"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
