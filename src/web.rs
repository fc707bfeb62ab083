//! HTTP for those who run the daemon: `/health` and `/metrics`.
//!
//! Off unless `web.listen` names an address. Nothing here tells a secret or a
//! word of anybody, and nothing can be changed, so there is no sign-in yet;
//! an address that others reach belongs behind a proxy.

use crate::store::Store;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, time::interval};
use tokio_util::sync::CancellationToken;

/// The exporter's own housekeeping: without it old samples pile up.
const UPKEEP: Duration = Duration::from_secs(5);

pub struct Web {
    listener: TcpListener,
    served: Served,
}

#[derive(Clone)]
struct Served {
    store: Store,
    metrics: PrometheusHandle,
}

impl Web {
    /// Takes the address; an error names it.
    pub async fn bind(
        address: SocketAddr,
        store: Store,
        metrics: PrometheusHandle,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| anyhow::anyhow!("`web.listen`: can't listen on {address}: {error}"))?;
        tracing::info!(address = %listener.local_addr()?, "Serves /health and /metrics");
        let served = Served { store, metrics };
        Ok(Self { listener, served })
    }

    /// Answers until `stop`.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let metrics = self.served.metrics.clone();
        let upkeep = tokio::spawn(async move {
            let mut often = interval(UPKEEP);
            loop {
                often.tick().await;
                metrics.run_upkeep();
            }
        });
        let routes = Router::new()
            .route("/health", get(health))
            .route("/metrics", get(metrics_text))
            .with_state(self.served);
        let ended = axum::serve(self.listener, routes)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
        upkeep.abort();
        Ok(ended?)
    }
}

/// Whether a question could be written down now.
async fn health(State(served): State<Served>) -> (StatusCode, &'static str) {
    match served.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(error = %error, "the store does not answer");
            let told = "the store does not answer\n";
            (StatusCode::SERVICE_UNAVAILABLE, told)
        }
    }
}

async fn metrics_text(State(served): State<Served>) -> String {
    served.metrics.render()
}
