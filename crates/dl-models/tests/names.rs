//! The names GPT, a real GPT-2 over letters, has the stated outputs and likelihoods. Skipped if its files do not exist.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test prints why")]

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use dl_models::Precision;
use dl_models::text::generate::{Prompt, Sampling, generate};
use dl_models::text::{TextBatch, TextFreeze, TextModel, Tokens, loss};
use serde_json::Value;

fn shared(file: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(file);
    if !found.exists() {
        eprintln!("SKIPPED: {} does not exist", found.display());
    }
    found.exists().then_some(found)
}

/// The model and the names.
fn names_gpt() -> Option<(TextModel, Vec<String>)> {
    let path = shared("names_gpt.safetensors")?;
    let names = fs::read_to_string(path.with_file_name("names.txt")).unwrap();
    Some((TextModel::open(&path, &Device::Cpu).unwrap(), names.lines().map(str::to_owned).collect()))
}

/// Mean negative log-likelihood of a predicted token.
fn likelihood(model: &TextModel, names: &[String]) -> f64 {
    let (mut total, mut tokens) = (0.0, 0);
    for names in names.chunks(500) {
        let parts: Vec<Vec<u32>> =
            names.iter().flat_map(|name| loss::language_model_parts(model, name).unwrap()).collect();
        let parts: Vec<&[u32]> = parts.iter().map(Vec::as_slice).collect();
        let sums = loss::negative_log_likelihoods(model.gpt2().unwrap(), &parts).unwrap();
        total += sums.iter().sum::<f64>();
        tokens += parts.iter().map(|part| part.len() - 1).sum::<usize>();
    }
    total / tokens as f64
}

#[track_caller]
fn assert_likelihood(found: f64, stated: f64) {
    assert!((found - stated).abs() < 2e-6, "{found}, not {stated}");
}

#[test]
fn outputs_equal_the_stored_reference() {
    let Some((model, _)) = names_gpt() else { return };
    let load = |file: &str| candle_core::safetensors::load(shared(file).unwrap(), &Device::Cpu).unwrap();
    let tokens = load("names_gpt.input.safetensors")["tokens"].to_dtype(DType::U32).unwrap().to_vec2::<u32>().unwrap();
    let texts: Vec<Tokens> = tokens.into_iter().map(Tokens::new).collect();
    let batch = TextBatch::new(&texts);
    let stored = load("names_gpt.output.safetensors");
    for (layer, name) in [("embeddings", "embeddings"), ("h.0", "after_block_0"), ("logits", "logits")] {
        let found = model.network.texts().features(&batch, &[layer], None).unwrap().remove(0);
        let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (found, expected) = (numbers(&found), numbers(&stored[name]));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-5 + 1e-4 * expected.abs(), "{layer}: {found}, not {expected}");
        }
    }
}

#[test]
fn the_first_names_have_their_stated_likelihood() {
    let Some((model, names)) = names_gpt() else { return };
    assert_likelihood(likelihood(&model, &names[..1000]), 1.549613);
}

#[test]
#[ignore = "slow: 33,000 names"]
fn all_names_and_the_held_out_ones_have_their_stated_likelihood() {
    let Some((model, names)) = names_gpt() else { return };
    assert_likelihood(likelihood(&model, &names[31033..]), 1.913412);
    assert_likelihood(likelihood(&model, &names), 1.753755);
    let split = fs::read(shared("names_gpt.test_split.json").unwrap()).unwrap();
    let split: Value = serde_json::from_slice(&split).unwrap();
    let lines = split["lines"].as_array().unwrap().iter();
    let held_out: Vec<String> = lines.map(|line| names[line.as_u64().unwrap() as usize].clone()).collect();
    assert_likelihood(likelihood(&model, &held_out), 1.972245);
}

fn write(model: &TextModel, prompts: &[&str], sampling: &Sampling) -> Vec<String> {
    let prompts = prompts.iter().enumerate();
    let prompts =
        prompts.map(|(index, text)| Prompt { text: (*text).to_owned(), rng: dl_record::rng(0, &index.to_string()) });
    generate(model, prompts.collect(), sampling).unwrap().into_iter().map(Result::unwrap).collect()
}

#[test]
fn the_likeliest_name_is_the_stated_one() {
    let Some((model, _)) = names_gpt() else { return };
    let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
    assert_eq!(write(&model, &[""], &greedy), ["analis"]);
}

