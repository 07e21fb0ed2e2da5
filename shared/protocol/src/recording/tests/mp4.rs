//! MP4 and M4A: several tracks, codecs and fragments, and what a header claims of them.

use super::super::most_seconds;
use super::{LONG_OPUS, flac_frame, flac_head, slow_mp3};

fn part(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [size.to_be_bytes().as_slice(), kind, content].concat()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A sample description that names a sample rate.
fn entry(kind: &[u8; 4], rate: u32, more: &[u8]) -> Vec<u8> {
    let mut content = vec![0; 28];
    content[17] = 1;
    content.splice(24..28, (rate << 16).to_be_bytes());
    part(kind, &[&content, more].concat())
}

/// The configuration of a codec by its object type.
fn esds(object: u8, config: &[u8]) -> Vec<u8> {
    let tag =
        |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let decoder = [&[object], [0; 12].as_slice(), &tag(5, config)].concat();
    part(
        b"esds",
        &[&[0; 4], tag(3, &[&[0; 3], tag(4, &decoder).as_slice()].concat()).as_slice()].concat(),
    )
}

/// AAC-LC at 8 kHz and at 48 kHz, of one channel.
fn aac(rate: u32) -> Vec<u8> {
    let config = if rate == 8_000 { [0x15, 0x88] } else { [0x11, 0x88] };
    entry(b"mp4a", rate, &esds(0x40, &config))
}

/// A track whose samples are these, in one chunk each. `at` is where the first begins.
struct Track<'a> {
    handler: &'a [u8; 4],
    entries: Vec<u8>,
    samples: Vec<&'a [u8]>,
}

impl Track<'_> {
    fn written(&self, mut at: usize, more: &[u8]) -> Vec<u8> {
        let count = u32::try_from(self.samples.len()).unwrap();
        let size = |sample: &&[u8]| u32::try_from(sample.len()).unwrap();
        let sizes: Vec<_> =
            [0, 0, count].into_iter().chain(self.samples.iter().map(size)).collect();
        let mut offsets = vec![0, count];
        for sample in &self.samples {
            offsets.push(u32::try_from(at).unwrap());
            at += sample.len();
        }
        let handler = [&[0; 8], self.handler.as_slice(), &[0; 13]].concat();
        let tables = [
            part(b"stsd", &[&[0; 8], self.entries.as_slice()].concat()),
            part(b"stsz", &numbers(&sizes)),
            part(b"stsc", &numbers(&[0, 1, 1, 1, 1])),
            part(b"stco", &numbers(&offsets)),
        ];
        let media = [part(b"hdlr", &handler), part(b"minf", &part(b"stbl", &tables.concat()))];
        part(b"trak", &[more, &part(b"mdia", &media.concat())].concat())
    }
}

/// A file of these tracks, whose header claims one second.
fn file(tracks: &[Track<'_>], edits: &[u8]) -> Vec<u8> {
    let data = tracks.iter().flat_map(|track| track.samples.concat()).collect::<Vec<_>>();
    let mut out = [part(b"ftyp", b"M4A "), part(b"mdat", &data)].concat();
    let header = [numbers(&[0, 0, 0, 1, 1])].concat();
    let mut at = 12 + 8;
    let mut movie = part(b"mvhd", &header);
    for track in tracks {
        movie.extend(track.written(at, edits));
        at += track.samples.iter().map(|sample| sample.len()).sum::<usize>();
    }
    out.extend(part(b"moov", &movie));
    out
}

fn sound(entries: Vec<u8>, sample: &[u8], count: usize) -> Track<'_> {
    Track { handler: b"soun", entries, samples: vec![sample; count] }
}

#[test]
fn aac_lasts_as_its_samples_whatever_the_movie_claims() {
    let long = sound(aac(8_000), b"a frame", 1_000);
    assert_eq!(most_seconds(&file(&[long], &[])), 128);
    let unnamed = entry(b"mp4a", 48_000, &esds(0, &[0x15, 0x88]));
    assert_eq!(most_seconds(&file(&[sound(unnamed, b"a frame", 1_000)], &[])), 128);
    // Without a configuration, the rate of the entry counts.
    let named = sound(entry(b"mp4a", 16_000, &[]), b"a frame", 1_000);
    assert_eq!(most_seconds(&file(&[named], &[])), 64);
}

/// A block of AAC without bands, as short as one can be.
const SILENT: &[u8] = b"\x00\xc8\x00\x07";

