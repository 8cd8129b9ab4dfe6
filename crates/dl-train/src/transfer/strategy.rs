//! The cases of transfer learning: little or much data, a similar or a different domain.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Only a new head: a logistic regression on the features of the unchanged network.
    FeatureExtraction,
    /// Only the head, by gradient descent, with augmentation and dropout.
    Head,
    /// The head and the last two stages.
    Top,
    /// All layers, starting from the pretrained weights.
    All,
    /// All layers, from scratch.
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

/// What was measured about a dataset and about a pretrained network's features on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// Examples of the smallest class.
    pub per_class: usize,
    /// LogME of the features of a sample, see [`log_me`](dl_transfer::score::log_me).
    pub log_me: f64,
    /// LogME of uninformative features: the evidence of the class proportions alone.
    pub baseline: f64,
    /// H-score divided by its largest value, from 0 to 1, see [`h_score`](dl_transfer::score::h_score).
    pub h_score: f64,
}

impl Finding {
    /// Fewer examples per class than this are little data.
    pub const LITTLE: usize = 100;
    /// Features that explain less than this are useless.
    pub const USELESS: f64 = 0.02;

    /// The evidence of uninformative features: the 0/1 labels of each class as a normal distribution about their mean.
    pub fn baseline_of(counts: &[usize]) -> f64 {
        let all: usize = counts.iter().sum();
        let evidence = counts.iter().map(|count| {
            let share = *count as f64 / all.max(1) as f64;
            let variance = (share * (1.0 - share)).max(1e-12);
            -0.5 * (2.0 * std::f64::consts::PI * variance).ln() - 0.5
        });
        evidence.sum::<f64>() / counts.len().max(1) as f64
    }

    /// The fraction of the labels' variance that the features explain, beyond what as many features would explain by
    /// chance: LogME's gain over uninformative features, as 1 - exp(-2 gain). From 0 to 1.
    pub fn explained(&self) -> f64 {
        (1.0 - (-2.0 * (self.log_me - self.baseline)).exp()).max(0.0)
    }

    /// The strategies that may be best. With many examples it is clear; with few, only a trial shows.
    pub fn candidates(&self) -> Vec<Strategy> {
        match (self.per_class < Self::LITTLE, self.explained() < Self::USELESS) {
            (true, _) => vec![Strategy::FeatureExtraction, Strategy::Head, Strategy::Top, Strategy::All],
            (false, true) => vec![Strategy::Scratch],
            (false, false) => vec![Strategy::All],
        }
    }

    /// What was measured, on one line.
    pub fn words(&self) -> String {
        let Self { per_class, log_me, h_score, .. } = self;
        format!(
            "the smallest class has {per_class} examples; the features explain {:.0}% of the labels (LogME {log_me:.3}, \
             H-score {h_score:.2} of 1)",
            100.0 * self.explained()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_examples_leave_the_strategy_open() {
        let baseline = Finding::baseline_of(&[10, 10]);
        let finding = |per_class, gain| Finding { per_class, log_me: baseline + gain, baseline, h_score: 0.5 };
        assert_eq!(finding(20, 0.6).candidates().len(), 4);
        assert_eq!(finding(20, -0.1).candidates().len(), 4);
        assert_eq!(finding(2000, 0.6).candidates(), [Strategy::All]);
        assert_eq!(finding(2000, 0.1).candidates(), [Strategy::All]);
        assert_eq!(finding(2000, -0.1).candidates(), [Strategy::Scratch]);
        assert!(finding(20, 0.6).words().starts_with("the smallest class has 20 examples"));
        // Half of the labels each: a standard deviation of 1/2.
        assert!((baseline - (-0.5 * (0.5 * std::f64::consts::PI).ln() - 0.5)).abs() < 1e-12);
    }
}
