//! What peers are worth in gossip (gossipsub v1.1, "Peer Scoring").
//!
//! Invalid messages count by their square, so that one is forgiven and the third is not. Deliveries
//! that a mesh "owes" are not counted: on a network that may be silent for seconds they would
//! punish the honest. Slowness is not punished either: it costs the slow peer only its messages,
//! and after a partition everybody looks slow.

use crate::topic::{Topic, Topics};
use libp2p::gossipsub::{
    PeerScoreParams, PeerScoreThresholds, TopicScoreParams, score_parameter_decay,
};
use std::time::Duration;

/// Below this a peer is ignored by gossipsub, and disconnected by us unless it is pinned.
pub(crate) const EXPELLED_BELOW: f64 = -80.0;
/// What pinned peers are worth from the start: a bug in one message must not silence an authority.
pub(crate) const PINNED_BONUS: f64 = 100.0;

pub(crate) fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -20.0,
        publish_threshold: -50.0,
        graylist_threshold: EXPELLED_BELOW,
        accept_px_threshold: 1000.0,
        opportunistic_graft_threshold: 1.0,
    }
}

pub(crate) fn params(topics: &Topics) -> PeerScoreParams {
    let topic = TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 300.0,
        first_message_deliveries_weight: 0.05,
        first_message_deliveries_decay: score_parameter_decay(Duration::from_secs(60)),
        first_message_deliveries_cap: 100.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -12.0,
        invalid_message_deliveries_decay: score_parameter_decay(Duration::from_secs(120)),
        ..TopicScoreParams::default()
    };
    PeerScoreParams {
        topics: Topic::ALL.map(|t| (topics.name(t).hash(), topic.clone())).into(),
        topic_score_cap: 20.0,
        app_specific_weight: 1.0,
        // The gate bounds connections per address; nodes of one operator may share one.
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: -5.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: score_parameter_decay(Duration::from_secs(60)),
        // An entry for everybody who was ever connected, kept so long: short, since whoever makes up
        // new identities fills it. The gate remembers the worst by itself.
        retain_score: Duration::from_secs(60),
        slow_peer_weight: 0.0,
        ..PeerScoreParams::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ChainIdentity;
    use mfenx_primitives::B256;

    #[test]
    fn the_parameters_are_accepted_and_the_third_lie_is_one_too_many() {
        let params = params(&Topics::new(&ChainIdentity::new(1, B256::ZERO)));
        params.validate().unwrap();
        thresholds().validate().unwrap();
        let topic = params.topics.values().next().unwrap();
        let score = |lies: f64| {
            params.topic_score_cap + lies * lies * topic.invalid_message_deliveries_weight
        };
        assert!(score(2.0) > EXPELLED_BELOW && score(3.0) < EXPELLED_BELOW);
        assert!(score(3.0) + PINNED_BONUS > EXPELLED_BELOW);
    }
}
