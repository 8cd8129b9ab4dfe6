//! Adaptation of a small network on features.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::{FeatureHeadFile, Parameters, Precision, plain};
use dl_train::adversarial::{AdversarialRows, Game, LabeledRows, RowNetwork, row_orders};
use dl_train::classifier::{LossConfig, Targets};
use dl_train::fit::{Progress, TrainedModel};
use dl_transfer::Mat;
use dl_transfer::feature_head::{FeatureHead, HeadMethod};
use dl_transfer::mlp::{Dense, Mlp};
use dl_transfer::rows::{Row, RowIntake};
use serde_json::json;

use super::{Args, Both};
use crate::common::{Io, Outcome, figures_of_means, object};
use crate::tools::finetune::training::{ExamplesOf, Situation, settings_of};

/// Standardization of the columns.
struct Scale {
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Scale {
    /// The mean and the deviation of the columns of both sides; constant columns are only centered.
    fn of(rows: &[&[Row]], columns: usize) -> Self {
        let all = || rows.iter().flat_map(|rows| rows.iter());
        let count = all().count().max(1) as f64;
        let mut mean = vec![0.0_f64; columns];
        all().for_each(|row| row.features.iter().zip(&mut mean).for_each(|(x, sum)| *sum += f64::from(*x) / count));
        let mut variance = vec![0.0_f64; columns];
        for row in all() {
            for ((x, mean), sum) in row.features.iter().zip(&mean).zip(&mut variance) {
                *sum += (f64::from(*x) - mean).powi(2) / count;
            }
        }
        let deviation = variance.iter().map(|variance| if *variance > 0.0 { variance.sqrt() as f32 } else { 1.0 });
        Self { mean: mean.iter().map(|mean| *mean as f32).collect(), deviation: deviation.collect() }
    }

    /// Features as they are.
    fn none(columns: usize) -> Self {
        Self { mean: vec![0.0; columns], deviation: vec![1.0; columns] }
    }

    fn tensor(&self, rows: &[Row], device: &Device) -> Result<Tensor> {
        let columns = self.mean.len();
        let mut numbers = Vec::with_capacity(rows.len() * columns);
        for row in rows {
            let scale = self.mean.iter().zip(&self.deviation);
            numbers.extend(row.features.iter().zip(scale).map(|(x, (mean, deviation))| (x - mean) / deviation));
        }
        Tensor::from_vec(numbers, (rows.len(), columns), device).map_err(plain)
    }

    /// Applies the standardization in the first layer instead of to its inputs.
    fn fold_into(&self, layer: &mut Dense) {
        for (column, (mean, deviation)) in self.mean.iter().zip(&self.deviation).enumerate() {
            for (row, bias) in layer.bias.iter_mut().enumerate() {
                layer.weight[(row, column)] /= f64::from(*deviation);
                *bias -= layer.weight[(row, column)] * f64::from(*mean);
            }
        }
    }
}

/// Rows with their classes; labels that the source lacks are an error.
fn labeled(rows: &[Row], labels: &[String], whose: &str, scale: &Scale, device: &Device) -> Result<LabeledRows> {
    let unlabeled = rows.iter().filter(|row| row.label.is_none()).count();
    ensure!(
        unlabeled == 0,
        "{whose}: {unlabeled} of {} records have no \"label\"; add one, or leave them out",
        rows.len()
    );
    let class = |row: &Row| -> Result<u32> {
        let label = row.label.as_deref().unwrap_or_default();
        let place = labels.iter().position(|known| known == label);
        let place = place.with_context(|| format!("{whose}: the label \"{label}\" has no example in the source"))?;
        Ok(u32::try_from(place)?)
    };
    let weighted = rows.iter().any(|row| row.weight != 1.0);
    let targets = Targets {
        classes: rows.iter().map(class).collect::<Result<_>>()?,
        weights: rows.iter().map(|row| row.weight as f32).filter(|_| weighted).collect(),
    };
    Ok(LabeledRows { x: scale.tensor(rows, device)?, targets })
}

impl Args {
    pub(super) fn of_features(&self, Both { sided, intake, tally, .. }: Both, io: &mut Io) -> Result<Outcome> {
        let args = &self.pictures;
        ensure!(
            args.network.file().is_none() && args.network.arch.is_none() && !args.views.are_requested(),
            "--init-from, --arch and --augment are for images; these records have features, whose network --hidden describes"
        );
        let device = args.device.open()?;
        let (source, target) = (sided.source.rows, sided.target.rows);
        let labels: BTreeSet<&String> = source.iter().filter_map(|row| row.label.as_ref()).collect();
        let labels: Vec<String> = labels.into_iter().cloned().collect();
        let columns = intake.columns;
        let scale = if self.raw { Scale::none(columns) } else { Scale::of(&[&source, &target], columns) };
        let of_source = labeled(&source, &labels, "the source", &scale, &device)?;
        ensure!(
            labels.len() > 1,
            "the source has the single label \"{}\"; training needs at least two",
            labels.join("")
        );
        let of_target = scale.tensor(&target, &device)?;
        let (validation, of_validation) = self.validation_rows(io, &intake, &labels, &scale, &device)?;
        let counts = [source.len(), target.len()];
        let [sources, targets] = counts;
        let classes = labels.len();
        io.messages.note(format_args!("{sources} source rows of {classes} classes, {targets} target rows"));

        let batch = self.batch(counts);
        let situation = Situation {
            epoch: sources.max(targets).div_ceil(batch),
            from_scratch: true,
            head_only: false,
            validates: validation.is_some(),
            examples: ExamplesOf::Images { batch_norms: false },
        };
        let steps = args.training.steps(&situation)?;
        let seed = args.common.seed;
        let parameters = Parameters::fresh(seed);
        let dropout = args.dropout().unwrap_or(0.0);
        let network = RowNetwork::new(columns, &self.hidden, classes, dropout, &parameters, &device)?;
        let width = self.hidden.last().copied().unwrap_or(columns);
        let game = Game::new(self.game(steps), LossConfig::default(), [width, classes], &device)?;
        let mut settings = settings_of(self)?;
        settings.extend(object(json!({
            "data": intake.digest.to_string(),
            "val": of_validation,
            "labels": labels,
            "batch": batch,
        })));
        let figures = object(json!({
            "method": self.method,
            "trade_off": self.trade_off,
            "domains": sided.domains,
            "batch": batch,
            "standardized": !self.raw,
            "data_digest": intake.digest.to_string(),
        }));
        let file = |progress: &Progress| -> Result<TrainedModel> {
            let mut training = args.training.figures(&situation)?;
            training.extend(figures.clone());
            training.insert("iterations".to_owned(), json!(progress.step));
            training.extend(figures_of_means(&progress.means));
            let head = FeatureHead {
                layer: intake.layer.clone().unwrap_or_default(),
                network: intake.network.clone(),
                labels: labels.clone(),
                method: HeadMethod::Mlp(self.network(&parameters, &scale)?),
                calibration: None,
            };
            let (config, tensors) = FeatureHeadFile { head, training }.contents()?;
            Ok(TrainedModel { config, tensors, texts: Vec::new(), precision: Precision::F32 })
        };
        let task = AdversarialRows {
            network,
            parameters: parameters.clone(),
            source: of_source,
            target: of_target,
            game,
            validation,
            batch,
            orders: row_orders(counts, seed),
            weight_decay: args.training.weight_decay,
            seed,
            file: Box::new(file),
        };
        let ended = args.training.run(&task, &args.output, &situation, settings, &io.messages)?;
        Ok(ended.unwrap_or(Outcome::of(tally.failed)))
    }

