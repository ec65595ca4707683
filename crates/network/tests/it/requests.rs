//! Requests and their answers.

use crate::support::{DEADLINE, Node, config, pair, peer_id, until};
use bytes::Bytes;
use mfenx_network::{
    Head, NetworkEvent, Protocol, REQUEST_BYTES_MAX, Request, RequestError, Target,
};
use mfenx_primitives::B256;
use std::time::{Duration, Instant};
use tokio::time::timeout;

async fn request(node: &mut Node) -> Request {
    node.next("a request", |event| match event {
        NetworkEvent::Request(request) => Some(request),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_request_is_answered_on_every_protocol() {
    let (first, second) = pair(config(1), config(2)).await;
    let to = Target::Peer(first.id());
    let id = first.id();
    first.accept_everything();
    for protocol in Protocol::ALL {
        let data = Bytes::from(vec![protocol.label().len() as u8; REQUEST_BYTES_MAX]);
        let response = second.handle.request(to, protocol, data.clone()).await.unwrap();
        assert_eq!((response.peer, response.data), (id, data));
    }
}

#[tokio::test]
async fn a_long_answer_arrives_whole() {
    let (mut first, second) = pair(config(1), config(2)).await;
    let answer: Bytes = (0..9 * 1024 * 1024_u32).map(|i| (i % 251) as u8).collect();
    let start = Instant::now();
    let asking = second.handle.request(Target::Peer(first.id()), Protocol::Blocks, Bytes::new());
    let answering = async {
        let asked = request(&mut first).await;
        assert_eq!(asked.peer, peer_id(2));
        assert_eq!(asked.reply.bytes_max(), answer.len());
        asked.reply.send(answer.clone());
    };
    let (response, ()) = tokio::join!(asking, answering);
    assert!(response.unwrap().data == answer);
    println!("9 MiB in {:?}", start.elapsed());
}

#[tokio::test]
async fn an_answer_above_the_bound_is_not_sent() {
    let (mut first, second) = pair(config(1), config(2)).await;
    let asking = second.handle.request(Target::Peer(first.id()), Protocol::Blocks, Bytes::new());
    let answering = async {
        let asked = request(&mut first).await;
        let long = vec![0; asked.reply.bytes_max() + 1];
        asked.reply.send(long.into());
    };
    let (response, ()) = tokio::join!(asking, answering);
    assert_eq!(response, Err(RequestError::Unavailable { peer: peer_id(1) }));
}

#[tokio::test]
async fn an_answer_above_what_the_asker_allows_is_refused() {
    let mut modest = config(2);
    modest.limits.blocks.response_bytes_max = 1000;
    let (mut first, second) = pair(config(1), modest).await;
    for (bytes, fits) in [(1001, false), (1000, true)] {
        let asking =
            second.handle.request(Target::Peer(first.id()), Protocol::Blocks, Bytes::new());
        let answering = async { request(&mut first).await.reply.send(vec![7; bytes].into()) };
        let (response, ()) = tokio::join!(asking, answering);
        match response {
            Ok(response) => assert!(fits && response.data.len() == bytes),
            Err(RequestError::Failed { reason, .. }) => {
                assert!(!fits && reason.contains("1001 bytes announced"), "{reason}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_request_that_nobody_answers_ends_in_time() {
    let mut hasty = config(2);
    hasty.limits.parts.timeout = Duration::from_millis(500);
    let (mut first, second) = pair(config(1), hasty).await;
    let start = Instant::now();
    let asking = second.handle.request(Target::Peer(first.id()), Protocol::Parts, Bytes::new());
    tokio::pin!(asking);
    let held = tokio::select! {
        held = request(&mut first) => Some(held),
        // Before the application was told, on a machine that is busy.
        result = &mut asking => {
            assert!(matches!(result, Err(RequestError::Timeout { .. })), "{result:?}");
            None
        }
    };
    if held.is_some() {
        let result = timeout(DEADLINE, asking).await.expect("it ends");
        assert!(matches!(result, Err(RequestError::Timeout { .. })), "{result:?}");
    }
    assert!(start.elapsed() >= Duration::from_millis(500));
    drop(held);
}

#[tokio::test]
async fn one_peer_is_given_only_so_many_answers_at_once() {
    let mut host = config(1);
    host.limits.blocks.inbound_per_peer_max = 2;
    let (mut first, second) = pair(host, config(2)).await;
    let to = Target::Peer(first.id());
    let ask = || second.handle.request(to, Protocol::Blocks, Bytes::new());
    let answering = async {
        let held = [request(&mut first).await, request(&mut first).await];
        // The third is refused without the application; then the places are free again.
        assert_eq!(ask().await, Err(RequestError::Busy { peer: peer_id(1) }));
        for request in held {
            request.reply.send(Bytes::from_static(b"here"));
        }
    };
    let (one, two, ()) = tokio::join!(ask(), ask(), answering);
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    let answering = async { request(&mut first).await.reply.send(Bytes::new()) };
    let (three, ()) = tokio::join!(ask(), answering);
    three.unwrap();
}

#[tokio::test]
async fn anybody_means_somebody_who_is_high_enough() {
    let mut low = config(1);
    low.head = Head { number: 3, hash: B256::ZERO };
    let mut high = config(2);
    high.head = Head { number: 7, hash: B256::ZERO };
    let low = Node::start(low);
    let high = Node::start(high);
    let asker = Node::start_knowing(config(3), &[&low, &high]).await;
    low.accept_everything();
    high.accept_everything();
    until("both", || async { asker.handle.peers().len() == 2 }).await;
    let ask =
        |head_min| asker.handle.request(Target::Any { head_min }, Protocol::Blocks, Bytes::new());
    assert_eq!(ask(4).await.unwrap().peer, peer_id(2));
    assert_eq!(ask(8).await, Err(RequestError::NoPeer));
    ask(0).await.unwrap();
    let nobody = Target::Peer(peer_id(9));
    let result = asker.handle.request(nobody, Protocol::Blocks, Bytes::new()).await;
    assert_eq!(result, Err(RequestError::NoPeer));
    let long = vec![0; REQUEST_BYTES_MAX + 1].into();
    let result = asker.handle.request(nobody, Protocol::Blocks, long).await;
    assert!(matches!(result, Err(RequestError::TooLarge { .. })), "{result:?}");
}

#[tokio::test]
async fn a_request_fails_when_the_peer_goes_and_when_the_network_ends() {
    let (mut first, second) = pair(config(1), config(2)).await;
    let to = Target::Peer(first.id());
    let asking = second.handle.request(to, Protocol::Blocks, Bytes::new());
    let leaving = async {
        let held = request(&mut first).await;
        first.stop().await;
        drop(held);
    };
    let (result, ()) = tokio::join!(asking, leaving);
    assert!(
        matches!(result, Err(RequestError::Failed { .. } | RequestError::Unavailable { .. })),
        "{result:?}",
    );
    let handle = second.handle.clone();
    second.stop().await;
    let result = handle.request(to, Protocol::Blocks, Bytes::new()).await;
    assert_eq!(result, Err(RequestError::Stopped));
}
