//! Scaled dot-product attention with several heads (Vaswani et al. 2017, section 3.2), over texts of different lengths.
//!
//! The texts of a batch are concatenated without padding: the result of a text is bit for bit independent of the batch,
//! nothing is computed for padding, and no mask is needed. Each head of each text is one task. The probabilities are
//! recomputed for the gradient instead of stored.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail};
use rand::{Rng, RngExt};
use rayon::prelude::*;

use crate::cpu::{self, Shared};
use crate::matmul::{Matrix, Target, multiply, with_scratch};
use crate::portable;
use crate::softmax::{exponentials, scale};

/// Which rows attend to which.
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionConfig {
    /// Number of heads, which share the columns in sequence.
    pub heads: usize,
    /// Factor on the products of queries and keys: 1 / sqrt(columns of a head).
    pub scale: f64,
    /// Whether a query sees only keys up to its own position. With more keys than queries, the queries are the last
    /// ones.
    pub causal: bool,
    /// Number of queries of each text.
    pub queries: Vec<usize>,
    /// Number of keys of each text.
    pub keys: Vec<usize>,
}

impl AttentionConfig {
    /// Self-attention for texts of these lengths, with heads of `columns / heads` columns.
    pub fn within(lengths: &[usize], columns: usize, heads: usize, causal: bool) -> Self {
        let scale = 1.0 / ((columns / heads.max(1)) as f64).sqrt();
        Self { heads, scale, causal, queries: lengths.to_vec(), keys: lengths.to_vec() }
    }

    /// Number of probabilities.
    fn pairs(&self) -> usize {
        self.heads * self.queries.iter().zip(&self.keys).map(|(queries, keys)| queries * keys).sum::<usize>()
    }

    fn check(&self, [q, k, v]: [&Tensor; 3]) -> Result<()> {
        let ((rows, columns), (keys, _)) = (q.dims2()?, k.dims2()?);
        let sums = [self.queries.iter().sum::<usize>(), self.keys.iter().sum()];
        let fits = k.dims() == [keys, columns] && v.dims() == k.dims() && sums == [rows, keys];
        if !fits || self.heads == 0 || columns % self.heads != 0 || self.queries.len() != self.keys.len() {
            let (q, k, v) = (q.dims(), k.dims(), v.dims());
            bail!("attention: q {q:?}, k {k:?}, v {v:?}, {} heads and {sums:?} rows do not match", self.heads);
        }
        for (queries, keys) in self.queries.iter().zip(&self.keys) {
            if *queries > 0 && (*keys == 0 || (self.causal && keys < queries)) {
                bail!("attention: {queries} queries and {keys} keys of a text do not match");
            }
        }
        Ok(())
    }
}

/// Dropout of the probabilities.
pub struct AttentionDropout {
    kept: Vec<f32>,
}

impl AttentionDropout {
    /// Drops each probability with probability `p` and divides the others by 1 - p.
    /// # Errors
    /// When `p` is not in [0, 1).
    pub fn draw(config: &AttentionConfig, p: f64, rng: &mut impl Rng) -> Result<Self> {
        if !(0.0..1.0).contains(&p) {
            bail!("dropout: p = {p} is not in [0, 1)");
        }
        let factor = (1.0 / (1.0 - p)) as f32;
        let kept = (0..config.pairs()).map(|_| if rng.random::<f64>() < p { 0.0 } else { factor });
        Ok(Self { kept: kept.collect() })
    }
}

/// The mean of the values for each query, weighted by softmax(scale q k).
///
/// q [queries, columns], k and v [keys, columns] are f32, with all texts in sequence; returns [queries, columns].
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    config: &AttentionConfig,
    dropout: Option<AttentionDropout>,
) -> Result<Tensor> {
    config.check([q, k, v])?;
    let kept = dropout.map(|dropout| dropout.kept);
    if kept.as_ref().is_some_and(|kept| kept.len() != config.pairs()) {
        bail!("attention: the dropout was drawn for a batch of another shape");
    }
    if !cpu::serves(q) {
        return portable::attention([q, k, v], config, kept.as_deref());
    }
    q.apply_op3(k, v, Attention { config: config.clone(), kept })
}

struct Attention {
    config: AttentionConfig,
    kept: Option<Vec<f32>>,
}