    /// The rows of `--val`, and their digest.
    fn validation_rows(
        &self,
        io: &mut Io,
        intake: &RowIntake,
        labels: &[String],
        scale: &Scale,
        device: &Device,
    ) -> Result<(Option<LabeledRows>, Option<String>)> {
        let Some(path) = self.validation.file() else { return Ok((None, None)) };
        let mut own = RowIntake { digest: Default::default(), ..intake.clone() };
        let mut rows = Vec::new();
        self.pictures.read_file(io, ("--val", path), |record| {
            rows.push(own.take(record)?);
            Ok(())
        })?;
        let whose = format!("--val {}", path.display());
        Ok((Some(labeled(&rows, labels, &whose, scale, device)?), Some(own.digest.to_string())))
    }

    /// The network as the model file has it.
    fn network(&self, parameters: &Parameters, scale: &Scale) -> Result<Mlp> {
        let tensors = parameters.tensors();
        let dense = |name: &str| -> Result<Dense> {
            let tensor = |end: &str| tensors.get(&format!("{name}.{end}")).context("the network lacks a layer");
            let weight = tensor("weight")?.to_vec2::<f32>().map_err(plain)?;
            let bias = tensor("bias")?.to_vec1::<f32>().map_err(plain)?;
            let columns = weight.first().map_or(0, Vec::len);
            Ok(Dense {
                weight: Mat::from_fn(weight.len(), columns, |row, column| f64::from(weight[row][column])),
                bias: bias.into_iter().map(f64::from).collect(),
            })
        };
        let mut layers: Vec<Dense> =
            (0..self.hidden.len()).map(|index| dense(&format!("trunk.{index}"))).collect::<Result<_>>()?;
        layers.push(dense("head")?);
        if let Some(first) = layers.first_mut() {
            scale.fold_into(first);
        }
        Mlp::new(layers)
    }
}
