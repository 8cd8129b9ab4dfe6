//! Generators of tables, from their files to rows.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use dl_ops::SpanKind;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::cell::cell;
use super::network::{Network, ROWS};
use super::{TableConfig, TableLayout};
use crate::file::limits;
use crate::gan::push_latent;
use crate::model::{CheckpointBackend, build_outline};
use crate::network::pass::{Halt, Pass, Value};
use crate::network::plans::Plans;
use crate::{Backbone, Checkpoint, LayerName, plain};

/// How often a row is drawn again because it has another category than requested.
const MOST_DRAWS: usize = 100;

/// A generator of rows from random vectors.
pub struct TableGenerator {
    config: TableConfig,
    layout: TableLayout,
    network: Network,
    plans: Plans,
}

/// A row to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number of the sample.
    pub number: usize,
    /// The category that it must have: an index into [`TableLayout::conditions`], and one of the categories of that column.
    pub category: Option<[usize; 2]>,
}

/// A row that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// A cell for each column; `None`: empty.
    pub cells: Vec<Option<String>>,
    /// Whether the generator did not make the requested category in many draws, so that it was put in.
    pub forced: bool,
}

impl TableGenerator {
    /// Opens the generator in a model file.
    /// # Errors
    /// When the file holds something else, its description is invalid, or its weights do not fit.
    pub fn open(file: Checkpoint, device: &Device) -> Result<Self> {
        let path = file.path().to_owned();
        let in_context = || format!("model {}", path.display());
        let config = TableConfig::read(&file).with_context(in_context)?;
        let layout = TableLayout::new(&config.table);
        let sizes = [config.latent + layout.condition_width, layout.width];
        let build = |vb: VarBuilder| Network::new(sizes, &config.hidden, &vb);
        let (_, shapes) = build_outline(Some(&file), build).with_context(in_context)?;
        limits::check_weights(&shapes, &file).with_context(in_context)?;
        let backend = CheckpointBackend { checkpoint: file, wanted_by: "the generator of tables".to_owned() };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        Self::new(config, &vb).with_context(in_context)
    }

    /// A generator from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the config is invalid, or a weight is missing or has another shape.
    pub fn new(config: TableConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let layout = TableLayout::new(&config.table);
        let network = Network::new([config.latent + layout.condition_width, layout.width], &config.hidden, vb)?;
        Ok(Self { config, layout, network, plans: Plans::default() })
    }

    /// Its description.
    pub fn config(&self) -> &TableConfig {
        &self.config
    }

    /// Where the columns are in its rows.
    pub fn layout(&self) -> &TableLayout {
        &self.layout
    }

