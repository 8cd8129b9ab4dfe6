//! The targets, one per file.
//!
//! To add one: a file here, two lines below, `fuzz_targets/NAME.rs` with four lines in Cargo.toml, and seeds in
//! `corpus/NAME/`.

mod boxes;
mod caffe;
mod charts;
mod check;
mod coco;
mod coco_eval;
mod cvat;
mod darknet;
mod decode;
mod detections;
mod drawing;
mod heads;
mod idx;
mod image;
mod label_studio;
mod labelme;
mod layer_name;
mod masks;
mod network;
mod pickle;
mod predictions;
mod records;
mod safetensors;
mod sharded;
mod tensor_file;
mod text_network;
mod texts;
mod tokenizer;
mod torch;
mod voc;
mod voc_eval;
mod writers;
mod yolo;

/// A reader to fuzz.
pub struct Target {
    /// The name, also of the folder with its seeds.
    pub name: &'static str,
    /// Reads the input, and panics if a promise is broken.
    pub run: fn(&[u8]),
    /// Words that have a meaning in the format.
    pub words: &'static [&'static str],
    /// Additional folders with seeds.
    pub seeds: &'static [&'static str],
    /// The share of all cases, larger for fast targets.
    pub share: u64,
}

/// All targets, by name.
pub const TARGETS: &[Target] = &[
    boxes::TARGET,
    caffe::TARGET,
    charts::TARGET,
    check::TARGET,
    coco::TARGET,
    coco_eval::TARGET,
    cvat::TARGET,
    darknet::TARGET,
    decode::TARGET,
    detections::TARGET,
    drawing::TARGET,
    heads::TARGET,
    idx::TARGET,
    image::TARGET,
    label_studio::TARGET,
    labelme::TARGET,
    layer_name::TARGET,
    masks::TARGET,
    network::TARGET,
    pickle::TARGET,
    predictions::TARGET,
    records::TARGET,
    safetensors::TARGET,
    sharded::TARGET,
    tensor_file::TARGET,
    text_network::TARGET,
    texts::TARGET,
    tokenizer::TARGET,
    torch::TARGET,
    voc::TARGET,
    voc_eval::TARGET,
    writers::TARGET,
    yolo::TARGET,
];

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Feeds bytes to the target of this name.
/// # Panics
/// When the target does not exist, or breaks a promise.
pub fn run(name: &str, data: &[u8]) {
    let target = find(name).unwrap_or_else(|| panic!("unknown target {name}"));
    (target.run)(data);
}
