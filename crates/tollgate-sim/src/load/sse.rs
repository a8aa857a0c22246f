//! Counts the content deltas of a stream in the OpenAI format, without parsing its JSON.

use memchr::{memchr, memmem};

/// Finds deltas in bytes that come in any pieces.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    /// The beginning of a line whose end has not come.
    unfinished: Vec<u8>,
}

impl Deltas {
    /// How many lines that end in `bytes` carry text of the answer.
    pub(super) fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut found = 0;
        while let Some(end) = memchr(b'\n', bytes) {
            let line = &bytes[..end];
            if self.unfinished.is_empty() {
                found += usize::from(has_content(line));
            } else {
                self.unfinished.extend_from_slice(line);
                found += usize::from(has_content(&self.unfinished));
                self.unfinished.clear();
            }
            bytes = &bytes[end + 1..];
        }
        self.unfinished.extend_from_slice(bytes);
        found
    }
}

/// Whether this is a `data:` line with a `"content"` that is a text and not empty.
fn has_content(line: &[u8]) -> bool {
    if !line.starts_with(b"data:") {
        return false;
    }
    const NAME: &[u8] = b"\"content\":";
    let Some(at) = memmem::find(line, NAME) else { return false };
    match line[at + NAME.len()..].trim_ascii_start() {
        [b'"', first, ..] => *first != b'"',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"The\"}}]}\n\n",
        ": a comment with \"content\":\"x\"\n\n",
        "data: {\"choices\": [{\"delta\": {\"content\": \" light\\n\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"content\":null},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    );

    #[test]
    fn only_text_of_the_answer_counts_wherever_the_stream_is_cut() {
        for piece in 1..STREAM.len() {
            let mut deltas = Deltas::default();
            let found: usize = STREAM.as_bytes().chunks(piece).map(|bytes| deltas.count(bytes)).sum();
            assert_eq!(found, 2, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_delta_counts_with_the_end_of_its_line() {
        let mut deltas = Deltas::default();
        assert_eq!(deltas.count(b"data: {\"content\":\"x\"}"), 0);
        assert_eq!(deltas.count(b"\n"), 1);
        assert_eq!(deltas.count(b"\ndata: {\"content\":\"x\"}\n\ndata: {\"content\":\"y\"}\n"), 2);
    }
}
