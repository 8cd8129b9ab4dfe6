//! R-CNN's bounding-box regression (Girshick et al. 2014, appendix C; the authors' `rcnn_train_bbox_regressor.m`): one
//! ridge regression per class from the features of a proposal to the deltas of the ground-truth box.
//!
//! As in the authors' code, features are scaled to mean norm 20 and get a constant 1 that is regularized like the rest;
//! the targets are centered and whitened. (With one lambda for the four outputs the whitening cancels out, up to
//! rounding.) Ground-truth boxes among the proposals are pairs too, with deltas 0. Scale, whitening and mean are folded
//! into the returned weights.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Result, anyhow, ensure};
use dl_models::heads::rcnn::{DELTAS, RegionLinear};
use dl_record::{BBox, Matrix, Record};
use dl_vision::boxes::{BoxCoder, best_overlap};
use faer::{Mat, MatRef, Side};
use serde_json::json;

use crate::intake::{Intake, Taken};
use crate::spool::RowSpool;
use dl_transfer::ridge::ridge;

/// Added to the variances of the targets before the whitening divides by them.
const WHITENING_FLOOR: f64 = 0.001;

/// Options of the training. The defaults are the paper's.
#[derive(Clone, Debug, PartialEq)]
pub struct BoxRegressionConfig {
    /// Train on proposals with more than this IoU with the best object.
    pub min_iou: f64,
    /// Weight of |B|^2.
    pub lambda: f64,
    /// Layer to train on; `None` for the only one of the stream.
    pub layer: Option<String>,
    /// Folder of the temporary file; `None` for the system's.
    pub spool_dir: Option<PathBuf>,
}

impl Default for BoxRegressionConfig {
    fn default() -> Self {
        Self { min_iou: 0.6, lambda: 1000.0, layer: None, spool_dir: None }
    }
}

/// A proposal near an object.
struct Pair {
    row: u64,
    deltas: [f64; DELTAS],
}

/// Takes records one at a time, then trains. Only the deltas of the pairs are held in memory.
pub struct BoxTrainer {
    config: BoxRegressionConfig,
    intake: Intake,
    records: u64,
    spool: Option<RowSpool>,
    pairs: BTreeMap<String, Vec<Pair>>,
}

impl BoxTrainer {
    /// Creates a trainer without examples.
    pub fn new(config: BoxRegressionConfig) -> Self {
        let intake = Intake::new(config.layer.clone());
        Self { config, intake, records: 0, spool: None, pairs: BTreeMap::new() }
    }

    /// Reads a record with `objects`, `proposals` and `features`; to be passed to [`add`](Self::add).
    /// # Errors
    /// When the record is invalid; it then changes nothing.
    pub fn take(&mut self, record: &Record) -> Result<Taken> {
        self.intake.take(record)
    }

    /// Stores the pairs of a record.
    /// # Errors
    /// When the temporary file cannot be written; training cannot continue.
    pub fn add(&mut self, taken: &Taken) -> Result<()> {
        self.records += 1;
        let objects = &taken.regions.objects;
        let truth: Vec<BBox> = objects.iter().map(|object| object.bbox).collect();
        for (index, bbox) in taken.regions.boxes.iter().enumerate() {
            let Some(best) = best_overlap(bbox, &truth).filter(|best| best.iou > self.config.min_iou) else { continue };
            let object = &objects[best.index];
            if object.ignored {
                continue;
            }
            let spool = match &mut self.spool {
                Some(spool) => spool,
                None => {
                    let folder = self.config.spool_dir.as_deref();
                    self.spool.insert(RowSpool::new(folder, taken.features.columns)?)
                }
            };
            let row = spool.push(taken.features.row(index))?;
            let deltas = BoxCoder::default().encode(bbox, &object.bbox);
            self.pairs.entry(object.label.clone()).or_default().push(Pair { row, deltas });
        }
        Ok(())
    }

    /// The number of classes to train.
    pub fn classes(&self) -> usize {
        self.pairs.len()
    }

    /// Trains a regressor for each class that has a pair; `progress` is called after each.
    /// # Errors
    /// When no proposal was near a true object, or the temporary file cannot be read.
    pub fn finish(self, mut progress: impl FnMut(&str)) -> Result<RegionLinear> {
        let Self { config, intake, records, spool, pairs } = self;
        let mut spool = spool.ok_or_else(|| {
            let least = config.min_iou;
            anyhow!("no proposal has an IoU above {least} with a true object; do the records have \"objects\"?")
        })?;
        ensure!(config.lambda > 0.0, "lambda must be above 0, not {}", config.lambda);
        let (columns, scale) = (intake.columns(), intake.scale());
        let mut weight = Matrix { rows: 0, columns, data: Vec::new() };
        let mut bias = Vec::new();
        for (label, pairs) in &pairs {
            let targets = Mat::from_fn(pairs.len(), DELTAS, |i, j| pairs[i].deltas[j]);
            let block = |range: Range<usize>| {
                // [rows, columns + 1]: the constant 1 carries the bias.
                let mut features = Mat::from_fn(range.len(), columns + 1, |_, _| 1.0);
                for (i, pair) in pairs[range].iter().enumerate() {
                    for (j, value) in spool.read(pair.row)?.into_iter().enumerate() {
                        features[(i, j)] = f64::from(scale) * f64::from(value);
                    }
                }
                Ok(features)
            };
            let (solution, mean) = regress(targets.as_ref(), columns + 1, config.lambda, block)?;
            for output in 0..DELTAS {
                weight.data.extend((0..columns).map(|column| solution[(column, output)] as f32));
                bias.push((solution[(columns, output)] + mean[output]) as f32);
            }
            weight.rows += DELTAS;
            progress(label);
        }
        let training = json!({
            "method": "ridge regression, whitened targets, mean norm 20",
            "lambda": config.lambda,
            "min_iou": config.min_iou,
            "records": records,
            "proposals": intake.rows(),
            "pairs": pairs.iter().map(|(label, pairs)| (label.clone(), pairs.len())).collect::<BTreeMap<_, _>>(),
            "data": intake.digest().to_string(),
        });
        let labels = pairs.into_keys().collect();
        Ok(RegionLinear {
            layer: intake.layer().to_owned(),
            network: intake.network(),
            labels,
            scale,
            weight,
            bias,
            training,
        })
    }
}

