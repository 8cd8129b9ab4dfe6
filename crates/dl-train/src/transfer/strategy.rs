//! The four cases of transfer learning: little or much data, a similar or a different domain.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Nothing of the network; a logistic regression on its features becomes the head.
    FeatureExtraction,
    /// The head, by gradient descent, with augmentation and dropout.
    Head,
    /// The head and the last two stages.
    Top,
    /// Everything, from the pretrained weights on.
    All,
    /// Everything, from nothing.
    Scratch,
}

impl fmt::Display for Strategy {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::FeatureExtraction => "feature-extraction",
            Self::Head => "head",
            Self::Top => "top",
            Self::All => "all",
            Self::Scratch => "scratch",
        })
    }
}

/// What was measured of a data set and of a pretrained network's features on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// Examples of the class that has fewest.
    pub per_class: usize,
    /// LogME of the features of a sample, see [`log_me`](super::log_me).
    pub log_me: f64,
    /// LogME of features that say nothing: the evidence of each class' share alone.
    pub nothing: f64,
    /// H-score over its largest value, from 0 to 1, see [`h_score`](super::h_score).
    pub h_score: f64,
}

impl Finding {
    /// Fewer examples of a class than this are little data.
    pub const LITTLE: usize = 100;
    /// Features that explain at least this much are of a similar domain.
    pub const SIMILAR: f64 = 0.5;
    /// Features that explain less than this are no better than none.
    pub const USELESS: f64 = 0.02;

    /// The evidence of features that say nothing: each class' 0/1 labels as a normal distribution about their mean.
    pub fn of_nothing(counts: &[usize]) -> f64 {
        let all: usize = counts.iter().sum();
        let evidence = counts.iter().map(|count| {
            let share = *count as f64 / all.max(1) as f64;
            let variance = (share * (1.0 - share)).max(1e-12);
            -0.5 * (2.0 * std::f64::consts::PI * variance).ln() - 0.5
        });
        evidence.sum::<f64>() / counts.len().max(1) as f64
    }

    /// The share of the labels' variance that the features explain, beyond what so many features explain of anything:
    /// what LogME gains on nothing, as 1 - exp(-2 gain). From 0 to 1.
    pub fn explained(&self) -> f64 {
        (1.0 - (-2.0 * (self.log_me - self.nothing)).exp()).max(0.0)
    }

    /// What should learn.
    pub fn strategy(&self) -> Strategy {
        let (little, explained) = (self.per_class < Self::LITTLE, self.explained());
        match (little, explained >= Self::SIMILAR) {
            (true, true) => Strategy::FeatureExtraction,
            (true, false) => Strategy::Top,
            (false, _) if explained < Self::USELESS => Strategy::Scratch,
            (false, _) => Strategy::All,
        }
    }

    /// What was found, and what follows from it, in one line.
    pub fn reasons(&self) -> String {
        let Self { per_class, log_me, h_score, .. } = self;
        let data = if *per_class < Self::LITTLE { "little data" } else { "much data" };
        let explained = self.explained();
        let domain = if explained >= Self::SIMILAR {
            "a similar domain"
        } else if explained < Self::USELESS {
            "a domain that they say nothing of"
        } else {
            "a different domain"
        };
        format!(
            "at least {per_class} examples a class is {data}; the features explain {:.0} % of the labels (LogME {log_me:.3}, \
             H-score {h_score:.2} of 1), {domain}: strategy {}",
            100.0 * explained,
            self.strategy()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_cases_are_told_apart() {
        let nothing = Finding::of_nothing(&[10, 10]);
        let finding = |per_class, gain| Finding { per_class, log_me: nothing + gain, nothing, h_score: 0.5 };
        assert_eq!(finding(20, 0.6).strategy(), Strategy::FeatureExtraction);
        assert_eq!(finding(20, 0.1).strategy(), Strategy::Top);
        assert_eq!(finding(2000, 0.6).strategy(), Strategy::All);
        assert_eq!(finding(2000, 0.1).strategy(), Strategy::All);
        assert_eq!(finding(2000, -0.1).strategy(), Strategy::Scratch);
        assert!(finding(20, 0.6).reasons().ends_with("a similar domain: strategy feature-extraction"));
        // Half of the labels each: a standard deviation of 1/2.
        assert!((nothing - (-0.5 * (0.5 * std::f64::consts::PI).ln() - 0.5)).abs() < 1e-12);
    }
}
