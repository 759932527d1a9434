//! The `Prefer` header (RFC 7240), of which `wait` is understood.

use std::time::Duration;

/// Longest that an answer is waited for, in seconds: connections and proxies hold that long.
pub(crate) const WAIT_SECONDS_MAX: u64 = 30;

/// How long the client would wait for the outcome, capped; none when it doesn't ask for that. As the RFC wants it, what isn't
/// understood is passed over, and of a preference that comes twice the first counts.
pub(crate) fn wait<'v>(values: impl Iterator<Item = &'v str>) -> Option<Duration> {
    let preferences = values.flat_map(|value| value.split(','));
    for preference in preferences {
        // Parameters of a preference follow semicolons; wait has none.
        let token = preference.split(';').next().unwrap_or_default();
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        if !name.trim().eq_ignore_ascii_case("wait") {
            continue;
        }
        let value = value.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(value);
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // More digits than fit are more seconds than the cap.
        let seconds = value.parse().unwrap_or(u64::MAX).min(WAIT_SECONDS_MAX);
        return (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_is_found_among_other_preferences_and_capped() {
        for (values, seconds) in [
            (&["wait=5"][..], 5),
            (&["respond-async, wait=10"], 10),
            (&["respond-async", "wait=7"], 7),
            (&["Wait = 3 ; foo"], 3),
            (&["wait=\"4\""], 4),
            (&["wait=2, wait=9"], 2),
            (&["wait=31"], 30),
            (&["wait=99999999999999999999999"], 30),
        ] {
            assert_eq!(
                wait(values.iter().copied()),
                Some(Duration::from_secs(seconds)),
                "{values:?}"
            );
        }
    }

    #[test]
    fn what_asks_for_no_wait_gets_none() {
        for value in [
            "",
            "respond-async",
            "wait",
            "wait=",
            "wait=-1",
            "wait=x",
            "wait=0",
            "await=3",
        ] {
            assert_eq!(wait([value].into_iter()), None, "{value}");
        }
    }
}