#[test]
fn several_frames_of_aac_in_one_sample_count_each() {
    for frames in [2, 4, 250] {
        let frames = SILENT.repeat(frames);
        let track = sound(aac(8_000), &frames, 1_000);
        assert_eq!(most_seconds(&file(&[track], &[])), 128 * frames.len() as u64 / 4);
    }
    // Those that nobody can decode count by their size: as many bytes as 16 of 128 kbit/s have.
    let frames = [0x21; 16 * 370];
    let track = sound(aac(48_000), &frames, 100);
    assert!(most_seconds(&file(&[track], &[])) >= 32);
    // A frame that is as large as it can be is one.
    let mut track = sound(aac(48_000), b"a frame", 1_000);
    track.samples[7] = &frames[..768];
    assert_eq!(most_seconds(&file(&[track], &[])), 22);
}

#[test]
fn no_table_hides_the_frames_of_aac_in_its_samples() {
    let frames = SILENT.repeat(100);
    let honest = file(&[sound(aac(8_000), &frames, 10)], &[]);
    assert_eq!(most_seconds(&honest), 128);
    let find = |what: &[u8]| memchr::memmem::find(&honest, what).unwrap();
    let mut forged = honest.clone();
    forged[find(b"stsz") + 15] = 1;
    assert!(most_seconds(&forged) >= 128);
    let again = part(b"stsz", &numbers(&[0, 1, 1]));
    assert!(most_seconds(&file(&[sound(aac(8_000), &frames, 10)], &again)) >= 128);
}

#[test]
fn a_file_that_was_cut_off_counts_what_it_has_and_each_sample_that_it_lacks() {
    let track = sound(aac(8_000), SILENT, 1_000);
    let entries = track.written(12 + 8 + 500, &[]);
    let movie = part(b"moov", &entries);
    let begin = movie.len() + 8;
    let movie = part(b"moov", &track.written(begin + 8, &[]));
    let whole = [movie, part(b"mdat", &SILENT.repeat(1_000))].concat();
    assert_eq!(most_seconds(&whole), 128);
    assert_eq!(most_seconds(&whole[..whole.len() - 1_501]), 128);
}

#[test]
fn opus_in_mp4_lasts_as_its_packets_say() {
    for (packet, seconds) in [(LONG_OPUS.as_slice(), 120), (&[1 << 3, 0], 20), (&[3 << 3], 60)] {
        let track = sound(entry(b"Opus", 48_000, &[]), packet, 1_000);
        assert_eq!(most_seconds(&file(&[track], &[])), seconds, "{packet:?}");
    }
}

#[test]
fn mp3_in_mp4_lasts_as_its_frames_whatever_rate_the_entry_names() {
    let frame = slow_mp3();
    for object in [0x69, 0x6B] {
        let entries = entry(b"mp4a", 48_000, &esds(object, &[]));
        let track = sound(entries.clone(), &frame, 1_000);
        assert_eq!(most_seconds(&file(&[track], &[])), 36);
        // Frames may be divided otherwise than samples.
        let pair = frame.repeat(2);
        let mut track = sound(entries, &[], 0);
        track.samples = [&pair[..50], &pair[50..]].repeat(500);
        assert_eq!(most_seconds(&file(&[track], &[])), 36);
    }
}

#[test]
fn the_longest_sound_track_counts_each_by_its_own_codec() {
    let long = || sound(aac(8_000), b"a frame", 1_000);
    for short in [aac(48_000), entry(b"Opus", 48_000, &[]), entry(b"alac", 48_000, &[])] {
        for is_first in [true, false] {
            let short = sound(short.clone(), b"\x08x", 2);
            let tracks = if is_first { [short, long()] } else { [long(), short] };
            assert_eq!(most_seconds(&file(&tracks, &[])), 128);
        }
    }
    // A second entry of the same track, and one of ADTS in the samples, make nothing shorter.
    let mut two = long();
    two.entries.extend(aac(48_000));
    assert_eq!(most_seconds(&file(&[two], &[])), 128);
    let adts = sound(aac(48_000), b"\xff\xf1\x6c\x40\x01\x7f\xfc\x00\xc8\x00\x07", 1_000);
    assert_eq!(most_seconds(&file(&[adts], &[])), 128);
}

#[test]
fn flac_alac_and_amr_in_mp4_last_as_their_frames() {
    let stream = [&[0; 4], &flac_head()[4..]].concat();
    let frame = flac_frame();
    let flac = sound(entry(b"fLaC", 48_000, &part(b"dfLa", &stream)), &frame, 40);
    assert_eq!(most_seconds(&file(&[flac], &[])), 11);
    let cookie = numbers(&[0, 8_192, 0, 0, 0, 0, 8_000]);
    let alac = sound(entry(b"alac", 48_000, &part(b"alac", &cookie)), b"x", 10);
    assert_eq!(most_seconds(&file(&[alac], &[])), 11);
    let frames = [&[0x04; 13], [0x7C].as_slice()].concat();
    let amr = sound(entry(b"samr", 8_000, &[]), &frames, 500);
    assert_eq!(most_seconds(&file(&[amr], &[])), 20);
}

