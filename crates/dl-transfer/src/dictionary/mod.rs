//! Self-taught learning: a dictionary of atoms fitted to unlabeled rows, and sparse codes of any rows in it, which
//! serve as their features (Raina et al. 2007, equation 1).
//!
//! minimize over b, a: sum over rows x of |x - sum_j a_j b_j|^2 + beta |a|_1, with |b_j| <= 1. Note that scikit-learn
//! halves the squares, so that its alpha is beta / 2.

mod codes;
mod update;

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rand::seq::index;
use rayon::prelude::*;

use crate::distance::squared_distance;
use crate::linalg::product;
use crate::points::{center, parts, points, subtract};
use codes::{Code, Coder};

/// Rows worked on at once.
const BLOCK: usize = 64;

/// Options of [`dictionary`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DictionaryConfig {
    /// Atoms; more than columns for an overcomplete dictionary.
    pub atoms: usize,
    /// The weight of the L1 norm, in the squared units of the features.
    pub beta: f64,
    /// Most rounds of codes and atoms.
    pub iterations: usize,
    /// Stop when a round lowers the objective by less than this share of it.
    pub tolerance: f64,
    /// Subtract the mean of the rows first.
    pub center: bool,
    /// Seed of the first atoms, which are rows.
    pub seed: u64,
}

impl Default for DictionaryConfig {
    fn default() -> Self {
        Self { atoms: 128, beta: 0.4, iterations: 50, tolerance: 1e-4, center: true, seed: 0 }
    }
}

/// Atoms in which rows have sparse codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dictionary {
    /// [atoms, d], each of a norm of at most 1.
    pub atoms: Mat<f64>,
    /// Subtracted from rows, [d]; zeros when they were not centered.
    pub mean: Vec<f64>,
    /// The weight of the L1 norm.
    pub beta: f64,
}

/// A fitted dictionary.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedDictionary {
    /// The dictionary.
    pub dictionary: Dictionary,
    /// The objective after the codes of each round; it never rises, but for rounds that replace an unused atom.
    pub objectives: Vec<f64>,
    /// Whether the tolerance was reached.
    pub converged: bool,
}

impl Dictionary {
    /// The codes [n, atoms] of `rows` [n, d]: for each row the minimum of |x - mean - sum_j a_j b_j|^2 + beta |a|_1,
    /// exact up to rounding.
    /// # Errors
    /// When the widths differ, a number is not finite, or beta is not above 0.
    pub fn encode(&self, rows: MatRef<f64>) -> Result<Mat<f64>> {
        let (k, d) = (self.atoms.nrows(), self.atoms.ncols());
        ensure!(rows.ncols() == d, "the dictionary: rows have {} columns, its atoms {d}", rows.ncols());
        ensure!(self.mean.len() == d, "the dictionary: a mean of {} columns, atoms of {d}", self.mean.len());
        check_beta(self.beta)?;
        let mut points = points("the dictionary", rows)?;
        subtract(&mut points, &self.mean);
        let mut codes = vec![Code::default(); points.ncols()];
        encode(&points, &self.atoms, self.beta, &mut codes);
        let mut dense = Mat::zeros(points.ncols(), k);
        for (row, code) in codes.iter().enumerate() {
            code.iter().for_each(|(atom, value)| dense[(row, atom)] = value);
        }
        Ok(dense)
    }
}

fn check_beta(beta: f64) -> Result<()> {
    ensure!(beta > 0.0 && beta.is_finite(), "the dictionary: beta must be above 0, not {beta:?}");
    Ok(())
}

/// Fits a dictionary to unlabeled `rows` [n, d], starting from random rows: rounds of exact codes, then block
/// coordinate descent on the atoms (Mairal et al. 2010, algorithm 2).
/// # Errors
/// When the rows are all equal, no row has a code because beta is too large, or a number is not finite.
pub fn dictionary(rows: MatRef<f64>, config: &DictionaryConfig) -> Result<FittedDictionary> {
    ensure!(config.atoms > 0, "the dictionary: at least one atom is needed");
    let (points, mean) = prepare(rows, config)?;
    let usable: Vec<usize> =
        (0..points.ncols()).filter(|at| points.col_as_slice(*at).iter().any(|value| *value != 0.0)).collect();
    ensure!(!usable.is_empty(), "the dictionary: all rows are equal; give rows that differ");
    let mut rng = dl_record::rng(config.seed, "dictionary");
    let mut order: Vec<usize> = index::sample(&mut rng, usable.len(), usable.len()).into_iter().collect();
    order.truncate(config.atoms);
    let mut atoms = Mat::from_fn(config.atoms, points.nrows(), |atom, column| match order.get(atom) {
        Some(at) => points[(column, usable[*at])],
        // More atoms than rows: noise, which becomes the worst rows' residues when unused.
        None => rand::RngExt::random_range(&mut rng, -1.0..1.0),
    });
    for atom in 0..config.atoms {
        let norm = atoms.row(atom).norm_l2();
        atoms.row_mut(atom).iter_mut().for_each(|value| *value /= norm);
    }
    fit(&points, mean, atoms, config)
}

