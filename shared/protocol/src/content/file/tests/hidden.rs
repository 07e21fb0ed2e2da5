//! Text that some readers see and others do not.

use super::*;

/// What a text takes at least, with what is before and behind it in the only part of an archive.
#[track_caller]
fn assert_shows(before: &str, text: &str, after: &str) {
    let file = zip(&[member("a.xhtml", format!("{before}{text}{after}").as_bytes())]);
    // What cannot be read counts as much as there may be.
    let tokens = tokens_of(&file).unwrap_or(u64::MAX);
    assert!(tokens >= tokens_of_text(text.as_bytes()) * 99 / 100, "{before} {tokens}");
}

#[test]
fn nothing_hides_text_from_readers_that_end_a_tag_early() {
    let text = WORDS.repeat(50);
    for (before, after) in [
        ("<p>a</p><?x>", "?>"),
        ("<?xml version='1.0'>", "?>"),
        ("<?", ""),
        ("<?xm ", "?>"),
        (r#"<p b=x=">"#, r#"" >"#),
        ("<p b='>", "'>"),
        (r#"<a b=""#, ""),
        ("<a ", ""),
        ("<a ", " <b>"),
        (r#"<!DOCTYPE a SYSTEM "x>y" [<!ENTITY b ""#, r#"">]><a>&b;&b;</a>"#),
        ("<!DOCTYPE a SYSTEM '\"' \"'>", "\">"),
        ("<!ENTITY b '", "'>"),
    ] {
        assert_shows(before, &text, after);
    }
    // Tags are text behind what opens an element in which they are, for some readers.
    for before in [
        "<?x><xmp>?>",
        "<xmp/>",
        "<xmp></title>",
        "<noscript><xmp></noscript>",
        "<title/>",
        "<title><style></title>",
        "<script>",
        "<TEXTAREA>",
        "<![CDATA[><xmp>]]>",
        "<!--><xmp>-->",
        "<!-- --!><xmp>-->",
        "<p b='><xmp>'>",
        "<?xml version='1.0' encoding='utf-7'?>",
        "<meta charset=UTF-7>",
        "<META content='text/html; charset=hz'>",
    ] {
        assert_shows(&format!("{before}<a b='"), &text, "'>");
        assert_shows(&format!("{before}<a "), &text, ">");
    }
    let entities =
        format!(r#"<!DOCTYPE a SYSTEM "x>y" [<!ENTITY b "{text}">]><a>{}</a>"#, "&b;".repeat(15));
    assert_eq!(tokens_of(&zip(&[member("a", entities.as_bytes())])), None);
}

#[test]
fn an_honest_chapter_holds_its_text_alone() {
    let text = WORDS.repeat(50);
    let chapter = format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>The plan</title><meta http-equiv="Content-Type" content="text/html; charset=utf-8"/><style type="text/css">p {{ margin: 0; }}</style></head><body><!-- The text -->{}</body></html>"#,
        text.split_inclusive(". ")
            .map(|text| format!(r#"<p class="indent x1" id="p1">{text}</p>"#))
            .collect::<String>()
    );
    assert_holds(&zip(&[member("a.xhtml", chapter.as_bytes())]), &text);
}

#[test]
fn a_style_of_open_document_is_no_style_of_html() {
    let style = r#"<style:style style:name="P1" style:family="paragraph"/>"#.repeat(50);
    assert!(tokens_of(&zip(&[member("styles.xml", style.as_bytes())])).unwrap() < 10);
}

#[test]
fn an_archive_without_entries_hides_nothing() {
    let text = WORDS.repeat(500);
    let least = tokens_of_text(text.as_bytes());
    let end =
        |length: usize| [b"PK\x05\x06".as_slice(), &[0; 12], &little(length, 4), &[0, 0]].concat();
    let mut utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut latin = [b"Caf\xe9 ", text.as_bytes()].concat();
    for file in [&mut latin, &mut utf_16, &mut document(&text)] {
        file.extend(end(file.len()));
        assert!(tokens_of(file).is_none_or(|tokens| tokens >= least));
    }
    assert!(tokens_of(&end(0)).unwrap() < 30);
}

#[test]
fn text_between_the_parts_of_an_archive_counts() {
    let text = WORDS.repeat(500);
    let name = zip(&[member(&text, b"<a/>")]);
    let least = tokens_of_text(text.as_bytes());
    assert!(tokens_of(&name).unwrap() >= least);
    let gzip = [b"\x1f\x8b\x08\x08\0\0\0\0\0\x03", text.as_bytes(), b"\0"].concat();
    let gzip = [gzip, compress_to_vec(b"a", 6), vec![0xff; 8]].concat();
    assert!(tokens_of(&gzip).unwrap() >= least);
    let pdf = b"\n%PDF-1.4 1 0 obj <</Type/Page>> endobj Caf\xe9 ";
    assert!(tokens_of(&[pdf, text.as_bytes()].concat()).unwrap() >= least);
}

#[test]
fn bytes_among_a_text_do_not_make_it_free() {
    let text = format!("x<p>{}</p>", WORDS.repeat(500));
    let least = tokens_of_text(text.as_bytes());
    for (every, noise) in
        [(18, vec![1]), (12, vec![1, 0xff]), (3, vec![1]), (1_500, vec![1; 1_000])]
    {
        let noisy: Vec<u8> =
            text.as_bytes().chunks(every).flat_map(|chunk| [chunk, &noise].concat()).collect();
        let begins_so =
            [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01".as_slice(), &noisy].concat();
        let files = [zip(&[member("a", &noisy)]), zip(&[member("a", &begins_so)]), begins_so];
        for file in files {
            let tokens = tokens_of(&file).unwrap();
            assert!(tokens >= least * 2 / 3, "{every} {tokens} {least}");
        }
    }
    // A generator of such bytes as packed data have.
    let mut state = 1_u64;
    let random = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    let random: Vec<u8> = random.take(300_000).collect();
    assert!(tokens_of(&zip(&[member("font1.odttf", &random)])).unwrap() < 500);
}

#[test]
fn what_a_cell_shows_without_text_in_it_counts_as_often() {
    let text = WORDS.repeat(5);
    let once = tokens_of_text(text.as_bytes());
    let cell = |tag: &str, times: u64, rest: &str| {
        format!(r#"<t:{tag} t:number-columns-repeated="{times}" {rest}</t:{tag}>"#)
    };
    for (part, times) in [
        (cell("table-cell", 9, &format!(r#"o:string-value="{text}">"#)), 9),
        (format!(r#"<t:table-cell t:number-columns-repeated="9" o:string-value="{text}"/>"#), 9),
        (cell("covered-table-cell", 1_500, &format!("><p>{text}</p>")), 1_500),
        (cell("table-cell", 9, &format!(r#"t:formula="{text}">"#)), 9),
        (format!(r#"<sheet name="{text}"/>"#), 1),
        (format!(r#"<t:table t:name="{text}"/>"#), 1),
    ] {
        let tokens = tokens_of(&zip(&[member("content.xml", part.as_bytes())])).unwrap();
        assert!((once * times..once * times * 3 / 2).contains(&tokens), "{part:.80} {tokens}");
    }
    let empty =
        r#"<t:table-cell><p>a</p><t:table-cell t:number-columns-repeated="9"/></t:table-cell>"#;
    assert!(tokens_of(&zip(&[member("content.xml", empty.as_bytes())])).is_some());
}
