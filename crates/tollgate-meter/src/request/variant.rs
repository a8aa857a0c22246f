//! Prices that depend on more than the model: the size and quality of a picture.

use super::LlmRequest;

/// What a request says that can change the price of its model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    /// Quality of a picture, unless it is left to the model.
    pub quality: Option<Box<str>>,
    /// Size of a picture (`1024x1536`), unless it is left to the model.
    pub size: Option<Box<str>>,
}

impl LlmRequest {
    /// The names under which the price book may know what is asked of `model`, the most special first:
    /// `hd/1024-x-1792/dall-e-3`, `1024-x-1792/dall-e-3`, `hd/dall-e-3`. Empty where the model alone
    /// decides.
    ///
    /// A row of one of these names holds before the model's own. Where there is none, the model's own
    /// row may only be taken if it prices tokens: a price by the piece is for the piece that it names.
    #[must_use]
    pub fn variant_names(&self, model: &str) -> Vec<String> {
        let size = self.variant.size.as_deref().map(|size| size.replacen('x', "-x-", 1));
        match (&self.variant.quality, size) {
            (Some(quality), Some(size)) => {
                vec![format!("{quality}/{size}/{model}"), format!("{size}/{model}"), format!("{quality}/{model}")]
            }
            (Some(quality), None) => vec![format!("{quality}/{model}")],
            (None, Some(size)) => vec![format!("{size}/{model}")],
            (None, None) => Vec::new(),
        }
    }
}
