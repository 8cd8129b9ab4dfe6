//! A classifier of features that is not linear in them, or whose classes may change after training.

use anyhow::{Context, Result, bail, ensure};
use faer::{Mat, MatRef};

use crate::attributes::{Dap, Eszsl, Signatures, calibrate};
use crate::boost::Boosted;
use crate::linear::OneVsOne;
use crate::mlp::Mlp;
use crate::neighbors::{Neighbors, NeighborsConfig};
use crate::prototypes::Prototypes;

/// Added to the share of the class that wins among equal shares, so that it comes first.
const NUDGE: f64 = 1e-12;

/// How rows are classified.
#[derive(Clone, Debug)]
pub enum HeadMethod {
    /// By the votes of the nearest training rows.
    Neighbors {
        /// [n, d], the training rows.
        x: Mat<f64>,
        /// [n], the class of each.
        classes: Vec<usize>,
        /// Who votes, and how much.
        config: NeighborsConfig,
        /// The same, ready to search.
        index: Box<Neighbors>,
    },
    /// By the nearest mean.
    Prototypes(Prototypes),
    /// By the votes of linear classifiers (TrAdaBoost).
    Boosted(Boosted),
    /// By the votes of planes between each two classes (an SVM).
    OneVsOne(OneVsOne),
    /// By attributes of the classes, with a bilinear map.
    Eszsl(Eszsl, Signatures),
    /// By attributes of the classes, each predicted by a classifier.
    Dap(Dap, Signatures),
    /// By a small network.
    Mlp(Mlp),
}

impl HeadMethod {
    /// Nearest neighbors of the rows `x` [n, d] of `classes` [n], each below `count`.
    /// # Errors
    /// As [`Neighbors::new`].
    pub fn neighbors(x: Mat<f64>, classes: Vec<usize>, count: usize, config: NeighborsConfig) -> Result<Self> {
        let index = Box::new(Neighbors::new(x.as_ref(), &classes, count, config)?);
        Ok(Self::Neighbors { x, classes, config, index })
    }

    /// Numbers per row.
    pub fn columns(&self) -> usize {
        match self {
            Self::Neighbors { x, .. } => x.ncols(),
            Self::Prototypes(prototypes) => prototypes.means().ncols(),
            Self::Boosted(boosted) => boosted.voters.first().map_or(0, |voter| voter.weight.ncols()),
            Self::OneVsOne(planes) => planes.weight.ncols(),
            Self::Eszsl(eszsl, _) => eszsl.map.nrows(),
            Self::Dap(dap, _) => dap.weight.ncols(),
            Self::Mlp(network) => network.columns(),
        }
    }
}

/// A classifier of the features of one layer.
#[derive(Clone, Debug)]
pub struct FeatureHead {
    /// Name of the features' layer.
    pub layer: String,
    /// Fingerprint of the network that computed the features it was trained on, if known.
    pub network: Option<String>,
    /// Names of the classes.
    pub labels: Vec<String>,
    /// How rows are classified.
    pub method: HeadMethod,
    /// Subtracted from the scores of classes seen in training, and which these are; for attributes alone.
    pub calibration: Option<(f64, Vec<String>)>,
}

impl FeatureHead {
    /// The probability of each class for rows [n, d]: [n, classes].
    /// # Errors
    /// When the width differs, or a number is not finite.
    pub fn probabilities(&self, rows: MatRef<f64>) -> Result<Mat<f64>> {
        let columns = self.method.columns();
        ensure!(
            rows.ncols() == columns,
            "the features of {} have length {}, but the head expects {columns}",
            self.layer,
            rows.ncols()
        );
        match &self.method {
            HeadMethod::Neighbors { index, .. } => {
                let mut vote = index.vote(rows)?;
                for (row, best) in vote.best.iter().enumerate() {
                    vote.shares[(row, *best)] += NUDGE;
                }
                Ok(vote.shares)
            }
            HeadMethod::Prototypes(prototypes) => prototypes.probabilities(rows),
            HeadMethod::Boosted(boosted) => boosted.shares(rows),
            HeadMethod::OneVsOne(planes) => planes.shares(rows),
            HeadMethod::Eszsl(eszsl, signatures) => self.of_scores(eszsl.scores(rows, signatures)?),
            HeadMethod::Dap(dap, signatures) => self.of_scores(dap.scores(rows, signatures)?),
            HeadMethod::Mlp(network) => Ok(network.probabilities(rows)),
        }
    }

    fn of_scores(&self, mut scores: Mat<f64>) -> Result<Mat<f64>> {
        if let Some((amount, seen)) = &self.calibration {
            let seen: Vec<bool> = self.labels.iter().map(|label| seen.contains(label)).collect();
            calibrate(&mut scores, &seen, *amount)?;
        }
        crate::linalg::softmax_rows(&mut scores);
        Ok(scores)
    }

    /// Replaces the classes by those of `signatures`, which may have been unseen in training. `calibration` is
    /// subtracted from the scores of the classes that were seen.
    /// # Errors
    /// When the head does not classify by attributes, or those of the signatures are others.
    pub fn set_classes(&mut self, signatures: &Signatures, calibration: f64) -> Result<()> {
        let own = match &mut self.method {
            HeadMethod::Eszsl(_, own) | HeadMethod::Dap(_, own) => own,
            _ => bail!("the head does not classify by attributes; dl-finetune attributes trains one that does"),
        };
        let signatures = signatures.with_attributes(own.attributes())?;
        let seen = std::mem::take(&mut self.labels);
        self.labels = signatures.classes().to_vec();
        *own = signatures;
        if calibration != 0.0 {
            self.calibration = Some((calibration, seen));
        }
        Ok(())
    }

    /// Adds labeled rows [n, d] to the means of their classes, which may be new.
    /// # Errors
    /// When the head has no prototypes, the width differs, or a number is not finite.
    pub fn support(&mut self, rows: MatRef<f64>, labels: &[String]) -> Result<()> {
        let HeadMethod::Prototypes(prototypes) = &mut self.method else {
            bail!("the head has no prototypes to add to; dl-finetune prototypes trains one that has");
        };
        let mut classes = Vec::new();
        for label in labels {
            let known = self.labels.iter().position(|known| known == label);
            classes.push(known.unwrap_or_else(|| {
                self.labels.push(label.clone());
                self.labels.len() - 1
            }));
        }
        prototypes.support(rows, &classes).context("the support rows")
    }
}
