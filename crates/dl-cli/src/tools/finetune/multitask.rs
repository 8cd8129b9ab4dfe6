//! `dl-finetune multitask`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use dl_models::{Parameters, TaskLabels};
use dl_record::Record;
use dl_train::classifier::{AugmentConfig, Examples, Truth};
use dl_train::multitask::{MultitaskMethod, TaskExamples, TaskTargets, TaskWeights};
use serde::Serialize;
use serde_json::json;

use super::pictures::{About, PictureArgs, Pictures, scores};
use super::training::{default_batch, named_factor};
use super::validation::ValidationArgs;
use crate::common::{Io, Outcome, numbers};

/// Train one network for several tasks, each with its own classes
///
/// Each record has `labels`: an object with the class of each task, such as {"shape": "round", "color": "red"}. A task
/// that a record has no class for learns nothing from it. All tasks share the network up to its last layer. dl-classify
/// writes predictions of all tasks, and dl-eval classify --task scores one.
#[derive(clap::Args, Serialize, Debug)]
#[command(mut_arg("inputs", crate::common::only_records))]
#[command(after_help = "\
Examples:
  dl-finetune multitask --arch squeezenet1_1 --width-mult 0.5 --size 32 \\
    --output signs.safetensors signs.jsonl
  dl-finetune multitask --init-from imagenet.safetensors \\
    --weighting uncertainty --val val.jsonl \\
    --output signs.safetensors train.jsonl
  dl-classify --model signs.safetensors --top-k 0 val.jsonl \\
    | dl-eval classify --task color")]
pub(super) struct Args {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) pictures: PictureArgs,

    #[command(flatten)]
    #[serde(flatten)]
    validation: ValidationArgs,

    /// Tasks to learn [default: all in the records]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    tasks: Option<Vec<String>>,

    /// How the losses of the tasks become one
    #[arg(long, value_enum, default_value_t = Weighting::Fixed)]
    weighting: Weighting,

    /// For fixed weighting: factor on the loss of a task, 1 if not given; may be repeated
    #[arg(long, value_name = "TASK=X", value_parser = named_factor)]
    task_weight: Vec<(String, f64)>,

    /// Examples per batch, at most 4096 [default: a quarter of the examples, at least 8 and at most 32 (128 from scratch)]
    #[arg(long, value_name = "N", value_parser = numbers::batch, help_heading = "Training")]
    batch: Option<usize>,
}

#[derive(clap::ValueEnum, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Weighting {
    /// The sum of the losses, each times its --task-weight
    Fixed,
    /// Learned: by the uncertainty of each task (Kendall et al. 2018)
    Uncertainty,
}

/// Images and the class of each task.
struct Labeled {
    examples: Examples,
    labels: Vec<BTreeMap<String, String>>,
}

impl Labeled {
    fn new() -> Self {
        Self { examples: PictureArgs::examples(Truth::Own), labels: Vec::new() }
    }

    fn push(&mut self, record: &Record) -> Result<()> {
        let labels = record.labels()?.filter(|labels| !labels.is_empty());
        let labels = labels.context("the record has no \"labels\" to train on, such as {\"color\": \"red\"}")?;
        if let Some((task, _)) = labels.iter().find(|(_, label)| label.is_empty()) {
            bail!("the label of the task \"{task}\" is empty; leave the task out where it is unknown");
        }
        self.examples.push(record)?;
        self.labels.push(labels);
        Ok(())
    }

    /// The class of each example in each task. Fails, naming the label, when one is not among the task's classes.
    fn targets(&self, tasks: &[TaskLabels]) -> Result<Vec<TaskTargets>> {
        let of_task = |task: &TaskLabels| {
            let target = |labels: &BTreeMap<String, String>| -> Result<Option<u32>> {
                let Some(label) = labels.get(&task.name) else { return Ok(None) };
                let place = task.labels.iter().position(|known| known == label);
                let place = place.with_context(|| {
                    format!("task \"{}\": the label \"{label}\" has no training example", task.name)
                })?;
                Ok(Some(u32::try_from(place)?))
            };
            let targets = self.labels.iter().map(target).collect::<Result<_>>()?;
            Ok(TaskTargets { name: task.name.clone(), classes: task.labels.len(), targets })
        };
        tasks.iter().map(of_task).collect()
    }

