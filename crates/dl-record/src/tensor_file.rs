//! Tensors in safetensors files beside the stream.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use safetensors::tensor::{Dtype as FileDtype, Metadata, TensorView};

use crate::file::{open_regular, write_inside};
use crate::{Dtype, Matrix};

/// The maximum size of a safetensors header, as in the safetensors crate.
const MOST_HEADER_BYTES: u64 = 100_000_000;

/// Writes the named matrices to one safetensors file. The path comes from a record's id, see
/// [`write_inside`](crate::file::write_inside).
/// # Errors
/// When the file cannot be written.
pub fn write_tensor_file(path: &Path, tensors: &[(&str, Dtype, &Matrix)]) -> Result<()> {
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, dtype, matrix)| dtype.to_bytes(&matrix.data)).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, dtype, matrix), bytes)| {
        let dtype = match dtype {
            Dtype::F32 => FileDtype::F32,
            Dtype::F16 => FileDtype::F16,
        };
        Ok((name.to_string(), TensorView::new(dtype, vec![matrix.rows, matrix.columns], bytes)?))
    });
    let file = safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().map(Path::new).with_context(|| format!("{}: is not a file name", path.display()))?;
    write_inside(folder, name, |output| Ok(output.write_all(&file)?))
}

/// Reads one tensor, flattened, as f32, from a file that a record names. Only the bytes of this tensor are read, so the
/// file may be larger than memory.
/// # Errors
/// When the file is not safetensors, or has no float tensor of that name.
pub fn read_tensor_file(path: &Path, name: &str) -> Result<Vec<f32>> {
    read(path, name).with_context(|| format!("{}: tensor \"{name}\"", path.display()))
}

fn read(path: &Path, name: &str) -> Result<Vec<f32>> {
    let mut file = open_regular(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > file.metadata()?.len().min(MOST_HEADER_BYTES) {
        bail!("the header claims {length} bytes, which is too many; is it a safetensors file?");
    }
    let mut header = vec![0; usize::try_from(length)?];
    file.read_exact(&mut header)?;
    let metadata: Metadata = serde_json::from_slice(&header).context("broken header")?;
    let info = metadata.info(name).ok_or_else(|| anyhow!("not in the file"))?;
    let dtype = match info.dtype {
        FileDtype::F32 => Dtype::F32,
        FileDtype::F16 => Dtype::F16,
        other => bail!("has dtype {other:?}; f32 and f16 are read"),
    };
    let (start, end) = info.data_offsets;
    if end < start || 8 + length + end as u64 > file.metadata()?.len() {
        bail!("its bytes lie beyond the end of the file");
    }
    file.seek(SeekFrom::Start(8 + length + start as u64))?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(end - start).context("is larger than the memory that is left")?;
    file.take((end - start) as u64).read_to_end(&mut bytes)?;
    Ok(dtype.parse(&bytes))
}
