mod hidden;

use super::*;
use crate::tokens::tokens_of_text;
use miniz_oxide::deflate::compress_to_vec;

const WORDS: &str = "The committee met again and agreed on the plan for next year. ";

fn tokens_of(file: &[u8]) -> Option<u64> {
    let model = ModelFacts::of("gpt-5-mini").unwrap();
    FileReader::new(model, &mut Budget::default()).tokens(file)
}

/// A file of an archive: its name, its content and whether it is packed.
struct Member<'a> {
    name: &'a str,
    content: &'a [u8],
    is_deflated: bool,
    /// The size of the packed and the unpacked content that its headers claim.
    sizes: Option<(usize, usize)>,
    flags: u16,
    method: Option<u16>,
}

fn member<'a>(name: &'a str, content: &'a [u8]) -> Member<'a> {
    Member { name, content, is_deflated: true, sizes: None, flags: 0, method: None }
}

fn little(number: usize, length: usize) -> Vec<u8> {
    number.to_le_bytes()[..length].to_vec()
}

fn zip(members: &[Member<'_>]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let packed = match member.is_deflated {
            true => compress_to_vec(member.content, 6),
            false => member.content.to_vec(),
        };
        let (packed_size, size) = member.sizes.unwrap_or((packed.len(), member.content.len()));
        let method = member.method.unwrap_or(if member.is_deflated { 8 } else { 0 });
        let offset = file.len();
        let common = [
            little(20, 2),
            member.flags.to_le_bytes().to_vec(),
            method.to_le_bytes().to_vec(),
            vec![0; 8],
            little(packed_size, 4),
            little(size, 4),
            little(member.name.len(), 2),
            little(0, 2),
        ]
        .concat();
        file.extend([b"PK\x03\x04", common.as_slice(), member.name.as_bytes(), &packed].concat());
        let rest = [vec![0; 10], little(offset, 4), member.name.as_bytes().to_vec()].concat();
        directory.extend([b"PK\x01\x02\x14\0", common.as_slice(), &rest].concat());
    }
    let counts = [little(members.len(), 2), little(members.len(), 2)].concat();
    let place = [little(directory.len(), 4), little(file.len(), 4), vec![0, 0]].concat();
    [file, directory, b"PK\x05\x06\0\0\0\0".to_vec(), counts, place].concat()
}

/// The main part of a document with this text, as an office program writes it.
fn body(text: &str) -> String {
    let paragraph = |text: &str| {
        let run = |text: &str| {
            format!(
                r#"<w:r w:rsidR="00A77427"><w:rPr><w:rFonts w:ascii="Times New Roman"/></w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>"#
            )
        };
        let (one, other) = text.split_at(text.len() / 2);
        format!(
            r#"<w:p w:rsidR="00A77427" w14:paraId="2C076A5A"><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>{}{}</w:p>"#,
            run(one),
            run(other)
        )
    };
    let paragraphs: String = text.split_inclusive(". ").map(paragraph).collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{paragraphs}</w:body></w:document>"#
    )
}

