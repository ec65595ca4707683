//! What is counted. Labels are fixed words.

use metrics::{counter, gauge};

/// Counts an open connection as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection;

impl OpenConnection {
    pub(crate) fn new() -> Self {
        counter!("mfenx_gateway_connections_total").increment(1);
        gauge!("mfenx_gateway_connections").increment(1.0);
        Self
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!("mfenx_gateway_connections").decrement(1.0);
    }
}

/// A connection was not let in.
pub(crate) fn refused(reason: &'static str) {
    counter!("mfenx_gateway_refused_total", "reason" => reason).increment(1);
}

/// A request arrived, by what it is for.
pub(crate) fn request(kind: &'static str) {
    counter!("mfenx_gateway_requests_total", "kind" => kind).increment(1);
}
