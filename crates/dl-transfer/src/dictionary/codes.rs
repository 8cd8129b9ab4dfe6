//! The sparse code of a row: minimize |x - sum_j a_j b_j|^2 + beta |a|_1, given the inner products b_j x and b_i b_j.
//!
//! On a working set that grows by the atoms that violate the optimality conditions most, coordinate descent guesses the
//! support, and linear solves on the support with its signs make it exact (feature-sign search, Lee et al. 2006).

use faer::Mat;

/// Atoms that join the working set at once, at least.
const GROWTH: usize = 8;
/// Largest violation of the optimality conditions, in units of beta / 2.
const TOLERANCE: f64 = 1e-9;
/// The same in units of the largest inner product of the row with an atom: its rounding.
const ROUNDING: f64 = 1e-13;
/// Share of its squared norm below which what is new in an atom counts as rounding.
const DEPENDENT: f64 = 1e-12;
/// Passes of coordinate descent over a working set that is not yet large enough.
const GUESSES: usize = 4;
/// Slopes up to this, in units of beta / 2, count as rounding then.
const GUESS: f64 = 1.02;
/// Most rounds with such sets.
const GUESSED_ROUNDS: usize = 20;
/// Most passes before linear solves; fewer when no sign changes.
const PASSES: usize = 20;
/// Most linear solves in a row, each after a value became 0.
const STEPS: usize = 50;
/// Most rounds, of which a few are used.
const ROUNDS: usize = 1000;

/// Atoms and their values, none of them 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Code {
    atoms: Vec<u32>,
    values: Vec<f64>,
}

impl Code {
    pub(super) fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, f64)> {
        self.atoms.iter().map(|atom| *atom as usize).zip(self.values.iter().copied())
    }

    /// |a|_1.
    pub(super) fn norm(&self) -> f64 {
        self.values.iter().map(|value| value.abs()).sum()
    }

    /// sum_j a_j b_j, given the atoms as columns [d, k].
    pub(super) fn decode(&self, atoms: &Mat<f64>) -> Vec<f64> {
        let mut sum = vec![0.0; atoms.nrows()];
        for (atom, value) in self.iter() {
            sum.iter_mut().zip(atoms.col_as_slice(atom)).for_each(|(sum, entry)| *sum += value * entry);
        }
        sum
    }
}

/// Solves for one row after another.
pub(super) struct Coder<'a> {
    gram: &'a Mat<f64>,
    /// beta / 2: the bound on the inner products of atoms and residue.
    bound: f64,
    /// Largest slope of an atom without a value: the bound, up to rounding.
    limit: f64,
    /// Working set, its values, and the inner products of its atoms with the residue.
    set: Vec<usize>,
    values: Vec<f64>,
    slopes: Vec<f64>,
    /// The gram matrix of the working set, of `stride` numbers per row.
    small: Vec<f64>,
    stride: usize,
    /// Whether an atom is in the working set.
    member: Vec<bool>,
    /// Inner products of all atoms with the residue.
    all: Vec<f64>,
    factor: Vec<f64>,
}

impl<'a> Coder<'a> {
    /// For atoms of the inner products `gram` [k, k].
    pub(super) fn new(gram: &'a Mat<f64>, beta: f64) -> Self {
        let k = gram.nrows();
        Self {
            gram,
            bound: beta / 2.0,
            limit: 0.0,
            set: Vec::new(),
            values: Vec::new(),
            slopes: Vec::new(),
            small: Vec::new(),
            stride: 0,
            member: vec![false; k],
            all: vec![0.0; k],
            factor: Vec::new(),
        }
    }

    /// Replaces `code` by that of the row whose inner products with the atoms are `products` [k].
    pub(super) fn solve(&mut self, products: &[f64], code: &mut Code) {
        self.set.clear();
        self.values.clear();
        for (atom, value) in code.iter() {
            self.set.push(atom);
            self.values.push(value);
        }
        self.member.fill(false);
        self.set.iter().for_each(|atom| self.member[*atom] = true);
        self.copy_gram(0);
        let largest = products.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        self.limit = self.bound * (1.0 + TOLERANCE) + ROUNDING * largest;
        let mut guess = true;
        for round in 0..ROUNDS {
            guess &= round < GUESSED_ROUNDS;
            if guess {
                self.refresh(products);
                (0..GUESSES).for_each(|_| _ = self.pass());
            } else {
                self.descend(products);
            }
            self.keep_support();
            self.residue_products(products);
            let limit = if guess { self.limit.max(self.bound * GUESS) } else { self.limit };
            if !self.grow(limit) && !std::mem::take(&mut guess) {
                break;
            }
        }
        code.atoms.clear();
        code.values.clear();
        let mut support: Vec<(u32, f64)> =
            self.set.iter().zip(&self.values).filter(|it| *it.1 != 0.0).map(|it| (*it.0 as u32, *it.1)).collect();
        support.sort_by_key(|(atom, _)| *atom);
        (code.atoms, code.values) = support.into_iter().unzip();
    }

