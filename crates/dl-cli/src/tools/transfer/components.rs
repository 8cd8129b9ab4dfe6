//! What `tca`, `sstca` and `jda` share: the two sides as tables, and the options of the kernel and of the components.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use dl_transfer::components::{Approximation, Form, Regularization, median_gamma};
use dl_transfer::feature_map::RowMap;
use dl_transfer::{FeatureTable, Kernel, KernelMap, Mat};
use serde_json::{Map, Value, json};

use super::maps::{Fitted, MapArgs};
use super::rows::Taken;
use crate::common::{Io, Outcome, SideArgs, Sided, numbers, object};

/// Options of every method of this kind.
#[derive(clap::Args, Debug)]
pub(super) struct ComponentArgs {
    #[command(flatten)]
    pub(super) sides: SideArgs,

    /// Columns of the new layer [default: 100; with fewer rows or columns, half as many as there are]
    #[arg(long, value_name = "N", value_parser = numbers::count)]
    components: Option<usize>,

    /// Kernel that compares rows
    #[arg(long, value_enum, default_value_t = KernelName::Linear)]
    kernel: KernelName,

    /// Gamma of the rbf kernel, exp(-gamma |a - b|^2) [default: 1 / (2 m^2), where m is the median distance of two
    /// rows]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    gamma: Option<f64>,

    /// Weight of the penalty on the size of the components; the distance between the domains is first scaled to 1, as
    /// in the code of Long et al.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::positive, conflicts_with = "mu")]
    lambda: f64,

    /// Weight of the penalty as in Pan et al. 2011, in place of --lambda
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    mu: Option<f64>,

    /// Approximate the kernel by this many rows, drawn from both sides
    #[arg(long, value_name = "M", value_parser = numbers::count, conflicts_with = "random_features")]
    landmarks: Option<usize>,

    /// Approximate the rbf kernel by this many random Fourier features
    #[arg(long, value_name = "D", value_parser = numbers::count)]
    random_features: Option<usize>,

    #[command(flatten)]
    pub(super) map: MapArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum KernelName {
    /// The inner products with the rows of the fit
    Linear,
    /// The similarities exp(-gamma |a - b|^2) to the rows of the fit
    Rbf,
    /// The columns themselves, without a kernel
    Primal,
}

/// The rows of both sides, and what is to be fitted to them.
pub(super) struct Problem {
    pub(super) source: Mat<f64>,
    pub(super) target: Mat<f64>,
    pub(super) components: usize,
    pub(super) form: Form,
    pub(super) approximation: Approximation,
    pub(super) regularization: Regularization,
    pub(super) seed: u64,
    sides: Sided<FeatureTable>,
    taken: Taken,
}

impl Problem {
    /// The classes of the source, and that of each row.
    /// # Errors
    /// When a row has no label, or all have the same.
    pub(super) fn classes(&self) -> Result<(Vec<String>, Vec<usize>)> {
        let (labels, classes) = self.sides.source.classes();
        let missing = classes.iter().filter(|class| class.is_none()).count();
        if let Some(first) = classes.iter().position(Option::is_none) {
            bail!(
                "{missing} of {} records of the source have no \"label\", the first is \"{}\"; add one, or leave them out",
                classes.len(),
                self.sides.source.ids[first]
            );
        }
        ensure!(labels.len() > 1, "all records of the source have the same label; the method needs at least two");
        Ok((labels, classes.into_iter().flatten().collect()))
    }
}

impl ComponentArgs {
    /// Reads both sides, and settles the options that depend on them.
    pub(super) fn read(&self, io: &mut Io) -> Result<Problem> {
        ensure!(
            self.random_features.is_none() || self.kernel == KernelName::Rbf,
            "--random-features approximates the rbf kernel; add --kernel rbf"
        );
        ensure!(
            self.landmarks.is_none() || self.kernel != KernelName::Primal,
            "--landmarks: --kernel primal has no kernel to approximate"
        );
        ensure!(
            self.gamma.is_none() || self.kernel == KernelName::Rbf,
            "--gamma is that of the rbf kernel; add --kernel rbf"
        );
        self.map.check()?;
        let seed = self.map.rows.common.seed;
        let (sides, taken) = self.map.rows.sided(
            io,
            &self.sides,
            FeatureTable::of_width,
            FeatureTable::push_row,
            FeatureTable::append,
            || (),
        )?;
        let (source, target) = (sides.source.matrix(), sides.target.matrix());
        let rows = source.nrows() + target.nrows();
        let most = if self.kernel == KernelName::Rbf { rows } else { rows.min(source.ncols()) };
        let form = match (self.kernel, self.gamma) {
            (KernelName::Primal, _) => Form::Primal,
            (KernelName::Linear, _) => Form::Dual(Kernel::Linear),
            (KernelName::Rbf, Some(gamma)) => Form::Dual(Kernel::Rbf { gamma }),
            (KernelName::Rbf, None) => {
                let gamma = median_gamma(source.as_ref(), target.as_ref(), seed)?;
                io.messages.note(format_args!("gamma is {gamma:.4e}, by the median distance"));
                Form::Dual(Kernel::Rbf { gamma })
            }
        };
        let approximation = match (self.landmarks, self.random_features) {
            (Some(count), _) => Approximation::Landmarks(count),
            (None, Some(count)) => Approximation::RandomFeatures(count),
            (None, None) => Approximation::Exact,
        };
        Ok(Problem {
            source,
            target,
            components: self.components.unwrap_or((most / 2).clamp(1, 100)),
            form,
            approximation,
            regularization: self.mu.map_or(Regularization::Lambda(self.lambda), Regularization::Mu),
            seed,
            sides,
            taken,
        })
    }

    /// Writes the map and the records.
    pub(super) fn write(
        &self,
        io: &mut Io,
        method: &str,
        problem: Problem,
        map: KernelMap,
        more: Value,
    ) -> Result<Outcome> {
        let mut training: Map<String, Value> = object(json!({
            "rows": [problem.source.nrows(), problem.target.nrows()],
            "components": problem.components,
            "lambda": if self.mu.is_some() { None } else { Some(self.lambda) },
            "mu": self.mu,
            "seed": problem.seed,
        }));
        training.extend(object(more));
        training.retain(|_, value| !value.is_null());
        let fitted = Fitted { maps: vec![RowMap::Kernel(map)], domains: BTreeMap::new(), rows: None, training };
        self.map.write(io, method, problem.taken, fitted)
    }
}
