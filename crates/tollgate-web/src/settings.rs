//! What the operator sets about the control plane.

use tollgate_core::id::CustomerId;
use tollgate_core::money::Money;

/// What the operator sets about the control plane. URLs have no slash at the end.
///
/// It holds secrets, so it has no `Debug`.
#[derive(Clone)]
pub struct Settings {
    /// The name of what is sold, for pages.
    pub product: String,
    /// The bearer token of the admin API; empty to refuse everybody.
    pub admin_token: String,
    /// Signs the forms of pages. The same at every start: a form that was sent before a restart and is sent
    /// again after it asks for the same thing, and is paid once.
    pub form_key: String,
    /// Where people find this control plane: `https://portal.example.com`.
    pub portal_url: String,
    /// Where programs find the gateway: `https://api.example.com`.
    pub gateway_url: String,
    /// Where problem types are documented: `https://portal.example.com/docs/errors`.
    pub docs_url: String,
    /// Where people write to: an address for `mailto:`, or a URL; empty for nowhere.
    pub support: String,
    /// Whether this is a sandbox.
    pub sandbox: Sandbox,
    /// How visitors show whose pages they may see. Outside of a sandbox it is by a key, whatever this says.
    pub sign_in: SignIn,
    /// Who lifts the review of a customer.
    pub review: Review,
    /// Who may read `/metrics`.
    pub metrics: Readers,
    /// What the playground sells; `None` for no playground.
    pub playground: Option<Playground>,
    /// Requests to try, for the start page of a sandbox.
    pub scenarios: Vec<Scenario>,
    /// Web origins whose front ends may end refusals on their own pages: `https://app.example.com`, or `*`
    /// for all. They show an API key of the customer; cookies are not looked at.
    pub front_ends: Vec<String>,
}

/// Whether this is a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// Test cards are listed, the clock can be moved, faults can be simulated, keys are `tg_test_`.
    On,
    /// None of it.
    Off,
}

/// How visitors show whose pages they may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// By an API key of the customer.
    Key,
    /// Not at all: whoever has the link may act. For a demo on one's own machine, in a sandbox only.
    None {
        /// Whose pages are shown where a request does not say: its key was missing, wrong or revoked.
        visitor: Option<CustomerId>,
    },
}

/// Who lifts the review of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// The customer, by confirming the activity.
    Customer,
    /// The operator, after a look at it.
    Operator,
}

/// Who may read something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Everybody who can reach the port.
    Everybody,
    /// Whoever has the admin token.
    Admin,
}

/// What the playground sells.
#[derive(Clone)]
pub struct Playground {
    /// Who pays. Anybody who opens the playground spends and tops up this customer's wallet.
    pub customer: CustomerId,
    /// The key that the page calls with. Everybody sees it.
    pub key: String,
    /// The path of the item on the gateway, fetched with GET.
    pub path: String,
    /// What the item costs.
    pub price: Money,
}

/// A request that shows one outcome.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The reason code, or `ok`.
    pub reason: String,
    /// The status that it is answered with.
    pub status: u16,
    /// How to send it, for a terminal.
    pub curl: String,
}

impl Settings {
    /// Whether pages are reached through TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.portal_url.starts_with("https://")
    }
}

/// The scheme, host and port of a URL: what a browser sends as `Origin`.
pub(crate) fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin("http://localhost:4021"), "http://localhost:4021");
        assert_eq!(origin("https://acme.test/billing/x"), "https://acme.test");
    }
}