fn document(text: &str) -> Vec<u8> {
    zip(&[
        member("[Content_Types].xml", br#"<?xml version="1.0"?><Types xmlns="u"><Default Extension="xml" ContentType="application/xml"/></Types>"#),
        member("_rels/.rels", br#"<Relationships xmlns="u"><Relationship Id="rId1" Type="t/officeDocument" Target="word/document.xml"/></Relationships>"#),
        member("word/document.xml", body(text).as_bytes()),
        member("word/fonts/font1.odttf", &[0x9c; 5_000]),
    ])
}

#[track_caller]
fn assert_holds(file: &[u8], text: &str) {
    let least = tokens_of_text(text.as_bytes());
    let tokens = tokens_of(file).unwrap();
    assert!(tokens >= least && tokens <= least * 3 / 2, "{tokens} for {least}");
}

#[test]
fn how_the_tags_of_a_part_are_indented_costs_nothing() {
    let part = |between: &str| {
        let styles = format!("<w:style>{between}<w:rPr/>{between}</w:style>{between}").repeat(500);
        let text = format!("<w:styles>{between}{styles}<w:t>{WORDS}</w:t></w:styles>");
        tokens_of(&zip(&[member("word/styles.xml", text.as_bytes())])).unwrap()
    };
    assert_eq!(part("\n            "), part(""));
}

#[test]
fn an_honest_document_holds_its_text() {
    let text = WORDS.repeat(8_000);
    let file = document(&text);
    assert!(file.len() * 20 < text.len(), "{}", file.len());
    assert_holds(&file, &text);
    let stored = zip(&[Member { is_deflated: false, ..member("a.xml", body(&text).as_bytes()) }]);
    assert_holds(&stored, &text);
}

#[test]
fn compressed_text_holds_what_it_unpacks_to() {
    let text = WORDS.repeat(8_000);
    let gzip = |content: &[u8]| {
        let packed = compress_to_vec(content, 6);
        [b"\x1f\x8b\x08\x08\0\0\0\0\0\x03a.txt\0", packed.as_slice(), &[0; 8]].concat()
    };
    assert_holds(&gzip(text.as_bytes()), &text);
    assert_holds(&[gzip(text.as_bytes()), gzip(text.as_bytes())].concat(), &text.repeat(2));
    assert_holds(&gzip(&document(&text)), &text);
    assert_eq!(tokens_of(&gzip(text.as_bytes())[..900]), None);
    assert_eq!(tokens_of(&[gzip(b"a"), b"rest".to_vec()].concat()), None);
}

#[test]
fn what_is_in_an_archive_within_an_archive_counts() {
    let text = WORDS.repeat(5_000);
    let inner = document(&text);
    for is_deflated in [true, false] {
        let embedded = Member { is_deflated, ..member("word/embeddings/a.docx", &inner) };
        assert_holds(&zip(&[member("a.xml", b"<a/>"), embedded]), &text);
    }
    let deep = (0..5).fold(inner, |inner, _| zip(&[member("a.zip", &inner)]));
    assert_eq!(tokens_of(&deep), None);
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_unknown() {
    let spaces = vec![b' '; Budget::UNPACKED / 2 + 1];
    let half = || member("a.xml", &spaces);
    assert!(tokens_of(&zip(&[half()])).is_some());
    assert_eq!(tokens_of(&zip(&[half(), Member { name: "b.xml", ..half() }])), None);
    let inner = zip(&[half()]);
    let twice = zip(&[member("a.zip", &inner), member("b.zip", &inner)]);
    assert_eq!(tokens_of(&twice), None);
    let names: Vec<_> = (0..5_000).map(|number| number.to_string()).collect();
    let many: Vec<_> = names.iter().map(|name| member(name, b"")).collect();
    assert_eq!(tokens_of(&zip(&many)), None);
}

#[test]
fn an_archive_that_readers_may_see_differently_is_unknown() {
    let text = WORDS.repeat(100);
    let honest = || member("word/document.xml", text.as_bytes());
    let packed = compress_to_vec(text.as_bytes(), 6).len();
    let good = zip(&[honest()]);
    assert!(tokens_of(&good).is_some());
    let change = |at: usize, byte: u8| {
        let mut file = good.clone();
        file[at] = byte;
        file
    };
    let directory = good.len() - 22 - 46 - "word/document.xml".len();
    let hidden = good[..directory].to_vec();
    for (file, what) in [
        (zip(&[Member { sizes: Some((packed, 10)), ..honest() }]), "a forged size"),
        (zip(&[Member { sizes: Some((10, text.len())), ..honest() }]), "a forged length"),
        (zip(&[Member { is_deflated: false, sizes: Some((5, 5)), ..honest() }]), "a cut part"),
        (zip(&[Member { flags: 1, ..honest() }]), "encryption"),
        (zip(&[Member { method: Some(9), ..honest() }]), "an unknown method"),
        (zip(&[Member { method: Some(14), ..honest() }]), "another unknown method"),
        ([hidden, good.clone()].concat(), "an entry that the directory hides"),
        ([good.clone(), good.clone()].concat(), "two archives"),
        ([b"#!".as_slice(), &good].concat(), "something before it"),
        ([good.as_slice(), b"rest"].concat(), "something after it"),
        (change(30, b'v'), "another name"),
        (change(8, 0), "another method"),
        (change(22, 1), "another size"),
        (change(directory + 42, 1), "another place"),
        (good[..good.len() / 2].to_vec(), "half of it"),
        (good[..good.len() - 1].to_vec(), "all but a byte"),
    ] {
        assert_eq!(tokens_of(&file), None, "{what}");
    }
    let twice = zip(&[honest(), honest()]);
    let mut shared = twice.clone();
    let second = memchr::memmem::rfind(&twice, b"PK\x01\x02").unwrap();
    shared[second + 42..second + 46].fill(0);
    assert!(tokens_of(&twice).is_some());
    assert_eq!(tokens_of(&shared), None, "two names of one entry");
}

#[test]
fn no_file_is_read_past_its_end() {
    let file = document(WORDS);
    for end in 0..file.len() {
        let _ = tokens_of(&file[..end]);
    }
}

#[test]
fn images_in_a_document_count_by_their_size() {
    let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x04\0".as_slice(), &[8; 40_000]];
    let png = png.concat();
    let image = Member { is_deflated: false, ..member("word/media/image1.png", &png) };
    let drawing = [[1, 0, 0, 0].as_slice(), &[0; 36], b" EMF", &[0; 300]].concat();
    let tokens = tokens_of(&zip(&[image])).unwrap();
    assert!((1_000..2_000).contains(&tokens), "{tokens}");
    let most = tokens_of(&zip(&[member("word/media/image1.emf", &drawing)])).unwrap();
    assert!((tokens..10_000).contains(&most), "{most}");
}

#[test]
fn a_text_that_is_shown_often_counts_as_often() {
    let text = WORDS.repeat(50);
    let least = tokens_of_text(text.as_bytes()) * 200;
    let strings = format!("<sst><si><t>{text}</t></si></sst>");
    let cells: String =
        (0..200).map(|row| format!(r#"<c r="A{row}" t="s"><v>0</v></c>"#)).collect();
    let sheet = format!("<worksheet><sheetData><row>{cells}</row></sheetData></worksheet>");
    let cell = |row: u64, column: u64| {
        format!(
            r#"<table:table-row table:number-rows-repeated="{row}"><table:table-cell table:number-columns-repeated="{column}"><text:p>{text}</text:p></table:table-cell></table:table-row>"#
        )
    };
    for parts in [
        vec![
            ("xl/sharedStrings.xml", strings.clone()),
            ("xl/worksheets/sheet1.xml", sheet.clone()),
        ],
        vec![
            ("xl/worksheets/sheet1.xml", sheet.clone()),
            ("xl/sharedStrings.xml", strings.clone()),
        ],
        vec![
            ("decoy.xml", "<si/>".repeat(3)),
            ("xl/sharedStrings.xml", strings.clone()),
            ("xl/worksheets/sheet1.xml", sheet.clone()),
        ],
        vec![("content.xml", cell(20, 10))],
        vec![("content.xml", cell(1, 200))],
    ] {
        let members: Vec<_> =
            parts.iter().map(|(name, content)| member(name, content.as_bytes())).collect();
        let tokens = tokens_of(&zip(&members)).unwrap();
        assert!((least..least * 3 / 2).contains(&tokens), "{tokens} for {least}");
    }
}

#[test]
fn text_is_found_wherever_readers_find_it() {
    let text = WORDS.repeat(50);
    for part in [
        format!("<w:t>{text}</w:t>"),
        format!("\u{feff}\n<w:t>{text}</w:t>"),
        format!("<p><![CDATA[{text}]]></p>"),
        format!("<p><![CDATA[]] > <a {text}>]]]></p>"),
        format!("<!-->{text}-->"),
        format!("<a>1 < 2 {text}</a>"),
        format!(r#"<a b=">"'>{text}</a>"#),
        format!("<p it's>{text}</p>"),
        format!(r#"<?xml version="1.0" odd'?>{text}"#),
        format!(r#"<wp:docPr descr="{text}"/>"#),
        format!(r#"<img alt='{text}'/>"#),
        format!(r#"<html><TITLE>a <b q="{text}"></b></TITLE>"#),
        text.clone(),
    ] {
        let file = zip(&[member("a", part.as_bytes())]);
        let tokens = tokens_of(&file).unwrap();
        assert!(tokens >= tokens_of_text(text.as_bytes()) * 99 / 100, "{part:.60} {tokens}");
    }
    for begin in [b"Caf\xe9 ".as_slice(), b"\x01\x02\x03\x04", b"\xff\xd8\xff\xe0\0\x10JFIF\0"] {
        let part = [begin, text.as_bytes()].concat();
        let tokens = tokens_of(&zip(&[member("a", &part)])).unwrap();
        assert!(tokens >= tokens_of_text(text.as_bytes()) * 99 / 100, "{begin:?} {tokens}");
    }
    let style = format!(r#"<w:r w:ascii="{text}"/>"#);
    assert!(tokens_of(&zip(&[member("a", style.as_bytes())])).unwrap() < 10);
}

#[test]
fn parts_that_are_named_twice_or_written_otherwise_are_unknown() {
    let utf_16: Vec<u8> = "<a>b</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for part in [
        r#"<spine><itemref idref="a"/><itemref idref="a"/></spine>"#,
        r#"<manifest><item id="1" href="a.xhtml"/><item id="2" href="./a.xhtml#b"/></manifest>"#,
        r#"<manifest><item id="1" href="%61.xhtml"/></manifest>"#,
        r#"<p:sldIdLst><p:sldId id="1" r:id="rId1"/><p:sldId id="2" r:id="rId1"/></p:sldIdLst>"#,
        r#"<R><Relationship Type="u/slide" Target="a.xml"/><Relationship Type="u/slide" Target="/ppt/a.xml"/></R>"#,
        r#"<!DOCTYPE a [<!ENTITY b "cccc">]><a>&b;&b;</a>"#,
        r#"<c t="s"><v>99999999</v></c>"#,
        r#"<c t="s"><v>&#48;</v></c>"#,
        r#"<c t="&#115;"><v>x</v></c>"#,
        r#"<sst><!--<si></si>--><si><t>a</t></si></sst>"#,
        r#"<R><Relationship Type="u/slid&#101;" Target="a.xml"/></R>"#,
        r#"<t:table-cell t:number-columns-repeated="9">a<t:table-cell>b</t:table-cell></t:table-cell>"#,
        r#"<t:table-cell>a<t:table-row t:number-rows-repeated="9"></t:table-row></t:table-cell>"#,
        r#"<t:s t:c="none"/>"#,
    ] {
        assert_eq!(tokens_of(&zip(&[member("a.xml", part.as_bytes())])), None, "{part}");
    }
    assert_eq!(tokens_of(&zip(&[member("a.xml", &utf_16)])), None);
    for begin in UNREADABLE {
        assert_eq!(tokens_of(&[begin, &[7; 100]].concat()), None);
    }
    let book = r#"<spine><itemref idref="a"/><itemref idref="b"/></spine>"#;
    assert!(tokens_of(&zip(&[member("a.opf", book.as_bytes())])).is_some());
}

#[test]
fn what_a_cell_shows_is_unknown_where_readers_differ() {
    let cells = [
        r#"<c x:t="n" t="s"><v>0</v></c>"#,
        r#"<c t="s"><v><![CDATA[0]]></v></c>"#,
        r#"<c t="s"><v>0<x/>0</v></c>"#,
        r#"<c t="s"><v>0<!---->0</v></c>"#,
        r#"<c t="s"><x:c t="n"/><v>0</v></c>"#,
        r#"<item x:href="a" href="b"/>"#,
        r#"<table-row x:number-rows-repeated="1" number-rows-repeated="9"/>"#,
        r#"<c t="s"><v>0<?x?>0</v></c>"#,
        r#"<si/><!--<c t="s"><v>0</v></c>-->"#,
        r#"<si/><![CDATA[<c t="s"><v>0</v></c>]]>"#,
        r#"<si/><a b='<c t="s"><v>0</v></c>'/>"#,
        r#"<si/><?x <c t="s"><v>0</v></c>?>"#,
        r#"<?xml version="1.0" encoding="utf-7"?><si/>"#,
    ];
    for cell in cells {
        assert_eq!(tokens_of(&zip(&[member("a.xml", cell.as_bytes())])), None, "{cell}");
    }
}

#[test]
fn blanks_before_a_sheet_hide_none_of_its_cells() {
    let strings = format!("<sst><si><t>{}</t></si></sst>", WORDS.repeat(20));
    let sheet = r#"<c t="s"><v>0</v></c>"#.repeat(20);
    let tokens = |sheet: &str| {
        let members = [member("a.xml", strings.as_bytes()), member("b.xml", sheet.as_bytes())];
        tokens_of(&zip(&members)).unwrap()
    };
    let behind_blanks = format!("{}{sheet}", " ".repeat(300));
    assert!(tokens(&behind_blanks) >= tokens(&sheet));
}

/// Each would take hours if its work grew faster than its size.
#[test]
fn the_work_for_a_file_grows_with_its_size_alone() {
    let comments = "<!--".repeat(900_000);
    tokens_of(&zip(&[Member { is_deflated: false, ..member("a.xml", comments.as_bytes()) }]));
    let cell = zip(&[member("a.xml", br#"<c t="s"><v>1048575</v></c>"#)]);
    let names: Vec<_> = (0..2_000).map(|number| format!("{number}.zip")).collect();
    let cells: Vec<_> = names.iter().map(|name| member(name, &cell)).collect();
    tokens_of(&zip(&cells)).unwrap();
}

#[test]
fn a_text_that_begins_like_an_image_counts_as_text() {
    let text = [b"P1 1 1 ".as_slice(), WORDS.repeat(500).as_bytes(), b"\xe9"].concat();
    let least = tokens_of_text(WORDS.repeat(500).as_bytes());
    assert!(tokens_of(&text).unwrap() >= least);
}

#[test]
fn an_archive_fills_no_more_than_the_context() {
    let text = WORDS.repeat(30_000);
    let most = tokens_of(&document(&text)).unwrap();
    assert!(tokens_of_text(text.as_bytes()) > most, "{most}");
}
