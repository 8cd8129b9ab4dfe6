//! Randomness that does not depend on threads, shards or batches.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::Fnv1a;

/// The random generator for one sample: the same for the same (`seed`, `id`), on any machine and in any order of work.
///
/// `id` may hold more than the sample's name, such as the purpose or the epoch: `"augment/3/cat.jpg"`.
pub fn rng(seed: u64, id: &str) -> ChaCha8Rng {
    // A hash that never changes, which `std` does not promise for its own; ChaCha does the rest of the mixing.
    ChaCha8Rng::seed_from_u64(Fnv1a::of(seed.to_le_bytes().into_iter().chain(id.bytes())))
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    #[test]
    fn the_draws_depend_on_seed_and_id_alone() {
        assert_eq!(super::rng(0, "cat.jpg").next_u64(), super::rng(0, "cat.jpg").next_u64());
        assert_ne!(super::rng(0, "cat.jpg").next_u64(), super::rng(1, "cat.jpg").next_u64());
        assert_ne!(super::rng(0, "cat.jpg").next_u64(), super::rng(0, "dog.jpg").next_u64());
    }
}
