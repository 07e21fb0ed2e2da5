use super::*;

fn read(file: &[u8]) -> Option<Pdf> {
    super::read(file, &mut Budget::default())
}

fn pdf(compressed: bool, page: &str) -> Vec<u8> {
    let content = match compressed {
        true => miniz_oxide::deflate::compress_to_vec_zlib(page.as_bytes(), 6),
        false => page.as_bytes().to_vec(),
    };
    let filter = if compressed { "/Filter /FlateDecode " } else { "" };
    let mut file = b"%PDF-1.7\n1 0 obj <</Type /Pages /Count 1>> endobj\n".to_vec();
    file.extend(b"2 0 obj <</Type/Page /Contents 3 0 R>> endobj\n");
    file.extend(format!("3 0 obj <<{filter}/Length {}>> stream\n", content.len()).bytes());
    file.extend(content);
    file.extend(b"\nendstream endobj\n%%EOF");
    file
}

#[test]
fn pages_and_their_text_are_found_compressed_or_not() {
    let page = format!("BT /F1 12 Tf [({})] TJ <00410042> Tj ET", "Hello out there. ".repeat(50));
    for compressed in [false, true] {
        let read = read(&pdf(compressed, &page)).unwrap();
        assert_eq!(read.pages, 1);
        assert!((200..400).contains(&read.text_tokens), "{read:?}");
    }
}

#[test]
fn pages_in_object_streams_count() {
    let objects = "1 0 2 40 <</Type /Page>> <</Type /Page /X 1>>";
    let compressed = miniz_oxide::deflate::compress_to_vec_zlib(objects.as_bytes(), 6);
    let mut file = b"%PDF-1.7\n5 0 obj <</Type /ObjStm /Filter /FlateDecode>> stream\r\n".to_vec();
    file.extend(compressed);
    file.extend(b"\nendstream endobj");
    assert_eq!(read(&file), Some(Pdf { pages: 2, text_tokens: 0 }));
}

#[test]
fn what_cannot_be_read_is_said_to_be_unknown() {
    let file = pdf(true, "BT (x) Tj ET");
    assert!(read(&[file.as_slice(), b"<</Encrypt 9 0 R>>"].concat()).is_none());
    let bomb = pdf(true, &" ".repeat(Budget::UNPACKED + 1));
    assert!(read(&bomb).is_none());
    let mut other = file;
    let at = memmem::find(&other, b"FlateDecode").unwrap();
    other.splice(at..at + 11, *b"LZWDecode  ");
    assert!(read(&other).is_none());
}

/// A PDF with one page, of these other objects.
fn with(objects: &str) -> Vec<u8> {
    format!("%PDF-1.7\n3 0 obj <</Type /Page /Contents 4 0 R>> endobj\n{objects}").into_bytes()
}

fn stream(number: u64, entries: &str, content: &[u8]) -> Vec<u8> {
    let mut object = format!("\n{number} 0 obj <<{entries}>> stream\n").into_bytes();
    object.extend(content);
    object.extend(b"\nendstream endobj\n");
    object
}

#[test]
fn pages_count_however_they_are_named() {
    let kids = "3 0 R ".repeat(90);
    let spelled = |page: &str| format!("%PDF-1.7\n{}", page.repeat(90));
    let objects = format!("7 0 8 20 <</Kids [8 0 R]>>   <</Kids[{kids}]>>");
    let tables = [
        format!("1 0 obj <</Type /Pages /Count 1 /Kids [{kids}]>> endobj"),
        format!("1 0 obj <</Kids%c\n[{}]>> endobj", "3 0%c\nR ".repeat(90)),
        format!("1 0 obj <</K#69ds 2 0 R>> endobj 2 0 obj [{kids}] endobj"),
        "1 0 obj <</Kids [3 0 R] /Count 90>> endobj".to_owned(),
        format!(
            "1 0 obj <</Kids [{}]>> endobj 2 0 obj <</Kids [{}]>> endobj",
            "2 0 R ".repeat(10),
            "3 0 R ".repeat(9)
        ),
        String::from_utf8(stream(5, "/Type/ObjStm/N 2/First 9", objects.as_bytes())).unwrap(),
        String::from_utf8(stream(5, "/N 2/First 9", objects.as_bytes())).unwrap(),
    ];
    for objects in tables {
        let read = read(&with(&objects)).unwrap();
        assert_eq!(read.pages, 90, "{objects}");
    }
    for page in [
        "3 0 obj <</Type/P#61ge>> endobj\n",
        "3 0 obj <</T#79pe/Page>> endobj\n",
        "3 0 obj <</Type %c\n/Page>> endobj\n",
        "3 0 obj <</Type%c\r/Page>> endobj\n",
        "3 0 obj <</Type 9 0 R>> endobj\n",
        "3 0%c\nobj <</Type/P#61ge>> endobj\n",
        "3 0obj<</X(\\)(a)])/Type/P#61ge>>endobj\n",
    ] {
        assert_eq!(read(spelled(page).as_bytes()).unwrap().pages, 90, "{page}");
    }
}