#[test]
fn names_are_new_and_end_as_requested() {
    let Some((model, names)) = names_gpt() else { return };
    let usual = Sampling::default();
    let written = write(&model, &[""; 40], &usual);
    assert!(written.iter().all(|name| name.len() <= 15 && name.chars().all(|letter| letter.is_ascii_lowercase())));
    assert!(written.iter().filter(|name| !names.contains(name)).count() > 10, "{written:?}");
    let short = Sampling { max_tokens: 2, ..usual.clone() };
    assert!(write(&model, &["ma"; 5], &short).iter().all(|name| name.starts_with("ma") && name.len() <= 4));
    let stop = Sampling { stop: vec!["a".into()], ..usual };
    assert!(write(&model, &[""; 20], &stop).iter().all(|name| !name.contains('a')));
    assert!(write(&model, &["maa"; 3], &stop).iter().all(|name| name.matches('a').count() == 2));
}

#[test]
fn the_error_names_a_letter_missing_from_the_vocabulary() {
    let Some((model, _)) = names_gpt() else { return };
    let error = model.tokenizer.encode("anna-lisa").unwrap_err().to_string();
    assert_eq!(error, "the model's vocabulary lacks '-'");
    assert_eq!(model.tokenizer.decode(&[0, 1, 14, 14, 1, 0]).unwrap(), "anna");
    let prompts = vec![Prompt { text: "Zoe".into(), rng: dl_record::rng(0, "") }];
    let written = generate(&model, prompts, &Sampling::default()).unwrap();
    assert!(written[0].as_ref().unwrap_err().to_string().contains("lacks 'Z'"));
}

/// Made-up names, all different, of syllables in an order given by a formula.
fn new_list() -> Vec<String> {
    let (first, middle, last) = (
        ["zor", "quix", "vrak", "thol", "xan", "grym", "ulth", "brok"],
        ["o", "a", "ux", "ya"],
        ["gon", "rax", "thul", "zik", "mor", "vex"],
    );
    let count = first.len() * middle.len() * last.len();
    let names = (0..count).map(|index| {
        // 77 and the number of names, 192, are coprime, so each occurs once.
        let index = index * 77 % count;
        let (of_first, rest) = (index % first.len(), index / first.len());
        format!("{}{}{}", first[of_first], middle[rest % middle.len()], last[rest / middle.len()])
    });
    names.collect()
}

#[test]
fn the_held_out_likelihood_of_a_new_list_falls_and_samples_are_new() {
    let Some(path) = shared("names_gpt.safetensors") else { return };
    let (mut model, parameters) = TextModel::to_train(&path, None, &[], &TextFreeze::Nothing, 0, &Device::Cpu).unwrap();
    let list = new_list();
    let (train, held_out) = list.split_at(96);
    let before = likelihood(&model, held_out);
    let vars = parameters.vars().into_iter().map(|(_, var)| var).collect();
    let mut optimizer = AdamW::new(vars, ParamsAdamW { lr: 2e-3, ..ParamsAdamW::default() }).unwrap();
    for step in 0..40 {
        let parts: Vec<Vec<u32>> = train
            .iter()
            .skip(step * 24 % 96)
            .take(24)
            .flat_map(|name| loss::language_model_parts(&model, name).unwrap())
            .collect();
        let parts: Vec<&[u32]> = parts.iter().map(Vec::as_slice).collect();
        let mut rng = dl_record::rng(0, &step.to_string());
        let loss = loss::language_model_loss(model.gpt2().unwrap(), &parts, Some(&mut rng)).unwrap();
        optimizer.backward_step(&loss).unwrap();
    }
    let after = likelihood(&model, held_out);
    assert!(after < 0.6 * before, "{before}, then {after}");
    let samples = write(&model, &[""; 60], &Sampling::default());
    let new = samples.iter().filter(|name| !train.contains(name));
    let of_the_kind =
        new.filter(|name| ["gon", "rax", "thul", "zik", "mor", "vex"].iter().any(|end| name.ends_with(end)));
    assert!(of_the_kind.count() > 5, "{samples:?}");
    // The written file is a complete model.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new.safetensors");
    model.config.provenance.seed = Some(0);
    model.save(&file, &parameters.tensors(), Precision::F32).unwrap();
    assert!((likelihood(&TextModel::open(&file, &Device::Cpu).unwrap(), held_out) - after).abs() < 1e-9);
}
