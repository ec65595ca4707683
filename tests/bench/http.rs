//! HTTP as a load generator needs it: blocking connections that stay open, and as little work per
//! answer as can be.

use eyre::{Result, bail, eyre};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

const LENGTH: &[u8] = b"content-length:";

/// Sends one request and gives the body of its answer.
pub(crate) fn ask(node: SocketAddr, body: &str) -> Result<String> {
    let mut connection = Connection::open(node)?;
    connection.send(&post(body))?;
    let body = connection.read_result()?;
    Ok(String::from_utf8(body.to_vec())?)
}

/// A body as the bytes of a request.
pub(crate) fn post(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection that stays open.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(node: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(node)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { socket, buffer: vec![0; 64 * 1_024] })
    }

    /// Sends what [`post`] made.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<()> {
        Ok(self.socket.write_all(request)?)
    }

    /// Reads one answer and gives its body, which must be a result.
    pub(crate) fn read_result(&mut self) -> Result<&[u8]> {
        let body = self.read_answer()?;
        let beginning = body.get(..body.len().min(200)).unwrap_or_default();
        if !contains(beginning, b"\"result\"") {
            bail!("not a result: {}", String::from_utf8_lossy(beginning));
        }
        Ok(body)
    }

    /// Reads one answer and gives its body, whatever it says.
    pub(crate) fn read_answer(&mut self) -> Result<&[u8]> {
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
        Ok(self.buffer.get(start..end).unwrap_or_default())
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
