//! Kubernetes' quantities, such as `1900m` or `8Gi`.
//!
//! k8s-openapi keeps them as the text they are; the rules are those of `resource.ParseQuantity`.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// How many of a quantity's smallest parts make one.
pub(super) const NANO: i128 = 1_000_000_000;

/// How many units an amount takes, the last one begun.
pub(super) fn ceil(amount: i128, unit: i128) -> i128 {
    amount.div_euclid(unit) + i128::from(amount.rem_euclid(unit) != 0)
}

/// A quantity in billionths; finer digits are rounded up as `resource.ParseQuantity` does.
pub(super) fn nano(quantity: &Quantity) -> Option<i128> {
    let text = quantity.0.as_str();
    let suffix_at = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(suffix_at);
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let (multiplier, exponent) = scale(suffix)?;
    let exponent = exponent
        .checked_add(9)?
        .checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let amount = digits.parse::<u64>().ok().map(i128::from)?.checked_mul(multiplier)?;
    let power = 10i128.checked_pow(exponent.unsigned_abs())?;
    if exponent < 0 {
        Some(ceil(sign * amount, power))
    } else {
        amount.checked_mul(power).map(|amount| sign * amount)
    }
}

/// A quantity as a number, to reckon with roughly; none where it is no quantity.
pub fn amount(quantity: &Quantity) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "rough is meant")]
    nano(quantity).map(|nano| nano as f64 / NANO as f64)
}

/// A suffix as a factor and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    Some(match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => (1, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("2", Some(2.0)),
            ("1900m", Some(1.9)),
            ("8Gi", Some(8_589_934_592.0)),
            ("24689408Ki", Some(25_281_953_792.0)),
            ("1e3", Some(1000.0)),
            ("-1.5k", Some(-1500.0)),
            ("8Qx", None),
            ("", None),
        ] {
            assert_eq!(amount(&Quantity(text.into())), expected, "{text}");
        }
    }
}
