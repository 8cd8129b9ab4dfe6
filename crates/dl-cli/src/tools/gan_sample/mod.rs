//! `dl-gan-sample`: make images, or rows of a table, with a generator.

mod conditions;
mod latents;
mod pixels;
mod sheet;
mod styles;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Parser;
use dl_models::ModelFile;
use dl_models::gan::table::TableConfig;
use dl_models::gan::{Canvas, Generator};
use dl_record::file::{folder_of, is_same};
use dl_record::{Record, Writer, write_atomically};
use dl_vision::formats::has_ending;

use crate::common::{
    Common, DeviceArgs, ImageFile, Inputs, Io, Outcome, Sheet, SheetNames, Tool, is_marked, marked, model_files,
    numbers,
};
use conditions::{ConditionArgs, Conditions};
pub(crate) use latents::Latents;
use pixels::png;
pub(crate) use pixels::{Pixels, rgb_of};
pub(crate) use table::write_csv;

/// The comment in an image's file.
const MARK: &str = "made by dl-gan-sample";
/// Most images of a batch are this many numbers.
const BATCH_NUMBERS: usize = 1 << 22;

/// Samples that are made by default.
const COUNT: usize = 16;

/// Make images, or rows of a table, with the generator of a GAN
///
/// Writes one record per image: `image` (a data: URI, or a file in --output-dir), `width`, `height`, and `label` or `text`
/// if the generator is conditional. A generator of tables writes one per row, with a field for each column. A sample depends
/// only on the model, --seed and its number, not on the other samples.
#[derive(Parser, Debug)]
#[command(
    name = "dl-gan-sample",
    version,
    after_help = "\
Examples:
  dl-gan-sample faces.safetensors --grid 8x8 \\
    --output sheet.png > samples.jsonl
  dl-gan-sample digits.safetensors --label 7 --count 100 \\
    --output-dir sevens > sevens.jsonl
  dl-gan-sample faces.safetensors --interpolate 3:8 --count 10 \\
    --output-dir between > between.jsonl
  dl-gan-sample style.safetensors --mix 0-3 --grid 4x6 \\
    --output mixed.png > mixed.jsonl
  dl-gan-sample rows.safetensors --label default=Yes --count 500 \\
    --csv made.csv > made.jsonl"
)]
pub struct Args {
    /// Model file of a generator
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Number of images or rows [default: R x C of --grid, otherwise 16]
    #[arg(short = 'n', long, visible_alias = "n", value_name = "N", value_parser = numbers::count)]
    count: Option<usize>,

    /// Number of the first sample
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number)]
    first: usize,

    /// Factor on the random vectors, 0 to 1; for StyleGAN on the distance of the styles from the mean style (psi): smaller
    /// values give more typical and less diverse images
    #[arg(long, value_name = "PSI", default_value_t = 1.0, value_parser = numbers::share)]
    truncation: f64,

    /// Make --count images between the samples number A and B
    #[arg(long, value_name = "A:B", value_parser = pair, conflicts_with_all = ["first", "latents"])]
    interpolate: Option<[usize; 2]>,

    /// Mix styles, with --grid RxC: the samples from --first on are the styles of R rows, the next ones those of C columns;
    /// the images have the column's style in these layers, counted from 0, and otherwise the row's. The sheet shows the
    /// unmixed images beside them. StyleGAN only
    #[arg(long, value_name = "A-B", value_parser = styles::layers, requires = "grid",
        conflicts_with_all = ["count", "latents", "interpolate"])]
    mix: Option<[usize; 2]>,

    /// Random vectors, instead of those of --seed: a safetensors file with a tensor `latent` [n, columns] or [n, columns, 1,
    /// 1], and `label` [n] if the generator is conditional; or records (.jsonl) of dl-gan-edit project
    #[arg(long, value_name = "FILE", conflicts_with_all = ["count", "first"])]
    latents: Option<PathBuf>,

    /// Write the images as PNG files to this folder
    #[arg(long, alias = "out-dir", value_name = "DIR")]
    output_dir: Option<PathBuf>,

    /// Draw the first R x C images as one, to --output; small images are enlarged. Without --output-dir, each record still
    /// holds its image, as a data: URI
    #[arg(long, value_name = "RxC", value_parser = rows_and_columns, requires = "output")]
    grid: Option<[usize; 2]>,

    /// Image of --grid to write: .png
    #[arg(long, value_name = "FILE", requires = "grid")]
    output: Option<PathBuf>,

    /// Write the rows of a table as CSV, too
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    #[command(flatten)]
    condition: ConditionArgs,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    common: Common,
}

