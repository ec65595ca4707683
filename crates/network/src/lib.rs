//! One libp2p swarm: gossip, requests, discovery, peer scores. It carries bounded opaque frames.
