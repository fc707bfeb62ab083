//! The thin binary: arguments in, exit status out.

use clap::Parser;
use lorekeeper::{cli, telemetry};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    telemetry::start();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(cli::run(arguments))
}
