//! The test cards and what they do: the numbers that Stripe publishes for its test mode, so that nobody
//! has to learn others.

/// A card of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestCard {
    /// Its number. Public: it is printed on pages of a sandbox.
    pub number: &'static str,
    /// What happens, for whoever chooses one.
    pub does: &'static str,
    /// The decline code when it is put on file or charged at once.
    pub now: Option<&'static str>,
    /// The decline code when it is charged after it was put on file.
    pub later: Option<&'static str>,
}

const fn pays(number: &'static str, does: &'static str) -> TestCard {
    TestCard { number, does, now: None, later: None }
}

const fn declines(number: &'static str, code: &'static str, does: &'static str) -> TestCard {
    TestCard { number, does, now: Some(code), later: Some(code) }
}

/// Every test card, the one that pays first.
pub const TEST_CARDS: &[TestCard] = &[
    pays("4242424242424242", "pays"),
    pays("5555555555554444", "pays (Mastercard)"),
    pays("378282246310005", "pays (American Express)"),
    declines("4000000000000002", "generic_decline", "is declined"),
    declines("4000000000009995", "insufficient_funds", "has insufficient funds"),
    declines("4000000000009987", "lost_card", "was reported lost"),
    declines("4000000000009979", "stolen_card", "was reported stolen"),
    declines("4000000000000069", "expired_card", "has expired"),
    declines("4000000000000127", "incorrect_cvc", "has a wrong security code"),
    declines("4000000000000119", "processing_error", "fails in processing"),
    declines("4242424242424241", "incorrect_number", "has a wrong number"),
    declines("4000000000006975", "card_velocity_exceeded", "is over its limit"),
    declines("4100000000000019", "fraudulent", "is blocked as fraudulent"),
    declines("4000002500003155", "authentication_required", "asks for a confirmation at the bank"),
    TestCard {
        number: "4000000000000341",
        does: "can be put on file and fails when it is charged",
        now: None,
        later: Some("generic_decline"),
    },
];

/// What a person is told. Lost, stolen and fraudulent cards are declined without saying why: whoever
/// holds one must not learn it.
pub(super) fn message(code: &str) -> &'static str {
    match code {
        "insufficient_funds" => "The card has insufficient funds.",
        "expired_card" => "The card has expired.",
        "incorrect_cvc" => "The card's security code is not correct.",
        "incorrect_number" => "The card number is not correct.",
        "processing_error" => "An error occurred while the card was processed. Try again in a little while.",
        "card_velocity_exceeded" => "The card is over its limit. Use another card, or ask the bank.",
        "authentication_required" => {
            "The card asks for a confirmation at the bank, which is not possible here. Use another card."
        }
        "live_card" => "Only test cards work here. A real card is never charged; please do not enter one.",
        "unknown_method" => "The payment provider does not know this payment method. Add it again.",
        "amount_not_payable" => "This amount cannot be paid by card.",
        "idempotency_key_reused" => "This form was sent before with other details. Check it and send it again.",
        _ => "The card was declined.",
    }
}
