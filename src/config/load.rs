//! Reads the configuration: file, then environment; every fault at once.

use super::Config;
use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use std::{fmt, path::Path};

#[derive(Debug, thiserror::Error)]
pub struct ConfigError(pub Vec<Fault>);

/// One thing that is wrong, as a sentence that names file and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&fault.0)?;
        }
        Ok(())
    }
}

/// Reads `file`, then variables such as `LOREKEEPER_SLACK__BOT_TOKEN`.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let mut figment = Figment::new();
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    figment = figment.merge(Env::prefixed("LOREKEEPER_").split("__"));
    figment
        .extract()
        .map_err(|error| ConfigError(error.into_iter().map(|e| Fault(e.to_string())).collect()))
}
