//! Which tensors of a file fit a network: the report of partial loading.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use candle_core::Tensor;

use super::tensor_shapes;
use crate::text::{self, TextConfig};
use crate::{Checkpoint, ModelConfig};

/// Which of a network's tensors a file provides. All names are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// In the file, in the expected shape.
    pub loaded: Vec<String>,
    /// Not in the file, or deliberately left out: newly initialized.
    pub new: Vec<String>,
    /// In the file, but not as the network expects them: newly initialized.
    pub misfits: Vec<Misfit>,
    /// In the file, but not in the network.
    pub unused: Vec<String>,
}

/// A tensor that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Its name.
    pub name: String,
    /// Why: `is [1000, 512], the network needs [5, 512]`.
    pub reason: String,
}

impl Fit {
    /// Compares the file with the network of `config`. Tensors for which `leave_out` is true count as new in any case,
    /// such as the head for other classes.
    /// # Errors
    /// When the architecture or one of its options is unknown.
    pub fn of(config: &ModelConfig, file: &Checkpoint, leave_out: impl Fn(&str) -> bool) -> Result<Self> {
        Ok(Self::of_shapes(&tensor_shapes(config)?, file, leave_out))
    }

    /// Compares the file with the text network of `config`, for CLIP and SigLIP with their image networks too.
    /// # Errors
    /// When the architecture or one of its options is unknown.
    pub fn of_texts(config: &TextConfig, file: &Checkpoint) -> Result<Self> {
        Ok(Self::of_shapes(&text::outline(config, Some(file))?.1, file, |_| false))
    }

    /// Compares the file with a network's tensors, by name and shape.
    pub fn of_shapes(
        expected: &BTreeMap<String, Vec<usize>>,
        file: &Checkpoint,
        leave_out: impl Fn(&str) -> bool,
    ) -> Self {
        let given =
            |name: &str| file.shape(name).filter(|_| !leave_out(name)).map(|shape| (shape, file.holds_floats(name)));
        Self::between(expected, file.tensors().into_iter().map(|tensor| tensor.name), given)
    }

    /// Compares tensors in memory, all of floats, with a network's, by name and shape.
    pub fn of_tensors(expected: &BTreeMap<String, Vec<usize>>, tensors: &BTreeMap<String, Tensor>) -> Self {
        Self::between(expected, tensors.keys().cloned(), |name| Some((tensors.get(name)?.dims(), true)))
    }

    /// `given`: the shape of a tensor that may be loaded, and whether it holds floats.
    fn between<'a>(
        expected: &BTreeMap<String, Vec<usize>>,
        names: impl Iterator<Item = String>,
        given: impl Fn(&str) -> Option<(&'a [usize], bool)>,
    ) -> Self {
        let mut fit = Self::default();
        for (name, shape) in expected {
            let reason = match given(name) {
                None => {
                    fit.new.push(name.clone());
                    continue;
                }
                Some((found, _)) if found != shape => format!("is {found:?}, the network expects {shape:?}"),
                Some((_, false)) => "has no floats".to_owned(),
                Some((_, true)) => {
                    fit.loaded.push(name.clone());
                    continue;
                }
            };
            fit.misfits.push(Misfit { name: name.clone(), reason });
        }
        fit.unused = names.filter(|name| !expected.contains_key(name)).collect();
        fit
    }

    /// Whether the file provides every tensor of the network.
    pub fn is_whole(&self) -> bool {
        self.new.is_empty() && self.misfits.is_empty()
    }

    /// The report in one line: `48 tensors loaded; new: fc.bias, fc.weight; do not fit: ...; 3 unused: ...`.
    pub fn report(&self) -> String {
        let mut parts = vec![format!("{} tensors loaded", self.loaded.len())];
        if !self.new.is_empty() {
            parts.push(format!("new: {}", listed(self.new.iter().map(String::as_str))));
        }
        if !self.misfits.is_empty() {
            let reasons: Vec<String> =
                self.misfits.iter().map(|misfit| format!("{} {}", misfit.name, misfit.reason)).collect();
            parts.push(format!("do not fit: {}", listed(reasons.iter().map(String::as_str))));
        }
        if !self.unused.is_empty() {
            let unused = listed(self.unused.iter().map(String::as_str));
            parts.push(format!("{} unused: {unused}", self.unused.len()));
        }
        parts.join("; ")
    }

    /// The tensors to load, by name.
    pub fn loaded_names(&self) -> BTreeSet<&str> {
        self.loaded.iter().map(String::as_str).collect()
    }
}

/// The first few, and how many more there are.
fn listed<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let items: Vec<&str> = items.collect();
    match items.len() {
        0..=6 => items.join(", "),
        count => format!("{}, and {} more", items[..5].join(", "), count - 5),
    }
}
