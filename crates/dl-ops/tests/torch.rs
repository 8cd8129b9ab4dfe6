//! The layers equal torch's and torchvision's in results and gradients; see testdata/goldens/ops/make.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use candle_core::{Device, Tensor, Var};
use dl_ops::{
    Conv2dConfig, ConvTranspose2dConfig, L2Epsilon, Padding, PoolConfig, ResizeTo, RoiAlignConfig, RoiPoolConfig,
    adaptive_avg_pool2d, avg_pool2d, avg_pool2d_without_padding, batch_norm, batch_norm_train, conv_transpose2d,
    cross_entropy, instance_norm, l2_norm, leaky_relu, local_response_norm, locally_connected2d, log_softmax,
    max_pool2d, modulated_conv2d, pixel_shuffle, prelu, reflection_pad2d, resize_bilinear, resize_nearest, roi_align,
    roi_pool, sigmoid, softmax, softplus, tanh,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// `count` numbers in [0, 1): murmur's finalizer on a counter that starts at FNV-1a of the name.
fn mix(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |index| {
        let mut hash = start.wrapping_add(index.wrapping_mul(0x9E37_79B9));
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from(hash ^ (hash >> 16)) / 4_294_967_296.0
    })
}

fn formula(name: &str, shape: &[usize]) -> Tensor {
    let numbers: Vec<f32> = mix(name, shape.iter().product()).map(|u| (2.0 * u - 1.0) as f32).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// One case of the golden.
struct Case<'a> {
    golden: &'a Value,
}

