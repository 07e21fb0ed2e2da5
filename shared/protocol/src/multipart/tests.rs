//! How forms are read and written.

use super::*;
use proptest::prelude::*;

const HEAD: &str = "Content-Disposition: form-data; name=";

fn read(body: &str) -> Option<Form<'_>> {
    Form::read("b", body.as_bytes(), "new".to_owned()).ok()
}

#[test]
fn a_boundary_is_one_and_well_formed() {
    let of = |parameters: &str| {
        boundary(&format!("multipart/form-data{parameters}")).map(ToOwned::to_owned)
    };
    assert_eq!(of("; boundary=abc-1").as_deref(), Some("abc-1"));
    assert_eq!(of(";charset=utf-8; Boundary=\"a b:c\"").as_deref(), Some("a b:c"));
    for bad in
        ["", "; boundary=", "; boundary=\"a", "; boundary=a; boundary=b", "; boundary=a\u{e9}"]
    {
        assert_eq!(of(bad), None, "{bad}");
    }
    assert_eq!(of(&format!("; boundary={}", "x".repeat(71))), None);
}

#[test]
fn fields_and_files_are_told_apart() {
    let body = format!(
        "--b\r\n{HEAD}\"model\"\r\n\r\nwhisper\r\n--b\r\n{HEAD}\"file\"; filename=\"../../x\\\"y.MP3\"\r\n\
         Content-Type: audio/mpeg; x=y\r\n\r\n\r\n--c\r\n\0\r\n--b--\r\n"
    );
    let form = read(&body).unwrap();
    assert_eq!(form.text("model").unwrap(), Some("whisper"));
    assert!(form.text("file").is_err());
    let files = form.files(&["file"]).unwrap();
    assert_eq!(files[0].body, b"\r\n--c\r\n\0");
    let file = File {
        name: "upload.mp3".to_owned(),
        given: "../../x\"y.MP3".to_owned(),
        content_type: "audio/mpeg".to_owned(),
    };
    assert_eq!(files[0].file, Some(file));
}

#[test]
fn bytes_without_a_file_name_are_refused_with_what_is_missing() {
    let read = |name: &str| {
        let head = format!("--b\r\n{HEAD}\"{name}\"\r\n\r\n");
        let body = [head.as_bytes(), b"RIFF\xff\xfe", b"\r\n--b--\r\n"].concat();
        let refused = Form::read("b", &body, "new".to_owned()).unwrap_err();
        let BodyRefused::Bad { param, message, .. } = refused else { panic!("{refused}") };
        (param, message)
    };
    let (param, message) = read("file");
    assert_eq!(param.as_deref(), Some("file"));
    assert_eq!(message, "file is not text and has no file name. Send it as a file with a name.");
    let (param, message) = read("secret");
    assert!(param.is_none() && message.starts_with("A part of the form is not text"), "{message}");
}

#[test]
fn what_is_no_form_is_refused() {
    let part = |head: &str| format!("--b\r\n{head}\r\n\r\nx\r\n--b--\r\n");
    assert!(read(&part(&format!("{HEAD}\"n\""))).is_some());
    assert!(read(&part(&format!("{HEAD}n"))).is_some());
    for head in [
        "",
        "Content-Type: text/plain",
        "Content-Disposition: attachment; name=\"n\"",
        &format!("{HEAD}\"\""),
        &format!("{HEAD}\"n"),
        &format!("{HEAD}\"n\"; name=\"m\""),
        &format!("{HEAD}\"n\"; NAME=m"),
        &format!("{HEAD}\"n\"; name*=utf-8''m"),
        &format!("{HEAD}\"n\"; filename=a; Filename=b"),
        &format!("{HEAD}\"n\"; filename=\"a\nb\""),
        &format!("{HEAD}\"n\"\nX: y"),
        &format!("{HEAD}\"n\"; filename=a\r\nContent-Type: Multipart/mixed; boundary=c"),
        &format!("{HEAD}\"n\r\n m\""),
        &format!("{HEAD}\"n\"\r\n{HEAD}\"m\""),
        &format!("{HEAD}\"n o\""),
        &format!("{HEAD}\"n\"\r\nContent-Transfer-Encoding: base64"),
        &format!("{HEAD}\"{}\"", "n".repeat(65)),
    ] {
        assert!(read(&part(head)).is_none(), "{head}");
    }
    for body in ["", "--b", "--b\r\n", "x--b--", "--c--", "--b--x", "--b\n--b--", "\n--b--"] {
        assert!(read(body).is_none(), "{body}");
    }
    let hidden = part(&format!("{HEAD}n"));
    for body in [
        format!("--b--\r\n{hidden}"),
        format!("x\n{hidden}{hidden}"),
        format!("{hidden}\r\n{hidden}"),
        format!("{hidden}\n\n--b"),
        format!("x --b\r\n{hidden}"),
        format!("--b \tx\r\n{hidden}"),
    ] {
        assert!(read(&body).is_none(), "{body}");
    }
    assert!(read("--b--").is_some());
    let many = format!("--b\r\n{HEAD}\"n\"\r\n\r\n\r\n").repeat(MOST_PARTS + 1);
    assert!(read(&format!("{many}--b--")).is_none());
}

