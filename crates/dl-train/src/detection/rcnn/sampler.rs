//! The choice of examples for a loss: some of those that show objects, and background.

use dl_vision::boxes::Match;
use rand_chacha::ChaCha8Rng;

/// How examples are chosen among those of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampler {
    /// At random.
    #[default]
    Random,
    /// The first ones, for comparisons with other programs.
    First,
}

/// The chosen examples, by index, in rising order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) positives: Vec<usize>,
    pub(super) negatives: Vec<usize>,
}

impl Sampler {
    /// At most `count` examples, of which at most the share `positive` shows objects; background takes the other places.
    pub(super) fn choose(self, matches: &[Match], count: usize, positive: f64, rng: &mut ChaCha8Rng) -> Chosen {
        let of_kind = |is_kind: fn(&Match) -> bool| -> Vec<usize> {
            (0..matches.len()).filter(|index| is_kind(&matches[*index])).collect()
        };
        let most = (count as f64 * positive) as usize;
        let positives = self.some(of_kind(|found| matches!(found, Match::Object(_))), most, rng);
        let negatives = self.some(of_kind(|found| *found == Match::Background), count - positives.len(), rng);
        Chosen { positives, negatives }
    }

    fn some(self, mut indices: Vec<usize>, most: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        if indices.len() <= most {
            return indices;
        }
        match self {
            Self::First => indices.truncate(most),
            Self::Random => {
                let mut drawn: Vec<usize> = rand::seq::index::sample(rng, indices.len(), most).into_iter().collect();
                drawn.sort_unstable();
                indices = drawn.into_iter().map(|place| indices[place]).collect();
            }
        }
        indices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn background_fills_the_places_that_objects_leave() {
        let matches: Vec<Match> = (0..40)
            .map(|index| match index % 4 {
                0 => Match::Object(0),
                1 => Match::Ignored,
                _ => Match::Background,
            })
            .collect();
        let mut rng = dl_record::rng(0, "");
        let first = Sampler::First.choose(&matches, 8, 0.25, &mut rng);
        assert_eq!((first.positives, first.negatives), (vec![0, 4], vec![2, 3, 6, 7, 10, 11]));
        let drawn = Sampler::Random.choose(&matches, 8, 0.25, &mut rng);
        assert!(drawn.positives.len() == 2 && drawn.negatives.len() == 6 && drawn.negatives.is_sorted());
        assert_ne!(drawn, Sampler::Random.choose(&matches, 8, 0.25, &mut rng));
        assert_eq!(drawn, Sampler::Random.choose(&matches, 8, 0.25, &mut dl_record::rng(0, "")));
        let few = Sampler::Random.choose(&matches, 100, 0.5, &mut rng);
        assert_eq!((few.positives.len(), few.negatives.len()), (10, 20));
    }
}
