//! Fake platforms and servers, with their own refusals.

pub mod api;
pub mod atlassian;
pub mod discord;
pub mod line;
pub mod logs;
pub mod openai;
pub mod qdrant;
pub mod slack;

use axum::Router;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::{net::TcpListener, task::JoinHandle};

/// Serves on a free port of this machine until the task is aborted.
pub async fn serve(router: Router) -> (SocketAddr, JoinHandle<()>) {
    serve_on(Ipv4Addr::LOCALHOST.into(), router).await
}

/// The same on another address.
pub async fn serve_on(address: IpAddr, router: Router) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((address, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("is bound");
    let serving = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    (address, serving)
}
