//! Blocks of AAC, written bit by bit and by an encoder, and how long packets of them last.

use super::*;

/// Four blocks of two channels at 16 kHz, by FFmpeg's encoder of noise and tones made for this test. They
/// use every book, every window sequence, noise and intensity stereo.
const ENCODED: &[u8] = include_bytes!("../../../corpus/four-blocks.aac");
const LENGTHS: [usize; 4] = [518, 351, 374, 444];

/// A number and in how many bits it is written.
type Field = (u32, u32);

fn written(fields: &[Field]) -> Vec<u8> {
    let bits: Vec<u8> = fields
        .iter()
        .flat_map(|(number, bits)| (0..*bits).rev().map(move |bit| ((number >> bit) & 1) as u8))
        .collect();
    bits.chunks(8)
        .map(|byte| byte.iter().zip((0..8).rev()).map(|(bit, shift)| bit << shift).sum())
        .collect()
}

/// Gain, windows as these fields say, sections and no tools: of a channel without bands.
fn silent(windows: &[Field], sections: &[Field]) -> Vec<Field> {
    [&[(100, 8)], windows, sections, &[(0, 3)]].concat()
}

const LONG: [Field; 3] = [(0, 4), (0, 6), (0, 1)];
const SINGLE: [Field; 2] = [(0, 3), (0, 4)];
const END: Field = (7, 3);

fn block() -> Vec<u8> {
    written(&[&SINGLE[..], &silent(&LONG, &[]), &[END]].concat())
}

fn config(bytes: [u8; 2]) -> Config {
    Config::read(&bytes).unwrap()
}

/// AAC-LC of one channel at 8 kHz.
fn low() -> Config {
    config([0x15, 0x88])
}

/// The frames of these packets.
fn frames(config: Config, packets: &[&[u8]]) -> u64 {
    let size: usize = packets.iter().map(|packet| packet.len()).sum();
    let packets = Packets { found: packets.to_vec(), ..Packets::default() };
    let mut budget = Budget { bytes: size + 100 };
    let sum = time(&[config], &packets, &mut budget);
    (0..100_000).find(|frames| config.frame().times(*frames) >= sum).unwrap()
}

#[test]
fn every_block_of_a_packet_counts() {
    let block = block();
    assert_eq!(block.len(), FEWEST_BYTES);
    for count in [1, 2, 9, 1_000] {
        let packet = block.repeat(count);
        assert_eq!(frames(low(), &[&packet, &packet]), 2 * count as u64);
        // Zeros behind the last, and what no decoder takes, are no block.
        let more = |more: &[u8]| frames(low(), &[&[packet.as_slice(), more].concat()]);
        assert_eq!(more(&[0; 300]), count as u64);
        assert_eq!(more(b"\x2f\xff\xff\xff\xff"), count as u64);
    }
    // Each packet counts once at least.
    assert_eq!(frames(low(), &[b"", b"\0", b"\xff", &[0; 40], b"a frame"]), 5);
}

#[test]
fn the_blocks_of_an_encoder_are_counted_as_they_are() {
    let stereo = config([0x14, 0x10]);
    let mut rest = ENCODED;
    let blocks = LENGTHS.map(|length| rest.split_off(..length).unwrap());
    assert!(rest.is_empty());
    for block in blocks {
        assert_eq!(frames(stereo, &[block]), 1);
        assert_eq!(frames(stereo, &[&block.repeat(5)]), 5);
    }
    assert_eq!(frames(stereo, &[ENCODED]), 4);
    assert_eq!(frames(stereo, &[&ENCODED.repeat(6)]), 24);
    // A block that is cut off is none.
    assert_eq!(frames(stereo, &[&ENCODED[..ENCODED.len() - 9]]), 3);
}

