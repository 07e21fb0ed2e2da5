//! Maps by enum as JSON objects. The keys are the variants' names.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use enum_map::{EnumArray, EnumMap};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Reads such an object. A missing name gets the default, and unknown names are ignored, because an
/// item of another release may have fewer names or more.
pub(crate) fn read<'de, D, K, V>(deserializer: D) -> Result<EnumMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: EnumArray<V> + FromStr,
    V: Default + Deserialize<'de>,
{
    deserializer.deserialize_map(ByName(PhantomData))
}

struct ByName<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> Visitor<'de> for ByName<K, V>
where
    K: EnumArray<V> + FromStr,
    V: Default + Deserialize<'de>,
{
    type Value = EnumMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut map = EnumMap::default();
        while let Some(name) = object.next_key::<String>()? {
            match name.parse::<K>() {
                Ok(key) => map[key] = object.next_value()?,
                Err(_) => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(map)
    }
}
