//! Whether the clocks agree: the service's, Azure's and this machine's.

use chrono::TimeDelta;

use super::client::Response;
use super::finding::Finding;

/// `date` has whole seconds, and a response takes some time.
const NOTICED: TimeDelta = TimeDelta::seconds(5);

/// AWS rejects older signatures.
const TOO_FAR: TimeDelta = TimeDelta::minutes(5);

/// How far the server's clock is ahead of this machine's.
#[must_use]
pub(super) fn ahead(response: &Response) -> Option<TimeDelta> {
    let cut_off = TimeDelta::milliseconds(500);
    Some(response.date()? + cut_off - response.sent_at)
}

/// Judges how far the service's and Azure's clocks are ahead of this machine's.
#[must_use]
pub(super) fn judge(service: Option<TimeDelta>, azure: Option<TimeDelta>) -> Finding {
    const CHECK: &str = "clock";
    let (Some(service), azure) = (service, azure) else {
        return Finding::skip(CHECK, "The responses of the service have no date.");
    };
    let is_off = |skew: TimeDelta| skew.abs() > NOTICED;
    let azure_seen = match azure {
        Some(azure) => format!(", Azure's {}", distance(azure)),
        None => String::new(),
    };
    let seen = format!(
        "Against this machine's, the service's clock is {}{azure_seen}.",
        distance(service)
    );
    if !is_off(service) && !azure.is_some_and(is_off) {
        return Finding::ok(CHECK, seen);
    }
    let service_is_off =
        is_off(service) && azure.is_some_and(|azure| is_off(service - azure) && !is_off(azure));
    if service_is_off {
        let advice = "The service's clock differs from Azure's and from this machine's. Events open \
                    and close by it: synchronise it with NTP. On Lambda, AWS does so; look for a \
                    proxy that responds from a cache.";
        return Finding::fail(CHECK, seen, advice);
    }
    let advice = "This machine's clock is wrong. Synchronise it with NTP: timedatectl set-ntp true";
    if service.abs().max(azure.unwrap_or_default().abs()) > TOO_FAR {
        let advice =
            format!("{advice}\nUntil then, AWS rejects the signatures of the aws command.");
        return Finding::fail(CHECK, seen, advice);
    }
    Finding::warn(CHECK, seen, advice)
}

/// How far a clock is ahead or behind, in words.
fn distance(skew: TimeDelta) -> String {
    let tenths = skew.num_milliseconds() / 100;
    let seconds = format!("{}.{} s", tenths.abs() / 10, tenths.abs() % 10);
    match tenths {
        0 => "equal".to_owned(),
        1.. => format!("{seconds} ahead"),
        _ => format!("{seconds} behind"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn judged(service_ms: i64, azure_ms: Option<i64>) -> (Level, String) {
        let finding =
            judge(Some(TimeDelta::milliseconds(service_ms)), azure_ms.map(TimeDelta::milliseconds));
        (finding.level, finding.advice.unwrap_or_default())
    }

    #[test]
    fn clocks_that_agree_within_seconds_are_right() {
        assert_eq!(judged(-900, Some(1_200)).0, Level::Ok);
        let seen = judge(Some(TimeDelta::milliseconds(-400)), None).seen;
        assert_eq!(seen, "Against this machine's, the service's clock is 0.4 s behind.");
        let both = judge(Some(TimeDelta::milliseconds(40)), Some(TimeDelta::milliseconds(1_250)));
        assert_eq!(
            both.seen,
            "Against this machine's, the service's clock is equal, Azure's 1.2 s ahead."
        );
        assert_eq!(distance(TimeDelta::milliseconds(-61_250)), "61.2 s behind");
    }

    #[test]
    fn two_against_one_shows_whose_clock_is_wrong() {
        let (level, advice) = judged(60_000, Some(100));
        assert_eq!(level, Level::Fail);
        assert!(advice.starts_with("The service's clock"), "{advice}");
        let (level, advice) = judged(60_000, Some(60_500));
        assert_eq!(level, Level::Warn);
        assert!(advice.starts_with("This machine's clock"), "{advice}");
    }

    #[test]
    fn five_minutes_break_signatures() {
        let (level, advice) = judged(-301_000, Some(-301_000));
        assert_eq!(level, Level::Fail);
        assert!(advice.contains("signatures"), "{advice}");
    }

    #[test]
    fn a_missing_date_is_skipped() {
        assert_eq!(judge(None, Some(TimeDelta::zero())).level, Level::Skip);
    }
}
