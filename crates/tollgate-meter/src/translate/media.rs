//! Images and files as URLs and base64.

use std::borrow::Cow;

use super::conversation::{Media, MediaKind, Source};
use super::flaw::LeftOut;
use super::json::Json;

/// Types that follow from the end of a URL's path.
const TYPES: [(&str, &str); 9] = [
    (".png", "image/png"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".gif", "image/gif"),
    (".webp", "image/webp"),
    (".pdf", "application/pdf"),
    (".txt", "text/plain"),
    (".wav", "audio/wav"),
    (".mp3", "audio/mp3"),
];

/// What a URL points at: a `data:` URL in base64 is the data itself.
pub(crate) fn from_url(url: Cow<'_, str>) -> Source<'_> {
    let place = url.strip_prefix("data:").and_then(|rest| {
        let at = rest.find(";base64,")?;
        Some((5..5 + at, 5 + at + ";base64,".len()))
    });
    match (place, url) {
        (None, url) => Source::Url(url),
        (Some((mime, data)), Cow::Borrowed(url)) => {
            Source::Base64 { mime: Cow::Borrowed(&url[mime]), data: Cow::Borrowed(&url[data..]) }
        }
        (Some((mime, data)), Cow::Owned(url)) => {
            Source::Base64 { mime: Cow::Owned(url[mime].to_owned()), data: Cow::Owned(url[data..].to_owned()) }
        }
    }
}

/// Writes a source as a URL; text becomes a `data:` URL that nobody needs today, so it stays as it is.
pub(crate) fn write_url(source: &Source<'_>, json: &mut Json) {
    match source {
        Source::Url(url) => json.text(url),
        Source::Base64 { mime, data } => json.joined(&["data:", mime, ";base64,", data]),
        Source::Text(text) => json.text(text),
    };
}

/// The type of what a URL points at, if its path says so.
pub(crate) fn mime_of_url(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    TYPES.iter().find(|(end, _)| path.ends_with(end)).map(|(_, mime)| *mime)
}

/// What something of this type is.
pub(crate) fn kind_of(mime: &str) -> MediaKind {
    if mime.starts_with("image/") {
        MediaKind::Image
    } else if mime.starts_with("audio/") {
        MediaKind::Audio
    } else {
        MediaKind::Document
    }
}

/// A document's name where a format requires one.
pub(crate) fn file_name<'m>(media: &'m Media<'_>) -> &'m str {
    match (&media.name, &media.source) {
        (Some(name), _) => name,
        (None, Source::Base64 { mime, .. }) if mime == "application/pdf" => "document.pdf",
        (None, _) => "document",
    }
}

/// Notes that how closely to look at an image cannot be said; `at` is the path of the part's type.
pub(crate) fn leave_detail(at: &str, media: &Media<'_>, left: &mut LeftOut) {
    if media.detail.is_some() {
        left.add(&format!("{}.detail", at.trim_end_matches(".type")));
    }
}

/// A word of the caller's, cut and escaped so that it may stand in a message.
pub(crate) fn shown(word: &str) -> String {
    word.chars().take(64).flat_map(char::escape_debug).collect()
}
