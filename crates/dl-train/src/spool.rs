//! Features that are read more than once, without being held in memory.
//!
//! Features inside the records are written to a temporary file, which vanishes with the process; features in separate
//! files are read again from there.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result};
use dl_record::{Matrix, Payload, Tensor};
use serde::{Deserialize, Serialize};

use crate::intake::Taken;
use crate::regions::Regions;

/// Samples in the order of arrival.
pub struct Spool {
    file: File,
    /// The start of each sample; the last entry is the end.
    starts: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    regions: Regions,
    rows: usize,
    columns: usize,
    /// The features if they are in a separate file; otherwise they follow as f32, little-endian.
    side: Option<Tensor>,
}

impl Spool {
    /// Creates a spool in `folder`, or in the system's folder for temporary files.
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(folder: Option<&Path>) -> Result<Self> {
        Ok(Self { file: temporary_file(folder)?, starts: vec![0] })
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a sample.
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, sample: &Taken) -> Result<()> {
        let Taken { regions, tensor, features } = sample;
        let side = matches!(tensor.payload, Payload::File { .. });
        let header = Header {
            regions: regions.clone(),
            rows: features.rows,
            columns: features.columns,
            side: side.then(|| tensor.clone()),
        };
        let start = self.starts[self.len()];
        self.file.seek(SeekFrom::Start(start))?;
        let mut output = BufWriter::with_capacity(1 << 16, &self.file);
        let header = serde_json::to_vec(&header)?;
        output.write_all(&(header.len() as u64).to_le_bytes())?;
        output.write_all(&header)?;
        if !side {
            for value in &features.data {
                output.write_all(&value.to_le_bytes())?;
            }
        }
        output.flush()?;
        drop(output);
        self.starts.push(self.file.stream_position()?);
        Ok(())
    }

    /// Reads sample `index`.
    /// # Errors
    /// When the temporary file, or the file of the features, cannot be read.
    pub fn read(&mut self, index: usize) -> Result<(Regions, Matrix)> {
        self.file.seek(SeekFrom::Start(self.starts[index]))?;
        let mut length = [0; 8];
        self.file.read_exact(&mut length)?;
        let mut header = vec![0; usize::try_from(u64::from_le_bytes(length))?];
        self.file.read_exact(&mut header)?;
        let Header { regions, rows, columns, side } = serde_json::from_slice(&header)?;
        let features = match side {
            Some(tensor) => tensor.matrix().context("features that were there when the stream was read")?,
            None => Matrix { rows, columns, data: read_floats(&mut self.file, rows * columns)? },
        };
        Ok((regions, features))
    }
}

/// Rows of equal length on disk.
pub struct RowSpool {
    file: File,
    columns: usize,
    rows: u64,
}

impl RowSpool {
    /// Creates a spool for rows of `columns` numbers in `folder`, or in the system's folder for temporary files.
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(folder: Option<&Path>, columns: usize) -> Result<Self> {
        Ok(Self { file: temporary_file(folder)?, columns, rows: 0 })
    }

    /// Appends a row of the right length and returns its index.
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, row: &[f32]) -> Result<u64> {
        debug_assert_eq!(row.len(), self.columns);
        let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.file.seek(SeekFrom::Start(self.rows * bytes.len() as u64))?;
        self.file.write_all(&bytes)?;
        self.rows += 1;
        Ok(self.rows - 1)
    }

    /// Reads row `index`.
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn read(&mut self, index: u64) -> Result<Vec<f32>> {
        self.file.seek(SeekFrom::Start(index * 4 * self.columns as u64))?;
        read_floats(&mut self.file, self.columns)
    }
}

fn temporary_file(folder: Option<&Path>) -> Result<File> {
    let folder = folder.map_or_else(std::env::temp_dir, Path::to_owned);
    tempfile::tempfile_in(&folder)
        .with_context(|| format!("{}: no temporary file can be made here; choose with --spool-dir", folder.display()))
}

fn read_floats(file: &mut File, count: usize) -> Result<Vec<f32>> {
    let mut bytes = vec![0; 4 * count];
    file.read_exact(&mut bytes)?;
    Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
