//! Maps by enum as JSON objects. The keys are the variants' names.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use enum_map::{EnumArray, EnumMap};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Reads such an object. A missing name gets the default, and unknown names are ignored, because an
/// item of another release may have fewer names or more. `value` makes the value of a key of what its
/// JSON says.
pub(crate) fn read<'de, D, K, J, V>(
    deserializer: D,
    value: fn(K, J) -> V,
) -> Result<EnumMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Copy + EnumArray<V> + FromStr,
    J: Deserialize<'de>,
    V: Default,
{
    deserializer.deserialize_map(ByName { value, json: PhantomData })
}

struct ByName<K, J, V> {
    value: fn(K, J) -> V,
    json: PhantomData<J>,
}

impl<'de, K, J, V> Visitor<'de> for ByName<K, J, V>
where
    K: Copy + EnumArray<V> + FromStr,
    J: Deserialize<'de>,
    V: Default,
{
    type Value = EnumMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut map = EnumMap::default();
        while let Some(name) = object.next_key::<String>()? {
            match name.parse::<K>() {
                Ok(key) => map[key] = (self.value)(key, object.next_value()?),
                Err(_) => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(map)
    }
}
