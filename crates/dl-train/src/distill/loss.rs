//! The loss of the student's class scores (Hinton et al. 2015, section 2).

use anyhow::{Context, Result, ensure};
use candle_core::{D, Tensor};
use dl_models::plain;
use dl_ops::{cross_entropy, log_softmax};

/// How much a student follows its teacher, and how much the true classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistillConfig {
    /// Both networks' scores are divided by this, above 0; a high one shows how alike the teacher finds the wrong
    /// classes.
    pub temperature: f64,
    /// Share of the teacher's part in the loss, 0 to 1.
    pub alpha: f64,
}

impl DistillConfig {
    /// (1 - alpha) CE + alpha T^2 KL(softmax(teacher / T) || softmax(student / T)), summed over classes, a mean over
    /// rows.
    ///
    /// `student` and `teacher` are scores [.., classes] f32 of the same shape; every position before the last axis is a
    /// row: an image, or a token of a language model. `targets` are the true classes of the rows; without them, alpha
    /// must be 1. The teacher gets no gradient.
    /// # Errors
    /// When an option is out of range, the shapes differ, or true classes are missing or out of range.
    pub fn loss(&self, student: &Tensor, teacher: &Tensor, targets: Option<&[u32]>) -> Result<Tensor> {
        let Self { temperature, alpha } = *self;
        ensure!(temperature.is_finite() && temperature > 0.0, "temperature {temperature}; choose a number above 0");
        ensure!((0.0..=1.0).contains(&alpha), "alpha {alpha} is not in [0, 1]");
        ensure!(
            student.dims() == teacher.dims() && student.rank() > 0 && student.elem_count() > 0,
            "the student's class scores are {:?}, the teacher's {:?}; both need the same rows and classes",
            student.dims(),
            teacher.dims()
        );
        let rows = |scores: &Tensor| -> candle_core::Result<Tensor> { scores.reshape(((), scores.dim(D::Minus1)?)) };
        let (student, teacher) = (rows(student).map_err(plain)?, rows(&teacher.detach()).map_err(plain)?);
        let soft = || -> candle_core::Result<Tensor> {
            let teacher = log_softmax(&(teacher / temperature)?, 1)?;
            let student = log_softmax(&(&student / temperature)?, 1)?;
            let divergence = (teacher.exp()? * (teacher - student)?)?.sum(1)?.mean_all()?;
            divergence * (alpha * temperature * temperature)
        };
        if alpha == 1.0 {
            return soft().map_err(plain);
        }
        let targets = targets.context("rows without true classes; choose an alpha of 1")?;
        let hard = || -> candle_core::Result<Tensor> {
            cross_entropy(&student, &Tensor::new(targets, student.device())?)? * (1.0 - alpha)
        };
        (hard().map_err(plain)? + soft().map_err(plain)?).map_err(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input};

    #[test]
    fn losses_and_gradients_are_those_of_torch() {
        for (name, temperature, alpha, scale) in [
            ("half", 3.0, 0.5, 2.0),
            ("without labels", 2.0, 1.0, 2.0),
            ("labels alone", 4.0, 0.0, 2.0),
            ("large scores", 1.0, 0.7, 60.0),
        ] {
            let (student, teacher) = (input(0, &[5, 4], scale), input(10, &[5, 4], scale));
            let targets = [3, 0, 1, 1, 2];
            let targets = (alpha < 1.0).then_some(targets.as_slice());
            let loss = DistillConfig { temperature, alpha }.loss(&student, &teacher, targets).unwrap();
            check(&loss, &[("student", &student), ("teacher", &teacher)], &case(GOLDEN, name));
        }
    }

    #[test]
    fn tokens_of_language_models_are_rows() {
        let (student, teacher) = (input(0, &[2, 3, 7], 1.0), input(10, &[2, 3, 7], 1.0));
        let loss = DistillConfig { temperature: 2.0, alpha: 0.6 };
        let loss = loss.loss(&student, &teacher, Some(&[6, 0, 3, 2, 2, 5])).unwrap();
        check(&loss, &[("student", &student), ("teacher", &teacher)], &case(GOLDEN, "tokens"));
    }

    #[test]
    fn impossible_options_and_inputs_are_refused() {
        let error = |temperature, alpha, classes, targets| {
            let config = DistillConfig { temperature, alpha };
            config.loss(&input(0, &[2, 3], 1.0), &input(0, &[2, classes], 1.0), targets).unwrap_err().to_string()
        };
        assert_eq!(error(0.0, 0.5, 3, None), "temperature 0; choose a number above 0");
        assert_eq!(error(1.0, 1.5, 3, None), "alpha 1.5 is not in [0, 1]");
        assert_eq!(error(1.0, 0.5, 3, None), "rows without true classes; choose an alpha of 1");
        let shapes = "the student's class scores are [2, 3], the teacher's [2, 4]; both need the same rows and classes";
        assert_eq!(error(1.0, 1.0, 4, None), shapes);
        assert!(error(1.0, 0.5, 3, Some([0, 3].as_slice())).contains("target 3 is out of range for 3 classes"));
    }
}