#[test]
fn every_element_of_a_block_is_passed_over() {
    let channel = [&SINGLE[..], &silent(&LONG, &[])].concat();
    let alone = silent(&LONG, &[]);
    let zeros = |bits: u32| vec![(0, 30); bits as usize / 30].into_iter().chain([(0, bits % 30)]);
    let data = [(4, 3), (0, 4), (1, 1), (20, 8)].into_iter().chain(zeros(3 + 160));
    // A layout of one channel and one coupling channel, and a comment of two bytes.
    let program = [(5, 3), (0, 4), (1, 2), (11, 4), (1, 4), (0, 4 + 4 + 2 + 3), (1, 4), (0, 3)];
    let program = program.into_iter().chain([(0, 5), (3, 5), (0, 1), (2, 8), (0x5555, 16)]);
    let pair = [&[(1, 3), (0, 4), (0, 1)], &alone[..], &alone].concat();
    let common =
        [&[(1, 3), (0, 4), (1, 1)], &LONG[..], &[(2, 2)], &[(9, 8), (0, 3), (9, 8), (0, 3)]];
    // One coupled single channel and both of a pair, each with a gain of its own.
    let coupling = [(2, 3), (3, 4), (0, 1), (1, 3), (0, 1), (0, 4), (1, 1), (0, 4), (3, 2), (0, 4)];
    let gains = [(1, 1), (0, 1), (0, 1)];
    let coupling = [&coupling[..], &alone, &gains].concat();
    let fill = |bytes: u32| match bytes {
        0..15 => vec![(6, 3), (bytes, 4), (1, 8 * bytes.min(1))],
        _ => vec![(6, 3), (15, 4), (bytes - 14, 8), (1, 8)],
    };
    let low_frequencies = [&[(3, 3), (0, 4)], &alone[..]].concat();
    for element in [
        data.collect::<Vec<_>>(),
        pair,
        common.concat(),
        coupling,
        low_frequencies,
        fill(0),
        fill(9).into_iter().chain(zeros(64)).collect(),
        fill(200).into_iter().chain(zeros(199 * 8)).collect(),
        // A range of one band, with every field, in fewer bytes than it takes.
        [(6, 3), (1, 4), (11, 4), (1, 1), (0, 8), (1, 1), (0, 8), (1, 1), (0, 16), (1, 1), (0, 16)]
            .to_vec(),
    ] {
        let block = written(&[&channel[..], &element, &[END]].concat());
        assert_eq!(frames(low(), &[&block.repeat(7)]), 7, "{element:?}");
    }
    // The layout is aligned to the bytes of the packet.
    let block = written(&program.chain(channel).chain([END]).collect::<Vec<_>>());
    assert_eq!(frames(low(), &[&block.repeat(7)]), 7);
}

#[test]
fn no_extension_hides_a_block() {
    // Band replication before the channel that it belongs to: FFmpeg reads on behind the kind.
    let begin = [(6, 3), (15, 4), (200, 8), (13, 4)];
    let head = written(&[&begin[..], &SINGLE, &silent(&LONG, &[]), &[END]].concat());
    let packet = [head, block().repeat(80)].concat();
    assert_eq!(frames(low(), &[&packet]), 81);
}

#[test]
fn windows_tools_and_object_types_are_read_as_they_are() {
    let of = |config: Config, windows: &[Field], sections: &[Field], tools: &[Field]| {
        let channel = [&[(100, 8)], windows, sections, tools].concat();
        let block = written(&[&SINGLE[..], &channel, &[END]].concat());
        frames(config, &[&block.repeat(7)])
    };
    let zeros = [(0, 4), (20, 5)];
    let none = [(0, 3)];
    // Prediction, whose bands have a bit each, by the object type.
    let main = [(0, 4), (20, 6), (1, 1), (1, 1), (30, 5), (0x5555, 20)];
    assert_eq!(of(config([0x0A, 0x08]), &main, &zeros, &none), 7);
    let long_term = [(0, 4), (20, 6), (1, 1), (1, 1), (5, 14), (0x5555, 20)];
    assert_eq!(of(config([0x22, 0x08]), &long_term, &zeros, &none), 7);
    assert_eq!(of(Config::named(0, 44_100, 1), &long_term, &zeros, &none), 7);
    // None of the low complexity type has it.
    assert_eq!(of(config([0x12, 0x08]), &long_term, &zeros, &none), 1);
    // Eight short windows in two groups, with 15 bands: shaped noise, and a gain control.
    let short = [(2, 3), (0, 1), (15, 4), (0b111_0111, 7)];
    let sections = [(0, 4), (7, 3), (7, 3), (1, 3)].repeat(2);
    let shaped = [(1, 2), (1, 1), (1, 1), (5, 4), (2, 3), (1, 2), (5, 6), (0, 7), (0, 1)];
    let gained = [(0, 2), (1, 1), (1, 2), (1, 3), (0, 6), (0, 21)];
    for tools in [&none[..], &shaped, &gained] {
        assert_eq!(of(config([0x14, 0x08]), &short, &sections, tools), 7, "{tools:?}");
    }
    // 960 samples; pulses; filters of two orders.
    let pulses = [(1, 1), (1, 2), (3, 6), (0, 18), (0, 2)];
    let filters = [(0, 1), (1, 1), (2, 2), (0, 1), (9, 6), (3, 5), (1, 2), (0, 6), (9, 6), (0, 5)];
    for tools in [&none[..], &pulses, &[&filters[..], &[(0, 1)]].concat()] {
        let windows = [(0, 4), (20, 6), (0, 1)];
        assert_eq!(of(config([0x12, 0x0C]), &windows, &zeros, tools), 7, "{tools:?}");
    }
    assert!(config([0x12, 0x0C]).frame() < config([0x12, 0x08]).frame());
}