/// The number of a sample.
fn number(text: &str) -> Result<usize> {
    let number: usize = text.parse().context("expected the number of a sample, from 0")?;
    ensure!(number <= numbers::MOST, "expected at most {}", numbers::MOST);
    Ok(number)
}

fn pair(text: &str) -> Result<[usize; 2]> {
    let (a, b) = text.split_once(':').context("expected two numbers of samples, such as 3:8")?;
    Ok([number(a)?, number(b)?])
}

fn rows_and_columns(text: &str) -> Result<[usize; 2]> {
    let (rows, columns) = text.split_once('x').context("expected rows and columns, such as 4x8")?;
    let number = |text: &str| -> Result<usize> {
        let number = numbers::count(text)?;
        ensure!(number <= 1000, "expected at most 1000");
        Ok(number)
    };
    Ok([number(rows)?, number(columns)?])
}

impl Tool for Args {
    const NAME: &'static str = "dl-gan-sample";

    fn common(&self) -> &Common {
        &self.common
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.check_files()?;
        let generator = match ModelFile::open(&self.model, None)? {
            ModelFile::Generator(file) if TableConfig::is_in(&file) => return table::run(self, file, io),
            ModelFile::Generator(file) => Generator::open(file, &self.device.open()?)?,
            other => return Err(other.unfit(&self.model, "a generator")),
        };
        ensure!(self.csv.is_none(), "--csv: is for rows of a table, but the model makes images");
        let given = self.latents.as_deref().map(|path| latents::read(path, &generator)).transpose()?;
        let count = given.as_ref().map_or_else(|| self.samples(), |given| Ok(given.count))?;
        let conditions = self.condition.read(generator.config(), given.as_ref())?;
        if let Some(folder) = &self.output_dir {
            fs::create_dir_all(folder).with_context(|| format!("--output-dir {}", folder.display()))?;
        }
        let canvas = generator.config().image;
        if let (Some(layers), Some(grid)) = (self.mix, self.grid) {
            return self.write_mixed(&generator, layers, grid, &conditions, io);
        }
        if io.output_is_terminal && self.output_dir.is_none() {
            io.messages.note("images are printed as data: URIs; give --output-dir, or redirect them with > FILE");
        }
        let noise = generator.style().map_or(0, |style| style.noise_numbers());
        let sheet = self.grid.map(|grid| self.sheet(grid, canvas, &sheet::names(&conditions, self.first, grid)));
        let mut sheet = sheet.transpose()?;
        let mut writer = Writer::new(&mut io.output);
        let together = (BATCH_NUMBERS / canvas.numbers()).clamp(1, 256);
        io.messages.progress_to(count as u64, "images");
        for start in (0..count).step_by(together) {
            let end = count.min(start + together);
            let latents = match (&given, self.interpolate) {
                (Some(given), _) => Latents { vectors: given.rows(start..end), noise: Vec::new() },
                (None, Some([a, b])) => {
                    Latents::between(&generator, self.common.seed, [a, b], (start..end, count), noise)
                }
                (None, None) => {
                    Latents::drawn(&generator, self.common.seed, self.first + start..self.first + end, noise)
                }
            };
            // On the way between two samples, what the generator is told stays that of the first one.
            let told = |place: usize| self.interpolate.map_or(self.first + place, |[a, _]| a);
            let part = match self.interpolate {
                Some([a, _]) => conditions.repeated(a, end - start),
                None => conditions.part(self.first + start..self.first + end),
            };
            let images = match generator.style() {
                Some(style) => {
                    let given = given.as_ref().is_some_and(|given| given.are_styles(&generator));
                    styles::images(&style, &latents, part.condition(), self.truncation, given)?
                }
                None => {
                    let scaled: Vec<f32> =
                        latents.vectors.iter().map(|number| number * self.truncation as f32).collect();
                    generator.generate(&scaled, part.condition())?
                }
            };
            for (place, numbers) in images.chunks_exact(canvas.numbers()).enumerate() {
                let index = start + place;
                let number = self.first + index;
                let id = format!("sample-{number:06}");
                writer.write(&self.record(id, numbers, canvas, (&conditions, told(index)))?)?;
                if let Some(sheet) = &mut sheet
                    && index < sheet.places()
                {
                    sheet.put(index, &rgb_of(numbers, canvas));
                }
                io.messages.bar().inc(1);
            }
        }
        writer.flush()?;
        if let (Some(sheet), Some(path)) = (sheet, &self.output) {
            sheet.write(path).context("--output")?;
        }
        Ok(Outcome::of(0))
    }
}

