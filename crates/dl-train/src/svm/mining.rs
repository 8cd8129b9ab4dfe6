//! One SVM per class with hard-negative mining, over a stream larger than memory: the authors' `rcnn_train.m`.
//!
//! Positives of a class are the features of its ground-truth boxes. Negatives are regions whose IoU with every object
//! of the class is below 0.3, also in images without the class. One pass over the images: all negatives of the first
//! image enter the cache of each class; from later images, those that the current SVM scores above -1.0001. After 2000
//! new ones, the SVM is retrained on the cache, and negatives that it scores below -1.2 are dropped. After the last
//! image all SVMs are trained once more.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use dl_models::heads::rcnn::RegionLinear;
use dl_record::{Matrix, Record};
use rayon::prelude::*;
use serde_json::json;

use crate::intake::{Intake, Taken};
use crate::regions::Regions;
use crate::spool::Spool;
use dl_transfer::linear::svm::{Solution, SvmConfig, solve};

/// Options of the training. The defaults are the authors'.
#[derive(Clone, Debug, PartialEq)]
pub struct MiningConfig {
    /// Options of each problem.
    pub svm: SvmConfig,
    /// A region is a negative when its IoU with every object of the class is below this.
    pub negative_iou: f64,
    /// A negative that scores above this enters the cache.
    pub hard_score: f64,
    /// A negative in the cache that scores below this leaves it after training.
    pub easy_score: f64,
    /// New negatives in the cache after which a class is retrained.
    pub retrain_after: usize,
    /// Passes over the images.
    pub passes: usize,
    /// Seed of the order in which the solver visits the examples.
    pub seed: u64,
    /// Layer to train on; `None` for the only one of the stream.
    pub layer: Option<String>,
    /// Folder of the temporary file; `None` for the system's.
    pub spool_dir: Option<PathBuf>,
}

impl Default for MiningConfig {
    fn default() -> Self {
        Self {
            svm: SvmConfig::default(),
            negative_iou: 0.3,
            hard_score: -1.0001,
            easy_score: -1.2,
            retrain_after: 2000,
            passes: 1,
            seed: 0,
            layer: None,
            spool_dir: None,
        }
    }
}

/// Takes records one at a time, then trains. Memory holds the features of the objects and the caches of negatives.
pub struct SvmTrainer {
    config: MiningConfig,
    intake: Intake,
    spool: Spool,
    /// Per class, the features of its objects, unscaled.
    positives: BTreeMap<String, Vec<Vec<f32>>>,
    objects: usize,
}

/// The result of training one class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassReport {
    /// Name of the class.
    pub label: String,
    /// Ground-truth objects.
    pub positives: usize,
    /// Negatives in the cache at the end.
    pub negatives: usize,
    /// Number of trainings.
    pub trainings: usize,
    /// Value of the objective on the cache at the end.
    pub objective: f64,
    /// Whether the solver met its tolerance every time.
    pub converged: bool,
}

impl SvmTrainer {
    /// Creates a trainer without examples.
    /// # Errors
    /// When the temporary file cannot be created.
    pub fn new(config: MiningConfig) -> Result<Self> {
        let spool = Spool::new(config.spool_dir.as_deref())?;
        let intake = Intake::new(config.layer.clone());
        Ok(Self { config, intake, spool, positives: BTreeMap::new(), objects: 0 })
    }

    /// Reads a record with `objects`, `proposals` (with the ground-truth boxes) and `features`; to be passed to
    /// [`add`](Self::add).
    /// # Errors
    /// When the record is invalid; it then changes nothing.
    pub fn take(&mut self, record: &Record) -> Result<Taken> {
        self.intake.take(record)
    }

    /// Stores a record.
    /// # Errors
    /// When the temporary file cannot be written; training cannot continue.
    pub fn add(&mut self, taken: &Taken) -> Result<()> {
        let regions = &taken.regions;
        self.objects += regions.objects.iter().filter(|object| !object.ignored).count();
        for (row, truth) in regions.truth.iter().enumerate() {
            let object = truth.map(|index| &regions.objects[index]);
            if let Some(object) = object.filter(|object| !object.ignored) {
                self.positives.entry(object.label.clone()).or_default().push(taken.features.row(row).to_vec());
            }
        }
        self.spool.push(taken)
    }

    /// The number of records to mine, over all passes.
    pub fn steps(&self) -> usize {
        self.spool.len() * self.config.passes
    }

    /// Ground-truth objects without features, because their boxes are not among the proposals.
    pub fn objects_without_features(&self) -> usize {
        self.objects.saturating_sub(self.positives.values().map(Vec::len).sum())
    }

