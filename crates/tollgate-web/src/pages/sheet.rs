//! A sheet: what a page asks before it does something. Shown as a form, or to a program as JSON.

use serde::Serialize;

use super::form::Fields;

/// What a page asks.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sheet {
    /// What it is about.
    pub(crate) title: String,
    /// What happens, sentence by sentence.
    pub(crate) text: Vec<String>,
    /// What a program sends, line by line, if that is the matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) code: Vec<String>,
    /// What is to be filled in.
    pub(crate) fields: Vec<Field>,
    /// How it is paid, if something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment: Option<Payment>,
    /// The words on the button; without one there is nothing to do here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) button: Option<String>,
}

/// A field.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Field {
    /// One of several.
    Choice { name: &'static str, label: String, options: Vec<Choice> },
    /// An amount of money.
    Amount { name: &'static str, label: String, value: String, currency: String, hint: String },
    /// A line of text.
    Text { name: &'static str, label: String, value: String, hint: String },
}

/// One of several.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) note: String,
    pub(crate) chosen: bool,
}

/// How something is paid.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Payment {
    /// The payment method on file, as it may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_file: Option<String>,
    /// What the visitor may not pay with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    /// Whether that is chosen.
    pub(crate) on_file_chosen: bool,
    /// Test cards; empty where cards are not entered here.
    pub(crate) test_cards: Vec<ShownCard>,
    /// What was entered as the last month of a card.
    pub(crate) card_expires: String,
}

/// A test card, to choose from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ShownCard {
    pub(crate) number: String,
    pub(crate) does: &'static str,
}

impl Sheet {
    /// A sheet that only says something.
    pub(crate) fn notice(title: &str, text: Vec<String>) -> Self {
        Self { title: title.to_owned(), text, code: Vec::new(), fields: Vec::new(), payment: None, button: None }
    }

    /// Whether there is nothing to do.
    pub(crate) const fn is_notice(&self) -> bool {
        self.button.is_none()
    }

    /// Puts in again what was entered, but for the number of a card.
    pub(crate) fn fill(&mut self, entered: &Fields) {
        for field in &mut self.fields {
            match field {
                Field::Choice { name, options, .. } => {
                    let value = entered.get(name);
                    if options.iter().any(|option| option.value == value) {
                        options.iter_mut().for_each(|option| option.chosen = option.value == value);
                    }
                }
                Field::Amount { name, value, .. } | Field::Text { name, value, .. } => {
                    entered.get(name).clone_into(value);
                }
            }
        }
        if let Some(payment) = &mut self.payment {
            payment.on_file_chosen = payment.on_file.is_some() && entered.get("pay_with") == "on_file";
            entered.get("card_expires").clone_into(&mut payment.card_expires);
        }
    }
}
