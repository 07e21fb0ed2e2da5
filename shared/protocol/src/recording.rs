//! How long a recording may be, from the headers that players read.
//!
//! Files that say nothing of it are taken for speech at 16 kbit/s, less than what recorders use, so
//! that the figure is an upper bound in practice. What is heard beyond it is charged all the same
//! where the answer says how long it was.

use memchr::memmem;

/// Bytes of a second in a recording that does not say how long it is.
const FEWEST_BYTES: u64 = 2_000;

/// How far into a file the first frame of an MP3 is looked for.
const MP3_LEAD: usize = 64 * 1024;

/// Seconds of a recording, begun ones whole; at least one.
pub(crate) fn most_seconds(file: &[u8]) -> u64 {
    let told = match file {
        [b'R', b'I', b'F', b'F', ..] => wav(file),
        [b'f', b'L', b'a', b'C', ..] => flac(file),
        [b'O', b'g', b'g', b'S', ..] => ogg(file),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => mp4(file),
        _ => mp3(file),
    };
    told.unwrap_or_else(|| (file.len() as u64).div_ceil(FEWEST_BYTES)).max(1)
}

fn bytes<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..)?.first_chunk().copied()
}

fn ratio(count: u64, rate: u64) -> Option<u64> {
    (rate > 0).then(|| count.div_ceil(rate))
}

/// All bytes behind the format's header at its byte rate, whatever length the file claims.
fn wav(file: &[u8]) -> Option<u64> {
    let mut at = 12;
    loop {
        let size = usize::try_from(u32::from_le_bytes(bytes(file, at + 4)?)).ok()?;
        if bytes(file, at)? == *b"fmt " {
            let rate = u32::from_le_bytes(bytes(file, at + 16)?);
            let rest = file.len().saturating_sub(at + 8 + size);
            return ratio(rest as u64, rate.into());
        }
        at = at.checked_add(8)?.checked_add(size)?;
    }
}

fn flac(file: &[u8]) -> Option<u64> {
    let packed = u64::from_be_bytes(bytes(file, 18)?);
    let samples = packed & 0xF_FFFF_FFFF;
    if samples == 0 { None } else { ratio(samples, packed >> 44) }
}

/// The last sample that a page names.
fn ogg(file: &[u8]) -> Option<u64> {
    let head = file.get(..file.len().min(256))?;
    let rate = match memmem::find(head, b"\x01vorbis") {
        Some(at) => u32::from_le_bytes(bytes(file, at + 12)?),
        None => memmem::find(head, b"OpusHead").map(|_| 48_000)?,
    };
    let pages = memmem::find_iter(file, b"OggS");
    let last = pages
        .filter_map(|at| Some(u64::from_le_bytes(bytes(file, at + 6)?)))
        .filter(|sample| *sample != u64::MAX)
        .max()?;
    ratio(last, rate.into()).filter(|seconds| *seconds > 0)
}

fn mp4(file: &[u8]) -> Option<u64> {
    let at = memmem::find(file, b"mvhd")? + 4;
    let long = |at| Some(u64::from(u32::from_be_bytes(bytes(file, at)?)));
    let (rate, count) = match file.get(at)? {
        0 => (long(at + 12)?, long(at + 16)?),
        _ => (long(at + 20)?, u64::from_be_bytes(bytes(file, at + 24)?)),
    };
    // Fragmented files say nothing here.
    ratio(count, rate).filter(|seconds| *seconds > 0)
}

/// The frames that an encoder counted, or all bytes at the first frame's bit rate.
fn mp3(file: &[u8]) -> Option<u64> {
    let tag = match file {
        [b'I', b'D', b'3', _, _, _, size @ ..] => {
            let size = size.first_chunk::<4>()?;
            10 + size.iter().fold(0, |sum, byte| (sum << 7) | usize::from(byte & 0x7F))
        }
        _ => 0,
    };
    let audio = file.get(tag..)?;
    let lead = audio.get(..audio.len().min(MP3_LEAD))?;
    let at = lead.windows(4).position(|head| frame(head).is_some())?;
    let audio = audio.get(at..)?;
    let frame = frame(audio.get(..4)?)?;
    let first = audio.get(..audio.len().min(256))?;
    let counted = memmem::find(first, b"Xing").or_else(|| memmem::find(first, b"Info"));
    if let Some(at) = counted
        && bytes::<4>(first, at + 4)?[3] & 1 == 1
    {
        let frames = u64::from(u32::from_be_bytes(bytes(first, at + 8)?));
        return ratio(frames * frame.samples, frame.rate).filter(|seconds| *seconds > 0);
    }
    ratio(audio.len() as u64 * 8, frame.bits)
}

