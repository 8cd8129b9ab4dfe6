//! darknet's `.weights`: a header, and the numbers of all layers in sequence, without names or sizes. These follow from
//! the network's `.cfg`, which must be in the same folder: `yolov3-tiny.weights` needs `yolov3-tiny.cfg`, and the first
//! 74 layers in `darknet53.conv.74` need `darknet53.cfg`.
//!
//! Reference: `load_weights_upto` in darknet's `parser.c`. The header is three 4-byte numbers, major, minor and
//! revision, and the number of images seen in training: 8 bytes since version 0.2, 4 before. A major or minor number
//! above 1000 marks a file whose `[connected]` weights are transposed, with 4 bytes. Layer N gets the names of
//! Ultralytics' port: `module_list.N.Conv2d.weight` or `.bias`, `module_list.N.BatchNorm2d.weight` and so on.

pub(crate) mod cfg;

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use dl_record::file::{decode, open_regular, read_regular};
use safetensors::Dtype;

use self::cfg::{Cfg, tensors};
use super::contents::{Contents, Place, StoredTensor, byte_length};

/// The metadata key of the text of the `.cfg`.
pub(crate) const CFG_KEY: &str = "darknet.cfg";

/// The metadata key of the version in the header, such as `0.2.5`.
pub(crate) const VERSION_KEY: &str = "darknet.version";

/// The longest `.cfg`; darknet's own have about 20 KB.
const LONGEST_CFG: u64 = 1 << 20;

/// The first three numbers of a file.
struct Version([i32; 3]);

impl Version {
    /// The version in the header, if it is one that exists.
    fn read(start: &[u8]) -> Option<Self> {
        let (numbers, _) = start.get(..12)?.as_chunks();
        let [major, minor, revision] = [0, 1, 2].map(|index| numbers.get(index).copied().map(i32::from_le_bytes));
        let version = [major?, minor?, revision?];
        let known = matches!(version, [0, 1..=9 | 1001..=1009, 0..=99] | [1001..=1009, 0..=9, 0..=99]);
        known.then_some(Self(version))
    }

    /// Whether the weights of `[connected]` are [inputs, outputs].
    fn transposed(&self) -> bool {
        self.0[0] > 1000 || self.0[1] > 1000
    }

    /// Bytes of the number of images seen.
    fn seen_length(&self) -> u64 {
        let [major, minor, _] = self.0;
        if major * 10 + minor >= 2 && !self.transposed() { 8 } else { 4 }
    }
}

/// Whether the header has a version that exists.
pub(super) fn is_header(start: &[u8]) -> bool {
    Version::read(start).is_some()
}

/// Reads the header and matches the numbers with the `.cfg`.
pub(super) fn read(path: &Path) -> Result<Contents> {
    let mut file = open_regular(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    let mut header = [0; 12];
    file.read_exact(&mut header).context("is truncated in its header")?;
    let version = Version::read(&header).context("has a header of no known version")?;
    let (cfg, upto) = beside(path)?;
    let of_cfg = || format!("its network {}", cfg.display());
    let text = read_regular(&cfg, LONGEST_CFG).and_then(decode);
    let text = text.with_context(of_cfg).context("darknet weights cannot be read without the .cfg beside it")?;
    let network = Cfg::parse(&text).with_context(of_cfg)?;
    let mut contents = Contents { files: vec![path.to_owned()], ..Contents::default() };
    let mut at = 12 + version.seen_length();
    for (index, layer) in network.layers.iter().enumerate().take(upto.unwrap_or(usize::MAX)) {
        for part in tensors(layer) {
            let shape = part.shape;
            let length = byte_length(Dtype::F32, &shape).with_context(of_cfg)? as u64;
            let name = format!("module_list.{index}.{}", part.name);
            let end = at.saturating_add(length);
            ensure!(
                end <= size,
                "is truncated, or does not match {}: {name} of shape {shape:?} ends at byte {end}, the file at {size}",
                cfg.display()
            );
            let place = match shape[..] {
                [outputs, _] if part.transposed && version.transposed() => {
                    Place::Strided { file: 0, start: at, strides: vec![1, outputs] }
                }
                _ => Place::File { file: 0, start: at },
            };
            contents.tensors.insert(name, StoredTensor { dtype: Dtype::F32, shape, place, negative: false });
            at = end;
        }
    }
    ensure!(at == size, "does not match {}: {} bytes remain after the last layer", cfg.display(), size - at);
    let [major, minor, revision] = version.0;
    contents.metadata.insert(VERSION_KEY.to_owned(), format!("{major}.{minor}.{revision}"));
    contents.metadata.insert(CFG_KEY.to_owned(), text);
    Ok(contents)
}

/// The path of the `.cfg`, and the number of layers in the file, if its name contains it.
fn beside(path: &Path) -> Result<(PathBuf, Option<usize>)> {
    let name = path.file_name().and_then(|name| name.to_str()).context("has no file name")?;
    if let Some((stem, count)) = name.rsplit_once(".conv.")
        && let Ok(count) = count.parse()
    {
        return Ok((path.with_file_name(format!("{stem}.cfg")), Some(count)));
    }
    let cfg = path.with_extension("cfg");
    if cfg == path {
        bail!("is a .cfg, not its weights");
    }
    Ok((cfg, None))
}
