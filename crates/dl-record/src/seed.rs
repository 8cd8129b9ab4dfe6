//! Randomness that does not depend on threads, shards or batches.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::Fnv1a;

/// The generator for one sample: the same for the same (`seed`, `id`) on every machine, in every order of work.
///
/// `id` may carry more than the sample's name, for example the epoch or the purpose: `"augment/3/cat.jpg"`.
pub fn rng(seed: u64, id: &str) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(Fnv1a::of(seed.to_le_bytes().into_iter().chain(id.bytes())))
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    #[test]
    fn the_draws_of_a_sample_are_fixed_for_ever() {
        assert_eq!(super::rng(0, "cat.jpg").next_u64(), super::rng(0, "cat.jpg").next_u64());
        assert_ne!(super::rng(0, "cat.jpg").next_u64(), super::rng(1, "cat.jpg").next_u64());
        assert_ne!(super::rng(0, "cat.jpg").next_u64(), super::rng(0, "dog.jpg").next_u64());
    }
}
