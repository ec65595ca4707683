//! From the bytes of a request to the bytes of its answer, without knowing how either travels.

use crate::{
    client::ClientId,
    dispatch::{Dispatch, Subscriber},
    error::RpcError,
    limits::RpcLimits,
    methods::{RpcMethods, Run, Served, try_inline, work},
    metrics,
    output::Output,
    request::{self, BatchError, Call, Entry, RequestId},
    unsent::{Backlog, Held, Unsent},
};
use jsonrpsee::{
    MethodResponse,
    types::{Request, error::OVERSIZED_RESPONSE_CODE},
};
use serde_json::value::RawValue;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// What is written before it is counted as unsent, in bytes: small answers are counted together.
const UNCOUNTED_BYTES_MAX: usize = 16 * 1_024;
/// How long the entries of a batch may keep a thread before others have their turn.
const TURN: Duration = Duration::from_millis(1);
/// Buffers this long, in bytes, are cut to what is in them.
const LONG_BYTES: usize = 256 * 1_024;

/// Answers requests and batches; subscriptions only for [connections](Self::for_connection). Cheap
/// to clone.
#[derive(Debug, Clone)]
pub struct RpcServer {
    methods: RpcMethods,
    dispatch: Dispatch,
    response_bytes_max: usize,
    batch_entries_max: usize,
    client_unsent_bytes_max: usize,
    unsent: Arc<Unsent>,
    backlog: Option<Arc<Backlog>>,
    client: Option<ClientId>,
}

/// What a caller is to read. It counts as unsent until it is dropped.
#[derive(Debug)]
pub struct Answer {
    json: Vec<u8>,
    _held: Option<Held>,
}

