//! A fingerprint of training data, by which two model files can be compared.

use std::fmt;

use crate::Fnv1a;

/// FNV-1a over the bytes of texts and the 4-byte words of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(Fnv1a);

impl Digest {
    /// Adds a text and its end.
    pub fn text(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.0.add(byte.into()));
        self.0.add(0xff); // occurs in no UTF-8 text
    }

    /// Adds numbers.
    pub fn floats(&mut self, values: &[f32]) {
        values.iter().for_each(|value| self.0.add(value.to_bits().into()));
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "fnv1a:{:016x}", self.0.value())
    }
}