/// A block of so many bands of zeros: 31 and more.
fn bands(bands: u32) -> Vec<u8> {
    let long = [(0, 4), (bands, 6), (0, 1)];
    let sections = [(0, 4), (31, 5), (bands - 31, 5)];
    written(&[&SINGLE[..], &silent(&long, &sections), &[END]].concat())
}

#[test]
fn a_header_of_adts_in_a_packet_counts_until_a_decoder_forgets_it() {
    // 16 kHz in a track of 44.1 kHz: blocks of 43 bands, which are 49 at 44.1 kHz.
    let header = |length: u32| {
        written(&[(0xFFF1, 16), (1, 2), (8, 4), (0, 1), (1, 3), (0, 4), (length, 13), (0x1FFC, 13)])
    };
    let track = config([0x12, 0x08]);
    let begin = [header(11), bands(43).repeat(4)].concat();
    let later = bands(43).repeat(9);
    let slow = Config::named(LOW_COMPLEXITY, 16_000, 1).frame();
    let time_of = |packets: &[&[u8]]| {
        let packets = Packets { found: packets.to_vec(), ..Packets::default() };
        time(&[track], &packets, &mut Budget { bytes: 10_000 })
    };
    assert_eq!(time_of(&[&begin, &later]), slow.times(13));
    // Blocks of more bands fail by the header, so what the container says may count.
    let many = bands(49).repeat(9);
    assert_eq!(time_of(&[&begin, &many]), slow.times(4).plus(track.frame().times(9)));
    // A frame of ADTS has the blocks that it holds, and at least those that it names.
    let four = Header::read(&begin).unwrap();
    assert_eq!(frame(&four, &begin), slow.times(4));
    assert_eq!(frame(&four, &begin[..9]), slow);
    assert_eq!(frame(&four, &[&begin[..9], &[0xFF; 8_000]].concat()), slow);
}

#[test]
fn any_of_several_configurations_may_decode_a_packet() {
    let (fast, slow) = (config([0x12, 0x08]), config([0x14, 0x08]));
    // The first only by the higher rate.
    let (many, few) = (bands(49).repeat(9), bands(43).repeat(9));
    let packets = Packets { found: vec![&many, &few], ..Packets::default() };
    let sum = time(&[fast, slow], &packets, &mut Budget { bytes: 10_000 });
    assert_eq!(sum, fast.frame().times(9).plus(slow.frame().times(9)));
}

#[test]
fn packets_that_are_not_walked_count_as_all_the_blocks_that_they_can_hold() {
    let packet = block().repeat(100);
    let found = vec![packet.as_slice(); 10];
    let packets = Packets { found, others: (3, 4_000) };
    let sum = time(&[low()], &packets, &mut Budget { bytes: 1_000 });
    assert_eq!(sum, low().frame().times(2_000));
    // Other object types have one frame a packet.
    let delayed = config([0xB9, 0x08]);
    assert_eq!(frames(delayed, &[&[0x21; 300], &[0x21; 300]]), 2);
}

#[test]
fn nothing_makes_a_walk_fail() {
    // A fixed sequence, as of a random generator.
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    let configs =
        [[0x14, 0x10], [0x0A, 0x08], [0x22, 0x0C], [0x1A, 0x98], [0x15, 0x88]].map(config);
    let walk = |packet: &[u8]| {
        let packets = Packets { found: vec![packet], ..Packets::default() };
        let sum = time(&configs, &packets, &mut Budget { bytes: 1 << 20 });
        let most = configs.iter().map(|config| config.most(1, packet.len() as u64 + 4)).max();
        assert!(sum <= most.unwrap_or_default());
        let _ = Header::read(packet).map(|header| frame(&header, packet));
        let _ = Config::read(packet);
    };
    for length in 0..ENCODED.len() {
        walk(&ENCODED[..length]);
        walk(&ENCODED[length..]);
    }
    for _ in 0..3_000 {
        let mut forged = ENCODED[..next() % ENCODED.len()].to_vec();
        for _ in 0..=next() % 4 {
            let at = next() % (forged.len() + 1);
            forged.insert(at, next().to_le_bytes()[0]);
        }
        walk(&forged);
        let noise: Vec<u8> = (0..next() % 300).map(|_| next().to_le_bytes()[0]).collect();
        walk(&noise);
    }
}