/// One head of one text.
#[derive(Clone, Copy)]
struct Head {
    first_query: usize,
    first_key: usize,
    first_column: usize,
    first_pair: usize,
    queries: usize,
    keys: usize,
    size: usize,
}

impl Head {
    fn queries<'a>(&self, all: Matrix<'a>) -> Matrix<'a> {
        Matrix { data: &all.data[self.first_query * all.row + self.first_column * all.column..], ..all }
    }

    fn keys<'a>(&self, all: Matrix<'a>) -> Matrix<'a> {
        Matrix { data: &all.data[self.first_key * all.row + self.first_column * all.column..], ..all }
    }

    /// Its part of a matrix of `columns` columns, with one row per query or key.
    fn target<'a>(&self, first: usize, columns: usize, output: &'a Shared<'a>) -> Target<'a> {
        Target { output, start: first * columns + self.first_column, row: columns }
    }

    fn pairs(&self) -> usize {
        self.queries * self.keys
    }
}

impl Attention {
    fn heads(&self, columns: usize) -> Vec<Head> {
        let size = columns / self.config.heads;
        let (mut first_query, mut first_key, mut first_pair) = (0, 0, 0);
        let mut heads = Vec::new();
        for (queries, keys) in self.config.queries.iter().copied().zip(self.config.keys.iter().copied()) {
            for head in 0..self.config.heads {
                let first_column = head * size;
                heads.push(Head { first_query, first_key, first_column, first_pair, queries, keys, size });
                first_pair += queries * keys;
            }
            (first_query, first_key) = (first_query + queries, first_key + keys);
        }
        heads.retain(|head| head.queries > 0);
        heads
    }

    /// The probabilities [queries, keys] of a head, without dropout; `scores` is scratch memory.
    fn probabilities(&self, head: Head, q: Matrix, k: Matrix, scores: &mut [f32], shares: &mut [f32]) {
        let Head { queries, keys, size, .. } = head;
        let target = Target { output: &Shared::new(scores), start: 0, row: keys };
        // SAFETY: only this thread uses the scratch memory.
        unsafe { multiply([queries, size, keys], head.queries(q), head.keys(k).transposed(), target, false) };
        let rows = scores.chunks_exact_mut(keys).zip(shares.chunks_exact_mut(keys)).enumerate();
        for (query, (scores, shares)) in rows {
            let seen = if self.config.causal { query + keys - queries + 1 } else { keys };
            let (shares, hidden) = shares.split_at_mut(seen);
            let scores = &mut scores[..seen];
            scale(scores, self.config.scale as f32);
            let (_, total) = exponentials(scores, shares);
            scale(shares, (1.0 / total) as f32);
            hidden.fill(0.0);
        }
    }

    fn kept(&self, head: Head) -> Option<&[f32]> {
        self.kept.as_ref().map(|kept| &kept[head.first_pair..head.first_pair + head.pairs()])
    }

    fn forward(&self, [q, k, v]: [Matrix; 3], columns: usize, output: &mut [f32]) {
        let shared = Shared::new(output);
        self.heads(columns).into_par_iter().for_each(|head| {
            with_scratch(2 * head.pairs(), |scratch| {
                let (scores, shares) = scratch.split_at_mut(head.pairs());
                self.probabilities(head, q, k, scores, shares);
                if let Some(kept) = self.kept(head) {
                    shares.iter_mut().zip(kept).for_each(|(share, kept)| *share *= kept);
                }
                let Head { queries, keys, size, .. } = head;
                let target = head.target(head.first_query, columns, &shared);
                // SAFETY: only this task accesses this head's columns of this text's rows.
                unsafe { multiply([queries, keys, size], Matrix::rows_of(keys, shares), head.keys(v), target, false) };
            });
        });
    }

