//! pycocotools' treatment of annotation id 0.
//!
//! `COCOeval.evaluateImg` notes the id of the object that a detection matched, and `accumulate` reads 0 as "matched
//! nothing": the detection that finds the object with id 0 becomes a false positive (or is ignored, when its area is
//! outside the range), while the object stays taken. hotcoco counts it right, so the curves of the classes concerned
//! are made again, as `accumulate` makes them.

use std::collections::HashSet;

use hotcoco::{COCOeval, EvalImg};

use super::Curves;

/// Makes the curves of the classes that hold an object with id 0 as pycocotools would.
pub(super) fn lose_annotation_zero(evaluation: &COCOeval, classes: &[u64], curves: &mut Curves) {
    let annotations = &evaluation.coco_gt().dataset.annotations;
    let concerned: HashSet<u64> =
        annotations.iter().filter(|annotation| annotation.id == 0).map(|annotation| annotation.category_id).collect();
    for (k, class) in classes.iter().enumerate().filter(|(_, class)| concerned.contains(class)) {
        for (a, area) in evaluation.params.area_ranges.iter().enumerate() {
            let mut images: Vec<&EvalImg> = (evaluation.eval_imgs().iter().flatten())
                .filter(|image| image.category_id == *class && image.area_rng == area.range)
                .collect();
            images.sort_by_key(|image| image.image_id);
            for (m, &most) in evaluation.params.max_dets.iter().enumerate() {
                for t in 0..curves.shape.t {
                    accumulate(evaluation, &images, (t, k, a, m), most, curves);
                }
            }
        }
    }
}

/// One curve: `COCOeval.accumulate` from `tps` to `q`.
fn accumulate(
    evaluation: &COCOeval,
    images: &[&EvalImg],
    (t, k, a, m): (usize, usize, usize, usize),
    most: usize,
    curves: &mut Curves,
) {
    let truth: usize = images.iter().map(|image| image.num_gt_in_denominator()).sum();
    if truth == 0 {
        return;
    }
    // (score, found something) of each detection that counts.
    let mut verdicts: Vec<(f64, bool)> = Vec::new();
    for image in images {
        for d in 0..image.dt_scores.len().min(most) {
            let found = image.dt_matches[(t, d)] != 0;
            let [least, largest] = image.area_rng;
            let area = evaluation.coco_dt().get_ann(image.dt_ids[d]).and_then(|result| result.area).unwrap_or(0.0);
            let outside = area < least || area > largest;
            if !(image.dt_ignore[(t, d)] || !found && outside) {
                verdicts.push((image.dt_scores[d], found));
            }
        }
    }
    verdicts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut precision, mut recall) = (Vec::new(), Vec::new());
    let (mut hits, mut misses) = (0_usize, 0_usize);
    for (_, found) in verdicts {
        if found {
            hits += 1
        } else {
            misses += 1
        }
        precision.push(hits as f64 / ((hits + misses) as f64 + f64::EPSILON));
        recall.push(hits as f64 / truth as f64);
    }
    for index in (1..precision.len()).rev() {
        precision[index - 1] = precision[index - 1].max(precision[index]);
    }
    curves.recall[curves.shape.recall_idx(t, k, a, m)] = recall.last().copied().unwrap_or(0.0);
    for (r, threshold) in evaluation.params.rec_thrs.iter().enumerate() {
        let reached = recall.partition_point(|recall| recall < threshold);
        curves.precision[curves.shape.precision_idx(t, r, k, a, m)] = precision.get(reached).copied().unwrap_or(0.0);
    }
}
