//! MP4 and M4A: the samples in the tables of the sound track, whatever times the headers name.

use super::{Duration, SPEECH_RATE, believed, bytes};

/// Boxes whose content is boxes again, with the bytes that come before those.
const PARENTS: [(&[u8; 4], usize); 9] = [
    (b"moov", 0),
    (b"trak", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"stbl", 0),
    (b"moof", 0),
    (b"traf", 0),
    (b"stsd", 8),
    (b"mvex", 0),
];

/// How deep boxes are followed.
const DEEPEST: usize = 8;

#[derive(Default)]
struct Found {
    /// Samples in tables: frames of the codec.
    frames: u64,
    /// Sample rate in Hz and samples of one frame, of the codec of the sound track.
    codec: Option<(u64, u64)>,
}

/// The frames of the sound track at the codec's own length.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut found = Found::default();
    walk(file, DEEPEST, &mut found);
    let (rate, samples) = found.codec?;
    Duration::of(found.frames.checked_mul(samples)?, believed(rate))?.found()
}

fn walk(mut rest: &[u8], depth: usize, found: &mut Found) {
    while let Some((kind, content, after)) = next_box(rest) {
        rest = after;
        match &kind {
            b"mp4a" | b"alac" | b"Opus" => {
                // A 16.16 number 24 bytes into the entry. AAC is decoded by its own configuration.
                let named = bytes(content, 24).map(u32::from_be_bytes).unwrap_or_default() >> 16;
                let rate = aac_rate(content).unwrap_or_else(|| named.into());
                let samples = match &kind {
                    b"mp4a" => 1_024,
                    b"alac" => 4_096,
                    _ => 960,
                };
                // Lossless, so short by its size: the rate of speech is the most that it can hide.
                let rate = if &kind == b"alac" { rate.min(SPEECH_RATE) } else { rate };
                found.codec = Some((rate, samples));
            }
            b"stsz" | b"stz2" => found.frames += count(content, 8),
            b"trun" => found.frames += count(content, 4),
            kind => {
                let parent = PARENTS.iter().find(|(parent, _)| *parent == kind);
                if let Some((_, lead)) = parent
                    && depth > 0
                {
                    walk(content.get(*lead..).unwrap_or_default(), depth - 1, found);
                }
            }
        }
    }
}

/// The sample rate in the AudioSpecificConfig of an `esds` box, ISO/IEC 14496-1 and 14496-3.
fn aac_rate(entry: &[u8]) -> Option<u64> {
    let esds = entry.get(memchr::memmem::find(entry, b"esds")? + 8..)?;
    // An ES_Descriptor of three bytes, a DecoderConfigDescriptor of thirteen, then the configuration.
    let config = descriptor(descriptor(descriptor(esds, 3)?.get(3..)?, 4)?.get(13..)?, 5)?;
    let [first, second] = bytes(config, 0)?;
    let index = usize::from(((first & 7) << 1) | (second >> 7));
    super::mpeg::AAC_RATES.get(index).copied()
}

/// The content of a descriptor with this tag; its size is written in up to four bytes.
fn descriptor(rest: &[u8], tag: u8) -> Option<&[u8]> {
    let (first, rest) = rest.split_first()?;
    let lead = rest.iter().take(3).take_while(|byte| *byte & 0x80 != 0).count();
    (*first == tag).then(|| rest.get(lead + 1..))?
}

fn count(content: &[u8], at: usize) -> u64 {
    bytes(content, at).map(u32::from_be_bytes).unwrap_or_default().into()
}

/// The kind and the content of the first box, and what follows it.
fn next_box(rest: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let kind = bytes(rest, 4)?;
    let (head, size) = match u32::from_be_bytes(bytes(rest, 0)?) {
        0 => (8, rest.len()),
        1 => (16, usize::try_from(u64::from_be_bytes(bytes(rest, 8)?)).ok()?),
        size => (8, size as usize),
    };
    // A box that claims more than there is ends with the file.
    let end = size.min(rest.len());
    Some((kind, rest.get(head..end)?, rest.get(end..)?))
}
