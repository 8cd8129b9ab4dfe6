//! Image networks, and the table of them.
//!
//! To add one, write a module with a struct of named layers and `impl Backbone`, with the names of torchvision's
//! modules, and add an entry to [`ARCHITECTURES`].

mod alexnet;
mod alexnet_2012;
mod architectures;
mod basic_conv;
mod caffe_head;
mod conv4;
pub(crate) mod folder;
mod googlenet;
mod gray;
mod inception_v3;
mod lenet5;
mod mini_xception;
mod mobilenet_v1;
mod mobilenet_v2;
mod mobilenet_v3;
mod places;
mod resnet;
mod resnet_cifar;
mod separable;
mod squeezenet;
mod vgg;
mod vit;
mod width;
mod xception;
mod zf;

pub use alexnet::AlexNet;
pub use alexnet_2012::{AlexNet2012, AlexNet2012Options, AlexNetOrder};
pub use architectures::{ARCHITECTURES, Architecture, Auxiliary};
pub use conv4::{Conv4, Conv4Options};
pub use googlenet::{GoogLeNet, GoogLeNetOptions};
pub use inception_v3::{InceptionV3, InceptionV3Options};
pub use lenet5::LeNet5;
pub use mini_xception::MiniXception;
pub(crate) use mobilenet_v1::MobileNetV1Features;
pub use mobilenet_v1::{MobileNetV1, MobileNetV1Options};
pub(crate) use mobilenet_v2::MobileNetV2Features;
pub use mobilenet_v2::{MobileNetV2, MobileNetV2Options};
pub(crate) use mobilenet_v3::MobileNetV3Features;
pub use mobilenet_v3::{MobileNetV3, MobileNetV3Options, MobileNetV3Size};
pub use resnet::{BottleneckStride, Depth, ResNet};
pub use resnet_cifar::CifarResNet;
pub use squeezenet::{SqueezeNet, SqueezeNetOptions, Version};
pub use vgg::{Vgg, VggColumn, VggOptions};
pub use vit::{Vit, VitFamily, VitOptions};
pub(crate) use width::{divisible, scaled};
pub use xception::{Xception, XceptionOptions};
pub use zf::{Zf, ZfOptions};

/// Converts a table to the form of [`Backbone::aliases`].
fn aliases<const N: usize>(table: [(&str, &str); N]) -> Vec<(String, String)> {
    table.map(|(alias, path)| (alias.to_owned(), path.to_owned())).to_vec()
}
