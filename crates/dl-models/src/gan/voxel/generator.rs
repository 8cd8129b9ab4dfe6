//! Generators of voxels, from their files to solids.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use rand_chacha::ChaCha8Rng;

use super::VoxelConfig;
use super::network::{Network, OCCUPANCY};
use crate::file::limits;
use crate::model::{CheckpointBackend, build_outline};
use crate::network::pass::{Halt, Pass, Value};
use crate::network::plans::Plans;
use crate::{Backbone, Checkpoint, LayerName, plain};

/// A generator of voxels from silhouettes.
pub struct VoxelGenerator {
    config: VoxelConfig,
    network: Network,
    plans: Plans,
}

impl VoxelGenerator {
    /// Opens the generator in a model file.
    /// # Errors
    /// When the file holds something else, its description is invalid, or its weights do not fit.
    pub fn open(file: Checkpoint, device: &Device) -> Result<Self> {
        let path = file.path().to_owned();
        let in_context = || format!("model {}", path.display());
        let config = VoxelConfig::read(&file).with_context(in_context)?;
        let build = |vb: VarBuilder| Network::new(&config, &vb);
        let (_, shapes) = build_outline(Some(&file), build).with_context(in_context)?;
        limits::check_weights(&shapes, &file).with_context(in_context)?;
        let backend = CheckpointBackend { checkpoint: file, wanted_by: "the generator of voxels".to_owned() };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        Self::new(config, &vb).with_context(in_context)
    }

    /// A generator from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the config is invalid, or a weight is missing or has another shape.
    pub fn new(config: VoxelConfig, vb: &VarBuilder) -> Result<Self> {
        config.check()?;
        let network = Network::new(&config, vb)?;
        Ok(Self { config, network, plans: Plans::default() })
    }

    /// Its description.
    pub fn config(&self) -> &VoxelConfig {
        &self.config
    }

    /// Logits [n, depth, height, width] of silhouettes [n, 1, height, width], -1 to 1; in training, with gradients, and
    /// batch norms use the batch's statistics.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(&self, silhouettes: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let mut pass = Pass::new(Vec::new(), Some(rng));
        match self.network.run(&Value::Now(silhouettes.clone()), &mut pass) {
            Ok(Value::Now(logits)) => Ok(logits),
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("the generator stopped early"),
        }
    }

    /// The probability of each voxel [depth, height, width] of being filled, 0 to 1, of silhouettes [height, width], -1 to
    /// 1, one after another.
    /// # Errors
    /// When the lengths do not fit, or the network's outputs are not finite.
    pub fn generate(&self, silhouettes: &[f32]) -> Result<Vec<f32>> {
        let side = self.config.side;
        let area = side * side;
        ensure!(silhouettes.len().is_multiple_of(area), "{} numbers are not silhouettes of {area}", silhouettes.len());
        if silhouettes.is_empty() {
            return Ok(Vec::new());
        }
        let shape = (silhouettes.len() / area, 1, side, side);
        let x = Tensor::from_slice(silhouettes, shape, &Device::Cpu).map_err(plain)?;
        let layer: LayerName = OCCUPANCY.parse()?;
        let outputs = self.plans.run(&self.network, &x, &[layer])?;
        let [logits] = &outputs[..] else { bail!("the generator made no voxels") };
        let logits: Vec<f32> = logits.flatten_all().and_then(|logits| logits.to_vec1()).map_err(plain)?;
        ensure!(
            logits.iter().all(|logit| logit.is_finite()),
            "the generator's voxels are not finite; are its weights damaged?"
        );
        Ok(logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect())
    }
}
