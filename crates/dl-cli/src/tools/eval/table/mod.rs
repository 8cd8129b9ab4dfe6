//! `dl-eval table`.

mod distances;

use anyhow::{Context, Result, bail, ensure};
use dl_train::table::{
    Classifier, ColumnOptions, Detected, FeatureMap, Kinds, LabeledRows, Ranking, RawTable, copies, detect, nearest,
};
use serde_json::{Map, Value, json};

use self::distances::{ColumnDistance, mean};
use super::report::{Cell, Format, Report};
use crate::common::{Common, Io, Outcome, few, read_table};

/// Measure made rows of a table: distances, copies, and what they are worth for training
///
/// Per column, compares the made rows with the real ones: the largest difference of the distribution functions (KS) and the
/// area between them (Wasserstein, in deviations of the real column) of numbers, half the difference of the shares (TV) of
/// categories. Reports the mean difference of the correlations, the share of made rows that are copies of real ones, and the
/// distance of the made rows to the nearest real one beside that of the test rows, which should not be larger by much nor
/// smaller. With --test and --label, trains logistic regression and gradient boosting on the real rows, the made ones, both,
/// and the real ones with SMOTE (Chawla et al. 2002), and tests them on the test rows.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval table --real train.csv --synthetic made.csv --format table
  dl-eval table --real train.csv --synthetic made.csv --test test.csv \\
    --label default --positive Yes | jq '.utility[]'")]
pub(super) struct Args {
    /// Table of the real rows that the generator was trained on (.csv, .tsv, also .gz, .jsonl)
    #[arg(long, value_name = "TABLE")]
    real: String,

    /// Table of the made rows; `-` is stdin
    #[arg(long, value_name = "TABLE")]
    synthetic: String,

    /// Table of real rows that the generator was not trained on
    #[arg(long, value_name = "TABLE")]
    test: Option<String>,

    /// Column with the class
    #[arg(long, value_name = "COLUMN", requires = "test")]
    label: Option<String>,

    /// Class that is looked for [default: the rarest]
    #[arg(long, value_name = "VALUE", requires = "label")]
    positive: Option<String>,

    /// Columns of categories, also if they look like numbers
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    categorical: Vec<String>,

    /// Columns of numbers, also if they have few values
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    numeric: Vec<String>,

    /// Columns to leave out
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    ignore: Vec<String>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

/// A row of the table of classifiers.
struct Utility {
    classifier: &'static str,
    trained_on: &'static str,
    rows: usize,
    ranking: Ranking,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let mut failed = 0;
        let mut read = |name: &str| -> Result<RawTable> {
            let mut read = read_table(io, name, &self.common)?;
            failed += read.failed;
            // A made table need not have the column.
            let ignored: Vec<String> =
                self.ignore.iter().filter(|column| read.table.place(column).is_some()).cloned().collect();
            read.table.drop_columns(&ignored, "--ignore")?;
            Ok(read.table)
        };
        let real = read(&self.real)?;
        let made = read(&self.synthetic)?;
        let test = self.test.as_deref().map(&mut read).transpose()?;
        for (option, table) in [("--synthetic", Some(&made)), ("--test", test.as_ref())] {
            let Some(table) = table else { continue };
            if let Some(column) = real.names.iter().find(|name| table.place(name).is_none()) {
                bail!("{option}: has no column {column}, which --real has; leave it out with --ignore {column}");
            }
        }
        let options = ColumnOptions {
            categorical: self.categorical.clone(),
            numeric: self.numeric.clone(),
            label: self.label.clone(),
        };
        let kinds = detect(&real, &options).context("--real")?;
        let columns = distances::columns(&real, &kinds, &made);
        let map = FeatureMap::new(&real, &kinds, "");
        ensure!(map.width > 0, "every column of --real is the same in all rows; there is nothing to compare");
        let (of_real, of_made) = (map.rows(&real, "--real")?, map.rows(&made, "--synthetic")?);
        let mut single = Single {
            correlation: distances::correlations(&map, &of_real, &of_made),
            copies: copies(&made, &real, &real.names),
            made: quantiles(&nearest(&of_made, &of_real, &map)),
            test: None,
        };
        let mut utility = Vec::new();
        let mut positive = None;
        if let Some(test) = &test {
            single.test = Some(quantiles(&nearest(&map.rows(test, "--test")?, &of_real, &map)));
            if let Some(label) = &self.label {
                let found = self.positive(&real, &kinds, label)?;
                utility = self.utility([&real, &made, test], &kinds, [label, &found], io)?;
                positive = Some(found);
            }
        }
        let rows = [real.rows, made.rows, test.as_ref().map_or(0, |test| test.rows)];
        report(&columns, &single, &utility, positive, rows, failed).write(io, self.format)?;
        Ok(Outcome::of(failed))
    }

    /// The class that is looked for.
    fn positive(&self, real: &RawTable, kinds: &Kinds, label: &str) -> Result<String> {
        let Some(Detected::Categorical(names, codes)) = real.place(label).map(|place| &kinds.columns[place]) else {
            bail!("--label {label}: is not a column of classes");
        };
        if let Some(positive) = &self.positive {
            ensure!(
                names.iter().flatten().any(|name| name == positive),
                "--positive {positive}: {label} has no such value; choose from {}",
                few(names.iter().flatten().map(String::as_str))
            );
            return Ok(positive.clone());
        }
        let mut counts = vec![0_usize; names.len()];
        codes.iter().for_each(|code| counts[*code as usize] += 1);
        let known = names.iter().zip(counts).filter_map(|(name, count)| Some((name.clone()?, count)));
        let rarest = known.reduce(|best, next| if next.1 < best.1 { next } else { best });
        rarest.map(|(name, _)| name).context("--label: the column is empty")
    }

