//! The configuration, one struct a section.
//!
//! Everything has a default that works on one machine without a network, so
//! an empty file is a valid configuration. Unknown keys are refused and every
//! fault is reported at once, at start.

mod apis;
mod check;
mod environment;
mod every;
mod index;
mod keys;
mod load;
mod logs;
mod sections;
mod sources;

pub use apis::{ApiAuth, ApiEntry, ApiOperation};
pub use every::Every;
pub use index::{IndexKind, IndexSection};
pub use load::{ConfigError, Fault, load};
pub use logs::{LineFormat, LogEntry, LogExamples, LogFields, LogKind};
pub use sections::{
    ChannelEntry, ChatSection, CommandScope, Config, DatabaseEntry, DatePolicy, Device,
    DiscordSection, EmbeddingServer, GeneratorSection, GeneratorServer, LimitsSection,
    ModelSection, OcrSection, PersonEntry, QueryEntry, QueryParameter, RedactionSection,
    RetrievalSection, SlackSection, SourceEntry, SourceLayout, StoreSection, WebSection,
};
pub use sources::{Edition, RemoteSource, SiteSource, SlackExport, TableSource};
