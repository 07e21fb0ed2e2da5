//! The size of an image, as a decoder sees it.
//!
//! Headers may disagree, and one of them may be forged: a frame can be larger than the canvas that
//! a file names. Of several sizes the largest counts. A format that no API takes is left to
//! `imagesize`.

use lanyard_domain::images::Size;

/// The size of an image in a file, or at a file's beginning. `None` if it cannot be told.
pub(crate) fn size_of(file: &[u8]) -> Option<Size> {
    let bytes = Bytes(file);
    match file {
        [0x89, b'P', b'N', b'G', ..] => largest(bytes.of_png()),
        [0xff, 0xd8, ..] => largest(bytes.of_jpeg()),
        [b'G', b'I', b'F', b'8', ..] => largest(bytes.of_gif()),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            largest(bytes.of_webp())
        }
        _ => {
            let size = imagesize::blob_size(file).ok()?;
            let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
            Some(Size { width: side(size.width), height: side(size.height) })
        }
    }
}

/// A size that holds all of these. `None` if there are none, or if one of them is not known.
fn largest(sizes: Vec<Size>) -> Option<Size> {
    let is_known = sizes.iter().all(|size| size.width > 0 && size.height > 0);
    let both = sizes.into_iter().reduce(|one, other| Size {
        width: one.width.max(other.width),
        height: one.height.max(other.height),
    });
    both.filter(|_| is_known)
}

