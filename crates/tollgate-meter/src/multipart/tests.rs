use proptest::prelude::*;

use super::*;

const HEAD: &str = "multipart/form-data; boundary=\"----x 1\"";

fn form(parts: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    let body = Bytes::from(parts.replace('\n', "\r\n"));
    let read = Form::read("multipart/form-data; boundary=xyz", &body).map_err(|error| error.to_string())?;
    for part in &read.parts {
        assert_eq!(&body[part.place.clone()], part.value);
    }
    Ok(read.parts.iter().map(|part| (part.name.clone(), part.value.to_vec())).collect())
}

#[test]
fn fields_are_read_with_their_places() {
    let read = form(
        "--xyz\nContent-Disposition: form-data; name=\"model\"\n\nwhisper-1\n--xyz\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b.wav\"\nContent-Type: audio/wav\n\nRIFF\n\n--xy\n--xyz--\n",
    );
    let expected = [("model".to_owned(), b"whisper-1".to_vec()), ("file".to_owned(), b"RIFF\r\n\r\n--xy".to_vec())];
    assert_eq!(read, Ok(expected.to_vec()));
    assert_eq!(form("--xyz--"), Ok(Vec::new()));
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let field = |name: &str| format!("--xyz\nContent-Disposition: form-data; name=\"{name}\"\n\nv\n");
    let verdicts: Vec<String> = [
        format!("{}{}--xyz--", field("model"), field("model")),
        format!("{}{}--xyz--", field("model"), field("Model")),
        format!("preamble\n{}--xyz--", field("a")),
        format!("{}--xyz--\nepilogue", field("a")),
        field("a"),
        format!("{}--xyzz\n\n--xyz--", field("a")),
        "--xyz\nContent-Disposition: form-data; name=model\n\nv\n--xyz--".to_owned(),
        "--xyz\nContent-Disposition: form-data; name=\"a\"; name*=\"b\"\n\nv\n--xyz--".to_owned(),
        "--xyz\nContent-Disposition: form-data; name=\"a\\\"b\"\n\nv\n--xyz--".to_owned(),
        "--xyz\nContent-Disposition: form-data; name=\"a\"\nContent-Transfer-Encoding: base64\n\nv\n--xyz--".to_owned(),
        "--xyz\nContent-Type: text/plain\n\nv\n--xyz--".to_owned(),
        "--xyz\n\nv\n--xyz--".to_owned(),
        String::new(),
    ]
    .iter()
    .map(|body| form(body).unwrap_err())
    .collect();
    insta::assert_snapshot!(verdicts.join("\n"), @r#"
    model: expected the field only once
    Model: expected the field only once
    body: expected a form that begins with its boundary
    body: expected a line end or `--` behind each boundary of the form
    body: expected a form that ends with its boundary
    body: expected a line end or `--` behind each boundary of the form
    body: expected `form-data; name="..."` in the head of each field
    name*: expected only `name` and `filename` of a field
    body: expected `form-data; name="..."` in the head of each field
    body: expected only Content-Disposition and Content-Type in the head of a field, each once
    body: expected a Content-Disposition in the head of each field
    body: expected a head in front of each field of the form
    body: expected a form that begins with its boundary
    "#);
}

#[test]
fn the_boundary_stands_in_the_header() {
    assert_eq!(boundary("multipart/form-data; boundary=abc"), Some("abc"));
    assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a+b\""), Some("a+b"));
    for bad in ["multipart/form-data", "application/json; boundary=a", "multipart/form-data; boundary=", HEAD] {
        assert_eq!(boundary(bad), None, "{bad}");
    }
    assert_eq!(boundary("multipart/form-data; boundary=a; boundary=b"), None);
    assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "a".repeat(71))), None);
}

proptest! {
    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Form::read("multipart/form-data; boundary=a", &[&b"--a\r\n"[..], &body].concat().into());
    }
}