    /// Rows [n, width], before the functions of the spans, of random vectors and conditions [n, latent + condition width];
    /// in training, with gradients, and batch norms use the batch's statistics.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(&self, inputs: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let x = inputs.unsqueeze(2).and_then(|rows| rows.unsqueeze(3)).map_err(plain)?;
        let mut pass = Pass::new(Vec::new(), Some(rng));
        match self.network.run(&Value::Now(x), &mut pass) {
            Ok(Value::Now(rows)) => Ok(rows),
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("the generator stopped early"),
        }
    }

    /// The requested rows. A row depends on the weights, `seed` and its request alone. Without a requested category, a
    /// column is drawn, and one of its categories as often as in the data (the paper, section 4.3).
    /// # Errors
    /// When a request is for a category that does not exist, or the network's outputs are not finite.
    pub fn rows(&self, requests: &[Request], seed: u64) -> Result<Vec<Sampled>> {
        for request in requests {
            let known = |[condition, category]: [usize; 2]| {
                self.layout.conditions.get(condition).is_some_and(|condition| category < condition.counts.len())
            };
            ensure!(request.category.is_none_or(known), "the requested category does not exist");
        }
        let mut made: Vec<Option<Sampled>> = vec![None; requests.len()];
        let mut open: Vec<usize> = (0..requests.len()).collect();
        for draw in 0..MOST_DRAWS {
            let wanted: Vec<Request> = open.iter().map(|place| requests[*place]).collect();
            let rows = self.draw(&wanted, seed, draw)?;
            let is_last = draw + 1 == MOST_DRAWS;
            for ((place, request), (mut choices, places)) in open.iter().zip(&wanted).zip(rows) {
                let mut forced = false;
                if let Some([condition, category]) = request.category {
                    let chosen = &mut choices[self.layout.conditions[condition].column];
                    if *chosen != category && !is_last {
                        continue;
                    }
                    forced = *chosen != category;
                    *chosen = category;
                }
                let columns = self.config.table.columns.iter().zip(places).zip(choices);
                let cells = columns.map(|((column, place), chosen)| cell(column, place, chosen)).collect();
                made[*place] = Some(Sampled { cells, forced });
            }
            open.retain(|place| made[*place].is_none());
            if open.is_empty() {
                break;
            }
        }
        made.into_iter().map(|row| row.context("a row was not made")).collect()
    }

    /// For each column of each row, the chosen mode or category, and the place in the mode.
    fn draw(&self, requests: &[Request], seed: u64, draw: usize) -> Result<Vec<(Vec<usize>, Vec<f32>)>> {
        let columns = self.config.latent + self.layout.condition_width;
        let mut inputs = Vec::with_capacity(requests.len() * columns);
        let mut rngs = Vec::with_capacity(requests.len());
        for request in requests {
            let mut rng = dl_record::rng(seed, &format!("row/{}/{draw}", request.number));
            push_latent(&mut inputs, self.config.latent, &mut rng);
            let start = inputs.len();
            inputs.resize(start + self.layout.condition_width, 0.0);
            if let Some([condition, category]) = request.category.or_else(|| self.draw_category(&mut rng)) {
                inputs[start + self.layout.conditions[condition].start + category] = 1.0;
            }
            rngs.push(rng);
        }
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let x = Tensor::from_vec(inputs, (requests.len(), columns, 1, 1), &Device::Cpu).map_err(plain)?;
        let layer: LayerName = ROWS.parse()?;
        let outputs = self.plans.run(&self.network, &x, &[layer])?;
        let [rows] = &outputs[..] else { bail!("the generator made no rows") };
        let rows: Vec<Vec<f32>> = rows.to_vec2().map_err(plain)?;
        ensure!(
            rows.iter().flatten().all(|number| number.is_finite()),
            "the generator's rows are not finite; are its weights damaged?"
        );
        Ok(rows.iter().zip(&mut rngs).map(|(row, rng)| self.choose(row, rng)).collect())
    }

    fn draw_category(&self, rng: &mut ChaCha8Rng) -> Option<[usize; 2]> {
        if self.layout.conditions.is_empty() {
            return None;
        }
        let condition = rng.random_range(0..self.layout.conditions.len());
        let counts = &self.layout.conditions[condition].counts;
        let mut left = rng.random_range(0..counts.iter().sum::<u64>());
        let category = counts.iter().position(|count| {
            let is_here = left < *count;
            left = left.saturating_sub(*count);
            is_here
        });
        category.map(|category| [condition, category])
    }

    /// Draws modes and categories with the probabilities of the row's softmax: the largest of the logits with Gumbel noise.
    fn choose(&self, row: &[f32], rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<f32>) {
        let mut choices = vec![0; self.layout.first.len()];
        let mut places = vec![0.0; choices.len()];
        for ((first, choice), place) in self.layout.first.iter().zip(&mut choices).zip(&mut places) {
            let Some(first) = *first else { continue };
            let mut span = self.layout.spans[first];
            if span.kind == SpanKind::Tanh {
                *place = row[span.start].tanh();
                span = self.layout.spans[first + 1];
            }
            let logits = row[span.start..span.start + span.length].iter();
            let noisy = logits.map(|logit| f64::from(*logit) + gumbel(rng)).enumerate();
            let best = noisy.reduce(|best, next| if next.1 > best.1 { next } else { best });
            *choice = best.map_or(0, |(index, _)| index);
        }
        (choices, places)
    }
}

/// A draw from the standard Gumbel distribution.
fn gumbel(rng: &mut ChaCha8Rng) -> f64 {
    // The draw is below 1, and 0 would be infinite.
    let uniform: f64 = rng.random();
    -(-uniform.max(f64::MIN_POSITIVE).ln()).max(f64::MIN_POSITIVE).ln()
}