    /// Inner products of every atom with the residue of the working set's values.
    fn residue_products(&mut self, products: &[f64]) {
        self.all.copy_from_slice(products);
        for (atom, value) in self.set.iter().zip(&self.values).filter(|it| *it.1 != 0.0) {
            let column = self.gram.col_as_slice(*atom);
            self.all.iter_mut().zip(column).for_each(|(all, entry)| *all -= value * entry);
        }
    }

    /// Adds the atoms whose slopes exceed `limit` most; false if none does.
    fn grow(&mut self, limit: f64) -> bool {
        let mut outside: Vec<usize> =
            (0..self.all.len()).filter(|atom| !self.member[*atom] && self.all[*atom].abs() > limit).collect();
        if outside.is_empty() {
            return false;
        }
        let most = GROWTH.max(self.set.len() / 2);
        if outside.len() > most {
            outside
                .select_nth_unstable_by(most, |a, b| self.all[*b].abs().total_cmp(&self.all[*a].abs()).then(a.cmp(b)));
            outside.truncate(most);
            outside.sort_unstable();
        }
        let from = self.set.len();
        for atom in outside {
            self.member[atom] = true;
            self.set.push(atom);
            self.values.push(0.0);
        }
        self.copy_gram(from);
        true
    }

    /// Drops the atoms without a value from the working set, which would only slow it down; they may come back.
    fn keep_support(&mut self) {
        if self.values.iter().all(|value| *value != 0.0) {
            return;
        }
        let kept: Vec<usize> = (0..self.set.len()).filter(|at| self.values[*at] != 0.0).collect();
        self.set.iter().for_each(|atom| self.member[*atom] = false);
        self.set = kept.iter().map(|at| self.set[*at]).collect();
        self.values = kept.iter().map(|at| self.values[*at]).collect();
        self.set.iter().for_each(|atom| self.member[*atom] = true);
        self.copy_gram(0);
    }

    /// Copies the gram entries of the working set's atoms from the `from`-th on.
    fn copy_gram(&mut self, from: usize) {
        let size = self.set.len();
        let mut from = from;
        if size > self.stride || self.stride == 0 {
            self.stride = size.next_multiple_of(64).max(64);
            self.small.resize(self.stride * self.stride, 0.0);
            from = 0;
        }
        for a in 0..size {
            let column = self.gram.col_as_slice(self.set[a]);
            for b in (if a < from { from } else { 0 })..size {
                self.small[a * self.stride + b] = column[self.set[b]];
            }
        }
    }

    /// Minimizes on the working set.
    fn descend(&mut self, products: &[f64]) {
        self.refresh(products);
        // Every round ends lower, at the minimum for some set of signs, so rounds are finite; rounding alone needs a
        // bound.
        for _ in 0..ROUNDS {
            let mut passes = 0;
            while self.pass() && passes < PASSES {
                passes += 1;
            }
            let settled = self.settle(products);
            self.refresh(products);
            let limit = self.limit;
            let optimal = |(slope, value): (&f64, &f64)| *value != 0.0 || slope.abs() <= limit;
            if settled && self.slopes.iter().zip(&self.values).all(optimal) {
                return;
            }
        }
    }

    /// A pass of coordinate descent over the working set; whether a sign changed.
    fn pass(&mut self) -> bool {
        let size = self.set.len();
        let mut changed = false;
        for at in 0..size {
            let row = &self.small[at * self.stride..][..size];
            let (curvature, old) = (row[at], self.values[at]);
            if curvature <= f64::MIN_POSITIVE {
                continue;
            }
            let target = self.slopes[at] + curvature * old;
            let new = (target - target.clamp(-self.bound, self.bound)) / curvature;
            let change = new - old;
            if change != 0.0 {
                changed |= (new > 0.0) != (old > 0.0) || (new < 0.0) != (old < 0.0);
                self.values[at] = new;
                self.slopes.iter_mut().zip(row).for_each(|(slope, entry)| *slope -= change * entry);
            }
        }
        changed
    }

    /// Inner products of the working set's atoms with the residue, free of the rounding of updates.
    fn refresh(&mut self, products: &[f64]) {
        let size = self.set.len();
        self.slopes.clear();
        self.slopes.extend(self.set.iter().map(|atom| products[*atom]));
        for at in (0..size).filter(|at| self.values[*at] != 0.0) {
            let row = &self.small[at * self.stride..][..size];
            let value = self.values[at];
            self.slopes.iter_mut().zip(row).for_each(|(slope, entry)| *slope -= value * entry);
        }
    }

