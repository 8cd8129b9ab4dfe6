//! Batches of rows, with conditions by which rare categories are seen often enough (Xu et al. 2019, section 4.3,
//! training-by-sampling).

use dl_models::gan::push_latent;
use dl_models::gan::table::{ColumnKind, Mode, TableLayout, TableSchema};
use dl_ops::SpanKind;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::table::{Detected, Mixture};

/// How many standard deviations of a mode the number 1 is.
const REACH: f64 = 4.0;
/// Numbers farther out are drawn in: a tangent never reaches 1.
const MOST: f64 = 0.99;

/// Random vectors, the conditions of the rows to make, and the noise of their last layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableDraw {
    /// [n, latent + condition width]: standard normal, then the condition.
    pub inputs: Vec<f32>,
    /// [n, width]: Gumbel noise where a softmax is, 0 elsewhere.
    pub noise: Vec<f32>,
    /// For each row, the condition's column (an index into the layout's conditions) and category; empty without any.
    pub chosen: Vec<[usize; 2]>,
}

/// A batch.
#[derive(Clone, Debug, PartialEq)]
pub struct TableBatch {
    /// [n, width + condition width]: real rows, and the conditions by which they were chosen.
    pub real: Vec<f32>,
    /// For the critic.
    pub critic: TableDraw,
    /// For the generator.
    pub generator: TableDraw,
    /// Between real and generated groups, where the penalty is computed, 0 to 1.
    pub shares: Vec<f32>,
}

/// Makes batches.
pub struct TableBatches {
    layout: TableLayout,
    /// [rows, width]
    encoded: Vec<f32>,
    /// For each condition, the rows of each of its categories.
    rows: Vec<Vec<Vec<u32>>>,
    /// For each condition, the sums of the logarithms of the counts up to each category.
    shares: Vec<Vec<f64>>,
    count: usize,
    latent: usize,
    size: usize,
    pac: usize,
    seed: u64,
}

impl TableBatches {
    /// Batches of `size` rows, in groups of `pac`, of a table's columns.
    pub fn new(schema: &TableSchema, columns: &[Detected], [latent, size, pac]: [usize; 3], seed: u64) -> Self {
        let layout = TableLayout::new(schema);
        let count = columns.iter().map(rows_of).max().unwrap_or(0);
        let encoded = encode(schema, &layout, columns, count, seed);
        let rows: Vec<Vec<Vec<u32>>> = layout
            .conditions
            .iter()
            .map(|condition| {
                let mut rows = vec![Vec::new(); condition.counts.len()];
                if let Detected::Categorical(_, codes) = &columns[condition.column] {
                    (0..).zip(codes).for_each(|(row, code)| rows[*code as usize].push(row));
                }
                rows
            })
            .collect();
        let shares = layout.conditions.iter().map(|condition| {
            let mut sum = 0.0;
            let logs = condition.counts.iter().map(|count| (*count as f64 + 1.0).ln());
            logs.map(|log| {
                sum += log;
                sum
            })
            .collect()
        });
        Self { shares: shares.collect(), layout, encoded, rows, count, latent, size, pac, seed }
    }

    /// Rows of a batch.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Batches that show as many rows as the table has.
    pub fn epoch(&self) -> usize {
        self.count.div_ceil(self.size)
    }