impl Case<'_> {
    fn option<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let value = self.golden["options"].get(name)?;
        Some(serde_json::from_value(value.clone()).unwrap())
    }

    fn field<T: DeserializeOwned>(&self, name: &str) -> T {
        self.option(name).unwrap()
    }

    fn input(&self, name: &str) -> Var {
        let shape: Vec<usize> = serde_json::from_value(self.golden["inputs"][name].clone()).unwrap();
        Var::from_tensor(&formula(name, &shape)).unwrap()
    }

    fn assert_equal(&self, found: &Tensor, golden: &Value, what: &str) {
        let found = found.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let golden: Vec<f32> = serde_json::from_value(golden.clone()).unwrap();
        assert_eq!(found.len(), golden.len());
        for (index, (found, golden)) in found.iter().zip(golden).enumerate() {
            let error = (found - golden).abs();
            let (op, options) = (&self.golden["op"], &self.golden["options"]);
            assert!(error <= 1e-5 * (0.5 + golden.abs()), "{op} {options} {what} {index}: {found}, not {golden}");
        }
    }

    fn pooling(&self) -> PoolConfig {
        if let Some([kernel, stride, padding]) = self.option::<[usize; 3]>("darknet") {
            return PoolConfig::darknet(kernel, stride, padding);
        }
        PoolConfig {
            kernel: self.field("kernel_size"),
            stride: self.field("stride"),
            padding: self.field("padding"),
            extra: [0, 0],
            ceil_mode: self.field("ceil_mode"),
        }
    }

    fn boxes(&self) -> Tensor {
        let rows: Vec<Vec<f32>> = self.field("boxes");
        Tensor::new(rows, &Device::Cpu).unwrap()
    }

    fn batch_norm(&self, x: &Var) -> candle_core::Result<Tensor> {
        let (weight, bias) = (self.input("weight"), self.input("bias"));
        let channels = weight.dims();
        let (mean, variance) = (formula("mean", channels), (formula("variance", channels).abs()? + 0.1)?);
        let y = if self.field("training") {
            let (y, statistics) = batch_norm_train(x, &weight, &bias, 1e-5)?;
            let (mean, variance) = statistics.update(&mean, &variance, 0.1)?;
            self.assert_equal(&mean, &self.golden["others"][0], "running mean");
            self.assert_equal(&variance, &self.golden["others"][1], "running variance");
            y
        } else {
            batch_norm(x, &weight, &bias, &mean, &variance, 1e-5)?
        };
        self.assert_gradients(&y, &[("weight", &weight), ("bias", &bias)]);
        Ok(y)
    }

    fn conv_transpose2d(&self, x: &Var) -> candle_core::Result<Tensor> {
        let (weight, bias) = (self.input("weight"), self.input("bias"));
        let plain = ConvTranspose2dConfig::default();
        let config = ConvTranspose2dConfig {
            stride: self.option("stride").unwrap_or(plain.stride),
            padding: self.option("padding").unwrap_or(plain.padding),
            output_padding: self.option("output_padding").unwrap_or(plain.output_padding),
            dilation: self.option("dilation").unwrap_or(plain.dilation),
            groups: self.option("groups").unwrap_or(plain.groups),
        };
        let y = conv_transpose2d(x, &weight, Some(&bias), &config)?;
        self.assert_gradients(&y, &[("weight", &weight), ("bias", &bias)]);
        Ok(y)
    }

    fn instance_norm(&self, x: &Var) -> candle_core::Result<Tensor> {
        if !self.field::<bool>("affine") {
            return instance_norm(x, None, 1e-5);
        }
        let (weight, bias) = (self.input("weight"), self.input("bias"));
        let y = instance_norm(x, Some([&weight, &bias]), 1e-5)?;
        self.assert_gradients(&y, &[("weight", &weight), ("bias", &bias)]);
        Ok(y)
    }

    fn prelu(&self, x: &Var) -> candle_core::Result<Tensor> {
        let weight = self.input("weight");
        let y = prelu(x, &weight)?;
        self.assert_gradients(&y, &[("weight", &weight)]);
        Ok(y)
    }

    fn modulated_conv2d(&self, x: &Var) -> candle_core::Result<Tensor> {
        let (weight, styles) = (self.input("weight"), self.input("styles"));
        let config = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
        let y = modulated_conv2d(x, &weight, &styles, Some(1.0), &config)?;
        self.assert_gradients(&y, &[("weight", &weight), ("styles", &styles)]);
        Ok(y)
    }

    fn sides(&self) -> Padding {
        let [top, bottom, left, right] = ["top", "bottom", "left", "right"].map(|side| self.field(side));
        Padding { top, bottom, left, right }
    }

    fn l2_norm(&self, x: &Var) -> candle_core::Result<Tensor> {
        let weight = self.input("weight");
        let epsilon = match self.option("at_least") {
            Some(epsilon) => L2Epsilon::AtLeast(epsilon),
            None => L2Epsilon::Added(self.field("added")),
        };
        let y = l2_norm(x, &weight, epsilon)?;
        self.assert_gradients(&y, &[("weight", &weight)]);
        Ok(y)
    }

    fn locally_connected2d(&self, x: &Var) -> candle_core::Result<Tensor> {
        let (weight, bias) = (self.input("weight"), self.input("bias"));
        let [rows, columns] = self.field("padding");
        let padding = Padding { top: rows, bottom: rows, left: columns, right: columns };
        let config = Conv2dConfig { stride: self.field("stride"), padding, ..Default::default() };
        let y = locally_connected2d(x, &weight, Some(&bias), self.field("kernel"), &config)?;
        self.assert_gradients(&y, &[("weight", &weight), ("bias", &bias)]);
        Ok(y)
    }

    fn resize(&self, x: &Var) -> candle_core::Result<Tensor> {
        let to = match self.option("size") {
            Some(size) => ResizeTo::Size(size),
            None => ResizeTo::Factor(self.field("scale_factor")),
        };
        match self.option("align_corners") {
            Some(align_corners) => resize_bilinear(x, to, align_corners),
            None => resize_nearest(x, to),
        }
    }

    fn roi_align(&self, x: &Var) -> candle_core::Result<Tensor> {
        let config = RoiAlignConfig {
            output_size: self.field("output_size"),
            spatial_scale: self.field("spatial_scale"),
            sampling_ratio: usize::try_from(self.field::<i64>("sampling_ratio")).ok(),
            aligned: self.field("aligned"),
        };
        roi_align(x, &self.boxes(), &config)
    }

    fn roi_pool(&self, x: &Var) -> candle_core::Result<Tensor> {
        let config =
            RoiPoolConfig { output_size: self.field("output_size"), spatial_scale: self.field("spatial_scale") };
        roi_pool(x, &self.boxes(), &config)
    }

    fn result(&self, x: &Var) -> candle_core::Result<Tensor> {
        match self.golden["op"].as_str().unwrap() {
            "batch_norm" => self.batch_norm(x),
            "local_response_norm" => {
                local_response_norm(x, self.field("size"), self.field("alpha"), self.field("beta"), self.field("k"))
            }
            "softmax" => softmax(x, self.field("dim")),
            "log_softmax" => log_softmax(x, self.field("dim")),
            "cross_entropy" => cross_entropy(x, &Tensor::new(self.field::<Vec<u32>>("targets"), &Device::Cpu)?),
            "leaky_relu" => leaky_relu(x, self.field("slope")),
            "sigmoid" => sigmoid(&(x.as_tensor() * self.field::<f64>("times"))?),
            "tanh" => tanh(&(x.as_tensor() * self.field::<f64>("times"))?),
            "softplus" => softplus(&(x.as_tensor() * self.field::<f64>("times"))?),
            "instance_norm" => self.instance_norm(x),
            "pixel_shuffle" => pixel_shuffle(x, self.field("factor")),
            "prelu" => self.prelu(x),
            "reflection_pad2d" => reflection_pad2d(x, self.sides()),
            "modulated_conv2d" => self.modulated_conv2d(x),
            "l2_norm" => self.l2_norm(x),
            "locally_connected2d" => self.locally_connected2d(x),
            "resize" => self.resize(x),
            "conv_transpose2d" => self.conv_transpose2d(x),
            "roi_align" => self.roi_align(x),
            "roi_pool" => self.roi_pool(x),
            "avg_pool2d" if self.field("count_include_pad") => avg_pool2d(x, &self.pooling()),
            "avg_pool2d" => avg_pool2d_without_padding(x, &self.pooling()),
            "max_pool2d" => max_pool2d(x, &self.pooling()),
            "adaptive_avg_pool2d" => adaptive_avg_pool2d(x, self.field("size")),
            other => panic!("no layer {other}"),
        }
    }

    fn assert_gradients(&self, y: &Tensor, inputs: &[(&str, &Var)]) {
        let loss = (y * formula("loss", y.dims())).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        for (name, var) in inputs {
            let found = gradients.get(var).unwrap();
            self.assert_equal(found, &self.golden["gradients"][name], &format!("gradient of {name}"));
        }
    }
}

