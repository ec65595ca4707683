//! JSON-RPC over HTTP/1.1 with nothing but the standard library, so that a test can also send
//! what no client library would.

use serde_json::{Value, json};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Mutex,
    time::Duration,
};

/// Longer than any answer of a healthy node takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);
/// An answer longer than this is a defect of the node.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Why a call gave no result.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The node did not answer, or not in HTTP and JSON.
    Io(io::Error),
    /// The node answered with an error.
    Rpc { code: i64, message: String, data: Value },
}

impl CallError {
    /// Code and message of an answered error; panics for anything else.
    pub(crate) fn into_rpc(self) -> (i64, String) {
        match self {
            Self::Rpc { code, message, .. } => (code, message),
            Self::Io(error) => panic!("no answer: {error}"),
        }
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> io::Result<Value> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let body = String::from_utf8_lossy(&self.body);
            io::Error::other(format!("HTTP {}: {error}: {body:.200}", self.status))
        })
    }
}

/// A client that keeps one connection.
#[derive(Debug)]
pub(crate) struct Rpc {
    address: SocketAddr,
    connection: Mutex<Option<BufReader<TcpStream>>>,
}

impl Rpc {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: Mutex::new(None) }
    }

    /// One call.
    pub(crate) fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = self.post(request.to_string().as_bytes()).map_err(CallError::Io)?;
        result(answer.json().map_err(CallError::Io)?)
    }

    /// One call that must succeed.
    pub(crate) fn get(&self, method: &str, params: Value) -> Value {
        match self.call(method, params.clone()) {
            Ok(value) => value,
            Err(error) => panic!("{method} {params}: {error:?}"),
        }
    }

    /// A quantity (`0x...`) that must come.
    pub(crate) fn quantity(&self, method: &str, params: Value) -> u64 {
        quantity(&self.get(method, params))
    }

    /// A batch of the same method; the results in order.
    pub(crate) fn batch(
        &self,
        method: &str,
        params: &[Value],
    ) -> Result<Vec<Result<Value, CallError>>, CallError> {
        let requests = params.iter().enumerate().map(
            |(id, params)| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}),
        );
        let body = Value::from_iter(requests).to_string();
        let answer = self.post(body.as_bytes()).map_err(CallError::Io)?;
        let Value::Array(answers) = answer.json().map_err(CallError::Io)? else {
            return Err(CallError::Io(io::Error::other("a batch was not answered by an array")));
        };
        assert_eq!(answers.len(), params.len(), "every entry of a batch is answered");
        for (id, answer) in answers.iter().enumerate() {
            assert_eq!(answer["id"], json!(id), "a batch is answered in order");
        }
        Ok(answers.into_iter().map(result).collect())
    }

    /// POSTs `body` over the kept connection; over a new one when the kept one is gone.
    pub(crate) fn post(&self, body: &[u8]) -> io::Result<Answer> {
        let mut kept = self.connection.lock().unwrap();
        if let Some(mut connection) = kept.take()
            && let Ok(answer) = exchange(&mut connection, body)
        {
            *kept = Some(connection);
            return Ok(answer);
        }
        let mut connection = connect(self.address)?;
        let answer = exchange(&mut connection, body)?;
        *kept = Some(connection);
        Ok(answer)
    }

    /// POSTs `body` over a connection of its own, reading the answer also when the node stops
    /// listening before it has the whole request.
    pub(crate) fn post_once(&self, body: &[u8]) -> io::Result<Answer> {
        let mut connection = connect(self.address)?;
        let sent = send(&mut connection, body);
        receive(&mut connection).map_err(|error| sent.err().unwrap_or(error))
    }
}

/// The number in a quantity (`0x...`).
pub(crate) fn quantity(value: &Value) -> u64 {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    u64::from_str_radix(digits.expect("a quantity"), 16).expect("a quantity")
}

fn result(mut answer: Value) -> Result<Value, CallError> {
    let Some(error) = answer.get_mut("error").map(Value::take) else {
        return Ok(answer["result"].take());
    };
    Err(CallError::Rpc {
        code: error["code"].as_i64().expect("an error has a code"),
        message: error["message"].as_str().expect("an error has a message").to_owned(),
        data: error["data"].clone(),
    })
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

fn exchange(connection: &mut BufReader<TcpStream>, body: &[u8]) -> io::Result<Answer> {
    send(connection, body)?;
    receive(connection)
}

fn send(connection: &mut BufReader<TcpStream>, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let mut request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    connection.get_mut().write_all(&request)
}

fn receive(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let status_line = line(connection)?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not HTTP: {status_line:?}")))?;
    let (mut length, mut chunked) = (None, false);
    loop {
        let header = line(connection)?.to_ascii_lowercase();
        match header.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse().ok(),
            Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let size = u64::from_str_radix(&line(connection)?, 16).map_err(io::Error::other)?;
            read(connection, size, &mut body)?;
            line(connection)?;
            if size == 0 {
                break;
            }
        }
    } else {
        read(connection, length.unwrap_or(0), &mut body)?;
    }
    Ok(Answer { status, body })
}

fn read(connection: &mut impl Read, bytes: u64, body: &mut Vec<u8>) -> io::Result<()> {
    assert!(bytes <= ANSWER_BYTES_MAX, "an answer of {bytes} bytes");
    let read = connection.take(bytes).read_to_end(body)? as u64;
    if read == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// One line without its end.
fn line(connection: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
