//! Bytes that a PDF writes as ASCII.

use super::value::is_space;

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Ascii85,
    Hex,
}

impl Encoding {
    /// The encoding of a filter, if it is one.
    pub(super) fn named(filter: &[u8]) -> Option<Self> {
        match filter {
            b"ASCII85Decode" | b"A85" => Some(Self::Ascii85),
            b"ASCIIHexDecode" | b"AHx" => Some(Self::Hex),
            _ => None,
        }
    }

    /// The bytes of a text; `None` if readers may see others.
    pub(super) fn decoded(self, text: &[u8]) -> Option<Vec<u8>> {
        let (end, length) = match self {
            Self::Ascii85 => (b'~', 5),
            Self::Hex => (b'>', 2),
        };
        let text = text.split(|byte| *byte == end).next().unwrap_or_default();
        let mut bytes = Vec::with_capacity(text.len());
        let mut group = Vec::with_capacity(length);
        for byte in text.iter().filter(|byte| !is_space(**byte)) {
            if self == Self::Ascii85 && *byte == b'z' && group.is_empty() {
                bytes.extend([0; 4]);
                continue;
            }
            group.push(self.digit(*byte)?);
            if group.len() == length {
                bytes.extend(self.bytes_of(&group)?);
                group.clear();
            }
        }
        // The last group is filled up, and as many bytes are left out.
        let missing = length - group.len();
        if !group.is_empty() {
            let fill = if self == Self::Ascii85 { 84 } else { 0 };
            group.resize(length, fill);
            let last = self.bytes_of(&group)?;
            let kept = if self == Self::Ascii85 { last.len().checked_sub(missing)? } else { 1 };
            bytes.extend_from_slice(last.get(..kept)?);
        }
        Some(bytes)
    }

    fn digit(self, byte: u8) -> Option<u32> {
        match self {
            Self::Ascii85 => (b'!'..=b'u').contains(&byte).then(|| u32::from(byte - b'!')),
            Self::Hex => char::from(byte).to_digit(16),
        }
    }

    fn bytes_of(self, group: &[u32]) -> Option<Vec<u8>> {
        let (base, length) = match self {
            Self::Ascii85 => (85, 4),
            Self::Hex => (16, 1),
        };
        let number = group
            .iter()
            .try_fold(0_u32, |number, digit| number.checked_mul(base)?.checked_add(*digit))?;
        Some(number.to_be_bytes().get(4 - length..)?.to_vec())
    }
}