#[test]
fn forms_are_read_as_clients_write_them_and_written_in_one_way() {
    let plain = format!("--b\r\n{HEAD}\"prompt\"\r\n\r\nx\r\n--b--\r\n");
    let of = |head: &str| format!("--b\r\n{head}\r\n\r\nx\r\n--b--\r\n");
    for body in [
        plain.clone(),
        plain.trim_end().to_owned(),
        format!("\r\n{plain}"),
        format!("This is a form.\r\nIt has parts.\r\n{plain}"),
        format!("{plain}And after it\r\n-- this."),
        plain.replace("--b\r\n", "--b \t\r\n"),
        of(&format!("{HEAD}prompt")),
        of(&format!("{HEAD}prompt;")),
        of("CONTENT-DISPOSITION:Form-Data;NAME = prompt"),
        of(&format!("content-transfer-encoding: 8bit\r\n{HEAD}prompt")),
        of(&format!("Content-Transfer-Encoding: BINARY\r\n{HEAD}prompt")),
        of(&format!("Content-Type: text/plain; charset=utf-8\r\n{HEAD}prompt")),
    ] {
        let form = read(&body).unwrap_or_else(|| panic!("{body}"));
        let mut written = Vec::new();
        form.write([], |_| false, &mut written);
        let one =
            "--new\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\nx\r\n--new--\r\n";
        assert_eq!(String::from_utf8(written).unwrap(), one, "{body}");
        assert_eq!(form.is_plain(), [&plain, plain.trim_end()].contains(&&*body), "{body}");
    }
}

