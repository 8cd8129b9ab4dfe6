//! The choice of classes and examples for an episode.

use anyhow::{Result, ensure};
use rand::seq::SliceRandom;

/// The size of episodes; all are above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpisodeConfig {
    /// Classes of an episode, 2 or more.
    pub ways: usize,
    /// Examples of each class that are given.
    pub shots: usize,
    /// Other examples of each class that are to be recognized.
    pub queries: usize,
}

/// A classification problem, as indices of examples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Its classes.
    pub classes: Vec<u32>,
    /// The given examples: `shots` of the first class, then of the second, ...
    pub support: Vec<usize>,
    /// The examples to be recognized, in the same order.
    pub queries: Vec<usize>,
    /// The class of each query, an index into `classes`.
    pub targets: Vec<u32>,
}

/// Draws episodes. Each depends only on the seed and its number, so that training can resume anywhere.
#[derive(Clone, Debug)]
pub struct Episodes {
    config: EpisodeConfig,
    /// The examples of each class.
    examples: Vec<Vec<usize>>,
    seed: u64,
}

/// Classes named in an error.
const NAMED: usize = 5;

impl Episodes {
    /// Draws from examples whose classes, indices into `labels`, are `classes`.
    /// # Errors
    /// When a size is too small, there are fewer classes than ways, a class is out of range, or classes have too few
    /// examples, which are then named.
    pub fn new(classes: &[u32], labels: &[String], config: EpisodeConfig, seed: u64) -> Result<Self> {
        let EpisodeConfig { ways, shots, queries } = config;
        ensure!(
            ways > 1 && shots > 0 && queries > 0,
            "episodes of {ways} classes, {shots} shots and {queries} queries; at least 2, 1 and 1 are needed"
        );
        ensure!(ways <= labels.len(), "episodes of {ways} classes need as many; there are {}", labels.len());
        let mut examples = vec![Vec::new(); labels.len()];
        for (index, class) in classes.iter().enumerate() {
            let class = *class as usize;
            ensure!(class < labels.len(), "example {index} is of class {class}, of {}", labels.len());
            examples[class].push(index);
        }
        let needed = shots + queries;
        let few = labels.iter().zip(&examples).filter(|(_, own)| own.len() < needed);
        let few: Vec<String> = few.map(|(label, own)| format!("\"{label}\" ({})", own.len())).collect();
        let others = if few.len() > NAMED { format!(" and {} others", few.len() - NAMED) } else { String::new() };
        ensure!(
            few.is_empty(),
            "too few examples of {}{others}; {shots} shots and {queries} queries need {needed} of each class",
            few[..few.len().min(NAMED)].join(", ")
        );
        Ok(Self { config, examples, seed })
    }

    /// Episode number `number`: classes without repeats, and examples of each without repeats.
    pub fn at(&self, number: usize) -> Episode {
        let EpisodeConfig { ways, shots, queries } = self.config;
        let mut rng = dl_record::rng(self.seed, &format!("episode/{number}"));
        let mut all: Vec<u32> = (0..self.examples.len() as u32).collect();
        let classes = all.partial_shuffle(&mut rng, ways).0.to_vec();
        let mut episode = Episode { classes, support: Vec::new(), queries: Vec::new(), targets: Vec::new() };
        for (target, class) in episode.classes.iter().enumerate() {
            let mut own = self.examples[*class as usize].clone();
            let (support, queried) = own.partial_shuffle(&mut rng, shots + queries).0.split_at(shots);
            episode.support.extend_from_slice(support);
            episode.queries.extend_from_slice(queried);
            episode.targets.extend(std::iter::repeat_n(target as u32, queries));
        }
        episode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: EpisodeConfig = EpisodeConfig { ways: 3, shots: 2, queries: 4 };

    fn labels(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn episodes_have_their_size_repeat_nothing_and_depend_on_seed_and_number() {
        let classes: Vec<u32> = (0..50).map(|index| index % 5).collect();
        let episodes = Episodes::new(&classes, &labels(5), CONFIG, 1).unwrap();
        let mut seen = vec![0; 50];
        for number in 0..40 {
            let episode = episodes.at(number);
            assert_eq!((episode.support.len(), episode.queries.len()), (6, 12));
            let mut sorted = episode.classes.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 3);
            let mut all: Vec<usize> = episode.support.iter().chain(&episode.queries).copied().collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 18);
            all.iter().for_each(|index| seen[*index] += 1);
            let of_support = episode.support.iter().enumerate().map(|(place, index)| (place / 2, index));
            let of_queries =
                episode.queries.iter().zip(&episode.targets).map(|(index, target)| (*target as usize, index));
            assert!(of_support.chain(of_queries).all(|(way, index)| classes[*index] == episode.classes[way]));
        }
        // 40 * 18 / 50 = 14.4 of each are expected.
        assert!(seen.iter().all(|count| (4..28).contains(count)), "{seen:?}");
        assert_eq!(episodes.at(7), Episodes::new(&classes, &labels(5), CONFIG, 1).unwrap().at(7));
        assert_ne!(episodes.at(7), episodes.at(8));
        assert_ne!(episodes.at(7), Episodes::new(&classes, &labels(5), CONFIG, 2).unwrap().at(7));
    }

    #[test]
    fn classes_with_too_few_examples_are_named() {
        let error =
            |classes: &[u32], count, config| Episodes::new(classes, &labels(count), config, 0).unwrap_err().to_string();
        let classes: Vec<u32> = (0..23).map(|index| index % 4).collect();
        let expected = "too few examples of \"class 3\" (5); 2 shots and 4 queries need 6 of each class";
        assert_eq!(error(&classes, 4, CONFIG), expected);
        let named = (0..5).map(|class| format!("\"class {class}\" (0)")).collect::<Vec<_>>().join(", ");
        let expected = format!("too few examples of {named} and 2 others; 2 shots and 4 queries need 6 of each class");
        assert_eq!(error(&[], 7, CONFIG), expected);
        assert_eq!(error(&classes, 2, CONFIG), "episodes of 3 classes need as many; there are 2");
        assert_eq!(error(&[0, 3], 3, CONFIG), "example 1 is of class 3, of 3");
        let expected = "episodes of 1 classes, 2 shots and 4 queries; at least 2, 1 and 1 are needed";
        assert_eq!(error(&classes, 4, EpisodeConfig { ways: 1, ..CONFIG }), expected);
    }
}
