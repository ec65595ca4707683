//! A gateway on a free port, and the plainest of HTTP clients.

use jsonrpsee::{PendingSubscriptionSink, RpcModule, core::SubscriptionError};
use mfenx_gateway::{Gateway, GatewayConfig};
use mfenx_rpc::{NodeStatus, RpcLimits};
use serde_json::Value;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A gateway in front of a few methods.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    pub(crate) status: Arc<NodeStatus>,
    /// Lets one call of `wait` end.
    pub(crate) release: Arc<Notify>,
    /// Told when a call of `wait` is given up.
    pub(crate) given_up: Arc<Notify>,
    /// How many calls of `huge` were started.
    pub(crate) huge_calls: Arc<AtomicUsize>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<()>,
}

/// Any free port, for clients that are all of this machine and yet limited.
pub(crate) fn config() -> GatewayConfig {
    GatewayConfig {
        http: SocketAddr::from(([127, 0, 0, 1], 0)),
        limit_loopback: true,
        ..GatewayConfig::default()
    }
}

impl Port {
    pub(crate) async fn open(config: GatewayConfig) -> Self {
        Self::open_with(config, RpcLimits::default()).await
    }

    pub(crate) async fn open_with(config: GatewayConfig, limits: RpcLimits) -> Self {
        let (release, given_up) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let status = Arc::new(NodeStatus::new());
        let bound = Gateway::bind(config).await.unwrap();
        let address = bound.local_addr();
        let shutdown = CancellationToken::new();
        let mut module = module(Arc::clone(&release), Arc::clone(&given_up));
        let huge_calls = Arc::new(AtomicUsize::new(0));
        huge(&mut module, Arc::clone(&huge_calls));
        let (served_status, stop) = (Arc::clone(&status), shutdown.clone());
        let served = tokio::spawn(async move {
            bound.serve(module, &limits, served_status, stop).await;
        });
        Self { address, status, release, given_up, huge_calls, shutdown, served }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a body as JSON on a connection of its own.
    pub(crate) async fn post(&self, body: &str) -> Answer {
        self.send("POST", "/", "content-type: application/json\r\n", body).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, heads: &str, body: &str) -> Answer {
        let mut socket = self.connect().await;
        write(&mut socket, method, path, heads, body).await;
        read(&mut socket).await.expect("an answer")
    }
}

/// Tells when it is dropped, unless it is disarmed.
struct GivenUp(Option<Arc<Notify>>);

impl GivenUp {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(given_up) = self.0.take() {
            given_up.notify_one();
        }
    }
}

fn module(release: Arc<Notify>, given_up: Arc<Notify>) -> RpcModule<()> {
    let mut module = RpcModule::new(());
    module.register_method("eth_chainId", |_, _, _| "0x2b403").unwrap();
    module.register_method("big", |_, _, _| "x".repeat(100_000)).unwrap();
    module
        .register_async_method("wait", move |_, _, _| {
            let (release, guard) = (Arc::clone(&release), GivenUp(Some(given_up.clone())));
            async move {
                release.notified().await;
                guard.disarm();
                "done"
            }
        })
        .unwrap();
    module
        .register_subscription("eth_subscribe", "eth_subscription", "eth_unsubscribe", {
            |_, pending, _, _| numbers(pending)
        })
        .unwrap();
    module
}

/// Length of what `huge` answers.
pub(crate) const HUGE_BYTES: usize = 2 << 20;

fn huge(module: &mut RpcModule<()>, calls: Arc<AtomicUsize>) {
    module
        .register_method("huge", move |_, _, _| {
            calls.fetch_add(1, Ordering::Relaxed);
            "x".repeat(HUGE_BYTES)
        })
        .unwrap();
}

/// Sends numbers as fast as they are taken.
async fn numbers(pending: PendingSubscriptionSink) -> Result<(), SubscriptionError> {
    let sink = pending.accept().await?;
    for number in 0_u64.. {
        let message = serde_json::value::to_raw_value(&number)?;
        if sink.send(message).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// An answer: status, head and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) async fn write(
    socket: &mut TcpStream,
    method: &str,
    path: &str,
    heads: &str,
    body: &str,
) {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: node\r\n{heads}content-length: {length}\r\n\r\n"
    );
    // A gateway that has read enough may close while we still write.
    let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
}

/// One answer with a known length; none when the connection ends first.
pub(crate) async fn read(socket: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: bytes.split_off(head_end + 4) };
    if answer.header("transfer-encoding").is_some() {
        while !answer.body.ends_with(b"0\r\n\r\n") {
            assert_ne!(socket.read_buf(&mut answer.body).await.ok()?, 0);
        }
        return Some(answer);
    }
    let length: usize = answer.header("content-length").map_or(0, |text| text.parse().unwrap());
    while answer.body.len() < length {
        if socket.read_buf(&mut answer.body).await.ok()? == 0 {
            break;
        }
    }
    Some(answer)
}

/// Waits for the other side to close.
pub(crate) async fn closed(socket: &mut TcpStream) {
    let mut bytes = Vec::new();
    let end = socket.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(Duration::from_secs(10), end).await.expect("it closes");
}
