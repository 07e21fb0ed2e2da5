//! MP4 and M4A: the samples that the tables of the sound tracks find, whatever times the headers name.

mod entry;
mod tables;

use memchr::memmem;

use self::tables::{Fragment, Table, packets};
use super::codec::Codec;
use super::packets::{Left, Packets};
use super::{Duration, MOST_TRACKS, aac, bytes};

/// Boxes whose content is boxes again.
const PARENTS: [&[u8; 4]; 10] =
    [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts", b"udta"];

/// How deep boxes are followed.
const DEEPEST: usize = 10;

/// A box with which such a file may begin.
const FIRST: [&[u8; 4]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];

/// Handlers of sound. Others are those of pictures and titles.
const SOUND: [&[u8; 4]; 2] = [b"soun", b"m1a "];

/// A sample has four bytes at least in the tables.
const FEWEST_BYTES: usize = 4;

/// No track has more kinds of samples that differ in their codec. Each of them takes a walk.
const MOST_CODECS: usize = 8;

#[derive(Default)]
struct Movie<'a> {
    tracks: Vec<Track<'a>>,
    fragments: Vec<Fragment<'a>>,
    /// The size of the samples of a track's fragments, where they name none.
    sizes: Vec<(u32, u32)>,
    /// Where the fragment in which the walk is begins.
    moof: usize,
    /// How many samples are still looked at.
    left: Left,
    /// Whether there may be tracks that are not found.
    is_compressed: bool,
}

#[derive(Default)]
struct Track<'a> {
    id: u32,
    handlers: Vec<[u8; 4]>,
    /// The kinds of its samples, and the codecs that these may be.
    kinds: Vec<[u8; 4]>,
    codecs: Vec<Codec>,
    tables: Vec<Table<'a>>,
    /// How often its edits may play it.
    plays: u64,
}

/// Whether a file begins like this.
pub(super) fn begins(file: &[u8]) -> bool {
    bytes(file, 4).is_some_and(|kind| FIRST.contains(&&kind))
}

/// The longest sound track. `None` if no track can be found.
pub(super) fn duration(file: &[u8]) -> Option<Duration> {
    let mut movie = Movie { left: Left::of(file, FEWEST_BYTES), ..Movie::default() };
    walk(file, (0, file.len()), DEEPEST, &mut movie);
    let has_too_many = |track: &Track<'_>| track.codecs.len() > MOST_CODECS;
    if movie.is_compressed
        || movie.tracks.len() > MOST_TRACKS
        || movie.sizes.len() > MOST_TRACKS
        || movie.tracks.iter().any(has_too_many)
    {
        return None;
    }
    let Movie { tracks, fragments, mut left, .. } = movie;
    let mut budget = aac::Budget::of(file);
    tracks.iter().map(|track| track.time(file, &fragments, &mut left, &mut budget)).max()
}

impl Track<'_> {
    fn time(
        &self,
        file: &[u8],
        fragments: &[Fragment<'_>],
        left: &mut Left,
        budget: &mut aac::Budget,
    ) -> Duration {
        // Only the handler and the samples together show a picture: decoders go by either.
        let is_sound = self.handlers.is_empty()
            || self.handlers.iter().any(|handler| SOUND.contains(&handler))
            || self.kinds.iter().any(|kind| !entry::is_picture(kind));
        if !is_sound {
            return Duration::default();
        }
        let mut all: Packets<'_> = packets(file, &self.tables, left);
        for fragment in fragments.iter().filter(|fragment| fragment.track == self.id) {
            all.found.extend(&fragment.packets.found);
            all.others.0 = all.others.0.saturating_add(fragment.packets.others.0);
            all.others.1 = all.others.1.saturating_add(fragment.packets.others.1);
        }
        let codecs: &[_] = if self.codecs.is_empty() { &[Codec::Unknown] } else { &self.codecs };
        all.longest(codecs, budget).times(self.plays.max(1))
    }
}

