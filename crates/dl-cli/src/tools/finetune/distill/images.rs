//! Distillation of classifiers of images.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{Device, Tensor};
use dl_models::{LayerName, Model, Parameters, checkpoint, plain};
use dl_record::Digest;
use dl_train::classifier::{AugmentConfig, Batches, Examples, StartingPoint, Truth};
use dl_train::distill::{DistillMethod, FeatureHint, Hint, class_bias};
use serde_json::json;

use super::Args;
use crate::common::{Io, Outcome, digest};
use crate::tools::finetune::pictures::{About, PictureArgs, Pictures, scores};
use crate::tools::finetune::training::default_batch;

/// Images evaluated together.
const TOGETHER: usize = 64;

impl Args {
    pub(super) fn of_images(&self, io: &mut Io) -> Result<Outcome> {
        let pictures_args = &self.pictures;
        let teacher = Model::open(&self.teacher, None, &Device::Cpu)?;
        let in_teacher = || format!("--teacher {}", self.teacher.display());
        let folder = self.teacher.parent().unwrap_or(std::path::Path::new(""));
        let labels = teacher.config.label_names(folder).with_context(in_teacher)?;
        let labels = labels.with_context(|| format!("{}: its classes have no names", in_teacher()))?;
        ensure!(labels.len() > 1, "{}: it has a single class, so there is nothing to follow", in_teacher());
        let mut train = PictureArgs::examples(if self.alpha < 1.0 { Truth::Labels } else { Truth::Own });
        let mut known = vec![false; labels.len()];
        let mut digest_of_labels = Digest::default();
        let tally = pictures_args.read(io, |record| {
            train.push(record)?;
            if let Some(label) = record.label()? {
                digest_of_labels.text(&label);
                if let Some(place) = labels.iter().position(|own| *own == label) {
                    known[place] = true;
                }
            }
            Ok(())
        })?;
        if self.alpha < 1.0 {
            train = train
                .with_classes(labels.clone())
                .with_context(|| format!("{}: records have labels that are not among its classes", in_teacher()))?;
        }
        let mut validation = None;
        if let Some(fraction) = self.validation.fraction() {
            ensure!(self.alpha < 1.0, "--val-fraction needs labels, which are not read with --alpha 1; give --val");
            let (kept, held_out) = train.split(fraction, pictures_args.common.seed).context("--val-fraction")?;
            (train, validation) = (kept, Some(held_out));
        }
        if let Some(path) = self.validation.file() {
            validation = Some(pictures_args.validation(io, path, &labels)?);
        }
        let mut sample = None;
        if let Some(path) = &self.correct_bias {
            let mut examples = PictureArgs::examples(Truth::Own);
            pictures_args.read_file(io, ("--correct-bias", path), |record| examples.push(record))?;
            ensure!(
                known.contains(&false),
                "--correct-bias: every class has an example, so no bias is to be corrected"
            );
            ensure!(
                known.contains(&true),
                "--correct-bias: no record has a label of a class, so all classes are absent"
            );
            sample = Some(examples);
        }

        let pictures = Pictures::new(pictures_args, &io.messages)?;
        let count = train.positives().len();
        io.messages.note(format_args!("{count} images, {} classes of the teacher", labels.len()));
        let start = pictures_args.start(&labels, &pictures.device, &io.messages)?;
        let (noisy, quiet) = (pictures.broken(), |_: &str| ());
        let most = if pictures_args.is_from_scratch() { 128 } else { 32 };
        let batch = self.batch.unwrap_or_else(|| default_batch(count, most));
        let augment = pictures_args.augment()?;
        let preprocessing = &start.model.config.preprocessing;
        let student = pictures.batches(&train, preprocessing, (batch, augment), &noisy)?;
        // The same images and views, as the teacher sees them.
        let of_teacher = |layer: LayerName| -> Result<Batches> {
            let batches = pictures.batches(&train, &teacher.config.preprocessing, (batch, augment), &quiet)?;
            Ok(batches.through(&teacher, layer))
        };
        let epoch = student.epoch();
        let hint = match &self.features {
            Some(names) => Some(self.hint(names, &start, &teacher, &pictures, &of_teacher)?),
            None => None,
        };
        let settings = pictures.settings(
            self,
            &start,
            json!({
                "data": train.digest().to_string(),
                "data_labels": digest_of_labels.to_string(),
                "val": validation.as_ref().map(|examples| examples.digest().to_string()),
                "teacher": digest(&self.teacher)?.1,
                "batch": batch,
            }),
        )?;
        let validates = validation.is_some();
        let method = DistillMethod {
            student,
            teacher: of_teacher(scores())?,
            scores: scores(),
            config: self.config(),
            hint,
            labeled: self.alpha < 1.0,
            validation: match &validation {
                Some(examples) => {
                    Some(pictures.batches(examples, preprocessing, (batch, AugmentConfig::default()), &noisy)?)
                }
                None => None,
            },
        };
        let figures = json!({
            "method": "distill",
            "teacher": self.teacher.file_name().map(|name| name.to_string_lossy()),
            "temperature": self.temperature,
            "alpha": self.alpha,
            "features": self.features,
            "batch": batch,
        });
        let about = About { epoch, validates, settings, figures };
        if let Some(outcome) = pictures.train(&start, method, about, |_| ())? {
            return Ok(outcome);
        }
        if let Some(sample) = &sample {
            self.correct(sample, &labels, &known, &pictures)?;
        }
        Ok(pictures.outcome(tally.failed))
    }

