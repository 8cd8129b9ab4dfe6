//! Which examples are in a batch.

use rand::seq::SliceRandom;

/// Deals out `0..count` in rounds: each round is a new shuffled order of all, so that every example is seen equally often.
///
/// What is dealt at a place depends on the seed, the purpose and the place alone, so that a training can go on from
/// anywhere.
#[derive(Clone, Debug)]
pub struct Rounds {
    count: usize,
    seed: u64,
    purpose: String,
    round: Option<usize>,
    order: Vec<usize>,
}

impl Rounds {
    /// Deals out `0..count`; nothing can be asked of an empty range.
    pub fn new(count: usize, seed: u64, purpose: &str) -> Self {
        Self { count, seed, purpose: purpose.to_owned(), round: None, order: Vec::new() }
    }

    /// The example at `place`, from 0. Places in rising order cost one shuffle a round.
    pub fn at(&mut self, place: usize) -> usize {
        let round = place / self.count;
        if self.round != Some(round) {
            self.order = (0..self.count).collect();
            self.order.shuffle(&mut dl_record::rng(self.seed, &format!("{}/{round}", self.purpose)));
            self.round = Some(round);
        }
        self.order[place % self.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_holds_every_example_once_in_another_order() {
        let mut rounds = Rounds::new(20, 1, "positives");
        let dealt: Vec<usize> = (0..60).map(|place| rounds.at(place)).collect();
        for round in dealt.chunks(20) {
            let mut sorted = round.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..20).collect::<Vec<_>>());
        }
        assert_ne!(dealt[..20], dealt[20..40]);
        assert_eq!(Rounds::new(20, 1, "positives").at(57), dealt[57]);
        assert_ne!((0..20).map(|place| Rounds::new(20, 2, "positives").at(place)).collect::<Vec<_>>(), dealt[..20]);
    }
}
