use super::{Policy, Refusal, refuse};
use std::collections::BTreeSet;
pub(super) fn judge(_sql: &str, _policy: &Policy) -> Result<BTreeSet<String>, Refusal> {
    refuse("todo")
}