    /// Moves to the minimum over the support with its signs held; a value that would change its sign on the way becomes
    /// 0 and leaves the support. False after a few of those, which passes find faster.
    fn settle(&mut self, products: &[f64]) -> bool {
        let mut support: Vec<usize> = (0..self.set.len()).filter(|at| self.values[*at] != 0.0).collect();
        // Small values leave first, so that most of the factor stays.
        support.sort_by(|a, b| self.values[*b].abs().total_cmp(&self.values[*a].abs()).then(a.cmp(b)));
        let mut factored = 0;
        for _ in 0..STEPS {
            let dependent = self.factorize(&support, factored);
            let regular = dependent.is_none();
            let direction = match dependent {
                None => {
                    let solution = self.solve_support(&support, products);
                    let towards = |(value, at): (f64, &usize)| value - self.values[*at];
                    solution.into_iter().zip(&support).map(towards).collect()
                }
                Some(dependent) => self.null_direction(&support, dependent),
            };
            // How far along the direction the first value becomes 0.
            let reach = |(at, step): (&usize, &f64)| {
                let value = self.values[*at];
                if value * step < 0.0 { -value / step } else { f64::INFINITY }
            };
            let reaches: Vec<f64> = support.iter().zip(&direction).map(reach).collect();
            let first = reaches.iter().copied().fold(f64::INFINITY, f64::min);
            if first > 1.0 && regular {
                support.iter().zip(&direction).for_each(|(at, step)| self.values[*at] += step);
                return true;
            }
            if first == f64::INFINITY {
                return true;
            }
            for ((at, step), reach) in support.iter().zip(&direction).zip(&reaches) {
                self.values[*at] = if *reach <= first { 0.0 } else { self.values[*at] + first * step };
            }
            factored = support.iter().position(|at| self.values[*at] == 0.0).unwrap_or(0);
            support.retain(|at| self.values[*at] != 0.0);
        }
        false
    }

    /// Cholesky factor of the support's gram matrix, row by row, of which the first `from` are there; the position of
    /// the first atom that depends on those before it when there is one.
    fn factorize(&mut self, support: &[usize], from: usize) -> Option<usize> {
        let stride = self.stride;
        self.factor.resize(stride * stride, 0.0);
        for (i, at) in support.iter().enumerate().skip(from) {
            let entries = &self.small[at * stride..];
            for j in 0..=i {
                let (above, row) = self.factor.split_at_mut(i * stride);
                let other = if j < i { &above[j * stride..][..j] } else { &row[..j] };
                let value = entries[support[j]] - crate::dot(&row[..j], other);
                if j < i {
                    row[j] = value / above[j * stride + j];
                } else if value <= DEPENDENT * entries[*at] {
                    return Some(i);
                } else {
                    row[i] = value.sqrt();
                }
            }
        }
        None
    }

    /// The minimum over the support, with its signs, from the factor.
    fn solve_support(&self, support: &[usize], products: &[f64]) -> Vec<f64> {
        let mut solution: Vec<f64> = Vec::with_capacity(support.len());
        for (i, at) in support.iter().enumerate() {
            let row = &self.factor[i * self.stride..][..=i];
            let right = products[self.set[*at]] - self.bound * self.values[*at].signum();
            solution.push((right - crate::dot(&row[..i], &solution)) / row[i]);
        }
        self.solve_back(&mut solution);
        solution
    }

    /// Solves with the transpose of the leading part of the factor.
    fn solve_back(&self, solution: &mut [f64]) {
        for i in (0..solution.len()).rev() {
            let row = &self.factor[i * self.stride..][..=i];
            solution[i] /= row[i];
            let value = solution[i];
            solution[..i].iter_mut().zip(row).for_each(|(to, entry)| *to -= value * entry);
        }
    }

    /// Along this direction, shorter than the support, the sum of the atoms does not change, and the L1 norm does not
    /// grow: the atom at `dependent` is a combination of those before it.
    fn null_direction(&self, support: &[usize], dependent: usize) -> Vec<f64> {
        let mut direction = self.factor[dependent * self.stride..][..dependent].to_vec();
        self.solve_back(&mut direction);
        direction.iter_mut().for_each(|value| *value = -*value);
        direction.push(1.0);
        let growth: f64 = direction.iter().zip(support).map(|(step, at)| step * self.values[*at].signum()).sum();
        if growth > 0.0 {
            direction.iter_mut().for_each(|value| *value = -*value);
        }
        // With no growth either way, the way on which a value becomes 0.
        if direction.iter().zip(support).all(|(step, at)| step * self.values[*at] >= 0.0) {
            direction.iter_mut().for_each(|value| *value = -*value);
        }
        direction
    }
}
