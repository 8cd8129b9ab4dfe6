//! The choice of examples for a batch.

use rand::seq::SliceRandom;

/// Deals out `0..count` in rounds: each round is a new shuffled order of all, so that every example is seen equally often.
///
/// The example at a place depends only on the seed, the purpose and the place, so that training can resume anywhere.
#[derive(Clone, Debug)]
pub struct Rounds {
    count: usize,
    seed: u64,
    purpose: String,
    round: Option<usize>,
    order: Vec<usize>,
}

impl Rounds {
    /// Deals out `0..count`. Do not ask an empty range for an example.
    pub fn new(count: usize, seed: u64, purpose: &str) -> Self {
        Self { count, seed, purpose: purpose.to_owned(), round: None, order: Vec::new() }
    }

    /// The example at `place`, from 0. Places in rising order cost one shuffle per round.
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

/// At most `count` examples of each class, drawn by the seed: their indices, sorted. `classes` holds the class of each
/// example, an index into `labels`.
pub fn per_class(classes: &[u32], labels: &[String], count: usize, seed: u64) -> Vec<usize> {
    let mut kept = Vec::new();
    for (class, label) in labels.iter().enumerate() {
        let mut own: Vec<usize> = (0..classes.len()).filter(|index| classes[*index] as usize == class).collect();
        own.shuffle(&mut dl_record::rng(seed, &format!("per-class/{label}")));
        kept.extend(own.into_iter().take(count));
    }
    kept.sort_unstable();
    kept
}

/// The indices of the first `most` examples of each class; `taken` counts the examples of each class.
pub(crate) fn first_of_each(classes: impl Iterator<Item = u32>, taken: &mut [usize], most: usize) -> Vec<usize> {
    let mut first = |class: u32| {
        let taken = &mut taken[class as usize];
        *taken += 1;
        *taken <= most
    };
    classes.enumerate().filter(|(_, class)| first(*class)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_per_class_are_drawn_by_the_seed_or_are_the_first() {
        let classes: Vec<u32> = (0..30).map(|index| u32::from(index % 5 == 0)).collect();
        let labels = ["most", "few"].map(String::from);
        let kept = per_class(&classes, &labels, 8, 0);
        assert!(kept.is_sorted() && kept.iter().filter(|index| classes[**index] == 0).count() == 8);
        assert_eq!(kept.iter().filter(|index| **index % 5 == 0).count(), 6);
        assert_ne!(kept, per_class(&classes, &labels, 8, 1));
        assert_eq!(first_of_each(classes.iter().copied(), &mut [0, 0], 2), [0, 1, 2, 5]);
        assert_eq!(first_of_each(classes.iter().copied(), &mut [2, 1], 2), [0]);
    }

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
