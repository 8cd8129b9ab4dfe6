//! Randomness that does not depend on threads, shards or batches.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The generator for one sample: the same for the same (`seed`, `id`) on every machine, in every order of work.
///
/// `id` may carry more than the sample's name, for example the epoch or the purpose: `"augment/3/cat.jpg"`.
pub fn rng(seed: u64, id: &str) -> ChaCha8Rng {
    // FNV-1a over seed and id. The hash must be the same for ever, which `std`'s does not promise; ChaCha mixes the
    // rest.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in seed.to_le_bytes().into_iter().chain(id.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    ChaCha8Rng::seed_from_u64(hash)
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
