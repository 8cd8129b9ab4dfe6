//! Draws whose values are the same on every machine and with every release of `rand`: only its bits are used.

use dl_record::rng;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A source of draws.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The draws that belong to (`seed`, `id`).
    pub(crate) fn new(seed: u64, id: &str) -> Self {
        Self(rng(seed, id))
    }

    /// From 0 to 1, 1 excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From `low` to `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn whole(&mut self, low: usize, high: usize) -> usize {
        low + (self.unit() * (high - low + 1) as f64) as usize
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `choices`, which are not empty.
    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.whole(0, choices.len() - 1)]
    }

    /// Mean 0, deviation 1, never beyond 3.5: the sum of four uniform draws.
    pub(crate) fn bell(&mut self) -> f64 {
        ((0..4).map(|_| self.unit()).sum::<f64>() - 2.0) * 3.0_f64.sqrt()
    }

    /// A number for [`noise`](super::canvas::noise).
    pub(crate) fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }
}
