//! Times methods on feature tables, for bench/transfer.py: prints the seconds of the computation alone, and its figure.
//!
//!     transfer_speed METHOD COLUMNS FIRST SECOND PARAMETER     (files of f32, little-endian, row by row)
//!
//! FIRST is the source and SECOND the target. tca: PARAMETER is the number of components, the figure the sum of the
//! eigenvalues; coral: the regularization, and the sum of the mapped rows; kmm: gamma, and the objective. Otherwise FIRST
//! holds the rows: kmeans: SECOND are the first centers, the figure is the inertia; codes: SECOND are the atoms, PARAMETER
//! is beta, the figure the objective; gmm: PARAMETER is the number of components, the figure the log-likelihood after five
//! rounds.
#![allow(clippy::print_stdout, reason = "its output")]

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use dl_transfer::components::{Approximation, Form, Regularization, TcaConfig, median_gamma, tca};
use dl_transfer::coral::{CoralConfig, coral};
use dl_transfer::dictionary::Dictionary;
use dl_transfer::gmm::{GmmConfig, gmm};
use dl_transfer::kmeans::{KMeansConfig, kmeans_from};
use dl_transfer::kmm::{KmmConfig, kmm};
use dl_transfer::moments::Gathered;
use dl_transfer::{Kernel, Mat};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [method, columns, first, second, parameter] = arguments.as_slice() else {
        bail!("expected METHOD COLUMNS FIRST SECOND PARAMETER")
    };
    let columns: usize = columns.parse().context("the columns")?;
    let parameter: f64 = parameter.parse().context("the parameter")?;
    let [a, b] = [numbers(first)?, numbers(second)?];
    let wide =
        |data: &[f32]| Mat::from_fn(data.len() / columns, columns, |row, column| data[row * columns + column].into());
    let (x, y) = (wide(&a), wide(&b));
    let (x, y) = (x.as_ref(), y.as_ref());
    let count = parameter as usize;
    let start = Instant::now();
    let figure: f64 = match method.as_str() {
        "tca" => {
            let gamma = median_gamma(x, y, 0)?;
            let config = TcaConfig {
                components: count,
                regularization: Regularization::Mu(1.0),
                form: Form::Dual(Kernel::Rbf { gamma }),
                approximation: Approximation::Exact,
                seed: 0,
            };
            tca(x, y, &config)?.eigenvalues.iter().sum()
        }
        "coral" => {
            let spectrum = |data: &[f32]| {
                let mut gathered = Gathered::new(columns);
                data.chunks_exact(columns).for_each(|row| gathered.push(row));
                gathered.spectrum()
            };
            let config = CoralConfig { regularization: parameter, ..CoralConfig::default() };
            let map = coral(&spectrum(&a)?, &spectrum(&b)?, &config)?;
            map.apply(a.iter().map(|value| f64::from(*value)).collect(), columns).iter().sum()
        }
        "kmm" => kmm(x, y, &KmmConfig { gamma: Some(parameter), ..KmmConfig::default() })?.objective,
        "kmeans" => kmeans_from(x, y, &KMeansConfig::default())?.inertia,
        "codes" => {
            let dictionary = Dictionary { atoms: y.to_owned(), mean: vec![0.0; columns], beta: parameter };
            let codes = dictionary.encode(x)?;
            let left = x - &codes * y;
            left.squared_norm_l2() + parameter * codes.norm_l1()
        }
        "gmm" => {
            gmm(x, &GmmConfig { components: count, iterations: 5, tolerance: 0.0, ..Default::default() })?
                .log_likelihood
        }
        other => bail!("{other} is not a method of this program"),
    };
    println!("{{\"seconds\":{},\"figure\":{figure:?}}}", start.elapsed().as_secs_f64());
    Ok(())
}

fn numbers(path: &str) -> Result<Vec<f32>> {
    let bytes = fs::read(path).with_context(|| path.to_owned())?;
    Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
