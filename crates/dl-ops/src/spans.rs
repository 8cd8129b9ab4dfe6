//! The last layer of a generator of tables (Xu et al. 2019, CTGAN, section 4.3): parts of a row with functions of their
//! own, a softmax for each category and a hyperbolic tangent for each number.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::softmax::softmax;
use crate::{cpu, tanh};

/// A part of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first column.
    pub start: usize,
    /// How many columns it has.
    pub length: usize,
    /// What becomes of them.
    pub kind: SpanKind,
}

/// The function of a part of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// The hyperbolic tangent of each number.
    Tanh,
    /// The softmax of all of them.
    Softmax,
}

/// Applies the functions of the spans, which must follow each other without gaps, to rows x [n, columns].
/// # Errors
/// When the spans do not cover the columns, or candle fails.
pub fn activate_spans(x: &Tensor, spans: &[Span]) -> Result<Tensor> {
    let (_, columns) = x.dims2()?;
    let mut next = 0;
    for span in spans {
        if span.start != next || span.length == 0 {
            bail!("activate_spans: a span begins at column {}, expected {next}", span.start);
        }
        next += span.length;
    }
    if next != columns {
        bail!("activate_spans: the spans have {next} columns, the rows {columns}");
    }
    if cpu::serves(x) && columns > 0 {
        return x.apply_op1(ActivateSpans { spans: spans.to_vec() });
    }
    let parts: Vec<Tensor> = spans
        .iter()
        .map(|span| {
            let part = x.narrow(1, span.start, span.length)?.contiguous()?;
            match span.kind {
                SpanKind::Tanh => tanh(&part),
                SpanKind::Softmax => softmax(&part, 1),
            }
        })
        .collect::<Result<_>>()?;
    if parts.is_empty() { Ok(x.clone()) } else { Tensor::cat(&parts, 1) }
}

struct ActivateSpans {
    spans: Vec<Span>,
}

/// Fewest rows of a task.
const ROWS: usize = 16;

impl CustomOp1 for ActivateSpans {
    fn name(&self) -> &'static str {
        "activate_spans"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = cpu::floats(storage, layout)?;
        let columns = layout.dims()[1];
        let mut output = x.to_vec();
        output.par_chunks_exact_mut(columns).with_min_len(ROWS).for_each(|row| {
            for span in &self.spans {
                let part = &mut row[span.start..span.start + span.length];
                match span.kind {
                    SpanKind::Tanh => part.iter_mut().for_each(|number| *number = number.tanh()),
                    SpanKind::Softmax => {
                        let largest = part.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                        part.iter_mut().for_each(|number| *number = (*number - largest).exp());
                        let total: f64 = part.iter().map(|number| f64::from(*number)).sum();
                        part.iter_mut().for_each(|number| *number = (f64::from(*number) / total) as f32);
                    }
                }
            }
        });
        Ok(cpu::output(output, layout.shape()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let columns = x.dim(1)?;
        let mut output = vec![0.0; x.elem_count()];
        cpu::with_floats(y, |y| {
            cpu::with_floats(gradient, |gradient| {
                let rows = output.par_chunks_exact_mut(columns).zip(y.par_chunks_exact(columns));
                let rows = rows.zip(gradient.par_chunks_exact(columns)).with_min_len(ROWS);
                rows.for_each(|((output, y), gradient)| {
                    for span in &self.spans {
                        let part = span.start..span.start + span.length;
                        let (y, gradient) = (&y[part.clone()], &gradient[part.clone()]);
                        let mean: f32 = match span.kind {
                            SpanKind::Tanh => 0.0,
                            SpanKind::Softmax => y.iter().zip(gradient).map(|(y, gradient)| y * gradient).sum(),
                        };
                        for ((output, y), gradient) in output[part].iter_mut().zip(y).zip(gradient) {
                            *output = match span.kind {
                                SpanKind::Tanh => gradient * (1.0 - y * y),
                                SpanKind::Softmax => y * (gradient - mean),
                            };
                        }
                    }
                });
                Ok(())
            })
        })?;
        Ok(Some(cpu::tensor(output, x.shape())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, check_gradients, draw, strided};
    use crate::with_candle_ops;

    const SPANS: [Span; 4] = [
        Span { start: 0, length: 1, kind: SpanKind::Tanh },
        Span { start: 1, length: 4, kind: SpanKind::Softmax },
        Span { start: 5, length: 2, kind: SpanKind::Tanh },
        Span { start: 7, length: 3, kind: SpanKind::Softmax },
    ];

    #[test]
    fn equals_the_functions_of_the_parts_on_odd_and_strided_shapes() {
        for x in [draw("x", &[5, 10]), strided("x", &[33, 10])] {
            let x = (x * 6.0).unwrap();
            let expected = with_candle_ops(|| activate_spans(&x, &SPANS).unwrap());
            assert_close(&activate_spans(&x, &SPANS).unwrap(), &expected, 1e-6);
        }
        assert_eq!(activate_spans(&draw("x", &[0, 10]), &SPANS).unwrap().dims(), [0, 10]);
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[3, 10]], 1e-2, |t| activate_spans(&t[0], &SPANS));
    }

    #[test]
    fn spans_with_gaps_are_refused() {
        let x = draw("x", &[2, 10]);
        for spans in [&SPANS[..3], &SPANS[1..]] {
            assert!(activate_spans(&x, spans).unwrap_err().to_string().contains("column"));
        }
    }
}