    /// The images kept by `keep`.
    fn part(&self, keep: impl Fn(usize) -> bool) -> Self {
        Self { examples: self.examples.only(&keep), labels: self.labels.clone() }
    }
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.pictures.check(self.validation.file(), self.validation.is_given(), &[])?;
        ensure!(
            self.task_weight.is_empty() || self.weighting == Weighting::Fixed,
            "--task-weight is for --weighting fixed; uncertainty learns the weights"
        );
        let mut train = Labeled::new();
        let tally = self.pictures.read(io, |record| train.push(record))?;
        let tasks = self.tasks(&train)?;
        let mut validation = None;
        if let Some(fraction) = self.validation.fraction() {
            let (kept, held_out) = train.examples.clone().split(fraction, self.pictures.common.seed)?;
            let held: BTreeSet<u32> = held_out.positives().iter().map(|example| example.image).collect();
            drop(kept);
            validation = Some(train.part(|image| held.contains(&(image as u32))));
            train = train.part(|image| !held.contains(&(image as u32)));
        }
        if let Some(path) = self.validation.file() {
            let mut labeled = Labeled::new();
            self.pictures.read_file(io, ("--val", path), |record| labeled.push(record))?;
            validation = Some(labeled);
        }
        let pictures = Pictures::new(&self.pictures, &io.messages)?;
        let names: Vec<String> =
            tasks.iter().flat_map(|task| task.labels.iter().map(|label| format!("{}={label}", task.name))).collect();
        for task in &tasks {
            let known = train.labels.iter().filter(|labels| labels.contains_key(&task.name)).count();
            let (name, classes) = (&task.name, task.labels.len());
            io.messages.note(format_args!("task {name}: {classes} classes, {known} labeled images"));
        }
        let start = self.pictures.start(&names, &pictures.device, &io.messages)?;
        let broken = pictures.broken();
        let preprocessing = &start.model.config.preprocessing;
        let count = train.examples.positives().len();
        let most = if self.pictures.is_from_scratch() { 128 } else { 32 };
        let batch = self.batch.unwrap_or_else(|| default_batch(count, most));
        let batches = pictures.batches(&train.examples, preprocessing, (batch, self.pictures.augment()?), &broken)?;
        let epoch = batches.epoch();
        let settings = pictures.settings(
            self,
            &start,
            json!({
                "data": train.examples.digest().to_string(),
                "tasks": tasks,
                "classes": train.labels,
                "val": validation.as_ref().map(|part| part.examples.digest().to_string()),
                "batch": batch,
            }),
        )?;
        let examples = TaskExamples { batches, tasks: train.targets(&tasks)? };
        let validation_examples = match &validation {
            Some(part) => Some(TaskExamples {
                batches: pictures.batches(&part.examples, preprocessing, (batch, AugmentConfig::default()), &broken)?,
                tasks: part.targets(&tasks).context("validation")?,
            }),
            None => None,
        };
        let beside = Parameters::fresh(self.pictures.common.seed);
        let method = MultitaskMethod {
            train: examples,
            validation: validation_examples,
            scores: scores(),
            weights: self.weights(&tasks, &beside, &pictures)?,
            beside,
        };
        let figures = json!({ "method": "multitask", "weighting": self.weighting, "batch": batch });
        let about = About { epoch, validates: validation.is_some(), settings, figures };
        let ended = pictures.train(&start, method, about, |config| config.tasks = Some(tasks.clone()))?;
        Ok(ended.unwrap_or_else(|| pictures.outcome(tally.failed)))
    }

    /// The tasks and their classes, sorted.
    fn tasks(&self, train: &Labeled) -> Result<Vec<TaskLabels>> {
        let mut classes: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        for (task, label) in train.labels.iter().flatten() {
            classes.entry(task).or_default().insert(label);
        }
        let names: Vec<String> = match &self.tasks {
            Some(names) => names.clone(),
            None => classes.keys().map(|name| (*name).clone()).collect(),
        };
        let mut tasks = Vec::new();
        for name in names {
            let labels = classes.get(&name).with_context(|| {
                let known: Vec<&str> = classes.keys().map(|name| name.as_str()).collect();
                format!("--tasks: no record has the task \"{name}\"; there are {}", known.join(", "))
            })?;
            ensure!(labels.len() > 1, "task \"{name}\": all records have the same label; a task needs at least two");
            tasks.push(TaskLabels { name, labels: labels.iter().map(|label| (*label).clone()).collect() });
        }
        if let Some((name, _)) = self.task_weight.iter().find(|(name, _)| tasks.iter().all(|task| task.name != *name)) {
            bail!("--task-weight: no task is called \"{name}\"");
        }
        Ok(tasks)
    }

    fn weights(&self, tasks: &[TaskLabels], beside: &Parameters, pictures: &Pictures) -> Result<TaskWeights> {
        let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
        match self.weighting {
            Weighting::Uncertainty => TaskWeights::uncertainty(&names, &beside.builder(&pictures.device)),
            Weighting::Fixed => {
                let weight = |name: &&str| {
                    let own = self.task_weight.iter().rev().find(|(task, _)| task == name);
                    own.map_or(1.0, |(_, weight)| *weight)
                };
                Ok(TaskWeights::Fixed(names.iter().map(weight).collect()))
            }
        }
    }
}
