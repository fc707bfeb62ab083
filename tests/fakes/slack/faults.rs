//! What goes wrong, on demand.

use std::{collections::VecDeque, time::Duration};

#[derive(Clone, Debug)]
pub enum Fault {
    /// The call has its effect; its response never arrives.
    LoseResponse,
    /// The connection breaks before the call has any effect.
    LoseRequest,
    Status(u16),
    RateLimited {
        seconds: u64,
    },
    Refuse(&'static str),
    Delay(Duration),
}

#[derive(Default)]
pub struct Faults(VecDeque<(String, Option<String>, Fault)>);

impl Faults {
    pub fn plan(&mut self, method: &str, channel: Option<&str>, fault: Fault, times: usize) {
        for _ in 0..times {
            self.0
                .push_back((method.into(), channel.map(str::to_string), fault.clone()));
        }
    }

    pub fn next(&mut self, method: &str, channel: &str) -> Option<Fault> {
        let at = self.0.iter().position(|(m, c, _)| {
            m == method && c.as_deref().is_none_or(|wanted| wanted == channel)
        })?;
        self.0.remove(at).map(|(_, _, fault)| fault)
    }
}
