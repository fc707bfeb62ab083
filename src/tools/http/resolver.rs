//! Names to addresses, only those that may be connected to.
//!
//! The client connects to exactly what is returned here, so a name that
//! resolves to something else a moment later changes nothing.

use super::address::Admitted;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The resolver of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client puts the port in.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

#[derive(Clone)]
pub(super) struct CheckedResolver {
    inner: Arc<dyn Resolve>,
    admitted: Admitted,
}

/// A host that is nowhere but where we must not go.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{host}` resolves to {address}, which is not public; list it in `networks` if it is meant"
)]
pub(super) struct AddressRefused {
    pub host: String,
    pub address: IpAddr,
}

impl CheckedResolver {
    pub(super) fn new(inner: Arc<dyn Resolve>, admitted: Admitted) -> Self {
        Self { inner, admitted }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_string();
        let Self { inner, admitted } = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = inner.resolve(name).await?.collect();
            let (good, bad): (Vec<_>, Vec<_>) = found
                .into_iter()
                .partition(|address| admitted.admits(address.ip()));
            match (good.is_empty(), bad.first()) {
                (true, Some(bad)) => {
                    let address = bad.ip();
                    Err(AddressRefused { host, address }.into())
                }
                (true, None) => Err(format!("`{host}` has no address").into()),
                // The port is the address's own business: of ours, or of the scheme.
                (false, _) => Ok(Box::new(
                    good.into_iter()
                        .map(|address| SocketAddr::new(address.ip(), 0)),
                ) as Addrs),
            }
        })
    }
}
