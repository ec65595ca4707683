//! What the swarm speaks, and with which parameters of libp2p.

use crate::{
    codec::FrameCodec,
    config::{ChainIdentity, Limits, NetworkConfig, ProtocolLimits},
    error::NetworkError,
    gate::Gate,
    protocol::Protocol,
    scoring,
    status::{STATUS_BYTES, STATUS_PROTOCOL},
    topic::{Topic, Topics},
};
use libp2p::{
    PeerId, StreamProtocol, gossipsub,
    gossipsub::{
        DataTransform, Message, MessageAuthenticity, MessageId, RawMessage, TopicHash,
        ValidationMode, WhitelistSubscriptionFilter,
    },
    identify,
    kad::{self, store::MemoryStore, store::MemoryStoreConfig},
    ping, request_response,
    request_response::ProtocolSupport,
    swarm::NetworkBehaviour,
};
use std::{collections::HashMap, io, time::Duration};

/// What a message takes beside its contents: source, signature, sequence number, topic.
const ENVELOPE_BYTES: usize = 512;
/// Control messages of gossip in one frame, in bytes.
const CONTROL_BYTES_MAX: usize = 16 * 1024;
/// The decoder counts what it has read ahead as part of a frame: 8 KiB at most.
const READ_AHEAD_BYTES: usize = 16 * 1024;
/// Streams of one request protocol on one connection, both directions.
const REQUEST_STREAMS_MAX: usize = 32;

type Requests = request_response::Behaviour<FrameCodec>;
pub(crate) type Gossip = gossipsub::Behaviour<Entrance, WhitelistSubscriptionFilter>;

/// Everything the swarm does. The gate comes first, so that nothing is set up for a connection
/// that it denies.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) gate: Gate,
    pub(crate) status: Requests,
    pub(crate) blocks: Requests,
    pub(crate) parts: Requests,
    pub(crate) gossip: Gossip,
    pub(crate) kad: kad::Behaviour<MemoryStore>,
    pub(crate) identify: identify::Behaviour,
    pub(crate) ping: ping::Behaviour,
}

impl Behaviour {
    pub(crate) fn new(config: &NetworkConfig, topics: &Topics) -> Result<Self, NetworkError> {
        let limits = &config.limits;
        let tag = config.chain.tag();
        let identify =
            identify::Config::new(format!("/mfenx/{tag}/1"), config.identity.keypair().public())
                .with_agent_version(config.agent.clone())
                .with_cache_size(0);
        let ping = ping::Config::new()
            .with_interval(limits.ping_interval)
            .with_timeout(limits.ping_interval);
        Ok(Self {
            gate: Gate::new(limits, config.pinned.iter().copied().collect()),
            status: status(limits.handshake_timeout),
            blocks: requests(Protocol::Blocks, &limits.blocks),
            parts: requests(Protocol::Parts, &limits.parts),
            gossip: gossip(config, topics)?,
            kad: kademlia(config.identity.peer_id(), &config.chain)?,
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
        })
    }

    pub(crate) const fn requests(&mut self, protocol: Protocol) -> &mut Requests {
        match protocol {
            Protocol::Blocks => &mut self.blocks,
            Protocol::Parts => &mut self.parts,
        }
    }
}

fn status(timeout: Duration) -> Requests {
    let config = request_response::Config::default()
        .with_request_timeout(timeout)
        .with_max_concurrent_streams(8);
    let codec = FrameCodec { response_bytes_max: STATUS_BYTES };
    Requests::with_codec(codec, [(STATUS_PROTOCOL, ProtocolSupport::Full)], config)
}

fn requests(protocol: Protocol, limits: &ProtocolLimits) -> Requests {
    let config = request_response::Config::default()
        .with_request_timeout(limits.timeout)
        .with_max_concurrent_streams(REQUEST_STREAMS_MAX);
    let codec = FrameCodec { response_bytes_max: limits.response_bytes_max };
    Requests::with_codec(codec, [(protocol.stream(), ProtocolSupport::Full)], config)
}

/// Discovery of peers only: records of others are refused, there are none of ours.
fn kademlia(
    local: PeerId,
    chain: &ChainIdentity,
) -> Result<kad::Behaviour<MemoryStore>, NetworkError> {
    let name = StreamProtocol::try_from_owned(format!("/mfenx/{}/kad/1", chain.tag()))
        .map_err(|error| NetworkError::Config(error.to_string()))?;
    let mut config = kad::Config::new(name);
    config
        .set_query_timeout(Duration::from_secs(20))
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_caching(kad::Caching::Disabled)
        .set_record_ttl(None)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None);
    let store = MemoryStoreConfig {
        max_records: 0,
        max_value_bytes: 0,
        max_providers_per_key: 0,
        max_provided_keys: 0,
    };
    let store = MemoryStore::with_config(local, store);
    let mut kad = kad::Behaviour::with_config(local, store, config);
    // Clients only would find nobody: every node answers.
    kad.set_mode(Some(kad::Mode::Server));
    Ok(kad)
}

