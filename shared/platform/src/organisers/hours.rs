//! The usage of an event by hour and model.

use async_trait::async_trait;
use chrono::NaiveDateTime;
use lanyard_administration::ports::{HourStore, OrganiserFault};
use lanyard_administration::records::{HourUsage, MinuteUsage, RejectedRequest};
use lanyard_domain::event::Event;
use lanyard_domain::hour::{FirstBytes, MinuteUse, PackedFirstBytes};
use lanyard_domain::unit::{Unit, Units};
use lanyard_domain::usage::{CacheUse, Charge};
use lanyard_gateway::ports::Cause;

use super::{Organisers, unavailable};
use crate::ledger::hour::{
    CACHE_READ, CACHE_WRITTEN, ERROR, FIRST_BYTE, REJECTED, minute_name, minute_times_name,
    read_rejected,
};
use crate::table::{
    HOUR_PREFIX, Item, NO_MODEL, get_number, get_text, get_wide_number, readable, shard_pk,
};

/// Reads the item of an hour.
fn hour_usage(item: &Item) -> Result<HourUsage, Cause> {
    let sort_key = get_text(item, "sk")?;
    let (hour, model) = sort_key
        .strip_prefix(HOUR_PREFIX)
        .and_then(|rest| rest.split_once('#'))
        .ok_or("an hour without a name")?;
    let count = |name: &str| -> Result<u64, Cause> {
        Ok(u64::try_from(get_number(item, name)?.unwrap_or_default())?)
    };
    let mut units = Units::NONE;
    for unit in Unit::ALL.iter().copied() {
        units = units.with(unit, count(unit.name())?);
    }
    let mut first_bytes = FirstBytes::default();
    for bucket in 0..FirstBytes::BUCKETS {
        first_bytes.add(bucket, count(&format!("{FIRST_BYTE}{bucket}"))?);
    }
    let mut minutes = Vec::new();
    for minute in 0..60 {
        let used = MinuteUse::unpacked(count(&minute_name(minute))?);
        // Hours of earlier releases have no times by minute.
        let times = get_wide_number(item, &minute_times_name(minute))?.unwrap_or_default();
        let first_bytes = PackedFirstBytes::unpacked(times);
        if used != MinuteUse::default() || first_bytes != FirstBytes::default() {
            minutes.push(MinuteUsage { minute, used, first_bytes });
        }
    }
    let codes = item.keys().filter_map(|name| Some((name, name.strip_prefix(ERROR)?)));
    let errors = codes.map(|(name, code)| Ok((code.to_owned(), count(name)?)));
    Ok(HourUsage {
        errors: errors.collect::<Result<_, Cause>>()?,
        first_bytes,
        minutes,
        rejected: item
            .iter()
            .filter(|(name, _)| name.starts_with(REJECTED))
            .filter_map(|(_, value)| read_rejected(value.as_s().ok()?))
            .map(|(at, code, user)| RejectedRequest { user, code, at })
            .collect(),
        hour: NaiveDateTime::parse_from_str(&format!("{hour}:00"), "%Y-%m-%dT%H:%M")?.and_utc(),
        model: (model != NO_MODEL).then(|| model.parse()).transpose()?,
        requests: count("requests")?,
        charge: Charge {
            prompt_tokens: count("prompt_tokens")?,
            completion_tokens: count("completion_tokens")?,
            units,
        },
        cache: CacheUse { read: count(CACHE_READ)?, written: count(CACHE_WRITTEN)? },
    })
}

#[async_trait]
impl HourStore for Organisers {
    async fn hours(&self, event: &Event) -> Result<Vec<HourUsage>, OrganiserFault> {
        let mut hours = Vec::new();
        for shard in 0..event.shards.max(1) {
            let of_shard = self.table.all(shard_pk(&event.id, shard), HOUR_PREFIX).await;
            let of_shard = of_shard.map_err(unavailable)?;
            hours.extend(of_shard.iter().filter_map(|item| readable(item, hour_usage)));
        }
        Ok(hours)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::table::{Key, number};
    use lanyard_domain::ids::EventId;

    #[test]
    fn an_hour_is_read_from_its_key_and_counters() {
        let (event, model): (EventId, _) =
            ("evt_1".parse().unwrap(), "gpt-4o.mini".parse().unwrap());
        let at = "2026-12-05T09:59:59Z".parse().unwrap();
        let mut item = Key::hour(&event, 0, at, Some(&model)).attributes();
        item.insert("requests".to_owned(), number(3));
        item.insert("prompt_tokens".to_owned(), number(70));
        item.insert("images".to_owned(), number(2));
        item.insert("cache_read".to_owned(), number(40));
        item.insert("error_upstream_busy".to_owned(), number(4));
        item.insert("first_byte_2".to_owned(), number(5));
        item.insert("m58".to_owned(), number(1_000_000_000_001));
        item.insert("m59".to_owned(), number(3_000_000_000_070));
        item.insert("t59".to_owned(), AttributeValue::N("2.0001E+8".to_owned()));
        let hour = hour_usage(&item).unwrap();
        assert_eq!(hour.hour.to_rfc3339(), "2026-12-05T09:00:00+00:00");
        assert_eq!((hour.model, hour.requests), (Some(model), 3));
        assert_eq!(hour.errors, BTreeMap::from([("upstream_busy".to_owned(), 4)]));
        assert_eq!(hour.first_bytes.buckets().collect::<Vec<_>>(), [(Some(200), 5)]);
        let minutes: Vec<_> = hour.minutes.iter().map(|one| (one.minute, one.used)).collect();
        let used = |requests, tokens| MinuteUse { requests, tokens };
        assert_eq!(minutes, [(58, used(1, 1)), (59, used(3, 70))]);
        assert_eq!(hour.minutes[0].first_bytes, FirstBytes::default());
        let times: Vec<_> = hour.minutes[1].first_bytes.buckets().collect();
        assert_eq!(times, [(Some(200), 1), (Some(400), 2)]);
        assert_eq!(hour.cache, CacheUse { read: 40, written: 0 });
        let refused = Key::hour(&event, 0, at, None).attributes();
        assert_eq!(hour_usage(&refused).unwrap().model, None);
        assert_eq!(
            hour.charge,
            Charge { units: Units::of(Unit::Images, 2), ..Charge::of_tokens(70, 0) }
        );
    }
}
