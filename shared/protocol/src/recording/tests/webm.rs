//! WebM and Matroska: several tracks and codecs, and what a header claims of them.

use super::super::most_seconds;
use super::{LONG_OPUS, flac_frame, flac_head, slow_mp3};

fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let size = 0x1000_0000 | u32::try_from(content.len()).unwrap();
    [id, &size.to_be_bytes(), content].concat()
}

/// A track with its number, its type, codec and the codec's own head.
fn track(number: u8, kind: u8, codec: &[u8], more: &[u8]) -> Vec<u8> {
    let parts = [element(b"\xd7", &[number]), element(b"\x83", &[kind]), element(b"\x86", codec)];
    element(b"\xae", &[parts.concat().as_slice(), more].concat())
}

fn private(content: &[u8]) -> Vec<u8> {
    element(b"\x63\xa2", content)
}

/// Blocks of a track, with these flags.
fn blocks(number: u8, flags: u8, frame: &[u8], count: usize) -> Vec<u8> {
    element(b"\xa3", &[&[0x80 | number, 0, 0, flags], frame].concat()).repeat(count)
}

fn file(tracks: &[Vec<u8>], blocks: &[Vec<u8>]) -> Vec<u8> {
    let tracks = element(b"\x16\x54\xae\x6b", &tracks.concat());
    let cluster = element(b"\x1f\x43\xb6\x75", &blocks.concat());
    let segment = element(b"\x18\x53\x80\x67", &[tracks, cluster].concat());
    [element(b"\x1a\x45\xdf\xa3", b""), segment].concat()
}

/// AAC-LC at 8 kHz.
const AAC: [u8; 2] = [0x15, 0x88];

#[test]
fn each_track_is_judged_by_its_own_codec_and_the_longest_counts() {
    let opus = track(2, 2, b"A_OPUS", &[]);
    let short = || blocks(2, 0, &[1 << 3, 0], 1);
    let aac = track(1, 2, b"A_AAC", &private(&AAC));
    let long = blocks(1, 0, b"\x21 frame", 1_000);
    assert_eq!(most_seconds(&file(&[aac, opus.clone()], &[long, short()])), 128);
    let flac = track(1, 2, b"A_FLAC", &private(&flac_head()));
    let long = blocks(1, 0, &flac_frame(), 40);
    assert_eq!(most_seconds(&file(&[flac, opus.clone()], &[short(), long])), 11);
    let mp3 = track(1, 2, b"A_MPEG/L3", &[]);
    let long = blocks(1, 0, &slow_mp3(), 1_000);
    assert_eq!(most_seconds(&file(&[opus.clone(), mp3], &[long, short()])), 36);
    let speex = track(1, 2, b"A_SPEEX", &[]);
    let long = blocks(1, 0, &[0; 100], 100);
    assert_eq!(most_seconds(&file(&[speex, opus], &[long, short()])), 40);
}

#[test]
fn the_pictures_of_a_video_are_no_sound_and_cannot_hide_one() {
    let opus = |kind| track(2, kind, b"A_OPUS", &[]);
    let sound = || blocks(2, 0, &LONG_OPUS, 100);
    let pictures = || blocks(1, 0, &[0x7C; 90], 1_000);
    let video = track(1, 1, b"V_VP8", &[]);
    let whole = file(&[video.clone(), opus(2)], &[pictures(), sound()]);
    assert_eq!(most_seconds(&whole), 12);
    assert_eq!(most_seconds(&file(&[video], &[pictures()])), 1);
    for kind in [1, 17, 0] {
        assert_eq!(most_seconds(&file(&[opus(kind)], &[sound()])), 12, "{kind}");
    }
    let unnumbered = element(b"\xae", &element(b"\x86", b"A_OPUS"));
    assert_eq!(most_seconds(&file(&[unnumbered], &[sound()])), 12);
    let hidden = track(2, 2, b"V_VP8", &[]);
    assert!(most_seconds(&file(&[hidden], &[sound()])) >= 2);
}

#[test]
fn an_element_outside_of_its_place_changes_no_track() {
    let types = [element(b"\x83", &[1]), element(b"\x86", b"V_VP8")].concat();
    let number = element(b"\xd7", &[99]);
    let sound = blocks(2, 0, &LONG_OPUS, 100);
    for misplaced in [&types, &number] {
        let within = element(b"\xe1", misplaced);
        for opus in [track(2, 2, b"A_OPUS", &[]), track(2, 2, b"A_OPUS", &within)] {
            let tracks = element(b"\x16\x54\xae\x6b", &opus);
            let cluster = element(b"\x1f\x43\xb6\x75", &sound);
            let content = [tracks.as_slice(), misplaced, &cluster].concat();
            let segment = element(b"\x18\x53\x80\x67", &content);
            let file = [element(b"\x1a\x45\xdf\xa3", b""), segment].concat();
            assert_eq!(most_seconds(&file), 12, "{misplaced:?}");
        }
    }
}

#[test]
fn a_block_of_empty_frames_takes_no_memory_for_each() {
    let opus = track(1, 2, b"A_OPUS", &[]);
    let blocks = blocks(1, 4, &[255], 20_000);
    assert!(most_seconds(&file(&[opus], &[blocks])) >= 100_000);
}

#[test]
fn the_frames_of_a_block_count_each() {
    let opus = track(1, 2, b"A_OPUS", &[]);
    let frames = LONG_OPUS.repeat(3);
    let fixed = [&[2], frames.as_slice()].concat();
    let xiph = [&[2, 3, 3], frames.as_slice()].concat();
    // The first size, and that the second is the same.
    let ebml = [&[2, 0x83, 0xBF], frames.as_slice()].concat();
    for (flags, data) in [(4, fixed), (2, xiph), (6, ebml)] {
        let blocks = blocks(1, flags, &data, 10);
        assert_eq!(most_seconds(&file(std::slice::from_ref(&opus), &[blocks])), 4, "{flags}");
    }
}

#[test]
fn what_is_compressed_once_more_or_behind_a_broken_element_is_not_hidden() {
    let coded = track(1, 2, b"A_OPUS", &element(b"\x6d\x80", b"x"));
    assert_eq!(most_seconds(&file(&[coded], &[blocks(1, 0, b"\x08", 100)])), 12);
    let opus = track(1, 2, b"A_OPUS", &[]);
    let whole = file(&[opus], &[blocks(1, 0, &LONG_OPUS, 100)]);
    assert_eq!(most_seconds(&whole), 12);
    let cluster = memchr::memmem::find(&whole, b"\x1f\x43\xb6\x75").unwrap();
    for broken in [b"\xa3\x1f\xff\xff\x00".as_slice(), b"\xec\x1f\xff\xff\x00", b"\0"] {
        let forged = [&whole[..cluster], broken, &whole[cluster..]].concat();
        assert_eq!(most_seconds(&forged), 12, "{broken:?}");
    }
}
