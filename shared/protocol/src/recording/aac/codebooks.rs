//! The Huffman codes of AAC, ISO/IEC 14496-3, Tables 4.A.1 to 4.A.12.
//!
//! In each book the shorter codes are the lower ones, so the count of the codes of each length gives all
//! of them. Which values a code stands for does not matter to a walk, but what follows it does: the
//! signs of values that are not zero, and the escapes of values that are too large for the book.

/// Codes up to this length are found by one look into a table.
const QUICK: usize = 10;

/// The longest code, in bits.
const LONGEST: usize = 19;

/// The most bits of a code and the signs behind it.
pub(super) const MOST_BITS: u32 = 20;

pub(super) struct Book {
    /// What the next [`QUICK`] bits begin with: an [`Entry`], 0 for a longer code.
    quick: [u8; 1 << QUICK],
    /// Of each length, the first code behind those that are not longer, filled up to the longest code.
    limits: [u32; LONGEST + 1],
    /// Of each length, the first code, and how many are shorter.
    firsts: [(u32, usize); LONGEST + 1],
    kinds: &'static [u8],
    /// The values of one code.
    pub(super) values: usize,
}

/// A code: its bits with those of its signs, and 32 for each escape.
#[derive(Clone, Copy)]
pub(super) struct Entry(u8);

impl Entry {
    #[inline]
    pub(super) fn bits(self) -> u32 {
        (self.0 & 31).into()
    }

    #[inline]
    pub(super) fn escapes(self) -> u8 {
        self.0 >> 5
    }
}

impl Book {
    /// The code with which these bits begin, of which the first is the highest.
    #[inline]
    pub(super) fn entry(&self, window: u64) -> Option<Entry> {
        match self.quick[(window >> (64 - QUICK)) as usize] {
            0 => self.longer(window),
            entry => Some(Entry(entry)),
        }
    }

    #[cold]
    fn longer(&self, window: u64) -> Option<Entry> {
        let code = u32::try_from(window >> (64 - LONGEST)).ok()?;
        let length = (QUICK + 1..=LONGEST).find(|length| code < self.limits[*length])?;
        let (first, shorter) = self.firsts[length];
        let at = shorter + ((code >> (LONGEST - length)) - first) as usize;
        Some(Entry(entry(length, kind(self.kinds, at))))
    }

    /// The codes of each length from one bit on, the kind of each code, and how many values it has.
    const fn new(counts: &[u32], kinds: &'static [u8], values: usize) -> Self {
        let mut book = Self {
            quick: [0; 1 << QUICK],
            limits: [0; LONGEST + 1],
            firsts: [(0, 0); LONGEST + 1],
            kinds,
            values,
        };
        let (mut code, mut shorter, mut length) = (0, 0, 1);
        while length <= counts.len() {
            code <<= 1;
            book.firsts[length] = (code, shorter);
            let end = code + counts[length - 1];
            while code < end {
                if length <= QUICK {
                    let same = 1 << (QUICK - length);
                    let mut at = 0;
                    while at < same {
                        let entry = entry(length, kind(kinds, shorter));
                        book.quick[code as usize * same + at] = entry;
                        at += 1;
                    }
                }
                code += 1;
                shorter += 1;
            }
            book.limits[length] = code << (LONGEST - length);
            length += 1;
        }
        book
    }
}

/// Books whose values have their signs in them have no kinds.
const fn kind(kinds: &[u8], at: usize) -> u8 {
    if at < kinds.len() { kinds[at] } else { b'0' }
}

/// A kind is the count of signs, or a letter for escapes and signs: one of each, one escape and two signs,
/// two of each.
#[expect(clippy::cast_possible_truncation, reason = "no code is longer than 19 bits")]
const fn entry(length: usize, kind: u8) -> u8 {
    let (signs, escapes) = match kind {
        b'a' => (1, 1),
        b'b' => (2, 1),
        b'c' => (2, 2),
        signs => (signs - b'0', 0),
    };
    length as u8 + signs + 32 * escapes
}

/// Scale factors, Table 4.A.1.
pub(super) static SCALE_FACTORS: Book =
    Book::new(&[1, 0, 1, 3, 2, 4, 3, 5, 4, 6, 6, 6, 5, 8, 4, 7, 3, 7, 46], b"", 1);

/// Spectral data, Tables 4.A.2 to 4.A.12: the books 1 to 11.
pub(super) static SPECTRAL: [Book; 11] = [
    Book::new(&[1, 0, 0, 0, 8, 0, 24, 0, 24, 8, 16], b"", 4),
    Book::new(&[0, 0, 1, 1, 7, 24, 15, 19, 14], b"", 4),
    Book::new(&[1, 0, 0, 4, 2, 6, 3, 5, 15, 15, 8, 9, 3, 3, 5, 2], KINDS_3, 4),
    Book::new(&[0, 0, 0, 10, 6, 0, 9, 21, 8, 14, 11, 2], KINDS_4, 4),
    Book::new(&[1, 0, 0, 4, 4, 0, 4, 12, 12, 12, 18, 10, 4], b"", 2),
    Book::new(&[0, 0, 0, 9, 0, 16, 13, 8, 23, 8, 4], b"", 2),
    Book::new(&[1, 0, 2, 1, 0, 4, 5, 10, 14, 15, 8, 4], KINDS_7, 2),
    Book::new(&[0, 0, 1, 5, 7, 10, 14, 15, 8, 4], KINDS_8, 2),
    Book::new(&[1, 0, 2, 1, 0, 4, 3, 8, 11, 20, 31, 38, 32, 14, 4], KINDS_9, 2),
    Book::new(&[0, 0, 0, 3, 8, 14, 17, 25, 31, 41, 22, 8], KINDS_10, 2),
    Book::new(&[0, 0, 0, 2, 6, 7, 16, 59, 55, 95, 43, 6], KINDS_11, 2),
];

const KINDS_3: &[u8] = b"\
    011112222232343311223232331221224334323244332333223243344233333344442233434443233";

const KINDS_4: &[u8] = b"\
    433331202222121144443333333333332222222222221111444444333333333433344422222243333";

const KINDS_7: &[u8] = b"\
    0112221122211222222221122212122222222211222222222222112222222222";

const KINDS_8: &[u8] = b"\
    2212120112222222221122222222221212222222121222222222221212222112";

const KINDS_9: &[u8] = b"\
    011222112221122222222112222222121222222221222222221222122221222211222222222222212221222222\
    2222222222222212212222222122222222222222212212222122222222222222222222222222222";

const KINDS_10: &[u8] = b"\
    222211222221122220221122222222222212122222222222212122222222222222222212222212222222222222\
    2222121222222212222221222222222222222221212122222222222222212122212221222222122";

const KINDS_11: &[u8] = b"\
    02c11222222121222222211222222222222222bbbbb2b121b2bbbb22222bb22bbb22b2bbb2b22bb2221bb22221\
    2bb22b2b2222222b221222222122222222222222122222222222a222222a212222222222222222222222222222\
    221222222222222222222122222222222222222222222222211222222222222222222222222221221212221222\
    2211222212212112112";
