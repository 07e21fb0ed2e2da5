//! What characters cost in scripts that the tokenizer knows badly, by blocks of code points.
//!
//! All costs are in sixty-fourths of a token. They were measured with `o200k_base` on random letters of
//! each block, and on the translations of a program where there was one.

/// What a character costs after another one of its block, from these code points on. Zero where the
/// transitions between the classes tell.
const BLOCKS: [(u32, u8); 76] = [
    (0x0000, 0),
    (0x0080, 118),
    (0x00A0, 0),
    // Latin of phonetics and of few languages, combining marks
    (0x0180, 115),
    (0x0370, 0),
    // Further Cyrillic, Armenian and Hebrew with the signs of its vowels, Arabic with those of its
    // own, and of other languages
    (0x0480, 45),
    (0x0500, 118),
    (0x0530, 19),
    (0x0591, 94),
    (0x05C8, 19),
    (0x0600, 0),
    (0x064B, 80),
    (0x0660, 0),
    (0x0680, 39),
    // Syriac, Thaana, N'Ko
    (0x0700, 118),
    (0x0800, 180),
    (0x0900, 0),
    (0x0A00, 39),
    (0x0A80, 21),
    (0x0B00, 56),
    (0x0B80, 24),
    (0x0C00, 30),
    (0x0C80, 27),
    (0x0D00, 24),
    (0x0D80, 40),
    (0x0E00, 24),
    // Lao, Tibetan, Myanmar, Georgian
    (0x0E80, 117),
    (0x0F00, 128),
    (0x1000, 40),
    (0x1080, 171),
    (0x10C0, 0),
    // Jamo, Ethiopic, Cherokee and others, Khmer
    (0x1100, 191),
    (0x1200, 128),
    (0x1380, 191),
    (0x1780, 38),
    (0x1800, 191),
    // Phonetic, Latin with more marks, ancient Greek
    (0x1D00, 160),
    (0x1E00, 64),
    (0x1E80, 0),
    (0x1F00, 130),
    // Signs: the usual ones are a token, and lines of boxes are few
    (0x2000, 0),
    (0x2040, 70),
    (0x20C0, 120),
    (0x2100, 80),
    (0x2140, 110),
    (0x2180, 50),
    (0x21C0, 110),
    (0x2200, 70),
    (0x2300, 110),
    (0x2500, 40),
    (0x2580, 80),
    (0x2600, 100),
    (0x2700, 90),
    (0x27C0, 150),
    (0x2800, 190),
    (0x2900, 160),
    (0x2C00, 190),
    (0x3000, 0),
    (0x3100, 125),
    (0x3140, 75),
    (0x3180, 130),
    (0x3200, 172),
    (0x3400, 190),
    (0x4E00, 0),
    // Yi, Vai and others, Hangul, private use
    (0xA000, 190),
    (0xAC00, 0),
    (0xD7C0, 190),
    (0xE000, 187),
    (0xFB00, 130),
    (0xFB40, 182),
    (0xFE00, 60),
    (0xFE40, 128),
    (0xFF00, 45),
    (0xFF40, 121),
    (0x1_0000, 254),
    (0x1_F000, 128),
];

/// The cost of a character of the block that begins here.
const fn of_block(code: u32) -> u8 {
    let mut at = BLOCKS.len();
    while at > 0 {
        at -= 1;
        if BLOCKS[at].0 <= code {
            // Emoji end where Chinese characters of names begin.
            return if code >= 0x2_0000 {
                254
            } else if code == 0x1_D000 {
                182
            } else {
                BLOCKS[at].1
            };
        }
    }
    0
}

/// What a character of a block costs beyond the transition from another one, which costs `usual`.
pub(super) const fn beyond(code: u32, usual: u8) -> u8 {
    of_block(code).saturating_sub(usual)
}

/// The first code point with this first byte, and with this second one.
pub(super) const fn first_code(lead: u8, second: u8) -> u32 {
    let low = (second & 0x3F) as u32;
    match lead {
        0..0xE0 => ((lead as u32 & 0x1F) << 6) | low,
        0xE0..0xF0 => ((lead as u32 & 0xF) << 12) | (low << 6),
        0xF0.. => ((lead as u32 & 7) << 18) | (low << 12),
    }
}
