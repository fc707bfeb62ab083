//! Addresses that a line or a label may hold.

use std::net::IpAddr;

/// One address, a range, or a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((address, bits)) = text.split_once('/') {
            return Self::network(address.parse().ok()?, bits.parse().ok()?);
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        Some(Self { first, last })
    }

    fn network(address: IpAddr, bits: u32) -> Option<Self> {
        Some(match address {
            IpAddr::V4(address) if bits <= 32 => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                let address = u32::from(address);
                Self {
                    first: IpAddr::V4((address & mask).into()),
                    last: IpAddr::V4((address | !mask).into()),
                }
            }
            IpAddr::V6(address) if bits <= 128 => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                let address = u128::from(address);
                Self {
                    first: IpAddr::V6((address & mask).into()),
                    last: IpAddr::V6((address | !mask).into()),
                }
            }
            _ => return None,
        })
    }

    pub(super) fn holds(&self, word: &str) -> bool {
        let parsed = word.trim_matches(['.', ':']).parse::<IpAddr>();
        // `10.0.0.1:8080`
        let parsed = parsed.or_else(|error| match word.rsplit_once(':') {
            Some((address, _)) => address.parse(),
            None => Err(error),
        });
        parsed.is_ok_and(|address| {
            address.is_ipv4() == self.first.is_ipv4()
                && self.first <= address
                && address <= self.last
        })
    }
}
