//! Comparing a response with the expected one.
//!
//! Responses are equal when every field is: none may be missing and none may be extra, at any
//! depth. Two liberties are hive's: the words of an error are free wherever both sides have an
//! object `error` with a `message` (its code and data are compared), and numbers are compared by
//! value.

use serde_json::{Map, Value};
use std::fmt;

/// Longest value that a difference shows.
const SHOWN_MAX: usize = 160;

/// How closely a response is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Every value.
    Exact,
    /// JSON types, object keys, and whether strings are `0x` hexadecimal; elements of lists as far
    /// as both lists go, but an empty list is no example of one with elements. Where the keys are
    /// data (addresses, nonces), each value is compared with the examples that there are: it has
    /// what all of them have. Errors are compared as in [`Mode::Exact`].
    Shape,
}

/// One place where a response is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Where, such as `result.logs[0].topics`.
    pub(crate) path: String,
    /// What is wrong there.
    pub(crate) kind: Kind,
}

/// What is wrong. Values are JSON, shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Another value, or in [`Mode::Shape`] one of another kind.
    Other { expected: String, got: String },
    /// A field or element is not there.
    Missing { expected: String },
    /// A field or element is there and should not be.
    Extra { got: String },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "response" } else { &self.path };
        match &self.kind {
            Kind::Other { expected, got } => write!(f, "{path}: expected {expected}, got {got}"),
            Kind::Missing { expected } => write!(f, "{path}: missing, expected {expected}"),
            Kind::Extra { got } => write!(f, "{path}: not expected, got {got}"),
        }
    }
}

/// Every place where `got` is not `expected`.
pub(crate) fn compare(expected: &Value, got: &Value, mode: Mode) -> Vec<Difference> {
    let failed = expected.get("error").is_some() || got.get("error").is_some();
    let mode = if failed { Mode::Exact } else { mode };
    let mut comparison = Comparison { mode, differences: Vec::new() };
    comparison.value("", expected, got);
    comparison.differences
}

struct Comparison {
    mode: Mode,
    differences: Vec<Difference>,
}

impl Comparison {
    fn value(&mut self, path: &str, expected: &Value, got: &Value) {
        let same = match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                return self.object(path, expected, got, None);
            }
            (Value::Array(expected), Value::Array(got)) => return self.list(path, expected, got),
            (Value::Number(a), Value::Number(b)) => {
                self.mode == Mode::Shape || a == b || a.as_f64() == b.as_f64()
            }
            (Value::String(a), Value::String(b)) if self.mode == Mode::Shape => {
                is_hex(a) == is_hex(b)
            }
            (Value::Bool(a), Value::Bool(b)) => self.mode == Mode::Shape || a == b,
            (expected, got) => expected == got,
        };
        if !same {
            self.add(path, Kind::Other { expected: show(expected), got: show(got) });
        }
    }

    /// `free` is a field that is not compared.
    fn object(
        &mut self,
        path: &str,
        expected: &Map<String, Value>,
        got: &Map<String, Value>,
        free: Option<&str>,
    ) {
        if self.mode == Mode::Shape && is_table(expected) && is_table(got) {
            return self.table(path, &[expected], got);
        }
        for (key, value) in expected.iter().filter(|(key, _)| free != Some(key)) {
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match (value, got.get(key)) {
                (value, None) => self.add(&place, Kind::Missing { expected: show(value) }),
                (Value::Object(error), Some(Value::Object(given)))
                    if key == "error"
                        && error.contains_key("message")
                        && given.contains_key("message") =>
                {
                    self.object(&place, error, given, Some("message"));
                }
                (value, Some(given)) => self.value(&place, value, given),
            }
        }
        for (key, value) in got.iter().filter(|(key, _)| !expected.contains_key(*key)) {
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            self.add(&place, Kind::Extra { got: show(value) });
        }
    }

    /// Values by keys that are data: any of `examples` may be what a value is like.
    fn table(&mut self, path: &str, examples: &[&Map<String, Value>], got: &Map<String, Value>) {
        let values: Vec<&Value> = examples.iter().flat_map(|example| example.values()).collect();
        let objects: Vec<_> = values.iter().filter_map(|value| value.as_object()).collect();
        let Some((first, others)) = objects.split_first() else { return };
        for (key, value) in got {
            let place = format!("{path}.{key}");
            let Value::Object(value) = value else {
                let expected = "an object".to_owned();
                self.add(&place, Kind::Other { expected, got: show(value) });
                continue;
            };
            if is_table(first) && is_table(value) {
                self.table(&place, &objects, value);
                continue;
            }
            let common = first
                .iter()
                .filter(|(name, _)| others.iter().all(|other| other.contains_key(name.as_str())));
            for (name, example) in common {
                let place = format!("{place}.{name}");
                let Some(value) = value.get(name) else {
                    self.add(&place, Kind::Missing { expected: show(example) });
                    continue;
                };
                let is_like = |object: &&Map<String, Value>| {
                    object.get(name).is_some_and(|like| compare(like, value, self.mode).is_empty())
                };
                if !objects.iter().any(is_like) {
                    let (expected, got) = (show(example), show(value));
                    self.add(&place, Kind::Other { expected, got });
                }
            }
        }
    }

    fn list(&mut self, path: &str, expected: &[Value], got: &[Value]) {
        for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
            self.value(&format!("{path}[{index}]"), expected, got);
        }
        let both = expected.len().min(got.len());
        if self.mode == Mode::Shape && both > 0 {
            return;
        }
        for (index, value) in expected.iter().enumerate().skip(both) {
            self.add(&format!("{path}[{index}]"), Kind::Missing { expected: show(value) });
        }
        for (index, value) in got.iter().enumerate().skip(both) {
            self.add(&format!("{path}[{index}]"), Kind::Extra { got: show(value) });
        }
    }

    fn add(&mut self, path: &str, kind: Kind) {
        self.differences.push(Difference { path: path.to_owned(), kind });
    }
}