/// Runs the cases of `op`; fails if there are none.
fn equals_torch(op: &str) {
    let goldens: Value = serde_json::from_str(include_str!("../../../testdata/goldens/ops/torch.json")).unwrap();
    let cases: Vec<&Value> = goldens["cases"].as_array().unwrap().iter().filter(|case| case["op"] == op).collect();
    assert!(!cases.is_empty(), "no golden of {op}");
    for golden in cases {
        let case = Case { golden };
        let x = case.input("x");
        let y = case.result(&x).unwrap();
        let shape: Vec<usize> = serde_json::from_value(golden["shape"].clone()).unwrap();
        assert_eq!(y.dims(), shape, "{op} {}", golden["options"]);
        case.assert_equal(&y, &golden["y"], "result");
        case.assert_gradients(&y, &[("x", &x)]);
    }
}

macro_rules! tests {
    ($($test:ident: $op:literal;)*) => {$(
        #[test]
        fn $test() {
            equals_torch($op);
        }
    )*};
}

tests! {
    batch_norm_in_training_and_inference: "batch_norm";
    local_response_norm_with_odd_and_even_windows: "local_response_norm";
    leaky_relu_with_two_slopes: "leaky_relu";
    sigmoid_of_numbers_on_both_sides: "sigmoid";
    tanh_of_numbers_on_both_sides: "tanh";
    l2_norm_of_torchvision_and_caffe: "l2_norm";
    instance_norm_with_and_without_weights: "instance_norm";
    pixel_shuffle_by_two_and_three: "pixel_shuffle";
    prelu_with_one_slope_and_one_per_channel: "prelu";
    reflection_pad2d_of_equal_and_unequal_sides: "reflection_pad2d";
    softplus_of_small_and_large_numbers: "softplus";
    modulated_conv2d_with_demodulation: "modulated_conv2d";
    locally_connected2d_with_stride_and_padding: "locally_connected2d";
    softmax_along_each_dimension: "softmax";
    log_softmax_along_each_dimension: "log_softmax";
    cross_entropy_of_rows: "cross_entropy";
    resize_by_size_and_factor_nearest_and_bilinear: "resize";
    conv_transpose2d_with_every_option: "conv_transpose2d";
    roi_align_aligned_or_not_and_with_both_kinds_of_sampling: "roi_align";
    roi_pool_with_boxes_across_the_edges: "roi_pool";
    avg_pool2d_with_padding_and_ceil_mode: "avg_pool2d";
    max_pool2d_with_padding_and_ceil_mode: "max_pool2d";
    adaptive_avg_pool2d_with_bins_that_overlap: "adaptive_avg_pool2d";
}