struct Frame {
    /// Bits per second.
    bits: u64,
    /// Samples per second.
    rate: u64,
    /// Samples in a frame.
    samples: u64,
}

/// The header of an MP3 frame (layer III).
fn frame(head: &[u8]) -> Option<Frame> {
    const MPEG1: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const MPEG2: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let [0xFF, second, third, _] = head else { return None };
    if second & 0xE6 != 0xE2 {
        return None;
    }
    let (version, index) = ((second >> 3) & 3, usize::from(third >> 4));
    let rate = *[44_100, 48_000, 32_000].get(usize::from((third >> 2) & 3))?;
    let (table, rate, samples) = match version {
        3 => (MPEG1, rate, 1_152),
        2 => (MPEG2, rate / 2, 576),
        0 => (MPEG2, rate / 4, 576),
        _ => return None,
    };
    let bits = table.get(index).map(|kilobits| kilobits * 1_000).filter(|bits| *bits > 0)?;
    Some(Frame { bits, rate, samples })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wave(byte_rate: u32, bytes: usize) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0".to_vec();
        file.extend_from_slice(&byte_rate.to_le_bytes());
        file.extend_from_slice(b"\x02\0\x10\0");
        file.extend(std::iter::repeat_n(0, bytes));
        file
    }

    #[test]
    fn a_wave_lasts_as_its_bytes_do() {
        assert_eq!(most_seconds(&wave(32_000, 32_000 * 10)), 10);
        assert_eq!(most_seconds(&wave(32_000, 32_000 * 10 + 1)), 11);
        assert_eq!(most_seconds(&wave(0, 4_000)), 3);
    }

    #[test]
    fn an_mp3_lasts_as_its_bits_or_its_count_of_frames() {
        let mut file = b"ID3\x04\0\0\0\0\0\x0a".to_vec();
        file.extend([0; 10]);
        file.extend(b"\xff\xfb\x90\x00");
        file.extend(std::iter::repeat_n(0, 16_000 * 3 - 4));
        assert_eq!(most_seconds(&file), 3);
        let mut counted = b"\xff\xfb\x90\x00".to_vec();
        counted.extend([0; 32]);
        counted.extend(b"Xing\0\0\0\x01");
        counted.extend(38_281_u32.to_be_bytes());
        assert_eq!(most_seconds(&counted), 1_000);
    }

    #[test]
    fn containers_say_how_long_they_are() {
        let mut mp4 = b"\0\0\0\x14ftypM4A \0\0\0\0mvhd\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        mp4.extend([1_000_u32.to_be_bytes(), 61_500_u32.to_be_bytes()].concat());
        assert_eq!(most_seconds(&mp4), 62);
        let mut ogg = b"OggS\0\x02\0\0\0\0\0\0\0\0OpusHead".to_vec();
        ogg.extend(b"OggS\0\x04");
        ogg.extend((48_000_u64 * 90).to_le_bytes());
        assert_eq!(most_seconds(&ogg), 90);
        let mut flac = b"fLaC\0\0\0\x22".to_vec();
        flac.extend([0; 10]);
        flac.extend(((16_000_u64 << 44) | (16_000 * 7)).to_be_bytes());
        assert_eq!(most_seconds(&flac), 7);
    }

    #[test]
    fn what_says_nothing_is_taken_for_slow_speech() {
        assert_eq!(most_seconds(&[0x1A, 0x45, 0xDF, 0xA3]), 1);
        assert_eq!(most_seconds(&[7; 20_001]), 11);
        assert_eq!(most_seconds(b""), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(kind in 0usize..6, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let magic: [&[u8]; 6] = [b"RIFF", b"fLaC", b"OggS", b"\0\0\0\0ftypmvhd", b"ID3", b"\xff\xfb\x90"];
            prop_assert!(most_seconds(&[magic[kind], &bytes].concat()) >= 1);
        }
    }
}