fn gossip(config: &NetworkConfig, topics: &Topics) -> Result<Gossip, NetworkError> {
    let wrong = |reason: String| NetworkError::Config(reason);
    let limits = &config.limits;
    let subscribed = Topic::ALL.into_iter().filter(|t| config.consensus || *t != Topic::Consensus);
    let subscribed: Vec<_> = subscribed.collect();
    let entrance = Entrance(
        subscribed
            .iter()
            .map(|topic| (topics.name(*topic).hash(), limits.topic(*topic).message_bytes_max))
            .collect(),
    );
    let filter =
        WhitelistSubscriptionFilter(Topic::ALL.map(|topic| topics.name(topic).hash()).into());
    let mut gossip = Gossip::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Signed(config.identity.keypair().clone()),
        parameters(limits, topics)?,
        filter,
        entrance,
    )
    .map_err(|reason| wrong(reason.into()))?;
    gossip.with_peer_score(scoring::params(topics), scoring::thresholds()).map_err(wrong)?;
    for topic in subscribed {
        gossip.subscribe(topics.name(topic)).map_err(|error| wrong(format!("{error:?}")))?;
    }
    Ok(gossip)
}

fn parameters(limits: &Limits, topics: &Topics) -> Result<gossipsub::Config, NetworkError> {
    let longest = Topic::ALL.map(|topic| limits.topic(topic).message_bytes_max);
    let longest = longest.into_iter().max().unwrap_or(0);
    let consensus = topics.name(Topic::Consensus).hash();
    let mut builder = gossipsub::ConfigBuilder::default();
    builder
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(move |message| message_id(message, message.topic == consensus))
        .max_transmit_size(longest + ENVELOPE_BYTES + CONTROL_BYTES_MAX + READ_AHEAD_BYTES)
        .max_control_message_size(CONTROL_BYTES_MAX)
        .max_control_messages_sent(500)
        .max_publish_messages(64)
        .connection_handler_queue_len(limits.peer_queue_max)
        .duplicate_cache_time(limits.duplicate_window)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .flood_publish(true);
    for topic in Topic::ALL {
        let bytes_max = limits.topic(topic).message_bytes_max + ENVELOPE_BYTES;
        builder.max_transmit_size_for_topic(bytes_max, topics.name(topic).hash());
    }
    builder.build().map_err(|error| NetworkError::Config(error.to_string()))
}

/// Messages are told apart by their contents, so that the same transaction from two nodes is
/// passed on once. Consensus repeats what it said when nobody answers: there, who said it and the
/// number of the message count too.
fn message_id(message: &Message, with_source: bool) -> MessageId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(message.topic.as_str().as_bytes()).update(&[0]);
    if with_source {
        let source = message.source.map(PeerId::to_bytes).unwrap_or_default();
        hasher.update(&source).update(&message.sequence_number.unwrap_or(0).to_be_bytes());
    }
    hasher.update(&message.data);
    let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _] = *hasher.finalize().as_bytes();
    MessageId::new(&id)
}

/// Turns messages away before gossipsub keeps anything of them: it would remember those on
/// topics nobody here subscribed to for some seconds, without telling anybody.
#[derive(Debug)]
pub(crate) struct Entrance(HashMap<TopicHash, usize>);

impl DataTransform for Entrance {
    fn inbound_transform(&self, raw: RawMessage) -> Result<Message, io::Error> {
        match self.0.get(&raw.topic) {
            Some(bytes_max) if raw.data.len() <= *bytes_max => Ok(Message {
                source: raw.source,
                data: raw.data,
                sequence_number: raw.sequence_number,
                topic: raw.topic,
            }),
            Some(_) => Err(io::Error::other("above the bound of its topic")),
            None => Err(io::Error::other("nobody here subscribed to its topic")),
        }
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfenx_primitives::B256;

    fn message(source: PeerId, number: u64, data: &[u8]) -> Message {
        let topic = TopicHash::from_raw("topic");
        Message { source: Some(source), data: data.into(), sequence_number: Some(number), topic }
    }

    #[test]
    fn only_consensus_may_repeat_itself() {
        let (a, b) = (PeerId::random(), PeerId::random());
        let id = |message: &Message, consensus| message_id(message, consensus);
        assert_eq!(id(&message(a, 1, b"x"), false), id(&message(b, 2, b"x"), false));
        assert_ne!(id(&message(a, 1, b"x"), false), id(&message(a, 1, b"y"), false));
        assert_ne!(id(&message(a, 1, b"x"), true), id(&message(a, 2, b"x"), true));
        assert_ne!(id(&message(a, 1, b"x"), true), id(&message(b, 1, b"x"), true));
        assert_eq!(id(&message(a, 1, b"x"), true).0.len(), 20);
    }

    #[test]
    fn the_entrance_knows_topics_and_sizes() {
        let chain = ChainIdentity::new(1, B256::ZERO);
        let topics = Topics::new(&chain);
        let known = topics.name(Topic::Heads).hash();
        let entrance = Entrance([(known.clone(), 3)].into());
        let pass = |topic: &TopicHash, data: &[u8]| {
            let raw = RawMessage {
                source: None,
                data: data.into(),
                sequence_number: None,
                topic: topic.clone(),
                signature: None,
                key: None,
                validated: false,
            };
            entrance.inbound_transform(raw).is_ok()
        };
        assert!(pass(&known, b"abc"));
        assert!(!pass(&known, b"abcd"));
        assert!(!pass(&TopicHash::from_raw("other"), b""));
    }
}
