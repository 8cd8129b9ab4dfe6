//! The fully connected layer.
//!
//! Rows are computed in blocks of [`ROWS`], the last one padded with zeros, so that a row's result does not depend on
//! the batch: a matrix product of another height may add in another order.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::cpu::{self, Shared};
use crate::matmul::{Matrix, Target, multiply, with_scratch};
use crate::portable;
use crate::wide::sum;

/// Rows per block.
const ROWS: usize = 32;
/// Most blocks of rows per task.
const GROUP: usize = 8;
/// Columns per block: enough to keep a core busy, few enough to divide a layer among many.
const COLUMNS: usize = 256;
/// Fewest tasks, if there are so many blocks.
const TASKS: usize = 8;

/// Multiplies x [n, inputs] by the transpose of weight [outputs, inputs] and adds bias [outputs]; returns [n, outputs].
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    product(x, weight, bias, LinearOp { transposed: false })
}

/// [`linear`] with the weight as [inputs, outputs], the layout of GPT-2's `Conv1D`.
/// # Errors
/// As [`linear`].
pub fn linear_transposed(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    product(x, weight, bias, LinearOp { transposed: true })
}

fn product(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, op: LinearOp) -> Result<Tensor> {
    let ((_, inputs), [outputs, expected]) = (x.dims2()?, op.sides(weight.dims2()?));
    if inputs != expected || bias.is_some_and(|bias| bias.dims() != [outputs]) {
        let bias = bias.map(Tensor::dims);
        bail!("linear: x {:?}, weight {:?} and bias {bias:?} do not match", x.dims(), weight.dims());
    }
    if !cpu::serves(x) {
        return portable::linear(x, &if op.transposed { weight.t()? } else { weight.clone() }, bias);
    }
    match bias {
        Some(bias) => x.apply_op3(weight, bias, op),
        None => x.apply_op2(weight, op),
    }
}

#[derive(Clone, Copy)]
struct LinearOp {
    /// Whether the weight is [inputs, outputs].
    transposed: bool,
}

impl LinearOp {
    /// [outputs, inputs] of a weight of these sides.
    fn sides(self, (rows, columns): (usize, usize)) -> [usize; 2] {
        if self.transposed { [columns, rows] } else { [rows, columns] }
    }

    /// The weight as [inputs, outputs], for a product with rows of inputs.
    fn inputs_first<'a>(self, [outputs, inputs]: [usize; 2], weight: &'a [f32]) -> Matrix<'a> {
        if self.transposed { Matrix::rows_of(outputs, weight) } else { Matrix::rows_of(inputs, weight).transposed() }
    }
}

impl CustomOp2 for LinearOp {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, w: &CpuStorage, lw: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), &[])
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((self.input_gradient(x, w, gradient)?, self.weight_gradient(x, w, gradient)?))
    }
}

impl CustomOp3 for LinearOp {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        w: &CpuStorage,
        lw: &Layout,
        b: &CpuStorage,
        lb: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((x, lx), (w, lw), &cpu::floats(b, lb)?)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let bias = if b.track_op() { Some(bias_gradient(b, gradient)?) } else { None };
        Ok((self.input_gradient(x, w, gradient)?, self.weight_gradient(x, w, gradient)?, bias))
    }
}

impl LinearOp {
    fn forward(
        self,
        (x, lx): (&CpuStorage, &Layout),
        (weight, lw): (&CpuStorage, &Layout),
        bias: &[f32],
    ) -> Result<(CpuStorage, Shape)> {
        let ((n, inputs), sides @ [outputs, _]) = (lx.shape().dims2()?, self.sides(lw.shape().dims2()?));
        let (x, weight) = (cpu::floats(x, lx)?, cpu::floats(weight, lw)?);
        let mut output: Vec<f32> = if bias.is_empty() { vec![0.0; n * outputs] } else { bias.repeat(n) };
        blocked_product([n, inputs, outputs], &x, self.inputs_first(sides, &weight), &mut output);
        Ok(cpu::output(output, (n, outputs)))
    }

    fn input_gradient(self, x: &Tensor, weight: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        let ((n, inputs), sides @ [outputs, _]) = (x.dims2()?, self.sides(weight.dims2()?));
        let mut output = vec![0.0; n * inputs];
        cpu::with_floats(weight, |weight| {
            cpu::with_floats(gradient, |gradient| {
                let weight = self.inputs_first(sides, weight).transposed();
                blocked_product([n, outputs, inputs], gradient, weight, &mut output);
                Ok(())
            })
        })?;
        cpu::tensor(output, x.shape()).map(Some)
    }

    fn weight_gradient(self, x: &Tensor, weight: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        if !weight.track_op() {
            return Ok(None);
        }
        let ((n, inputs), [outputs, _]) = (x.dims2()?, self.sides(weight.dims2()?));
        let mut output = vec![0.0; outputs * inputs];
        if n > 0 {
            cpu::with_floats(x, |x| {
                cpu::with_floats(gradient, |gradient| {
                    let (x, gradient) = ((x, inputs), (gradient, outputs));
                    let [(rows, height), (columns, width)] =
                        if self.transposed { [x, gradient] } else { [gradient, x] };
                    // A few rows of the weight per task.
                    output.par_chunks_mut(ROWS * width.max(1)).enumerate().for_each(|(tile, output)| {
                        let lhs = Matrix::rows_of(height, &rows[tile * ROWS..]).transposed();
                        let shape = [output.len() / width.max(1), n, width];
                        let target = Target { output: &Shared::new(output), start: 0, row: width };
                        // SAFETY: only this task accesses the chunk.
                        unsafe { multiply(shape, lhs, Matrix::rows_of(width, columns), target, false) };
                    });
                    Ok(())
                })
            })?;
        }
        cpu::tensor(output, weight.shape()).map(Some)
    }
}

