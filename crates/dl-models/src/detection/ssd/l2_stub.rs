use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use crate::{Pass, Run, Value};
pub(super) struct L2Norm { weight: Tensor }
impl L2Norm {
    pub(super) fn torch(channels: usize, start: f64, name: &str, vb: VarBuilder) -> Result<Self> {
        Ok(Self { weight: vb.get_with_hints(channels, name, Init::Const(start))? })
    }
    pub(super) fn caffe(channels: usize, start: f64, name: &str, vb: VarBuilder) -> Result<Self> {
        Self::torch(channels, start, name, vb)
    }
}
impl Pass<'_> {
    pub(super) fn l2_norm(&mut self, name: &str, norm: &L2Norm, x: &Value) -> Run {
        let weight: Vec<f32> = norm.weight.to_vec1()?;
        self.affine(name, &weight, &vec![0.0; weight.len()], x)
    }
}
