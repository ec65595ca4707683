//! Set-up of logs and of the metrics recorder, done once by a binary before anything else.
//!
//! Invariants: logs go to standard error, so that standard output carries only what a command
//! prints for its user; labels of metrics have a bounded set of values, which is the duty of each
//! crate's `metrics.rs`.
//!
//! Deliberately absent: traces over OTLP, which come with the operators' issue, and a listener of
//! its own: whoever owns the admin port serves [`Metrics::render`].

mod logs;
mod metrics;

pub use logs::{LogFormat, TelemetryError, init_logs};
pub use metrics::Metrics;
