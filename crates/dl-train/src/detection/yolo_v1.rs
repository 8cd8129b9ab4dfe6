//! The targets and the loss of YOLOv1 (Redmon et al. 2016, section 2.2, equation 3).
//!
//! Every cell with an object's center is to predict the object's class, and of its boxes the *responsible* one, which
//! overlaps the object most, is to predict the object's box, and its overlap as confidence. All other boxes are to have
//! confidence 0. Errors are squared; those of coordinates count five times, those of boxes without an object half.
//!
//! darknet's rules, where the paper leaves them open: a cell has one object, the first in the list. The IoU of two boxes
//! ignores the place of the cell, since both are in the same one. If no box of the cell overlaps the object, that with
//! the smallest distance is responsible. The overlap is a constant in the gradient.

use anyhow::{Result, ensure};
use candle_core::{D, Tensor};
use dl_models::detection::yolo_v1::Grid;
use dl_models::plain;
use dl_record::BBox;
use dl_vision::boxes::iou;

/// Objects with a smaller side, as a fraction of the image, are left out.
const SMALLEST_SIDE: f32 = 0.005;

/// Numbers of a cell besides those of the classes: whether it has an object, and x, y, w, h.
const NUMBERS: usize = 5;

/// The target [side, side, 1 + classes + 4]: whether the cell has an object; its class, one-hot; x and y within the
/// cell, w and h as fractions of the image.
///
/// `objects`: class and box, in fractions of the network's input. A box is cut to the image first, so that its center
/// is that of the visible part. A class that does not exist marks a cell without a class.
pub fn target(objects: &[(usize, BBox)], grid: &Grid) -> Vec<f32> {
    let length = 1 + grid.classes + 4;
    let mut target = vec![0.0; grid.cells() * length];
    for (class, bbox) in objects {
        let bbox = bbox.clip(1.0, 1.0);
        let (x, y) = bbox.center();
        let [x, y, width, height] = [x, y, bbox.width(), bbox.height()].map(|number| number as f32);
        // Also when it is not a number.
        if !(width >= SMALLEST_SIDE && height >= SMALLEST_SIDE) {
            continue;
        }
        let side = grid.side as f32;
        let [column, row] = [x, y].map(|place| ((place * side) as usize).min(grid.side.saturating_sub(1)));
        let Some(cell) = target.chunks_exact_mut(length).nth(row * grid.side + column) else { continue };
        if cell[0] != 0.0 {
            continue;
        }
        cell[0] = 1.0;
        if *class < grid.classes {
            cell[1 + class] = 1.0;
        }
        let coordinates = [x * side - column as f32, y * side - row as f32, width, height];
        cell[1 + grid.classes..].copy_from_slice(&coordinates);
    }
    target
}

/// Options of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossConfig {
    /// Where the numbers of an output are.
    pub grid: Grid,
    /// Factor on the errors of confidences of responsible boxes.
    pub object: f32,
    /// Factor on the errors of the other confidences: lambda noobj in the paper.
    pub no_object: f32,
    /// Factor on the errors of classes.
    pub class: f32,
    /// Factor on the errors of coordinates: lambda coord in the paper.
    pub coordinates: f32,
    /// Whether the target of a confidence is the IoU, as in the paper; otherwise 1.
    pub rescore: bool,
    /// Whether the network's width and height are square roots, as in the paper.
    pub sqrt: bool,
    /// Whether the class values of a cell go through a softmax, whose derivative darknet leaves out.
    pub softmax: bool,
}

impl Default for LossConfig {
    /// The paper's.
    fn default() -> Self {
        Self {
            grid: Grid::PAPER,
            object: 1.0,
            no_object: 0.5,
            class: 1.0,
            coordinates: 5.0,
            rescore: true,
            sqrt: true,
            softmax: false,
        }
    }
}

/// A box that is responsible for an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Responsible {
    /// The image of the batch.
    pub image: usize,
    /// The cell, row by row.
    pub cell: usize,
    /// The box of the cell.
    pub index: usize,
    /// Its IoU with the object.
    pub iou: f64,
}