impl Answer {
    /// The text.
    pub fn get(&self) -> &str {
        // JSON is written as UTF-8 from strings and borrowed from requests that were read as such.
        std::str::from_utf8(&self.json).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

/// An answer under construction.
struct Writing {
    output: Output,
    held: Held,
    counted: usize,
}

impl RpcServer {
    /// Serves `methods`. Install the metrics recorder first.
    pub fn new(methods: impl Into<RpcMethods>, limits: &RpcLimits) -> Self {
        let methods = methods.into();
        Self {
            dispatch: Dispatch::new(methods.module().clone().into(), limits.response_bytes_max),
            methods,
            response_bytes_max: limits.response_bytes_max,
            batch_entries_max: limits.batch_entries_max,
            client_unsent_bytes_max: limits.client_unsent_bytes_max,
            unsent: Arc::new(Unsent::new(limits.unsent_bytes_max)),
            backlog: None,
            client: None,
        }
    }

    /// The same for one client, whose connections may leave only so much unsent together, and
    /// have only so many filters. A client that comes back has the same number.
    #[must_use]
    pub fn for_client(&self, client: ClientId) -> Self {
        let unsent = Arc::new(Unsent::share(&self.unsent, self.client_unsent_bytes_max));
        Self { unsent, client: Some(client), ..self.clone() }
    }

    /// The same for one connection that can have so many subscriptions. Their messages arrive
    /// at the other end of `messages`; whoever writes them calls [`Backlog::written`].
    pub fn for_connection(
        &self,
        messages: mpsc::Sender<Box<RawValue>>,
        subscriptions_max: u32,
    ) -> (Self, Arc<Backlog>) {
        let backlog = Arc::new(Backlog::new(Arc::clone(&self.unsent)));
        let subscriber = Subscriber::new(messages, subscriptions_max, Arc::clone(&backlog));
        let dispatch = self.dispatch.for_subscriber(subscriber);
        let server = Self { dispatch, backlog: Some(Arc::clone(&backlog)), ..self.clone() };
        (server, backlog)
    }

    /// The answer to one request or batch; none when nothing in it asks for one. Dropping the
    /// future cancels what still runs.
    pub async fn answer(&self, request: &[u8]) -> Option<Answer> {
        let mut writing = Writing {
            output: Output::new(self.response_bytes_max),
            held: Held::new(Arc::clone(&self.unsent), self.backlog.clone()),
            counted: 0,
        };
        if is_batch(request) {
            self.batch(request, &mut writing).await;
        } else {
            self.single(request, &mut writing).await;
        }
        writing.end()
    }

    /// What a caller reads whose request took longer than the transport allows: the same for each
    /// entry of a batch, so that whoever waits for one of them hears of it.
    pub fn timed_out(&self, request: &[u8]) -> Answer {
        let mut output = Output::new(0);
        if is_batch(request) {
            let entries = request::batch(request, self.batch_entries_max).unwrap_or_default();
            let calls = entries.iter().filter_map(|entry| match entry {
                Entry::Call(call) => Some(call.id),
                Entry::Notification | Entry::Invalid(_) => None,
            });
            for id in calls {
                output.frame(if output.len() == 0 { b'[' } else { b',' });
                output.refuse(id, RpcError::RequestTimeout);
            }
            if output.len() > 0 {
                output.frame(b']');
                return Answer { json: output.into_bytes(), _held: None };
            }
        }
        let id = match request::entry(request) {
            Ok(Entry::Call(call)) => call.id,
            Ok(Entry::Notification | Entry::Invalid(_)) | Err(_) => RequestId::NULL,
        };
        output.refuse(id, RpcError::RequestTimeout);
        Answer { json: output.into_bytes(), _held: None }
    }

    /// What a caller reads for whose request there was no room in time.
    pub fn busy() -> Answer {
        Self::refusal(RpcError::Busy)
    }

    /// What a caller reads whose request is longer than the transport allows.
    pub fn too_large() -> Answer {
        Self::refusal(RpcError::InvalidRequest("request too large"))
    }

    fn refusal(error: RpcError) -> Answer {
        let mut output = Output::new(0);
        output.refuse(RequestId::NULL, error);
        Answer { json: output.into_bytes(), _held: None }
    }

    async fn single(&self, request: &[u8], writing: &mut Writing) {
        match request::entry(request) {
            Ok(Entry::Call(call)) => {
                self.call(&call, writing, false, Instant::now()).await;
            }
            // Nobody waits for the result, and no method is worth running without one.
            Ok(Entry::Notification) => {}
            Ok(Entry::Invalid(id)) => {
                writing.output.refuse(id, RpcError::InvalidRequest("invalid request"));
            }
            Err(_) => {
                writing.output.refuse(RequestId::NULL, RpcError::Parse);
            }
        }
    }

    /// One entry after the other, as a caller expects who sends transactions with rising nonces.
    async fn batch(&self, request: &[u8], writing: &mut Writing) {
        let refused = match request::batch(request, self.batch_entries_max) {
            Ok(entries) if entries.is_empty() => RpcError::InvalidRequest("empty batch"),
            Ok(entries) => return self.entries(entries, writing).await,
            Err(BatchError::TooLong) => RpcError::InvalidRequest("batch too large"),
            Err(BatchError::NotJson) => RpcError::Parse,
        };
        writing.output.refuse(RequestId::NULL, refused);
    }

    async fn entries(&self, entries: Vec<Entry<'_>>, writing: &mut Writing) {
        let mut now = Instant::now();
        let mut turn = now;
        for entry in entries {
            // Others wait on this thread, and a caller that has left ends the batch here.
            if now.duration_since(turn) > TURN {
                tokio::task::yield_now().await;
                turn = Instant::now();
                now = turn;
            }
            let start = writing.output.len();
            writing.output.frame(if start == 0 { b'[' } else { b',' });
            let before = writing.output.len();
            match entry {
                Entry::Call(call) => now = self.call(&call, writing, true, now).await,
                Entry::Notification => {}
                Entry::Invalid(id) => {
                    writing.output.refuse(id, RpcError::InvalidRequest("invalid request"));
                }
            }
            if writing.output.len() == before {
                writing.output.truncate(start);
            }
        }
        if writing.output.len() > 0 {
            writing.output.frame(b']');
        }
    }

    /// Writes the answer to a call that was begun at `started`; when it was done.
    async fn call(
        &self,
        call: &Call<'_>,
        writing: &mut Writing,
        is_batch: bool,
        started: Instant,
    ) -> Instant {
        let start = writing.output.len();
        let Some(served) = self.methods.served.get(call.method.as_ref()) else {
            let error = RpcError::UnknownMethod(call.method.clone().into_owned());
            let code = writing.output.refuse(call.id, error);
            return self.methods.unknown.answered(started, Some(code));
        };
        if writing.output.overflowed() {
            // The answer to the batch is full: nothing more is worth running.
            let error = RpcError::ResponseTooLarge { bytes_max: self.response_bytes_max };
            let code = writing.output.refuse(call.id, error);
            return served.metrics.answered(started, Some(code));
        }
        let code = match self.run(served, call, is_batch, writing).await {
            Some(code) if writing.count(start) => code,
            Some(_) => {
                metrics::unsent_refused();
                writing.output.truncate(start);
                Some(writing.output.refuse(call.id, RpcError::Busy))
            }
            // It was answered by a message.
            None => None,
        };
        served.metrics.answered(started, code)
    }

    /// The code of the error that was written, if it is one; none when nothing was written.
    async fn run(
        &self,
        served: &Served,
        call: &Call<'_>,
        is_batch: bool,
        writing: &mut Writing,
    ) -> Option<Option<i32>> {
        let output = &mut writing.output;
        match (&served.run, &self.methods.context) {
            (Run::Inline(_), Some(context)) => {
                try_inline(served, (context, self.client), call, output)
            }
            (Run::Work { class, then, .. }, Some(context)) => {
                if let Some(code) = try_inline(served, (context, self.client), call, output) {
                    return Some(code);
                }
                let bytes_max = output.room();
                let what = (*class, then, served.params_max);
                let (answer, code) = work(context, what, call, bytes_max).await;
                if answer.overflowed() {
                    output.overflow();
                }
                output.append(answer.into_bytes());
                Some(code)
            }
            (Run::Module, _) | (Run::Inline(_) | Run::Work { .. }, None) => {
                self.module(call, is_batch, output).await
            }
        }
    }

    /// A subscription, or a method that was given as jsonrpsee's.
    async fn module(
        &self,
        call: &Call<'_>,
        is_batch: bool,
        output: &mut Output,
    ) -> Option<Option<i32>> {
        let json = call.to_json();
        let Ok(request) = serde_json::from_str::<Request<'_>>(&json) else {
            // Its identifier is one that jsonrpsee does not know, such as a negative number.
            let error = RpcError::InvalidRequest("use a string or a number from 0 as id here");
            return Some(Some(output.refuse(call.id, error)));
        };
        let response: MethodResponse = self.dispatch.call(request, is_batch).await;
        if response.is_subscription() {
            return None;
        }
        let (code, json) = (response.as_error_code(), response.as_json().get().as_bytes());
        let bytes_max = self.response_bytes_max;
        if code == Some(OVERSIZED_RESPONSE_CODE) || json.len() > output.room() {
            return Some(Some(output.refuse(call.id, RpcError::ResponseTooLarge { bytes_max })));
        }
        output.raw(json);
        Some(code)
    }
}

fn is_batch(request: &[u8]) -> bool {
    request.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

impl Writing {
    /// Counts what was written since `start`, unless there is no room for it.
    fn count(&mut self, start: usize) -> bool {
        let (written, uncounted) =
            (self.output.len() - start, self.output.len().saturating_sub(self.counted));
        if uncounted <= UNCOUNTED_BYTES_MAX {
            return true;
        }
        self.held.add(uncounted - written);
        self.counted = self.output.len();
        if self.held.try_add(written) {
            return true;
        }
        self.counted = start;
        false
    }

    fn end(self) -> Option<Answer> {
        let Self { output, held, counted } = self;
        let mut json = output.into_bytes();
        if json.is_empty() {
            return None;
        }
        held.add(json.len().saturating_sub(counted));
        if json.capacity() > LONG_BYTES && json.capacity() > json.len() + json.len() / 4 {
            json.shrink_to_fit();
        }
        Some(Answer { json, _held: Some(held) })
    }
}

#[cfg(test)]
mod tests;
