//! The program: reads the command line, runs what it asks for, sets the exit code.

use std::process::ExitCode;

use clap::Parser;
use tenure::app::Tenure;
use tenure::cli::{self, Cli};

/// With the system's own, a sixth of the time of a code exchange is spent allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse(), &Tenure).await
}