/// The loss of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// Minus the gradient for each number of the output.
    pub delta: Vec<f32>,
    /// What darknet prints: the sum of the squares of `delta`.
    pub cost: f64,
    /// The part of the loss for coordinates; each part is the sum of factor / 2 * error^2.
    pub coordinates: f64,
    /// The part for confidences of responsible boxes.
    pub object: f64,
    /// The part for the other confidences.
    pub no_object: f64,
    /// The part for classes.
    pub class: f64,
    /// The responsible boxes, image by image and cell by cell.
    pub responsible: Vec<Responsible>,
}

impl Loss {
    /// The whole loss, summed over the batch.
    pub fn total(&self) -> f64 {
        self.coordinates + self.object + self.no_object + self.class
    }
}

impl LossConfig {
    /// The loss of outputs [n, numbers] with targets [n, side, side, 1 + classes + 4].
    /// # Errors
    /// When the lengths do not match.
    pub fn loss(&self, output: &[f32], target: &[f32]) -> Result<Loss> {
        let (numbers, length) = (self.grid.numbers(), self.grid.cells() * (self.grid.classes + NUMBERS));
        ensure!(
            numbers > 0 && output.len().is_multiple_of(numbers),
            "outputs of {} numbers each are expected",
            numbers
        );
        let images = output.len() / numbers;
        ensure!(target.len() == images * length, "expected {images} targets of {length} numbers, not {}", target.len());
        let mut loss = Loss::default();
        for (image, (output, target)) in output.chunks_exact(numbers).zip(target.chunks_exact(length)).enumerate() {
            self.add(image, output, target, &mut loss);
        }
        loss.cost = loss.delta.iter().map(|delta| f64::from(*delta).powi(2)).sum();
        Ok(loss)
    }

    /// [`loss`](Self::loss) as a tensor, a scalar whose gradient for the output [n, numbers] is minus `delta`.
    /// # Errors
    /// When the shapes do not match.
    pub fn tensor(&self, output: &Tensor, target: &[f32]) -> Result<(Tensor, Loss)> {
        let numbers = output.flatten_all().and_then(|output| output.to_vec1::<f32>()).map_err(plain)?;
        let loss = self.loss(&numbers, target)?;
        let scalar = || {
            let delta = Tensor::from_slice(&loss.delta, output.shape(), output.device())?;
            let slope = (output * delta)?.flatten_all()?.sum(D::Minus1)?.neg()?;
            // The value is that of the loss; the gradient is that of the slope.
            (&slope - slope.detach())? + loss.total()
        };
        Ok((scalar().map_err(plain)?, loss))
    }

    fn add(&self, image: usize, output: &[f32], target: &[f32], loss: &mut Loss) {
        let Self { grid, .. } = *self;
        let start = loss.delta.len();
        loss.delta.resize(start + grid.numbers(), 0.0);
        let delta = &mut loss.delta[start..];
        for (cell, target) in target.chunks_exact(grid.classes + NUMBERS).enumerate() {
            let responsible = (target[0] != 0.0).then(|| self.responsible(output, target, cell));
            for index in 0..grid.boxes {
                let place = grid.confidence_of(cell, index);
                let confidence = output[place];
                match responsible {
                    Some((best, iou)) if best == index => {
                        let wanted = if self.rescore { iou as f32 } else { 1.0 };
                        term(self.object, wanted - confidence, &mut delta[place], &mut loss.object);
                    }
                    _ => term(self.no_object, -confidence, &mut delta[place], &mut loss.no_object),
                }
            }
            let Some((index, iou)) = responsible else { continue };
            loss.responsible.push(Responsible { image, cell, index, iou });
            let classes = grid.classes_of(cell);
            let mut values = output[classes.clone()].to_vec();
            if self.softmax {
                softmax(&mut values);
            }
            let (wanted, coordinates) = target[1..].split_at(grid.classes);
            for ((place, value), wanted) in classes.zip(values).zip(wanted) {
                term(self.class, wanted - value, &mut delta[place], &mut loss.class);
            }
            for (number, place) in grid.coordinates_of(cell, index).enumerate() {
                let wanted = coordinates[number];
                let wanted = if self.sqrt && number >= 2 { wanted.sqrt() } else { wanted };
                term(self.coordinates, wanted - output[place], &mut delta[place], &mut loss.coordinates);
            }
        }
    }

