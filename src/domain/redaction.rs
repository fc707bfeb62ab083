//! Which secrets and personal data are told apart, and what is done with each.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kind of secret or personal data. Where two are found in the same words,
/// the earlier kind of this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitive {
    /// A password, key or token.
    Secret,
    Iban,
    Card,
    Email,
    /// A number by which a state knows a person.
    NationalId,
    IpAddress,
    Phone,
    /// The name of a person.
    Person,
}

impl Sensitive {
    pub const ALL: [Self; 8] = [
        Sensitive::Secret,
        Sensitive::Iban,
        Sensitive::Card,
        Sensitive::Email,
        Sensitive::NationalId,
        Sensitive::IpAddress,
        Sensitive::Phone,
        Sensitive::Person,
    ];

    /// What stands in the place of the words.
    pub fn label(self) -> &'static str {
        match self {
            Sensitive::Secret => "secret",
            Sensitive::Iban => "IBAN",
            Sensitive::Card => "card number",
            Sensitive::Email => "e-mail address",
            Sensitive::NationalId => "id number",
            Sensitive::IpAddress => "IP address",
            Sensitive::Phone => "phone number",
            Sensitive::Person => "name",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Stays as it is.
    Keep,
    /// `[e-mail address]` stands there.
    Mask,
    /// `[e-mail address 3f9a02c1]`: the same value always has the same mark,
    /// and the mark can't be turned back without this installation's salt.
    Hash,
    /// Nothing stands there.
    Drop,
}

/// What a source does with each kind.
///
/// By default secrets and the numbers that identify or pay are masked; how to
/// reach whom is often what people ask for, and stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedactionPolicy(BTreeMap<Sensitive, Treatment>);

impl RedactionPolicy {
    pub fn treatment(&self, kind: Sensitive) -> Treatment {
        let default = match kind {
            Sensitive::Secret | Sensitive::Iban | Sensitive::Card | Sensitive::NationalId => {
                Treatment::Mask
            }
            Sensitive::Email | Sensitive::IpAddress | Sensitive::Phone | Sensitive::Person => {
                Treatment::Keep
            }
        };
        self.0.get(&kind).copied().unwrap_or(default)
    }

    /// Every kind is treated this way.
    pub fn all(treatment: Treatment) -> Self {
        Self(Sensitive::ALL.map(|kind| (kind, treatment)).into())
    }
}
