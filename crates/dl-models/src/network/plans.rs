//! Inference plans of a network, compiled on first use.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use dl_kernels::{Graph, NodeId, Operation, Plan, PlanConfig, Winograd};
use dl_record::Matrix;

use crate::network::distinct;
use crate::{Backbone, Halt, LayerName, Pass, Value, plain};

/// The key of a plan: the image's [channels, height, width] and the layers.
type Key = ([usize; 3], Vec<String>);

/// A plan, and the shape of each output without the batch.
struct Compiled {
    plan: Plan,
    shapes: Vec<Vec<usize>>,
}

/// Most plans kept: each has its own copy of the weights, so images of many sizes must not fill the memory.
const KEPT: usize = 4;

/// The plans of one network.
#[derive(Default)]
pub(crate) struct Plans {
    /// Most recently used last.
    compiled: Mutex<Vec<(Key, Arc<Compiled>)>>,
}

impl Plans {
    /// The outputs of `layers` for x [n, channels, height, width].
    pub(crate) fn run(&self, backbone: &dyn Backbone, x: &Tensor, layers: &[LayerName]) -> Result<Vec<Tensor>> {
        let (images, channels, height, width) = x.dims4().map_err(plain)?;
        let compiled = self.compiled(backbone, [channels, height, width], layers)?;
        let outputs = dl_ops::with_floats(x, |input| compiled.plan.run(input).map_err(candle_core::Error::msg));
        let outputs = outputs.map_err(plain)?;
        let tensors = outputs.into_iter().zip(&compiled.shapes).map(|(numbers, shape)| {
            let shape: Vec<usize> = [images].iter().chain(shape).copied().collect();
            Tensor::from_vec(numbers, shape, &Device::Cpu).map_err(plain)
        });
        tensors.collect()
    }

    /// [`run`](Self::run) for images that `make` writes, see [`Plan::run_made`]; returns one matrix per layer.
    pub(crate) fn run_made(
        &self,
        backbone: &dyn Backbone,
        [images, batch]: [usize; 2],
        image: [usize; 3],
        layers: &[LayerName],
        make: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Vec<Matrix>> {
        let compiled = self.compiled(backbone, image, layers)?;
        let outputs = compiled.plan.run_made(images, batch, make)?.into_iter().zip(&compiled.shapes);
        let matrix =
            |(data, shape): (Vec<f32>, &Vec<usize>)| Matrix { rows: images, columns: shape.iter().product(), data };
        Ok(outputs.map(matrix).collect())
    }

    fn compiled(&self, backbone: &dyn Backbone, image: [usize; 3], layers: &[LayerName]) -> Result<Arc<Compiled>> {
        let key: Key = (image, layers.iter().map(ToString::to_string).collect());
        let mut plans = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = plans.iter().position(|(known, _)| *known == key) {
            plans[index..].rotate_left(1);
            return Ok(plans[plans.len() - 1].1.clone());
        }
        let config = PlanConfig { winograd: Winograd::current()?, ..PlanConfig::default() };
        let compiled = Arc::new(compile(backbone, image, layers, config)?);
        if plans.len() == KEPT {
            plans.remove(0);
        }
        plans.push((key, compiled.clone()));
        Ok(compiled)
    }

    /// The image sizes of the plans, most recently used last.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> Vec<[usize; 3]> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|((size, _), _)| *size).collect()
    }
}

/// A plan for images of one size.
fn compile(backbone: &dyn Backbone, image: [usize; 3], layers: &[LayerName], config: PlanConfig) -> Result<Compiled> {
    let (graph, outputs) = graph(backbone, image, layers)?;
    let shapes = outputs.iter().map(|node| graph.shape(*node).to_vec()).collect();
    Ok(Compiled { plan: Plan::new(graph, &outputs, config)?, shapes })
}

/// The network as a graph, up to `layers`, and the nodes of these.
pub(crate) fn graph(backbone: &dyn Backbone, image: [usize; 3], layers: &[LayerName]) -> Result<(Graph, Vec<NodeId>)> {
    let names: Vec<String> = layers.iter().map(|layer| backbone.check(layer)).collect::<Result<_>>()?;
    let graph = Graph::new(image);
    let input = Value::Later(graph.input());
    let mut pass = Pass::plan(distinct(&names), graph);
    if let Err(Halt::Failed(error)) = backbone.run(&input, &mut pass) {
        return Err(plain(error));
    }
    let (kept, Some(mut graph)) = pass.into_plan() else { bail!("the network was run instead of planned") };
    let mut outputs: Vec<NodeId> = Vec::new();
    for (layer, name) in layers.iter().zip(&names) {
        let Some(Value::Later(node)) = kept.get(name) else { bail!("the network did not compute its layer {name}") };
        outputs.push(match layer.pooled {
            Some(size) if graph.shape(*node).len() == 3 => graph.add(Operation::AdaptiveAvgPool2d(size), &[*node])?,
            Some(_) => {
                bail!("layer {layer}: {name} has shape {:?}, which cannot be averaged as a map", graph.shape(*node))
            }
            None => *node,
        });
    }
    Ok((graph, outputs))
}
