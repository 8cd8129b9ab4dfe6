//! FNV-1a of 64 bits: a hash that is the same forever, which `std`'s does not promise. It guards against mistakes, not
//! against attackers.

/// A hash in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv1a {
    /// The hash of `bytes`.
    pub fn of(bytes: impl IntoIterator<Item = u8>) -> u64 {
        let mut hash = Self::default();
        bytes.into_iter().for_each(|byte| hash.add(byte.into()));
        hash.value()
    }

    /// Adds a byte, or a larger word in one step.
    pub fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// The hash of everything added.
    pub fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_is_the_published_one() {
        // The test vectors of the authors.
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(super::Fnv1a::of(text.bytes()), hash);
        }
    }
}