    /// The gradients of q, k and v.
    fn backward(&self, [q, k, v]: [Matrix; 3], gradient: Matrix, columns: usize, outputs: [&mut [f32]; 3]) {
        let [of_q, of_k, of_v] = outputs.map(Shared::new);
        self.heads(columns).into_par_iter().for_each(|head| {
            let pairs = head.pairs();
            with_scratch(3 * pairs, |scratch| {
                let (scores, rest) = scratch.split_at_mut(pairs);
                let (shares, dropped) = rest.split_at_mut(pairs);
                let Head { queries, keys, size, .. } = head;
                self.probabilities(head, q, k, scores, shares);
                dropped.copy_from_slice(shares);
                if let Some(kept) = self.kept(head) {
                    dropped.iter_mut().zip(kept).for_each(|(share, kept)| *share *= kept);
                }
                let of_output = head.queries(gradient);
                let target = head.target(head.first_key, columns, &of_v);
                let transposed = Matrix::rows_of(keys, dropped).transposed();
                // SAFETY: no other task has this head's columns of this text's rows, here and below; only this thread
                // uses the scratch memory.
                unsafe { multiply([keys, queries, size], transposed, of_output, target, false) };
                let target = Target { output: &Shared::new(scores), start: 0, row: keys };
                // SAFETY: as above.
                unsafe { multiply([queries, size, keys], of_output, head.keys(v).transposed(), target, false) };
                if let Some(kept) = self.kept(head) {
                    scores.iter_mut().zip(kept).for_each(|(gradient, kept)| *gradient *= kept);
                }
                for (gradients, shares) in scores.chunks_exact_mut(keys).zip(shares.chunks_exact(keys)) {
                    let along: f64 =
                        gradients.iter().zip(shares).map(|(g, share)| f64::from(*g) * f64::from(*share)).sum();
                    for (gradient, share) in gradients.iter_mut().zip(shares) {
                        *gradient = share * (*gradient - along as f32) * self.config.scale as f32;
                    }
                }
                let of_scores = Matrix::rows_of(keys, scores);
                let target = head.target(head.first_query, columns, &of_q);
                // SAFETY: as above.
                unsafe { multiply([queries, keys, size], of_scores, head.keys(k), target, false) };
                let target = head.target(head.first_key, columns, &of_k);
                // SAFETY: as above.
                unsafe { multiply([keys, queries, size], of_scores.transposed(), head.queries(q), target, false) };
            });
        });
    }
}

/// A matrix without copying, even if it is part of the columns of a larger one.
fn matrix<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<Matrix<'a>> {
    let CpuStorage::F32(all) = storage else { bail!("the kernel expects f32") };
    let [row, column] = layout.stride() else { bail!("the kernel expects a matrix") };
    Ok(Matrix { data: &all[layout.start_offset().min(all.len())..], row: *row, column: *column })
}

