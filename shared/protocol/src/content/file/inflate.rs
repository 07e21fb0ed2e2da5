//! Unpacking piece by piece, so that nothing is kept of what was counted.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, TINFL_LZ_DICT_SIZE, decompress};

use crate::budget::Budget;

/// What is needed to unpack one stream after another.
pub(super) struct Inflater {
    state: Box<DecompressorOxide>,
    window: Vec<u8>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { state: Box::default(), window: vec![0; TINFL_LZ_DICT_SIZE] }
    }

    /// Unpacks a stream, and gives each piece on. Returns the length of the packed stream; `None` if
    /// it is damaged or cut, is too much for the budget, or a piece is refused.
    pub(super) fn unpack(
        &mut self,
        packed: &[u8],
        budget: &mut Budget,
        mut piece: impl FnMut(&[u8]) -> Option<()>,
    ) -> Option<usize> {
        self.state.init();
        let (mut read, mut written) = (0, 0);
        loop {
            let rest = packed.get(read..)?;
            let window = &mut self.window;
            let (status, used, made) = decompress(&mut self.state, rest, window, written, 0);
            read += used;
            budget.unpack(made)?;
            piece(window.get(written..written + made)?)?;
            written = (written + made) % TINFL_LZ_DICT_SIZE;
            if status == TINFLStatus::Done {
                return Some(read);
            }
            if status != TINFLStatus::HasMoreOutput {
                return None;
            }
        }
    }
}

/// Unpacks a gzip file, <https://www.rfc-editor.org/rfc/rfc1952>. It may hold several streams, of
/// which some readers take the first only.
pub(super) fn gunzip(
    file: &[u8],
    budget: &mut Budget,
    mut piece: impl FnMut(&[u8]) -> Option<()>,
) -> Option<()> {
    let mut inflater = Inflater::new();
    let mut rest = file;
    while is_gzip(rest) {
        let packed = after_gzip_header(rest)?;
        let length = inflater.unpack(packed, budget, &mut piece)?;
        rest = packed.get(length + GZIP_TRAILER..)?;
    }
    rest.iter().all(|byte| *byte == 0).then_some(())
}

/// The checksum and the size behind a stream.
const GZIP_TRAILER: usize = 8;

pub(super) fn is_gzip(file: &[u8]) -> bool {
    file.starts_with(&[0x1f, 0x8b])
}

/// What follows the header of a gzip stream.
fn after_gzip_header(file: &[u8]) -> Option<&[u8]> {
    let flags = *file.get(3)?;
    let mut rest = file.get(10..)?;
    let has = |flag: u8| flags & (1 << flag) != 0;
    if file.get(2) != Some(&8) || flags >> 5 != 0 {
        return None;
    }
    if has(2) {
        let length = rest.get(..2)?.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        rest = rest.get(2 + length..)?;
    }
    for _ in 0..u8::from(has(3)) + u8::from(has(4)) {
        rest = rest.get(memchr::memchr(0, rest)? + 1..)?;
    }
    rest.get(if has(1) { 2 } else { 0 }..)
}