/// Reads the boxes between two offsets of the file.
fn walk<'a>(file: &'a [u8], (mut at, end): (usize, usize), depth: usize, movie: &mut Movie<'a>) {
    while let Some((kind, content, after)) = next_box(file, at, end) {
        let body = &file[content..after];
        match &kind {
            b"trak" => movie.tracks.push(Track::default()),
            b"moof" => movie.moof = at,
            b"cmov" => movie.is_compressed = true,
            // More are refused below.
            b"trex" if movie.sizes.len() <= MOST_TRACKS => {
                movie.sizes.push((count(body, 4), count(body, 16)))
            }
            b"tfhd" => {
                let fragment = Fragment::new(body, movie.moof, &movie.sizes);
                movie.fragments.push(fragment);
            }
            b"trun" => {
                if let Some(fragment) = movie.fragments.last_mut() {
                    fragment.read(file, body, &mut movie.left);
                }
            }
            _ => {}
        }
        if let Some(track) = movie.tracks.last_mut() {
            track.read(kind, body);
        }
        if depth > 0 && PARENTS.contains(&&kind) {
            walk(file, (content, after), depth - 1, movie);
        }
        at = after;
    }
}

impl<'a> Track<'a> {
    fn read(&mut self, kind: [u8; 4], body: &'a [u8]) {
        match &kind {
            b"tkhd" => self.id = count(body, if body.first() == Some(&1) { 20 } else { 12 }),
            b"hdlr" => self.handlers.extend(bytes::<4>(body, 8).filter(is_of_media)),
            b"stsd" => {
                let mut at = 8;
                while let Some((kind, content, after)) = next_box(body, at, body.len())
                    && self.codecs.len() <= MOST_CODECS
                {
                    self.kinds.push(kind);
                    for codec in entry::codecs(&kind, &body[content..after]) {
                        if !self.codecs.contains(&codec) {
                            self.codecs.push(codec);
                        }
                    }
                    at = after;
                }
            }
            b"elst" => {
                // An edit without media is a pause before it. Each of the others may play all of it.
                let (size, media) = if body.first() == Some(&1) { (20, 12) } else { (12, 4) };
                let edits = body.get(8..).unwrap_or_default().chunks_exact(size);
                let plays = edits.filter(|edit| bytes(edit, media) != Some([0xFF; 4]));
                self.plays = self.plays.saturating_add(plays.count() as u64);
            }
            kind => self.tables.extend(Table::new(kind, body)),
        }
    }
}

/// Whether a handler is that of a track. Others say where its data are.
fn is_of_media(handler: &[u8; 4]) -> bool {
    ![b"alis", b"url ", b"rsrc"].contains(&handler)
}

/// The number of 32 bits at an offset, 0 if there is none.
fn count(content: &[u8], at: usize) -> u32 {
    bytes(content, at).map(u32::from_be_bytes).unwrap_or_default()
}

/// The kind of the box at an offset, where its content begins, and where it ends.
fn next_box(file: &[u8], at: usize, end: usize) -> Option<([u8; 4], usize, usize)> {
    let rest = file.get(at..end)?;
    let kind = bytes(rest, 4)?;
    let (head, size) = match u32::from_be_bytes(bytes(rest, 0)?) {
        0 => (8, rest.len()),
        1 => (16, usize::try_from(u64::from_be_bytes(bytes(rest, 8)?)).ok()?),
        size => (8, size as usize),
    };
    // A box that claims more than there is ends with what it is in.
    let size = size.min(rest.len());
    (size >= head).then_some((kind, at + head, at + size))
}

/// What follows each place of a text in a sample's description.
fn behind<'a>(content: &'a [u8], text: &'a [u8; 4]) -> impl Iterator<Item = &'a [u8]> {
    memmem::find_iter(content, text).filter_map(|at| content.get(at + 4..))
}
