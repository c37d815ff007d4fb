//! `$(NAME)` references, as in `third_party/forked/golang/expansion` (`Expand`,
//! `tryReadVariableName`).

use super::Kubelet;

/// Replaces each `$(NAME)` in `input` by what `lookup` has under that name.
///
/// A name that `lookup` does not know stays as written, `$$` is one `$` (so `$$(NAME)` is the text
/// `$(NAME)`), an unclosed `$(` stays, and every other `$` stays. One pass: what a reference brings
/// in is not expanded again. A name is everything up to the next `)`, spaces and `$` included.
///
/// Kubelets before 1.34.4 (and 1.35.0) break a character that is not ASCII right behind a `$`: of
/// `$é` they make `$Ã` and a stray byte.
///
/// The result is bytes because a Secret's value need not be UTF-8.
pub fn expand<'v>(input: &str, kubelet: Kubelet, lookup: impl Fn(&str) -> Option<&'v [u8]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((before, after)) = rest.split_once('$') {
        out.extend(before.bytes());
        rest = after;
        if let Some(unescaped) = after.strip_prefix('$') {
            out.push(b'$');
            rest = unescaped;
        } else if let Some((name, behind)) = after.strip_prefix('(').and_then(|open| open.split_once(')')) {
            match lookup(name) {
                Some(value) => out.extend(value),
                None => out.extend(format!("$({name})").bytes()),
            }
            rest = behind;
        } else {
            out.push(b'$');
            if kubelet.breaks_characters()
                && let Some(first) = after.chars().next().filter(|first| !first.is_ascii())
            {
                let (broken, behind) = after.split_at(first.len_utf8());
                let (lead, trail) = broken.as_bytes().split_at(1);
                // Go's `string(input[0])`: a byte made a character of its own.
                out.extend(lead.iter().copied().map(char::from).collect::<String>().bytes());
                out.extend(trail);
                rest = behind;
            }
        }
    }
    out.extend(rest.bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(name: &str) -> Option<&'static [u8]> {
        match name {
            "A" => Some(b"alpha"),
            "B" => Some(b"$(A)"),
            "EMPTY" => Some(b""),
            "RAW" => Some(b"\xff\xfe"),
            "" => Some(b"nameless"),
            _ => None,
        }
    }

    #[test]
    fn references_expand_once_and_everything_else_stays() {
        for (input, expected) in [
            ("", &b""[..]),
            ("plain", b"plain"),
            ("$(A)", b"alpha"),
            ("x$(A)y$(A)z", b"xalphayalphaz"),
            ("$(B)", b"$(A)"),
            ("$(EMPTY)", b""),
            ("$(RAW)!", b"\xff\xfe!"),
            ("$(NONE)", b"$(NONE)"),
            ("$$(A)", b"$(A)"),
            ("$$$(A)", b"$alpha"),
            ("$$$$(A)", b"$$(A)"),
            ("$A", b"$A"),
            ("${A}", b"${A}"),
            ("$", b"$"),
            ("a$", b"a$"),
            ("$$", b"$"),
            ("$(A", b"$(A"),
            ("$(A$(A)", b"$(A$(A)"),
            ("$(A))", b"alpha)"),
            ("$()", b"nameless"),
            ("$\u{e9}$(A)", "$\u{e9}alpha".as_bytes()),
            ("pa$$word", b"pa$word"),
            ("5$ $(A)", b"5$ alpha"),
        ] {
            assert_eq!(expand(input, Kubelet::NEWEST, known), expected, "{input}");
        }
    }

    #[test]
    fn older_kubelets_break_a_character_behind_a_dollar() {
        let old = Kubelet::new(1, 34, 3);
        for (input, expected) in [
            ("pa$\u{e9}x", &b"pa$\xc3\x83\xa9x"[..]),
            ("$\u{20ac}", b"$\xc3\xa2\x82\xac"),
            ("$$\u{e9}", b"$\xc3\xa9"),
            ("$(\u{e9})$(A)", b"$(\xc3\xa9)alpha"),
        ] {
            assert_eq!(expand(input, old, known), expected, "{input}");
        }
    }

    /// The Go algorithm step by step, with its cursor and checkpoint.
    fn as_go_does(input: &str) -> Vec<u8> {
        let bytes = input.as_bytes();
        let (mut out, mut checkpoint, mut cursor) = (Vec::new(), 0, 0);
        while cursor < bytes.len() {
            if bytes[cursor] == b'$' && cursor + 1 < bytes.len() {
                out.extend(&bytes[checkpoint..cursor]);
                let tail = &input[cursor + 1..];
                let (read, is_variable, advance) = try_read_variable_name(tail);
                match is_variable.then(|| known(&read)) {
                    Some(Some(value)) => out.extend(value),
                    Some(None) => out.extend(format!("$({read})").bytes()),
                    None => out.extend(read.bytes()),
                }
                cursor += advance;
                checkpoint = cursor + 1;
            }
            cursor += 1;
        }
        out.extend(&bytes[checkpoint..]);
        out
    }

    fn try_read_variable_name(input: &str) -> (String, bool, usize) {
        let first = input.chars().next().unwrap();
        match first {
            '$' => ("$".into(), false, 1),
            '(' => match input.find(')') {
                Some(end) => (input[1..end].into(), true, end + 1),
                None => ("$(".into(), false, 1),
            },
            other => (format!("${other}"), false, other.len_utf8()),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_go_algorithm(input in r"([$()AB ]|EMPTY|RAW|é|\$\(A\)){0,12}") {
            prop_assert_eq!(expand(&input, Kubelet::NEWEST, known), as_go_does(&input));
        }
    }
}
