//! `lorekeeper dataset`: training data from what a company has.

mod planner;
mod reader;

use crate::config::Config;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Write training data to standard output, one JSON object a line
    #[command(subcommand)]
    Build(BuildCommand),
}

#[derive(Debug, Subcommand)]
pub enum BuildCommand {
    /// For the reader: questions made from headings, with what speaks for each passage found
    Reader(reader::ReaderArgs),
    /// For the model that plans: questions made from the catalogue's words, with the plan of each
    Planner(planner::PlannerArgs),
}

impl DatasetCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let Self::Build(command) = self;
        match command {
            BuildCommand::Reader(args) => args.run(config).await,
            BuildCommand::Planner(args) => args.run(config).await,
        }
    }
}
