//! `dl-transfer cluster`.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use dl_transfer::FeatureTable;
use dl_transfer::gmm::{Covariance, GmmConfig, gmm};
use dl_transfer::kmeans::{KMeansConfig, kmeans};

use super::rows::{RowArgs, Taken};
use crate::common::{Common, Io, Outcome, numbers, second_pass};

/// Group records by their features
///
/// Sets the field `cluster` of each record to a number from 0 on, as text. dl-transfer label-clusters names them.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    method: Method,
}

#[derive(Subcommand, Debug)]
enum Method {
    Kmeans(KmeansArgs),
    Gmm(GmmArgs),
}

/// By k-means, from k-means++ starts
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer cluster kmeans --k 4 features.jsonl > grouped.jsonl")]
struct KmeansArgs {
    #[command(flatten)]
    shared: SharedArgs,
}

/// By a mixture of Gaussians (expectation-maximization), from k-means
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer pca --components 3 features.jsonl \\
    | dl-transfer cluster gmm --k 4 > grouped.jsonl")]
struct GmmArgs {
    /// Shape of the covariances
    #[arg(long, value_enum, default_value_t = Shape::Full)]
    covariance: Shape,

    /// Number added to the variances of the columns, so that no group collapses
    #[arg(long, value_name = "X", default_value_t = GmmConfig::default().floor, value_parser = numbers::not_negative)]
    floor: f64,

    #[command(flatten)]
    shared: SharedArgs,
}

#[derive(clap::Args, Debug)]
struct SharedArgs {
    /// Number of groups
    #[arg(long, value_name = "K", value_parser = numbers::count)]
    k: usize,

    /// Number of starts, of which the best is kept
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = numbers::count)]
    restarts: usize,

    #[command(flatten)]
    rows: RowArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Shape {
    /// Any, for each group
    Full,
    /// A variance for each column of each group
    Diagonal,
}

impl Args {
    pub(super) fn common(&self) -> &Common {
        &self.shared().rows.common
    }

    fn shared(&self) -> &SharedArgs {
        match &self.method {
            Method::Kmeans(args) => &args.shared,
            Method::Gmm(args) => &args.shared,
        }
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let SharedArgs { k, restarts, rows } = self.shared();
        let mut table = FeatureTable::default();
        let taken = rows.each_row(io, |row, columns| {
            table.intake.columns = columns;
            table.push_row(row);
            Ok(())
        })?;
        let x = table.matrix();
        let seed = rows.common.seed;
        let (clusters, converged) = match &self.method {
            Method::Kmeans(_) => {
                let config = KMeansConfig { clusters: *k, restarts: *restarts, seed, ..KMeansConfig::default() };
                let found = kmeans(x.as_ref(), &config)?;
                io.messages.note(format_args!("inertia {:.6e}", found.inertia));
                (found.clusters, found.converged)
            }
            Method::Gmm(args) => {
                let covariance = match args.covariance {
                    Shape::Full => Covariance::Full,
                    Shape::Diagonal => Covariance::Diagonal,
                };
                let config = GmmConfig {
                    components: *k,
                    covariance,
                    restarts: *restarts,
                    floor: args.floor,
                    seed,
                    ..GmmConfig::default()
                };
                let found = gmm(x.as_ref(), &config)?;
                io.messages.note(format_args!("mean log-likelihood {}", numbers::short(found.log_likelihood)));
                let shares = found.mixture.responsibilities(x.as_ref())?.shares;
                let best = |row: usize| {
                    let larger =
                        |best: usize, at: usize| if shares[(row, at)] > shares[(row, best)] { at } else { best };
                    (0..*k).fold(0, larger)
                };
                ((0..x.nrows()).map(best).collect(), found.converged)
            }
        };
        if !converged {
            io.messages.note("the groups were still changing at the last iteration");
        }
        write(io, rows, &taken, &clusters)
    }
}

fn write(io: &mut Io, rows: &RowArgs, taken: &Taken, clusters: &[usize]) -> Result<Outcome> {
    let mut clusters = clusters.iter();
    second_pass(
        io,
        rows.job(),
        &taken.first,
        |record| taken.why(record),
        |record| match clusters.next() {
            Some(cluster) => record.set_cluster(&cluster.to_string()).map(|()| true),
            None => Ok(true),
        },
    )
}
