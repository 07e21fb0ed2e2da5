//! Tags with pictures, in front of the frames and behind them.

use super::super::most_seconds;
use super::{flac_frame, flac_head, mp3};

/// A tag of ID3v2 around this content.
fn id3(content: &[u8]) -> Vec<u8> {
    let size = content.len();
    let digit = |shift: u32| u8::try_from((size >> shift) & 0x7F).unwrap();
    let head = [b"ID3\x04\0\0".as_slice(), &[digit(21), digit(14), digit(7), digit(0)]];
    [head.concat().as_slice(), content].concat()
}

/// A tag of APE around this content.
fn ape(content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 32).unwrap().to_le_bytes();
    let mark = [b"APETAGEX\xd0\x07\0\0".as_slice(), &size, &[0; 16]].concat();
    [mark.as_slice(), content, &mark].concat()
}

#[test]
fn the_cover_of_an_mp3_is_no_sound() {
    let (sound, picture) = (mp3(383), vec![0x5A; 2_000_000]);
    assert_eq!(most_seconds(&[id3(&picture), sound.clone()].concat()), 10);
    assert_eq!(most_seconds(&[id3(&picture), id3(b"again"), sound.clone()].concat()), 10);
    let older = [b"TAG".as_slice(), &[0; 125]].concat();
    assert_eq!(most_seconds(&[sound.clone(), ape(&picture), older].concat()), 10);
    assert_eq!(most_seconds(&[sound, ape(&picture)].concat()), 10);
}

#[test]
fn the_picture_of_a_flac_is_no_sound() {
    let block = [0x06, 0x0F, 0x42, 0x40].as_slice();
    let head = [&flac_head(), [0; 16].as_slice(), block, &vec![0x5A; 1_000_000]].concat();
    assert_eq!(most_seconds(&[head, flac_frame().repeat(40)].concat()), 11);
}

#[test]
fn a_forged_tag_hides_no_sound() {
    let sound = mp3(383);
    // No tag to a decoder: a size with a high bit, or a version that does not exist.
    for head in [b"ID3\x04\0\0\0\x8e\0\0", b"ID3\xff\0\0\0\x0e\0\0", b"ID3\x04\xff\0\0\x0e\0\0"] {
        assert_eq!(most_seconds(&[head.as_slice(), &sound].concat()), 10);
    }
    // One that reaches past the file.
    assert_eq!(most_seconds(&[b"ID3\x04\0\0\x7f\x7f\x7f\x7f".as_slice(), &sound].concat()), 10);
    // Decoders look for frames in an APE tag.
    assert_eq!(most_seconds(&[mp3(10), ape(&sound)].concat()), 11);
    // The head of a frame of ADTS of 8,191 bytes hides no frames of MPEG audio, nor the other way.
    let decoy = b"\xff\xf1\x4c\x43\xff\xff\xfc".as_slice();
    assert_eq!(most_seconds(&[mp3(6).as_slice(), decoy].concat().repeat(64)), 10);
    let mut adts = vec![0xFF, 0xF1, 0x60, 0x40, 0x02, 0x80, 0xFC];
    adts.resize(20, 0);
    let decoy = b"\xff\xfb\xe2\x00".as_slice();
    assert_eq!(most_seconds(&[adts.repeat(10).as_slice(), decoy].concat().repeat(100)), 64);
    // Another format behind a tag, or in one.
    let flac = [flac_head(), flac_frame().repeat(40)].concat();
    assert_eq!(most_seconds(&[id3(b"title"), flac].concat()), 11);
    let unknown = vec![7; 100_000];
    assert!(most_seconds(&[mp3(2), ape(&unknown)].concat()) >= 400);
}
