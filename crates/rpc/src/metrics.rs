//! What is counted and measured. Labels are method names that exist, error codes, and work classes.

use crate::work::Class;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use std::time::Instant;

/// The label of all names that are no method.
pub(crate) const UNKNOWN: &str = "unknown";

const REQUESTS: &str = "mfenx_rpc_requests_total";
const REQUEST_SECONDS: &str = "mfenx_rpc_request_seconds";
const ERRORS: &str = "mfenx_rpc_errors_total";
const BUSY: &str = "mfenx_rpc_busy_total";
const WAITING: &str = "mfenx_rpc_waiting";
const RUNNING: &str = "mfenx_rpc_running";
const UNSENT: &str = "mfenx_rpc_unsent_bytes";
const UNSENT_REFUSED: &str = "mfenx_rpc_unsent_refused_total";
const SUBSCRIPTIONS: &str = "mfenx_rpc_subscriptions";
const SLOW_SUBSCRIBERS: &str = "mfenx_rpc_slow_subscribers_total";
const FILTERS: &str = "mfenx_rpc_filters";
const FILTERS_EXPIRED: &str = "mfenx_rpc_filters_expired_total";
const FILTERS_REFUSED: &str = "mfenx_rpc_filters_refused_total";
const FILTER_MISSED: &str = "mfenx_rpc_filter_missed_total";

/// Tells the installed recorder what the metrics mean.
pub(crate) fn describe() {
    describe_counter!(REQUESTS, "Requests answered, by method");
    describe_histogram!(REQUEST_SECONDS, "Seconds from reading a request to its answer, by method");
    describe_counter!(ERRORS, "Answers that are errors, by method and code");
    describe_counter!(BUSY, "Requests whose turn did not come in time, by class of work");
    describe_gauge!(WAITING, "Requests that wait for their turn, by class of work");
    describe_gauge!(RUNNING, "Requests that run on a thread of their own, by class of work");
    describe_gauge!(UNSENT, "Bytes of answers and messages that clients have not taken yet");
    describe_counter!(UNSENT_REFUSED, "Answers given up because too much was unsent");
    describe_gauge!(SUBSCRIPTIONS, "Open subscriptions, by kind");
    describe_counter!(SLOW_SUBSCRIBERS, "Subscribers that did not keep up, by kind");
    describe_gauge!(FILTERS, "Polled filters that are kept, by kind");
    describe_counter!(FILTERS_EXPIRED, "Filters removed because nobody polled them, by kind");
    describe_counter!(FILTERS_REFUSED, "Filters refused because there were too many");
    describe_counter!(FILTER_MISSED, "Pending transactions that polls came too late for");
}

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
            requests: counter!(REQUESTS, "method" => name),
            seconds: histogram!(REQUEST_SECONDS, "method" => name),
        }
    }

    /// A request that began at `started` was answered now, with this error code if any.
    pub(crate) fn answered(&self, started: Instant, error: Option<i32>) -> Instant {
        let now = Instant::now();
        self.requests.increment(1);
        self.seconds.record(now.duration_since(started));
        if let Some(code) = error {
            let code = code.to_string();
            counter!(ERRORS, "method" => self.name, "code" => code).increment(1);
        }
        now
    }
}

/// Requests that wait for their turn.
pub(crate) fn waiting(class: Class) -> Gauge {
    gauge!(WAITING, "class" => class.name())
}

/// Requests that run.
pub(crate) fn running(class: Class) -> Gauge {
    gauge!(RUNNING, "class" => class.name())
}

/// A request waited for its turn in vain.
pub(crate) fn busy(class: Class) {
    counter!(BUSY, "class" => class.name()).increment(1);
}

/// Bytes that are unsent.
pub(crate) fn unsent() -> Gauge {
    gauge!(UNSENT)
}

/// An answer was given up because too much was unsent.
pub(crate) fn unsent_refused() {
    counter!(UNSENT_REFUSED).increment(1);
}

/// Counts one thing as long as it lives.
pub(crate) struct Live(Gauge);

impl Live {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }

    /// Counts in `gauge`.
    pub(crate) fn counted(gauge: &Gauge) -> Self {
        Self::new(gauge.clone())
    }

    /// A subscription.
    pub(crate) fn subscription(kind: &'static str) -> Self {
        Self::new(gauge!(SUBSCRIPTIONS, "kind" => kind))
    }

    /// A polled filter.
    pub(crate) fn filter(kind: &'static str) -> Self {
        Self::new(gauge!(FILTERS, "kind" => kind))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A subscriber did not keep up.
pub(crate) fn slow_subscriber(kind: &'static str) {
    counter!(SLOW_SUBSCRIBERS, "kind" => kind).increment(1);
}

/// A filter was removed because nobody polled it.
pub(crate) fn filter_expired(kind: &'static str) {
    counter!(FILTERS_EXPIRED, "kind" => kind).increment(1);
}

/// There was no place for a filter.
pub(crate) fn filter_refused() {
    counter!(FILTERS_REFUSED).increment(1);
}

/// A poll came too late for so many pending transactions.
pub(crate) fn filter_missed(count: u64) {
    counter!(FILTER_MISSED).increment(count);
}