/// Adds the product of x [n, k] and `rhs` [k, columns] to `output` [n, columns], in blocks.
fn blocked_product([n, k, columns]: [usize; 3], x: &[f32], rhs: Matrix, output: &mut [f32]) {
    let shared = Shared::new(output);
    let (tiles, blocks) = (columns.div_ceil(COLUMNS), n.div_ceil(ROWS));
    let group_rows = ROWS * (tiles * blocks / TASKS).clamp(1, GROUP);
    (0..tiles * n.div_ceil(group_rows)).into_par_iter().for_each(|task| {
        let (tile, group) = (task % tiles, task / tiles);
        let first = tile * COLUMNS;
        let width = COLUMNS.min(columns - first);
        let rhs = Matrix { data: &rhs.data[first * rhs.column..], ..rhs };
        for row in (group * group_rows..n.min((group + 1) * group_rows)).step_by(ROWS) {
            let height = ROWS.min(n - row);
            if height == ROWS {
                let target = Target { output: &shared, start: row * columns + first, row: columns };
                let lhs = Matrix::rows_of(k, &x[row * k..]);
                // SAFETY: only this task writes columns first..first + width of the group's rows.
                unsafe { multiply([ROWS, k, width], lhs, rhs, target, true) };
                continue;
            }
            with_scratch(ROWS * (k + width), |scratch| {
                let (rows, product) = scratch.split_at_mut(ROWS * k);
                rows[..height * k].copy_from_slice(&x[row * k..]);
                rows[height * k..].fill(0.0);
                // SAFETY: only this task accesses the part, as above.
                let part = |line: usize| unsafe { shared.part((row + line) * columns + first, width) };
                product.fill(0.0);
                for (line, product) in product.chunks_exact_mut(width).take(height).enumerate() {
                    product.copy_from_slice(part(line));
                }
                let target = Target { output: &Shared::new(product), start: 0, row: width };
                // SAFETY: only this thread uses the scratch memory.
                unsafe { multiply([ROWS, k, width], Matrix::rows_of(k, rows), rhs, target, true) };
                for (line, product) in product.chunks_exact(width).take(height).enumerate() {
                    part(line).copy_from_slice(product);
                }
            });
        }
    });
}

fn bias_gradient(bias: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let columns = gradient.t()?.contiguous()?;
    let rows = columns.dim(1)?;
    let data = cpu::with_floats(&columns, |columns| match rows {
        0 => Ok(vec![0.0; bias.elem_count()]),
        rows => Ok(columns.par_chunks_exact(rows).map(|column| sum(column) as f32).collect()),
    })?;
    cpu::tensor(data, bias.shape())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    #[test]
    fn equals_the_portable_product_on_odd_and_strided_shapes() {
        for n in [1, 7, 32, 65] {
            for (inputs, outputs) in [(1, 1), (13, 5), (70, 300)] {
                let (x, weight) = (strided("x", &[n, inputs]), strided("w", &[outputs, inputs]));
                let bias = draw("b", &[outputs]);
                let expected = portable::linear(&x, &weight, Some(&bias)).unwrap();
                assert_close(&linear(&x, &weight, Some(&bias)).unwrap(), &expected, 1e-5);
                let expected = portable::linear(&x, &weight, None).unwrap();
                assert_close(&linear(&x, &weight, None).unwrap(), &expected, 1e-5);
                let transposed = weight.t().unwrap().contiguous().unwrap();
                assert_close(&linear_transposed(&x, &transposed, None).unwrap(), &expected, 1e-5);
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[7, 5], &[3, 5], &[3]], 1e-2, |t| linear(&t[0], &t[1], Some(&t[2])));
        check_gradients(&[&[33, 2], &[4, 2]], 1e-2, |t| linear(&t[0], &t[1], None));
        check_gradients(&[&[7, 5], &[5, 3], &[3]], 1e-2, |t| linear_transposed(&t[0], &t[1], Some(&t[2])));
        check_gradients(&[&[33, 2], &[2, 40]], 1e-2, |t| linear_transposed(&t[0], &t[1], None));
    }

    #[test]
    fn a_row_has_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let (x, weight, bias) = (draw("x", &[41, 1234]), draw("w", &[777, 1234]), draw("b", &[777]));
        let all = bits(&in_pool(1, || linear(&x, &weight, Some(&bias)).unwrap()));
        assert_eq!(all, bits(&in_pool(3, || linear(&x, &weight, Some(&bias)).unwrap())));
        for (first, rows) in [(0, 1), (40, 1), (5, 7), (8, 33)] {
            let part = x.narrow(0, first, rows).unwrap();
            let part = bits(&linear(&part, &weight, Some(&bias)).unwrap());
            assert_eq!(part, all[first * 777..(first + rows) * 777], "rows {first}..{}", first + rows);
        }
    }

    #[test]
    fn an_empty_batch_gives_no_rows() {
        let y = linear(&draw("x", &[0, 5]), &draw("w", &[3, 5]), Some(&draw("b", &[3]))).unwrap();
        assert_eq!(y.dims(), [0, 3]);
    }
}