/// [`dictionary`] from given atoms [atoms, d]; longer ones are shortened to a norm of 1. `atoms` and `seed` are
/// ignored.
/// # Errors
/// As [`dictionary`], and when the widths differ.
pub fn dictionary_from(rows: MatRef<f64>, atoms: MatRef<f64>, config: &DictionaryConfig) -> Result<FittedDictionary> {
    let (found, expected) = (atoms.ncols(), rows.ncols());
    ensure!(found == expected, "the dictionary: the atoms have {found} columns, the rows {expected}");
    let mut start = crate::points::points("the dictionary's atoms", atoms)?.transpose().to_owned();
    for atom in 0..start.nrows() {
        let norm = start.row(atom).norm_l2().max(1.0);
        start.row_mut(atom).iter_mut().for_each(|value| *value /= norm);
    }
    let (points, mean) = prepare(rows, config)?;
    fit(&points, mean, start, config)
}

/// The rows as points, centered if asked for, and what was subtracted.
fn prepare(rows: MatRef<f64>, config: &DictionaryConfig) -> Result<(Mat<f64>, Vec<f64>)> {
    check_beta(config.beta)?;
    ensure!(config.iterations > 0, "the dictionary: at least one iteration is needed");
    let mut points = points("the dictionary", rows)?;
    let mean = if config.center { center(&mut points) } else { vec![0.0; points.nrows()] };
    Ok((points, mean))
}

fn fit(points: &Mat<f64>, mean: Vec<f64>, mut atoms: Mat<f64>, config: &DictionaryConfig) -> Result<FittedDictionary> {
    let beta = config.beta;
    let mut codes = vec![Code::default(); points.ncols()];
    let mut objectives: Vec<f64> = Vec::new();
    let mut converged = false;
    while !converged {
        encode(points, &atoms, beta, &mut codes);
        if codes.iter().all(Code::is_empty) {
            let largest = product(atoms.as_ref(), points.as_ref()).norm_max();
            anyhow::bail!(
                "the dictionary: no row has a code at beta {beta:?}; use a --beta below {:.3e}",
                2.0 * largest
            );
        }
        let objective = objective(points, &atoms, beta, &codes);
        let before = objectives.last().copied().unwrap_or(f64::INFINITY);
        objectives.push(objective);
        // The codes are those of these atoms, so stop here rather than after an update.
        converged = before - objective <= config.tolerance * objective && objectives.len() > 1;
        if converged || objectives.len() >= config.iterations {
            break;
        }
        update::update(points, &codes, &mut atoms);
    }
    Ok(FittedDictionary { dictionary: Dictionary { atoms, mean, beta }, objectives, converged })
}

/// Replaces the codes of the points [d, n] by those in `atoms` [k, d], starting from what they were.
fn encode(points: &Mat<f64>, atoms: &Mat<f64>, beta: f64, codes: &mut [Code]) {
    let gram = product(atoms.as_ref(), atoms.transpose());
    let ranges = parts(points.ncols(), BLOCK);
    codes.par_chunks_mut(BLOCK).zip(ranges).for_each(|(codes, range)| {
        let mut products = Mat::<f64>::zeros(atoms.nrows(), range.len());
        let block = points.subcols(range.start, range.len());
        matmul(&mut products, Accum::Replace, atoms, block, 1.0, Par::Seq);
        let mut coder = Coder::new(&gram, beta);
        for (column, code) in codes.iter_mut().enumerate() {
            coder.solve(products.col_as_slice(column), code);
        }
    });
}

