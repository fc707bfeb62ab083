//! Documents from databases, Jira, Confluence and exports, to hits.

mod confluence;
mod exports;
mod jira;
mod slack_export;
mod table;
pub mod world;