/// Ridge regression of centered, whitened targets, with the whitening undone; also returns the mean to add.
fn regress(
    targets: MatRef<f64>,
    columns: usize,
    lambda: f64,
    block: impl FnMut(Range<usize>) -> Result<Mat<f64>>,
) -> Result<(Mat<f64>, [f64; DELTAS])> {
    let rows = targets.nrows() as f64;
    let mean: [f64; DELTAS] = std::array::from_fn(|j| targets.col(j).iter().sum::<f64>() / rows);
    let centered = Mat::from_fn(targets.nrows(), DELTAS, |i, j| targets[(i, j)] - mean[j]);
    let covariance = Mat::from_fn(DELTAS, DELTAS, |i, j| {
        centered.col(i).iter().zip(centered.col(j).iter()).map(|(a, b)| a * b).sum::<f64>() / rows
    });
    let eigen = covariance.self_adjoint_eigen(Side::Lower);
    let eigen = eigen.map_err(|error| anyhow!("the targets cannot be whitened ({error:?})"))?;
    let vectors = eigen.U();
    let deviation = |k: usize| (eigen.S()[k].max(0.0) + WHITENING_FLOOR).sqrt();
    // V diag(f) V'
    let symmetric = |factor: &dyn Fn(f64) -> f64| {
        Mat::from_fn(DELTAS, DELTAS, |i, j| {
            (0..DELTAS).map(|k| vectors[(i, k)] * factor(deviation(k)) * vectors[(j, k)]).sum::<f64>()
        })
    };
    let whitened = &centered * symmetric(&|deviation| 1.0 / deviation);
    let solution = ridge(whitened.as_ref(), columns, lambda, block)?;
    Ok((&solution * symmetric(&|deviation| deviation), mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitening_leaves_the_closed_form_as_it_is() {
        let (rows, columns) = (40, 9);
        let features = Mat::from_fn(rows, columns, |i, j| crate::formula(i as u64, j as u64));
        let targets = Mat::from_fn(rows, DELTAS, |i, j| 0.1 * crate::formula(i as u64, (columns + j) as u64));
        let block = |range: Range<usize>| Ok(features.subrows(range.start, range.len()).to_owned());
        let (found, mean) = regress(targets.as_ref(), columns, 3.0, block).unwrap();
        let centered = Mat::from_fn(rows, DELTAS, |i, j| targets[(i, j)] - mean[j]);
        let plain = ridge(centered.as_ref(), columns, 3.0, block).unwrap();
        assert!((&found - &plain).norm_max() < 1e-12 && plain.norm_max() > 1e-3);
    }

    #[test]
    fn deltas_that_are_linear_in_the_features_are_recovered() {
        // One object, proposals shifted by their feature: dx = feature / 20.
        let lines = (0..60).map(|i| {
            let shift = f64::from(i % 7) - 3.0;
            let x = 100.0 - 20.0 * shift / 20.0;
            format!(
                r#"{{"id":"{i}","objects":[{{"box":[100,100,120,120],"label":"cat"}}],
                   "proposals":[{{"box":[{x},100,{},120],"score":1}}],
                   "features":{{"pool5":{{"dtype":"f32","shape":[1,2],"values":[[{shift},1]]}}}}}}"#,
                x + 20.0
            )
        });
        let mut trainer = BoxTrainer::new(BoxRegressionConfig { lambda: 1e-6, ..Default::default() });
        for line in lines {
            let taken = trainer.take(&Record::parse(&line).unwrap()).unwrap();
            trainer.add(&taken).unwrap();
        }
        let linear = trainer.finish(|_| ()).unwrap();
        assert_eq!((linear.labels.as_slice(), linear.layer.as_str()), (["cat".to_owned()].as_slice(), "pool5"));
        let deltas: Vec<f32> = (0..DELTAS).map(|output| linear.output(&[2.0, 1.0], output)).collect();
        for (found, expected) in deltas.iter().zip([0.1, 0.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-4, "{deltas:?}");
        }
    }
}