#[test]
fn the_pictures_of_a_video_are_no_sound_and_cannot_hide_one() {
    let pictures = |handler, kind| {
        let (entries, samples) = (entry(kind, 0, &[]), vec![b"picture".as_slice(); 3_000]);
        Track { handler, entries, samples }
    };
    let sound = || sound(aac(48_000), b"a frame", 2_813);
    let video = file(&[pictures(b"vide", b"avc1"), sound()], &[]);
    assert_eq!(most_seconds(&video), 60);
    assert_eq!(most_seconds(&file(&[pictures(b"vide", b"avc1")], &[])), 1);
    // Sound that is said to be a picture, by the handler or by the kind of its samples.
    let mut hidden = sound();
    hidden.handler = b"vide";
    assert_eq!(most_seconds(&file(&[hidden], &[])), 60);
    let hidden = Track {
        entries: entry(b"avc1", 0, &esds(0x40, &[0x11, 0x88])),
        ..pictures(b"soun", b"avc1")
    };
    assert!(most_seconds(&file(&[hidden], &[])) >= 64);
}

#[test]
fn tables_that_do_not_agree_hide_no_sound() {
    let track = || sound(entry(b"Opus", 48_000, &[]), LONG_OPUS.as_slice(), 100);
    let honest = file(&[track()], &[]);
    assert_eq!(most_seconds(&honest), 12);
    let find = |what: &[u8]| memchr::memmem::find(&honest, what).unwrap();
    // One sample by the table of sizes, or chunks that are elsewhere.
    let mut forged = honest.clone();
    forged[find(b"stsz") + 15] = 1;
    assert_eq!(most_seconds(&forged), 12);
    let mut forged = honest.clone();
    forged[find(b"stco") + 12] = 0x7F;
    assert_eq!(most_seconds(&forged), 12);
    // A second table of sizes, or edits that play the track again.
    let again = part(b"stsz", &numbers(&[0, 1, 1]));
    assert_eq!(most_seconds(&file(&[track()], &again)), 12);
    let edit = numbers(&[1, 0, 1 << 16]);
    let edits = [numbers(&[0, 4, 1, u32::MAX, 1 << 16]), edit.repeat(3)].concat();
    assert_eq!(most_seconds(&file(&[track()], &part(b"edts", &part(b"elst", &edits)))), 36);
}

#[test]
fn the_samples_of_fragments_count_too() {
    let empty = Track { samples: vec![], ..sound(entry(b"Opus", 48_000, &[]), &[], 0) };
    let head = part(b"tkhd", &numbers(&[0, 0, 0, 7]));
    let movie = part(b"moov", &empty.written(0, &head));
    let fragment = |offset: u32| {
        let run = [numbers(&[0x201, 100, offset]), numbers(&[3; 100])].concat();
        let track = [part(b"tfhd", &numbers(&[0x2_0000, 7])), part(b"trun", &run)].concat();
        part(b"moof", &part(b"traf", &track))
    };
    let offset = u32::try_from(fragment(0).len() + 8).unwrap();
    let data = part(b"mdat", &LONG_OPUS.repeat(100));
    let fragments = [fragment(offset), data].concat().repeat(2);
    let whole = [part(b"ftyp", b"iso5"), movie.clone(), fragments].concat();
    assert_eq!(most_seconds(&whole), 24);
    // A run whose samples are not there.
    let lost = [part(b"ftyp", b"iso5"), movie, fragment(0x7000_0000)].concat();
    assert_eq!(most_seconds(&lost), 12);
}

#[test]
fn bytes_that_are_played_again_and_again_count_each_time() {
    // A fragment whose run names 60,000 samples of the same bytes, and no size of its own.
    let track = sound(entry(b"mp4a", 48_000, &esds(0x6B, &[])), &[], 0);
    let head = part(b"tkhd", &numbers(&[0, 0, 0, 7]));
    let usual = part(b"mvex", &part(b"trex", &numbers(&[0, 7, 1, 0, 36, 0])));
    let movie = part(b"moov", &[track.written(0, &head), usual].concat());
    let run = part(b"trun", &numbers(&[1, 2, 0]));
    let track = [part(b"tfhd", &numbers(&[0x2_0000, 7])), run.repeat(10_000)].concat();
    let whole = [part(b"ftyp", b"iso5"), movie, part(b"moof", &part(b"traf", &track))].concat();
    assert!(most_seconds(&whole) >= 700);
}