    /// Trains the SVMs; `progress` is called after each record.
    /// # Errors
    /// When a class has no negatives, there are no positives at all, or the features cannot be read again.
    pub fn finish(self, mut progress: impl FnMut()) -> Result<(RegionLinear, Vec<ClassReport>)> {
        let Self { config, intake, mut spool, positives, objects } = self;
        if positives.is_empty() {
            let cause =
                if objects == 0 { "no record has \"objects\"" } else { "the true boxes are not among the proposals" };
            bail!("nothing to train on: {cause}; dl-embed --with-objects adds their features");
        }
        let (columns, scale) = (intake.columns(), intake.scale());
        let mut caches: Vec<Cache> =
            positives.into_iter().map(|(label, rows)| Cache::new(label, rows, columns, scale)).collect();

        let last = (spool.len() * config.passes).saturating_sub(1);
        for step in 0..=last {
            let image = step % spool.len();
            let (regions, mut features) = spool.read(image)?;
            features.data.iter_mut().for_each(|value| *value *= scale);
            let found: Vec<Vec<usize>> =
                caches.par_iter().map(|cache| cache.negatives_of(&regions, &features, image, &config)).collect();
            let mut rows: Vec<Option<Arc<[f32]>>> = vec![None; features.rows];
            for (cache, found) in caches.iter_mut().zip(found) {
                for row in found {
                    // Classes share the rows: all classes take almost all rows of the first image.
                    let features = rows[row].get_or_insert_with(|| features.row(row).into()).clone();
                    cache.negatives.push(Negative { image, row, features, alpha: 0.0 });
                    cache.new += 1;
                }
            }
            caches.par_iter_mut().for_each(|cache| {
                let due = step == 0 || step == last || cache.new > config.retrain_after;
                if due && !cache.negatives.is_empty() {
                    cache.train(&config);
                }
            });
            progress();
        }

        let mut weight = Matrix { rows: caches.len(), columns, data: Vec::new() };
        let mut bias = Vec::new();
        for cache in &caches {
            ensure!(cache.trainings > 0, "class \"{}\" has no negatives: every proposal overlaps it", cache.label);
            weight.data.extend(&cache.weight);
            bias.push(cache.bias);
        }
        let reports: Vec<ClassReport> = caches.iter().map(Cache::report).collect();
        let training = json!({
            "method": "linear SVM, hinge loss, hard-negative mining, mean norm 20",
            "cost": config.svm.cost,
            "positive_weight": config.svm.positive_weight,
            "bias": config.svm.bias,
            "tolerance": config.svm.tolerance,
            "negative_iou": config.negative_iou,
            "hard_score": config.hard_score,
            "easy_score": config.easy_score,
            "retrain_after": config.retrain_after,
            "passes": config.passes,
            "seed": config.seed,
            "records": spool.len(),
            "proposals": intake.rows(),
            "positives": reports.iter().map(|it| (it.label.clone(), it.positives)).collect::<BTreeMap<_, _>>(),
            "data": intake.digest().to_string(),
        });
        let labels = caches.into_iter().map(|cache| cache.label).collect();
        Ok((
            RegionLinear {
                layer: intake.layer().to_owned(),
                network: intake.network(),
                labels,
                scale,
                weight,
                bias,
                training,
            },
            reports,
        ))
    }
}

/// A region without the class.
struct Negative {
    image: usize,
    row: usize,
    /// Scaled.
    features: Arc<[f32]>,
    /// Its dual variable, from which the next training starts.
    alpha: f64,
}

/// The training set of one class, and its SVM so far, for scaled features.
struct Cache {
    label: String,
    /// Scaled.
    positives: Vec<Vec<f32>>,
    positive_alphas: Vec<f64>,
    negatives: Vec<Negative>,
    /// Negatives added since the last training.
    new: usize,
    weight: Vec<f32>,
    bias: f32,
    trainings: usize,
    objective: f64,
    converged: bool,
}

impl Cache {
    fn new(label: String, mut positives: Vec<Vec<f32>>, columns: usize, scale: f32) -> Self {
        positives.iter_mut().flatten().for_each(|value| *value *= scale);
        Self {
            label,
            positive_alphas: vec![0.0; positives.len()],
            positives,
            negatives: Vec::new(),
            new: 0,
            weight: vec![0.0; columns],
            bias: 0.0,
            trainings: 0,
            objective: 0.0,
            converged: true,
        }
    }

    /// The rows of an image that enter the cache. Until the first training all negatives are hard.
    fn negatives_of(&self, regions: &Regions, features: &Matrix, image: usize, config: &MiningConfig) -> Vec<usize> {
        let overlaps = regions.overlaps(&self.label);
        let mut present = vec![false; features.rows];
        for negative in self.negatives.iter().filter(|negative| negative.image == image) {
            present[negative.row] = true;
        }
        let hard = |row: usize| self.trainings == 0 || f64::from(self.score(features.row(row))) > config.hard_score;
        (0..features.rows).filter(|&row| !present[row] && overlaps[row] < config.negative_iou && hard(row)).collect()
    }

    fn score(&self, features: &[f32]) -> f32 {
        dl_models::dot(&self.weight, features) + self.bias
    }

    /// Trains on the cache, then drops the easy negatives.
    fn train(&mut self, config: &MiningConfig) {
        let rows: Vec<&[f32]> = (self.positives.iter().map(Vec::as_slice))
            .chain(self.negatives.iter().map(|negative| &*negative.features))
            .collect();
        let mut alphas = self.positive_alphas.clone();
        alphas.extend(self.negatives.iter().map(|negative| negative.alpha));
        let mut rng = dl_record::rng(config.seed, &format!("svm/{}/{}", self.label, self.trainings));
        let Solution { weight, bias, objective, converged } =
            solve(&rows, self.positives.len(), &mut alphas, &config.svm, &mut rng);
        self.weight = weight.into_iter().map(|weight| weight as f32).collect();
        self.bias = bias as f32;
        self.objective = objective;
        self.converged &= converged;
        self.trainings += 1;
        self.new = 0;
        let (positive, negative) = alphas.split_at(self.positives.len());
        self.positive_alphas.copy_from_slice(positive);
        for (example, alpha) in self.negatives.iter_mut().zip(negative) {
            example.alpha = *alpha;
        }
        let mut negatives = std::mem::take(&mut self.negatives);
        negatives.retain(|negative| f64::from(self.score(&negative.features)) >= config.easy_score);
        self.negatives = negatives;
    }

    fn report(&self) -> ClassReport {
        ClassReport {
            label: self.label.clone(),
            positives: self.positives.len(),
            negatives: self.negatives.len(),
            trainings: self.trainings,
            objective: self.objective,
            converged: self.converged,
        }
    }
}
