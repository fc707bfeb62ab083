use clap::{Parser, Subcommand};
use lorekeeper::{cli, config};
use std::path::PathBuf;

#[derive(Parser)]
struct Program {
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[arg(long, global = true, default_value = "lorekeeper-data")]
    data_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Ingest(cli::ingest::IngestArgs),
    Search(cli::search::SearchArgs),
    Embed(cli::embed::EmbedArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = Program::parse();
    let config =
        config::load(program.config.as_deref()).map_err(|error| anyhow::anyhow!("{error}"))?;
    match program.command {
        Command::Ingest(args) => args.run(&config, &program.data_dir).await,
        Command::Search(args) => args.run(&config, &program.data_dir).await,
        Command::Embed(args) => args.run(&config).await,
    }
}
