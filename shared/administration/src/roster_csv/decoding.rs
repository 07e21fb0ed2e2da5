//! The text of a table that a spreadsheet or an editor saved, in the encodings that they use.
//!
//! `roster-csv.js` of the pages follows the same rules. Both are tested with `cases.json`.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How a workbook begins: one of today (a ZIP archive), and one of Excel 97.
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

/// The text of a file: by its byte order mark, else UTF-8 if it is that, else what `charset` names,
/// else Windows-1252. Excel writes UTF-16 as "Unicode text", and Windows-1252 as "CSV" in much of
/// the world.
///
/// # Errors
///
/// A message for the organiser if the file is a workbook.
pub fn decoded(bytes: &[u8], charset: Option<&str>) -> Result<String, &'static str> {
    if WORKBOOKS.iter().any(|beginning| bytes.starts_with(beginning)) {
        return Err("is a workbook and no text. Save it as CSV in your spreadsheet program");
    }
    let marked = Encoding::for_bom(bytes).map(|(encoding, length)| (encoding, &bytes[length..]));
    let (encoding, bytes) = marked.unwrap_or((UTF_8, bytes));
    if encoding != UTF_8 {
        return Ok(encoding.decode_without_bom_handling(bytes).0.into_owned());
    }
    // No text has a zero in UTF-8. In UTF-16 each Latin letter and each line end has one.
    if let Some(first) = bytes.iter().position(|byte| *byte == 0) {
        let encoding = if first % 2 == 0 { UTF_16BE } else { UTF_16LE };
        return Ok(encoding.decode_without_bom_handling(bytes).0.into_owned());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let named = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = named.filter(|encoding| *encoding != UTF_8).unwrap_or(WINDOWS_1252);
    Ok(encoding.decode_without_bom_handling(bytes).0.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_encoding_decides_only_what_is_not_utf_8() {
        let in_shift_jis = [b'a', b'\n', 0x8e, 0x52];
        assert_eq!(decoded(&in_shift_jis, Some("shift_jis")).unwrap(), "a\n山");
        assert_eq!(decoded("a\né".as_bytes(), Some("iso-8859-1")).unwrap(), "a\né");
        for label in [None, Some("utf-8"), Some("no-such-encoding")] {
            assert_eq!(decoded(b"Zo\xeb \x80", label).unwrap(), "Zoë €", "{label:?}");
        }
    }

    #[test]
    fn a_workbook_is_no_text() {
        for workbook in [&b"PK\x03\x04\x14\x00"[..], b"\xd0\xcf\x11\xe0\xa1\xb1"] {
            assert!(decoded(workbook, None).unwrap_err().contains("Save it as CSV"));
        }
    }
}
