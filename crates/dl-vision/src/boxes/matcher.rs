//! Matches proposals to ground-truth boxes: R-CNN's rule (best overlap against thresholds), as torchvision's `Matcher`.

use dl_record::BBox;

use super::iou;

/// The ground-truth box that overlaps a proposal most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Index of the ground-truth box.
    pub index: usize,
    /// Intersection over union with it, from 0 to 1.
    pub iou: f64,
}

/// The box of `truth` with the largest IoU, the first one of equals; `None` only if `truth` is empty.
pub fn best_overlap(proposal: &BBox, truth: &[BBox]) -> Option<Best> {
    let mut best: Option<Best> = None;
    for (index, bbox) in truth.iter().enumerate() {
        let iou = iou(proposal, bbox);
        if best.is_none_or(|best| iou > best.iou) {
            best = Some(Best { index, iou });
        }
    }
    best
}

/// The role of a proposal in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It belongs to the ground-truth box with this index.
    Object(usize),
    /// It shows background.
    Background,
    /// It is ambiguous and ignored.
    Ignored,
}

/// Assigns proposals to ground-truth boxes by their best overlap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matcher {
    /// A proposal with a best IoU of at least this is an object.
    pub foreground: f64,
    /// A proposal with a best IoU below this is background; between the two it is ignored.
    pub background: f64,
    /// Whether each ground-truth box also gets the proposals that overlap it most, however little (but more than 0):
    /// the rule of the region proposal network.
    pub keep_best: bool,
}

impl Matcher {
    /// One match per proposal.
    pub fn assign(&self, proposals: &[BBox], truth: &[BBox]) -> Vec<Match> {
        let best: Vec<Option<Best>> = proposals.iter().map(|proposal| best_overlap(proposal, truth)).collect();
        let mut matches: Vec<Match> = best
            .iter()
            .map(|best| match best {
                Some(best) if best.iou >= self.foreground => Match::Object(best.index),
                Some(best) if best.iou >= self.background => Match::Ignored,
                _ => Match::Background,
            })
            .collect();
        if self.keep_best {
            for true_box in truth {
                let overlaps: Vec<f64> = proposals.iter().map(|proposal| iou(proposal, true_box)).collect();
                let most = overlaps.iter().copied().fold(0.0, f64::max);
                for (index, overlap) in overlaps.into_iter().enumerate() {
                    // As in torchvision, the proposal gets the ground-truth box that it overlaps most itself.
                    if let (true, Some(best)) = (most > 0.0 && overlap == most, best[index]) {
                        matches[index] = Match::Object(best.index);
                    }
                }
            }
        }
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: [BBox; 2] = [BBox::new(0.0, 0.0, 10.0, 10.0), BBox::new(20.0, 0.0, 40.0, 10.0)];

    /// IoU with the two boxes: 1 and 0; 0.5 and 0; 0.2 and 0; 0 and 0.25; 0 and 0.
    const PROPOSALS: [BBox; 5] = [
        BBox::new(0.0, 0.0, 10.0, 10.0),
        BBox::new(0.0, 0.0, 5.0, 10.0),
        BBox::new(0.0, 0.0, 2.0, 10.0),
        BBox::new(20.0, 0.0, 25.0, 10.0),
        BBox::new(50.0, 50.0, 60.0, 60.0),
    ];

    #[test]
    fn proposals_between_the_thresholds_are_ignored() {
        let matcher = Matcher { foreground: 0.5, background: 0.25, keep_best: false };
        let expected = [Match::Object(0), Match::Object(0), Match::Background, Match::Ignored, Match::Background];
        assert_eq!(matcher.assign(&PROPOSALS, &TRUTH), expected);
    }

    #[test]
    fn the_best_proposal_of_a_true_box_can_be_kept_below_the_threshold() {
        let matcher = Matcher { foreground: 0.5, background: 0.3, keep_best: true };
        let expected = [Match::Object(0), Match::Object(0), Match::Background, Match::Object(1), Match::Background];
        assert_eq!(matcher.assign(&PROPOSALS, &TRUTH), expected);
    }

    #[test]
    fn without_truth_everything_is_background() {
        let matcher = Matcher { foreground: 0.5, background: 0.0, keep_best: true };
        assert_eq!(matcher.assign(&PROPOSALS, &[]), [Match::Background; 5]);
        assert_eq!(best_overlap(&PROPOSALS[0], &[]), None);
    }
}
