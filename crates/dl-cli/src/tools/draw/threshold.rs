//! The score from which detections are shown, and what it hides.

use crate::common::{Messages, counted};

/// Minimum score of probabilities: more likely right than wrong.
const PROBABILITY: f64 = 0.5;

/// Minimum score of margins: on the positive side of an SVM.
const MARGIN: f64 = 0.0;

/// The threshold of a stream of records, in order.
///
/// Without a stated one it is 0.5, for probabilities, until a score outside 0 to 1 shows that scores are margins; from
/// that record on it is 0. So the drawing of a record depends only on the records before it.
pub(super) struct Threshold {
    stated: Option<f64>,
    are_margins: bool,
    /// Most detections, and most proposals, of an image.
    max: usize,
    /// Hidden detections and the images that they are in: by a stated threshold or that of probabilities, and by that of
    /// margins.
    hidden: [(usize, usize); 2],
    /// Detections and proposals beyond `max`.
    beyond: [usize; 2],
}

impl Threshold {
    pub(super) fn new(stated: Option<f64>, max: usize) -> Self {
        Self { stated, are_margins: false, max, hidden: Default::default(), beyond: [0; 2] }
    }

    /// The threshold so far.
    pub(super) fn current(&self) -> f64 {
        self.stated.unwrap_or(if self.are_margins { MARGIN } else { PROBABILITY })
    }

    /// Takes the scores of the next record's detections and the number of its proposals; returns its threshold.
    pub(super) fn next(&mut self, scores: impl Iterator<Item = f64> + Clone, proposals: usize) -> f64 {
        self.are_margins |= scores.clone().any(|score| !(0.0..=1.0).contains(&score));
        let least = self.current();
        let (mut hidden, mut shown) = (0, 0);
        scores.for_each(|score| *if score < least { &mut hidden } else { &mut shown } += 1);
        let (detections, images) = &mut self.hidden[usize::from(self.stated.is_none() && self.are_margins)];
        *detections += hidden;
        *images += usize::from(hidden > 0);
        self.beyond[0] += usize::saturating_sub(shown, self.max);
        self.beyond[1] += proposals.saturating_sub(self.max);
        least
    }

    /// Reports what was hidden.
    pub(super) fn report(&self, messages: &Messages) {
        let thresholds = [self.stated.unwrap_or(PROBABILITY), MARGIN];
        for ((detections, images), least) in self.hidden.into_iter().zip(thresholds) {
            if detections > 0 {
                let (detections, images) = (counted(detections, "detection"), counted(images, "image"));
                messages.note(format_args!("{detections} below --score {least} hidden in {images}"));
            }
        }
        self.report_beyond(self.beyond[0], "detection", messages);
        self.report_proposals(messages);
    }

    /// Reports the proposals beyond `max`.
    pub(super) fn report_proposals(&self, messages: &Messages) {
        self.report_beyond(self.beyond[1], "proposal", messages);
    }

    fn report_beyond(&self, count: usize, what: &str, messages: &Messages) {
        if count > 0 {
            messages.note(format_args!("{} not drawn: --max {} per image", counted(count, what), self.max));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_outside_0_to_1_make_the_threshold_that_of_margins() {
        let mut threshold = Threshold::new(None, 100);
        assert_eq!(threshold.next([0.2, 1.0].into_iter(), 0), 0.5);
        assert_eq!(threshold.next([-0.2, 0.9].into_iter(), 0), 0.0);
        assert_eq!(threshold.next([0.2].into_iter(), 0), 0.0);
        assert_eq!(threshold.hidden, [(1, 1), (1, 1)]);
        assert_eq!(Threshold::new(None, 1).next([1.5, 0.1].into_iter(), 3), 0.0);
        assert_eq!(Threshold::new(Some(0.3), 1).next([-7.0].into_iter(), 3), 0.3);
    }
}
