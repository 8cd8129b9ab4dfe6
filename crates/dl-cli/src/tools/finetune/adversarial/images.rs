//! Adaptation of a network of images.

use anyhow::{Context, Result};
use dl_train::adversarial::{AdversarialMethod, Game};
use dl_train::classifier::{AugmentConfig, LossConfig, Truth};
use serde_json::json;

use super::{Args, Both};
use crate::common::{Io, Outcome};
use crate::tools::finetune::pictures::{About, PictureArgs, Pictures, scores};

impl Args {
    pub(super) fn of_images(&self, Both { sided, tally, .. }: Both, io: &mut Io) -> Result<Outcome> {
        let mut source = PictureArgs::examples(Truth::Labels);
        let mut target = PictureArgs::examples(Truth::Own);
        // Records that cannot be used are refused as a whole, with their number and the reason of the first.
        let mut unfit = 0;
        let mut reason = None;
        for record in &sided.source.records {
            if let Err(error) = source.push(record) {
                unfit += 1;
                reason.get_or_insert(error);
            }
        }
        sided.target.records.iter().try_for_each(|record| target.push(record))?;
        if let Some(error) = reason {
            let records = sided.source.records.len();
            return Err(error.context(format!("{unfit} of {records} records of the source cannot be used; the first")));
        }
        let source = source.finish().context("the source")?;
        let labels = source.labels().to_vec();
        let validation = match self.validation.file() {
            Some(path) => Some(self.pictures.validation(io, path, &labels)?),
            None => None,
        };
        let pictures = Pictures::new(&self.pictures, &io.messages)?;
        let counts = [source.positives().len(), target.positives().len()];
        let [of_source, of_target] = counts;
        let classes = labels.len();
        io.messages.note(format_args!("{of_source} source images of {classes} classes, {of_target} target images"));
        let start = self.pictures.start(&labels, &pictures.device, &io.messages)?;
        let layer = start.before_head()?;
        let width: usize = match start.model.shape_of(&layer)?.as_slice() {
            [channels, ..] if layer.pooled.is_some() => *channels,
            shape => shape.iter().product(),
        };
        let broken = pictures.broken();
        let batch = self.batch(counts);
        let preprocessing = &start.model.config.preprocessing;
        let augment = self.pictures.augment()?;
        let batches = |examples| pictures.batches(examples, preprocessing, (batch, augment), &broken);
        let (of_source, of_target) = (batches(&source)?, batches(&target)?);
        let epoch = of_source.epoch().max(of_target.epoch());
        let situation = pictures.situation(&start, epoch, validation.is_some());
        let steps = self.pictures.training.steps(&situation)?;
        let game = Game::new(self.game(steps), LossConfig::default(), [width, classes], &pictures.device)?;
        let settings = pictures.settings(
            self,
            &start,
            json!({
                "data": [source.digest().to_string(), target.digest().to_string()],
                "val": validation.as_ref().map(|examples| examples.digest().to_string()),
                "batch": batch,
            }),
        )?;
        let figures = json!({
            "method": self.method,
            "trade_off": self.trade_off,
            "domains": sided.domains,
            "batch": batch,
            "layer": layer.to_string(),
        });
        let method = AdversarialMethod {
            source: of_source,
            target: of_target,
            game,
            layers: [layer, scores()],
            validation: match &validation {
                Some(examples) => {
                    Some(pictures.batches(examples, preprocessing, (batch, AugmentConfig::default()), &broken)?)
                }
                None => None,
            },
        };
        let about = About { epoch, validates: validation.is_some(), settings, figures };
        let ended = pictures.train(&start, method, about, |_| ())?;
        Ok(ended.unwrap_or_else(|| pictures.outcome(tally.failed)))
    }
}
