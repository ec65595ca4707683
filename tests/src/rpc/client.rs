//! JSON-RPC over HTTP with nothing but the standard library: HTTP/1.0, one connection a request,
//! so that the end of the answer is the end of the connection.

use eyre::{WrapErr, bail, ensure, eyre};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

/// Longer than an answer takes on a busy machine without optimisation.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest answer that is read; a node's own limit is smaller.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Where requests go.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    host: String,
    path: String,
}

impl Client {
    /// A node at an address.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, host: address.to_string(), path: "/".into() }
    }

    /// A node at `http://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// It is not such a URL, or the host has no address.
    pub(crate) fn from_url(url: &str) -> eyre::Result<Self> {
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| eyre!("{url} is not a URL that begins with http://"))?;
        let (host, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let with_port = if has_port { host.to_owned() } else { format!("{host}:80") };
        let mut addresses =
            with_port.to_socket_addrs().wrap_err_with(|| format!("{url} has no address"))?;
        let address = addresses.next().ok_or_else(|| eyre!("{url} has no address"))?;
        Ok(Self { address, host: host.to_owned(), path: path.to_owned() })
    }

    /// The body of the answer to `body`.
    ///
    /// # Errors
    /// Nobody answers in time, or not with HTTP status 200.
    pub(crate) fn post(&self, body: &str) -> eyre::Result<String> {
        let answer =
            self.exchange(body).wrap_err_with(|| format!("no answer from {}", self.host))?;
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let (head, rest) = match end {
            Some(end) => answer.split_at(end + 4),
            None => bail!("{} does not answer in HTTP", self.host),
        };
        let status = String::from_utf8_lossy(head);
        let status = status.lines().next().unwrap_or_default();
        let text = String::from_utf8(rest.to_vec()).wrap_err("the answer is not UTF-8")?;
        ensure!(status.split(' ').nth(1) == Some("200"), "{status}: {}", text.trim());
        Ok(text)
    }

    fn exchange(&self, body: &str) -> eyre::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let Self { host, path, .. } = self;
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn urls_name_host_port_and_path() {
        let client = Client::from_url("http://127.0.0.1:8545/v1").unwrap();
        assert_eq!((client.address.port(), client.path.as_str()), (8545, "/v1"));
        let client = Client::from_url("http://127.0.0.1").unwrap();
        assert_eq!((client.address.port(), client.path.as_str()), (80, "/"));
        assert!(Client::from_url("https://127.0.0.1").is_err());
        assert!(Client::from_url("127.0.0.1:8545").is_err());
    }

    #[test]
    fn anything_but_200_is_an_error_that_shows_the_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::new(listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            for answer in ["HTTP/1.0 200 OK\r\n\r\n{}", "HTTP/1.0 503 Busy\r\n\r\nlater"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0_u8; 1024];
                while !String::from_utf8_lossy(&request).contains("[7]") {
                    assert!(stream.read(&mut request).unwrap() > 0);
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        assert_eq!(client.post("[7]").unwrap(), "{}");
        let error = client.post("[7]").unwrap_err().to_string();
        assert!(error.contains("503") && error.contains("later"), "{error}");
        server.join().unwrap();
        assert!(client.post("[7]").is_err());
    }
}