    fn utility(
        &self,
        [real, made, test]: [&RawTable; 3],
        kinds: &Kinds,
        [label, positive]: [&str; 2],
        io: &Io,
    ) -> Result<Vec<Utility>> {
        let map = FeatureMap::new(real, kinds, label);
        let rows = |table, what| LabeledRows::new(&map, table, [label, positive], what);
        let (real, made, test) = (rows(real, "--real")?, rows(made, "--synthetic")?, rows(test, "--test")?);
        let sets = [
            ("real", real.clone()),
            ("synthetic", made.clone()),
            ("real + synthetic", real.with(&made)),
            ("real + SMOTE", real.with_smote(&map, self.common.seed)),
        ];
        let mut found = Vec::new();
        for (classifier, kind) in [("logistic", Classifier::Logistic), ("boosting", Classifier::Boosting)] {
            for (trained_on, set) in &sets {
                let none = Ranking { auc: None, average_precision: None };
                let ranking = match set.count() {
                    count if count == 0 || count == set.positives.len() => {
                        io.messages.note(format_args!("{trained_on}: only one class of {label}; no classifier"));
                        none
                    }
                    _ => set.test(kind, map.width, &test)?,
                };
                found.push(Utility { classifier, trained_on, rows: set.positives.len(), ranking });
            }
        }
        Ok(found)
    }
}

/// Figures of the whole table.
struct Single {
    correlation: Option<f64>,
    copies: f64,
    /// The 5 % quantile and the median of the distances to the nearest real row.
    made: [Option<f64>; 2],
    test: Option<[Option<f64>; 2]>,
}

fn quantiles(sorted: &[f64]) -> [Option<f64>; 2] {
    [0.05, 0.5].map(|share| sorted.get((share * sorted.len() as f64) as usize).copied())
}

fn report(
    columns: &[ColumnDistance],
    single: &Single,
    utility: &[Utility],
    positive: Option<String>,
    [real, made, test]: [usize; 3],
    errors: usize,
) -> Report {
    let header =
        ["", "KS", "Wasserstein", "TV", "AUC", "average precision", "rows or figure"].map(str::to_owned).to_vec();
    let mut rows = Vec::new();
    let empty = || Cell::Text(String::new());
    let figure = |figure: Option<f64>| if figure.is_some() { Cell::Figure(figure) } else { empty() };
    let mut per_column = Map::new();
    for column in columns {
        let ColumnDistance { name, ks, wasserstein, total_variation } = column;
        let figures = json!({"ks": ks, "wasserstein": wasserstein, "total_variation": total_variation});
        per_column.insert(name.clone(), figures);
        let figures = [*ks, *wasserstein, *total_variation].map(figure);
        rows.push([Cell::Text(name.clone())].into_iter().chain(figures).chain([empty(), empty(), empty()]).collect());
    }
    let mean_of = |of: fn(&ColumnDistance) -> Option<f64>| mean(&columns.iter().filter_map(of).collect::<Vec<_>>());
    let means =
        [mean_of(|column| column.ks), mean_of(|column| column.wasserstein), mean_of(|column| column.total_variation)];
    let of_means = means.map(figure);
    rows.push(
        [Cell::Text("mean of the columns".to_owned())]
            .into_iter()
            .chain(of_means)
            .chain([empty(), empty(), empty()])
            .collect(),
    );
    let mut one = |name: &str, value: Option<f64>| {
        let before = (0..5).map(|_| empty());
        rows.push([Cell::Text(name.to_owned())].into_iter().chain(before).chain([Cell::Figure(value)]).collect());
    };
    one("difference of correlations", single.correlation);
    one("share of copies", Some(single.copies));
    one("nearest real row, made, 5 %", single.made[0]);
    one("nearest real row, made, median", single.made[1]);
    if let Some([low, median]) = single.test {
        one("nearest real row, test, 5 %", low);
        one("nearest real row, test, median", median);
    }
    let mut of_classifiers = Vec::new();
    for Utility { classifier, trained_on, rows: count, ranking } in utility {
        of_classifiers.push(json!({
            "classifier": classifier,
            "trained_on": trained_on,
            "rows": count,
            "auc": ranking.auc,
            "average_precision": ranking.average_precision,
        }));
        rows.push(vec![
            Cell::Text(format!("{classifier}, {trained_on}")),
            empty(),
            empty(),
            empty(),
            Cell::Figure(ranking.auc),
            Cell::Figure(ranking.average_precision),
            Cell::Count(*count),
        ]);
    }
    let distances = |[low, median]: [Option<f64>; 2]| json!({"p5": low, "median": median});
    let json = json!({
        "columns": Value::Object(per_column),
        "mean_ks": means[0],
        "mean_wasserstein": means[1],
        "mean_total_variation": means[2],
        "correlation_difference": single.correlation,
        "copies": single.copies,
        "nearest_synthetic": distances(single.made),
        "nearest_test": single.test.map(distances),
        "positive": positive,
        "utility": of_classifiers,
        "real": real,
        "synthetic": made,
        "test": test,
        "errors": errors,
    });
    Report { json, header, rows }
}