#[test]
fn the_text_of_a_repeated_page_counts_as_often() {
    let text = "(Hello out there.) Tj ".repeat(50);
    let once = with(&String::from_utf8(stream(4, "", text.as_bytes())).unwrap());
    let often = [once.clone(), format!("1 0 obj <</Kids [{}]>> endobj", "3 0 R ".repeat(9)).into()]
        .concat();
    let shared = [once.clone(), b"6 0 obj <</Type /Page /Contents [4 0 R 4 0 R]>> endobj".to_vec()];
    let once = read(&once).unwrap().text_tokens;
    assert!(once > 150);
    assert_eq!(read(&often).unwrap().text_tokens, once * 9);
    assert_eq!(read(&shared.concat()).unwrap().text_tokens, once * 3);
}

#[test]
fn no_entry_hides_the_text_of_a_stream() {
    let text = "(Hello out there.) Tj ".repeat(50);
    for entries in [
        "/X/Image",
        "/X/Length1",
        "/X<</Subtype/Image>>",
        "/Subtype/Image",
        "/Length1 5",
        "/Type/ObjStm",
        "/Length 3",
        "/Filter[]",
    ] {
        let file = [with(""), stream(4, entries, text.as_bytes())].concat();
        assert!(read(&file).unwrap().text_tokens > 150, "{entries}");
    }
    let mut long = text.clone();
    long.insert_str(5, "endstream ");
    let file = [with(""), stream(4, "", long.as_bytes())].concat();
    assert!(read(&file).unwrap().text_tokens > 150);
    let escaped = format!("({}) Tj", "\\H\\e\\l\\l\\o ".repeat(200));
    let file = [with(""), stream(4, "", escaped.as_bytes())].concat();
    assert!(read(&file).unwrap().text_tokens > 150);
    // An image that no page has as its content has no text.
    let file = [with(""), stream(5, "/Subtype/Image/Filter/DCTDecode", text.as_bytes())].concat();
    assert_eq!(read(&file), Some(Pdf { pages: 1, text_tokens: 0 }));
    let dictionary = format!("/X ({}) /Filter /FlateDecode", "x".repeat(10_000));
    let deflated = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
    for begin in ["\r", "\r\n", "\n", " %c\n"] {
        let mut file = with(&format!("4 0 obj <<{dictionary}>>"));
        file.extend(if begin == " %c\n" { b" %c\nstream\n".as_slice() } else { b"stream" });
        file.extend(if begin == " %c\n" { "" } else { begin }.bytes());
        file.extend(&deflated);
        file.extend(b"\nendstream endobj");
        assert!(read(&file).unwrap().text_tokens > 150, "{begin:?}");
    }
}

#[test]
fn what_readers_may_read_in_different_ways_is_unknown() {
    let text = "(Hello out there.) Tj ".repeat(50);
    let deflated = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
    let twice = miniz_oxide::deflate::compress_to_vec_zlib(&deflated, 6);
    let flate = "/Filter/FlateDecode";
    let streams = [
        stream(4, "/Filter[/FlateDecode/FlateDecode]", &twice),
        stream(4, "/Filter/FlateDecode/Filter[/FlateDecode/FlateDecode]", &twice),
        stream(4, "/Filter 9 0 R", &deflated),
        stream(4, "/Filter/LZWDecode", &deflated),
        stream(4, "/F#69lter/LZWDecode", &deflated),
        stream(4, flate, deflated.get(..deflated.len() / 2).unwrap()),
        b"\n5 0 obj <</X (".to_vec(),
        b"\n5 0 obj <</Kids [5 0 R]>> endobj".to_vec(),
        b"\n5 0%c\nobj <</Kids [3 0 R]>> endobj".to_vec(),
        b"\ntrailer <</#45ncrypt 9 0 R>>".to_vec(),
    ];
    for stream in streams {
        let file = [with(""), stream].concat();
        assert_eq!(read(&file), None, "{}", String::from_utf8_lossy(&file));
    }
    assert!(read(&[with(""), stream(4, flate, b"")].concat()).is_some());
}

