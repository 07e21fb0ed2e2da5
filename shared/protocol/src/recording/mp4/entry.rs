//! What the samples of a track are, by the entries of its sample description.

use super::super::codec::Codec;
use super::super::{Duration, SPEECH_RATE, aac, bytes, flac};
use super::{behind, count};

/// Samples that are pictures, titles or times.
const PICTURES: [&[u8; 4]; 42] = [
    b"avc1", b"avc2", b"avc3", b"avc4", b"hvc1", b"hvc2", b"hev1", b"mp4v", b"s263", b"h263",
    b"vp08", b"vp09", b"vp10", b"av01", b"vvc1", b"vvi1", b"dvh1", b"dvhe", b"dva1", b"dvav",
    b"jpeg", b"mjpa", b"mjpb", b"png ", b"rle ", b"apch", b"apcn", b"apcs", b"apco", b"ap4h",
    b"ap4x", b"SVQ1", b"SVQ3", b"mp1v", b"mp2v", b"tx3g", b"text", b"wvtt", b"stpp", b"c608",
    b"tmcd", b"mebx",
];

pub(super) fn is_picture(kind: &[u8; 4]) -> bool {
    PICTURES.contains(&kind)
}

/// The codecs that may decode samples with this description. Decoders go by the kind of the entry, by
/// the configuration in it, or by the kind that encryption has replaced.
pub(super) fn codecs(kind: &[u8; 4], content: &[u8]) -> Vec<Codec> {
    let configured: Vec<_> = behind(content, b"esds").map(of_configuration).collect();
    let original = behind(content, b"frma").filter_map(|kind| bytes(kind, 0));
    let mut codecs: Vec<_> = original.map(|kind| of_kind(&kind, content)).collect();
    let is_replaced = kind == b"enca" && !codecs.is_empty();
    // This kind alone says nothing.
    let is_named = kind == b"mp4a" && !configured.is_empty();
    if !is_replaced && !is_named {
        codecs.push(of_kind(kind, content));
    }
    codecs.extend(configured);
    codecs
}

fn of_kind(kind: &[u8; 4], content: &[u8]) -> Codec {
    // A 16.16 number 24 bytes into the entry. The channels are before it.
    let named = u64::from(count(content, 24) >> 16);
    let channels = bytes(content, 16).map(u16::from_be_bytes).map_or(1, u64::from).max(1);
    let pcm = |bits| Codec::Pcm { bits, channels, rate: if named == 0 { 8_000 } else { named } };
    match kind {
        b"Opus" => Codec::Opus,
        b"mp4a" => Codec::Aac(aac::Config::named(0, named, channels)),
        b"alac" => alac(named, content),
        b"fLaC" => {
            let rate = behind(content, b"dfLa").filter_map(flac::stream_rate).min();
            Codec::Flac { rate: rate.unwrap_or_default() }
        }
        b".mp1" | b".mp2" | b".mp3" | b"mp3 " | b"ms\0\x50" | b"ms\0\x55" => Codec::Mpeg,
        b"samr" => Codec::Amr { is_wide: false },
        b"sawb" => Codec::Amr { is_wide: true },
        b"ulaw" | b"alaw" | b"raw " => pcm(8),
        b"sowt" | b"twos" | b"NONE" | b"lpcm" | b"ipcm" | b"fpcm" => pcm(16),
        b"in24" => pcm(24),
        b"in32" | b"fl32" => pcm(32),
        b"fl64" => pcm(64),
        _ => Codec::Unknown,
    }
}

/// The samples of a frame and the sample rate are in the codec's own box. Lossless, so short by its size:
/// the rate of speech is the most that it can hide.
fn alac(named: u64, content: &[u8]) -> Codec {
    let boxes = || behind(content, b"alac");
    let samples = boxes().map(|it| u64::from(count(it, 4))).max().unwrap_or_default().max(4_096);
    let rates = boxes().map(|it| u64::from(count(it, 24))).chain([named, SPEECH_RATE]);
    let rate = rates.filter(|rate| *rate > 0).min().unwrap_or(SPEECH_RATE);
    Codec::Each(Duration::of(samples, rate).unwrap_or_default())
}

/// The codec that an `esds` box names, ISO/IEC 14496-1.
fn of_configuration(esds: &[u8]) -> Codec {
    let configuration = || {
        // Behind version and flags an ES_Descriptor of three bytes, a DecoderConfigDescriptor of
        // thirteen, and the codec's own.
        let decoder = descriptor(descriptor(esds.get(4..)?, 3)?.get(3..)?, 4)?;
        match decoder.first()? {
            0x69 | 0x6B => Some(Codec::Mpeg),
            0xAD => Some(Codec::Opus),
            // AC-3, DTS, Vorbis and others, or a picture.
            0x20..=0x22 | 0x60..=0x65 | 0x6A | 0x6C..=0xFE => None,
            // With another number decoders go by the kind of the entry, which is AAC.
            _ => aac::Config::read(descriptor(decoder.get(13..)?, 5)?).map(Codec::Aac),
        }
    };
    configuration().unwrap_or(Codec::Unknown)
}

/// The content of a descriptor with this tag; its size is written in up to four bytes.
fn descriptor(rest: &[u8], tag: u8) -> Option<&[u8]> {
    let (first, rest) = rest.split_first()?;
    let lead = rest.iter().take(3).take_while(|byte| *byte & 0x80 != 0).count();
    (*first == tag).then(|| rest.get(lead + 1..))?
}
