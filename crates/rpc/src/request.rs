//! Requests as they arrive: read once, borrowed from the bytes they came in.

use crate::input::Object;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// The `id` of a request, to be sent back as it came: a string, a number or `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId<'a>(&'a str);

impl<'a> RequestId<'a> {
    /// Of answers to what has no identifier, or none that can be read.
    pub(crate) const NULL: RequestId<'static> = RequestId("null");

    /// One that was read before.
    pub(crate) const fn of_json(json: &'a str) -> Self {
        Self(json)
    }

    fn read(json: &'a str) -> Option<Self> {
        // What is neither of the three is an object, a list or a truth value.
        let first = json.as_bytes().first()?;
        (!matches!(first, b'{' | b'[' | b't' | b'f')).then_some(Self(json))
    }

    /// Its JSON.
    pub(crate) const fn json(self) -> &'a str {
        self.0
    }
}

/// A request that asks for an answer.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) id: RequestId<'a>,
    pub(crate) method: Cow<'a, str>,
    /// The JSON of the parameters.
    pub(crate) params: Option<&'a str>,
}

impl Call<'_> {
    /// The whole request again, for whoever reads it anew.
    pub(crate) fn to_json(&self) -> String {
        let method = serde_json::to_string(&self.method).unwrap_or_default();
        let params = self.params.map(|params| format!(",\"params\":{params}")).unwrap_or_default();
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":{method}{params}}}", self.id.json())
    }
}

/// What may arrive, alone or in a batch.
#[derive(Debug)]
pub(crate) enum Entry<'a> {
    /// It asks for an answer.
    Call(Call<'a>),
    /// It has no identifier, so it asks for none.
    Notification,
    /// JSON, but no request; with its identifier, if that can be read.
    Invalid(RequestId<'a>),
}

/// JSON-RPC 2.0 on the wire. Whatever else is in the object is ignored.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "raw")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Present also when it is `null`.
fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Wire<'a> {
    fn entry(self) -> Entry<'a> {
        if self.jsonrpc != "2.0" {
            return Entry::Invalid(
                self.id.and_then(|id| RequestId::read(id.get())).unwrap_or(RequestId::NULL),
            );
        }
        let Some(id) = self.id else { return Entry::Notification };
        match RequestId::read(id.get()) {
            Some(id) => Entry::Call(Call {
                id,
                method: self.method,
                params: self.params.map(RawValue::get),
            }),
            None => Entry::Invalid(RequestId::NULL),
        }
    }
}

/// Only the identifier of something.
#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    id: Option<&'a RawValue>,
}

/// Reads one request.
///
/// # Errors
/// It is not JSON.
pub(crate) fn entry(json: &[u8]) -> Result<Entry<'_>, serde_json::Error> {
    match serde_json::from_slice::<Object<Wire<'_>>>(json) {
        Ok(Object(wire)) => Ok(wire.entry()),
        Err(error) if error.is_syntax() || error.is_eof() => Err(error),
        Err(_) => {
            // It may be no JSON all the same, after the place where it ceased to be a request.
            serde_json::from_slice::<IgnoredAny>(json)?;
            Ok(Entry::Invalid(identifier(json)))
        }
    }
}

fn identifier(json: &[u8]) -> RequestId<'_> {
    serde_json::from_slice::<Object<Identified<'_>>>(json)
        .ok()
        .and_then(|Object(object)| RequestId::read(object.id?.get()))
        .unwrap_or(RequestId::NULL)
}

/// Why a batch is not looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BatchError {
    NotJson,
    TooLong,
}

