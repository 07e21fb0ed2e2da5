//! Writes bytes as base64, which is all that `encoding_format: "base64"` needs.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The standard alphabet of RFC 4648, section 4, with padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let (first, second, third) = match *group {
            [first, second, third] => (first, second, third),
            [first, second] => (first, second, 0),
            [first] => (first, 0, 0),
            _ => break,
        };
        let sextets = [
            first >> 2,
            (first & 0b11) << 4 | second >> 4,
            (second & 0b1111) << 2 | third >> 6,
            third & 0b11_1111,
        ];
        let written = group.len() + 1;
        text.extend(sextets.iter().take(written).map(|sextet| letter(*sextet)));
        text.extend(std::iter::repeat_n('=', sextets.len() - written));
    }
    text
}

fn letter(sextet: u8) -> char {
    char::from(ALPHABET[usize::from(sextet & 0b11_1111)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_come_out() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, encoded) in vectors {
            assert_eq!(encode(plain.as_bytes()), encoded);
        }
        assert_eq!(encode(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
