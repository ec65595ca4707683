//! A load of HTTP requests over connections that stay open.

use eyre::{Result, bail, eyre};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

const LENGTH: &[u8] = b"content-length:";
/// Threads that send and read. Two, so that a core is never idle for want of requests.
const THREADS: usize = 2;

/// Bodies of requests to send again and again, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'r> {
    pub(crate) requests: &'r [String],
    pub(crate) connections: usize,
    pub(crate) time: Duration,
}

impl Load<'_> {
    /// Requests answered in a second. Each thread sends on every connection of its own, then reads
    /// from each, so that a request always waits on all of them.
    ///
    /// # Errors
    /// The node closed a connection or answered with an error.
    pub(crate) fn run(&self, node: SocketAddr) -> Result<f64> {
        let bytes: Vec<Vec<u8>> = self.requests.iter().map(|body| post(body)).collect();
        let threads = THREADS.min(self.connections).max(1);
        let start = Instant::now();
        let answered = thread::scope(|scope| {
            let senders: Vec<_> = (0..threads)
                .map(|index| {
                    let requests = bytes.iter().cycle().skip(index * bytes.len() / threads);
                    let connections = self.connections.div_ceil(threads);
                    scope.spawn(move || send(node, connections, requests, start, self.time))
                })
                .collect();
            let counts = senders.into_iter().map(|sender| {
                sender.join().map_err(|_| eyre!("a thread of the load generator ended"))?
            });
            counts.sum::<Result<u64>>()
        })?;
        Ok(answered as f64 / start.elapsed().as_secs_f64())
    }
}

fn send<'r>(
    node: SocketAddr,
    connections: usize,
    mut requests: impl Iterator<Item = &'r Vec<u8>>,
    start: Instant,
    time: Duration,
) -> Result<u64> {
    let mut connections: Vec<Connection> =
        (0..connections).map(|_| Connection::open(node)).collect::<Result<_>>()?;
    let mut answered = 0;
    while start.elapsed() < time {
        for connection in &mut connections {
            let request = requests.next().ok_or_else(|| eyre!("no requests"))?;
            connection.socket.write_all(request)?;
        }
        // From the last one, so that the thread sleeps once a round and not once an answer.
        for connection in connections.iter_mut().rev() {
            connection.read_answer()?;
            answered += 1;
        }
    }
    Ok(answered)
}

/// Sends one request and gives the body of its answer.
pub(crate) fn ask(node: SocketAddr, body: &str) -> Result<String> {
    let mut connection = Connection::open(node)?;
    connection.socket.write_all(&post(body))?;
    let body = connection.read_answer()?;
    Ok(String::from_utf8(body.to_vec())?)
}

fn post(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn open(node: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(node)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { socket, buffer: vec![0; 64 * 1_024] })
    }

    /// Reads one answer and gives its body, which must be a result.
    fn read_answer(&mut self) -> Result<&[u8]> {
        let (mut filled, mut expected) = (0, None);
        while expected.is_none_or(|(_, end)| filled < end) {
            if filled == self.buffer.len() {
                self.buffer.resize(2 * filled, 0);
            }
            let free = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = self.socket.read(free)?;
            if read == 0 {
                bail!("the node closed the connection");
            }
            filled += read;
            if expected.is_none() {
                expected = body_range(self.buffer.get(..filled).unwrap_or_default())?;
            }
        }
        let (start, end) = expected.unwrap_or_default();
        let body = self.buffer.get(start..end).unwrap_or_default();
        let beginning = body.get(..body.len().min(200)).unwrap_or_default();
        if !contains(beginning, b"\"result\"") {
            bail!("not a result: {}", String::from_utf8_lossy(beginning));
        }
        Ok(body)
    }
}

/// Where the body is, once the whole head has been read. It looks at as little as it can, for what
/// the generator takes is taken from the node.
fn body_range(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n');
    let (mut length, mut start) = (None, 0);
    loop {
        let Some(line) = lines.next().filter(|line| line.ends_with(b"\n")) else { return Ok(None) };
        start += line.len();
        if line == b"\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_at_checked(LENGTH.len())
            && name.eq_ignore_ascii_case(LENGTH)
        {
            length = Some(std::str::from_utf8(value)?.trim().parse::<usize>()?);
        }
    }
    let length = length.ok_or_else(|| eyre!("an answer without its length"))?;
    Ok(Some((start, start + length)))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
