use std::cell::RefCell;
use std::io::Read;

use super::*;

fn answers(input: impl AsRef<[u8]>) -> (Vec<String>, Decoded) {
    let mut output = Vec::new();
    let decoded = lines(input.as_ref(), &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    (text.lines().map(str::to_owned).collect(), decoded)
}

#[test]
fn each_line_is_answered_in_its_place_with_kestras_own_words() {
    let (answers, decoded) = answers(
        "{\"env\": \"YWRtaW4=\"}\n{\"env\": \"YQ=\"}\r\n\n{\"name\": \"SECRET_A\", \"env\": \"YWRt\\naW4K\", \"other\": 1}\n{\"env\": \"\"}\n{\"env\": \"/w==\"}",
    );
    assert_eq!(
        answers,
        [
            r#"{"plain":"admin","error":null}"#,
            r#"{"plain":null,"error":"Input byte array has wrong 4-byte ending unit"}"#,
            r#"{"name":"SECRET_A","plain":"admin\n","error":null}"#,
            r#"{"plain":"","error":null}"#,
            "{\"plain\":\"\u{fffd}\",\"error\":null}",
        ]
    );
    assert_eq!(decoded, Decoded::default());
}

#[test]
fn a_line_that_cannot_be_read_is_answered_and_counted_and_not_quoted() {
    let (answers, decoded) = answers(
        b"{\"env\": \"YQ==\"}\n{\"env\": hidden}\n\"hidden\"\n{\"env\": [\"hidden\"]}\n{\"plain\": \"hidden\"}\n{\"env\": \"hid\n\xff\n{\"env\": \"Yg==\"}\n",
    );
    assert_eq!(
        answers,
        [
            r#"{"plain":"a","error":null}"#,
            r#"{"plain":null,"error":"line 2, column 9: not JSON"}"#,
            r#"{"plain":null,"error":"line 3, column 8: not an object with a text `env`"}"#,
            r#"{"plain":null,"error":"line 4, column 8: not an object with a text `env`"}"#,
            r#"{"plain":null,"error":"line 5, column 19: not an object with a text `env`"}"#,
            r#"{"plain":null,"error":"line 6, column 12: the JSON ends too early"}"#,
            r#"{"plain":null,"error":"line 7, column 1: not JSON"}"#,
            r#"{"plain":"b","error":null}"#,
        ]
    );
    assert_eq!(
        decoded,
        Decoded {
            unread: 6,
            first: Some((2, 9))
        }
    );
}

#[test]
fn a_mark_of_windows_before_the_first_line_is_no_fault() {
    let (answers, _) = answers("\u{feff}{\"env\": \"YQ==\"}\r\n\u{feff}{\"env\": \"YQ==\"}\r\n");
    assert_eq!(answers[0], r#"{"plain":"a","error":null}"#);
    assert!(answers[1].contains("line 2, column 1: not JSON"));
}

#[test]
fn the_longest_variable_fits_into_a_line_however_it_is_escaped() {
    let env = "QUJD".repeat(32 * 1024);
    let escaped: String = env.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let (answers, decoded) = answers(format!("{{\"env\":\"{escaped}\"}}\n"));
    assert_eq!(decoded.unread, 0);
    assert!(answers[0].contains(&"ABC".repeat(32 * 1024)));
}

/// An input that has no end of its own.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
        buffer[..size].fill(b'x');
        self.0 -= size as u64;
        Ok(size)
    }
}

#[test]
fn a_line_without_end_takes_no_memory_and_the_next_is_read() {
    let input = Endless(64 * 1024 * 1024).chain(&b"\n{\"env\": \"YQ==\"}\n"[..]);
    let mut output = Vec::new();
    let decoded = lines(input, &mut output).unwrap();
    assert_eq!(
        decoded,
        Decoded {
            unread: 1,
            first: Some((1, LONGEST_LINE as u64 + 1))
        }
    );
    assert_eq!(
        String::from_utf8(output).unwrap(),
        "{\"plain\":null,\"error\":\"line 1, column 1048577: longer than 1048576 bytes\"}\n{\"plain\":\"a\",\"error\":null}\n"
    );
}

/// Counts what has been handed on when the input is asked for more.
struct Paused<'a> {
    pieces: std::slice::Iter<'a, &'a [u8]>,
    handed: &'a RefCell<Vec<u8>>,
    seen: &'a RefCell<Vec<usize>>,
}

impl Read for Paused<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let lines = self.handed.borrow().split(|b| *b == b'\n').count() - 1;
        self.seen.borrow_mut().push(lines);
        let piece = self.pieces.next().copied().unwrap_or_default();
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

/// Hands on when flushed, as a pipe behind a buffer does.
struct Held<'a>(Vec<u8>, &'a RefCell<Vec<u8>>);

impl Write for Held<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.borrow_mut().append(&mut self.0);
        Ok(())
    }
}

#[test]
fn whoever_waits_for_an_answer_before_asking_again_gets_it() {
    let pieces: [&[u8]; 3] = [
        b"{\"env\": \"YQ==\"}\n{\"env\": \"YQ==\"}\n{\"en",
        b"v\": \"YQ==\"}\n",
        b"{\"env\": \"YQ==\"}",
    ];
    let (handed, seen) = (RefCell::default(), RefCell::default());
    let input = Paused {
        pieces: pieces.iter(),
        handed: &handed,
        seen: &seen,
    };
    lines(input, Held(Vec::new(), &handed)).unwrap();
    assert_eq!(*seen.borrow(), [0, 2, 3, 3, 4]);
    assert_eq!(handed.borrow().split(|b| *b == b'\n').count() - 1, 4);
}