/// Whether all keys are data: hexadecimal, or decimal numbers.
fn is_table(object: &Map<String, Value>) -> bool {
    object.keys().all(|key| is_hex(key) || key.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_hex(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn show(value: &Value) -> String {
    shorten(&value.to_string())
}

/// `text`, with its middle left out when it is long.
pub(crate) fn shorten(text: &str) -> String {
    let length = text.chars().count();
    if length <= SHOWN_MAX {
        return text.to_owned();
    }
    let half = SHOWN_MAX / 2;
    let (start, end): (String, String) =
        (text.chars().take(half).collect(), text.chars().skip(length - half).collect());
    format!("{start} ... {end} ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(expected: &Value, got: &Value, mode: Mode) -> Vec<String> {
        compare(expected, got, mode).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_equal_passes_whatever_the_order_of_its_fields() {
        let expected: Value =
            serde_json::from_str(r#"{"id":1,"result":{"a":[1,{"b":null}]}}"#).unwrap();
        let got: Value =
            serde_json::from_str(r#"{"result":{"a":[1.0,{"b":null}]},"id":1}"#).unwrap();
        assert!(told(&expected, &got, Mode::Exact).is_empty());
        assert!(told(&expected, &got, Mode::Shape).is_empty());
    }

    #[test]
    fn every_kind_of_difference_is_found_and_placed() {
        let expected =
            json!({"id": 1, "result": {"gas": "0x1", "logs": [{"data": "0x"}], "to": null}});
        for (got, told_as) in [
            (json!({"id": 2, "result": expected["result"]}), "id: expected 1, got 2"),
            (json!({"id": 1}), "result: missing, expected {"),
            (
                json!({"id": 1, "result": {"gas": "0x01", "logs": [{"data": "0x"}], "to": null}}),
                "result.gas: expected \"0x1\", got \"0x01\"",
            ),
            (
                json!({"id": 1, "result": {"gas": "0x1", "logs": [{"data": "0x"}]}}),
                "result.to: missing, expected null",
            ),
            (
                json!({"id": 1, "result": {"gas": "0x1", "logs": [{"data": "0x", "x": 1}], "to": null}}),
                "result.logs[0].x: not expected, got 1",
            ),
            (
                json!({"id": 1, "result": {"gas": "0x1", "logs": [], "to": null}}),
                "result.logs[0]: missing",
            ),
            (
                json!({"id": 1, "result": {"gas": "0x1", "logs": [{"data": "0x"}, 7], "to": null}}),
                "result.logs[1]: not expected, got 7",
            ),
            (json!([expected.clone()]), "response: expected {"),
        ] {
            let differences = told(&expected, &got, Mode::Exact);
            assert!(differences.iter().any(|text| text.starts_with(told_as)), "{differences:?}");
        }
    }

    #[test]
    fn the_words_of_an_error_are_free_and_nothing_else_of_it() {
        let expected = json!({"error": {"code": -32000, "message": "a", "data": "0x"}});
        let words = json!({"error": {"code": -32000, "message": "b", "data": "0x"}});
        assert!(told(&expected, &words, Mode::Exact).is_empty());
        for got in [
            json!({"error": {"code": -32001, "message": "a", "data": "0x"}}),
            json!({"error": {"code": -32000, "message": "a"}}),
            json!({"error": {"code": -32000, "message": "a", "data": "0x00"}}),
            json!({"error": {"code": -32000, "data": "0x"}}),
            json!({"result": "0x"}),
        ] {
            assert!(!told(&expected, &got, Mode::Exact).is_empty(), "{got}");
            assert!(!told(&expected, &got, Mode::Shape).is_empty(), "{got}");
        }
        // eth_simulateV1 has errors inside results; a trace's `error` is a plain text.
        let nested =
            |message: &str| json!({"result": [{"error": {"message": message, "code": 3}}]});
        assert!(told(&nested("a"), &nested("b"), Mode::Exact).is_empty());
        let trace = |error: &str| json!({"result": {"error": error}});
        assert!(!told(&trace("a"), &trace("b"), Mode::Exact).is_empty());
    }

    #[test]
    fn a_shape_is_types_keys_and_hexadecimal() {
        let expected =
            json!({"result": {"gas": "0x5208", "pc": 1, "ok": true, "list": [{"a": "x"}, 1]}});
        let same = json!({"result": {"gas": "0x1", "pc": 7, "ok": false, "list": [{"a": "y"}]}});
        assert!(told(&expected, &same, Mode::Shape).is_empty());
        for (field, value) in [
            ("gas", json!("21000")),
            ("gas", json!(21000)),
            ("gas", json!(null)),
            ("pc", json!("0x1")),
            ("list", json!([])),
            ("list", json!([{"b": "y"}])),
            ("list", json!({})),
            ("new", json!(1)),
        ] {
            let mut got = same.clone();
            got["result"][field] = value;
            assert!(!told(&expected, &got, Mode::Shape).is_empty(), "{got}");
        }
    }

    #[test]
    fn where_keys_are_data_values_have_what_all_examples_have() {
        let expected = json!({"result": {"pending": {
            "0xaa": {"0": {"nonce": "0x0", "to": null}, "1": {"nonce": "0x1", "to": "0x01", "x": 1}},
        }}});
        let got = |transaction: Value| json!({"result": {"pending": {"0xbb": {"7": transaction}}}});
        for good in
            [json!({"nonce": "0x7", "to": "0x02"}), json!({"nonce": "0x7", "to": null, "y": 1})]
        {
            assert!(told(&expected, &got(good.clone()), Mode::Shape).is_empty(), "{good}");
        }
        for bad in [json!({"nonce": "0x7"}), json!({"nonce": 7, "to": null}), json!("0x7")] {
            assert!(!told(&expected, &got(bad.clone()), Mode::Shape).is_empty(), "{bad}");
        }
        assert!(
            !told(&expected, &got(json!({"nonce": "0x0", "to": null})), Mode::Exact).is_empty()
        );
        let none = json!({"result": {"pending": {}}});
        assert!(told(&expected, &none, Mode::Shape).is_empty());
    }

    #[test]
    fn long_values_are_shortened() {
        let text = show(&json!("x".repeat(1_000)));
        assert!(text.len() < 200 && text.ends_with("(1002 characters)"), "{text}");
    }
}
