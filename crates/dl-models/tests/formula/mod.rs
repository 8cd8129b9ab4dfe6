//! Weights from a formula, the same as in testdata/goldens/backbones/formula.py.

#![allow(unreachable_pub, dead_code, reason = "shared by several tests, of which each uses a part")]

use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::Init;
use candle_nn::var_builder::SimpleBackend;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// `count` numbers in [0, 1): murmur's finalizer on a counter that starts at FNV-1a of the name.
pub(crate) fn mix(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |index| {
        let mut hash = start.wrapping_add(index.wrapping_mul(0x9E37_79B9));
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from(hash ^ (hash >> 16)) / 4_294_967_296.0
    })
}

/// Numbers of the formula within `scale` of `center`.
pub(crate) fn formula(name: &str, shape: &[usize], center: f64, scale: f64) -> Tensor {
    let numbers = mix(name, shape.iter().product()).map(|u| (center + (2.0 * u - 1.0) * scale) as f32);
    Tensor::from_vec(numbers.collect::<Vec<_>>(), shape, &Device::Cpu).unwrap()
}

/// Weights from the formula.
#[derive(Clone)]
pub(crate) struct Formula {
    gain: f64,
    vars: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Formula {
    /// See make.py for `gain`.
    pub(crate) fn new(gain: f64) -> Self {
        Self { gain, vars: Arc::default() }
    }

    /// The weights requested so far, by name.
    pub(crate) fn vars(&self) -> BTreeMap<String, Var> {
        self.vars.lock().unwrap().clone()
    }
}

impl SimpleBackend for Formula {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        let fan_in: usize = shape.dims().iter().skip(1).product();
        let (center, scale) = if name.ends_with("running_var") || (shape.rank() == 1 && name.ends_with(".weight")) {
            (1.0, 0.5)
        } else {
            (0.0, if shape.rank() == 1 { 0.1 } else { (self.gain / fan_in as f64).sqrt() })
        };
        let var = Var::from_tensor(&formula(name, shape.dims(), center, scale))?;
        let tensor = var.as_tensor().clone();
        self.vars.lock().unwrap().insert(name.to_owned(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name}")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
