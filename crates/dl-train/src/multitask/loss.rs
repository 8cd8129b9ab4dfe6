//! The loss of one task.

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use dl_models::plain;
use dl_ops::cross_entropy;

/// The mean cross-entropy of scores [n, classes] f32 over the rows that have a target, a scalar; the others count for
/// nothing. `None` if no row has one.
/// # Errors
/// When the numbers of rows and targets differ, or a target is out of range.
pub fn task_loss(logits: &Tensor, targets: &[Option<u32>]) -> Result<Option<Tensor>> {
    let rows = logits.dims().first().context("class scores without rows")?;
    ensure!(*rows == targets.len(), "{rows} rows of class scores and {} targets", targets.len());
    let labeled: Vec<u32> = (0..targets.len()).filter(|row| targets[*row].is_some()).map(|row| row as u32).collect();
    if labeled.is_empty() {
        return Ok(None);
    }
    let loss = || -> candle_core::Result<Tensor> {
        let device = logits.device();
        let all = labeled.len() == targets.len();
        let logits = if all { logits.clone() } else { logits.index_select(&Tensor::new(labeled, device)?, 0)? };
        let targets: Vec<u32> = targets.iter().flatten().copied().collect();
        cross_entropy(&logits, &Tensor::new(targets, device)?)
    };
    loss().map(Some).map_err(plain)
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input};

    #[test]
    fn rows_without_a_label_count_for_nothing_as_in_torch() {
        let logits = input(0, &[5, 3], 1.0);
        let loss = task_loss(&logits, &[Some(2), None, Some(0), None, Some(1)]).unwrap().unwrap();
        check(&loss, &[("logits", &logits)], &case(GOLDEN, "some labels"));
        let loss = task_loss(&logits, &[2, 2, 0, 1, 1].map(Some)).unwrap().unwrap();
        check(&loss, &[("logits", &logits)], &case(GOLDEN, "all labels"));
        assert!(task_loss(&logits, &[None; 5]).unwrap().is_none());
    }

    #[test]
    fn other_rows_and_classes_are_refused() {
        let logits = input(0, &[2, 3], 1.0);
        let error = |targets: &[Option<u32>]| task_loss(&logits, targets).unwrap_err().to_string();
        assert_eq!(error(&[None]), "2 rows of class scores and 1 targets");
        assert!(error(&[None, Some(3)]).contains("target 3 is out of range for 3 classes"));
    }
}