    /// The box that is responsible for a cell's object, and its IoU with it.
    fn responsible(&self, output: &[f32], target: &[f32], cell: usize) -> (usize, f64) {
        let Self { grid, .. } = *self;
        // [x, y, w, h], without the place of the cell.
        let in_image = |numbers: &[f32], sqrt: bool| {
            let length = |number: f32| if sqrt { number * number } else { number };
            let side = grid.side as f32;
            [numbers[0] / side, numbers[1] / side, length(numbers[2]), length(numbers[3])].map(f64::from)
        };
        let object = in_image(&target[1 + grid.classes..], false);
        let (mut best, mut best_iou, mut best_distance) = (0, 0.0, f64::INFINITY);
        for index in 0..grid.boxes {
            let found = in_image(&output[grid.coordinates_of(cell, index)], self.sqrt);
            let overlap = iou(&edges(found), &edges(object));
            let distance = found.iter().zip(object).map(|(found, object)| (found - object).powi(2)).sum::<f64>().sqrt();
            let better = if best_iou > 0.0 || overlap > 0.0 { overlap > best_iou } else { distance < best_distance };
            if better {
                (best, best_iou) = (index, overlap);
                best_distance = distance;
            }
        }
        (best, best_iou)
    }
}

/// Adds factor / 2 * error^2 to a part of the loss, and sets minus its gradient.
fn term(factor: f32, error: f32, delta: &mut f32, part: &mut f64) {
    *delta = factor * error;
    *part += f64::from(factor) * f64::from(error).powi(2) / 2.0;
}

/// The box with center and sides x, y, w, h.
fn edges([x, y, width, height]: [f64; 4]) -> BBox {
    BBox::new(x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0)
}

fn softmax(values: &mut [f32]) {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    values.iter_mut().for_each(|value| *value = (*value - largest).exp());
    let sum: f32 = values.iter().sum();
    values.iter_mut().for_each(|value| *value /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Grid = Grid { side: 2, boxes: 2, classes: 1 };

    #[test]
    fn the_first_object_of_a_cell_keeps_it() {
        let bbox = |x: f64, side: f64| edges([x, 0.25, side, side]);
        let found =
            target(&[(0, bbox(0.25, 0.004)), (0, bbox(0.2, 0.3)), (0, bbox(0.3, 0.4)), (5, bbox(1.0, 0.5))], &SMALL);
        let expected = [1.0, 1.0, 0.4, 0.5, 0.3, 0.3, 1.0, 0.0, 0.75, 0.5, 0.25, 0.5];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!(found[12..].iter().all(|number| *number == 0.0));
    }

    #[test]
    fn a_cell_without_an_object_only_lowers_its_confidences() {
        let config = LossConfig { grid: SMALL, ..LossConfig::default() };
        let output = vec![0.5; SMALL.numbers()];
        let loss = config.loss(&output, &[0.0; 4 * 6]).unwrap();
        assert_eq!(loss.delta.iter().filter(|delta| **delta == -0.25).count(), 8);
        assert_eq!((loss.cost, loss.total()), (8.0 * 0.0625, 8.0 * 0.0625));
        assert!(config.loss(&output, &[0.0; 5]).is_err());
    }

    #[test]
    fn the_tensor_has_the_value_and_the_gradient_of_the_loss() {
        let config = LossConfig { grid: SMALL, ..LossConfig::default() };
        let numbers: Vec<f32> = (0..2 * SMALL.numbers()).map(|index| (index * 7 % 11) as f32 / 11.0).collect();
        let objects = [(0, edges([0.3, 0.7, 0.4, 0.5]))];
        let targets = [target(&objects, &SMALL), target(&[], &SMALL)].concat();
        let output = candle_core::Var::from_slice(&numbers, (2, SMALL.numbers()), &candle_core::Device::Cpu).unwrap();
        let (scalar, loss) = config.tensor(&output, &targets).unwrap();
        assert!((f64::from(scalar.to_scalar::<f32>().unwrap()) - loss.total()).abs() < 1e-5);
        let gradient =
            scalar.backward().unwrap().get(&output).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(gradient.iter().zip(&loss.delta).all(|(gradient, delta)| (gradient + delta).abs() < 1e-6));
        assert_eq!(loss.responsible.len(), 1);
    }
}
