//! What load balancers and orchestrators ask.

use crate::http::{self, Answer};
use ::http::StatusCode;
use mfenx_rpc::{Health, NodeStatus};
use serde::Serialize;

/// The answers by path; none for any other path.
pub(crate) fn answer(path: &str, status: &NodeStatus, is_stopping: bool) -> Option<Answer> {
    match path {
        "/health/live" | "/healthz" => Some(http::json(StatusCode::OK, &Live { live: true })),
        "/health/ready" | "/readyz" => Some(ready(status, is_stopping)),
        _ => None,
    }
}

#[derive(Serialize)]
struct Live {
    live: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    ready: bool,
    reasons: Vec<String>,
    #[serde(flatten)]
    health: Option<HealthJson>,
}

/// What a node of a network knows of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthJson {
    head_age_seconds: u64,
    lag_blocks: u64,
    peers: u64,
}

/// 200 when requests should be sent here, else 503 with the reasons.
fn ready(status: &NodeStatus, is_stopping: bool) -> Answer {
    let mut reasons = Vec::new();
    if is_stopping {
        reasons.push("the node is stopping".to_owned());
    }
    if !status.is_ready() {
        reasons.push("the node is not ready".to_owned());
    }
    if status.sync().is_some() {
        reasons.push("the node is catching up".to_owned());
    }
    let health = status.health();
    reasons.extend(health.iter().flat_map(Health::reasons));
    let ready = reasons.is_empty();
    let health = health.map(|health| HealthJson {
        head_age_seconds: health.head_age.as_secs(),
        lag_blocks: health.lag_blocks,
        peers: health.peers,
    });
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    http::json(code, &Ready { ready, reasons, health })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfenx_rpc::{HealthLimits, SyncProgress};
    use std::time::Duration;

    #[test]
    fn a_node_is_ready_when_it_says_so_and_is_up_to_date() {
        let code = |status: &NodeStatus, stopping| {
            answer("/readyz", status, stopping).unwrap().status().as_u16()
        };
        let status = NodeStatus::new();
        assert_eq!(code(&status, false), 503);
        status.set_ready(true);
        assert_eq!(code(&status, false), 200);
        assert_eq!(code(&status, true), 503);
        let progress = SyncProgress { starting_block: 0, current_block: 1, highest_block: 9 };
        status.set_sync(Some(progress));
        assert_eq!(code(&status, false), 503);
        assert_eq!(answer("/healthz", &status, true).unwrap().status().as_u16(), 200);
        assert!(answer("/", &status, false).is_none());
        status.set_sync(None);
        let limits =
            HealthLimits { head_age_max: Duration::from_secs(20), lag_blocks_max: 3, peers_min: 1 };
        let health = Health { head_age: Duration::ZERO, lag_blocks: 0, peers: 1, limits };
        status.set_health(health);
        assert_eq!(code(&status, false), 200);
        status.set_health(Health { peers: 0, ..health });
        assert_eq!(code(&status, false), 503);
    }
}
