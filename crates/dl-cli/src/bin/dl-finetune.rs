//! See [`dl_cli::tools::finetune`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::finetune::Args>()
}
