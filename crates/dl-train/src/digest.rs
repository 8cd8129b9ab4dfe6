//! A fingerprint of what a model was trained on, so that two model files can be told apart, or known to agree.

use std::fmt;

/// FNV-1a of 64 bits, over words of 4 bytes where there are many. It guards against mistakes, not against forgers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Takes in a text and where it ends.
    pub fn text(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.mix(byte.into()));
        self.mix(0xff); // in no UTF-8 text
    }

    /// Takes in numbers.
    pub fn floats(&mut self, values: &[f32]) {
        values.iter().for_each(|value| self.mix(value.to_bits().into()));
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "fnv1a:{:016x}", self.0)
    }
}