impl Args {
    /// Refuses an output that would replace what is read, or another output.
    fn check_files(&self) -> Result<()> {
        let outputs: Vec<(&str, &Path)> = [("--output", &self.output), ("--csv", &self.csv)]
            .into_iter()
            .filter_map(|(option, path)| Some((option, path.as_deref()?)))
            .collect();
        let read = [Some(&self.model), self.latents.as_ref(), self.condition.conditions.as_ref()];
        let read: Vec<Option<&Path>> = read.into_iter().map(|path| path.map(PathBuf::as_path)).collect();
        model_files::check(&outputs, &Inputs { inputs: Vec::new() }, &read)?;
        if let Some(path) = &self.output {
            ensure!(has_ending(path, &["png"]), "--output {}: a sheet is a .png file", path.display());
            let own = self.output_dir.as_deref().is_some_and(|folder| is_same(folder, folder_of(path)));
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            ensure!(
                !own || !(name.starts_with("sample-") || name.starts_with("mix-")),
                "--output {}: would replace an image of --output-dir; name another",
                path.display()
            );
        }
        Ok(())
    }

    /// How many samples to make.
    fn samples(&self) -> Result<usize> {
        let Some([rows, columns]) = self.grid else { return Ok(self.count.unwrap_or(COUNT)) };
        let (count, shown) = (self.count.unwrap_or(rows * columns), rows * columns);
        ensure!(count >= shown, "--count {count}: is less than the {shown} images of --grid {rows}x{columns}");
        Ok(count)
    }

    fn sheet(&self, grid: [usize; 2], canvas: Canvas, names: &SheetNames) -> Result<Sheet> {
        let [rows, columns] = self.grid.unwrap_or(grid);
        Sheet::new(grid, [canvas.width as u32, canvas.height as u32], names)
            .with_context(|| format!("--grid {rows}x{columns}"))
    }

    /// Writes the images of mixed styles and their sheet.
    fn write_mixed(
        &self,
        generator: &Generator,
        layers: [usize; 2],
        [rows, columns]: [usize; 2],
        conditions: &Conditions,
        io: &mut Io,
    ) -> Result<Outcome> {
        let Some(style) = generator.style() else {
            bail!("--mix: a {} generator has no styles to mix; stylegan has", generator.config().architecture)
        };
        let canvas = generator.config().image;
        let names = sheet::mixed_names(self.first, [rows, columns]);
        let mut sheet = self.sheet([rows + 1, columns + 1], canvas, &names)?;
        let numbers = self.first..self.first + rows + columns;
        let latents = Latents::drawn(generator, self.common.seed, numbers, style.noise_numbers());
        // The same for all: styles of two labels mixed would make neither.
        let part = conditions.repeated(self.first, rows + columns);
        let mixed = styles::mixed(&style, &latents, part.condition(), self.truncation, layers, [rows, columns])?;
        let mut writer = Writer::new(&mut io.output);
        for row in 0..rows {
            for column in 0..columns {
                let place = (row + 1) * (columns + 1) + column + 1;
                let numbers = &mixed[place * canvas.numbers()..][..canvas.numbers()];
                let id = format!("mix-{:06}-{:06}", self.first + row, self.first + rows + column);
                writer.write(&self.record(id, numbers, canvas, (conditions, self.first))?)?;
            }
        }
        writer.flush()?;
        if let Some(path) = &self.output {
            // The corner is empty.
            for (place, numbers) in mixed.chunks_exact(canvas.numbers()).enumerate().skip(1) {
                sheet.put(place, &rgb_of(numbers, canvas));
            }
            sheet.write(path).context("--output")?;
        }
        Ok(Outcome::of(0))
    }

    /// The record of an image, with the condition of a sample.
    fn record(
        &self,
        id: String,
        numbers: &[f32],
        canvas: Canvas,
        (conditions, number): (&Conditions, usize),
    ) -> Result<Record> {
        let bytes = png(&Pixels::of(numbers, canvas))?;
        let image = match &self.output_dir {
            Some(folder) => {
                let path = folder.join(format!("{id}.png"));
                if path.exists() && !is_marked(&path, MARK) {
                    bail!("{}: exists and was not made by dl-gan-sample; name another --output-dir", path.display());
                }
                let bytes = marked(bytes, ImageFile::Png, MARK);
                write_atomically(&path, |output| Ok(output.write_all(&bytes)?))?;
                path.to_str().with_context(|| format!("{}: is not UTF-8", path.display()))?.to_owned()
            }
            None => format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes)),
        };
        let mut record = Record::default();
        record.set_id(&id)?;
        record.set_image(&image)?;
        record.set_width(&(canvas.width as u32))?;
        record.set_height(&(canvas.height as u32))?;
        if let Some(label) = conditions.label(number) {
            record.set_label(&label.to_owned())?;
        }
        if let Some(text) = conditions.text(number) {
            record.set_text(&text.to_owned())?;
        }
        Ok(record)
    }
}
