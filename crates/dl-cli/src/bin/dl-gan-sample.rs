//! See [`dl_cli::tools::gan_sample`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::gan_sample::Args>()
}
