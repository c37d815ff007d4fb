//! How YAML reads a scalar without quotes, by the rules of Helm and kubectl (YAML 1.1 as Go reads it).

/// Whether a scalar without quotes is a text, and no number, boolean or null.
pub fn is_text(plain: &str) -> bool {
    !(is_null(plain) || is_bool(plain) || is_number(plain) || plain == "<<")
}

/// Whether a scalar without quotes is a null.
pub fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}

fn is_bool(plain: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    // `yes`, `Yes` and `YES`, but not `yEs`.
    let tail = plain.get(1..).unwrap_or_default();
    let cased = tail.bytes().all(|b| b.is_ascii_lowercase()) || plain.bytes().all(|b| b.is_ascii_uppercase());
    cased && WORDS.iter().any(|word| plain.eq_ignore_ascii_case(word))
}

fn is_number(plain: &str) -> bool {
    if !plain.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return false;
    }
    let digits = plain.replace('_', "");
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    let based = |prefix: &str, radix| {
        unsigned
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    if based("0x", 16) || based("0o", 8) || based("0b", 2) {
        return true;
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(plain, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !exponent.is_empty()
        && all_digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_booleans_and_nulls_are_no_texts() {
        for plain in [
            "", "~", "null", "yes", "No", "ON", "true", "FALSE", "0", "-1", "+12", "1.5", ".5", "1.", "1e3", "1E+07",
            "0x1F", "0o17", "017", "0b11", "1_000", ".inf", "-.inf", ".nan",
        ] {
            assert!(!is_text(plain), "{plain}");
        }
        for plain in [
            "YWRtaW4=",
            "yEs",
            "tRUE",
            "1a",
            "1e",
            "e1",
            ".",
            "-",
            "0x",
            "0xg",
            "2024-01-01",
            "1.2.3",
            "10.0.0.1",
            "12:30",
        ] {
            assert!(is_text(plain), "{plain}");
        }
    }
}
