//! Objects that are written as objects.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// A `T` read from an object. What serde derives for a struct takes a list, too, for its fields in
/// the order of their declaration, which is nothing a caller should know.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// Reads an object.
///
/// # Errors
/// It is something else, or a field has no value of its kind.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, serde_json::Error> {
    serde_json::from_str(json).map(|Object(value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[derive(Deserialize)]
    struct Pair<'a> {
        #[serde(borrow, default)]
        first: Option<&'a RawValue>,
        #[serde(default)]
        second: Option<Object<Inner>>,
    }

    #[derive(Deserialize)]
    struct Inner {
        number: u8,
    }

    #[test]
    fn lists_are_no_objects_at_any_depth() {
        let pair: Pair<'_> = object(r#"{"first":[1, 2],"second":{"number":7}}"#).unwrap();
        assert_eq!(pair.first.map(RawValue::get), Some("[1, 2]"));
        assert_eq!(pair.second.map(|inner| inner.0.number), Some(7));
        assert!(object::<Pair<'_>>(r#"{"second":null}"#).unwrap().second.is_none());
        for bad in ["[]", "[1,[7]]", r#"{"second":[7]}"#, "null", "7", r#"{"second":{}}"#] {
            assert!(object::<Pair<'_>>(bad).is_err(), "{bad}");
        }
        let error = object::<Pair<'_>>("[]").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("expected an object"), "{error}");
    }
}