/// The bytes of a file, which may end anywhere.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn at(self, from: usize, length: usize) -> Option<&'a [u8]> {
        self.0.get(from..from.checked_add(length)?)
    }

    fn byte(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn big(self, at: usize, length: usize) -> Option<u32> {
        Some(self.at(at, length)?.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
    }

    pub(super) fn little(self, at: usize, length: usize) -> Option<u32> {
        Some(self.at(at, length)?.iter().rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)))
    }

    /// The header chunks before the first data, <https://www.w3.org/TR/png/#5Chunk-layout>.
    fn of_png(self) -> Vec<Size> {
        let mut sizes = Vec::new();
        let mut at = 8_usize;
        while let (Some(length), Some(kind)) = (self.big(at, 4), self.at(at + 4, 4)) {
            if kind == b"IDAT" || !kind.iter().all(u8::is_ascii_alphabetic) {
                break;
            }
            if kind == b"IHDR"
                && let (Some(width), Some(height)) = (self.big(at + 8, 4), self.big(at + 12, 4))
            {
                sizes.push(Size { width, height });
            }
            at = at.saturating_add(length as usize).saturating_add(12);
        }
        sizes
    }

    /// The frame headers before the first scan, <https://www.w3.org/Graphics/JPEG/itu-t81.pdf>.
    fn of_jpeg(self) -> Vec<Size> {
        let mut sizes = Vec::new();
        let mut at = 2_usize;
        while let Some(byte) = self.byte(at) {
            let marker = self.byte(at + 1);
            match (byte, marker) {
                // Bytes between segments are skipped, as decoders do, and so are fill bytes.
                (0xff, Some(0x01 | 0xd0..=0xd8)) => at += 2,
                (0xff, Some(0xff | 0)) | (0..=0xfe, _) => at += 1,
                (0xff, Some(0xd9 | 0xda) | None) => break,
                (0xff, Some(marker)) => {
                    let is_frame =
                        matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
                    if is_frame
                        && let (Some(height), Some(width)) =
                            (self.big(at + 5, 2), self.big(at + 7, 2))
                    {
                        sizes.push(Size { width, height });
                    }
                    let Some(length) = self.big(at + 2, 2) else { break };
                    at = at.saturating_add(2).saturating_add((length as usize).max(2));
                }
            }
        }
        sizes
    }

    /// The screen and all frames, <https://www.w3.org/Graphics/GIF/spec-gif89a.txt>. Without a frame
    /// the size of the image is not known.
    fn of_gif(self) -> Vec<Size> {
        self.gif_frames().filter(|sizes| sizes.len() > 1).unwrap_or_default()
    }

    fn gif_frames(self) -> Option<Vec<Size>> {
        let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
        let mut sizes = vec![Size { width: self.little(6, 2)?, height: self.little(8, 2)? }];
        let mut at = 13 + table(self.byte(10)?);
        loop {
            match self.byte(at) {
                Some(b'!') => at += 2,
                Some(b',') => {
                    let side = |from| self.little(at + from, 2);
                    let (Some(left), Some(top)) = (side(1), side(3)) else { break };
                    let (Some(width), Some(height)) = (side(5), side(7)) else { break };
                    sizes.push(Size { width: left + width, height: top + height });
                    let Some(flags) = self.byte(at + 9) else { break };
                    at += 11 + table(flags);
                }
                Some(_) | None => break,
            }
            // The blocks of data, of which the last is empty.
            while let Some(length) = self.byte(at) {
                at += 1 + usize::from(length);
                if length == 0 {
                    break;
                }
            }
        }
        Some(sizes)
    }

    /// The canvas and all frames, <https://developers.google.com/speed/webp/docs/riff_container>.
    /// Without a frame the size of the image is not known.
    fn of_webp(self) -> Vec<Size> {
        let (mut sizes, mut has_frame) = (Vec::new(), false);
        let mut at = 12_usize;
        while let (Some(kind), Some(length)) = (self.at(at, 4), self.little(at + 4, 4)) {
            let data = at + 8;
            let size = match kind {
                b"VP8X" => self.canvas(data + 4),
                b"ANMF" => self.canvas(data + 6),
                b"VP8 " => self.lossy(data),
                b"VP8L" => self.lossless(data),
                _ => None,
            };
            let is_frame = matches!(kind, b"ANMF" | b"VP8 " | b"VP8L");
            if is_frame && size.is_none() {
                break;
            }
            has_frame |= is_frame;
            sizes.extend(size);
            let length = length as usize;
            at = data.saturating_add(length).saturating_add(length & 1);
        }
        if has_frame { sizes } else { Vec::new() }
    }

    /// Two sides of 24 bits, each less one.
    fn canvas(self, at: usize) -> Option<Size> {
        Some(Size { width: self.little(at, 3)? + 1, height: self.little(at + 3, 3)? + 1 })
    }

    fn lossy(self, at: usize) -> Option<Size> {
        let side = |from| Some(self.little(at + from, 2)? & 0x3fff);
        (self.at(at + 3, 3)? == [0x9d, 0x01, 0x2a])
            .then(|| Some(Size { width: side(6)?, height: side(8)? }))?
    }

    fn lossless(self, at: usize) -> Option<Size> {
        let bits = self.little(at + 1, 4).filter(|_| self.byte(at) == Some(0x2f))?;
        Some(Size { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(file: &[u8]) -> Option<(u32, u32)> {
        size_of(file).map(|size| (size.width, size.height))
    }

    fn ihdr(width: u32, height: u32) -> Vec<u8> {
        let (width, height) = (width.to_be_bytes(), height.to_be_bytes());
        [&[0, 0, 0, 13], b"IHDR".as_slice(), &width, &height, &[8, 6, 0, 0, 0, 0, 0, 0, 0]].concat()
    }

    fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
    }

    fn frame(marker: u8, width: u16, height: u16) -> Vec<u8> {
        let (width, height) = (width.to_be_bytes(), height.to_be_bytes());
        [&[0xff, marker, 0, 8, 8], height.as_slice(), &width, &[0]].concat()
    }

    fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
        [vec![0xff, 0xd8], segments.concat(), vec![0xff, 0xda, 0, 2]].concat()
    }

    fn gif(screen: u16, blocks: &[Vec<u8>]) -> Vec<u8> {
        let screen = screen.to_le_bytes();
        let table = [0; 6];
        [b"GIF89a".as_slice(), &screen, &screen, &[0x80, 0, 0], &table, &blocks.concat(), b";"]
            .concat()
    }

    fn descriptor(left: u16, side: u16) -> Vec<u8> {
        let (left, side) = (left.to_le_bytes(), side.to_le_bytes());
        [b",".as_slice(), &left, &left, &side, &side, &[0, 2, 1, 0x44, 0]].concat()
    }

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        let padding = &[0][..data.len() & 1];
        [kind.as_slice(), &length, data, padding].concat()
    }

    fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP".to_vec(), chunks.concat()].concat()
    }

    fn lossy(side: u16) -> Vec<u8> {
        let side = side.to_le_bytes();
        chunk(b"VP8 ", &[&[0, 0, 0, 0x9d, 1, 0x2a], side.as_slice(), &side].concat())
    }

    fn canvas(side: u8) -> Vec<u8> {
        chunk(b"VP8X", &[0, 0, 0, 0, side - 1, 0, 0, side - 1, 0, 0])
    }

    #[test]
    fn honest_images_have_the_size_of_their_header() {
        assert_eq!(size(&png(&[ihdr(640, 480)])), Some((640, 480)));
        let text = [[0, 0, 0, 2].as_slice(), b"tEXtab\0\0\0\0"].concat();
        assert_eq!(size(&png(&[text, ihdr(640, 480)])), Some((640, 480)));
        assert_eq!(size(&jpeg(&[frame(0xc0, 640, 480)])), Some((640, 480)));
        assert_eq!(size(&jpeg(&[frame(0xc2, 640, 480)])), Some((640, 480)));
        let exif = [&[0xff, 0xe1, 0, 20], frame(0xc0, 8_000, 8_000).as_slice(), &[0; 8]].concat();
        assert_eq!(size(&jpeg(&[exif, vec![0xff, 0xff], frame(0xc0, 64, 48)])), Some((64, 48)));
        let extension = b"!\xf9\x04\0\0\0\0\0".to_vec();
        assert_eq!(size(&gif(640, &[extension, descriptor(0, 640)])), Some((640, 640)));
        assert_eq!(size(&webp(&[lossy(640)])), Some((640, 640)));
        let bits = 639 | (479 << 14);
        let lossless = [[0x2f].as_slice(), &u32::to_le_bytes(bits)].concat();
        assert_eq!(size(&webp(&[chunk(b"VP8L", &lossless)])), Some((640, 480)));
        let profile = chunk(b"ICCP", b"odd");
        assert_eq!(size(&webp(&[canvas(200), profile, lossy(200)])), Some((200, 200)));
    }

    #[test]
    fn of_headers_that_disagree_the_largest_counts() {
        assert_eq!(size(&gif(1, &[descriptor(0, 2_000)])), Some((2_000, 2_000)));
        assert_eq!(size(&gif(1, &[descriptor(500, 1_500)])), Some((2_000, 2_000)));
        assert_eq!(size(&gif(1, &[descriptor(0, 1), descriptor(0, 900)])), Some((900, 900)));
        assert_eq!(size(&webp(&[canvas(1), lossy(4_000)])), Some((4_000, 4_000)));
        assert_eq!(size(&webp(&[lossy(1), lossy(4_000)])), Some((4_000, 4_000)));
        let two = jpeg(&[frame(0xc0, 8, 8), frame(0xc0, 4_000, 3_000)]);
        assert_eq!(size(&two), Some((4_000, 3_000)));
        assert_eq!(size(&png(&[ihdr(1, 1), ihdr(4_000, 3_000)])), Some((4_000, 3_000)));
    }

    #[test]
    fn a_size_that_nobody_can_tell_is_unknown() {
        for file in [
            png(&[]),
            png(&[ihdr(0, 5)]),
            jpeg(&[]),
            jpeg(&[frame(0xc0, 8, 0)]),
            gif(1, &[]),
            webp(&[canvas(1)]),
            webp(&[canvas(1), chunk(b"VP8 ", b"???????????")]),
            webp(&[]),
            b"GIF8".to_vec(),
            b"text".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(size(&file), None, "{file:?}");
        }
    }

    #[test]
    fn the_beginning_of_an_image_is_no_larger_than_all_of_it() {
        for file in [
            png(&[ihdr(640, 480)]),
            jpeg(&[frame(0xc0, 640, 480)]),
            gif(640, &[descriptor(0, 640)]),
            webp(&[canvas(200), lossy(640)]),
        ] {
            let (width, height) = size(&file).unwrap();
            for end in 0..file.len() {
                let begun = size(&file[..end]);
                assert!(begun.is_none_or(|(w, h)| w <= width && h <= height), "{end} {file:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_follows_a_signature_is_read_to_its_end(
            signature in prop::sample::select(vec![
                b"\x89PNG\r\n\x1a\n".as_slice(), b"\xff\xd8", b"GIF89a", b"RIFF\0\0\0\0WEBP",
            ]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let found = size_of(&[signature, &rest].concat());
            prop_assert!(found.is_none_or(|size| size.width > 0 && size.height > 0));
        }
    }
}
