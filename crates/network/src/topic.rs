//! What is gossiped, and under which names.

use crate::config::ChainIdentity;
use libp2p::gossipsub::{IdentTopic, TopicHash};
use std::fmt;

/// A stream of messages that peers pass on to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Votes, proposals and their parts. Only pinned peers may originate them.
    Consensus,
    /// Transactions that wait for a block.
    Transactions,
    /// Blocks that were decided.
    Heads,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 3] = [Self::Consensus, Self::Transactions, Self::Heads];

    /// A word of a bounded set, for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Transactions => "transactions",
            Self::Heads => "heads",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The names of the topics on one chain. Chains never share one: a name holds the chain ID and the
/// first bytes of the genesis hash.
#[derive(Debug, Clone)]
pub(crate) struct Topics([(IdentTopic, TopicHash); 3]);

impl Topics {
    pub(crate) fn new(chain: &ChainIdentity) -> Self {
        Self(Topic::ALL.map(|topic| {
            let name = IdentTopic::new(format!("/mfenx/{}/{topic}/1", chain.tag()));
            let hash = name.hash();
            (name, hash)
        }))
    }

    pub(crate) fn name(&self, topic: Topic) -> &IdentTopic {
        let [consensus, transactions, heads] = &self.0;
        match topic {
            Topic::Consensus => &consensus.0,
            Topic::Transactions => &transactions.0,
            Topic::Heads => &heads.0,
        }
    }

    pub(crate) fn of(&self, hash: &TopicHash) -> Option<Topic> {
        Topic::ALL.into_iter().zip(&self.0).find(|(_, (_, known))| known == hash).map(|(t, _)| t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfenx_primitives::B256;

    #[test]
    fn names_hold_the_chain_and_lead_back_to_the_topic() {
        let chain = ChainIdentity::new(177_155, B256::repeat_byte(0xab));
        let topics = Topics::new(&chain);
        assert_eq!(
            topics.name(Topic::Consensus).to_string(),
            "/mfenx/177155-abababababababab/consensus/1",
        );
        for topic in Topic::ALL {
            assert_eq!(topics.of(&topics.name(topic).hash()), Some(topic));
        }
        let other = Topics::new(&ChainIdentity::new(177_155, B256::repeat_byte(0xac)));
        assert_eq!(other.of(&topics.name(Topic::Heads).hash()), None);
    }
}
