//! Why the front door refuses, and the answer that it writes itself.

/// What is wrong with the bytes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) detail: &'static str,
}

impl Rejection {
    pub(crate) const fn bad(detail: &'static str) -> Self {
        Self { status: 400, detail }
    }

    pub(crate) const HEAD_TOO_LARGE: Self = Self {
        status: 431,
        detail: "The request line and headers are larger than 16 KiB or have more than 100 fields.",
    };
    pub(crate) const TARGET_TOO_LONG: Self = Self { status: 414, detail: "The request target is longer than 8 KiB." };
    pub(crate) const TOO_SLOW: Self = Self { status: 408, detail: "The request did not arrive in time." };

    /// The whole answer as it goes to the socket.
    pub(crate) fn answer(&self) -> Vec<u8> {
        let (title, code) = match self.status {
            408 => ("Request Timeout", "request_timeout"),
            414 => ("URI Too Long", "target_too_long"),
            431 => ("Request Header Fields Too Large", "head_too_large"),
            _ => ("Bad Request", "invalid_request"),
        };
        let status = self.status;
        let body = serde_json::json!({
            "type": "about:blank", "title": title, "status": status, "detail": self.detail, "reason": code,
        })
        .to_string();
        format!(
            "HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
             tollgate-reason: {code}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}
