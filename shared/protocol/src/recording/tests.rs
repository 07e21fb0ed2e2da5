//! Recordings of a known length, as they are and with headers that claim less.

use proptest::prelude::*;

use super::most_seconds;

mod mp4;
mod streams;
mod tags;
mod webm;

/// 16-bit mono at 16 kHz.
fn wave(seconds: usize) -> Vec<u8> {
    let mut file = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(16_000_u32.to_le_bytes());
    file.extend(32_000_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data\xff\xff\xff\xff");
    file.extend(std::iter::repeat_n(1, 32_000 * seconds));
    file
}

/// Frames of MPEG-1 layer III at 128 kbit/s and 44.1 kHz, of 417 bytes each.
fn mp3(frames: usize) -> Vec<u8> {
    let mut frame = b"\xff\xfb\x90\x00".to_vec();
    frame.resize(417, 0);
    frame.repeat(frames)
}

/// Pages of one packet each: Opus frames of 20 ms.
fn opus(packets: usize, position: u64) -> Vec<u8> {
    let page = |body: &[u8]| {
        let mut page = b"OggS\0\0".to_vec();
        page.extend(position.to_le_bytes());
        page.extend([0; 12]);
        page.extend([1, u8::try_from(body.len()).unwrap()]);
        page.extend(body);
        page
    };
    let head = [page(b"OpusHead\x01\x01"), page(b"OpusTags")].concat();
    // Configuration 1: narrow-band speech in frames of 20 ms, one frame a packet.
    [head, page(&[1 << 3, 0, 0]).repeat(packets)].concat()
}

#[test]
fn a_wave_lasts_as_its_samples_whatever_it_claims() {
    assert_eq!(most_seconds(&wave(10)), 10);
    let mut forged = wave(125);
    // The byte rate and the size of the data chunk.
    forged.splice(28..32, 4_000_000_u32.to_le_bytes());
    forged.splice(40..44, 1_u32.to_le_bytes());
    assert_eq!(most_seconds(&forged), 125);
    // No recording of speech has this sample rate: the bytes decide.
    forged.splice(24..28, 4_000_000_u32.to_le_bytes());
    assert!(most_seconds(&forged) >= 125);
    forged.splice(24..28, 16_000_u32.to_le_bytes());
    forged.splice(22..24, 60_000_u16.to_le_bytes());
    assert!(most_seconds(&forged) >= 125);
}

/// A recording with this format chunk, behind which each byte is the same.
fn claimed(format: &[u8], length: usize) -> Vec<u8> {
    let size = u32::try_from(format.len()).unwrap().to_le_bytes();
    let head = [b"RIFF\xff\xff\xff\xffWAVEfmt ", size.as_slice(), format].concat();
    [head.as_slice(), b"data\xff\xff\xff\xff", &vec![1; length]].concat()
}

/// A format chunk of one or two channels.
fn format(tag: u16, channels: u16, rate: u32, align: u16, bits: u16) -> Vec<u8> {
    let rates = [rate.to_le_bytes(), (rate * u32::from(align)).to_le_bytes()].concat();
    let head = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
    [head, rates, [align.to_le_bytes(), bits.to_le_bytes()].concat()].concat()
}

/// The same, with the tag in a GUID and the bits that are used of each sample.
fn extensible(tag: u16, rate: u32, align: u16, bits: [u16; 2]) -> Vec<u8> {
    let more = [22, bits[1], 4, 0, tag].map(u16::to_le_bytes).concat();
    let guid = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71";
    [format(0xFFFE, 1, rate, align, bits[0]), more, guid.to_vec()].concat()
}

#[test]
fn a_wave_of_eight_bits_by_its_tag_lasts_so_whatever_bits_it_claims() {
    for tag in [6, 7] {
        for (align, bits) in [(1, 8), (2, 16), (8, 64), (4, 0), (0, 12)] {
            let plain = format(tag, 1, 8_000, align, bits);
            let extended = extensible(tag, 8_000, align, [bits, bits]);
            for format in [plain, extended] {
                assert_eq!(most_seconds(&claimed(&format, 200_000)), 25, "{tag} {bits}");
            }
        }
        // Eight channels and a higher rate do not make it shorter than speech.
        let forged = claimed(&format(tag, 8, 48_000, 8, 8), 200_000);
        assert!(most_seconds(&forged) >= 12);
    }
    // Decoders go by the bits of which a sample makes use.
    assert_eq!(most_seconds(&claimed(&extensible(1, 8_000, 2, [16, 8]), 200_000)), 25);
    assert_eq!(most_seconds(&claimed(&format(1, 1, 8_000, 1, 64), 200_000)), 25);
}

#[test]
fn a_wave_of_any_size_of_samples_lasts_as_they_do() {
    // Large whole numbers may be two of 16 bits, so they are held as these.
    for (tag, bytes, seconds) in
        [(1, 1, 5), (1, 2, 5), (1, 3, 8), (1, 4, 10), (1, 8, 20), (3, 4, 5), (3, 8, 5)]
    {
        let length = 16_000 * usize::from(bytes) * 5;
        let plain = format(tag, 1, 16_000, bytes, bytes * 8);
        let extended = extensible(tag, 16_000, bytes, [bytes * 8; 2]);
        for format in [plain, extended] {
            assert_eq!(most_seconds(&claimed(&format, length)), seconds, "{tag} {bytes}");
        }
    }
    // 20 bits take three bytes. Two channels of numbers of 64 bits are told apart by the samples.
    assert_eq!(most_seconds(&claimed(&format(1, 1, 16_000, 3, 20), 240_000)), 8);
    let pairs = (0..44_100 * 5).flat_map(|at| [tone(at), tone(at).wrapping_add(3)]);
    let pairs: Vec<_> =
        pairs.flat_map(|level| (f64::from(level) / 32_768.0).to_le_bytes()).collect();
    let head = claimed(&format(3, 2, 44_100, 16, 64), 0);
    let (format, data) = head.split_at(head.len() - 8);
    for between in [b"".as_slice(), b"fact\x04\0\0\0\0\0\0\0"] {
        let honest = [format, between, data, &pairs].concat();
        assert!((13..16).contains(&most_seconds(&honest)));
    }
}

/// Samples of a tone, and of noise, at 16 kHz.
fn tone(at: usize) -> i16 {
    let phase = f64::from(u32::try_from(at).unwrap()) * 440.0 * std::f64::consts::TAU / 16_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is within an i16")]
    let value = (phase.sin() * 9_000.0) as i16;
    value.wrapping_add(i16::try_from(at * 7_919 % 401).unwrap())
}

/// 16 bits in two channels at 44.1 kHz, as the header says.
fn stereo(samples: impl Iterator<Item = i16>) -> Vec<u8> {
    let mut file = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
    file.extend(44_100_u32.to_le_bytes());
    file.extend(176_400_u32.to_le_bytes());
    file.extend(b"\x04\0\x10\0data\xff\xff\xff\xff");
    file.extend(samples.flat_map(i16::to_le_bytes));
    file
}

#[test]
fn two_channels_count_once_only_if_the_samples_are_two_channels() {
    let seconds = 20;
    // An honest one holds each moment twice, nearly alike.
    let honest = stereo((0..44_100 * seconds).flat_map(|at| [tone(at), tone(at).wrapping_add(3)]));
    let held = most_seconds(&honest);
    assert!((54..58).contains(&held), "{held}");
    // One channel of 16 kHz that claims to be two of 44.1 kHz is held at its length.
    let flat = |_: usize| 0;
    let random = |at: usize| i16::try_from(at * 7_919 % 30_011).unwrap();
    let signals: [&dyn Fn(usize) -> i16; 3] = [&tone, &flat, &random];
    for signal in signals {
        let forged = stereo((0..16_000 * seconds).map(signal));
        assert_eq!(most_seconds(&forged), 20);
    }
    let part = stereo((0..16_000 * seconds).map(tone));
    let mixed = [part, honest[44..].to_vec()].concat();
    assert!(most_seconds(&mixed) >= 74);
}

#[test]
fn mpeg_audio_lasts_as_its_frames_whatever_a_tag_counts() {
    // 1,152 samples a frame.
    assert_eq!(most_seconds(&mp3(383)), 10);
    let mut forged = mp3(383);
    forged.splice(36..48, *b"Xing\0\0\0\x01\0\0\0\x01");
    assert_eq!(most_seconds(&forged), 10);
    // A tag that claims to hold the frames hides none.
    let tag = b"ID3\x04\0\0\x7f\x7f\x7f\x7f";
    assert_eq!(most_seconds(&[tag, mp3(383).as_slice()].concat()), 10);
}

#[test]
fn adts_lasts_as_its_frames() {
    // 1,024 samples at 16 kHz in 20 bytes.
    let mut frame = vec![0xFF, 0xF1, 0x60, 0x40, 0x02, 0x80, 0xFC];
    frame.resize(20, 0);
    assert_eq!(most_seconds(&frame.repeat(1_000)), 64);
    // A layer that is none hides no frame behind others, and several blocks in one frame count each.
    let mut other = frame.clone();
    other[1] |= 2;
    assert_eq!(most_seconds(&[frame.repeat(100), other.repeat(900)].concat()), 64);
    let mut silent = b"\x00\xc8\x00\x07".repeat(10);
    silent.splice(..0, [0xFF, 0xF1, 0x60, 0x40, 0x05, 0xE0, 0xFC]);
    assert_eq!(most_seconds(&silent.repeat(100)), 64);
}

#[test]
fn opus_lasts_as_its_packets_whatever_position_the_pages_name() {
    assert_eq!(most_seconds(&opus(500, 480_000)), 10);
    assert_eq!(most_seconds(&opus(500, 48_000)), 10);
    assert_eq!(most_seconds(&opus(500, 0)), 10);
}

/// The beginning of a FLAC stream of 16 kHz that claims to last a second.
fn flac_head() -> Vec<u8> {
    let mut head = b"fLaC\0\0\0\x22".to_vec();
    head.extend([0; 10]);
    head.extend(((16_000_u64 << 44) | 16_000).to_be_bytes());
    head
}

/// 4,096 samples at 16 kHz; the last byte of the header is its checksum.
fn flac_frame() -> Vec<u8> {
    let mut frame = vec![0xFF, 0xF8, 0xC5, 0x08, 0x00];
    frame.push(super::flac::crc8(&frame));
    frame.resize(64, 0);
    frame
}

/// A packet of Opus of 120 ms: two frames of 60 ms, of narrow-band speech.
const LONG_OPUS: [u8; 3] = [3 << 3 | 1, 0, 0];

/// A frame of MPEG-2 layer III at 8 kbit/s and 16 kHz: 36 ms in 36 bytes.
fn slow_mp3() -> Vec<u8> {
    let mut frame = b"\xff\xf3\x18\x00".to_vec();
    frame.resize(36, 0);
    frame
}

#[test]
fn flac_lasts_as_its_frames_whatever_the_stream_claims() {
    assert_eq!(most_seconds(&[flac_head(), flac_frame().repeat(40)].concat()), 11);
}

#[test]
fn what_cannot_be_walked_is_taken_for_slow_speech() {
    assert_eq!(most_seconds(&[7; 20_001]), 80);
    assert_eq!(most_seconds(b""), 1);
    assert_eq!(most_seconds(&[0x1A, 0x45, 0xDF, 0xA3]), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        kind in 0usize..7,
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let magic: [&[u8]; 7] = [
            b"RIFF", b"fLaC", b"OggS", b"\0\0\0\0ftypmoov", b"ID3", b"\xff\xfb\x90",
            b"\x1a\x45\xdf\xa3",
        ];
        prop_assert!(most_seconds(&[magic[kind], &bytes].concat()) >= 1);
    }
}

/// Each of these takes a moment, though it names far more than there is.
#[test]
fn what_names_the_same_bytes_again_and_again_is_not_walked_for_ever() {
    let page = [b"OggS".as_slice(), &[0; 22], &[255], &[255; 255]].concat();
    assert!(most_seconds(&page.repeat(10_000)) >= 10_000);
    let entry = b"\xae\x85\xd7\x81\x01\x86\x80".repeat(100_000);
    assert!(most_seconds(&[b"\x1a\x45\xdf\xa3\x80".as_slice(), &entry].concat()) >= 2_000);
    let tracks = b"\0\0\0\x08trak".repeat(200_000);
    assert!(most_seconds(&[b"\0\0\0\x08ftyp".as_slice(), &tracks].concat()) >= 5_000);
}
