//! Streams that are cut into pages or packets: Ogg, MPEG transport and program streams, AMR.

use super::super::most_seconds;
use super::{LONG_OPUS, flac_frame, flac_head, slow_mp3};

/// A page of one stream with these packets, each in segments of at most 255 bytes.
fn page(serial: u32, flags: u8, packets: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut page =
        [b"OggS\0".as_slice(), &[flags], &[0; 8], &serial.to_le_bytes(), &[0; 8]].concat();
    let sizes = packets.iter().flat_map(|packet| {
        let length = packet.as_ref().len();
        let full = std::iter::repeat_n(255, length / 255);
        full.chain([u8::try_from(length % 255).unwrap()])
    });
    let sizes: Vec<u8> = sizes.collect();
    page.push(u8::try_from(sizes.len()).unwrap());
    page.extend(sizes);
    page.extend(packets.iter().flat_map(AsRef::as_ref));
    page
}

/// The head of a stream of Vorbis at this rate, with windows of 2,048 samples.
fn vorbis(serial: u32, rate: u32) -> Vec<u8> {
    let head = [b"\x01vorbis\0\0\0\0\x01".as_slice(), &rate.to_le_bytes(), &[0; 12], &[0xB8, 1]];
    page(serial, 2, &[&head.concat()])
}

fn opus(serial: u32) -> Vec<u8> {
    [page(serial, 2, &[b"OpusHead\x01\x01"]), page(serial, 0, &[b"OpusTags"])].concat()
}

#[test]
fn each_stream_of_an_ogg_file_is_judged_by_its_own_codec() {
    let short = [vorbis(1, 48_000), page(1, 0, &[b"\0"])].concat();
    for serial in [1, 2] {
        // 1,024 samples at 8 kHz; packets of 120 ms.
        let slow = [vorbis(serial, 8_000), page(serial, 0, &[b"\0"; 100])].concat();
        assert_eq!(most_seconds(&[short.clone(), slow].concat()), 13);
        let long = [opus(serial), page(serial, 0, &[&LONG_OPUS; 100])].concat();
        assert_eq!(most_seconds(&[short.clone(), long].concat()), 12);
    }
    // Pages in turns, and a picture.
    let pages = [page(1, 0, &[&LONG_OPUS; 10]), page(2, 0, &[&[9; 200]; 10])].concat();
    let video = [page(2, 2, &[b"\x80theora"]), opus(1), pages.repeat(5)].concat();
    assert_eq!(most_seconds(&video), 6);
}

#[test]
fn a_large_picture_in_the_tags_of_ogg_is_no_sound() {
    let tags = [b"OpusTags".as_slice(), &vec![0x5A; 60_000]].concat();
    let head = [page(1, 2, &[b"OpusHead\x01\x01"]), page(1, 0, &[&tags])].concat();
    assert_eq!(most_seconds(&[head, page(1, 0, &[&LONG_OPUS; 100])].concat()), 12);
}

#[test]
fn no_page_of_ogg_hides_a_packet() {
    let packets = page(1, 0, &[&LONG_OPUS; 100]);
    // A page that holds pages and is not valid, and a packet that does not end.
    let around = page(7, 2, &[b"\x80theora".as_slice(), &packets]);
    assert!(most_seconds(&[opus(1), around].concat()) >= 12);
    let mut open = b"OggS\0\0".to_vec();
    open.extend([0; 8]);
    open.extend(1_u32.to_le_bytes());
    open.extend([0; 8]);
    open.extend([1, 255]);
    open.extend([0; 255]);
    assert!(most_seconds(&[opus(1), [open, packets].concat().repeat(2)].concat()) >= 24);
}

#[test]
fn no_packet_in_a_stream_of_ogg_hides_those_behind_it() {
    let packets = |count: usize| page(1, 0, &vec![LONG_OPUS; count]);
    let mut tiny_window = b"\x01vorbis\0\0\0\0\x01".to_vec();
    tiny_window.extend(48_000_u32.to_le_bytes());
    tiny_window.extend([0; 12]);
    tiny_window.extend([0x11, 1]);
    for head in [b"\x80theora".as_slice(), &tiny_window, b"\x7fFLAC\x01", b"fishead\0"] {
        for flags in [0, 2] {
            let file = [opus(1), packets(1), page(1, flags, &[head]), packets(100)].concat();
            assert!(most_seconds(&file) >= 12, "{flags}: {head:?}");
        }
    }
    // A page of empty packets takes no memory for each.
    assert!(most_seconds(&[opus(1), page(1, 0, &[b""; 255]).repeat(10_000)].concat()) >= 1_000);
}

#[test]
fn flac_in_ogg_lasts_as_all_its_frames() {
    let head = [b"\x7fFLAC\x01\0\0\0".as_slice(), &flac_head()].concat();
    // Several in one packet too.
    let pair = flac_frame().repeat(2);
    let file = [page(1, 2, &[&head]), page(1, 0, &[&pair; 20])].concat();
    assert_eq!(most_seconds(&file), 11);
}

#[test]
fn mpeg_audio_in_a_transport_stream_lasts_as_all_its_frames() {
    let sound = slow_mp3().repeat(1_000);
    let first = [b"\0\0\x01\xc0\0\0\x80\0\0".as_slice(), &sound[..175]].concat();
    let packets = std::iter::once((0x40, first.as_slice()));
    let rest = sound[175..].chunks(184).map(|data| (0, data));
    let mut file = Vec::new();
    for (start, data) in packets.chain(rest) {
        file.extend([0x47, start | 1, 0]);
        let missing = 184 - data.len();
        // What the last packet lacks is in its adaptation field.
        match u8::try_from(missing).unwrap() {
            0 => file.push(0x10),
            missing => file.extend(
                [[0x30, missing - 1].as_slice(), &vec![0; usize::from(missing) - 1]].concat(),
            ),
        }
        file.extend(data);
    }
    assert_eq!(most_seconds(&file), 36);
    assert_eq!(most_seconds(&[&[0; 40], file.as_slice()].concat()), 36);
}

#[test]
fn mpeg_audio_in_a_program_stream_lasts_as_its_frames_beside_pictures() {
    let packet = |id: u8, data: &[u8]| {
        let size = u16::try_from(data.len() + 3).unwrap().to_be_bytes();
        [[0, 0, 1, id].as_slice(), &size, &[0x80, 0, 0], data].concat()
    };
    let pack = [b"\0\0\x01\xba".as_slice(), &[0x44; 10]].concat();
    let sound = slow_mp3().repeat(1_000);
    let sound: Vec<_> = sound.chunks(1_000).flat_map(|data| packet(0xC0, data)).collect();
    let pictures = packet(0xE0, &[9; 1_000]).repeat(100);
    assert_eq!(most_seconds(&[pack, pictures, sound].concat()), 36);
}

#[test]
fn amr_lasts_as_its_frames() {
    // The lowest rate, and silence.
    let frames = [[0x04; 13].as_slice(), &[0x7C; 3]].concat().repeat(250);
    assert_eq!(most_seconds(&[b"#!AMR\n", frames.as_slice()].concat()), 20);
    let frames = [0x04; 18].repeat(500);
    assert_eq!(most_seconds(&[b"#!AMR-WB\n", frames.as_slice()].concat()), 10);
}