    /// Batch number `step`, from 0; it depends only on the seed and the number.
    pub fn make(&self, step: usize) -> TableBatch {
        let mut rng = dl_record::rng(self.seed, &format!("table/{step}"));
        let critic = self.draw(&mut rng);
        let real = self.real(&critic, &mut rng);
        let generator = self.draw(&mut rng);
        let shares = (0..self.size / self.pac).map(|_| rng.random()).collect();
        TableBatch { real, critic, generator, shares }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> TableDraw {
        let mut draw = TableDraw::default();
        for _ in 0..self.size {
            push_latent(&mut draw.inputs, self.latent, rng);
            let start = draw.inputs.len();
            draw.inputs.resize(start + self.layout.condition_width, 0.0);
            if !self.layout.conditions.is_empty() {
                let condition = rng.random_range(0..self.layout.conditions.len());
                let shares = &self.shares[condition];
                let place = rng.random::<f64>() * shares[shares.len() - 1];
                let category = shares.partition_point(|share| *share <= place).min(shares.len() - 1);
                draw.inputs[start + self.layout.conditions[condition].start + category] = 1.0;
                draw.chosen.push([condition, category]);
            }
            for span in &self.layout.spans {
                match span.kind {
                    SpanKind::Tanh => draw.noise.extend(std::iter::repeat_n(0.0, span.length)),
                    SpanKind::Softmax => draw.noise.extend((0..span.length).map(|_| gumbel(rng))),
                }
            }
        }
        draw
    }

    /// Real rows that meet the conditions, in another order than the generated ones, with their conditions.
    fn real(&self, draw: &TableDraw, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let TableLayout { width, condition_width, conditions, .. } = &self.layout;
        let mut chosen = draw.chosen.clone();
        chosen.shuffle(rng);
        let mut real = Vec::with_capacity(self.size * (width + condition_width));
        for place in 0..self.size {
            let rows = chosen.get(place).map(|[condition, category]| &self.rows[*condition][*category]);
            let row = match rows {
                Some(rows) if !rows.is_empty() => rows[rng.random_range(0..rows.len())] as usize,
                _ => rng.random_range(0..self.count),
            };
            real.extend_from_slice(&self.encoded[row * width..][..*width]);
            let start = real.len();
            real.resize(start + condition_width, 0.0);
            if let Some([condition, category]) = chosen.get(place) {
                real[start + conditions[*condition].start + category] = 1.0;
            }
        }
        real
    }
}

/// A draw from the standard Gumbel distribution.
fn gumbel(rng: &mut ChaCha8Rng) -> f32 {
    let uniform: f64 = rng.random();
    -(-uniform.max(f64::MIN_POSITIVE).ln()).max(f64::MIN_POSITIVE).ln() as f32
}

fn rows_of(column: &Detected) -> usize {
    match column {
        Detected::Constant(_) => 0,
        Detected::Numeric(numbers) => numbers.len(),
        Detected::Categorical(_, codes) => codes.len(),
    }
}

/// The rows as the generator makes them [rows, width] (the paper, section 4.2): of each number, its mode, drawn by how likely
/// each is, and its place within it.
fn encode(schema: &TableSchema, layout: &TableLayout, columns: &[Detected], count: usize, seed: u64) -> Vec<f32> {
    let mut encoded = vec![0.0; count * layout.width];
    for ((column, detected), first) in schema.columns.iter().zip(columns).zip(&layout.first) {
        let Some(first) = *first else { continue };
        let start = layout.spans[first].start;
        match (&column.kind, detected) {
            (ColumnKind::Numeric { modes, .. }, Detected::Numeric(numbers)) => {
                let mut rng = dl_record::rng(seed, &format!("modes/{}", column.name));
                for (row, number) in encoded.chunks_exact_mut(layout.width).zip(numbers) {
                    let (place, mode) = match number {
                        Some(number) => place_of(modes, *number, &mut rng),
                        None => (0.0, modes.len()),
                    };
                    row[start] = place;
                    row[start + 1 + mode] = 1.0;
                }
            }
            (_, Detected::Categorical(_, codes)) => {
                for (row, code) in encoded.chunks_exact_mut(layout.width).zip(codes) {
                    row[start + *code as usize] = 1.0;
                }
            }
            _ => {}
        }
    }
    encoded
}

/// The place within a mode, and the mode.
fn place_of(modes: &[Mode], number: f64, rng: &mut ChaCha8Rng) -> (f32, usize) {
    let mut left: f64 = rng.random();
    let shares = Mixture::responsibilities(modes, number);
    let likeliest = (0..shares.len()).reduce(|a, b| if shares[b] > shares[a] { b } else { a }).unwrap_or(0);
    let mode = shares.iter().position(|share| {
        let is_here = left < *share;
        left -= share;
        is_here
    });
    let mode = mode.unwrap_or(likeliest);
    let Mode { mean, deviation, .. } = modes[mode];
    let place = if deviation > 0.0 { (number - mean) / (REACH * deviation) } else { 0.0 };
    (place.clamp(-MOST, MOST) as f32, mode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ColumnOptions, RawTable, schema};

    fn batches() -> TableBatches {
        let mut table = RawTable::new(["x", "class", "rare"].map(str::to_owned).to_vec());
        for row in 0..1000 {
            let x = (row % 9 != 0).then(|| (row as f64 * 0.37).sin().to_string());
            let rare = if row % 100 == 0 { "yes" } else { "no" };
            table.push([x.as_deref(), Some(["a", "b", "c"][row % 3]), Some(rare)]);
        }
        let found = schema(&table, &ColumnOptions::default(), 10).unwrap();
        TableBatches::new(&found.schema, &found.columns, [5, 40, 10], 3)
    }

    #[test]
    fn batches_depend_on_the_seed_and_the_step_and_real_rows_meet_their_conditions() {
        let batches = batches();
        assert_eq!((batches.epoch(), batches.size()), (25, 40));
        assert_eq!(batches.make(7), batches.make(7));
        assert_ne!(batches.make(7).real, batches.make(8).real);
        let layout = &batches.layout;
        let (mut rare, mut all) = (0, 0);
        for step in 0..20 {
            let batch = batches.make(step);
            assert_eq!(batch.shares.len(), 4);
            assert_eq!(batch.critic.inputs.len(), 40 * (5 + layout.condition_width));
            assert_eq!(batch.generator.noise.len(), 40 * layout.width);
            for row in batch.real.chunks_exact(layout.width + layout.condition_width) {
                let (row, condition) = row.split_at(layout.width);
                assert_eq!(condition.iter().sum::<f32>(), 1.0);
                for known in &layout.conditions {
                    for category in 0..known.counts.len() {
                        assert!(condition[known.start + category] <= row[known.span.start + category]);
                    }
                }
                // Every softmax is one-hot, every place in its mode.
                for span in &layout.spans {
                    let part = &row[span.start..span.start + span.length];
                    match span.kind {
                        SpanKind::Softmax => assert_eq!(part.iter().sum::<f32>(), 1.0),
                        SpanKind::Tanh => assert!(part[0].abs() <= 0.99),
                    }
                }
                // The rare category, 1 % of the rows, is shown by its logarithm.
                let known = &layout.conditions[1];
                rare += usize::from(condition[known.start + 1] == 1.0);
                all += usize::from(condition[known.start..known.start + 2].contains(&1.0));
            }
        }
        let share = rare as f64 / all as f64;
        let expected = 11_f64.ln() / (11_f64.ln() + 991_f64.ln());
        assert!((share - expected).abs() < 0.08, "{share} {expected}");
    }
}