fn with_matrices<const N: usize, T>(tensors: [&Tensor; N], work: impl FnOnce([Matrix; N]) -> T) -> Result<T> {
    let held = tensors.map(Tensor::storage_and_layout);
    let mut matrices = Vec::with_capacity(N);
    for (storage, layout) in &held {
        let Storage::Cpu(storage) = &**storage else { bail!("the kernel expects a CPU tensor") };
        matrices.push(matrix(storage, layout)?);
    }
    let Ok(matrices) = matrices.try_into() else { bail!("a matrix is missing") };
    Ok(work(matrices))
}

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        lq: &Layout,
        k: &CpuStorage,
        lk: &Layout,
        v: &CpuStorage,
        lv: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let columns = lq.dims()[1];
        let mut output = vec![0.0; lq.shape().elem_count()];
        self.forward([matrix(q, lq)?, matrix(k, lk)?, matrix(v, lv)?], columns, &mut output);
        Ok(cpu::output(output, lq.shape()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut outputs = [q, k, v].map(|x| vec![0.0; x.elem_count()]);
        let columns = q.dim(1)?;
        with_matrices([q, k, v, gradient], |[q, k, v, gradient]| {
            self.backward([q, k, v], gradient, columns, outputs.each_mut().map(Vec::as_mut_slice));
        })?;
        let [of_q, of_k, of_v] = outputs;
        let tensor = |data, x: &Tensor| cpu::tensor(data, x.shape()).map(Some);
        Ok((tensor(of_q, q)?, tensor(of_k, k)?, tensor(of_v, v)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_close, bits, check_gradients, draw, in_pool, strided};

    fn config(queries: &[usize], keys: &[usize], heads: usize, causal: bool) -> AttentionConfig {
        AttentionConfig { heads, scale: 0.7, causal, queries: queries.to_vec(), keys: keys.to_vec() }
    }

    fn dropout(config: &AttentionConfig) -> Option<AttentionDropout> {
        Some(AttentionDropout::draw(config, 0.3, &mut dl_record::rng(1, "attention")).unwrap())
    }

    #[test]
    fn equals_the_portable_composition_on_strided_matrices_and_texts_of_different_lengths() {
        for (queries, keys) in [(vec![1], vec![1]), (vec![3, 0, 40, 1], vec![3, 0, 40, 1]), (vec![1, 2], vec![5, 2])] {
            for (heads, causal) in [(1, false), (3, true), (4, false)] {
                let config = config(&queries, &keys, heads, causal);
                let (rows, of_keys) = (queries.iter().sum(), keys.iter().sum());
                let q = strided("q", &[rows, heads * 5]);
                let (k, v) = (strided("k", &[of_keys, heads * 5]), draw("v", &[of_keys, heads * 5]));
                for kept in [None, dropout(&config)] {
                    let numbers = kept.as_ref().map(|dropout| dropout.kept.clone());
                    let expected = portable::attention([&q, &k, &v], &config, numbers.as_deref()).unwrap();
                    assert_close(&attention(&q, &k, &v, &config, kept).unwrap(), &expected, 1e-5);
                }
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        for (queries, keys, causal) in [(vec![3, 1, 2], vec![3, 1, 2], true), (vec![2, 1], vec![4, 3], false)] {
            let config = config(&queries, &keys, 2, causal);
            let (rows, of_keys) = (queries.iter().sum(), keys.iter().sum());
            let shapes: [&[usize]; 3] = [&[rows, 6], &[of_keys, 6], &[of_keys, 6]];
            check_gradients(&shapes, 1e-2, |t| attention(&t[0], &t[1], &t[2], &config, None));
            check_gradients(&shapes, 1e-2, |t| attention(&t[0], &t[1], &t[2], &config, dropout(&config)));
        }
    }

    #[test]
    fn gradients_through_columns_of_one_matrix_match_finite_differences() {
        let config = AttentionConfig::within(&[3, 2], 4, 2, true);
        check_gradients(&[&[5, 12]], 1e-2, |t| {
            let part = |index: usize| t[0].narrow(1, 4 * index, 4);
            attention(&part(0)?, &part(1)?, &part(2)?, &config, None)
        });
    }

    #[test]
    fn a_text_has_the_same_bits_in_any_batch_with_any_number_of_threads() {
        let [q, k, v] = ["q", "k", "v"].map(|name| draw(name, &[90, 64]));
        let run = |lengths: &[usize], first: usize| {
            let rows = lengths.iter().sum();
            let [q, k, v] = [&q, &k, &v].map(|x| x.narrow(0, first, rows).unwrap());
            bits(&attention(&q, &k, &v, &AttentionConfig::within(lengths, 64, 4, true), None).unwrap())
        };
        let all = in_pool(1, || run(&[33, 7, 50], 0));
        assert_eq!(all, in_pool(3, || run(&[33, 7, 50], 0)));
        assert_eq!(all[33 * 64..40 * 64], run(&[7], 33));
        assert_eq!(all[33 * 64..], run(&[7, 50], 33));
    }

    #[test]
    fn a_causal_query_does_not_depend_on_later_keys() {
        let [q, k, v] = ["q", "k", "v"].map(|name| draw(name, &[9, 8]));
        let all = attention(&q, &k, &v, &AttentionConfig::within(&[9], 8, 2, true), None).unwrap();
        let [q, k, v] = [&q, &k, &v].map(|x| x.narrow(0, 0, 4).unwrap());
        let first = attention(&q, &k, &v, &AttentionConfig::within(&[4], 8, 2, true), None).unwrap();
        assert_close(&all.narrow(0, 0, 4).unwrap(), &first, 1e-6);
    }

    #[test]
    fn mismatched_shapes_are_an_error() {
        let [q, k] = ["q", "k"].map(|name| draw(name, &[4, 6]));
        for wrong in [config(&[3], &[3], 2, false), config(&[4], &[4], 4, false), config(&[3, 1], &[2, 2], 2, true)] {
            assert!(attention(&q, &k, &k, &wrong, None).is_err(), "{wrong:?}");
        }
    }
}
