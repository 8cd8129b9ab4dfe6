//! Proposals: how much of the truth the first N regions cover, regardless of class.
//!
//! Recall at an IoU threshold, and the average best overlap of Uijlings et al. 2013, section 5: ABO is the IoU with the
//! best region, averaged over the objects of a class; MABO is its mean over the classes. Objects marked difficult or crowd
//! are left out.

use std::collections::BTreeMap;

use dl_record::{BBox, Object};
use dl_vision::boxes::iou;

/// Options of the evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalConfig {
    /// Overlaps from which an object is covered, each from 0 to 1.
    pub ious: Vec<f64>,
    /// Numbers of regions per image to use, best first; one row of the result each.
    pub at: Vec<usize>,
}

impl Default for ProposalConfig {
    fn default() -> Self {
        Self { ious: vec![0.5, 0.7], at: vec![10, 100, 1000, 2000] }
    }
}

/// Evaluates images one by one.
#[derive(Clone, Debug)]
pub struct ProposalEvaluator {
    config: ProposalConfig,
    /// By label.
    classes: BTreeMap<String, Class>,
    images: usize,
    proposals: usize,
}

#[derive(Clone, Debug)]
struct Class {
    objects: usize,
    /// One entry for each of `config.at`.
    sums: Vec<Sums>,
}

#[derive(Clone, Debug)]
struct Sums {
    overlap: f64,
    /// Objects covered, one entry for each of `config.ious`.
    covered: Vec<usize>,
}

/// The figures.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalReport {
    /// Number of images.
    pub images: usize,
    /// Number of objects that count.
    pub objects: usize,
    /// Mean number of regions per image; 0 without images.
    pub proposals_per_image: f64,
    /// One entry for each of [`ProposalConfig::at`].
    pub at: Vec<ProposalsAt>,
}

/// The figures for the first N regions of each image.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalsAt {
    /// N.
    pub count: usize,
    /// Fraction of the objects that is covered, one entry for each IoU threshold; `None` without objects.
    pub recall: Vec<Option<f64>>,
    /// Mean best overlap over all objects; `None` without objects.
    pub mean_best_overlap: Option<f64>,
    /// Mean over the classes of [`abo`](Self::abo); `None` without objects.
    pub mabo: Option<f64>,
    /// Average best overlap by class.
    pub abo: Vec<(String, f64)>,
}

impl ProposalEvaluator {
    /// An evaluation without images.
    pub fn new(config: ProposalConfig) -> Self {
        Self { config, classes: BTreeMap::new(), images: 0, proposals: 0 }
    }

    /// Adds the objects of an image and its regions, best first.
    pub fn add(&mut self, objects: &[Object], proposals: &[BBox]) {
        self.images += 1;
        self.proposals += proposals.len();
        for object in objects.iter().filter(|object| !object.difficult && !object.crowd) {
            let best = self.best_overlaps(object, proposals);
            let class = self.classes.entry(object.label.clone()).or_insert_with(|| {
                let sums = Sums { overlap: 0.0, covered: vec![0; self.config.ious.len()] };
                Class { objects: 0, sums: vec![sums; self.config.at.len()] }
            });
            class.objects += 1;
            for (sums, best) in class.sums.iter_mut().zip(best) {
                sums.overlap += best;
                for (covered, threshold) in sums.covered.iter_mut().zip(&self.config.ious) {
                    *covered += usize::from(best >= *threshold);
                }
            }
        }
    }

    /// The best overlap among the first regions, one entry for each of `config.at`.
    fn best_overlaps(&self, object: &Object, proposals: &[BBox]) -> Vec<f64> {
        let mut order: Vec<usize> = (0..self.config.at.len()).collect();
        order.sort_by_key(|&index| self.config.at[index]);
        let mut bests = vec![0.0; order.len()];
        let (mut best, mut seen) = (0.0_f64, 0);
        for index in order {
            let until = self.config.at[index].min(proposals.len());
            best = proposals[seen..until].iter().map(|proposal| iou(proposal, &object.bbox)).fold(best, f64::max);
            seen = until;
            bests[index] = best;
        }
        bests
    }

    /// The figures of all images so far.
    pub fn finish(self) -> ProposalReport {
        let objects: usize = self.classes.values().map(|class| class.objects).sum();
        let share = |sum: f64| (objects > 0).then(|| sum / objects as f64);
        let at = self.config.at.iter().enumerate().map(|(index, &count)| {
            let sums: Vec<&Sums> = self.classes.values().map(|class| &class.sums[index]).collect();
            let abo: Vec<(String, f64)> = (self.classes.iter())
                .map(|(label, class)| (label.clone(), class.sums[index].overlap / class.objects as f64))
                .collect();
            ProposalsAt {
                count,
                recall: (0..self.config.ious.len())
                    .map(|iou| share(sums.iter().map(|sums| sums.covered[iou] as f64).sum()))
                    .collect(),
                mean_best_overlap: share(sums.iter().map(|sums| sums.overlap).sum()),
                mabo: (!abo.is_empty()).then(|| abo.iter().map(|(_, abo)| abo).sum::<f64>() / abo.len() as f64),
                abo,
            }
        });
        ProposalReport {
            images: self.images,
            objects,
            proposals_per_image: self.proposals as f64 / self.images.max(1) as f64,
            at: at.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(label: &str, width: f64) -> Object {
        Object { bbox: BBox::new(0.0, 0.0, width, 10.0), label: label.into(), ..Object::default() }
    }

    #[test]
    fn recall_and_overlap_grow_with_the_number_of_regions() {
        let config = ProposalConfig { ious: vec![0.5, 0.9], at: vec![2, 1, 100] };
        let mut evaluator = ProposalEvaluator::new(config);
        let regions = [5.0, 2.5, 10.0].map(|width| BBox::new(0.0, 0.0, width, 10.0));
        let hidden = Object { difficult: true, ..object("cat", 1.0) };
        evaluator.add(&[object("dog", 10.0), object("cat", 20.0), object("cat", 2.5), hidden], &regions);
        let report = evaluator.finish();
        assert_eq!((report.images, report.objects, report.proposals_per_image), (1, 3, 3.0));
        // Best overlaps of dog, cat, cat: one region 0.5 0.25 0.5, two 0.5 0.25 1, three 1 0.5 1.
        let [two, one, all] = &report.at[..] else { panic!() };
        assert_eq!(one.recall, [Some(2.0 / 3.0), Some(0.0)]);
        assert_eq!(two.recall, [Some(2.0 / 3.0), Some(1.0 / 3.0)]);
        assert_eq!(all.recall, [Some(1.0), Some(2.0 / 3.0)]);
        assert_eq!(two.abo, [("cat".to_owned(), 0.625), ("dog".to_owned(), 0.5)]);
        assert_eq!((two.mabo, all.mabo), (Some(0.5625), Some(0.875)));
        assert_eq!(all.mean_best_overlap, Some(2.5 / 3.0));
    }

    #[test]
    fn objects_without_regions_are_missed_and_images_without_objects_do_not_count() {
        let mut evaluator = ProposalEvaluator::new(ProposalConfig::default());
        evaluator.add(&[], &[BBox::new(0.0, 0.0, 1.0, 1.0)]);
        assert_eq!(evaluator.clone().finish().at[0].mabo, None);
        evaluator.add(&[object("dog", 10.0)], &[]);
        assert_eq!(evaluator.finish().at[0].recall, [Some(0.0), Some(0.0)]);
    }
}
