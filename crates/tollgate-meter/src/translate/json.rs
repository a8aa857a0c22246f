//! Writing JSON, member by member, without a tree.

/// JSON that is being written. The caller opens and closes; commas come by themselves.
#[derive(Debug, Default)]
pub(crate) struct Json {
    out: Vec<u8>,
    /// Whether the last thing written ended a value, so that a comma must come before the next one.
    after_value: bool,
}

impl Json {
    /// Goes on behind what `out` holds already.
    pub(crate) fn behind(out: Vec<u8>) -> Self {
        Self { out, after_value: false }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn object(&mut self) -> &mut Self {
        self.before_value();
        self.out.push(b'{');
        self.after_value = false;
        self
    }

    pub(crate) fn end_object(&mut self) -> &mut Self {
        self.out.push(b'}');
        self.after_value = true;
        self
    }

    pub(crate) fn array(&mut self) -> &mut Self {
        self.before_value();
        self.out.push(b'[');
        self.after_value = false;
        self
    }

    pub(crate) fn end_array(&mut self) -> &mut Self {
        self.out.push(b']');
        self.after_value = true;
        self
    }

    /// The name of the next value; names are ours and need no escaping.
    pub(crate) fn key(&mut self, name: &str) -> &mut Self {
        self.before_value();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.after_value = false;
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.before_value();
        self.out.push(b'"');
        escape(text, &mut self.out);
        self.out.push(b'"');
        self.after_value = true;
        self
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, json: &str) -> &mut Self {
        self.before_value();
        self.out.extend_from_slice(json.as_bytes());
        self.after_value = true;
        self
    }

    pub(crate) fn count(&mut self, count: u64) -> &mut Self {
        self.raw(&count.to_string())
    }

    /// A text made of pieces, for values with a prefix.
    pub(crate) fn joined(&mut self, parts: &[&str]) -> &mut Self {
        self.before_value();
        self.out.push(b'"');
        for part in parts {
            escape(part, &mut self.out);
        }
        self.out.push(b'"');
        self.after_value = true;
        self
    }

    fn before_value(&mut self) {
        if self.after_value {
            self.out.push(b',');
        }
    }
}

fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[written..at]);
        written = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&bytes[written..]);
}