#[test]
fn an_honest_file_counts_its_pages_once() {
    let file = "%PDF-1.7
1 0 obj <</Type /Catalog /Pages 2 0 R /Outlines 6 0 R /AcroForm <</Fields [8 0 R]>>>> endobj
2 0 obj <</Type /Pages /Count 2 /Kids [3 0 R 4 0 R] /MediaBox [0 0 595 842]>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /BaseFont /A#20B>> endobj
4 0 obj <</Type /Page /Parent 2 0 R /Annots [9 0 R 10 0 R 11 0 R]>> endobj
6 0 obj <</Type /Outlines /First 7 0 R /Last 7 0 R /Count 40>> endobj
8 0 obj <</FT /Tx /Kids [9 0 R 10 0 R 11 0 R]>> endobj
9 0 obj <</Subtype /Widget /Contents (a) /Parent 8 0 R>> endobj
10 0 obj <</Subtype /Widget /Parent 8 0 R>> endobj
11 0 obj <</Subtype /Widget /Parent 8 0 R>> endobj
2 0 obj <</Type /Pages /Count 2 /Kids [3 0 R 4 0 R] /MediaBox [0 0 595 842]>> endobj
trailer <</Root 1 0 R>>
";
    assert_eq!(read(file.as_bytes()), Some(Pdf { pages: 2, text_tokens: 0 }));
}

#[test]
fn a_file_may_begin_after_a_mark_or_a_line() {
    for before in ["", "\n", "\u{feff}", "HTTP/1.1 200 OK\r\n\r\n"] {
        assert!(is_one(format!("{before}%PDF-1.7\n1 0 obj 2 endobj").as_bytes()), "{before:?}");
    }
    assert!(!is_one(b"A text about %PDF-1.7"));
    assert!(!is_one(&[b" ".repeat(1_024).as_slice(), b"%PDF-1.7\n1 0 obj 2 endobj"].concat()));
}

#[test]
fn a_number_that_readers_may_see_differently_hides_nothing() {
    let text = "(Hello out there.) Tj ".repeat(50);
    let object = |begin: &str| {
        format!(
            "%PDF-1.7\n3 0 obj <</Type/Page/Contents 4 0 R>> endobj\n{begin} <</Subtype/Image>> stream\n{text}\nendstream endobj"
        )
    };
    for begin in ["4 %9\n0 obj", "4 0 %9 9\nobj", "4\n0 obj", "4 %9 9\n0\nobj", "4\n%\n0 %9\n\nobj"]
    {
        let read = read(object(begin).as_bytes()).unwrap();
        assert!(read.text_tokens > 150, "{begin:?} {read:?}");
    }
    let is_read = |begin: &str| {
        let file = format!("%PDF-1.7\n{begin} <</Type/Page/Contents 4 0 R>> endobj");
        read(file.as_bytes()).is_some()
    };
    for begin in ["3 0 obj", "3 0\tobj", "3  0\r\nobj", "endobj 3 0 obj", "(%) endobj 3 0 obj"] {
        assert!(is_read(begin), "{begin:?}");
    }
    for begin in ["3\n0 obj", "1.3 0 obj", "-3 0 obj", "%\nobj", "obj 0 obj", "3 0 %\nobj"] {
        assert!(!is_read(begin), "{begin:?}");
    }
    assert_eq!(read(b"%PDF-1.7\n1 0 obj <</Kids 2 0 R>> endobj 2 0 obj 3 0 R endobj"), None);
}

/// The work for a file of this many pieces.
fn work(file: &dyn Fn(usize) -> String, pieces: usize) -> usize {
    let mut budget = Budget::default();
    super::read(file(pieces).as_bytes(), &mut budget);
    budget.work()
}

