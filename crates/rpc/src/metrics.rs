//! What is counted and measured. Labels are method names that exist, error codes, and work classes.

use crate::work::Class;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use std::time::Instant;

/// The label of all names that are no method.
pub(crate) const UNKNOWN: &str = "unknown";

/// Handles of one method, made once.
#[derive(Clone)]
pub(crate) struct MethodMetrics {
    name: &'static str,
    requests: Counter,
    seconds: Histogram,
}

impl MethodMetrics {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            requests: counter!("mfenx_rpc_requests_total", "method" => name),
            seconds: histogram!("mfenx_rpc_request_seconds", "method" => name),
        }
    }

    /// A request that began at `started` was answered, with this error code if any.
    pub(crate) fn answered(&self, started: Instant, error: Option<i32>) {
        self.requests.increment(1);
        self.seconds.record(started.elapsed());
        if let Some(code) = error {
            let code = code.to_string();
            counter!("mfenx_rpc_errors_total", "method" => self.name, "code" => code).increment(1);
        }
    }
}

/// A request waited for its turn in vain.
pub(crate) fn busy(class: Class) {
    counter!("mfenx_rpc_busy_total", "class" => class.name()).increment(1);
}

/// Counts a subscription as long as it lives.
pub(crate) struct LiveSubscription(Gauge);

impl LiveSubscription {
    pub(crate) fn new(kind: &'static str) -> Self {
        let gauge = gauge!("mfenx_rpc_subscriptions", "kind" => kind);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for LiveSubscription {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A subscriber did not keep up.
pub(crate) fn slow_subscriber(kind: &'static str) {
    counter!("mfenx_rpc_slow_subscribers_total", "kind" => kind).increment(1);
}
