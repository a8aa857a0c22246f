//! Markdown to HTML. HTML in it is shown as text.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// `text` as HTML.
pub(super) fn html(text: &str) -> String {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: on_site(dest_url), title, id })
        }
        other => other,
    });
    let mut page = String::with_capacity(text.len() * 2);
    html::push_html(&mut page, events);
    page
}

/// Links between files are links between pages: `quota_exceeded.md` is `quota_exceeded`.
fn on_site(link: CowStr<'_>) -> CowStr<'_> {
    let (path, anchor) = link.split_once('#').map_or((&*link, None), |(path, anchor)| (path, Some(anchor)));
    match path.strip_suffix(".md").filter(|_| !path.contains("://")) {
        None => link,
        Some(page) => anchor.map_or_else(|| page.to_owned(), |anchor| format!("{page}#{anchor}")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn raw_html_is_text() {
        let page = html("# A\n\n<script>alert(1)</script>\n\nb <b>c</b>");
        assert!(
            page.contains("<h1>A</h1>") && page.contains("&lt;script&gt;") && page.contains("&lt;b&gt;c"),
            "{page}"
        );
    }

    #[test]
    fn links_between_files_are_links_between_pages() {
        let page = html("[a](x.md#y) [b](x.md) [c](https://e.test/x.md)");
        assert!(page.contains("href=\"x#y\"") && page.contains("href=\"x\"") && page.contains("e.test/x.md"), "{page}");
    }
}
