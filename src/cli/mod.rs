//! The command line, one file a command. Names, shapes of JSON and exit
//! statuses are a contract, because other programs call them: they may grow,
//! never break.

mod adapters;
mod api;
mod ask;
mod audit;
mod catalogue;
mod chat;
mod convert;
mod dataset;
mod doctor;
mod document;
mod embed;
mod eval;
mod eval_written;
mod feedback;
mod generate;
mod ingest;
mod knowledge;
mod logs;
mod passages;
mod plan;
mod redact;
mod search;
mod serve;
mod sources;
mod sql;
mod tool_call;

use crate::{
    config::{Config, ConfigError},
    tools::ToolsFault,
};
use clap::{Parser, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Answers the people of a company from its documents, tickets and databases.
#[derive(Debug, Parser)]
#[command(name = "lorekeeper", version, propagate_version = true)]
pub struct Cli {
    /// Configuration file [default: lorekeeper.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where questions, answers and the index are kept
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "lorekeeper-data"
    )]
    data_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: platforms and workers
    Serve(serve::ServeArgs),
    /// Chat in the terminal, on the same pipeline
    Chat(chat::ChatArgs),
    /// Ask one question, or a question a line
    Ask(ask::AskArgs),
    /// Show the plan for a question alone
    Plan(plan::PlanArgs),
    /// Read sources into the index: what is new, changed or gone
    Ingest(ingest::IngestArgs),
    /// How fresh what is known of each source is, and what could not be read
    Sources(sources::SourcesArgs),
    /// Search the index
    Search(search::SearchArgs),
    /// Turn a web page, an office document or a PDF into Markdown
    Convert(convert::ConvertArgs),
    /// Show what counts as a secret or as personal data
    Redact(redact::RedactArgs),
    /// Turn texts into vectors
    Embed(embed::EmbedArgs),
    /// Write with a decoder alone, a prompt a line
    Generate(generate::GenerateArgs),
    /// Read-only SQL: the gate, named queries, free SELECTs
    #[command(subcommand)]
    Sql(sql::SqlCommand),
    /// Call an operation of a configured API, read only
    Api(api::ApiArgs),
    /// Look into the logs with an expression: LogQL, or a query string for Elasticsearch
    Logs(logs::LogsArgs),
    /// What people said about answers
    #[command(subcommand)]
    Feedback(feedback::FeedbackCommand),
    /// Who asked what and got what
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Ask the gold questions and print the figures
    Eval(eval::EvalArgs),
    /// LoRA adapters: which there are, where they come from, which one writes
    Adapters(adapters::AdaptersArgs),
    /// What the systems have and how people speak of it, in one file
    #[command(subcommand)]
    Catalogue(catalogue::CatalogueCommand),
    /// Training data from documents and from the catalogue
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// Check everything that the configuration names
    Doctor(doctor::DoctorArgs),
}

/// Runs the command. Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
pub async fn run(cli: Cli) -> ExitCode {
    let config = match &cli.command {
        // Needs no configuration, and must not fail for a faulty one.
        Command::Convert(_) => Ok(Config::default()),
        _ => load_config(cli.config.as_deref()),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let data_dir = cli.data_dir.as_path();
    let outcome = match cli.command {
        Command::Serve(args) => args.run(config, data_dir).await,
        Command::Chat(args) => args.run(config, data_dir).await,
        Command::Ask(args) => args.run(config, data_dir).await,
        Command::Plan(args) => args.run(config, data_dir).await,
        Command::Ingest(args) => args.run(&config, data_dir).await,
        Command::Sources(args) => args.run(&config, data_dir).await,
        Command::Search(args) => args.run(&config, data_dir).await,
        Command::Convert(args) => args.run(),
        Command::Redact(args) => args.run(&config, data_dir).await,
        Command::Embed(args) => args.run(&config).await,
        Command::Generate(args) => args.run(&config).await,
        Command::Sql(command) => command.run(&config).await,
        Command::Api(args) => args.run(&config).await,
        Command::Logs(args) => args.run(&config).await,
        Command::Feedback(command) => command.run(&config, data_dir).await,
        Command::Audit(command) => command.run(&config, data_dir).await,
        Command::Eval(args) => args.run(config, data_dir).await,
        Command::Adapters(args) => args.run(&config),
        Command::Catalogue(command) => command.run(&config, cli.config.as_deref()).await,
        Command::Dataset(command) => command.run(&config).await,
        Command::Doctor(args) => args.run(&config, data_dir).await,
    };
    exit_code(outcome)
}

fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            let wrong_configuration = error.is::<ConfigError>() || error.is::<ToolsFault>();
            ExitCode::from(if wrong_configuration { 2 } else { 1 })
        }
    }
}

fn load_config(file: Option<&Path>) -> Result<Config, ConfigError> {
    const DEFAULT: &str = "lorekeeper.toml";
    match file {
        Some(file) => crate::config::load(Some(file)),
        None if Path::new(DEFAULT).exists() => crate::config::load(Some(Path::new(DEFAULT))),
        None => crate::config::load(None),
    }
}