proptest! {
    #[test]
    fn files_keep_every_byte(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[a-z \r\n-]{0,40}") {
        let mut body = format!("--b\r\n{HEAD}\"file\"; filename=\"a.wav\"\r\n\r\n").into_bytes();
        body.extend_from_slice(&bytes);
        body.extend_from_slice(format!("\r\n--b\r\n{HEAD}\"prompt\"\r\n\r\n{text}\r\n--b--").as_bytes());
        // A body that holds its own boundary is another form.
        prop_assume!(memmem::find(&bytes, b"\r\n--b").is_none() && !text.contains("\r\n--b"));
        let form = Form::read("b", &body, "other".to_owned()).unwrap();
        let mut written = Vec::new();
        form.write([("model", "azure")], |name| name == "model", &mut written);
        let again = Form::read("other", &written, "b".to_owned()).unwrap();
        prop_assert_eq!(again.text("model").unwrap(), Some("azure"));
        prop_assert_eq!(again.text("prompt").unwrap(), Some(text.as_str()));
        prop_assert_eq!(again.files(&["file"]).unwrap()[0].body, &bytes[..]);
    }

    /// Also a form from which something is missing, if it can still be read.
    #[test]
    fn what_reads_as_a_form_is_written_as_the_same_form(
        parts in prop::collection::vec(
            ("[a-z_]{1,4}", any::<bool>(), any::<bool>(), "[a-z \r\n-]{0,12}"),
            1..4,
        ),
        preamble in prop::option::of("[a-z\r\n-]{0,9}"),
        epilogue in prop::option::of("[a-z\r\n-]{0,9}"),
        cut in prop::option::of((any::<prop::sample::Index>(), 1usize..4)),
    ) {
        prop_assume!(parts.iter().all(|(.., text)| !text.contains("\r\n--b")));
        prop_assume!([&preamble, &epilogue].into_iter().flatten().all(|text| !text.contains("--b")));
        let part = |(name, is_file, is_quoted, text): &(String, bool, bool, String)| {
            let quote = if *is_quoted { "\"" } else { "" };
            let name = format!("{quote}{name}{quote}");
            let file = match is_file {
                true => format!("; filename={quote}a.wav{quote}\r\nContent-Type: audio/wav"),
                false => String::new(),
            };
            format!("--b\r\n{HEAD}{name}{file}\r\n\r\n{text}\r\n")
        };
        let before = preamble.map(|text| text + "\r\n").unwrap_or_default();
        let after = epilogue.map(|text| format!("\r\n{text}")).unwrap_or_default();
        let mut body = before + &parts.iter().map(part).collect::<String>() + "--b--" + &after;
        if let Some((at, length)) = &cut {
            let at = at.index(body.len());
            body.replace_range(at..(at + length).min(body.len()), "");
        }
        let Ok(form) = Form::read("b", body.as_bytes(), "OTHER".to_owned()) else {
            prop_assert!(cut.is_some());
            return Ok(());
        };
        prop_assert!(cut.is_some() || form.parts.len() == parts.len());
        let written = form.copy();
        let again = Form::read("OTHER", &written, String::new()).unwrap();
        prop_assert!(again.is_plain());
        let shown = |part: &Part<'_>| {
            let file = part.file.as_ref().map(|file| (file.given_name(), &file.content_type));
            format!("{:?} {:?} {file:?}", part.name, part.body)
        };
        prop_assert_eq!(
            again.parts.iter().map(shown).collect::<Vec<_>>(),
            form.parts.iter().map(shown).collect::<Vec<_>>()
        );
    }
}

#[test]
fn names_in_latin_1_and_in_the_notation_of_headers_are_read() {
    let body = b"--b\r\nContent-Disposition: form-data; name*=UTF-8''model\r\n\r\nwhisper\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"bl\xe5.WAV\"\r\n\r\nRIFF\r\n--b--\r\n";
    let form = Form::read("b", body, "new".to_owned()).unwrap();
    assert_eq!(form.text("model").unwrap(), Some("whisper"));
    let file = form.files(&["file"]).unwrap()[0].file.as_ref().unwrap();
    assert_eq!((file.name.as_str(), &*file.given_name()), ("upload.wav", "bl\u{e5}.WAV"));
    // Azure gets them as everybody else writes them.
    assert!(!form.is_plain());
    let copy = String::from_utf8(form.copy()).unwrap();
    assert!(copy.contains("name=\"model\"\r\n"), "{copy}");
    assert!(copy.contains("name=\"file\"; filename=\"bl\u{e5}.WAV\"\r\n"), "{copy}");
    for head in ["name*=UTF-8''mo%20del", "name*=x''model", "name*=model", "name*=UTF-8''%FF"] {
        let body = format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\nx\r\n--b--\r\n");
        assert!(read(&body).is_none(), "{head}");
    }
}

#[test]
fn a_truth_in_a_form_is_known_in_any_letters_and_as_a_digit() {
    for (given, written) in [
        ("true", "true"),
        ("True", "true"),
        ("TRUE", "true"),
        ("1", "true"),
        ("false", "false"),
        ("False", "false"),
        ("0", "false"),
        ("\"true\"", "\"true\""),
        ("yes", "yes"),
        ("", ""),
        ("10", "10"),
    ] {
        let body = format!(
            "--b\r\n{HEAD}\"stream\"\r\n\r\n{given}\r\n--b\r\n{HEAD}\"prompt\"\r\n\r\n{given}\r\n--b--\r\n"
        );
        let mut form = read(&body).unwrap();
        form.spell_flags(&["stream"]);
        assert_eq!(form.text("stream").unwrap(), Some(written), "{given}");
        assert_eq!(form.text("prompt").unwrap(), Some(given));
    }
}