/// Reads a batch of at most `entries_max` requests.
///
/// # Errors
/// [`BatchError`].
pub(crate) fn batch(json: &[u8], entries_max: usize) -> Result<Vec<Entry<'_>>, BatchError> {
    // In one pass if everything in it is a request, as it nearly always is.
    let mut reader = serde_json::Deserializer::from_slice(json);
    if let Ok(entries) = reader.deserialize_seq(Bounded::<Object<Wire<'_>>>::new(entries_max))
        && reader.end().is_ok()
    {
        return Ok(entries.into_iter().map(|Object(wire)| wire.entry()).collect());
    }
    // Before an entry costs more than the reference to its text.
    let mut reader = serde_json::Deserializer::from_slice(json);
    let texts = reader
        .deserialize_seq(Bounded::<&RawValue>::new(entries_max.saturating_add(1)))
        .and_then(|texts| reader.end().map(|()| texts));
    match texts {
        Ok(texts) if texts.len() > entries_max => Err(BatchError::TooLong),
        Ok(texts) => texts
            .into_iter()
            .map(|text| entry(text.get().as_bytes()).map_err(|_| BatchError::NotJson))
            .collect(),
        Err(_) if serde_json::from_slice::<IgnoredAny>(json).is_ok() => Err(BatchError::TooLong),
        Err(_) => Err(BatchError::NotJson),
    }
}

/// A list of at most so many elements.
struct Bounded<T> {
    elements_max: usize,
    element: std::marker::PhantomData<T>,
}

impl<T> Bounded<T> {
    const fn new(elements_max: usize) -> Self {
        Self { elements_max, element: std::marker::PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} elements", self.elements_max)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            if elements.len() == self.elements_max {
                return Err(A::Error::custom("too many elements"));
            }
            elements.push(element);
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(json: &str) -> String {
        match entry(json.as_bytes()) {
            Ok(Entry::Call(Call { id, method, params })) => {
                format!("call {} {method} {params:?}", id.json())
            }
            Ok(Entry::Notification) => "notification".into(),
            Ok(Entry::Invalid(id)) => format!("invalid {}", id.json()),
            Err(_) => "not JSON".into(),
        }
    }

    #[test]
    fn requests_are_told_from_what_is_none() {
        for (json, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[2]}"#, "call 1 a Some(\"[2]\")"),
            (r#"{"id":"x","method":"a","jsonrpc":"2.0","more":{}}"#, "call \"x\" a None"),
            (r#"{"jsonrpc":"2.0","id":-1.5,"method":"\u0061"}"#, "call -1.5 a None"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#, "call null a None"),
            (r#"{"jsonrpc":"2.0","method":"a"}"#, "notification"),
            (r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#, "invalid 1"),
            (r#"{"jsonrpc":"2.0","id":7}"#, "invalid 7"),
            (r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#, "invalid null"),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#, "invalid null"),
            ("7", "invalid null"),
            (r#"["2.0",1,"a",[]]"#, "invalid null"),
            (r#"{"jsonrpc":7,"id":1"#, "not JSON"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a"}}"#, "not JSON"),
            ("", "not JSON"),
        ] {
            assert_eq!(kind(json), expected, "{json}");
        }
    }

    #[test]
    fn batches_are_bounded_before_their_entries_are_read() {
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#;
        let list = |entries: &[&str]| format!("[{}]", entries.join(","));
        assert_eq!(batch(list(&[call; 3]).as_bytes(), 3).unwrap().len(), 3);
        assert_eq!(batch(list(&[call; 4]).as_bytes(), 3).unwrap_err(), BatchError::TooLong);
        assert_eq!(batch(list(&["1"; 9]).as_bytes(), 3).unwrap_err(), BatchError::TooLong);
        let listed = list(&[call, r#"["2.0",1,"a",[]]"#]);
        let listed = batch(listed.as_bytes(), 3).unwrap();
        assert!(matches!(listed.as_slice(), [Entry::Call(_), Entry::Invalid(_)]));
        let mixed = list(&[call, "1"]);
        let mixed = batch(mixed.as_bytes(), 3).unwrap();
        assert!(matches!(mixed.as_slice(), [Entry::Call(_), Entry::Invalid(_)]));
        assert_eq!(batch(b"[1,", 3).unwrap_err(), BatchError::NotJson);
        assert_eq!(batch(b"[1]x", 3).unwrap_err(), BatchError::NotJson);
        assert!(batch(b"[]", 3).unwrap().is_empty());
    }
}
