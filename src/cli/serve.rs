//! `lorekeeper serve`: the daemon.

use crate::{app, config::Config};
use clap::Args;
use std::{path::Path, process};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::warn;

#[derive(Debug, Args)]
pub struct ServeArgs {}

impl ServeArgs {
    pub async fn run(self, config: Config, data_dir: &Path) -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        stop_on_signal(stop.clone())?;
        app::serve(config, data_dir, stop).await
    }
}

/// The first signal stops intake and lets running answers finish; the second
/// ends the process at once. Nothing is lost then: leases expire, and another
/// start goes on.
fn stop_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                warn!("Second signal: ending at once");
                process::exit(1);
            }
            stop.cancel();
        }
    });
    Ok(())
}