    /// What `--features` asks for.
    fn hint<'a>(
        &self,
        names: &str,
        start: &StartingPoint,
        teacher: &Model,
        pictures: &Pictures,
        of_teacher: &impl Fn(LayerName) -> Result<Batches<'a>>,
    ) -> Result<FeatureHint<'a>> {
        let (of_theirs, own) = names.split_once('=').map_or((names, None), |(of_theirs, own)| (of_theirs, Some(own)));
        let in_context = || format!("--features {names}");
        let theirs: LayerName = of_theirs.parse().with_context(in_context)?;
        let layer = match own {
            Some(own) => own.parse().with_context(in_context)?,
            None => start.before_head()?,
        };
        let width = |model: &Model, layer: &LayerName, whose: &str| -> Result<usize> {
            let shape = model.shape_of(layer).with_context(|| format!("{}: {whose}", in_context()))?;
            let averaged = layer.pooled.is_some() && shape.len() == 3;
            Ok(if averaged { shape[0] } else { shape.iter().product() })
        };
        let widths = [width(&start.model, &layer, "the student")?, width(teacher, &theirs, "the teacher")?];
        let parameters = Parameters::fresh(self.pictures.common.seed);
        let hint = Hint::new(widths[0], widths[1], &parameters.builder(&pictures.device))?;
        Ok(FeatureHint { teacher: of_teacher(theirs)?, layer, hint, parameters, weight: self.features_weight })
    }

    /// Corrects the biases of the absent classes in the model file.
    fn correct(&self, sample: &Examples, labels: &[String], known: &[bool], pictures: &Pictures) -> Result<()> {
        let path = &self.pictures.output;
        let config = self.pictures.network.start(Default::default(), false, 0);
        let config = dl_train::classifier::StartConfig { init_from: Some(path.clone()), architecture: None, ..config };
        let start = StartingPoint::new(&config, labels, &pictures.device)?;
        let (model, silent) = (&start.model, |_: &str| ());
        let plain_images = (1, AugmentConfig::default());
        let batches = pictures.batches(sample, &model.config.preprocessing, plain_images, &silent)?;
        let mut logits: Vec<f64> = Vec::new();
        let all: Vec<usize> = (0..sample.positives().len()).collect();
        for indices in all.chunks(TOGETHER) {
            let (inputs, targets) = batches.plain(0, indices)?;
            if !targets.classes.is_empty() {
                let found = model.features(&inputs.to_device(&pictures.device)?, &[scores()])?.remove(0);
                logits.extend(found.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from));
            }
        }
        ensure!(!logits.is_empty(), "--correct-bias: no image can be decoded");
        let mut vars = start.parameters.vars().into_iter();
        let is_bias = |name: &str| model.architecture.is_head_weight(name) && name.ends_with(".bias");
        let Some((name, bias)) = vars.find(|(name, _)| is_bias(name)) else {
            bail!("--correct-bias: the head of {} has no bias", model.config.architecture)
        };
        let mut biases = bias.flatten_all()?.to_vec1::<f32>()?;
        for class in (0..labels.len()).filter(|class| !known[*class]) {
            let shift = class_bias(&logits, labels.len(), class, 1.0 / labels.len() as f64)
                .with_context(|| format!("--correct-bias: class \"{}\"", labels[class]))?;
            logits.iter_mut().skip(class).step_by(labels.len()).for_each(|logit| *logit += shift);
            biases[class] += shift as f32;
            pictures.messages.note(format_args!("the bias of \"{}\" was raised by {shift:.2}", labels[class]));
        }
        bias.set(&Tensor::from_vec(biases, bias.shape(), bias.device())?).map_err(plain)?;
        let mut config = model.config.clone();
        // The file is the same model with another bias.
        let written = dl_models::ModelConfig::read(&mut checkpoint::Checkpoint::open(path)?, None)?;
        config.provenance = written.provenance;
        config.provenance.training.insert("bias_corrected".to_owned(), json!(name));
        checkpoint::save(path, &config, &start.parameters.tensors(), self.pictures.precision())
    }
}
