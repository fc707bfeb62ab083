//! Logs: ids and counts, never question text, rows or tokens.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// `slack_morphism` and `serenity` write message bodies and socket tickets into
/// their own events, `sqlx` writes statements: they stay silent or terse.
const FILTER: &str = "warn,lorekeeper=info,qdrant_edge=error,slack_morphism=off,serenity=error,sqlx=error,ort=error,hyper=error,h2=error,tokenizers=error";

/// Writes to standard error: lines for people at a terminal, JSON elsewhere.
/// `LOREKEEPER_LOG` chooses what of our own is said, such as `debug` or `warn`.
pub fn start() {
    let level = std::env::var("LOREKEEPER_LOG").unwrap_or_else(|_| default_level().into());
    let filter = EnvFilter::builder()
        .parse(FILTER.replace("lorekeeper=info", &format!("lorekeeper={level}")))
        .unwrap_or_else(|_| EnvFilter::new(FILTER));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start, as in tests, keeps the first.
    if std::io::stderr().is_terminal() {
        let _ = lines.compact().try_init();
    } else {
        let _ = lines.json().try_init();
    }
}

/// A person at a terminal wants answers, not the daemon's log.
fn default_level() -> &'static str {
    let serves = std::env::args().any(|argument| argument == "serve");
    if serves { "info" } else { "warn" }
}
