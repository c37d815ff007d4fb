//! Files read with an end: a wrong file, or one that somebody else wrote, costs an error and not all memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a document that a release is given: values, a manifest, a flow, a scenario. Kubernetes takes
/// 3 MiB in a request, and 1 MiB in a Secret.
pub const DOCUMENT: u64 = 4 * MIB;
/// The most bytes of a report. One of all bundled scenarios has about 1 MiB for each Kestra.
pub const REPORT: u64 = 64 * MIB;

const MIB: u64 = 1024 * 1024;

/// The bytes of a file.
///
/// # Errors
/// What the system says, and a file that has more than `most` bytes, whatever it says of its size.
pub fn file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read(File::open(path)?, most, &mut bytes)?;
    Ok(bytes)
}

/// Reads all of `from` behind what is in `into`.
///
/// # Errors
/// What the system says, and more than `most` bytes.
pub fn read(from: impl Read, most: u64, into: &mut Vec<u8>) -> io::Result<()> {
    if from.take(most + 1).read_to_end(into)? as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_input_is_not_read_to_its_end() {
        let endless = file(Path::new("/dev/zero"), 10).map_err(|e| e.to_string());
        assert_eq!(endless, Err("it has more than 10 bytes".into()));
        let mut bytes = Vec::new();
        read(&b"0123456789"[..], 10, &mut bytes).unwrap();
        assert_eq!(bytes, b"0123456789");
        assert!(read(&b"0123456789"[..], 9, &mut bytes).is_err());
    }
}
