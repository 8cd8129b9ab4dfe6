//! darknet's `.weights`: a header, and the numbers of all layers in sequence, without names or sizes. These follow from
//! the network's `.cfg`, which must be in the same folder: `yolov3-tiny.weights` needs `yolov3-tiny.cfg`, and the first
//! 74 layers in `darknet53.conv.74` need `darknet53.cfg`.
//!
//! Reference: `load_weights_upto` in darknet's `parser.c`. The header is three 4-byte numbers, major, minor and
//! revision, and the number of images seen in training: 8 bytes since version 0.2, 4 before. Layer N gets the names of
//! Ultralytics' port: `module_list.N.Conv2d.weight` or `.bias`, `module_list.N.BatchNorm2d.weight` and so on.

mod cfg;

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use dl_record::file::{decode, open_regular, read_regular};
use safetensors::Dtype;

use self::cfg::layers;
use super::contents::{Contents, StoredTensor, byte_length};

/// The longest `.cfg`; darknet's own have about 20 KB.
const LONGEST_CFG: u64 = 1 << 20;

/// Whether the header has a version that exists.
pub(super) fn is_header(start: &[u8]) -> bool {
    let number =
        |place: usize| start.get(place..place + 4).and_then(|bytes| Some(i32::from_le_bytes(bytes.try_into().ok()?)));
    matches!((number(0), number(4), number(8)), (Some(0), Some(1..=9), Some(0..=99)))
}

/// Reads the header and matches the numbers with the `.cfg`.
pub(super) fn read(path: &Path) -> Result<Contents> {
    let mut file = open_regular(path).context("cannot be opened")?;
    let size = file.metadata()?.len();
    let mut header = [0; 12];
    file.read_exact(&mut header).context("is truncated in its header")?;
    let seen = if header[4] >= 2 { 8 } else { 4 };
    let (cfg, upto) = beside(path)?;
    let of_cfg = || format!("its network {}", cfg.display());
    let text = read_regular(&cfg, LONGEST_CFG).and_then(decode);
    let text = text.with_context(of_cfg).context("darknet weights cannot be read without the .cfg beside it")?;
    let layers = layers(&text).with_context(of_cfg)?;
    let mut contents = Contents { files: vec![path.to_owned()], ..Contents::default() };
    let mut at = 12 + seen;
    for (index, tensors) in layers.into_iter().enumerate().take(upto.unwrap_or(usize::MAX)) {
        for (part, shape) in tensors {
            let length = byte_length(Dtype::F32, &shape).with_context(of_cfg)? as u64;
            let name = format!("module_list.{index}.{part}");
            let end = at + length;
            ensure!(
                end <= size,
                "is truncated, or does not match {}: {name} of shape {shape:?} ends at byte {end}, the file at {size}",
                cfg.display()
            );
            contents.tensors.insert(name, StoredTensor::at(Dtype::F32, shape, 0, at));
            at = end;
        }
    }
    ensure!(at == size, "does not match {}: {} bytes remain after the last layer", cfg.display(), size - at);
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
