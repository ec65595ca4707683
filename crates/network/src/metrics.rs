//! What the network counts. Labels are words of bounded sets; peers are never among them.

use crate::{
    event::{Direction, DisconnectReason},
    protocol::Protocol,
    topic::Topic,
};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use std::time::Duration;

/// Tells the recorder what the network's metrics mean. Install the recorder first.
pub fn describe_metrics() {
    describe_gauge!("mfenx_network_peers", "Peers on our chain, by direction");
    describe_gauge!("mfenx_network_pinned_peers", "Authorities that are connected");
    describe_gauge!("mfenx_network_banned_peers", "Peers that are kept out for a while");
    for (name, what) in [
        ("mfenx_network_gossip_messages_total", "Gossiped messages, by topic and result"),
        ("mfenx_network_requests_total", "Requests, by protocol, direction and result"),
        ("mfenx_network_disconnects_total", "Peers that went or were refused, by reason"),
        ("mfenx_network_dial_failures_total", "Attempts to reach a peer that failed, by reason"),
        ("mfenx_network_connections_denied_total", "Connections above a limit, by limit"),
        ("mfenx_network_queue_drops_total", "What found a queue full, by queue"),
    ] {
        describe_counter!(name, what);
    }
    for (name, what) in [
        ("mfenx_network_gossip_bytes_total", "Contents of gossip, by topic and direction"),
        ("mfenx_network_response_bytes_total", "Contents of responses, by protocol and direction"),
    ] {
        describe_counter!(name, Unit::Bytes, what);
    }
    describe_histogram!(
        "mfenx_network_request_seconds",
        Unit::Seconds,
        "Time to a whole response, by protocol"
    );
}

pub(crate) fn peers(direction: Direction, count: usize) {
    gauge!("mfenx_network_peers", "direction" => direction.label()).set(count as f64);
}

pub(crate) fn pinned(count: usize) {
    gauge!("mfenx_network_pinned_peers").set(count as f64);
}

pub(crate) fn banned(count: usize) {
    gauge!("mfenx_network_banned_peers").set(count as f64);
}

pub(crate) fn gossip(topic: Topic, result: &'static str) {
    let labels = [("topic", topic.label()), ("result", result)];
    counter!("mfenx_network_gossip_messages_total", &labels).increment(1);
}

pub(crate) fn gossip_bytes(topic: Topic, direction: Direction, bytes: usize) {
    let labels = [("topic", topic.label()), ("direction", direction.label())];
    counter!("mfenx_network_gossip_bytes_total", &labels).increment(bytes as u64);
}

pub(crate) fn request(protocol: &'static str, direction: Direction, result: &'static str) {
    let labels = [("protocol", protocol), ("direction", direction.label()), ("result", result)];
    counter!("mfenx_network_requests_total", &labels).increment(1);
}

pub(crate) fn response_bytes(protocol: Protocol, direction: Direction, bytes: usize) {
    let labels = [("protocol", protocol.label()), ("direction", direction.label())];
    counter!("mfenx_network_response_bytes_total", &labels).increment(bytes as u64);
}

pub(crate) fn request_time(protocol: Protocol, time: Duration) {
    histogram!("mfenx_network_request_seconds", "protocol" => protocol.label()).record(time);
}

pub(crate) fn disconnected(reason: DisconnectReason) {
    counter!("mfenx_network_disconnects_total", "reason" => reason.label()).increment(1);
}

pub(crate) fn dial_failed(reason: &'static str) {
    counter!("mfenx_network_dial_failures_total", "reason" => reason).increment(1);
}

pub(crate) fn denied(limit: &'static str) {
    counter!("mfenx_network_connections_denied_total", "limit" => limit).increment(1);
}

/// Something was dropped since its queue was full.
pub(crate) fn dropped(queue: &'static str) {
    counter!("mfenx_network_queue_drops_total", "queue" => queue).increment(1);
}
