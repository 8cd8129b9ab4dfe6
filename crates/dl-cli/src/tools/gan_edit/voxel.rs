//! `dl-gan-edit voxel`: solids from silhouettes.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use dl_models::ModelFile;
use dl_models::gan::voxel::{VoxelConfig, VoxelGenerator};
use dl_record::Record;
use dl_record::file::write_inside;
use dl_train::gan::Pixels;
use dl_vision::voxels::{Mesh, VoxelGrid, isometric, write_npy};
use image::ImageFormat;

use super::result::MARK;
use crate::common::{
    Common, FileNames, ImageArgs, ImageFile, Inputs, Io, Job, Outcome, is_marked, map_batches, marked, numbers,
};
use crate::tools::gan_train::{canvas, silhouette};

/// Silhouettes that are worked on together.
const TOGETHER: usize = 16;

#[derive(clap::Args, Debug)]
pub(super) struct VoxelArgs {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of dl-gan-train voxel
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Folder for the results; created if it does not exist. The solid of the record with the id `chair/7` is
    /// DIR/chair/7.npy
    #[arg(long, value_name = "DIR", alias = "out-dir")]
    output_dir: PathBuf,

    /// Field for the path of the solid
    #[arg(long, value_name = "NAME", default_value = "reconstruction")]
    field: String,

    /// Smallest probability of a filled voxel
    #[arg(long, value_name = "X", default_value_t = 0.5, value_parser = numbers::share)]
    threshold: f64,

    /// Keep only the largest connected part
    #[arg(long)]
    largest: bool,

    /// Write the surface as OBJ, too, and its path to the field `obj`
    #[arg(long)]
    obj: bool,

    /// Write the surface as PLY, too, and its path to the field `ply`
    #[arg(long)]
    ply: bool,

    /// Draw the solid, too, as a PNG with sides of this length, 256 if none is given, and write its path to the field
    /// `drawing`
    #[arg(long, value_name = "PIXELS", num_args = 0..=1, require_equals = true, default_missing_value = "256", value_parser = numbers::side)]
    draw: Option<usize>,

    #[command(flatten)]
    images: ImageArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

impl VoxelArgs {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let generator = match ModelFile::open(&self.model, None)? {
            ModelFile::Generator(file) if VoxelConfig::is_in(&file) => VoxelGenerator::open(file, &Device::Cpu)?,
            other => return Err(other.unfit(&self.model, "a generator of voxels; dl-gan-train voxel makes one")),
        };
        let folder = &self.output_dir;
        if folder.exists() && !folder.is_dir() {
            bail!("--output-dir {}: is a file, not a folder; choose another", folder.display());
        }
        let known = ["", "id", "image", "width", "height", "voxels", "obj", "ply", "drawing"];
        ensure!(!known.contains(&self.field.as_str()), "--field {}: choose another name", self.field);
        let side = generator.config().side;
        let (images, pixels) = (self.images.images(&io.messages), Pixels::new(canvas(side)));
        let mut names = FileNames::default();
        let job = Job { common: &self.common, inputs: &self.inputs };
        let prepare = |record: &mut Record| silhouette(record, &images, &pixels);
        map_batches(io, job, TOGETHER, prepare, |records, silhouettes| {
            let solids = match generator.generate(&silhouettes.concat()) {
                Ok(solids) => solids,
                Err(error) => return records.iter().map(|_| Err(anyhow::anyhow!("{error:#}"))).collect(),
            };
            let solids = solids.chunks_exact(side * side * side);
            records.iter_mut().zip(solids).map(|(record, solid)| self.write(record, side, solid, &mut names)).collect()
        })
    }

    fn write(&self, record: &mut Record, side: usize, solid: &[f32], names: &mut FileNames) -> Result<()> {
        let mut grid = VoxelGrid::above([side; 3], solid, self.threshold as f32)?;
        if self.largest {
            grid = grid.largest_component();
        }
        let id = record.id()?.or(record.image()?).context("the record has neither id nor image")?;
        let (file, _) = names.take(&id, &["npy"])?;
        let put = |record: &mut Record, field: &str, ending: &str, bytes: &[u8]| -> Result<()> {
            let file = file.with_extension(ending);
            let path = self.output_dir.join(&file);
            // It may be the solid or the image of another record, even of one that has not been read yet.
            if path.exists() && !is_marked(&path, MARK) {
                bail!("{}: exists and is not a result of dl-gan-edit; name another --output-dir", path.display());
            }
            write_inside(&self.output_dir, &file, |output| Ok(output.write_all(bytes)?))?;
            record.set(field, &path.display().to_string())
        };
        let mut bytes = Vec::new();
        write_npy(&grid, Some(MARK), &mut bytes)?;
        put(record, &self.field, "npy", &bytes)?;
        if self.obj || self.ply {
            let mesh = Mesh::of(&grid);
            if self.obj {
                bytes.clear();
                mesh.write_obj(MARK, &mut bytes as &mut dyn Write)?;
                put(record, "obj", "obj", &bytes)?;
            }
            if self.ply {
                bytes.clear();
                mesh.write_ply(MARK, &mut bytes as &mut dyn Write)?;
                put(record, "ply", "ply", &bytes)?;
            }
        }
        if let Some(side) = self.draw {
            let mut png = Cursor::new(Vec::new());
            isometric(&grid, side as u32).write_to(&mut png, ImageFormat::Png)?;
            put(record, "drawing", "png", &marked(png.into_inner(), ImageFile::Png, MARK))?;
        }
        Ok(())
    }
}