/// sum over the points of |x - sum_j a_j b_j|^2 + beta |a|_1.
fn objective(points: &Mat<f64>, atoms: &Mat<f64>, beta: f64, codes: &[Code]) -> f64 {
    let atoms = atoms.transpose().to_owned();
    let part = |(codes, range): (&[Code], std::ops::Range<usize>)| {
        let mut sum = 0.0;
        for (code, at) in codes.iter().zip(range) {
            sum += squared_distance(points.col_as_slice(at), &code.decode(&atoms)) + beta * code.norm();
        }
        sum
    };
    let sums: Vec<f64> = codes.par_chunks(BLOCK).zip(parts(points.ncols(), BLOCK)).map(part).collect();
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::points::tests::{groups, matrix};

    #[derive(Deserialize)]
    struct Golden {
        codes: Vec<Codes>,
        dictionary: Vec<Fit>,
    }

    #[derive(Deserialize)]
    struct Codes {
        rows: usize,
        columns: usize,
        atoms: usize,
        beta: f64,
        codes: Vec<Vec<f64>>,
    }

    #[derive(Deserialize)]
    struct Fit {
        rows: usize,
        columns: usize,
        atoms: usize,
        beta: f64,
        iterations: usize,
        objective: f64,
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../../../testdata/goldens/unlabeled/golden.json")).unwrap()
    }

    fn unit(mut atoms: Mat<f64>) -> Mat<f64> {
        for atom in 0..atoms.nrows() {
            let norm = atoms.row(atom).norm_l2();
            atoms.row_mut(atom).iter_mut().for_each(|value| *value /= norm);
        }
        atoms
    }

    fn of(atoms: Mat<f64>, beta: f64) -> Dictionary {
        Dictionary { mean: vec![0.0; atoms.ncols()], atoms, beta }
    }

    #[test]
    fn codes_are_scikit_learns() {
        for case in golden().codes {
            let dictionary = of(unit(groups(case.atoms, case.columns, 1, 0.0, 1000)), case.beta);
            let found = dictionary.encode(groups(case.rows, case.columns, 1, 0.0, 0).as_ref()).unwrap();
            let difference = (found - matrix(&case.codes)).norm_max();
            assert!(difference < 1e-9, "{} atoms, beta {}: {difference}", case.atoms, case.beta);
        }
    }

    #[test]
    fn codes_meet_the_optimality_conditions_even_with_parallel_and_empty_atoms() {
        let mut atoms = unit(groups(90, 20, 1, 0.0, 1000));
        for column in 0..20 {
            atoms[(7, column)] = atoms[(3, column)];
            atoms[(8, column)] = -atoms[(3, column)];
            atoms[(9, column)] = atoms[(4, column)] * 0.5 + 1e-3 * atoms[(5, column)];
            atoms[(10, column)] = 0.0;
        }
        for beta in [0.02, 0.5, 3.0] {
            let rows = groups(150, 20, 4, 1.0, 0);
            let codes = of(atoms.clone(), beta).encode(rows.as_ref()).unwrap();
            // 2 b_j (x - sum a b) is beta times the sign of a_j, or within beta of 0.
            let residue = &rows - &codes * &atoms;
            let products = &residue * atoms.transpose();
            let mut nonzero = 0;
            for row in 0..150 {
                for atom in 0..90 {
                    let slope = 2.0 * products[(row, atom)];
                    let value: f64 = codes[(row, atom)];
                    let violation =
                        if value == 0.0 { slope.abs() - beta } else { (slope - beta * value.signum()).abs() };
                    nonzero += usize::from(value != 0.0);
                    assert!(violation < 1e-7 * beta, "beta {beta}: row {row}, atom {atom}: {value} {violation}");
                }
            }
            assert!(nonzero > 150, "{nonzero}");
        }
    }

    #[test]
    fn a_fit_is_as_good_as_scikit_learns_and_never_rises() {
        for case in golden().dictionary {
            let rows = groups(case.rows, case.columns, case.atoms, 2.0, 0);
            let start = unit(rows.subrows(0, case.atoms).to_owned());
            let config = DictionaryConfig {
                beta: case.beta,
                iterations: case.iterations,
                tolerance: 0.0,
                center: false,
                ..DictionaryConfig::default()
            };
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| dictionary_from(rows.as_ref(), start.as_ref(), &config)).unwrap()
            };
            let found = on(1);
            assert_eq!(found, on(3));
            assert!(found.objectives.is_sorted_by(|a, b| b <= &(a * (1.0 + 1e-12))), "{:?}", found.objectives);
            let last = found.objectives.last().copied().unwrap();
            assert!(last < case.objective * 1.001, "{last} {}", case.objective);
            let Dictionary { atoms, .. } = found.dictionary;
            assert!((0..case.atoms).all(|atom| atoms.row(atom).norm_l2() < 1.0 + 1e-12));
        }
    }

    #[test]
    fn unused_atoms_are_replaced_and_bad_input_is_named() {
        let rows = groups(60, 6, 3, 2.0, 0);
        let config = DictionaryConfig { atoms: 100, beta: 0.1, ..DictionaryConfig::default() };
        let found = dictionary(rows.as_ref(), &config).unwrap();
        assert!(found.objectives.iter().all(|objective| objective.is_finite()));
        let codes = found.dictionary.encode(rows.as_ref()).unwrap();
        assert!(codes.norm_max().is_finite());
        let error =
            |rows: &Mat<f64>, config: &DictionaryConfig| dictionary(rows.as_ref(), config).unwrap_err().to_string();
        let large = error(&rows, &DictionaryConfig { beta: 1e3, ..config });
        assert!(large.contains("no row has a code at beta 1000.0; use a --beta below"), "{large}");
        assert!(error(&Mat::from_fn(5, 2, |_, _| 1.0), &config).contains("all rows are equal"));
        assert!(error(&rows, &DictionaryConfig { beta: 0.0, ..config }).contains("beta must be above 0"));
        assert!(error(&Mat::from_fn(5, 2, |row, _| if row == 3 { f64::NAN } else { 1.0 }), &config).contains("row 3"));
    }
}