/// Each would take hours or more memory than there is if it grew faster than the file.
#[test]
fn the_work_for_a_pdf_grows_with_its_size_alone() {
    let references = |pieces: usize| "3 0 R ".repeat(pieces);
    let many = |pieces: usize, of: &str| {
        let objects = (10..pieces + 10).map(|number| format!("{number} 0 obj<<{of}>>endobj\n"));
        objects.collect::<String>()
    };
    let shared = |pieces: usize, of: &str| {
        format!("%PDF-1.7\n1 0 obj[{}]endobj\n{}", references(pieces), many(pieces, of))
    };
    let files: [&dyn Fn(usize) -> String; 9] = [
        &|pieces| format!("%PDF\n{}", "%\nobj<<>>\n".repeat(pieces)),
        &|pieces| format!("%PDF {}", "obj ".repeat(pieces)),
        &|pieces| format!("%PDF {}", "% obj<<>>".repeat(pieces)),
        &|pieces| format!("%PDF 1 {}", "0 obj<<>>".repeat(pieces)),
        &|pieces| format!("%PDF{}obj<<>>", " obj".repeat(pieces)),
        &|pieces| format!("%PDF\n{}", "1 0 obj<</X 5>>endobj\n".repeat(pieces)),
        &|pieces| shared(pieces, "/Kids 1 0 R"),
        &|pieces| shared(pieces, "/Contents 1 0 R"),
        &|pieces| shared(pieces, "/Kids[1 0 R]/Contents[1 0 R]"),
    ];
    for (at, file) in files.iter().enumerate() {
        let (half, all) = (work(file, 20_000), work(file, 40_000));
        assert!(half > 80_000 && all < half * 9 / 4, "{at}: {half} {all}");
    }
}

#[test]
fn what_takes_too_much_work_is_unknown() {
    for piece in ["trailer%", "1 0 obj<<>>stream", "1 0 obj<<>>stream endstream"] {
        let file = format!("%PDF {}", piece.repeat(20_000));
        assert_eq!(read(file.as_bytes()), None, "{piece}");
    }
    let entries = format!("%PDF 1 0 obj<<{}>>", "/N/N".repeat(100_000));
    assert_eq!(read(entries.as_bytes()), None);
}

#[test]
fn a_list_of_pages_that_trees_share_counts_for_each_of_them() {
    let file = format!(
        "1 0 obj <</Kids [10 0 R 11 0 R]>> endobj 10 0 obj <</Kids 2 0 R>> endobj
        11 0 obj <</Kids 2 0 R>> endobj 2 0 obj [{}] endobj",
        "3 0 R ".repeat(45)
    );
    assert_eq!(read(&with(&file)).unwrap().pages, 90);
    let text = "(Hello out there.) Tj ".repeat(50);
    let once = with(&String::from_utf8(stream(4, "", text.as_bytes())).unwrap());
    let once = read(&once).unwrap().text_tokens;
    let pages = "6 0 obj <</Contents 5 0 R>> endobj 7 0 obj <</Contents 5 0 R>> endobj
        5 0 obj [4 0 R 4 0 R] endobj";
    let file = [with(pages), stream(4, "", text.as_bytes())].concat();
    assert_eq!(read(&file).unwrap().text_tokens, once * 5);
}

#[test]
fn text_that_is_written_as_ascii_is_read() {
    let text = "(Hello out there.) Tj ".repeat(50);
    let page = |filters: &str, content: &[u8]| {
        read(&[with(""), stream(4, &format!("/Filter{filters}"), content)].concat())
    };
    let plain = read(&[with(""), stream(4, "", text.as_bytes())].concat());
    let deflated = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
    let hex = |bytes: &[u8]| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}\n")).collect();
        format!("{digits}>")
    };
    let ascii_85 = |bytes: &[u8]| {
        let group = |group: &[u8]| {
            let mut four = [0; 4];
            four[..group.len()].copy_from_slice(group);
            let number = u32::from_be_bytes(four);
            let digits =
                (0..5).map(|at| b'!' + u8::try_from(number / 85_u32.pow(4 - at) % 85).unwrap());
            String::from_utf8(digits.take(group.len() + 1).collect()).unwrap()
        };
        format!("{}~>", bytes.chunks(4).map(group).collect::<String>())
    };
    assert_eq!(page("/AHx", hex(text.as_bytes()).as_bytes()), plain);
    assert_eq!(page("/ASCII85Decode", ascii_85(text.as_bytes()).as_bytes()), plain);
    assert_eq!(page("[/A85/Fl]", ascii_85(&deflated).as_bytes()), plain);
    assert_eq!(page("[ /ASCIIHexDecode /FlateDecode ]", hex(&deflated).as_bytes()), plain);
    assert_eq!(page("[/FlateDecode/ASCIIHexDecode]", &deflated), None);
    assert_eq!(page("/A85", b"\x7f~>"), None);
    assert_eq!(page("/A85", b"uuuuu~>"), None);
    assert_eq!(page("/AHx", b"(x)>"), None);
    assert_eq!(page("/Fl/DecodeParms<</Predictor 12>>", &deflated), None);
    assert_eq!(page("/Fl/DecodeParms null", &deflated), plain);
}
