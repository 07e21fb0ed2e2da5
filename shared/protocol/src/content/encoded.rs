//! Media that stand in a request: data URLs, bare base64, or the address of something elsewhere.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use lanyard_domain::images::Size;

use super::size_of;
use crate::recording;

/// How much of an image is decoded to find its size, in characters of base64. Cameras put 64 KB of
/// metadata and more before it.
const IMAGE_HEAD: usize = 512 * 1024;

/// Base64 as clients write it, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Whether a text is an address, such as `https://example.org` in whatever letters.
pub(super) fn is_address(text: &str) -> bool {
    let scheme = text.trim_start().split_once("://").map(|(scheme, _)| scheme);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.is_some_and(|scheme| (1..=16).contains(&scheme.len()) && scheme.bytes().all(is_letter))
}

/// The seconds of a recording in a data URL, or in bare base64.
pub(crate) fn seconds_of(data: &str) -> u64 {
    recording::most_seconds(&decoded(data, usize::MAX))
}

/// The size of an image that is sent with the request; `None` for one at an address.
pub(super) fn image_size(url: &str) -> Option<Size> {
    if url.starts_with("http:") || url.starts_with("https:") {
        return None;
    }
    size_of(&decoded(url, IMAGE_HEAD))
}

/// The bytes of a data URL or of bare base64, up to so many characters. A character that is not
/// base64 ends it.
pub(super) fn decoded(data: &str, most: usize) -> Vec<u8> {
    let text = data.split_once(";base64,").map_or(data, |(_, text)| text);
    let text = text.get(..most.min(text.len()) & !3).filter(|_| text.len() > most).unwrap_or(text);
    let plain: String = text.chars().filter(|char| !char.is_ascii_whitespace()).collect();
    let end = plain
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)))
        .unwrap_or(plain.len());
    let plain = plain.get(..end).unwrap_or_default();
    BASE64
        .decode(plain)
        .or_else(|_| BASE64.decode(plain.get(..plain.len() & !3).unwrap_or_default()))
        .unwrap_or_default()
}
